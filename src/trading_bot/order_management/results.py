"""What the manager hands back from cancels and synchronisations."""

import enum
from dataclasses import dataclass
from decimal import Decimal

from trading_bot.order_management.models import ClientOrderId, OrderId, OrderState
from trading_bot.values import Value


class CancelVerdict(enum.StrEnum):
    """How a cancel ended, never claiming more than was proven."""

    CANCELLED = "cancelled"  # a broker report shows it
    FILLED_BEFORE_CANCEL = "filled_before_cancel"
    ALREADY_CLOSED = "already_closed"  # rejected or expired before the cancel arrived
    PENDING = "pending"  # the broker took the request; no terminal report yet
    REFUSED = "refused"  # the broker will not cancel it now; the order is still live
    CANCEL_NOT_SENT = "cancel_not_sent"  # the order is still live
    UNKNOWN = "unknown"  # no answer; treat as live
    DEFERRED = "deferred"  # the order's own outcome is unknown; cancelled as soon as it is found
    NEVER_SENT = "never_sent"  # provably nothing to cancel


PROVEN_CLOSED = frozenset(
    {
        CancelVerdict.CANCELLED,
        CancelVerdict.FILLED_BEFORE_CANCEL,
        CancelVerdict.ALREADY_CLOSED,
        CancelVerdict.NEVER_SENT,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelResult:
    """One order's end of a cancel request."""

    client_order_id: ClientOrderId | None
    order_id: OrderId | None
    symbol: str
    verdict: CancelVerdict
    state: OrderState
    filled_quantity: Decimal
    reason: str | None = None

    @property
    def is_proven_closed(self) -> bool:
        """Whether the order provably cannot trade any more."""
        return self.verdict in PROVEN_CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionDifference:
    """A position that our fills do not explain."""

    symbol: str
    broker: Decimal
    """Shares that the broker shows."""
    expected: Decimal
    """Shares that our fills explain."""


class SyncSummary(Value, frozen=True, kw_only=True):
    """What one synchronisation found and changed."""

    complete: bool
    """Whether every order of ours was answered for; a part confirms presence, never absence."""
    open_orders: int
    fills_booked: int
    orders_closed: int
    external_orders: int
    problem: str | None = None
    is_view: bool = False
    """Whether every page of the open orders was read in one go: enough for a new order to rest on."""
    notes: tuple[str, ...] = ()
    """What concerns single orders or symbols only, in sentences."""
    differences: tuple[PositionDifference, ...] = ()
    """Positions that are not what our fills explain."""
