"""What a kill came to: no order of ours is open, proven; or not, and then what may be live and what a person has to do.

"No open orders" is a statement about orders. Shares that are held stay held: the report names them.
"""

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
    RefId,
    Side,
)
from trading_bot.order_management.outcomes import CancelReply

CONFIRMED = "NO OPEN ORDERS"
NOT_CONFIRMED = "NOT CONFIRMED"
MANUAL_PROCEDURE = (
    "Open the broker's app or web site and log in to this account.",
    "Show the pending orders and cancel every one named here by hand, the largest first.",
    "Decline every order that the app on your phone asks you to approve.",
    "Show them again after a minute, until none is pending, and compare the positions with what you expect.",
    "Stop every trading-bot process of this account, on every machine, and delete its armed file if it is still there.",
    "If neither app nor web site works, call the broker.",
    f"Run the kill again: only its {CONFIRMED} says that nothing of ours is live.",
)

_UNBOUNDED = Decimal("Infinity")


@dataclass(frozen=True, slots=True, kw_only=True)
class KilledOrder:
    """One order that the kill went after. A term is None where only the order's id is known."""

    order_id: OrderId
    ref_id: RefId | None = None
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
    awaits_approval: bool = False
    """Whether the account's owner may still approve it: declining it in the broker's app ends it too."""

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
class HeldShares:
    """Shares of one instrument that the account still holds after the kill."""

    symbol: str
    quantity: Decimal
    unprotected: Decimal
    """Those that no resting stop order would sell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """The shares still held, or why they are not known; the verdict is about orders and does not rest on them."""

    shares: tuple[HeldShares, ...] = ()
    problem: str | None = "they were not read"


@dataclass(frozen=True, slots=True, kw_only=True)
class KillReport:
    """The end of one kill. ``problems`` is empty if and only if it is proven that no order of ours is open."""

    account: str
    """Which account it was: its mode, and how its number ends."""
    by: str
    reason: str
    problems: tuple[str, ...]
    """Why it is not confirmed, one sentence each."""
    latch_engaged: bool
    """Whether no process of the account can begin an order any more; False where another folder may hold its latch."""
    orders: tuple[KilledOrder, ...]
    """Every order of ours that was found, or was open on record, whether it has ended or not."""
    unresolved: tuple[OrderEnvelope, ...]
    """Intents of which nobody knows whether the broker has them."""
    external: tuple[OrderReport, ...]
    """Open orders that somebody else placed; they were left alone."""
    side_file: Path | None
    """Where the kill is on record, or None if that failed."""
    side_file_problem: str | None = None
    unjournaled: tuple[KilledOrder, ...] = ()
    """Those of ``orders`` that have our mark and are in no record of this account: a copy of the bot sent them."""
    protective: tuple[OrderReport, ...] = ()
    """Resting stop sells of ours: they were left in place."""
    external_ids: tuple[OrderId, ...] = ()
    """Open orders of somebody else that could not be read in full; they were left alone too."""
    possibly_ours: tuple[OrderId, ...] = ()
    """Open orders that name no sender, where the journal could not be read: left alone, and to be looked at."""
    holdings: Holdings = Holdings()
    notes: tuple[str, ...] = ()
    """What a person should know, and what does not stand against the verdict."""
    has_looked: bool = True
    """Whether any order was looked for; False if no account could be named."""
    may_still_be_confirmed: bool = False
    """Whether more time could bring the proof."""

    @property
    def is_confirmed(self) -> bool:
        """Whether it is proven that no order of ours is live or can become so, apart from ``protective``."""
        return not self.problems

    @property
    def verdict(self) -> str:
        """The verdict in capitals."""
        return CONFIRMED if self.is_confirmed else NOT_CONFIRMED

    @property
    def may_be_live(self) -> tuple[KilledOrder, ...]:
        """The orders that are not proven to have ended; intents that may be live are in `unresolved`."""
        return () if self.is_confirmed else tuple(order for order in self.orders if not order.is_proven_ended)

    @property
    def with_fills(self) -> tuple[KilledOrder, ...]:
        """The orders that traded before they ended, in whole or in part."""
        return tuple(order for order in self.orders if order.filled_quantity)

    @property
    def manual_procedure(self) -> tuple[str, ...]:
        """What a person does now; nothing once it is confirmed."""
        return () if self.is_confirmed else MANUAL_PROCEDURE

    @property
    def covers(self) -> str:
        """What the verdict speaks of, and what it does not."""
        kept = [f"{len(self.protective)} protective sells left in place"] if self.protective else []
        others = len(self.external) + len(self.external_ids)
        left = [*kept, *([f"{others} orders placed elsewhere"] if others else []), "shares that are held"]
        return f"it covers the orders of this bot on {self.account}, and not: {', '.join(left)}"

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        if self.is_confirmed:
            ended = f"{len(self.orders)} ended by this kill"
            return f"{CONFIRMED}: trading is off for {self.account} and none of our orders is live ({ended})"
        count = len(self.may_be_live) + len(self.unresolved)
        maybe = f"{count} of our orders may be live" if self.has_looked else "no order was looked for"
        off = "trading is off" if self.latch_engaged else "TRADING MAY STILL BE ON"
        return f"{NOT_CONFIRMED}: {off} for {self.account}; {maybe}: follow the manual procedure"
