"""Orders on the wire: the broker's words and fields on one side, ours on the other. No other file knows both."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Context, Decimal, Inexact, InvalidOperation
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlencode, urlsplit

from trading_bot.order_management.calculator import tick_size
from trading_bot.order_management.exceptions import OrderValidationError
from trading_bot.order_management.models import (
    Execution,
    ExecutionId,
    OrderId,
    OrderReport,
    OrderState,
    OrderTerms,
    RefId,
    Side,
    TimeInForce,
)
from trading_bot.robinhood.broker_text import masked
from trading_bot.robinhood.fields import Amount, Payload, WireId, WireTime, Word, is_broker_id, parse_payload
from trading_bot.robinhood.session import BASE_URL, UnreadableReplyError

ORDER_FORM_VERSION = 4
"""The client generation an order names: the broker refuses 1, and takes every later one."""

MAX_REASON_CHARS = 500

VOIDED = "voided"
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
        VOIDED: OrderState.CANCELLED,
        "rejected": OrderState.REJECTED,
        "failed": OrderState.REJECTED,
    }
)
"""The broker's state words in ours. A word that is not here counts as working: it may still trade."""

_EXACT = Context(prec=34, traps=[InvalidOperation, Inexact])


class ExecutionPayload(Payload):
    """One fill inside an order."""

    id: WireId
    quantity: Amount
    price: Amount
    timestamp: WireTime


class OrderPayload(Payload):
    """One equity order; it names its instrument and never its symbol."""

    id: WireId
    ref_id: WireId | None = None
    instrument_id: WireId | None = None
    instrument: str | None = None
    side: Literal["buy", "sell"]
    state: Word
    quantity: Amount
    cumulative_quantity: Amount
    price: Amount | None = None
    average_price: Amount | None = None
    time_in_force: str | None = None
    executions: list[ExecutionPayload]
    reject_reason: str | None = None
    created_at: WireTime
    updated_at: WireTime
    last_transaction_at: WireTime | None = None


def parse_order(obj: object, symbol_of: Callable[[str], str | None]) -> OrderReport:
    """Read one order; ``symbol_of`` turns its instrument id into a symbol, or None where it cannot.

    Raises:
        UnreadableReplyError: anything needed is missing, malformed, out of bounds or contradicts itself.
    """
    payload = parse_payload(OrderPayload, obj)
    _check_quantities(payload)
    symbol = symbol_of(_instrument_id(payload))
    if symbol is None:
        raise UnreadableReplyError(f"order {payload.id}: its instrument belongs to no symbol we know")
    return OrderReport(
        order_id=OrderId(payload.id),
        ref_id=None if payload.ref_id is None else RefId(payload.ref_id.lower()),
        symbol=symbol,
        side=Side(payload.side),
        quantity=payload.quantity,
        limit_price=payload.price,
        state=STATES.get(payload.state, OrderState.CONFIRMED),
        broker_state=payload.state,
        state_is_known=payload.state in STATES,
        time_in_force=_time_in_force(payload.time_in_force),
        cumulative_quantity=payload.cumulative_quantity,
        average_price=payload.average_price,
        executions=_executions(payload),
        reject_reason=None if payload.reject_reason is None else printable(payload.reject_reason),
        created_at=payload.created_at,
        updated_at=payload.updated_at,
        last_transaction_at=payload.last_transaction_at,
        voided=payload.state == VOIDED,
        waits_for_stop=_waits_for_stop(obj),
        instrument_id=_instrument_id(payload),
    )


def order_names(obj: object) -> tuple[OrderId | None, RefId | None]:
    """Read only the two ids of an order whose other fields may be unreadable."""
    if not isinstance(obj, dict):
        return None, None
    order_id, ref_id = obj.get("id"), obj.get("ref_id")
    return (
        OrderId(order_id) if isinstance(order_id, str) and is_broker_id(order_id) else None,
        RefId(ref_id.lower()) if isinstance(ref_id, str) and is_broker_id(ref_id) else None,
    )


def has_ended(obj: object) -> bool:
    """Whether a row says of its order, in a word that we know, that nothing more can happen to it."""
    word = obj.get("state") if isinstance(obj, dict) else None
    return isinstance(word, str) and word in STATES and STATES[word].is_terminal


def order_account_number(obj: object) -> str | None:
    """Read which account an order belongs to, if it says."""
    url = obj.get("account") if isinstance(obj, dict) else None
    return _last_segment(url) if isinstance(url, str) else None


def order_body(
    terms: OrderTerms,
    *,
    ref_id: RefId,
    account_url: str,
    instrument_url: str,
    order_form_version: int = ORDER_FORM_VERSION,
    tick: Decimal | None = None,
) -> bytes:
    """Build the form that asks for a limit order; the same order always gives the same bytes.

    ``tick`` is the instrument's own price step in dollars, where it has one.

    Raises:
        OrderValidationError: the limit price is not on the tick.
    """
    fields: Sequence[tuple[str, str]] = (
        ("account", account_url),
        ("instrument", instrument_url),
        ("symbol", terms.symbol),
        ("price", price_text(terms, tick)),
        ("quantity", str(terms.quantity)),
        ("ref_id", ref_id),
        ("type", "limit"),
        ("time_in_force", terms.time_in_force.value),
        ("trigger", "immediate"),
        ("side", terms.side.value),
        # The broker refuses the order when these two disagree.
        ("market_hours", "extended_hours" if terms.extended_hours else "regular_hours"),
        ("extended_hours", str(terms.extended_hours)),
        ("order_form_version", str(order_form_version)),
    )
    return urlencode(fields).encode("ascii")


def price_text(terms: OrderTerms, tick: Decimal | None = None) -> str:
    """Write the limit price as plain digits, never rounding it: as many places as its step has, and two at least.

    ``tick`` is the instrument's own price step; without one it is that of Rule 612.

    Raises:
        OrderValidationError: the price is not on the tick.
    """
    step = tick_size(terms.limit_price, tick)
    try:
        if _EXACT.remainder(terms.limit_price, step):
            raise _off_tick(terms, step)
        return f"{terms.limit_price.quantize(step, context=_EXACT):f}"
    except InvalidOperation as error:
        raise _off_tick(terms, step) from error


def _off_tick(terms: OrderTerms, step: Decimal) -> OrderValidationError:
    return OrderValidationError(
        f"{terms.symbol} trades in steps of ${step}, and a limit price of {terms.limit_price} is off that tick; "
        "nothing was sent: choose a price on a step",
        symbol=terms.symbol,
        code="off_tick",
    )


def account_url(account_number: str) -> str:
    """Return the address by which an order names its account."""
    return f"{BASE_URL}/accounts/{account_number}/"


def instrument_url(instrument_id: str) -> str:
    """Return the address by which an order names its instrument."""
    return f"{BASE_URL}/instruments/{instrument_id}/"


def wire_time(moment: datetime) -> str:
    """Write a moment as the broker's list filters take it."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def printable(text: str, *, known: Sequence[str] = ()) -> str:
    """Make foreign text safe to show: masked, as `masked` does it, and one printable line of at most 500 characters."""
    shown = "".join(c if c.isprintable() else " " for c in masked(text, known=known))
    return " ".join(shown.split())[:MAX_REASON_CHARS]


def _waits_for_stop(obj: object) -> bool:
    trigger = obj.get("trigger") if isinstance(obj, dict) else None
    return isinstance(trigger, str) and trigger.strip().lower() == _STOP


def _check_quantities(payload: OrderPayload) -> None:
    # More filled than ordered, or filled with less, is booked and judged upstairs: shares did move.
    if payload.quantity == 0:
        raise UnreadableReplyError(f"order {payload.id} is for no shares")


def _instrument_id(payload: OrderPayload) -> str:
    found = payload.instrument_id or (payload.instrument and _last_segment(payload.instrument))
    if not is_broker_id(found):
        raise UnreadableReplyError(f"order {payload.id} names no instrument")
    return str(found)


def _last_segment(url: str) -> str:
    return urlsplit(url).path.rstrip("/").rpartition("/")[2]


def _time_in_force(word: str | None) -> TimeInForce | None:
    return next((ours for ours in TimeInForce if ours.value == word), None)


def _executions(payload: OrderPayload) -> tuple[Execution, ...]:
    by_id: dict[str, Execution] = {}
    for fill in payload.executions:
        try:
            execution = Execution(
                execution_id=ExecutionId(fill.id), quantity=fill.quantity, price=fill.price, executed_at=fill.timestamp
            )
        except ValueError as error:
            raise UnreadableReplyError(f"order {payload.id}: {error}") from error
        if by_id.setdefault(fill.id, execution) != execution:
            raise UnreadableReplyError(f"order {payload.id} gives execution {fill.id} twice, differently")
    return tuple(by_id.values())
