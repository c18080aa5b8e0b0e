"""Whether the broker's cash is what the last tie-out and the fills since explain."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.support.order_story import Story, booked, fill, intended
from trading_bot.order_management.event_details import TieOutDetails
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import Side
from trading_bot.results.history import history_of
from trading_bot.results.tie_out import Movement, Reading, Tolerance, Verdict, movement_of, tie_out

FRIDAY = datetime(2026, 11, 27, 18, 15, tzinfo=UTC)
TOLERANCE = Tolerance(dollars=Decimal(10), traded_bps=Decimal(5))
BEFORE = TieOutDetails(verdict="agrees", cash=Decimal(10_000), movement=Decimal(-500), traded=Decimal(900))


def reading(cash: object = "9000", *, net: int = -1500, traded: int = 1900, elsewhere: int = 0) -> Reading:
    """A thousand dollars of buys since the tie-out before."""
    return Reading(
        at=FRIDAY,
        cash=None if cash is None else Decimal(str(cash)),
        movement=Movement(net=Decimal(net), traded=Decimal(traded)),
        shares=(),
        bought_elsewhere=Decimal(elsewhere),
    )


def compared(read: Reading, before: TieOutDetails | None = BEFORE) -> Any:
    return tie_out(read, before, at=FRIDAY, tolerance=TOLERANCE)


def test_the_first_one_only_says_where_the_next_one_goes_on():
    assert compared(reading(), None).verdict is Verdict.BEGUN


@pytest.mark.parametrize(
    ("cash", "verdict", "difference"),
    [
        ("9000", Verdict.AGREES, 0),
        ("8989.50", Verdict.AGREES, Decimal("-10.50")),
        ("8989.49", Verdict.LESS, Decimal("-10.51")),
        ("9010.50", Verdict.AGREES, Decimal("10.50")),
        ("9010.51", Verdict.MORE, Decimal("10.51")),
    ],
)
def test_cash_may_be_less_by_ten_dollars_and_five_basis_points_of_what_was_traded(cash, verdict, difference):
    found = compared(reading(cash))
    assert (found.verdict, found.expected, found.difference, found.tolerated) == (
        verdict,
        9000,
        difference,
        Decimal("10.50"),
    )


def test_shares_bought_elsewhere_explain_what_they_may_have_cost():
    assert compared(reading("7889.50", elsewhere=1000)).verdict is Verdict.EXPLAINED
    assert compared(reading("7889.49", elsewhere=1000)).verdict is Verdict.LESS


def test_nothing_is_concluded_without_cash_or_with_a_problem():
    assert compared(reading(None)).verdict is Verdict.NOT_TOLD
    assert compared(reading(None)).reason == "the broker does not say how much cash there is"
    found = compared(replace(reading("1"), problem="an order moved"))
    assert (found.verdict, found.reason) == (Verdict.NOT_TOLD, "an order moved")


def test_the_reason_says_which_number_differs_and_by_how_much():
    assert compared(reading("8500.256")).reason == (
        "cash: the broker shows 8500.256 dollars and the fills explain 9000.00, 499.744 are missing"
    )


def test_fills_move_what_sells_bring_less_what_buys_cost():
    story = Story(intended("b"), booked(fill(1, 4, "100"), "b"))
    story.tell(intended("s", side=Side.SELL), booked(fill(2, 1, "110"), "s"))
    found: Any = movement_of(history_of(story.records).fills)
    assert (found.net, found.traded) == (-290, 510)


def test_details_of_a_tie_out_come_back_as_they_were_written():
    told = TieOutDetails(
        verdict="less", cash=Decimal("1.5"), movement=Decimal(-2), traded=Decimal(3), difference=Decimal(4), by="ada"
    )
    assert TieOutDetails.of(OrderEvent(event=EventKind.ACCOUNT_TIED_OUT, details=told.as_text())) == told
    assert TieOutDetails.of(None) is None
    assert TieOutDetails.of(OrderEvent(event=EventKind.ACCOUNT_TIED_OUT, details={"cash": "much"})) is None


def test_known_fees_are_taken_off_what_is_expected_and_unknown_ones_are_not():
    story = Story(intended("b"), booked(fill(1, 4, "100"), "b", details={"order_fees": "0.01"}))
    story.tell(intended("s", side=Side.SELL), booked(fill(2, 3, "101"), "s", details={"order_fees": "0.04"}))
    story.tell(intended("t", side=Side.SELL), booked(fill(3, 1, "97"), "t"))
    found = movement_of(history_of(story.records).fills)
    assert (found.net, found.traded) == (Decimal("-0.05"), Decimal(800))
