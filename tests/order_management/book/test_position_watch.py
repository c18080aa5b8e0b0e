"""What a look at the positions means."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.account_gateway import holding
from tests.support.manager_bench import MONDAY
from tests.support.order_story import report
from trading_bot.clock import Moment
from trading_bot.order_management.book.freezes import Cause, cause_of
from trading_bot.order_management.book.position_watch import (
    INSTRUMENT_ID,
    SETTLED_AFTER_S,
    Difference,
    Look,
    baseline,
    differed,
    differences,
    first_baseline,
    freeze_of,
    is_proven,
    is_same_difference,
    open_sells,
    quantities,
    short_freeze_of,
    with_instrument,
)
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import OrderState, Side


def look(held: dict[str, str], expected: dict[str, str], *, began: float = 0, moved: str = "") -> Look:
    return Look(
        held={symbol: Decimal(text) for symbol, text in held.items()},
        expected={symbol: Decimal(text) for symbol, text in expected.items()},
        moved=frozenset(moved.split()),
        began=Moment(at=MONDAY, mono=began),
    )


def test_lots_of_one_symbol_add_up():
    assert quantities([holding("AAPL", "3"), holding("AAPL", "4.5")]) == {"AAPL": Decimal("7.5")}


@pytest.mark.parametrize(
    ("held", "expected", "amount"),
    [
        ({"AAPL": "10"}, {"AAPL": "10"}, None),
        ({"AAPL": "10.00000000"}, {"AAPL": "10"}, None),
        ({"AAPL": "12"}, {"AAPL": "10"}, 2),
        ({"AAPL": "7"}, {"AAPL": "10"}, -3),
        ({"AAPL": "10.0123"}, {"AAPL": "10"}, Decimal("0.0123")),
        ({}, {"AAPL": "10"}, -10),
        ({"AAPL": "10"}, {}, 10),
    ],
    ids=["equal", "equal but for zeros", "bought elsewhere", "sold elsewhere", "reinvested", "gone", "new"],
)
def test_a_difference_is_what_our_fills_do_not_explain(held, expected, amount):
    found = differences(look(held, expected, began=5), {})
    assert found == ({} if amount is None else {"AAPL": Difference(amount=Decimal(amount), since=5)})


def test_the_same_difference_keeps_its_beginning_and_another_one_begins_anew():
    before = {"AAPL": Difference(amount=Decimal(2), since=0, is_unexplained=True)}
    assert differences(look({"AAPL": "12"}, {"AAPL": "10"}, began=9), before) == before
    other = differences(look({"AAPL": "13"}, {"AAPL": "10"}, began=9), before)
    assert other == {"AAPL": Difference(amount=Decimal(3), since=9)}


def test_a_symbol_that_moved_during_the_look_is_not_judged():
    before = {"AAPL": Difference(amount=Decimal(2), since=0)}
    assert differences(look({"AAPL": "12"}, {"AAPL": "11"}, moved="AAPL", began=9), before) == before
    assert differences(look({"AAPL": "12"}, {"AAPL": "11"}, moved="AAPL"), {}) == {}


@pytest.mark.parametrize(
    ("began", "is_unexplained", "proven"),
    [(SETTLED_AFTER_S, True, True), (SETTLED_AFTER_S - 0.001, True, False), (SETTLED_AFTER_S, False, False)],
)
def test_a_drift_takes_time_and_a_look_at_the_closed_orders(began, is_unexplained, proven):
    difference = Difference(amount=Decimal(2), since=0, is_unexplained=is_unexplained)
    assert is_proven(difference, look({}, {}, began=began)) is proven


def test_the_first_look_puts_every_position_on_record_and_then_that_these_were_all():
    *positions, end = first_baseline(look({"MSFT": "5", "AAPL": "10"}, {"TSLA": "1"}))
    assert [(fact.symbol, fact.quantity) for fact in positions] == [
        ("AAPL", Decimal(10)),
        ("MSFT", Decimal(5)),
        ("TSLA", Decimal(0)),
    ]
    assert (end.event, end.symbol, end.occurred_at) == (EventKind.POSITION_ACCEPTED, None, MONDAY)


def test_a_drift_names_both_quantities():
    freeze = freeze_of("AAPL", look({"AAPL": "7"}, {"AAPL": "10"}))
    assert "holds 7 shares and our fills explain 10" in (freeze.reason or "")
    assert (freeze.event, cause_of(freeze)) == (EventKind.SYMBOL_FROZEN, Cause.DRIFT)


def test_a_short_position_is_named():
    short = short_freeze_of("AAPL", Decimal(-3))
    assert (short.event, short.symbol, cause_of(short)) == (EventKind.SYMBOL_FROZEN, "AAPL", Cause.NEGATIVE_POSITION)
    assert "-3 AAPL" in (short.reason or "")


def test_open_sells_count_with_what_they_may_still_take():
    sell = report(OrderState.CONFIRMED, side=Side.SELL, quantity=Decimal(10), cumulative_quantity=Decimal(4))
    overfilled = report(OrderState.CONFIRMED, side=Side.SELL, quantity=Decimal(10), cumulative_quantity=Decimal(11))
    buy = report(OrderState.CONFIRMED, side=Side.BUY)
    assert open_sells([sell, sell, overfilled, buy]) == {"AAPL": Decimal(12)}


@pytest.mark.parametrize(
    ("held", "expected", "details"),
    [
        ({"AAPL": "7"}, {"AAPL": "10"}, {"broker": "7", "expected": "10"}),
        ({}, {"AAPL": "10"}, {"broker": "0", "expected": "10"}),
        ({"AAPL": "7"}, {}, {"broker": "7", "expected": "0"}),
    ],
    ids=["both", "gone", "new"],
)
def test_the_first_sight_of_a_difference_is_recorded_with_both_numbers_and_known_again(held, expected, details):
    """What is on no side's list is no share."""
    seen = look(held, expected)
    fact = differed("AAPL", seen)
    assert (fact.event, fact.symbol, fact.occurred_at) == (EventKind.POSITION_DIFFERED, "AAPL", MONDAY)
    assert fact.details == details
    assert is_same_difference(fact, "AAPL", seen)
    assert is_same_difference(freeze_of("AAPL", seen), "AAPL", seen)
    assert not is_same_difference(fact, "AAPL", look({"AAPL": "8"}, {"AAPL": "9"}))
    assert not is_same_difference(None, "AAPL", seen)


def test_a_record_names_the_instrument_where_it_is_known_beside_what_it_says():
    accepted = baseline("AAPL", Decimal(7), by="ada")
    assert with_instrument(accepted, "i-1").details == {"by": "ada", INSTRUMENT_ID: "i-1"}
    assert with_instrument(accepted, None) is accepted


def test_an_accepted_position_is_what_the_look_would_have_shown():
    """Whatever else it shows stays; a position accepted as nothing is none that our fills explain."""
    seen = look({"AAPL": "7", "MSFT": "5"}, {"AAPL": "10", "MSFT": "5"})
    accepted = seen.with_accepted("AAPL", Decimal(7))
    assert accepted.held == accepted.expected == {"AAPL": Decimal(7), "MSFT": Decimal(5)}
    assert accepted.since_began("AAPL", Decimal(9)) == 2
    gone = seen.with_accepted("AAPL", Decimal(0))
    assert gone.expected == {"MSFT": Decimal(5)}
    assert differences(gone, {}) == {}


@pytest.mark.parametrize(
    ("held_back", "promised", "left", "counts"),
    [("4", "4", "4", 4), ("4", "4", "1", 1), ("4", "4", "6", 4), ("5", "4", "1", 5), (None, None, "2", 0)],
    ids=["as promised", "some given back", "more promised since", "others' holds among it", "nothing held back"],
)
def test_what_the_broker_holds_back_counts_less_what_our_own_sells_gave_back(held_back, promised, left, counts):
    seen = replace(
        look({"AAPL": "10"}, {"AAPL": "10"}),
        held_back={} if held_back is None else {"AAPL": Decimal(held_back)},
        reserved={} if promised is None else {"AAPL": Decimal(promised)},
    )
    assert seen.held_back_now("AAPL", Decimal(left)) == counts
