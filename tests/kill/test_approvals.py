"""A kill and the orders that the account's owner may still approve."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.kill_fakes import KillBench, open_order
from tests.support.order_story import Story, intended, now_in, order_id_of, ref_of, told
from trading_bot.kill.register import KnownOrders
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import OrderId, OrderReport, OrderState, Side
from trading_bot.order_management.outcomes import CancelRefused
from trading_bot.order_management.portfolio import Position

NOT_NOW = CancelRefused(reason="Order cannot be cancelled at this time.", status_code=403)
NAME = order_id_of("first")


@pytest.fixture
def bench(tmp_path: Path) -> KillBench:
    return KillBench(folder=tmp_path / "kills")


def working(**changes: Any) -> OrderReport:
    return open_order(NAME, **{"ref_id": ref_of("first"), **changes})


def on_record(*, stop: bool = False) -> KnownOrders:
    details = {**intended().details, **({"stop_price": "101"} if stop else {})}
    story = Story(intended(side=Side.SELL if stop else Side.BUY, details=details))
    story.tell(now_in(OrderState.QUEUED, order_id=NAME), told(EventKind.APPROVAL_AWAITED))
    return KnownOrders(orders=story.book.orders())


@pytest.mark.parametrize("says_so", [True, False])
def test_an_order_that_may_still_be_approved_is_named_as_such(bench: KillBench, says_so: bool):
    """It is on record, so that a list which says nothing of it takes nothing away."""
    bench.known = on_record()
    bench.broker.add(working(state=OrderState.QUEUED, awaits_approval=says_so))
    bench.broker.answers = {NAME: NOT_NOW}
    report = bench.kill()
    assert [order.awaits_approval for order in report.may_be_live] == [True]
    assert "Decline every order that the app on your phone asks you to approve." in report.manual_procedure


def test_one_that_nobody_has_on_record_is_named_by_what_the_list_says(bench: KillBench):
    bench.broker.add(open_order("a", state=OrderState.QUEUED, awaits_approval=True))
    bench.broker.answers = {OrderId("a"): NOT_NOW}
    assert [order.awaits_approval for order in bench.kill().orders] == [True]


def test_one_that_was_approved_meanwhile_is_not(bench: KillBench):
    bench.known = on_record()
    bench.broker.add(working(state=OrderState.CONFIRMED))
    bench.broker.answers = {NAME: NOT_NOW}
    assert [order.awaits_approval for order in bench.kill().may_be_live] == [False]


def test_one_that_has_ended_needs_nobody(bench: KillBench):
    bench.known = on_record()
    bench.broker.add(working(state=OrderState.QUEUED, awaits_approval=True))
    report = bench.kill()
    assert (report.is_confirmed, [order.awaits_approval for order in report.orders]) == (True, [False])


STOP: dict[str, Any] = {
    "side": Side.SELL,
    "state": OrderState.QUEUED,
    "waits_for_stop": True,
    "stop_price": Decimal(101),
}


@pytest.mark.parametrize("says_so", [True, False])
@pytest.mark.parametrize("ends", [True, False])
def test_a_stop_that_awaits_approval_protects_nothing_and_is_cancelled(bench: KillBench, says_so: bool, ends: bool):
    bench.known = on_record(stop=True)
    bench.broker.add(working(**STOP, awaits_approval=says_so))
    bench.broker.answers = {} if ends else {NAME: NOT_NOW}
    report = bench.kill()
    assert (report.is_confirmed, report.protective) == (ends, ())
    assert [order.order_id for order in report.orders] == [NAME]
    assert bench.broker.asked[0] == [NAME]


def test_so_is_one_that_nobody_has_on_record(bench: KillBench):
    bench.broker.add(open_order("a", **STOP, awaits_approval=True))
    report = bench.kill()
    assert (report.protective, bench.broker.asked) == ((), [["a"]])


def test_shares_are_not_protected_by_a_stop_of_the_owners_own_that_awaits_approval(bench: KillBench):
    bench.broker.add(open_order("a", **STOP, ref_id=None, awaits_approval=True))
    ten = Position(
        symbol="AAPL", quantity=Decimal(10), average_buy_price=None, held_for_sells=Decimal(0), as_of=bench.clock.now()
    )
    bench.broker.held = (ten,)
    (held,) = bench.kill().holdings.shares
    assert held.unprotected == 10
