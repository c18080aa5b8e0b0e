"""How far back a list of open orders has to go where orders can be listed by their creation alone.

A good-till-cancelled order may rest for some three months, so the first list reads that far back. A whole list says
which orders are open and when the oldest of them was made; an order that has ended stays so. The next list therefore
reads from the oldest open order on. Where that would be many pages, it reads what was created within a day, and each
older order that was open by its id. Once a day the whole list is read again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trading_bot.clock import CLOCKS_AGREE_WITHIN
from trading_bot.order_management.models import OrderId, OrderReport
from trading_bot.order_management.outcomes import Listing, UnreadRow

LONGEST_REST = timedelta(days=100)
"""A good-till-cancelled order is said to rest for some 90 days."""

OVERLAP = timedelta(hours=24)
"""How far each list reaches back behind the one before: clocks differ, and a new order may be listed late. Chosen."""

WHOLE_EVERY = timedelta(hours=24)
"""How often all of `LONGEST_REST` is read again, whatever is known. Chosen."""

ROWS_A_PAGE = 50
"""So many orders are taken to come in one page: 62 did; how many can is not known."""


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
    made: tuple[datetime, ...]
    """When the orders of the last whole list were created."""
    open: tuple[_Open, ...]

    def pages_between(self, begin: datetime, end: datetime) -> int:
        return sum(begin <= at < end for at in self.made) // ROWS_A_PAGE


class OpenOrders:
    """What the last whole list showed to be open."""

    def __init__(self) -> None:
        self._view: _View | None = None

    def reach(self, now: datetime) -> Reach:
        """Return what a list that begins now has to read."""
        view = self._view
        whole = Reach(since=now - LONGEST_REST)
        if view is None or not view.whole_at - CLOCKS_AGREE_WITHIN <= now < view.whole_at + WHOLE_EVERY:
            return whole
        recent = min(view.began, now) - OVERLAP
        older = [order for order in view.open if order.is_older_than(recent)]
        named = tuple(order.order_id for order in older if order.order_id is not None)
        dated = [order.created_at for order in older if order.created_at is not None]
        oldest = min(dated, default=recent) if len(dated) == len(older) else whole.since
        if len(named) == len(older) and len(named) <= view.pages_between(oldest, recent):
            return Reach(since=recent, by_id=named)
        return Reach(since=oldest)

    def note(self, listed: Listing, *, began: datetime, reach: Reach) -> None:
        """Take the open ones of all orders that a list of ``reach`` showed.

        One that was not whole teaches nothing, nor does an empty one, which proves nothing alone. An open order that
        was not shown is looked for again until the next whole list.
        """
        rows: tuple[OrderReport | UnreadRow, ...] = (*listed.reports, *listed.unread)
        if not listed.has_all_pages or not rows:
            return
        found = tuple(
            _Open(order_id=row.order_id, created_at=row.created_at)
            for row in rows
            if row.state is None or row.state.is_working
        )
        before = self._view
        if before is None or reach.since <= began - LONGEST_REST:
            made = tuple(row.created_at for row in rows if row.created_at is not None)
            self._view = _View(began=began, whole_at=began, made=made, open=found)
            return
        shown = {row.order_id for row in rows}
        missed = tuple(order for order in before.open if order.order_id is not None and order.order_id not in shown)
        self._view = replace(before, began=began, open=(*found, *missed))
