"""An order as the bot sends it, and an order as the scripted broker keeps it."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from trading_bot.order_management.models import (
    EXACT,
    Execution,
    OrderId,
    OrderReport,
    OrderState,
    OrderTerms,
    RefId,
    Side,
    TimeInForce,
    exact_sum,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedOrder:
    """One request of the bot for an order, whatever the broker made of it. Prices are in dollars a share."""

    client_order_id: str
    ref_id: str
    """The broker's key against repetition: the same order sent twice has the same one."""
    symbol: str
    side: Side
    quantity: int
    limit_price: Decimal
    time_in_force: TimeInForce
    extended_hours: bool
    at: datetime
    stop_price: Decimal | None = None
    """Where a stop becomes a limit order; None for any other order."""


@dataclass(slots=True, kw_only=True)
class BrokerOrder:
    """One order at the broker. Read it; to change it, use the methods of the broker."""

    order_id: OrderId
    ref_id: RefId
    client_order_id: str | None
    """None for an order that was placed in the app."""
    terms: OrderTerms
    created_at: datetime
    updated_at: datetime
    state: OrderState = OrderState.CONFIRMED
    broker_state: str = "confirmed"
    """The broker's own word for the state."""
    reason: str | None = None
    executions: list[Execution] = field(default_factory=list)
    busts: int = 0
    """How many of its executions were annulled."""
    ends_at: datetime | None = None
    """When a cancel that the broker has taken will end it."""
    stop_triggered_at: datetime | None = None
    """When the test let its stop price be reached."""
    awaits_approval: bool = False
    """Whether the account's owner has to approve it first, so that it trades with nobody."""

    @property
    def symbol(self) -> str:
        """What it trades."""
        return self.terms.symbol

    @property
    def side(self) -> Side:
        """Which way."""
        return self.terms.side

    @property
    def quantity(self) -> int:
        """Shares ordered."""
        return self.terms.quantity

    @property
    def limit_price(self) -> Decimal:
        """Dollars a share: the most that a buy pays, the least that a sell gets."""
        return self.terms.limit_price

    @property
    def stop_price(self) -> Decimal | None:
        """Dollars a share at which a stop becomes a limit order; None for any other order."""
        return self.terms.stop_price

    @property
    def waits_for_stop(self) -> bool:
        """Whether its stop price has not been reached yet, so that it trades with nobody."""
        return self.stop_price is not None and self.stop_triggered_at is None

    @property
    def filled(self) -> Decimal:
        """Shares filled so far."""
        return exact_sum(fill.quantity for fill in self.executions)

    @property
    def left(self) -> Decimal:
        """Shares that can still trade."""
        return Decimal(0) if self.state.is_terminal else self.quantity - self.filled

    @property
    def average_price(self) -> Decimal | None:
        """Dollars a share over all fills; None before the first."""
        if not self.executions:
            return None
        paid = exact_sum(EXACT.multiply(fill.quantity, fill.price) for fill in self.executions)
        return EXACT.divide(paid, self.filled)

    def move(self, state: OrderState, at: datetime, *, word: str | None = None, reason: str | None = None) -> None:
        """Let it be in another state from then on; a cancel that was taken still ends it, unless it has ended."""
        self.state, self.broker_state, self.reason = state, word or state.value, reason
        self.updated_at = at
        self.ends_at = None if state.is_terminal else self.ends_at
        self.awaits_approval &= not state.is_terminal

    def report(self) -> OrderReport:
        """Return what the broker says of it now."""
        return OrderReport(
            order_id=self.order_id,
            ref_id=self.ref_id,
            symbol=self.symbol,
            side=self.side,
            quantity=Decimal(self.quantity),
            limit_price=self.limit_price,
            state=self.state,
            broker_state=self.broker_state,
            time_in_force=self.terms.time_in_force,
            cumulative_quantity=self.filled,
            average_price=self.average_price,
            executions=tuple(self.executions),
            reject_reason=self.reason,
            created_at=self.created_at,
            updated_at=self.updated_at,
            last_transaction_at=self.updated_at,
            voided=self.busts > 0,
            instrument_id=instrument_id_of(self.symbol),
            awaits_approval=self.awaits_approval,
            waits_for_stop=self.stop_price is not None,
            stop_price=self.stop_price,
            stop_triggered_at=self.stop_triggered_at,
        )

    def __str__(self) -> str:
        stop = f" from {self.stop_price:f} on" if self.waits_for_stop else ""
        return (
            f"{self.order_id} ({self.side} {self.quantity} {self.symbol} at {self.limit_price:f}{stop}, {self.state})"
        )


def instrument_id_of(symbol: str) -> str:
    """Return what this broker calls the instrument behind a symbol."""
    return f"instrument-{symbol}"
