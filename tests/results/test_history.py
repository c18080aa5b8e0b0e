"""What a journal's records say of trading, read through the reader that needs no lease and no bot."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.order_story import MONDAY, Story, booked, fill, intended, now_in, order_id_of
from tests.support.stored_journal import StoredJournal
from trading_bot.order_management.book.acceptances import acceptance_event, parse_ratio
from trading_bot.order_management.book.position_watch import baseline, instrument_named
from trading_bot.order_management.event_details import ValuationDetails
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.models import OrderState, Side
from trading_bot.results.history import AccountHistory, history_of
from trading_bot.results.on_record import account_history

VALUED = OrderEvent(
    event=EventKind.ACCOUNT_VALUED,
    occurred_at=MONDAY,
    details={"occasion": "close", "equity": "100500.25", "equity_from": "broker", "cash": "99000"},
)


def told(records: Iterable[JournalRecord]) -> Any:
    """The history; tests compare its decimals with plain numbers."""
    return history_of(records)


def test_a_fill_says_all_that_is_known_of_it_and_its_order():
    (one,) = told(Story(intended(), booked(fill(1, 4, "99.90"))).records).fills
    assert (one.symbol, one.side, one.quantity, one.price, one.amount) == (
        "AAPL",
        Side.BUY,
        4,
        Decimal("99.90"),
        Decimal("399.60"),
    )
    assert (one.client_order_id, one.order_id, one.execution_id, one.strategy_name) == (
        "first",
        None,
        "fill-1",
        "momentum",
    )
    assert (one.reference_price, one.limit_price) == (Decimal("100.15"), Decimal(100))
    assert (one.executed_at, one.decided_at) == (MONDAY + timedelta(seconds=1), MONDAY)
    assert (one.fees, one.is_estimate) == (None, False), "no record tells its fees"


def test_fills_are_in_the_order_of_execution_whatever_the_order_of_their_records():
    story = Story(intended(), intended("second"), booked(fill(2), "second"), booked(fill(1)))
    assert [one.client_order_id for one in told(story.records).fills] == ["first", "second"]


def test_shares_filled_without_a_listed_execution_are_an_estimate():
    filled = now_in(OrderState.FILLED, filled_quantity=Decimal(10), average_price=Decimal(99))
    (one,) = told(Story(intended(), filled).records).fills
    assert (one.quantity, one.price, one.execution_id, one.is_estimate) == (10, 99, None, True)


def test_a_fill_goes_by_the_name_that_its_instrument_has_now():
    story = Story(
        intended(details={**intended().details, "instrument_id": "i1"}),
        booked(fill()),
        instrument_named("NEW", "i1", was="AAPL"),
    )
    assert told(story.records).fills[0].symbol == "NEW"


def test_the_first_look_and_a_persons_decision_restate_a_position_and_agreement_does_not():
    story = Story(
        baseline("AAPL", Decimal(5), reason="held when this journal first looked"),
        baseline("AAPL", Decimal(5), reason="the same again"),
        acceptance_event(
            "AAPL", Decimal(50), before=Decimal(5), ratio=parse_ratio("10:1", symbol="AAPL"), by="ada", reason="split"
        ),
        acceptance_event("AAPL", Decimal(60), before=Decimal(50), ratio=None, by="ada", reason="bought elsewhere"),
    )
    found = told(story.records).restated
    assert [(one.before, one.held, one.by, str(one.ratio or "")) for one in found] == [
        (0, 5, None, ""),
        (5, 50, "ada", "10:1"),
        (50, 60, "ada", ""),
    ]


def test_a_restated_position_goes_by_its_new_name_and_a_short_is_no_shares():
    story = Story(baseline("OLD", Decimal(-3), instrument_id="i1"), instrument_named("NEW", "i1", was="OLD"))
    (one,) = told(story.records).restated
    assert (one.symbol, one.held) == ("NEW", 0)


def test_valuations_are_told_with_their_moment_and_one_that_cannot_be_read_is_left_out():
    broken = OrderEvent(event=EventKind.ACCOUNT_VALUED, details={"equity": "much"})
    (one,) = told(Story(VALUED, broken).records).valuations
    assert (one.at, one.occasion, one.equity, one.equity_from) == (MONDAY, "close", Decimal("100500.25"), "broker")
    assert (one.cash, one.buying_power) == (99000, None)


def test_details_of_a_valuation_come_back_as_they_were_written():
    details = ValuationDetails(
        occasion="hour", equity=Decimal("1.50"), equity_from="quotes", cash=Decimal(1), buying_power=Decimal("0.1")
    )
    assert ValuationDetails.of(OrderEvent(event=EventKind.ACCOUNT_VALUED, details=details.as_text())) == details


def test_the_latest_valuation_alone_stands_so_that_a_start_reads_one():
    story = Story(VALUED, VALUED)
    (at,) = story.book.pointers.all()
    assert (at.seq, at.kind) == (2, "latest")


def test_a_journal_is_read_whole_and_one_never_begun_is_empty(tmp_path):
    bench = StoredJournal(tmp_path).tell(
        intended(), now_in(OrderState.CONFIRMED, order_id=order_id_of("first")), VALUED
    )
    found = account_history(bench.reader)
    assert [order.client_order_id for order in found.orders] == ["first"]
    assert len(found.valuations) == 1
    assert found.last_record_at == MONDAY + timedelta(seconds=2)
    assert account_history(None) == AccountHistory()


@pytest.mark.parametrize("missing", ["equity", "occasion", "equity_from"])
def test_a_valuation_without_what_it_is_about_is_none(missing):
    details = {key: text for key, text in VALUED.details.items() if key != missing}
    assert ValuationDetails.of(OrderEvent(event=EventKind.ACCOUNT_VALUED, details=details)) is None


def charged(number: int, quantity: object, fees: str) -> OrderEvent:
    return booked(fill(number, quantity), details={"order_fees": fees})


def test_the_latest_fees_of_an_order_are_shared_out_by_shares_and_add_up():
    fills = told(Story(intended(), charged(1, 3, "0.01"), charged(2, 3, "0.03"), charged(3, 4, "0.10")).records).fills
    assert [one.fees for one in fills] == [Decimal("0.03"), Decimal("0.03"), Decimal("0.04")]
    fills = told(Story(intended(), charged(1, 3, "0.01"), charged(2, 3, "0.01"), charged(3, 4, "0.005")).records).fills
    assert [one.fees for one in fills] == [0, 0, Decimal("0.005")]


def test_fees_are_those_of_their_own_order_and_others_stay_unknown():
    fills = told(Story(intended(), intended("second"), charged(1, 4, "0.00"), booked(fill(2), "second")).records).fills
    assert [one.fees for one in fills] == [0, None]


def test_fees_told_with_the_total_count_before_an_execution_is_listed():
    filled = now_in(
        OrderState.FILLED,
        filled_quantity=Decimal(10),
        average_price=Decimal(99),
        details={"order_fees": "0.04"},
    )
    (one,) = told(Story(intended(), filled).records).fills
    assert (one.is_estimate, one.fees) == (True, Decimal("0.04"))
