"""The positive control of a kill's proof: an empty list proves nothing unless it can be seen to be ours.

A filter that matches nothing, a session of another account and a cache that is stale all answer "no open orders". So
before empty lists count, the account that is meant is read afresh, and the same account filter has to show an order
that is known to be there: one that this kill saw in the list of open orders, else the newest on record, in the list of
what changed since it was made. An account for which no order is on record has only the first of the two.
"""

from trading_bot.kill.broker import KillBroker
from trading_bot.kill.run import KillRun
from trading_bot.order_management.cancel.step import CHANGED_SINCE
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import OrderEnvelope


def control_problem(broker: KillBroker, run: KillRun) -> str | None:
    """Return why the broker's empty lists prove nothing, or None."""
    try:
        broker.confirm_account()
    except OrderStatusError as error:
        return f"the account could not be read again, so an empty list may be another account's: {error}"
    if run.has_shown_ours:
        return None
    known = _newest_on_record(run)
    return None if known is None else _problem_with_list(broker, known)


def _newest_on_record(run: KillRun) -> OrderEnvelope | None:
    at_broker = (order.envelope for order in run.known.orders if order.envelope.order_id is not None)
    return max(at_broker, key=lambda envelope: envelope.created_at, default=None)


def _problem_with_list(broker: KillBroker, known: OrderEnvelope) -> str | None:
    listing = broker.list_orders_since(known.created_at - CHANGED_SINCE)
    shown = {*(report.order_id for report in listing.reports), *(row.order_id for row in listing.unread)}
    if known.order_id in shown | set(listing.unreadable_ids):
        return None
    if listing.problem is not None:
        return f"no known order could be listed, so an empty list proves nothing: {listing.problem}"
    return (
        f"the broker's list does not show the order {known.client_order_id}, which it has: its empty answers prove "
        "nothing; look into the broker's app"
    )
