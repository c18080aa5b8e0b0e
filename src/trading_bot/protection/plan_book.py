"""The plans on record, and the one way to change one: judged and recorded in one step, under the store's lock."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.protections import Plan, PlanChange, protection_changed
from trading_bot.order_management.events import OrderEvent
from trading_bot.order_management.models import ClientOrderId
from trading_bot.order_management.order_store import OrderStore


class PlanBook:
    """Reads and changes the plans of one account. Safe to use from several threads."""

    def __init__(self, store: OrderStore) -> None:
        self._store = store
        self.leaving: set[str | None] = set()
        """The exits of plans that are under way in this process: each may place another order any moment."""
        self.placing: set[ClientOrderId] = set()
        """The stop orders that are being placed: one of them that is not on record yet may be in a moment."""

    def open(self) -> AbstractContextManager[OrderBook]:
        """Hold the book while judging and recording."""
        return self._store.open_book()

    def all(self) -> tuple[Plan, ...]:
        """Return every plan."""
        with self._store.open_book() as book:
            return book.protections.all()

    def get(self, plan_id: str) -> Plan | None:
        """Return a plan; None once it has ended."""
        with self._store.open_book() as book:
            return book.protections.get(plan_id)

    def record(self, events: Iterable[OrderEvent]) -> None:
        """Record facts of plans in one commit."""
        self._store.record_facts(events)

    def change(
        self, plan_id: str, change: PlanChange, edit: Callable[[Plan], Plan], *, reason: str | None = None
    ) -> Plan | None:
        """Change a plan that has not ended; one that the edit leaves as it is makes no record."""
        with self._store.open_book() as book:
            plan = book.protections.get(plan_id)
            if plan is None:
                return None
            edited = edit(plan)
            if edited != plan:
                self._store.record_fact(protection_changed(edited, change, reason=reason))
            return edited
