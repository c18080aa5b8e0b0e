"""How far back a list of open orders has to go where orders can be listed by their creation alone.

A good-till-cancelled order may rest for some three months, so the first list reads that far back. A whole list says
which orders are open and when the oldest of them was made; an order that has ended stays so. The next list therefore
reads what was created within a day, and the few older orders that were open then by their ids. Where those are more, it
reads from the oldest of them on. Once a day the whole list is read again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from trading_bot.order_management.models import OrderId, OrderReport
from trading_bot.order_management.outcomes import Listing, UnreadRow

LONGEST_REST = timedelta(days=100)
"""A good-till-cancelled order is said to rest for some 90 days."""

OVERLAP = timedelta(hours=24)
"""How far each list reaches back behind the one before: clocks differ, and a new order may be listed late. Chosen."""

WHOLE_EVERY = timedelta(hours=24)
"""How often all of `LONGEST_REST` is read again, whatever is known. Chosen."""

READ_BY_ID = 4
"""So many older orders are read by their ids; where there are more, a longer list costs less. Chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What to read: everything created since, and these orders by their ids."""

    since: datetime
    by_id: tuple[OrderId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """An order that was open; what its row does not say is None."""

    order_id: OrderId | None
    created_at: datetime | None

    def is_older_than(self, moment: datetime) -> bool:
        return self.created_at is None or self.created_at < moment


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    began: datetime
    whole_at: datetime
    open: tuple[_Open, ...]


class OpenOrders:
    """What the last whole list showed to be open."""

    def __init__(self) -> None:
        self._view: _View | None = None

    def reach(self, now: datetime) -> Reach:
        """Return what a list that begins now has to read."""
        view = self._view
        whole = Reach(since=now - LONGEST_REST)
        if view is None or not view.whole_at <= now < view.whole_at + WHOLE_EVERY:
            return whole
        recent = min(view.began, now) - OVERLAP
        older = [order for order in view.open if order.is_older_than(recent)]
        named = tuple(order.order_id for order in older if order.order_id is not None)
        if len(named) == len(older) <= READ_BY_ID:
            return Reach(since=recent, by_id=named)
        dated = [order.created_at for order in older if order.created_at is not None]
        return Reach(since=min(dated)) if len(dated) == len(older) else whole

    def note(self, listed: Listing, *, began: datetime, reach: Reach) -> None:
        """Take the open ones of all orders that a list of ``reach`` showed.

        One that was not whole teaches nothing, nor does an empty one, which proves nothing alone. An older order that
        was not shown by its id is asked for again.
        """
        rows: tuple[OrderReport | UnreadRow, ...] = (*listed.reports, *listed.unread)
        if not listed.has_all_pages or not rows:
            return
        shown = {row.order_id for row in rows}
        before = self._view
        is_whole = before is None or reach.since <= began - LONGEST_REST
        self._view = _View(
            began=began,
            whole_at=began if before is None or is_whole else before.whole_at,
            open=(
                *(
                    _Open(order_id=row.order_id, created_at=row.created_at)
                    for row in rows
                    if row.state is None or row.state.is_working
                ),
                *(_Open(order_id=each, created_at=None) for each in reach.by_id if each not in shown),
            ),
        )
