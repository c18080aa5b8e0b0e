"""Looking for orders in doubt: one listing of open and closed orders, and what it may prove.

A listing without the order proves that the order is not there only with a positive control: the account answers under
its own number, and a known order of ours stands in that very listing. An empty answer alone proves nothing.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Protocol

from trading_bot.clock import CLOCKS_AGREE_WITHIN, Moment, Seconds
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.events import OrderEvent
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import ClientOrderId
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.ports import AccountGateway, BrokerGateway
from trading_bot.order_management.sync.absence import classify_absence
from trading_bot.order_management.sync.external_orders import external_order, which_order
from trading_bot.order_management.sync.foreign import CREATED_BEFORE_FIRST_BYTE, Row
from trading_bot.prose import typed

LOOK_BACK = timedelta(hours=24)
"""How far a listing overlaps with what was before, because the broker's clock and ours differ."""

LIKELY_WITHIN = timedelta(seconds=15)
"""How long after its intent an order was most likely made: it is sent within 10 s, and clocks differ. Chosen."""

FEW = 4
"""So many orders in doubt are looked for one by one; for more, one list of the day is read at once. Chosen."""

READ_BY_ID = 10
"""So many orders are read by their ids: our own rate makes that many wait for nothing. Of more, a list is read."""


class Horizon(Protocol):
    """Until when an order can have been sent, and until when it can have rested."""

    def sent_until(self, order: TrackedOrder) -> datetime:
        """Return when the last byte of its submit can have arrived."""
        ...

    def rested_until(self, order: TrackedOrder) -> datetime:
        """Return when it had stopped resting at the latest."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """One listing of open and closed orders that was read to its end, and what stood in it."""

    began: Moment
    broker_time: datetime | None
    ours: Collection[ClientOrderId]
    """The orders on record of which it has a row."""
    fits: Mapping[ClientOrderId, Row]
    """The orders in doubt that a row may be, which does not say whose it is."""
    deadline: Seconds


def search_from(in_doubt: Iterable[TrackedOrder], known: Iterable[TrackedOrder]) -> datetime:
    """Return since when a listing must reach to show these orders, and one known order beside them."""
    since = min(order.envelope.created_at for order in in_doubt) - LOOK_BACK
    at_broker = [order.envelope.created_at for order in known if order.envelope.order_id is not None]
    return min(since, max(at_broker) - CREATED_BEFORE_FIRST_BYTE) if at_broker else since


def likely_made(order: TrackedOrder) -> tuple[datetime, datetime]:
    """Return between which two moments of our clock the broker made an order most likely, if it did."""
    intended_at = order.envelope.created_at
    return intended_at - CREATED_BEFORE_FIRST_BYTE, intended_at + LIKELY_WITHIN


def changed_since(orders: Iterable[TrackedOrder], *, viewed_at: datetime | None, now: datetime) -> datetime:
    """Return since when a listing must reach to show what became of orders that were open when last seen."""
    overlap = 2 * CLOCKS_AGREE_WITHIN
    if viewed_at is not None:
        return viewed_at - overlap
    return max(min(order.envelope.created_at for order in orders) - overlap, now - LOOK_BACK)


def changed_orders(orders: Iterable[TrackedOrder], since: datetime) -> Iterator[TrackedOrder]:
    """Return the orders that may have changed since: those that have not ended, and those that ended after it."""
    return (
        order
        for order in orders
        if not order.state.is_terminal or (order.last_transaction_at or order.envelope.created_at) >= since
    )


def list_from(gateway: BrokerGateway, changed_after: datetime, orders: Iterable[TrackedOrder]) -> datetime:
    """Return since when to list to see what changed after a moment in these orders; see `BrokerCapabilities`."""
    created = (order.envelope.created_at for order in orders)
    return gateway.capabilities.list_from(changed_after, created=created)


class AbsenceSearch:
    """Says which orders a listing has disproved.

    The account is read again as one half of the positive control; without an ``account`` to read, the other half alone
    has to do.
    """

    def __init__(
        self,
        *,
        store: OrderStore,
        horizon: Horizon,
        account: AccountGateway | None,
    ) -> None:
        self._store = store
        self._horizon = horizon
        self._account = account
        self._watched_since: dict[ClientOrderId, Seconds] = {}

    def conclude(self, in_doubt: Collection[TrackedOrder], searched: Searched) -> Iterator[str]:
        """Record what the listing proves of each order; yield what it could not prove, and why."""
        doubted = [order.client_order_id for order in in_doubt]
        has_control = any(name not in doubted for name in searched.ours)
        control = cache(lambda: self.control_problem(has_control=has_control, deadline=searched.deadline))
        for name in doubted:
            if name in searched.fits:
                yield which_order(external_order(searched.fits[name], may_be=(name,)))
            elif name not in searched.ours:
                yield from self._concluded(name, searched, control)

    def control_problem(self, *, has_control: bool, deadline: Seconds) -> str | None:
        """Return why a listing without an order proves nothing, or None."""
        if not has_control:
            return "no other order of ours stands in the broker's list, so the list proves nothing"
        try:
            if self._account is not None:
                self._account.by(deadline).fetch_account()
        except OrderStatusError as error:
            return f"the account itself could not be read ({error})"
        return None

    def _concluded(self, name: ClientOrderId, searched: Searched, control: Callable[[], str | None]) -> Iterator[str]:
        with self._store.open_book() as book:
            order = book.get(name)
        event = None if order is None else self._event(order, searched)
        if event is None:
            return
        problem = control()
        if problem is not None:
            yield (
                f"order {name} stays in doubt: {problem}; once the broker's app shows that there is no such order, "
                f"{typed('resolve', name, '--as', 'never_accepted')} ends it"
            )
            return
        self._store.record_fact(event)
        self._watched_since[name] = searched.began.mono

    def _event(self, order: TrackedOrder, searched: Searched) -> OrderEvent | None:
        began, is_on_record = searched.began, order.absent_since is not None
        # Times of another process mean nothing on this one's clock: what it noted counts from when it is seen here.
        name = order.client_order_id
        since = self._watched_since.setdefault(name, began.mono) if is_on_record else began.mono
        return classify_absence(
            order,
            listing_began=began.at,
            broker_time=searched.broker_time,
            sent_until=self._horizon.sent_until(order),
            rested_until=self._horizon.rested_until(order),
            watched_s=began.mono - since,
        )
