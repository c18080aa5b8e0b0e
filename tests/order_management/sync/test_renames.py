"""What an instrument is called: recorded where it is news, and never under a name that another instrument has."""

from decimal import Decimal

import pytest

from tests.support.manager_bench import ManagerBench
from trading_bot.order_management.book.position_watch import baseline
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.sync.renames import can_be_renamed, note_name


@pytest.fixture
def bench() -> ManagerBench:
    bench = ManagerBench()
    bench.store.record_fact(baseline("FBX", Decimal(10), instrument_id="I-1"))
    bench.store.record_fact(baseline("GM", Decimal(5), instrument_id="I-2"))
    return bench


def named(bench: ManagerBench, instrument_id: str | None, symbol: str, *, was: str | None = None) -> list[object]:
    with bench.store.open_book() as book:
        note_name(bench.store, book, instrument_id=instrument_id, symbol=symbol, was=was)
    return [(fact.symbol, dict(fact.details)) for fact in bench.journal.facts(EventKind.INSTRUMENT_NAMED)]


def test_a_new_name_is_recorded_with_the_one_before(bench):
    assert named(bench, "I-1", "METX") == [("METX", {"instrument_id": "I-1", "was": "FBX"})]


def test_the_name_on_record_counts_as_the_one_before_and_not_the_callers(bench):
    assert named(bench, "I-1", "METX", was="OLDER") == [("METX", {"instrument_id": "I-1", "was": "FBX"})]


def test_an_instrument_that_is_new_has_the_callers_name_before_it_if_that_is_another(bench):
    assert named(bench, "I-9", "KO", was="KO") == [("KO", {"instrument_id": "I-9"})]
    assert named(bench, "I-8", "PEP", was="PEPS")[1:] == [("PEP", {"instrument_id": "I-8", "was": "PEPS"})]


def test_what_is_no_news_is_not_recorded(bench):
    assert named(bench, "I-1", "FBX") == []
    assert named(bench, None, "METX", was="FBX") == []


def test_a_former_name_that_no_other_instrument_has_taken_is_given_back(bench):
    bench.store.record_fact(baseline("METX", Decimal(10), instrument_id="I-1"))
    assert named(bench, "I-1", "FBX") == [("FBX", {"instrument_id": "I-1", "was": "METX"})]


def test_the_name_of_another_instrument_is_not_taken_over(bench):
    assert named(bench, "I-1", "GM") == []
    with bench.store.open_book() as book:
        assert [can_be_renamed(book, "I-1", name) for name in ("GM", "FBX", "NEW")] == [False, True, True]
