"""The words of the order layer: ids, enums, requests, envelopes, executions, reports.

Enum members carry FIX meanings (FIX 4.4 tag numbers stand beside them); their values are the public contract's strings.

One order has several views, each for one reader:

- `OrderRequest`: what a caller wants, not priced yet. `OrderTerms`: what is sent, priced and checked.
- `OrderReport`: what the broker said of an order at one moment. Evidence, made by a gateway and kept nowhere.
- `TrackedOrder` (in `book.tracked_order`): all that the journal knows of an order of ours, folded from its records,
  with its executions, wishes and anomalies. The order layer decides by this one.
- `OrderEnvelope`: the part of a tracked order that a caller gets as receipt: names, terms, state. It is a value of the
  moment and does not change.
- `OrderStatus`: the answer to "what became of it": an envelope's facts with the executions and what is left to trade.
"""

import enum
import functools
from collections.abc import Iterable
from datetime import datetime
from decimal import Context, Decimal
from typing import NewType

from trading_bot import caller_values
from trading_bot.values import Value, settle

ClientOrderId = NewType("ClientOrderId", str)
"""FIX tag 11: the caller's name for an order, 1 to 64 printable characters."""

RefId = NewType("RefId", str)
"""The broker's idempotency key: a UUID derived from the account and the client order id."""

OrderId = NewType("OrderId", str)
"""FIX tag 37: the broker's name for an order."""

ExecutionId = NewType("ExecutionId", str)
"""FIX tag 17: the broker's name for one fill."""


EXACT = Context(prec=60)
"""Money is computed in this context, whatever a caller did to the ambient one."""


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """Add up in `EXACT`, where the built-in ``sum`` would use the ambient context."""
    return functools.reduce(EXACT.add, amounts, Decimal(0))


LIMIT = "limit"
"""FIX tag 40: the order type of every entry and exit."""

STOP_LIMIT = "stop_limit"
"""FIX tag 40=4: a sell that rests until its stop price is reached, and is a limit order from then on."""


class Side(enum.StrEnum):
    """FIX tag 54."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class TimeInForce(enum.StrEnum):
    """FIX tag 59: good for the day, or until cancelled."""

    GFD = "gfd"
    GTC = "gtc"


class ExecutionMode(enum.StrEnum):
    """Where orders go: the paper exchange or the broker."""

    PAPER = "paper"
    LIVE = "live"


class Pricing(enum.StrEnum):
    """Passive limits wait on the near side of the reference; marketable ones cross it."""

    PASSIVE = "passive"
    MARKETABLE = "marketable"


class OrderState(enum.StrEnum):
    """FIX tag 39, with the states that only an honest client needs."""

    PENDING_SUBMIT = "pending_submit"  # A: the intent is durable, no answer yet
    UNKNOWN = "unknown"  # A: may or may not have reached the broker
    PRESUMED_ABSENT = "presumed_absent"  # A: two complete listings without it; still reserved
    QUEUED = "queued"  # A: at the broker, held for its session
    CONFIRMED = "confirmed"  # 0: working
    PARTIALLY_FILLED = "partially_filled"  # 1
    PENDING_CANCEL = "pending_cancel"  # 6: a cancel was asked for; a fill may still win
    FILLED = "filled"  # 2
    CANCELLED = "cancelled"  # 4: what was filled stays filled
    REJECTED = "rejected"  # 8
    NOT_SENT = "not_sent"  # ours: provably nothing reached the broker
    NEVER_ACCEPTED = "never_accepted"  # ours: absence proven after the session it could rest in

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more can happen to the order."""
        return self in _TERMINAL

    @property
    def is_unresolved(self) -> bool:
        """Whether it is not known if the broker has the order."""
        return self in _UNRESOLVED

    @property
    def is_working(self) -> bool:
        """Whether the broker holds the order and it may still trade."""
        return not self.is_terminal and not self.is_unresolved


_TERMINAL = frozenset(
    {OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.NOT_SENT, OrderState.NEVER_ACCEPTED}
)
_UNRESOLVED = frozenset({OrderState.PENDING_SUBMIT, OrderState.UNKNOWN, OrderState.PRESUMED_ABSENT})


class OrderRequest(Value, frozen=True, kw_only=True):
    """What the caller wants: a limit order priced from a reference price.

    ``quantity`` is in whole shares, ``reference_price`` in dollars. ``pricing`` overrides the configured one.
    Values of another type are converted where that is exact: numpy scalars, ``10.0`` shares, a ``float`` price by the
    shortest decimal that reads back as it, ``"BUY"``, ``"tsla"``. The calculator checks the values, so that every wrong
    one is refused with the same error.
    """

    symbol: str
    side: Side
    quantity: int
    reference_price: Decimal
    order_type: str = LIMIT
    """`STOP_LIMIT` goes with a ``stop_price``: ``reference_price`` is its limit then, and nothing is taken off it.
    Another type can be named, and is refused with what to use instead."""
    stop_price: Decimal | None = None
    """FIX tag 99, in dollars: the price at which a stop-limit sell becomes a limit order; see `StopRequest`."""
    time_in_force: TimeInForce = TimeInForce.GFD
    extended_hours: bool = False
    client_order_id: str | None = None
    pricing: Pricing | None = None
    strategy_name: str | None = None
    """Who asks: recorded with the order, and chooses its price offsets where the configuration names some."""
    correlation_id: str | None = None
    """The caller's name for the request: every record of it carries the name; one is made where none is given."""
    reason: str | None = None
    """Why it is asked for, for the record."""

    def __post_init__(self) -> None:
        """Convert what can be converted without a loss; the rest stays for the calculator to refuse."""
        for name, value in (
            ("symbol", caller_values.ticker(self.symbol)),
            ("side", caller_values.member(Side, self.side)),
            ("quantity", caller_values.whole_number(self.quantity)),
            ("reference_price", caller_values.exact_price(self.reference_price)),
            ("order_type", caller_values.plain_text(self.order_type)),
            ("stop_price", caller_values.exact_price(self.stop_price)),
            ("time_in_force", caller_values.member(TimeInForce, self.time_in_force)),
            ("extended_hours", caller_values.switch(self.extended_hours)),
            ("client_order_id", caller_values.plain_text(self.client_order_id)),
            ("pricing", caller_values.member(Pricing, self.pricing)),
            ("correlation_id", caller_values.plain_text(self.correlation_id)),
        ):
            settle(self, name, value)


class OrderTerms(Value, frozen=True, kw_only=True):
    """What is sent: the exact terms of one limit order (FIX tags 55, 54, 38, 44, 59, 99)."""

    symbol: str
    side: Side
    quantity: int
    limit_price: Decimal
    time_in_force: TimeInForce = TimeInForce.GFD
    extended_hours: bool = False
    stop_price: Decimal | None = None
    """Dollars: it rests until this price is reached. Only a sell has one, at or above its limit."""

    def __post_init__(self) -> None:
        """Refuse terms that must never leave, whatever computed them."""
        if self.quantity <= 0:
            raise ValueError(f"an order is for one share or more, not {self.quantity}")
        if not (self.limit_price.is_finite() and self.limit_price > 0):
            raise ValueError(f"a limit price is a positive number of dollars, not {self.limit_price}")
        if self.stop_price is not None and not (self.side is Side.SELL and self.limit_price <= self.stop_price):
            raise ValueError(f"a stop at {self.stop_price} is of a sell with a limit at or below it")

    @property
    def notional(self) -> Decimal:
        """Dollars at the limit price: the most a buy can cost."""
        return EXACT.multiply(self.limit_price, Decimal(self.quantity))


class Execution(Value, frozen=True, kw_only=True):
    """One fill (FIX tags 17, 32, 31, 60)."""

    execution_id: ExecutionId
    quantity: Decimal
    price: Decimal
    executed_at: datetime

    def __post_init__(self) -> None:
        """A fill moves a position, so a senseless one is an error and never a zero."""
        if not (self.quantity.is_finite() and self.quantity > 0 and self.price.is_finite() and self.price > 0):
            raise ValueError(f"execution {self.execution_id}: quantity and price must be positive numbers")
        if self.executed_at.tzinfo is None:
            raise ValueError(f"execution {self.execution_id}: the time has no zone")


class OrderReport(Value, frozen=True, kw_only=True):
    """What the broker says of one order, in our words, at the moment it was read."""

    order_id: OrderId
    ref_id: RefId | None
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    state: OrderState
    broker_state: str
    """The broker's own word, kept as evidence; ``state`` is our reading of it."""
    state_is_known: bool = True
    """False where the broker's word is in no table of ours: the order then counts as working."""
    time_in_force: TimeInForce | None = None
    cumulative_quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None
    executions: tuple[Execution, ...] = ()
    fees: Decimal | None = None
    """Dollars, of all its fills so far; None where the broker does not say. It is recorded and decides nothing."""
    reject_reason: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    last_transaction_at: datetime | None = None
    voided: bool = False
    """Fills were annulled after the fact (a bust)."""
    awaits_approval: bool = False
    """Whether it is open and not working, because the owner of the account has to approve it first."""
    waits_for_stop: bool = False
    """Whether it is an order with a stop: it rests, or rested, until its stop price was reached."""
    stop_price: Decimal | None = None
    stop_triggered_at: datetime | None = None
    """When the stop price was reached; None before, and where the broker does not say."""
    instrument_id: str | None = None
    """The broker's id of the instrument: the identity, where a symbol can change."""
    symbol_is_known: bool = True
    """False where no symbol of the instrument is known: ``symbol`` is its id then."""

    @property
    def is_protective(self) -> bool:
        """Whether it is a stop that would sell shares once their price has fallen."""
        return self.side is Side.SELL and self.waits_for_stop and not self.awaits_approval

    def stop_price_beside(self, ours: Decimal | None) -> Decimal | None:
        """Return its stop price; ``ours`` where it has or had a stop and does not say at which price."""
        has_stop = self.waits_for_stop or self.stop_triggered_at is not None or self.cumulative_quantity > 0
        return ours if self.stop_price is None and has_stop else self.stop_price


class OrderEnvelope(Value, frozen=True, kw_only=True):
    """The receipt for a submitted order: its names, its terms and what is known of its fate."""

    client_order_id: ClientOrderId
    ref_id: RefId
    order_id: OrderId | None
    symbol: str
    side: Side
    quantity: int
    limit_price: Decimal
    reference_price: Decimal
    time_in_force: TimeInForce
    extended_hours: bool
    state: OrderState
    execution_mode: ExecutionMode
    strategy_name: str | None
    created_at: datetime
    filled_quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None
    duplicate_of: ClientOrderId | None = None
    """Set when nothing was sent because this earlier order already stands for the request."""
    reason: str | None = None
    latency_ms: Decimal | None = None
    """Milliseconds from the first byte of the last attempt to its answer."""
    broker_state: str | None = None
    """The broker's own word for the state, as last reported."""
    state_is_known: bool = True
    """Whether that word is understood; an order under one that is not counts as working."""
    symbol_was: str | None = None
    """The symbol under which it was placed, where the instrument has another one now."""
    correlation_id: str | None = None
    """The request that made it; None for an order of version 0.1, and for one that was adopted."""
    stop_price: Decimal | None = None
    """Dollars: it rests at the broker until this price is reached (FIX tag 99)."""
    stop_triggered_at: datetime | None = None
    """When the broker says that it was reached."""
    approval_awaited_since: datetime | None = None
    """When we first saw that the owner of the account has to approve it; None once it works or has ended."""

    @property
    def awaits_approval(self) -> bool:
        """Whether it is open and does not work, because the owner of the account has to approve it first."""
        return self.approval_awaited_since is not None and self.state.is_working

    @property
    def is_stop(self) -> bool:
        """Whether it protects a position: cancelling everything leaves it, its price reached or not."""
        return self.stop_price is not None

    @property
    def waits_for_stop(self) -> bool:
        """Whether it rests until its stop price is reached: until then it trades with nobody."""
        is_reached = self.stop_triggered_at is not None or self.filled_quantity > 0
        return self.stop_price is not None and not is_reached and not self.state.is_terminal

    @property
    def is_duplicate(self) -> bool:
        """Whether an earlier order answered this request."""
        return self.duplicate_of is not None


class OrderStatus(Value, frozen=True, kw_only=True):
    """An order as last read from the broker (FIX tags 39, 38, 14, 151, 6)."""

    client_order_id: ClientOrderId | None
    order_id: OrderId | None
    symbol: str
    side: Side
    state: OrderState
    quantity: Decimal
    filled_quantity: Decimal
    remaining_quantity: Decimal
    """What may still trade: zero once the order is terminal."""
    average_price: Decimal | None
    limit_price: Decimal | None
    reason: str | None
    last_transaction_at: datetime | None
    executions: tuple[Execution, ...] = ()
    executions_outstanding: Decimal = Decimal(0)
    """Shares reported filled whose executions the broker has not listed yet."""
    stop_price: Decimal | None = None
    waits_for_stop: bool = False
    """Whether it rests until ``stop_price`` is reached."""
    awaits_approval: bool = False
    broker_state: str | None = None
    state_is_known: bool = True
