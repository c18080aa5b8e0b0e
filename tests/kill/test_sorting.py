"""Whose an order is, also where its row cannot be read in full; and that no odd row ends anything."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.kill_fakes import HORIZON_S, KillBench, open_order, our_ref
from tests.support.order_story import MONDAY, Story, intended, ref_of
from trading_bot.cli.render.kill_text import kill_lines
from trading_bot.kill.register import KnownOrders
from trading_bot.kill.report import KilledOrder
from trading_bot.order_management.models import OrderId, OrderState, RefId, Side
from trading_bot.order_management.outcomes import CancelTaken, UnreadRow

FOREIGN = RefId("00000000-0000-4000-8000-000000000000")


@pytest.fixture
def bench(tmp_path: Path) -> KillBench:
    return KillBench(folder=tmp_path / "kills")


def row(**says: object) -> UnreadRow:
    return UnreadRow(problem="quantity is null", **says)  # type: ignore[arg-type]  # what a test says of a row


def row_that_a_cancel_ends(bench: KillBench, name: str, **says: object) -> UnreadRow:
    """An unreadable row of an order that the broker has, and that ends once its cancel is asked for."""
    bench.broker.add(open_order(name, ref_id=says.get("ref_id")))
    bench.broker.forgets.add(OrderId(name))  # no list has it in a form that can be read
    return row(order_id=OrderId(name), **says)


def test_an_unreadable_row_with_our_mark_is_cancelled_with_what_it_does_say(bench: KillBench):
    bench.broker.rows = (
        row_that_a_cancel_ends(
            bench, "a", ref_id=our_ref("a"), symbol="TSLA", side=Side.SELL, limit_price=Decimal(5), quantity=Decimal(2)
        ),
    )
    bench.knows_ours = False
    (order,) = bench.kill().orders
    assert bench.broker.asked == [["a"]]
    assert order.is_proven_ended
    assert (order.symbol, order.side) == ("TSLA", Side.BUY)  # the report of its end has the last word on the side


def test_an_unreadable_row_of_somebody_else_is_left_alone_and_proves_no_doubt(bench: KillBench):
    bench.broker.rows = (row(order_id=OrderId("odd"), ref_id=FOREIGN),)
    report = bench.kill()
    assert bench.broker.asked == []
    assert report.is_confirmed
    assert report.external_ids == ("odd",)
    assert "1 orders placed elsewhere" in report.covers


def in_doubt(bench: KillBench, **terms: Any) -> None:
    """Nobody knows whether the broker has a buy of 10 AAPL that was meant at the start."""
    bench.known = KnownOrders(orders=Story(replace(intended("doubt"), **terms)).book.orders())


@pytest.mark.parametrize("ref_id", [None, "abc", ""])
def test_an_unreadable_row_that_names_no_sender_and_fits_an_intent_in_doubt_is_cancelled(bench: KillBench, ref_id):
    in_doubt(bench)
    bench.broker.rows = (row_that_a_cancel_ends(bench, "a", ref_id=ref_id, symbol="AAPL", side=Side.BUY),)
    report = bench.kill()
    assert bench.broker.asked == [["a"]]
    assert not report.is_confirmed  # it may have been another order: the intent is as unresolved as before
    assert [order.client_order_id for order in report.unresolved] == ["doubt"]


@pytest.mark.parametrize(
    "says",
    [
        {"symbol": "MSFT"},
        {"side": Side.SELL},
        {"quantity": Decimal("0.04")},
        {"created_at": MONDAY - timedelta(seconds=61)},
        {"created_at": MONDAY + timedelta(seconds=HORIZON_S + 1)},
    ],
    ids=str,
)
def test_an_unreadable_row_that_fits_no_intent_in_doubt_is_left_alone(bench: KillBench, says):
    in_doubt(bench)
    bench.broker.rows = (row(order_id=OrderId("odd"), **says),)
    report = bench.kill()
    assert bench.broker.asked == []
    assert report.external_ids == ("odd",)
    assert report.possibly_ours == ()
    assert [problem for problem in report.problems if "doubt" not in problem] == []


def test_without_an_intent_in_doubt_no_row_without_a_sender_is_ours(bench: KillBench):
    bench.broker.rows = (row(order_id=OrderId("odd")), row())
    report = bench.kill()
    assert bench.broker.asked == []
    assert report.is_confirmed
    assert report.external_ids == ("odd",)


def test_a_whole_order_that_names_no_sender_is_sorted_by_the_same_rule(bench: KillBench):
    in_doubt(bench)
    bench.broker.add(open_order("a", ref_id=None), open_order("b", ref_id=None, symbol="MSFT"))
    report = bench.kill()
    assert bench.broker.asked == [["a"]]
    assert [order.order_id for order in report.external] == ["b"]


def test_an_order_with_a_strangers_name_is_a_strangers_once_the_broker_has_shown_one_of_ours(bench: KillBench):
    in_doubt(bench)
    bench.broker.add(open_order("a"), open_order("b", ref_id=FOREIGN))
    report = bench.kill()
    assert bench.broker.asked == [["a"]]
    assert [order.order_id for order in report.external] == ["b"]


def test_until_then_an_order_that_fits_may_be_ours_whatever_its_name(bench: KillBench):
    """A broker that gives orders names of its own hides ours behind them."""
    in_doubt(bench)
    bench.broker.add(open_order("b", ref_id=FOREIGN))
    bench.kill()
    assert bench.broker.asked == [["b"]]


def test_an_order_that_was_read_as_a_strangers_stays_so_when_its_row_says_less(bench: KillBench):
    in_doubt(bench)
    bench.broker.add(open_order("b", ref_id=None, symbol="MSFT"))
    bench.broker.at(1, lambda: setattr(bench.broker, "unreadable", (OrderId("b"),)))
    report = bench.kill()
    assert bench.broker.asked == []
    assert report.external_ids == ("b",)


class TestWithoutTheWholeJournal:
    @pytest.fixture(autouse=True)
    def unreadable(self, bench: KillBench) -> None:
        bench.known = KnownOrders(problem="the journal is damaged")

    def test_an_order_that_names_no_sender_is_named_and_left_alone(self, bench: KillBench):
        bench.broker.add(open_order("whole", ref_id=None))
        bench.broker.rows = (row(order_id=OrderId("odd")), row(order_id=OrderId("word"), ref_id=RefId("abc")))
        report = bench.kill()
        assert bench.broker.asked == []
        assert report.possibly_ours == ("odd", "whole", "word")
        assert (report.external, report.external_ids) == ((), ())
        assert any("3 open orders name no sender" in problem for problem in report.problems)
        assert "may be ours, names no sender, and left alone: odd" in list(kill_lines(report))

    def test_an_order_that_is_not_listed_any_more_is_not_named(self, bench: KillBench):
        bench.broker.rows = (row(order_id=OrderId("odd")),)
        bench.broker.at(1, lambda: setattr(bench.broker, "rows", ()))
        assert bench.kill().possibly_ours == ()

    def test_an_order_of_somebody_who_is_named_is_somebody_elses(self, bench: KillBench):
        bench.broker.add(open_order("whole", ref_id=FOREIGN))
        bench.broker.rows = (row(order_id=OrderId("odd"), ref_id=FOREIGN),)
        report = bench.kill()
        assert report.possibly_ours == ()
        assert report.external_ids == ("odd",)

    def test_a_row_stays_somebody_elses_once_it_was_read_so(self, bench: KillBench):
        bench.broker.add(open_order("a", ref_id=FOREIGN))
        bench.broker.at(1, lambda: setattr(bench.broker, "unreadable", (OrderId("a"),)))
        report = bench.kill()
        assert (report.external_ids, report.possibly_ours) == (("a",), ())

    def test_a_row_without_any_name_prevents_the_proof(self, bench: KillBench):
        bench.broker.rows = (row(),)
        assert "the listing was not complete" in bench.kill().problems

    def test_what_has_our_mark_is_cancelled(self, bench: KillBench):
        bench.broker.add(open_order("a"))
        bench.kill()
        assert bench.broker.asked == [["a"]]


def test_an_unresolved_intent_that_only_an_unreadable_row_shows_is_no_doubt_any_more(bench: KillBench):
    bench.known = KnownOrders(orders=Story(intended("doubt")).book.orders())
    bench.broker.rows = (row_that_a_cancel_ends(bench, "a", ref_id=ref_of("doubt")),)
    report = bench.kill()
    assert bench.broker.asked == [["a"]]
    assert report.is_confirmed
    assert report.orders[0].client_order_id == "doubt"


@pytest.mark.parametrize("says", [{"symbol": "AAPL"}, {"symbol": "MSFT", "ref_id": our_ref("a")}], ids=str)
def test_a_row_that_names_no_order_and_may_be_ours_prevents_the_proof(bench: KillBench, says):
    in_doubt(bench)
    bench.broker.rows = (row(**says),)
    assert "the listing was not complete" in bench.kill().problems


@pytest.mark.parametrize("ref_id", [None, "abc"])
def test_a_row_that_names_no_order_may_be_any_whose_end_is_not_proven(bench: KillBench, ref_id):
    bench.broker.add(open_order("a"))
    bench.broker.cannot_fetch = True
    bench.broker.at(1, lambda: setattr(bench.broker, "rows", (row(ref_id=ref_id),)))
    report = bench.kill()
    (problem,) = report.problems
    assert problem.startswith("a row of the list names no order, and the end of 1 of ours is not proven")
    assert [order.order_id for order in report.may_be_live] == ["a"]


def test_a_row_that_names_no_order_is_none_of_those_that_have_ended(bench: KillBench):
    bench.broker.add(open_order("a"))
    bench.broker.at(1, lambda: setattr(bench.broker, "rows", (row(),)))
    assert bench.kill().is_confirmed


def test_a_nameless_row_with_a_strangers_mark_does_not(bench: KillBench):
    bench.broker.rows = (row(ref_id=FOREIGN),)
    assert bench.kill().is_confirmed


def test_an_unreadable_row_of_an_order_that_has_ended_is_not_open(bench: KillBench):
    bench.broker.add(open_order("a", state=OrderState.CANCELLED))
    bench.broker.rows = (row(order_id=OrderId("a"), ref_id=our_ref("a"), state=OrderState.CANCELLED),)
    bench.broker.lists_ended = True
    assert bench.kill().is_confirmed
    assert bench.broker.asked == []


def test_a_row_that_says_less_than_was_known_takes_nothing_away(bench: KillBench):
    bench.broker.add(open_order("a", quantity=Decimal(7)))
    bench.broker.cannot_fetch = True
    bench.broker.answers[OrderId("a")] = CancelTaken()
    bench.broker.at(1, lambda: setattr(bench.broker, "unreadable", (OrderId("a"),)))
    (order,) = bench.kill().orders
    assert (order.symbol, order.side, order.quantity, order.limit_price) == ("AAPL", Side.BUY, Decimal(7), Decimal(100))
    assert isinstance(order, KilledOrder)


def test_what_a_sleeping_machine_listed_proves_nothing_even_with_all_pages(bench: KillBench):
    bench.broker.at(0, lambda: bench.clock.jump(3600))
    bench.kill()
    assert len(bench.broker.listed_at) > 3
