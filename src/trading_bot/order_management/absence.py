"""When an order that nobody can find counts as absent. Pure.

Absence is the hardest thing to prove: a listing may lag, and a submit may still be on its way. So it takes two
complete listings of open and closed orders, a minute apart, both begun after the submit could last have reached the
broker, before an order is presumed absent; its cash or shares stay reserved even then. Only when the session in which
it could have rested has ended and one more complete listing does not show it, was it never accepted. A
good-till-cancelled order has no such end: a person decides. The wall clock may be set while all this lasts, so each
step also takes a minute that this process has measured itself.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from trading_bot.clock import Seconds
from trading_bot.order_management.events import EventKind, OrderEvent, about
from trading_bot.order_management.models import OrderState, TimeInForce
from trading_bot.order_management.order_book import TrackedOrder

LISTINGS_APART = timedelta(seconds=60)


def judge_absence(
    order: TrackedOrder,
    *,
    listing_began: datetime,
    sent_until: datetime,
    rested_until: datetime,
    watched_s: Seconds,
) -> OrderEvent | None:
    """Return what a complete listing without ``order`` adds to the record, if anything.

    ``sent_until`` is when its submit ended at the latest; ``rested_until`` the end of the session it could have
    rested in; ``watched_s`` how long, on the monotonic clock, this process has known of the step before.
    """
    if not order.state.is_unresolved or order.surely_there or listing_began <= sent_until:
        return None
    is_watched = watched_s >= LISTINGS_APART.total_seconds()
    if order.state is OrderState.PRESUMED_ABSENT:
        return None if not is_watched else _never_accepted(order, listing_began, rested_until)
    if order.absent_since is None:
        return replace(about(order.envelope, EventKind.ABSENCE_NOTED), occurred_at=listing_began)
    if not is_watched or listing_began - order.absent_since < LISTINGS_APART:
        return None
    return replace(
        about(order.envelope, EventKind.ORDER_PRESUMED_ABSENT),
        status=OrderState.PRESUMED_ABSENT,
        occurred_at=listing_began,
        reason="two complete listings did not show it; it stays reserved until its session has ended",
    )


def _never_accepted(order: TrackedOrder, listing_began: datetime, rested_until: datetime) -> OrderEvent | None:
    if order.envelope.time_in_force is not TimeInForce.GFD or listing_began <= rested_until:
        return None
    return replace(
        about(order.envelope, EventKind.ORDER_NEVER_ACCEPTED),
        status=OrderState.NEVER_ACCEPTED,
        occurred_at=listing_began,
        reason="its session has ended and no complete listing ever showed it",
    )
