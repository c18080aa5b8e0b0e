"""The orders of a journal, each with the moments that figures are made of: one pass over all records. Pure.

An order counts here once it has an intent on record. An order that the broker had and we adopted has none: it was
decided elsewhere, so it has fills and a result, and no slippage, offset or latency.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from trading_bot.order_management.book.acceptances import Acceptance
from trading_bot.order_management.book.freezes import Freeze
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.event_details import IntentDetails, ValuationDetails
from trading_bot.order_management.events import EventKind, JournalRecord
from trading_bot.order_management.models import (
    EXACT,
    ClientOrderId,
    Execution,
    ExecutionMode,
    OrderState,
    Side,
    exact_sum,
)
from trading_bot.report.numbers import bps
from trading_bot.risk.cost_basis import estimated_fill

_REPLIES = frozenset(
    {
        EventKind.ORDER_ACCEPTED,
        EventKind.ORDER_REJECTED,
        EventKind.ORDER_NOT_SENT,
        EventKind.ORDER_OUTCOME_UNKNOWN,
    }
)
"""The records that end a submit."""

_LEG = "leg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a record was written: by the wall clock, and by the clock of the process that wrote it."""

    at: datetime
    mono: Decimal
    """Seconds, comparable within one session."""
    session_id: str

    @classmethod
    def of(cls, record: JournalRecord) -> "Moment":
        """Return when a record was written."""
        return cls(at=record.ts, mono=record.mono, session_id=record.session_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedOrder:
    """One order that was decided here, as the last record leaves it."""

    order: TrackedOrder
    intended: Moment
    replied: Moment | None = None
    """When its submit ended."""
    reply: EventKind | None = None
    """How its submit ended."""
    ended_at: datetime | None = None
    """When the journal learnt that nothing more can happen to it."""
    went_on: bool = False
    """Whether what was left of it went on in another order: a replacement, or the next leg of an exit."""

    @property
    def symbol(self) -> str:
        """What it trades."""
        return self.order.envelope.symbol

    @property
    def side(self) -> Side:
        """FIX tag 54."""
        return self.order.envelope.side

    @property
    def sign(self) -> Decimal:
        """1 for a buy, -1 for a sell: what makes a dearer buy and a cheaper sell the same loss."""
        return Decimal(1) if self.side is Side.BUY else Decimal(-1)

    @property
    def reference(self) -> Decimal:
        """The price in dollars that its limit was computed from; of a stop the stop price."""
        envelope = self.order.envelope
        return envelope.reference_price if envelope.stop_price is None else envelope.stop_price

    @property
    def is_stop(self) -> bool:
        """Whether it waits for a stop price: when it trades, and whether at all, is no question of its offset."""
        return self.order.envelope.stop_price is not None

    @property
    def quantity(self) -> Decimal:
        """Shares ordered."""
        return Decimal(self.order.envelope.quantity)

    @property
    def fills(self) -> tuple[Execution, ...]:
        """Its executions; shares reported filled without one are one more, by total and average price."""
        estimate = estimated_fill(self.order)
        return self.order.executions if estimate is None else (*self.order.executions, estimate)

    @property
    def filled(self) -> Decimal:
        """Shares filled."""
        return exact_sum(fill.quantity for fill in self.fills)

    @property
    def offset_bps(self) -> Decimal:
        """How far its limit is from the reference, in basis points of that, after rounding to a price step.

        Positive where it waits: a buy below, a sell above the reference. Negative where it crosses.
        """
        distance = EXACT.multiply(self.sign, EXACT.subtract(self.reference, self.order.envelope.limit_price))
        return bps(distance, self.reference) or Decimal(0)

    @property
    def reached_the_market(self) -> bool:
        """Whether it ended after the broker had taken it, so that its offset decided what was filled; no stop."""
        return not self.is_stop and self.order.state in {OrderState.FILLED, OrderState.CANCELLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a whole journal says."""

    orders: tuple[ReportedOrder, ...]
    """Those decided here, in the order of their intents."""
    tracked: tuple[TrackedOrder, ...]
    """Every order, the adopted ones included."""
    acceptances: tuple[Acceptance, ...]
    freezes: tuple[Freeze, ...]
    valued: tuple[tuple[datetime, Decimal], ...]
    """When the account's worth was put on record, and that in dollars."""
    mode: ExecutionMode | None
    """None where no record says it."""
    first_at: datetime | None
    last_at: datetime | None
    records: int


@dataclass(slots=True)
class _Life:
    intended: Moment
    replied: Moment | None = None
    reply: EventKind | None = None
    ended_at: datetime | None = None


@dataclass(slots=True)
class _Pass:
    book: OrderBook = field(default_factory=OrderBook)
    lives: dict[ClientOrderId, _Life] = field(default_factory=dict)
    legs: dict[str, str] = field(default_factory=dict)
    """The latest leg of each exit."""
    went_on: set[str] = field(default_factory=set)
    valued: list[tuple[datetime, Decimal]] = field(default_factory=list)
    mode: ExecutionMode | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None
    records: int = 0

    def take(self, record: JournalRecord) -> None:
        fact = record.fact
        self.records += 1
        self.first_at = self.first_at or record.ts
        self.last_at = record.ts
        self.mode = fact.execution_mode or self.mode
        order = self.book.apply(record)
        if fact.event is EventKind.EXIT_LEG_PLACED:
            self._note_leg(fact.details)
        if fact.event is EventKind.ACCOUNT_VALUED and (valuation := ValuationDetails.of(fact)) is not None:
            self.valued.append((record.ts, valuation.equity))
        name = fact.client_order_id
        if name is None:
            return
        if fact.event is EventKind.ORDER_INTENDED:
            self.lives[name] = _Life(intended=Moment.of(record))
            replaces = IntentDetails.of(fact).replaces
            if replaces is not None:
                self.went_on.add(replaces)
        life = self.lives.get(name)
        if life is None:
            return
        if fact.event in _REPLIES and life.reply is None:
            life.replied, life.reply = Moment.of(record), fact.event
        if order is not None and order.state.is_terminal:
            life.ended_at = life.ended_at or record.ts

    def _note_leg(self, details: Mapping[str, str]) -> None:
        exit_id, leg = details.get("exit_id", ""), details.get(_LEG, "")
        before = self.legs.get(exit_id)
        if before is not None:
            self.went_on.add(before)
        self.legs[exit_id] = leg


def history_of(records: Iterable[JournalRecord]) -> History:
    """Fold all records of a journal, in the order of their numbers.

    Raises:
        OrderLogDamagedError: they tell an impossible story.
    """
    taken = _Pass()
    for record in records:
        taken.take(record)
    book = taken.book
    return History(
        orders=tuple(
            ReportedOrder(
                order=order,
                intended=life.intended,
                replied=life.replied,
                reply=life.reply,
                ended_at=life.ended_at,
                went_on=order.client_order_id in taken.went_on,
            )
            for order in book.orders()
            if (life := taken.lives.get(order.client_order_id)) is not None
        ),
        tracked=book.orders(),
        acceptances=book.acceptances(),
        freezes=book.freezes(),
        valued=tuple(taken.valued),
        mode=taken.mode,
        first_at=taken.first_at,
        last_at=taken.last_at,
        records=taken.records,
    )
