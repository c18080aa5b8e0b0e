"""Entries that nobody fills: cancelled, or placed anew at the middle of the market, once their time-out has passed.

An entry is a buy. Sells leave positions, and stops protect them: neither has a time-out. The time counts while the
broker works the order, from its latest report of a change or a fill: an order that is queued for the next session waits
for that. What an entry is placed anew with goes through every check of a new one, and one that cannot be placed anew is
cancelled. So no entry outlives its time-out, but for one whose cancel the broker does not carry out.
"""

from datetime import datetime

from trading_bot.clock import Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.cancel.canceller import CancelService
from trading_bot.order_management.context import OrderContext
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.models import ClientOrderId, OrderState, Side
from trading_bot.order_management.submit.placement import Gather
from trading_bot.order_management.submit.replace import REPLACE_UNDER_WAY, Change, Replacement
from trading_bot.order_management.unfilled_rules import UnfilledAction, UnfilledRule
from trading_bot.prose import clause

_FOLLOWED_FOR_S: Seconds = 5.0
"""How long a cancel is followed: the next synchronisation reads what became of it."""

_WORKED = frozenset({OrderState.CONFIRMED, OrderState.PARTIALLY_FILLED})
_log = get_logger(__name__)


class UnfilledEntries:
    """Ends them, one round at a time."""

    def __init__(self, context: OrderContext, *, cancel: CancelService, replacing: Replacement) -> None:
        self._store = context.store
        self._settings = context.settings
        self._clock = context.clock
        self._request = context.request
        self._cancels = cancel
        self._replacing = replacing

    def end(self, *, gather: Gather) -> tuple[ClientOrderId, ...]:
        """End every entry whose time-out has passed, and return their ids; ``gather`` checks what is placed anew."""
        if not self._settings.has_time_outs:
            return ()
        now = self._clock.now()
        with self._store.open_book() as book:
            rules = [(order, self._settings.unfilled_rule(order.envelope.strategy_name)) for order in book.working()]
        due = [(order, rule) for order, rule in rules if rule is not None and is_due(order, rule, now)]
        for order, rule in due:
            with self._request(order.envelope.correlation_id):
                self._end(order, rule, gather)
        return tuple(order.client_order_id for order, _ in due)

    def _end(self, order: TrackedOrder, rule: UnfilledRule, gather: Gather) -> None:
        reason = f"nothing of it was filled for {rule.timeout_s:g} s (unfilled_timeout_s)"
        _log.info("entry_unfilled", client_order_id=order.client_order_id, symbol=order.envelope.symbol)
        if rule.action is UnfilledAction.REPRICE and order.reprices < rule.max_reprices:
            change = Change(reason=reason, reprices=order.reprices + 1)
            try:
                self._replacing.replace(order, change, gather=gather)
                return
            except OrderError as error:
                _log.warning("entry_not_repriced", client_order_id=order.client_order_id, problem=str(error))
                if error.code == REPLACE_UNDER_WAY:
                    return
                reason = f"{reason}; it was not placed anew: {clause(str(error))}"
        with self._store.open_book() as book:
            latest = book.get(order.client_order_id)
        if latest is not None and latest.state in _WORKED:
            self._cancels.cancel((latest,), within_s=_FOLLOWED_FOR_S, reason=reason)


def is_due(order: TrackedOrder, rule: UnfilledRule, now: datetime) -> bool:
    """Return whether the time-out of an order has passed at ``now``."""
    if order.envelope.side is not Side.BUY or order.state not in _WORKED or order.cancel_wanted:
        return False
    since = max(order.envelope.created_at, order.last_transaction_at or order.envelope.created_at)
    return (now - since).total_seconds() >= rule.timeout_s
