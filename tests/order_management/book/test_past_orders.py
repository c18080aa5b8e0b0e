"""Orders of the past are asked for once: a name that was not found is not looked for again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from tests.support.order_story import Story, intended
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.past_orders import JournalPast
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.journal.port import OrderKeyKind
from trading_bot.order_management.models import ClientOrderId

BY_NAME = OrderKeyKind.CLIENT_ORDER_ID


class Journal:
    """Knows one order, and notes what it was asked."""

    def __init__(self) -> None:
        self.records = Story(intended("old")).records
        self.asked: list[str] = []
        self.is_unlocked = False

    def find_order(self, kind: OrderKeyKind, name: str) -> ClientOrderId | None:
        self._ask(f"find {kind.value} {name}")
        return ClientOrderId("old") if name in ("old", "ref-of-old") else None

    def records_of(self, name: ClientOrderId) -> Sequence[JournalRecord]:
        self._ask(f"records {name}")
        return self.records if name == "old" else ()

    def _ask(self, what: str) -> None:
        assert self.is_unlocked, "nobody waits for a slow journal"
        self.asked.append(what)

    @contextmanager
    def unlocked(self) -> Iterator[None]:
        self.is_unlocked = True
        yield
        self.is_unlocked = False


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def past(journal) -> JournalPast:
    return JournalPast(journal, unlocked=journal.unlocked, refold=OrderBook.replayed_order)


def test_an_order_is_found_by_each_name_and_folded_from_its_records(past, journal):
    for kind, name in ((BY_NAME, "old"), (OrderKeyKind.REF_ID, "ref-of-old")):
        assert past.find(kind, name).client_order_id == "old"
    assert journal.asked == ["find client_order_id old", "records old", "find ref_id ref-of-old", "records old"]


def test_a_name_that_was_not_found_costs_one_question_until_orders_leave(past, journal):
    for _ in range(3):
        assert past.find(BY_NAME, "new") is None
    assert journal.asked == ["find client_order_id new"]
    assert past.find(OrderKeyKind.REF_ID, "new") is None
    assert past.find(BY_NAME, "newer") is None
    past.forget_absent()
    assert past.find(BY_NAME, "new") is None
    assert journal.asked[1:] == ["find ref_id new", "find client_order_id newer", "find client_order_id new"]


def test_records_that_were_not_there_are_asked_for_again_only_where_they_may_be_new(past, journal):
    assert list(past.records_of(ClientOrderId("old"), may_be_new=False)) == journal.records
    for _ in range(2):
        assert past.records_of(ClientOrderId("new"), may_be_new=False) == ()
    assert past.find(BY_NAME, "new") is None
    assert journal.asked == ["records old", "records new"]
    assert past.records_of(ClientOrderId("new"), may_be_new=True) == ()
    assert journal.asked[2:] == ["records new"]
