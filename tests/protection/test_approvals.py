"""Plans on an account whose owner may have to approve what they sell."""

from decimal import Decimal

import pytest

from tests.protection.test_watching import changes_of, fall, plan
from tests.support.fake_gateway import AWAIT_APPROVAL
from tests.support.protection_bench import SYMBOL, ProtectionBench
from trading_bot.order_management.book.protections import PlanChange, protection_changed
from trading_bot.order_management.exceptions import TradeRefusedError
from trading_bot.order_management.models import OrderRequest, OrderState, Side
from trading_bot.order_management.ports import BrokerCapabilities
from trading_bot.protection.asked import brackets_of
from trading_bot.values import replace


def waiting() -> ProtectionBench:
    """A plan whose stop is at the broker, and awaits approval."""
    bench = ProtectionBench()
    bench.gateway.submits.append(AWAIT_APPROVAL)
    answer = bench.protect(stop=95)
    assert not answer.shown.rests
    assert "waits for your approval in the Robinhood app, and protects nothing" in answer.notes[0]
    return bench


def test_a_stop_that_awaits_approval_is_told_at_once_not_to_protect():
    bench = waiting()
    assert changes_of(bench) == ["stop_placed", "not_resting"]
    assert plan(bench).not_resting_code == "approval_awaited"


def test_it_is_told_once_and_the_stop_is_left_for_the_owner_to_approve():
    bench = waiting()
    for _ in range(3):
        bench.follow()
    assert (changes_of(bench), len(bench.gateway.posts)) == (["stop_placed", "not_resting"], 1)
    assert bench.gateway.cancel_requests == []


def test_once_it_is_approved_it_rests():
    bench = waiting()
    bench.gateway.order().awaits_approval, bench.gateway.order().state = False, OrderState.CONFIRMED
    bench.follow()
    assert changes_of(bench)[-1] == "resting"
    assert bench.protection.shown()[0].rests


def test_meanwhile_the_price_is_watched_and_the_exit_takes_the_stop_over():
    bench = waiting()
    fall(bench, stop_fills=0)
    assert (bench.sold, bench.protection.shown()) == (60, ())
    assert bench.gateway.orders[0].state is OrderState.CANCELLED


def test_a_stop_for_other_shares_is_not_left_for_the_owner_to_approve():
    bench = waiting()
    fewer = replace(plan(bench), quantity=Decimal(50))
    bench.store.record_fact(protection_changed(fewer, PlanChange.SETTLED))
    bench.follow()
    assert bench.gateway.orders[0].state is OrderState.CANCELLED
    assert bench.resting == [(95, 50)]


def test_a_stop_in_a_state_that_nobody_knows_stays_and_is_not_relied_on():
    """The word may say that it awaits approval, in a way that nobody has seen."""
    bench = ProtectionBench()
    bench.protect(stop=95)
    assert bench.protection.shown()[0].rests
    bench.gateway.order().word = "with_owner"
    for _ in range(3):
        bench.follow()
    assert (plan(bench).not_resting_code, bench.protection.shown()[0].rests) == ("state_not_known", False)
    assert changes_of(bench) == ["stop_placed", "not_resting"]
    assert bench.gateway.cancel_requests == []


@pytest.mark.parametrize("asks", [True, False])
def test_no_plan_is_taken_where_an_order_may_have_to_be_approved(asks: bool):
    """Nobody is there to approve what sells by itself."""
    bench = ProtectionBench()
    if asks:
        bench.gateway.capabilities = BrokerCapabilities(asks_for_approval=True)
    else:
        bench.gateway.submits.append(AWAIT_APPROVAL)
        bench.buy("c1", symbol="KO")
        bench.gateway.order().end()
        bench.sync()
    with pytest.raises(TradeRefusedError, match="have to be approved in the Robinhood app") as caught:
        bench.protect(stop=95)
    assert caught.value.code == "approvals_asked"
    assert (bench.protection.shown(), bench.resting) == ((), [])


def test_no_entry_is_taken_with_a_stop_there_either():
    bench = ProtectionBench()
    bench.gateway.capabilities = BrokerCapabilities(asks_for_approval=True)
    request = OrderRequest(symbol=SYMBOL, side=Side.BUY, quantity=1, reference_price=Decimal(100))
    brackets = brackets_of(SYMBOL, stop=95, target=None, trail=None)
    with pytest.raises(TradeRefusedError), bench.protection.entering(request, brackets):
        pytest.fail("nothing is placed")
    with bench.protection.entering(request, None) as plain:
        assert plain == request
