"""The words in journals and in the files beside them: a later version reads what an earlier one wrote."""

import enum
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.order_story import MONDAY, Story, intended, told
from trading_bot.order_management.book.anomalies import Anomaly, AnomalyKind, anomaly_of
from trading_bot.order_management.book.exit_facts import ExitEnding, ExitOrigin, exit_begun, exit_ended, exit_leg
from trading_bot.order_management.book.freezes import Cause, EndedBy, frozen, halted
from trading_bot.order_management.book.kill_wishes import kill_engaged
from trading_bot.order_management.book.pointers import StandingKind
from trading_bot.order_management.book.position_watch import baseline, instrument_named
from trading_bot.order_management.book.protections import (
    Plan,
    PlanChange,
    PlanEnding,
    Suspension,
    protection_changed,
    protection_ended,
    protection_set,
)
from trading_bot.order_management.book.side_import import SideTrouble
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import ClientOrderId, OrderId

WORDS: dict[type[enum.StrEnum], str] = {
    AnomalyKind: "two_orders another_order terms_differ filled_went_back overfilled filled_without_shares unknown_word "
    "after_its_end vanished other",
    Cause: "drift negative_position unjournaled twin terms_differ overfilled refused refusals cash_missing "
    "exit reentry",
    EndedBy: "time agreement accept_position adopt tie_out release resume",
    ExitEnding: "sold resting in_doubt nothing_free not_sold unfinished",
    ExitOrigin: "strategy stop person",
    PlanChange: "settled took_over raised stop_placed resting not_resting suspended resumed fired closing",
    PlanEnding: "sold position_gone not_bought replaced off",
    SideTrouble: "side_file_torn side_file_damaged side_file_foreign side_file_unreadable",
    StandingKind: "order stop kill latest exit protection acceptance position name rename difference",
    Suspension: "split renamed drift unwatched",
}


@pytest.mark.parametrize("kind", WORDS, ids=lambda kind: kind.__name__)
def test_a_word_once_written_keeps_its_meaning(kind):
    """A new one is added here; none is ever changed."""
    assert [each.value for each in kind] == WORDS[kind].split()


def test_a_freeze_is_written_with_its_cause_its_author_and_its_end():
    until = MONDAY + timedelta(minutes=5)
    assert frozen("AAPL", Cause.REFUSED, "403", until=until, by="ada") == OrderEvent(
        event=EventKind.SYMBOL_FROZEN,
        symbol="AAPL",
        reason="403",
        details={"cause": "refused", "by": "ada", "until": "2026-11-23T15:05:00+00:00"},
    )
    assert halted(Cause.REFUSALS, "three times") == OrderEvent(
        event=EventKind.TRADING_HALTED, reason="three times", details={"cause": "refusals", "by": "trading-bot"}
    )


def test_an_anomaly_is_written_with_its_kind():
    found = Anomaly(kind=AnomalyKind.OVERFILLED, evidence="12 of 10")
    event = found.event(Story(intended()).order().envelope)
    assert (event.reason, event.details) == ("12 of 10", {"anomaly": "overfilled"})
    assert anomaly_of(told(EventKind.ANOMALY_FOUND, reason="12 of 10", details={"anomaly": "overfilled"})) == found


def test_an_exit_is_written_with_who_wanted_it_its_orders_and_how_it_ended():
    assert exit_begun("e1", "AAPL", origin=ExitOrigin.STOP, by="momentum", reason="fell") == OrderEvent(
        event=EventKind.EXIT_BEGUN,
        symbol="AAPL",
        reason="fell",
        details={"exit_id": "e1", "origin": "stop", "by": "momentum"},
    )
    assert exit_leg("e1", "AAPL", "e1-1") == OrderEvent(
        event=EventKind.EXIT_LEG_PLACED, symbol="AAPL", details={"exit_id": "e1", "leg": "e1-1"}
    )
    assert exit_ended("e1", "AAPL", ExitEnding.SOLD, reason="all of it") == OrderEvent(
        event=EventKind.EXIT_ENDED, symbol="AAPL", reason="all of it", details={"exit_id": "e1", "ending": "sold"}
    )


def test_the_end_of_an_exit_names_the_order_that_it_leaves_open():
    left = replace(Story(intended("e1-1")).order("e1-1").envelope, order_id=OrderId("b-1"))
    assert exit_ended("e1", "AAPL", ExitEnding.RESTING, reason="it rests", left_open=left) == OrderEvent(
        event=EventKind.EXIT_ENDED,
        symbol="AAPL",
        order_id=OrderId("b-1"),
        reason="it rests",
        details={"exit_id": "e1", "ending": "resting", "leg": "e1-1"},
    )


FULL_PLAN = Plan(
    plan_id="p1",
    symbol="METX",
    set_for="AAPL",
    quantity=Decimal("5.50"),
    stop=Decimal(90),
    target=Decimal(120),
    trail_pct=Decimal("2.5"),
    high=Decimal(101),
    entries=(ClientOrderId("c1"), ClientOrderId("the second")),
    waits_for_entry=True,
    stop_order=ClientOrderId("s1"),
    stop_rests_at=Decimal(89),
    stops_placed=3,
    not_resting_code="refused",
    not_resting_because="no stops here",
    exit_id="e1",
    split_known="2026-11-20",
    suspended=Suspension.SPLIT,
    suspended_because="10:1",
    closing=PlanEnding.OFF,
    by="ada",
)
IN_A_RECORD = {
    "plan_id": "p1",
    "set_for": "AAPL",
    "quantity": "5.50",
    "stop": "90",
    "target": "120",
    "trail_pct": "2.5",
    "high": "101",
    "stop_rests_at": "89",
    "entries": "c1\nthe second",
    "waits_for_entry": "true",
    "stop_order": "s1",
    "stops_placed": "3",
    "not_resting_code": "refused",
    "not_resting_because": "no stops here",
    "exit_id": "e1",
    "split_known": "2026-11-20",
    "suspended": "split",
    "suspended_because": "10:1",
    "closing": "off",
    "by": "ada",
}


def test_a_plan_is_written_whole_in_each_of_its_records():
    assert protection_set(FULL_PLAN, reason="r") == OrderEvent(
        event=EventKind.PROTECTION_SET, symbol="METX", reason="r", details=IN_A_RECORD
    )
    assert protection_changed(FULL_PLAN, PlanChange.FIRED, reason="fell") == OrderEvent(
        event=EventKind.PROTECTION_CHANGED, symbol="METX", reason="fell", details={"change": "fired", **IN_A_RECORD}
    )
    assert protection_ended(FULL_PLAN, PlanEnding.SOLD, reason="all sold") == OrderEvent(
        event=EventKind.PROTECTION_ENDED,
        symbol="METX",
        reason="all sold",
        details={"plan_id": "p1", "ending": "sold", "by": "ada"},
    )
    assert Story(protection_set(FULL_PLAN, reason="r")).book.protections.all() == (FULL_PLAN,)


def test_a_plan_s_record_needs_no_more_than_its_id_what_it_was_set_for_and_its_shares():
    told_least = {"plan_id": "p1", "set_for": "AAPL", "quantity": "5"}
    book = Story(OrderEvent(event=EventKind.PROTECTION_SET, details=told_least)).book
    assert book.protections.all() == (Plan(plan_id="p1", symbol="AAPL", set_for="AAPL", quantity=Decimal(5)),)


def test_positions_and_names_are_written_with_the_broker_s_id_of_the_instrument():
    assert baseline("AAPL", Decimal(7), by="ada", instrument_id="i-1").details == {"by": "ada", "instrument_id": "i-1"}
    assert baseline("AAPL", Decimal(7)).details == {}
    assert instrument_named("METX", "i-1", was="AAPL").details == {"instrument_id": "i-1", "was": "AAPL"}


def test_noted_positions_are_written_with_each_quantity_and_each_name_once():
    """A former name is that of an instrument whose symbol another one has now."""
    story = Story(baseline("AAPL", Decimal("7.50"), instrument_id="i-1"), instrument_named("AAPL", "i-2"))
    (noted,) = story.book.positions.noted()
    assert noted.details == {"part": "1", "held:AAPL": "7.50", "instrument:AAPL": "i-2", "former:i-1": "AAPL"}


@pytest.mark.parametrize(("keeps_stops", "more"), [(True, {"stops": "kept"}), (False, {})])
def test_a_kill_is_written_with_its_file_its_author_and_what_it_wants_cancelled(keeps_stops, more):
    first, cancel = kill_engaged("f", by="ann", reason="enough", orders=[ClientOrderId("c1")], keeps_stops=keeps_stops)
    assert first == OrderEvent(
        event=EventKind.KILL_IMPORTED,
        reason="killed by ann: enough",
        details={"file": "f", "by": "ann", "orders": "1", **more},
    )
    assert cancel == told(EventKind.CANCEL_REQUESTED, "c1", reason="killed by ann: enough")
    (every,) = kill_engaged("f", by="ann", reason="enough", orders=None)
    assert every.details["orders"] == "all"
