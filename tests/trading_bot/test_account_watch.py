"""A whole bot: positions, kills of other processes and replaces are wired to the broker and the state folder."""

from decimal import Decimal

import pytest

from tests.support.bot_bench import ACCOUNT, BotBench, answers
from trading_bot.files import LocalFiles
from trading_bot.kill.records import KillFile
from trading_bot.latch import Latch
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import TradeRefusedError
from trading_bot.order_management.journal.side_files import SIDE_FOLDER
from trading_bot.order_management.models import ClientOrderId, OrderState, Pricing
from trading_bot.state_folder import StateFolder


def states(bench: BotBench) -> dict[str, str]:
    return {order.client_order_id: order.state.value for order in bench.bot.orders()}


def test_the_manager_sells_no_more_than_the_account_holds(tmp_path):
    bench = BotBench(tmp_path).started()
    with pytest.raises(TradeRefusedError, match="50 held"):
        bench.bot.manager.place_limit_sell("AAPL", 51, Decimal(100))
    assert bench.submits == 0


def test_a_kill_while_the_bot_was_down_is_taken_over_once_and_its_cancels_fire(tmp_path):
    bench = BotBench(tmp_path).started()
    bench.trade("buy")
    bench.bot.stop()
    record = KillFile(folder=bench.state / SIDE_FOLDER, files=LocalFiles(), clock=bench.clock, process_id=lambda: 7)
    record.begin(by="alice", reason="enough", orders=[ClientOrderId("c1")])
    bench.bot = bench.new_bot()
    bench.bot.start()
    assert states(bench) == {"c1": "cancelled"}
    bench.restart()
    assert [record.fact.event for record in bench.records()].count(EventKind.KILL_IMPORTED) == 1


def test_a_kill_that_comes_in_meanwhile_is_taken_over_by_the_next_synchronisation(tmp_path):
    bench = BotBench(tmp_path).started()
    bench.trade("buy")
    record = KillFile(folder=bench.state / SIDE_FOLDER, files=LocalFiles(), clock=bench.clock, process_id=lambda: 7)
    record.begin(by="alice", reason="enough", orders=[ClientOrderId("c1")])
    bench.bot.synchronize_open_orders()
    assert states(bench) == {"c1": "cancelled"}


def test_a_replaced_order_is_priced_anew_and_sent_once(tmp_path):
    bench = BotBench(tmp_path).started()
    bench.trade("buy")
    new = bench.bot.replace_order("c1", reference_price=Decimal(99), quantity=5, pricing=Pricing.PASSIVE)
    assert (new.quantity, new.reference_price, new.state) == (5, Decimal(99), OrderState.QUEUED)
    assert states(bench) == {"c1": "cancelled", new.client_order_id: "queued"}
    assert bench.submits == 2


def test_the_new_order_of_a_replace_is_checked_as_any_trade(tmp_path):
    bench = BotBench(tmp_path)
    bench.settings["risk_management"] = {"max_order_notional": "2000"}
    bench.bot = bench.new_bot()
    bench.bot.start()
    bench.trade("buy")
    with pytest.raises(TradeRefusedError) as caught:
        bench.bot.replace_order("c1", reference_price=Decimal(100), quantity=50)
    assert (caught.value.code, bench.submits, states(bench)) == ("max_order_notional", 1, {"c1": "queued"})


def test_a_replace_gives_back_what_the_old_order_holds_before_it_judges(tmp_path):
    """Without that no order of more than half the buying power could be replaced."""
    bench = BotBench(tmp_path)
    bench.settings["risk_management"] = {"max_order_notional": None, "max_position_notional": "65000"}
    bench.bot = bench.new_bot()
    bench.bot.start()
    bench.trade("buy", shares=600)
    assert bench.bot.replace_order("c1", reference_price=Decimal(99), quantity=600).quantity == 600


def test_the_old_order_stays_where_the_account_cannot_be_read_for_the_new_one(tmp_path):
    bench = BotBench(tmp_path).started()
    bench.trade("buy")
    bench.broker.standing[ACCOUNT] = answers(503)
    bench.bot.account.invalidate_cache()
    with pytest.raises(TradeRefusedError) as caught:
        bench.bot.replace_order("c1", reference_price=Decimal(99))
    assert (caught.value.code, states(bench)) == ("no_account_data", {"c1": "queued"})


def test_an_expired_arming_still_lets_held_shares_be_sold(tmp_path):
    bench = BotBench(tmp_path).started()
    latch = Latch(
        path=StateFolder(root=bench.state, files=LocalFiles()).latch, clock=bench.clock, new_id=lambda: "again"
    )
    latch.arm(by="alice", hours=1)
    bench.clock.sleep(3600)
    assert bench.trade("buy").code == "trading_halted"
    sold = bench.trade("sell", shares=50, client_order_id="c2")
    assert (sold.status, bench.submits) == ("submitted", 1)
