"""Orders that do not work until the account's owner approves them in the broker's app.

1. Such an order is open: it may begin to trade at any moment, so what it may cost or sell stays reserved.
2. It awaits approval from the first report that says so until one shows that it works or has ended. A report that says
   nothing of it, and only that the order is queued, ends nothing: such an order may await approval still.
3. It protects nothing, and an entry that waits too long is cancelled, because its price gets old.
4. That the account ever asked for an approval is known for ever: nobody is there to approve what sells by itself.
"""

from collections.abc import Iterator
from datetime import datetime

from trading_bot.clock import Seconds
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import EventKind, OrderEvent, about
from trading_bot.order_management.models import OrderEnvelope, OrderReport, OrderState, Side

APPROVAL_WAIT_S: Seconds = 60.0
"""How long an entry waits at most, unless it is configured. Chosen: time to answer, and the price is not too old."""

_WORKS = frozenset({OrderState.CONFIRMED, OrderState.PARTIALLY_FILLED})


def begins_to_wait(order: TrackedOrder, report: OrderReport, *, has_filled: bool) -> Iterator[OrderEvent]:
    """Yield the record of an order that is seen to await approval, where that is news."""
    is_open = report.state.is_working and not order.state.is_terminal and not has_filled
    if report.awaits_approval and is_open and order.envelope.approval_awaited_since is None:
        yield about(order.envelope, EventKind.APPROVAL_AWAITED, order_id=report.order_id)


def ends_wait(order: TrackedOrder, report: OrderReport) -> bool:
    """Whether a report shows that an order which awaited approval works; its end needs no word of its own."""
    return order.envelope.approval_awaited_since is not None and shows_work(report)


def shows_work(report: OrderReport) -> bool:
    """Whether a report shows that its order works or has traded, so that nobody has to approve it any more."""
    is_at_work = not report.awaits_approval and report.state_is_known and report.state in _WORKS
    return is_at_work or report.cumulative_quantity > 0


def is_overdue(order: TrackedOrder, now: datetime, wait_s: Seconds) -> bool:
    """Whether an entry has awaited approval for so long, and nobody has asked to cancel it."""
    since = order.envelope.approval_awaited_since
    if since is None or order.envelope.side is not Side.BUY or order.cancel_wanted:
        return False
    return (now - since).total_seconds() >= wait_s


def protects(order: TrackedOrder) -> bool:
    """Whether it is a stop of ours that may be relied on: one that awaits approval protects nothing."""
    return order.envelope.is_stop and not order.envelope.awaits_approval


def were_ever_asked_for(book: OrderBook) -> bool:
    """Whether any order on record ever awaited approval."""
    return any(fact.event is EventKind.APPROVAL_AWAITED for fact in book.standing_facts())


def approval_text(order: OrderEnvelope) -> str:
    """Say that an order awaits approval, and what that means for one of its kind."""
    if order.side is Side.BUY:
        then = "approve it soon, because an entry that waits too long is cancelled (agent.approval_wait_s)"
    else:
        then = "it protects nothing until then" if order.is_stop else "nothing of it is sold until then"
    terms = f"{order.side} {order.quantity} {order.symbol}"
    return f"{terms} does not work: the broker waits for your approval in the Robinhood app; {then}"
