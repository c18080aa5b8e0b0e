"""What a kill came to: proven flat, or not, and then what may still be live and what a person has to do."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from trading_bot.order_management.models import (
    EXACT,
    ClientOrderId,
    OrderEnvelope,
    OrderId,
    OrderReport,
    OrderState,
    Side,
)
from trading_bot.order_management.outcomes import CancelReply

MANUAL_PROCEDURE = (
    "Open the broker's app or web site and log in to this account.",
    "Show the pending orders and cancel every one named here by hand, the largest first.",
    "Show them again after a minute, until none is pending, and compare the positions with what you expect.",
    "Stop every trading-bot process of this account, and delete its armed file by hand if it is still there.",
    "If neither app nor web site works, call the broker.",
    "Run the kill again: only its FLAT says that nothing of ours is live.",
)

_UNBOUNDED = Decimal("Infinity")


@dataclass(frozen=True, slots=True, kw_only=True)
class KilledOrder:
    """One order that the kill went after. A term is None where only the order's id is known."""

    order_id: OrderId
    client_order_id: ClientOrderId | None = None
    symbol: str | None = None
    side: Side | None = None
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    filled_quantity: Decimal | None = None
    state: OrderState | None = None
    """As last read; None once no listing shows the order and it could not be read by its id either."""
    reply: CancelReply | None = None
    """The broker's answer to the latest cancel request: about the request, not about the order."""

    @property
    def is_proven_ended(self) -> bool:
        """Whether a report of the broker shows that it cannot trade any more."""
        return self.state is not None and self.state.is_terminal

    @property
    def exposure(self) -> Decimal:
        """Dollars that may still trade at the limit; infinite where nobody knows."""
        if self.quantity is None or self.limit_price is None:
            return _UNBOUNDED
        return EXACT.multiply(self.limit_price, self.quantity - (self.filled_quantity or Decimal(0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class KillReport:
    """The end of one kill. ``problems`` is empty if and only if the account is proven flat."""

    account: str
    """Which account it was: its mode, and how its number ends."""
    by: str
    reason: str
    problems: tuple[str, ...]
    """Why flat is not confirmed, one sentence each."""
    latch_engaged: bool
    """Whether no process of the account can begin an order any more; False where another folder may hold its latch."""
    orders: tuple[KilledOrder, ...]
    """Every order of ours that was found or on record as open, whatever became of it."""
    unresolved: tuple[OrderEnvelope, ...]
    """Intents of which nobody knows whether the broker has them."""
    external: tuple[OrderReport, ...]
    """Open orders that somebody else placed; they were left alone."""
    side_file: Path | None
    """Where the kill is on record, or None if that failed."""
    side_file_problem: str | None = None

    @property
    def is_flat(self) -> bool:
        """Whether it is proven that no order of ours is live or can become so."""
        return not self.problems

    @property
    def may_be_live(self) -> tuple[KilledOrder, ...]:
        """The orders that are not proven to have ended; intents that may be live are in `unresolved`."""
        return () if self.is_flat else tuple(order for order in self.orders if not order.is_proven_ended)

    @property
    def with_fills(self) -> tuple[KilledOrder, ...]:
        """The orders that traded before they ended, in whole or in part."""
        return tuple(order for order in self.orders if order.filled_quantity)

    @property
    def manual_procedure(self) -> tuple[str, ...]:
        """What a person does now; nothing once flat."""
        return () if self.is_flat else MANUAL_PROCEDURE

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        if self.is_flat:
            ended = f"{len(self.orders)} ended by this kill"
            return f"FLAT: trading is off for {self.account} and none of our orders is live ({ended})"
        maybe = len(self.may_be_live) + len(self.unresolved)
        off = "trading is off" if self.latch_engaged else "TRADING MAY STILL BE ON"
        return (
            f"NOT CONFIRMED: {off} for {self.account}; {maybe} of our orders may be live: follow the manual procedure"
        )
