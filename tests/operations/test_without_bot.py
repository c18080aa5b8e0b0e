"""What the database answers by itself."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.order_story import MONDAY, booked, fill, intended, now_in, order_id_of
from tests.support.stored_journal import StoredJournal
from trading_bot.clock import VirtualClock
from trading_bot.operations import ListFreezes, ListOrders, ListPositions, Ping, PlaceOrder, ShowRisk, ShowStatus
from trading_bot.operations.command import Command
from trading_bot.operations.without_bot import RecordedAnswers
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderNotFoundError
from trading_bot.order_management.models import OrderState, Side

ALL_LOOKED_AT = OrderEvent(event=EventKind.POSITION_ACCEPTED, occurred_at=MONDAY)
OPEN = (intended("open"), now_in(OrderState.CONFIRMED, "open", order_id=order_id_of("open")))
ENDED = (
    intended("ended"),
    now_in(OrderState.CONFIRMED, "ended", order_id=order_id_of("ended")),
    now_in(OrderState.CANCELLED, "ended"),
)


def part_filled(shares: int) -> OrderEvent:
    return now_in(OrderState.PARTIALLY_FILLED, "buy", filled_quantity=Decimal(shares), average_price=Decimal(100))


@pytest.fixture
def bench(tmp_path: Path) -> StoredJournal:
    return StoredJournal(tmp_path)


def answers(bench: StoredJournal, halted: str | None = None) -> RecordedAnswers:
    return RecordedAnswers(reader=bench.reader, clock=VirtualClock(bench.now), halted=lambda: halted)


def asked(bench: StoredJournal, command: Command, problem: str | None = None) -> Any:
    return answers(bench).answer(command, problem=problem)


def test_only_looks_are_answered(bench):
    found = answers(bench)
    assert all(map(found.can_answer, (ListOrders(), ShowStatus(id="x"), ListPositions(), ListFreezes(), ShowRisk())))
    buy = PlaceOrder(symbol="AAPL", side=Side.BUY, quantity=1, reference_price=Decimal(1))
    assert not any(map(found.can_answer, (Ping(), buy)))


def test_limits_are_answered_by_what_is_given_for_it(bench):
    bench.tell(*OPEN)
    assert asked(bench, ShowRisk())["limits"] == []
    given = replace(answers(bench), risk=lambda book: {"open": len(book.active())})
    assert given.answer(ShowRisk(), problem=None)["open"] == 1


def test_nothing_is_written_by_a_look(bench):
    bench.tell(*OPEN)
    before = bench.reader.read_head()
    for command in (ListOrders(all=True), ShowStatus(id="open"), ListPositions(), ListFreezes()):
        asked(bench, command)
    assert bench.reader.read_head() == before


def test_the_open_orders_are_listed_with_the_moment_of_the_last_record(bench):
    bench.tell(*ENDED, *OPEN)
    answer = asked(bench, ListOrders())
    assert [order["client_order_id"] for order in answer["orders"]] == ["open"]
    assert (answer["complete"], answer["journal_ok"], answer["problem"]) == (True, True, None)
    assert (answer["external_orders"], "external" in answer) == (None, False)
    assert answer["recorded_until"] == "2026-11-23T15:00:04.000000Z"


def test_all_orders_are_listed_on_request_and_foreign_ones_are_not_known(bench):
    bench.tell(*ENDED, *OPEN)
    answer = asked(bench, ListOrders(all=True, all_origins=True))
    assert [order["client_order_id"] for order in answer["orders"]] == ["ended", "open"]
    assert answer["external"] == []


def test_a_holder_that_could_not_be_asked_makes_the_list_incomplete(bench):
    answer = asked(bench, ListOrders(), "process 7 does not answer")
    assert (answer["complete"], answer["problem"]) == (False, "process 7 does not answer")


@pytest.mark.parametrize("name", ["open", "ended", order_id_of("open"), order_id_of("ended")])
def test_one_order_is_shown_by_either_id_open_or_not(bench, name):
    bench.tell(*ENDED, *OPEN)
    answer = asked(bench, ShowStatus(id=name))
    assert (answer["client_order_id"], answer["problem"]) == (name.removeprefix("broker-id-of-"), None)


@pytest.mark.parametrize("name", ["nobody", "broker-id-of-nobody"])
def test_an_unknown_order_is_an_error_with_a_remedy(bench, name):
    with pytest.raises(OrderNotFoundError, match="list the orders"):
        asked(bench, ShowStatus(id=name))


class TestPositions:
    def test_what_our_records_explain_is_held_and_costs_what_it_cost(self, bench):
        bench.tell(ALL_LOOKED_AT, intended("buy"), booked(fill(1, 4, "99.90"), "buy"))
        bench.tell(booked(fill(2, 4, "100.10"), "buy"), part_filled(8))
        bench.tell(intended("sell", side=Side.SELL, quantity=Decimal(3)))
        (row,) = asked(bench, ListPositions())["positions"]
        assert (row["symbol"], row["quantity"], row["expected"], row["differs"]) == ("AAPL", "8", "8", False)
        assert (row["average_buy_price"], row["held_for_sells"], row["sellable"], row["free"]) == (
            "100.0000",
            "3",
            "5",
            "5",
        )

    def test_a_cost_that_is_not_on_record_is_absent(self, bench):
        held = OrderEvent(event=EventKind.POSITION_ACCEPTED, symbol="AAPL", quantity=Decimal(5))
        bench.tell(held, ALL_LOOKED_AT, intended("buy"), booked(fill(1, 4), "buy"), part_filled(4))
        (row,) = asked(bench, ListPositions())["positions"]
        assert (row["quantity"], row["average_buy_price"]) == ("9", None)

    def test_a_difference_on_record_shows_both_numbers(self, bench):
        bench.tell(ALL_LOOKED_AT)
        difference = {"broker": "100", "expected": "0"}
        bench.tell(OrderEvent(event=EventKind.POSITION_DIFFERED, symbol="F", details=difference))
        rows = asked(bench, ListPositions())["positions"]
        assert [(row["symbol"], row["quantity"], row["expected"], row["free"], row["differs"]) for row in rows] == [
            ("F", "100", "0", "0", True)
        ]

    def test_an_account_whose_positions_were_never_looked_at_says_so(self, bench):
        answer = asked(bench, ListPositions())
        assert answer["positions"] == []
        assert "run 'trading-bot sync'" in answer["problem"]


class TestFreezes:
    def test_what_stops_entries_is_told_with_its_end(self, bench):
        bench.tell(OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol="AAPL", reason="drift"))
        answer = asked(bench, ListFreezes())
        assert [(freeze["symbol"], freeze["reason"]) for freeze in answer["freezes"]] == [("AAPL", "drift")]
        assert answer["halted"] is None

    def test_an_account_that_is_not_armed_is_told_where_nothing_on_record_halts_it(self, bench):
        assert answers(bench, "not armed").answer(ListFreezes(), problem=None)["halted"] == "not armed"
        bench.tell(OrderEvent(event=EventKind.TRADING_HALTED, reason="killed"))
        assert answers(bench, "not armed").answer(ListFreezes(), problem=None)["halted"] == "killed"


def test_a_journal_that_was_never_begun_has_an_answer_to_everything():
    nothing = RecordedAnswers(reader=None, clock=VirtualClock(MONDAY))
    assert nothing.answer(ListOrders(all=True), problem=None)["orders"] == []
    assert nothing.answer(ListOrders(), problem=None)["recorded_until"] is None
    with pytest.raises(OrderNotFoundError):
        nothing.answer(ShowStatus(id="x"), problem=None)
