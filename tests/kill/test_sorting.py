"""Whose an order is, also where its row cannot be read in full; and that no odd row ends anything."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.kill_fakes import KillBench, open_order, our_ref
from tests.support.order_story import Story, intended, ref_of
from trading_bot.kill.register import KnownOrders
from trading_bot.kill.report import KilledOrder
from trading_bot.order_management.models import OrderId, OrderState, RefId, Side
from trading_bot.order_management.outcomes import CancelTaken, UnreadRow

FOREIGN = RefId("0" * 36)


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


def test_an_unreadable_row_that_does_not_say_whose_it_is_may_be_ours(bench: KillBench):
    bench.broker.rows = (row_that_a_cancel_ends(bench, "a", ref_id=None),)
    assert bench.kill().is_confirmed
    assert bench.broker.asked == [["a"]]


def test_an_unresolved_intent_that_only_an_unreadable_row_shows_is_no_doubt_any_more(bench: KillBench):
    bench.known = KnownOrders(orders=Story(intended("doubt")).book.orders())
    bench.broker.rows = (row_that_a_cancel_ends(bench, "a", ref_id=ref_of("doubt")),)
    report = bench.kill()
    assert bench.broker.asked == [["a"]]
    assert report.is_confirmed
    assert report.orders[0].client_order_id == "doubt"


def test_a_row_that_names_no_order_and_may_be_ours_prevents_the_proof(bench: KillBench):
    bench.broker.rows = (row(),)
    report = bench.kill()
    assert not report.is_confirmed
    assert report.problems == ("the listing was not complete",)


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
