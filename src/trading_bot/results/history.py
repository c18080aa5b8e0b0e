"""What a journal's records say of trading: fills in order, positions taken as they are, what the account was worth.

Pure. Fills are under the symbol that their instrument has now.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from trading_bot.order_management.book.acceptances import Acceptance, SplitRatio, acceptance_of
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.position_watch import WAS
from trading_bot.order_management.book.tracked_order import NOTHING, TrackedOrder
from trading_bot.order_management.event_details import FeesDetails, ValuationDetails
from trading_bot.order_management.events import EventKind, JournalRecord
from trading_bot.order_management.models import EXACT, ClientOrderId, OrderId, Side, exact_sum
from trading_bot.risk.cost_basis import Fill, Rank, fills_of

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeFill:
    """One fill of an order of ours; dollars a share."""

    executed_at: datetime
    """The broker's time."""
    symbol: str
    """As the instrument is called now."""
    side: Side
    quantity: Decimal
    price: Decimal
    fees: Decimal | None
    """Dollars; None where no record tells them. Of an order with several fills each has its part, by its shares."""
    client_order_id: ClientOrderId
    order_id: OrderId | None
    execution_id: str | None
    """None where the broker has not listed the execution yet."""
    strategy_name: str | None
    reference_price: Decimal
    """The price that the strategy decided by."""
    limit_price: Decimal
    decided_at: datetime
    """When the order's intent was recorded."""
    is_estimate: bool
    """Whether the execution is not listed yet, so that this rests on the order's total and average."""
    order_number: int
    """The number of the first record of its order."""
    rank: Rank

    @property
    def amount(self) -> Decimal:
        """Dollars paid or taken in, without fees."""
        return EXACT.multiply(self.quantity, self.price)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restated:
    """A position that was taken as the broker showed it: at the first look, or by a named person."""

    symbol: str
    number: int
    """The number of its record."""
    at: datetime
    by: str | None
    """None for the first look at the account."""
    before: Decimal
    """The shares that our records explained."""
    held: Decimal
    """The shares that count from there on."""
    ratio: SplitRatio | None
    """That of a split, which leaves the total cost as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """What the account was worth at a moment, in dollars."""

    at: datetime
    occasion: str
    """``start``, ``hour`` or ``close``."""
    equity: Decimal
    equity_from: str
    """``broker``, or ``quotes`` where it was added up here."""
    cash: Decimal | None
    buying_power: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountHistory:
    """All of it, each part oldest first."""

    orders: tuple[TrackedOrder, ...] = ()
    fills: tuple[TradeFill, ...] = ()
    """In the order of execution."""
    acceptances: tuple[Acceptance, ...] = ()
    """The positions that a person accepted in place of others, as `risk.cost_basis` counts them."""
    restated: tuple[Restated, ...] = ()
    valuations: tuple[Valuation, ...] = ()
    last_record_at: datetime | None = None
    """When the journal's last record was made."""


def history_of(records: Iterable[JournalRecord]) -> AccountHistory:
    """Fold the records of a whole journal, oldest first.

    Raises:
        OrderLogDamagedError: the records tell an impossible story.
    """
    book, told = OrderBook(), _Told()
    for record in records:
        told.note(record, before=book.positions.quantity(record.fact.symbol))
        book.apply(record)
    orders = book.orders()
    return AccountHistory(
        orders=orders,
        fills=fills_in_order(orders, told.fees),
        acceptances=book.acceptances(),
        restated=tuple(told.restated),
        valuations=tuple(told.valuations),
        last_record_at=told.last_record_at,
    )


def fills_in_order(orders: Iterable[TrackedOrder], fees: Mapping[ClientOrderId, Decimal]) -> tuple[TradeFill, ...]:
    """Return the fills of orders in the order of execution; ``fees`` are those of each order that are known."""
    every = (fill for order in orders for fill in _fills_of(order, fees.get(order.client_order_id)))
    return tuple(sorted(every, key=lambda fill: fill.rank))


def _fills_of(order: TrackedOrder, fees: Decimal | None) -> Iterator[TradeFill]:
    envelope, fills = order.envelope, tuple(fills_of(order, ()))
    for fill, its_fees in zip(fills, _shared(fees, fills), strict=True):
        execution = fill.execution
        yield TradeFill(
            executed_at=execution.executed_at,
            symbol=envelope.symbol,
            side=fill.side,
            quantity=execution.quantity,
            price=execution.price,
            fees=its_fees,
            client_order_id=fill.client_order_id,
            order_id=envelope.order_id,
            execution_id=None if fill.is_estimate else execution.execution_id,
            strategy_name=envelope.strategy_name,
            reference_price=envelope.reference_price,
            limit_price=envelope.limit_price,
            decided_at=envelope.created_at,
            is_estimate=fill.is_estimate,
            order_number=order.number,
            rank=fill.rank,
        )


def _shared(fees: Decimal | None, fills: Sequence[Fill]) -> Iterator[Decimal | None]:
    """Yield the part of each fill by its shares, in whole cents but for the last one; the parts add up to ``fees``."""
    if fees is None:
        yield from (None for _ in fills)
        return
    total, so_far, given = exact_sum(fill.execution.quantity for fill in fills), NOTHING, NOTHING
    for fill in fills:
        so_far = EXACT.add(so_far, fill.execution.quantity)
        due = fees
        if so_far < total:
            part = EXACT.divide(EXACT.multiply(fees, so_far), total)
            due = part.quantize(_CENT, ROUND_DOWN, EXACT)
        yield EXACT.subtract(due, given)
        given = due


class _Told:
    """What the records say that is in no order: of the account, and the fees of each order."""

    def __init__(self) -> None:
        self.restated: list[Restated] = []
        self.valuations: list[Valuation] = []
        self.fees: dict[ClientOrderId, Decimal] = {}
        self.last_record_at: datetime | None = None

    def note(self, record: JournalRecord, *, before: Decimal) -> None:
        self.last_record_at = record.ts
        name, fees = record.fact.client_order_id, FeesDetails.of(record.fact).fees
        if name is not None and fees is not None:
            self.fees[name] = fees
        match record.fact.event:
            case EventKind.POSITION_ACCEPTED:
                self._restate(record, before)
            case EventKind.INSTRUMENT_NAMED:
                self._rename(record.fact.details.get(WAS), record.fact.symbol)
            case EventKind.ACCOUNT_VALUED:
                self._value(record)
            case _:
                pass

    def _restate(self, record: JournalRecord, before: Decimal) -> None:
        fact, accepted = record.fact, acceptance_of(record, before=before)
        if accepted is not None:
            one = Restated(
                symbol=accepted.symbol,
                number=accepted.number,
                at=accepted.at,
                by=accepted.by,
                before=accepted.before,
                held=max(NOTHING, accepted.held),
                ratio=accepted.ratio if accepted.keeps_cost else None,
            )
        elif fact.symbol is not None and fact.quantity is not None and fact.quantity != before:
            one = Restated(
                symbol=fact.symbol,
                number=record.seq,
                at=record.ts,
                by=None,
                before=before,
                held=max(NOTHING, fact.quantity),
                ratio=None,
            )
        else:
            return
        # A journal of 0.1 repeated an acceptance in each segment.
        if all((one.symbol, one.number) != (known.symbol, known.number) for known in self.restated):
            self.restated.append(one)

    def _rename(self, was: str | None, symbol: str | None) -> None:
        if was is not None and symbol is not None:
            self.restated = [replace(one, symbol=symbol) if one.symbol == was else one for one in self.restated]

    def _value(self, record: JournalRecord) -> None:
        told = ValuationDetails.of(record.fact)
        if told is None:
            return
        self.valuations.append(
            Valuation(
                at=record.fact.occurred_at or record.ts,
                occasion=told.occasion,
                equity=told.equity,
                equity_from=told.equity_from,
                cash=told.cash,
                buying_power=told.buying_power,
            )
        )
