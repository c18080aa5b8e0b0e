"""Rows of the order list: what an order says of itself, read as far as it can be read. No row raises."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import TypeAlias

from trading_bot.order_management.models import (
    Execution,
    ExecutionId,
    OrderId,
    OrderReport,
    OrderState,
    RefId,
    Side,
    TimeInForce,
)
from trading_bot.order_management.outcomes import UnreadRow
from trading_bot.robinhood.fields import (
    Amount,
    MaybeAmount,
    MaybeId,
    MaybeSymbol,
    MaybeTime,
    MaybeUuid,
    MaybeWord,
    Payload,
    WireId,
    WireTime,
    agreed_id,
    amount,
    broker_id,
    id_in_address,
    moment_of,
    parse_payload,
    printable,
    uuid_text,
    word,
)
from trading_bot.robinhood.strict_json import UnreadableReplyError

VOIDED = "voided"
DONE_FOR_DAY = "done_for_day"
_STOP = "stop"

STATES = MappingProxyType(
    {
        "new": OrderState.QUEUED,
        "queued": OrderState.QUEUED,
        "unconfirmed": OrderState.QUEUED,
        "confirmed": OrderState.CONFIRMED,
        "partially_filled": OrderState.PARTIALLY_FILLED,
        "filled": OrderState.FILLED,
        "pending_cancelled": OrderState.PENDING_CANCEL,
        "cancelled": OrderState.CANCELLED,
        "canceled": OrderState.CANCELLED,
        "partially_filled_rest_cancelled": OrderState.CANCELLED,
        # Words of other brokers for an end without a further fill.
        "expired": OrderState.CANCELLED,
        VOIDED: OrderState.CANCELLED,
        "rejected": OrderState.REJECTED,
        "failed": OrderState.REJECTED,
    }
)
"""The broker's state words in ours. A word that is not here counts as working: it may still trade."""

_SIDES = MappingProxyType({side.value: side for side in Side})
_TIMES_IN_FORCE = MappingProxyType({ours.value: ours for ours in TimeInForce})

SymbolOf: TypeAlias = Callable[[str], str | None]


class ExecutionPayload(Payload):
    """One fill inside an order."""

    id: WireId
    quantity: Amount
    price: Amount
    timestamp: WireTime


class OrderPayload(Payload):
    """One equity order; it names its instrument and, so far, never its symbol. What cannot be read is None."""

    id: MaybeId = None
    ref_id: MaybeUuid = None
    instrument_id: MaybeId = None
    instrument: object = None
    symbol: MaybeSymbol = None
    side: MaybeWord = None
    state: MaybeWord = None
    quantity: MaybeAmount = None
    cumulative_quantity: MaybeAmount = None
    price: object = None
    stop_price: MaybeAmount = None
    stop_triggered_at: MaybeTime = None
    average_price: MaybeAmount = None
    time_in_force: MaybeWord = None
    trigger: MaybeWord = None
    executions: object = None
    fees: MaybeAmount = None
    reject_reason: object = None
    created_at: MaybeTime = None
    updated_at: MaybeTime = None
    last_transaction_at: MaybeTime = None

    @cached_property
    def limit_price(self) -> Decimal | None:
        """The price of a limit order; None where the order has none, or none that can be read."""
        return amount(self.price)

    @cached_property
    def instrument_name(self) -> str | None:
        """The id of the instrument, from the field of its own or out of the address; None where the two disagree."""
        return agreed_id(self.instrument_id, id_in_address(self.instrument, "instruments"))

    @cached_property
    def our_side(self) -> Side | None:
        """Buy or sell; None for any other word, such as the one of a short sale."""
        return _SIDES.get(word(self.side))


NEEDED: Mapping[str, str] = MappingProxyType(
    {
        "id": "an order is read and cancelled by it",
        "instrument": "it says which shares the order moves",
        "side": "it says which way they move",
        "state": "it says whether the order may still trade",
        "quantity": "it says how many shares may move",
        "cumulative_quantity": "it says how many shares have moved",
        "price": "it says what a buy can cost; null is a market order, and text that is no price is none",
    }
)
"""The fields of an order without which no decision about it is possible, and why. No other field fails a row."""


def read_order(obj: object, symbol_of: SymbolOf, *, symbol_is_enough: bool = False) -> OrderReport | UnreadRow:
    """Read one row of the order list; never raises. A row that is no order we can read says what it does say.

    With ``symbol_is_enough`` a row may name its instrument by the symbol alone.
    """
    if not isinstance(obj, dict):
        return UnreadRow(problem="a row of the order list is no order at all")
    payload = OrderPayload.model_validate(obj)
    missing = tuple(_missing(payload, payload.symbol if symbol_is_enough else None))
    if missing:
        shown = payload.id or "a row of the order list without an id"
        return _unread(payload, symbol_of, problem=f"order {shown}: cannot be read: {', '.join(missing)}")
    return _report(payload, symbol_of)


def parse_order(obj: object, symbol_of: SymbolOf) -> OrderReport:
    """Read one order; ``symbol_of`` turns its instrument id into a symbol, or None where it cannot.

    Raises:
        UnreadableReplyError: something in `NEEDED` is missing or makes no sense; the message names no values.
    """
    read = read_order(obj, symbol_of)
    if isinstance(read, UnreadRow):
        raise UnreadableReplyError(read.problem)
    return read


def order_state(obj: OrderPayload) -> OrderState | None:
    """Return the broker's state word in ours; None for a word that we do not know."""
    said = word(obj.state)
    if said == DONE_FOR_DAY:
        # A good-till-cancelled order comes back on the next day, so only a day order ends with this word.
        return OrderState.CANCELLED if word(obj.time_in_force) == TimeInForce.GFD.value else None
    return STATES.get(said)


def order_names(obj: object) -> tuple[OrderId | None, RefId | None]:
    """Read only the two ids of an order whose other fields may be unreadable."""
    if not isinstance(obj, dict):
        return None, None
    order_id, ref_id = broker_id(obj.get("id")), uuid_text(obj.get("ref_id"))
    return None if order_id is None else OrderId(order_id), None if ref_id is None else RefId(ref_id)


def has_ended(obj: object) -> bool:
    """Whether a row says of its order, in a word that we know, that nothing more can happen to it."""
    state = STATES.get(word(obj.get("state"))) if isinstance(obj, dict) else None
    return state is not None and state.is_terminal


def order_account_number(obj: object) -> str | None:
    """Read which account an order belongs to, if it says."""
    return id_in_address(obj.get("account"), "accounts") if isinstance(obj, dict) else None


def order_instrument(obj: object) -> str | None:
    """Read which instrument an order is for, if it says."""
    if not isinstance(obj, dict):
        return None
    return agreed_id(broker_id(obj.get("instrument_id")), id_in_address(obj.get("instrument"), "instruments"))


def is_older_than(obj: object, moment: datetime) -> bool:
    """Whether a row says that its order was created before ``moment``."""
    created_at = moment_of(obj.get("created_at")) if isinstance(obj, dict) else None
    return created_at is not None and created_at < moment


def _missing(payload: OrderPayload, symbol: str | None) -> Iterator[str]:
    values = {
        "id": payload.id,
        "instrument": payload.instrument_name or symbol,
        "side": payload.our_side,
        "state": payload.state,
        # An order in dollars is for no number of shares: null, or nought.
        "quantity": payload.quantity or None,
        "cumulative_quantity": payload.cumulative_quantity,
        "price": payload.limit_price if payload.price is not None else "a market order",
    }
    return (name for name in NEEDED if values[name] is None)


def _report(payload: OrderPayload, symbol_of: SymbolOf) -> OrderReport:
    instrument_id = payload.instrument_name
    symbol = payload.symbol or (None if instrument_id is None else symbol_of(instrument_id))
    state, broker_state = order_state(payload), str(payload.state)
    return OrderReport(
        order_id=OrderId(str(payload.id)),
        ref_id=_ref_id(payload),
        symbol=symbol or str(instrument_id),
        symbol_is_known=symbol is not None,
        side=payload.our_side or Side.BUY,
        quantity=payload.quantity or Decimal(0),
        limit_price=payload.limit_price,
        state=state or OrderState.CONFIRMED,
        broker_state=broker_state,
        state_is_known=state is not None,
        time_in_force=_TIMES_IN_FORCE.get(word(payload.time_in_force)),
        cumulative_quantity=payload.cumulative_quantity or Decimal(0),
        average_price=payload.average_price,
        executions=_executions(payload.executions),
        fees=payload.fees,
        reject_reason=None if payload.reject_reason is None else printable(str(payload.reject_reason)),
        created_at=payload.created_at,
        updated_at=payload.updated_at,
        last_transaction_at=payload.last_transaction_at,
        voided=word(payload.state) == VOIDED,
        waits_for_stop=(has_stop := word(payload.trigger) == _STOP),
        stop_price=payload.stop_price if has_stop else None,
        stop_triggered_at=payload.stop_triggered_at,
        instrument_id=instrument_id,
    )


def _unread(payload: OrderPayload, symbol_of: SymbolOf, *, problem: str) -> UnreadRow:
    instrument_id = payload.instrument_name
    return UnreadRow(
        problem=problem,
        order_id=None if payload.id is None else OrderId(payload.id),
        ref_id=_ref_id(payload),
        instrument_id=instrument_id,
        symbol=payload.symbol or (None if instrument_id is None else symbol_of(instrument_id)),
        side=payload.our_side,
        quantity=payload.quantity or None,
        cumulative_quantity=payload.cumulative_quantity,
        limit_price=payload.limit_price,
        state=order_state(payload),
        broker_state=payload.state,
        created_at=payload.created_at,
    )


def _ref_id(payload: OrderPayload) -> RefId | None:
    return None if payload.ref_id is None else RefId(payload.ref_id)


def _executions(rows: object) -> tuple[Execution, ...]:
    """Read the fills that can be read; the order's own total counts where one is missing here."""
    by_id: dict[str, Execution] = {}
    in_doubt: set[str] = set()
    for row in rows if isinstance(rows, list) else ():
        fill = _execution(row)
        if fill is not None and by_id.setdefault(fill.execution_id, fill) != fill:
            in_doubt.add(fill.execution_id)
    return tuple(fill for name, fill in by_id.items() if name not in in_doubt)


def _execution(row: object) -> Execution | None:
    try:
        fill = parse_payload(ExecutionPayload, row)
        return Execution(
            execution_id=ExecutionId(fill.id), quantity=fill.quantity, price=fill.price, executed_at=fill.timestamp
        )
    except ValueError:  # a field is missing, or there are no shares in it
        return None
