"""The protocols the order manager owns. Adapters fulfil them; the manager never knows which."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal
from typing import NewType, Protocol, Self, TypeAlias

from trading_bot.clock import CLOCKS_AGREE_WITHIN, Seconds
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderReport, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import (
    CancelReply,
    DurableIntent,
    Listing,
    PreparedOrder,
    SubmitOutcome,
)
from trading_bot.order_management.portfolio import AccountSnapshot, Bar, Position, PositionListing, Quote
from trading_bot.values import Value

ArmingId = NewType("ArmingId", str)
"""Names one arming of the account; no two armings share a name."""

MarketCheck: TypeAlias = Callable[[OrderTerms, Seconds], Callable[[OrderTerms], None]]
"""Begins to look at the market of an entry that is asked for, by a point in time, and waits for nothing.

What it returns waits for that, and raises `TradeRefusedError` where the market does not allow the terms.
"""

SendPermit: TypeAlias = AbstractContextManager[None]
"""Entered by the transport just before the first byte is written and left after the last one.

Entering takes the account's send lock and re-reads latch, deadline and session; it raises `SendRefusedError` when one
of them says no, and then nothing has been written.
"""


class SendRefusedError(Exception):
    """A gate of ours refused at the last moment; no byte was written."""

    def __init__(self, gate: str, message: str) -> None:
        super().__init__(message)
        self.gate = gate


class SendLockError(Exception):
    """The account's send lock could not be had, so nothing may be written."""


class BrokerCapabilities(Value, frozen=True, kw_only=True):
    """What one broker's interface can do and another's cannot; the layers above ask here and assume nothing."""

    lists_by_change: bool = True
    """Whether it can list what changed since a moment; else only what was created since."""
    dates_changes: bool = True
    """Whether a report says when its order last changed."""
    names_instruments_held: bool = True
    """Whether a position says the broker's id of its instrument."""
    can_sell_short: bool = True
    """Whether a sale of more than is held could open a short position."""
    may_dedupe_ref_ids: bool = True
    """Whether `broker_dedupes_ref_id` may be believed: else an order in doubt is never sent again."""
    asks_for_approval: bool = False
    """Whether the owner of the account may be asked to approve an order first."""
    cancels_at_once: int = 20
    """How many cancels may leave side by side."""
    cancel_every_s: Seconds = 0.25
    """How far apart cancels leave after those."""

    def list_from(self, changed_after: datetime, *, created: Iterable[datetime]) -> datetime:
        """Return since when to list so that all changes after ``changed_after`` are shown of certain orders.

        ``created`` says when those were made. A list by creation has to go back to the oldest of them.
        """
        if self.lists_by_change:
            return changed_after
        return min((changed_after, *(at - 2 * CLOCKS_AGREE_WITHIN for at in created)))

    @property
    def seconds_a_cancel(self) -> Seconds:
        """How much time to allow for each of many cancels: the distance, and a fifth of it for what goes wrong."""
        return self.cancel_every_s * 1.2

    def asking_s(self, count: int) -> Seconds:
        """How long so many cancels wait for the last of them to leave."""
        return self.seconds_a_cancel * max(count - self.cancels_at_once, 0)


class BrokerGateway(Protocol):
    """Orders at the broker. No method retries a submit, and none reports a guess as a fact."""

    @property
    def capabilities(self) -> BrokerCapabilities:
        """What this broker's interface can do."""
        ...

    def tick_of(self, symbol: str, side: Side) -> Decimal | None:
        """Return the instrument's own price step in dollars, None where SEC Rule 612's hold; remembered for the day.

        Raises:
            OrderValidationError: the broker does not trade this symbol on this side.
            OrderNotSentError: the look-up failed; nothing was sent.
        """
        ...

    def prepare_order(self, terms: OrderTerms, ref_id: RefId) -> PreparedOrder:
        """Build the bytes of an order; looks up account and instrument where they are not cached.

        Raises:
            OrderValidationError: the broker does not trade this symbol, or not in steps that hold this price.
            OrderNotSentError: a look-up failed; nothing was sent.
        """
        ...

    def submit_limit_buy(self, intent: DurableIntent, *, permit: SendPermit, timeout_s: Seconds) -> SubmitOutcome:
        """Send one buy, once. Never raises for what the network or the broker does."""
        ...

    def submit_limit_sell(self, intent: DurableIntent, *, permit: SendPermit, timeout_s: Seconds) -> SubmitOutcome:
        """Send one sell, once. Never raises for what the network or the broker does."""
        ...

    def by(self, deadline: Seconds) -> Self:
        """Return the same gateway, whose reads and cancels are all over by ``deadline``, a point on the clock."""
        ...

    def renew_session(self, *, within_s: Seconds) -> bool:
        """Refresh a session that the broker refused, once for all threads; say whether a new one is in place.

        Waits no longer than ``within_s`` for a renewal by somebody else; its own request may take a few seconds more.
        """
        ...

    def cancel_order(self, order_id: OrderId) -> CancelReply:
        """Ask the broker to cancel; the reply is about the request, not about the order."""
        ...

    def cancel_all_equity_orders(self, order_ids: Sequence[OrderId]) -> Mapping[OrderId, CancelReply]:
        """Ask for each cancel, whatever happens to the others."""
        ...

    def fetch_order_status(self, order_id: OrderId) -> OrderReport:
        """Read one order.

        Raises:
            OrderNotFoundError: the broker answers "not found", which is not yet an outcome.
            OrderStatusError: the read failed or its reply makes no sense.
        """
        ...

    def list_open_orders(self) -> Listing:
        """Read all open orders of the account, checked row by row. Never raises; an incomplete listing says why."""
        ...

    def list_orders_since(self, changed_after: datetime) -> Listing:
        """Read every order, open or ended, that changed since; as `list_open_orders` in all else.

        Of a broker that does not list by change (`BrokerCapabilities.lists_by_change`), read every order created since.
        """
        ...

    def find_by_client_order_id(
        self,
        client_order_id: ClientOrderId,
        *,
        ref_id: RefId,
        created_after: datetime,
        created_before: datetime | None = None,
    ) -> Listing:
        """Look through open and closed orders since ``created_after``, by our clock, for ``ref_id``.

        The listing holds the one report that was found, or none; only a complete one says "not there". With
        ``created_before`` it is enough to look among those created before that, where this is less to read.
        """
        ...


class AccountGateway(Protocol):
    """Account reads at the broker.

    Each raises `OrderStatusError` when the data cannot be had: no data is an error, never an empty account.
    """

    def by(self, deadline: Seconds) -> Self:
        """Return the same gateway, whose reads are all over by ``deadline``, a point on the clock."""
        ...

    def fetch_account(self) -> AccountSnapshot:
        """Read balances and restrictions."""
        ...

    def fetch_positions(self) -> PositionListing:
        """Read all non-zero positions; a row that cannot be read is listed as such and hides no other."""
        ...

    def fetch_position(self, instrument_id: str) -> Position | None:
        """Read the position of one instrument alone; None where the broker has none, or none is left of it."""
        ...

    def fetch_equity(self) -> Decimal | None:
        """Read what the whole account is worth, in dollars; None where the broker does not say."""
        ...

    def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Read quotes, many in one request; symbols the broker does not know are absent."""
        ...


class MarketDataGateway(Protocol):
    """Prices at the broker, now and before. Each raises `OrderStatusError` when they cannot be had."""

    def by(self, deadline: Seconds) -> Self:
        """Return the same gateway, whose reads are all over by ``deadline``, a point on the clock."""
        ...

    def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Read quotes, as `AccountGateway.fetch_quotes` does."""
        ...

    def fetch_history(self, symbol: str, interval: str, span: str) -> tuple[Bar, ...]:
        """Read the bars of the regular session that have ended, oldest first; one that cannot be read is left out.

        ``interval`` and ``span`` go together as `BAR_INTERVALS` says. No bars at all is an empty tuple; a symbol that
        the broker does not know is an `OrderStatusError`.
        """
        ...


class Gateway(BrokerGateway, AccountGateway, MarketDataGateway, Protocol):
    """The whole way to one account at a broker, as one object: what `trading_bot.create_bot` takes for its own."""

    def by(self, deadline: Seconds) -> Self:
        """Return the same gateway, whose reads and cancels are all over by ``deadline``, a point on the clock."""
        ...


class LatchLook(Value, frozen=True, kw_only=True):
    """What the armed latch said at one moment."""

    arming: ArmingId | None
    """Which arming is in force, also once it has merely expired; None while there is none."""
    not_armed: str | None
    """Why no order may be sent, or None if trading is armed."""
    not_reducing: str | None
    """Why not even held shares may be sold; None while armed, and once the arming has merely expired."""


class TradingLatch(Protocol):
    """The account's armed latch."""

    def look(self) -> LatchLook:
        """Read it afresh, once: what the answer says held at one moment."""
        ...


class SendLock(Protocol):
    """The account's send lock, shared by every thread and process that may send or kill."""

    def acquire(self, timeout_s: Seconds) -> None:
        """Take the lock.

        Raises:
            SendLockError: somebody else held it for the whole time, or the lock file cannot be used.
        """
        ...

    def release(self) -> None:
        """Give it back."""
        ...
