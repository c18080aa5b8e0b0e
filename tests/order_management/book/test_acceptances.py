"""What an accepted position says of the cost of its shares, as records and over rotations."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.order_management.decisions.test_operator_decisions import drifted
from tests.support.journal_bench import JournalBench
from tests.support.order_story import MONDAY, Story, intended, now_in
from trading_bot.order_management.book.acceptances import (
    Acceptance,
    SplitRatio,
    acceptance_event,
    acceptance_of,
    parse_ratio,
    refuse_unlike,
)
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.position_watch import baseline, baseline_taken
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderValidationError
from trading_bot.order_management.models import OrderState

TWO_DAYS_S = 2 * 24 * 3600.0


def accepted(held: str, *, before: str, ratio: str | None = None, symbol: str = "AAPL") -> OrderEvent:
    split = parse_ratio(ratio, symbol=symbol) if ratio is not None else None
    return acceptance_event(
        symbol, Decimal(held), before=Decimal(before), ratio=split, by="ada", reason="seen at the broker"
    )


def book_of(*events: OrderEvent) -> OrderBook:
    return Story(*events).book


@pytest.mark.parametrize(("text", "new", "old"), [("10:1", 10, 1), ("1:8", 1, 8), ("3:2", 3, 2), ("1000:1", 1000, 1)])
def test_a_ratio_is_the_new_shares_and_the_old_ones(text, new, old):
    assert parse_ratio(text, symbol="NVDA") == SplitRatio(new=new, old=old)


@pytest.mark.parametrize(
    "text",
    ["", "10", "10/1", "10:0", "0:1", "1001:1", "1:1001", "-2:1", "1.5:1", "10:1:1", " 10:1", "1:1", "2:2", "\u0661:2"],
)
def test_what_is_no_ratio_is_refused_with_an_example(text):
    with pytest.raises(OrderValidationError, match=r"such as 10:1, or 1:8") as refused:
        parse_ratio(text, symbol="NVDA")
    assert (refused.value.code, refused.value.symbol) == ("bad_ratio", "NVDA")


@pytest.mark.parametrize(
    ("ratio", "before", "held"),
    [
        ("10:1", "10", "100"),
        ("1:8", "80", "10"),
        ("1:8", "83", "10"),
        ("1:8", "83", "10.375"),
        ("1:8", "83", "11"),
        ("3:2", "1", "1"),
        ("1:8", "5", "0"),
        ("4:1", "2.5", "10"),
    ],
)
def test_a_ratio_fits_within_less_than_one_share(ratio, before, held):
    split = parse_ratio(ratio, symbol="NVDA")
    refuse_unlike(split, symbol="NVDA", before=Decimal(before), held=Decimal(held))


@pytest.mark.parametrize(
    ("ratio", "before", "held"),
    [("10:1", "10", "10"), ("1:10", "10", "100"), ("2:1", "1", "1"), ("10:1", "10", "101"), ("10:1", "0", "0")],
)
def test_a_ratio_that_does_not_lead_there_is_refused_and_says_the_rule(ratio, before, held):
    split = parse_ratio(ratio, symbol="NVDA")
    with pytest.raises(OrderValidationError, match="may differ by less than one share") as refused:
        refuse_unlike(split, symbol="NVDA", before=Decimal(before), held=Decimal(held))
    assert refused.value.code == "ratio_does_not_fit"


def test_an_acceptance_is_kept_with_both_quantities_and_its_place_in_the_journal():
    story = Story(intended(), now_in(OrderState.CANCELLED), accepted("100", before="10", ratio="10:1"))
    assert story.book.acceptances() == (
        Acceptance(
            symbol="AAPL",
            number=3,
            at=story.records[-1].ts,
            by="ada",
            before=Decimal(10),
            held=Decimal(100),
            ratio=SplitRatio(new=10, old=1),
        ),
    )


@pytest.mark.parametrize(("quantity", "became"), [("80", "10"), ("8", "1"), ("4", "0.5")])
def test_shares_become_what_the_position_accepted_became(quantity, became):
    (kept,) = book_of(accepted("10", before="80", ratio="1:8")).acceptances()
    assert kept.of(Decimal(quantity)) == Decimal(became)


@pytest.mark.parametrize(
    "event",
    [
        accepted("10", before="10"),
        baseline("AAPL", Decimal(10), reason="held when this journal first looked"),
        OrderEvent(event=EventKind.POSITION_ACCEPTED),
        OrderEvent(event=EventKind.POSITION_ACCEPTED, symbol="AAPL", details={"by": "ada"}),
        OrderEvent(event=EventKind.SYMBOL_RELEASED, symbol="AAPL", details={"by": "ada"}),
    ],
)
def test_what_changes_no_cost_is_not_kept(event):
    assert book_of(event).acceptances() == ()


def test_a_record_without_the_former_quantity_is_read_by_what_the_book_knew():
    """Records of version 0.1 have no such detail."""
    book = book_of(
        baseline("AAPL", Decimal(7)),
        OrderEvent(event=EventKind.POSITION_ACCEPTED, symbol="AAPL", quantity=Decimal(9), details={"by": "ada"}),
    )
    (kept,) = book.acceptances()
    assert (kept.before, kept.held, kept.keeps_cost) == (Decimal(7), Decimal(9), False)


@pytest.mark.parametrize("details", [{"before": "many"}, {"ratio": "ten"}, {"held": "x"}, {"number": "x"}])
def test_a_malformed_detail_is_damage(details):
    event = accepted("9", before="7")
    with pytest.raises(OrderLogDamagedError, match="cannot be true"):
        book_of(replace(event, details={**event.details, **details}))


def test_a_split_of_nothing_keeps_no_cost():
    story = Story(accepted("5", before="0", ratio="2:1"))
    (kept,) = story.book.acceptances()
    assert not kept.keeps_cost
    assert acceptance_of(story.records[0], before=Decimal(0)) == kept


def test_the_book_forgets_its_acceptances_with_everything_else():
    book = book_of(accepted("9", before="7"))
    book.clear()
    assert book.acceptances() == ()


class TestWhenOldOrdersLeave:
    def bench(self, *events: OrderEvent) -> JournalBench:
        bench = JournalBench(
            needed=lambda orders, acceptances, since: [o.client_order_id for o in orders if "kept" in o.client_order_id]
        )
        bench.tell(*events, intended("old"), now_in(OrderState.CANCELLED, "old"))
        bench.clock.sleep(TWO_DAYS_S)
        return bench

    def test_what_orders_rest_on_stays(self):
        ended = now_in(OrderState.CANCELLED, "kept")
        bench = self.bench(intended("kept"), ended, accepted("100", before="10", ratio="10:1"))
        before = bench.book.acceptances()
        assert bench.prune().book.acceptances() == before != ()
        assert bench.restart().book.acceptances() == before
        assert [order.number for order in bench.book.orders()] == [before[0].number - 2]

    def test_the_shares_accepted_stay(self):
        first_look = (baseline("AAPL", Decimal(10)), baseline_taken(MONDAY))
        bench = self.bench(*first_look, accepted("9", before="10"))
        assert bench.prune().restart().book.expected_positions() == {"AAPL": 9}

    def test_the_last_unknown_cost_of_a_held_symbol_stays_known(self):
        bench = self.bench(
            accepted("5", before="7"),
            accepted("9", before="5"),
            accepted("18", before="9", ratio="2:1"),
            accepted("0", before="3", symbol="MSFT"),
        )
        for book in (bench.prune().book, bench.restart().book):
            assert [(kept.symbol, kept.held) for kept in book.acceptances()] == [
                ("AAPL", Decimal(9)),
                ("AAPL", Decimal(18)),
            ]


def test_a_split_is_accepted_with_its_ratio_on_record():
    bench = drifted("40")
    quantity = bench.manager.decisions.accept_position("AAPL", by="ada", reason="9 for 5", ratio="9:5")
    (recorded,) = [fact for fact in bench.journal.facts(EventKind.POSITION_ACCEPTED) if "by" in fact.details]
    assert (quantity, recorded.quantity) == (Decimal(90), Decimal(90))
    assert dict(recorded.details) == {"by": "ada", "before": "50", "ratio": "9:5"}


@pytest.mark.parametrize("ratio", ["2:1", "five"])
def test_a_ratio_that_cannot_be_right_decides_nothing(ratio):
    bench = drifted("40")
    with pytest.raises(OrderValidationError):
        bench.manager.decisions.accept_position("AAPL", by="ada", reason="a split", ratio=ratio)
    assert [fact for fact in bench.journal.facts(EventKind.POSITION_ACCEPTED) if "by" in fact.details] == []


@given(st.integers(1, 1000), st.integers(1, 1000), st.decimals("0.00000001", 10**6, places=8))
def test_any_whole_result_of_a_split_is_accepted(new, old, before):
    """Brokers pay the fraction in cash, or round it up."""
    ratio = SplitRatio(new=new, old=old)
    whole = ratio.of(before) // 1
    for held in (whole, whole + 1 if ratio.of(before) % 1 else whole, ratio.of(before)):
        refuse_unlike(ratio, symbol="A", before=before, held=held)
