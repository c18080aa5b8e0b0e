"""A paper account whose exchange speaks the agent interface: the same bot, and an account that changes over to it."""

import json
from pathlib import Path

import pytest
import requests

from tests.support.bot_bench import BotBench, Forward, Tamper, reply_lost, request_lost
from trading_bot.bot import TradeStatus
from trading_bot.order_management.models import OrderState
from trading_bot.startup.kill import open_kill

CALL = "POST /mcp/trading"


def speak(bench: BotBench, wire: str) -> None:
    bench.settings["paper"] = {"wire": wire}


def on_tools(**tampers: Tamper) -> Tamper:
    """Tamper with the calls of some tools."""

    def tampered(forward: Forward, request: requests.PreparedRequest) -> requests.Response:
        params = json.loads(request.body or b"{}").get("params", {})
        tamper = tampers.get(params.get("name", ""))
        return forward() if tamper is None else tamper(forward, request)

    return tampered


def over_agent(folder: Path, **options) -> BotBench:
    bench = BotBench(folder, **options)
    speak(bench, "agent")
    bench.bot = bench.new_bot()
    return bench.started()


def changed_over(bench: BotBench, wire: str) -> None:
    """Stop, change the setting, and start again."""
    bench.bot.stop()
    speak(bench, wire)
    bench.bot = bench.new_bot()
    bench.bot.start()


def ids(bench: BotBench) -> list[tuple[str | None, str, OrderState]]:
    return [(order.order_id, order.ref_id, order.state) for order in bench.bot.orders()]


def test_the_whole_life_of_an_order_is_spoken_in_tools(tmp_path):
    bench = over_agent(tmp_path)
    assert bench.trade(pricing="marketable").status is TradeStatus.SUBMITTED
    bench.let_it_fill()
    assert bench.bot.orders()[0].state is OrderState.FILLED
    assert bench.bot.positions()[0].quantity == 60
    assert bench.trade("sell", 5, "99.70", client_order_id="c2", pricing="marketable").status is TradeStatus.SUBMITTED
    bench.clock.sleep(2)
    bench.bot.synchronize_open_orders()
    assert [order.state for order in bench.bot.orders()] == [OrderState.FILLED, OrderState.FILLED]
    assert set(bench.broker.seen) == {CALL}


def test_an_exit_sells_what_is_held_and_a_cancel_ends_what_rests(tmp_path):
    bench = over_agent(tmp_path)
    bench.trade(price="90")
    bench.clock.sleep(2)
    assert bench.bot.cancel_order("c1").state is OrderState.CANCELLED
    bench.bot.exit_position("AAPL", reason="a test")
    bench.bot.synchronize_open_orders()
    assert [held for held in bench.bot.positions() if held.quantity] == []


def test_a_cancel_that_comes_before_the_order_is_confirmed_is_asked_again(tmp_path):
    """The refusal reads like that for an order that has ended, so the order itself is read."""
    bench = over_agent(tmp_path)
    bench.trade(price="90")
    assert bench.bot.cancel_order("c1").state is OrderState.CANCELLED


@pytest.mark.parametrize("tamper", [request_lost, reply_lost])
def test_a_lost_reply_is_looked_up_by_its_reference_and_never_sent_again(tmp_path, tamper):
    bench = over_agent(tmp_path)
    bench.broker.standing[CALL] = on_tools(place_equity_order=tamper)
    result = bench.trade()
    expected = TradeStatus.SUBMITTED if tamper is reply_lost else TradeStatus.UNKNOWN
    assert (result.status, bench.orders_at_broker()) == (expected, int(tamper is reply_lost))


def test_a_kill_cancels_over_the_agent_interface(tmp_path):
    bench = over_agent(tmp_path)
    bench.trade(price="90")
    report = open_kill(bench.config, transport=bench.broker, surroundings=bench.surroundings()).run("ann", "a test")
    assert report.is_confirmed
    assert [order.state for order in report.orders] == [OrderState.CANCELLED]
    assert set(bench.broker.seen) == {CALL}


@pytest.mark.parametrize(("before", "after"), [("private", "agent"), ("agent", "private")])
def test_open_orders_of_the_other_interface_are_the_same_orders(tmp_path, before, after):
    """Both interfaces name an order by the same ids, so what one has sent the other one finds, fills and cancels."""
    bench = BotBench(tmp_path)
    speak(bench, before)
    bench.bot = bench.new_bot()
    bench.started()
    bench.trade("sell", 5, "150", client_order_id="rests")
    bench.trade(price="99.95", client_order_id="fills")
    bench.clock.sleep(2)
    bench.bot.synchronize_open_orders()
    known = ids(bench)
    changed_over(bench, after)
    assert ids(bench) == known
    assert bench.trade(price="99.95", client_order_id="fills").status is TradeStatus.DUPLICATE
    bench.let_it_fill()
    assert bench.bot.cancel_order("rests").state is OrderState.CANCELLED
    assert {order.client_order_id: order.state for order in bench.bot.orders()} == {
        "rests": OrderState.CANCELLED,
        "fills": OrderState.FILLED,
    }
    assert bench.bot.manager.unsettled_symbols == frozenset()
    assert bench.orders_at_broker() == 2


@pytest.mark.parametrize(("before", "after"), [("private", "agent"), ("agent", "private")])
def test_an_order_in_doubt_is_found_over_the_other_interface(tmp_path, before, after):
    bench = BotBench(tmp_path, submit_deadline_s=5, intent_ttl_s=5)
    speak(bench, before)
    bench.bot = bench.new_bot()
    bench.started()
    in_tools = on_tools(place_equity_order=reply_lost, get_equity_orders=request_lost)
    bench.broker.standing = {"POST /orders/": reply_lost, "GET /orders/": request_lost, CALL: in_tools}
    bench.trade(price="90")
    bench.broker.standing.clear()
    assert ids(bench) == [(None, bench.bot.orders()[0].ref_id, OrderState.UNKNOWN)]
    changed_over(bench, after)
    bench.clock.sleep(2)
    bench.bot.synchronize_open_orders()
    assert [state for _, _, state in ids(bench)] == [OrderState.CONFIRMED]
    assert bench.bot.cancel_order("c1").state is OrderState.CANCELLED
    assert bench.orders_at_broker() == 1
