"""When an order that nobody can find counts as absent. Pure.

Absence is the hardest thing to prove: a listing may lag, and a submit may still be on its way. So it takes two
complete listings of open and closed orders, a minute apart, both begun after the submit could last have reached the
broker, before an order is presumed absent; its cash or shares stay reserved even then. Only when the session in which
it could have rested has ended and one more complete listing does not show it, was it never accepted. A
good-till-cancelled order has no such end: a person decides. The wall clock may be wrong, or be set while all this
lasts: so the minutes are those that this process has measured itself, and that a session has ended is believed only
where the broker's clock says so too.
"""

from datetime import datetime

from trading_bot.clock import CLOCKS_AGREE_WITHIN, Seconds
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.events import EventKind, OrderEvent, about
from trading_bot.order_management.models import OrderState, TimeInForce
from trading_bot.values import replace

LISTINGS_APART_S: Seconds = 60.0


def classify_absence(
    order: TrackedOrder,
    *,
    listing_began: datetime,
    broker_time: datetime | None,
    sent_until: datetime,
    rested_until: datetime,
    watched_s: Seconds,
) -> OrderEvent | None:
    """Return what a complete listing without ``order`` adds to the record, if anything.

    ``listing_began`` is our own time of it, and ``broker_time`` the broker's where that is known; ``sent_until`` is
    its send horizon; ``rested_until`` the end of the session it could have rested in;
    ``watched_s`` how long, on the monotonic clock, this process has known of the step before.
    """
    # A process that was stopped before it sent may go on at any time; only a person knows what runs.
    may_be_there = order.surely_there or order.sender_may_live
    if not order.state.is_unresolved or may_be_there or listing_began <= sent_until:
        return None
    if broker_time is not None and abs(listing_began - broker_time) > CLOCKS_AGREE_WITHIN:
        return None  # the search was bounded by our clock, and may have left the order out
    if order.absent_since is None:
        first_missed = listing_began if broker_time is None else max(listing_began, broker_time)
        return replace(about(order.envelope, EventKind.ABSENCE_NOTED), occurred_at=first_missed)
    if watched_s < LISTINGS_APART_S:
        return None
    if order.state is OrderState.PRESUMED_ABSENT:
        is_over = broker_time is not None and min(listing_began, broker_time) > rested_until
        return _never_accepted(order, listing_began) if is_over else None
    return replace(
        about(order.envelope, EventKind.ORDER_PRESUMED_ABSENT),
        status=OrderState.PRESUMED_ABSENT,
        occurred_at=listing_began,
        reason="two complete listings did not show it; it stays reserved until its session has ended",
    )


def _never_accepted(order: TrackedOrder, listing_began: datetime) -> OrderEvent | None:
    if order.envelope.time_in_force is not TimeInForce.GFD:
        return None
    return replace(
        about(order.envelope, EventKind.ORDER_NEVER_ACCEPTED),
        status=OrderState.NEVER_ACCEPTED,
        occurred_at=listing_began,
        reason="its session has ended and no complete listing ever showed it",
    )
