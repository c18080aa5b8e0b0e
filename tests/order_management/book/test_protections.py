"""Plans in the fold of the journal: each record states one whole, and reads back as it was written."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.support.journal_bench import JournalBench
from tests.support.order_story import Story
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.protections import (
    Plan,
    PlanChange,
    PlanEnding,
    Suspension,
    protection_changed,
    protection_ended,
    protection_set,
)
from trading_bot.order_management.client_ids import is_plain_name
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import ClientOrderId

prices = st.one_of(st.none(), st.decimals("0.01", "1000", places=2))
words = st.one_of(st.none(), st.text(min_size=1, max_size=20))
ids = (
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=64)
    .filter(is_plain_name)
    .map(ClientOrderId)
)
plans = st.builds(
    Plan,
    plan_id=st.just("p1"),
    symbol=st.just("AAPL"),
    set_for=st.sampled_from(["AAPL", "OLD"]),
    quantity=st.decimals("-10", "100", places=1),
    stop=prices,
    target=prices,
    trail_pct=prices,
    high=prices,
    entries=st.lists(ids, max_size=3).map(tuple),
    waits_for_entry=st.booleans(),
    stop_order=st.one_of(st.none(), ids),
    stop_rests_at=prices,
    stops_placed=st.integers(0, 9),
    not_resting_code=words,
    not_resting_because=words,
    exit_id=words,
    suspended=st.one_of(st.none(), st.sampled_from(Suspension)),
    suspended_because=words,
    closing=st.one_of(st.none(), st.sampled_from(PlanEnding)),
    by=st.text(max_size=10),
)
PLAIN = Plan(plan_id="p1", symbol="AAPL", set_for="AAPL", quantity=Decimal(5), stop=Decimal(90))


def in_book(*events) -> OrderBook:
    story = Story(*events)
    return OrderBook.replayed(story.records)


@given(plans)
def test_a_plan_reads_back_as_it_was_recorded(plan):
    assert in_book(protection_set(plan, reason="r")).protections.all() == (plan,)
    assert in_book(protection_changed(plan, PlanChange.SETTLED)).protections.get("p1") == plan


def test_the_latest_record_of_a_plan_is_the_plan_and_its_end_ends_it():
    raised = replace(PLAIN, high=Decimal(101))
    book = in_book(protection_set(PLAIN, reason="r"), protection_changed(raised, PlanChange.RAISED))
    assert book.protections.all() == (raised,)
    assert len(book.pointers.all()) == 1
    book = in_book(protection_set(PLAIN, reason="r"), protection_ended(PLAIN, PlanEnding.OFF, reason="enough"))
    assert (book.protections.all(), book.pointers.all()) == ((), frozenset())


def test_a_restart_reads_each_plan_from_its_latest_record_alone():
    raised, other = replace(PLAIN, high=Decimal(101)), replace(PLAIN, plan_id="p2", symbol="KO")
    bench = JournalBench().tell(
        protection_set(PLAIN, reason="r"),
        protection_set(other, reason="r"),
        protection_changed(raised, PlanChange.RAISED),
    )
    assert set(bench.restart().book.protections.all()) == {raised, other}
    assert [record.fact.event for record in bench.opened.standing if record.fact.symbol == "AAPL"] == [
        EventKind.PROTECTION_CHANGED
    ]
    bench.tell(protection_ended(raised, PlanEnding.OFF, reason="enough"))
    assert bench.restart().book.protections.all() == (other,)


def test_a_plan_that_cannot_be_read_counts_for_nothing():
    event = protection_set(PLAIN, reason="r")
    for broken in ({"quantity": "x"}, {"suspended": "who knows"}, {"set_for": None}):
        details = {key: text for key, text in {**event.details, **broken}.items() if text is not None}
        assert in_book(replace(event, details=details)).protections.all() == ()


def test_the_plan_of_a_symbol_is_the_one_that_covers_shares_now():
    waiting = replace(PLAIN, plan_id="p2", waits_for_entry=True)
    closing = replace(PLAIN, plan_id="p3", closing=PlanEnding.OFF)
    book = in_book(*(protection_set(plan, reason="r") for plan in (closing, waiting, PLAIN)))
    assert book.protections.of("AAPL") == PLAIN
    assert book.protections.of("MSFT") is None


def test_only_drift_and_silence_end_by_themselves():
    assert {each for each in Suspension if each.ends_by_itself} == {Suspension.DRIFT, Suspension.UNWATCHED}
