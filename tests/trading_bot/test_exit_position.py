"""Leaving positions with a whole bot, on the paper exchange that rehearses it."""

from decimal import Decimal

import pytest

from tests.support.bot_bench import ACCOUNT, POSITIONS, BotBench, answers, never_leaves
from trading_bot.latch import Latch
from trading_bot.order_management.book.exit_facts import ExitEnding
from trading_bot.order_management.submit.exit_run import ExitResult, Leave
from trading_bot.state_folder import StateFolder

pytestmark = pytest.mark.no_cover  # whole bots: each line that they run has a quick test of its own

ALICE = {"by": "alice", "reason": "wanted again"}
SUBMIT = "POST /orders/"


@pytest.fixture
def bench(tmp_path) -> BotBench:
    return BotBench(tmp_path).started()


def test_paper_rehearses_an_exit(bench):
    result = bench.bot.exit_position("AAPL", reason="news")
    assert (result.ending, int(result.sold)) == (ExitEnding.SOLD, 50)
    assert bench.bot.account.positions() == {}
    assert bench.trade("buy", client_order_id="c2").code == "trading_halted"


def test_every_exit_is_in_the_trade_log(bench):
    bench.bot.exit_position("AAPL", 20, reason="half of it", strategy_name="momentum")
    (line,) = bench.trades()
    assert (line["side"], line["quantity"], line["status"]) == ("sell", "20", "submitted")
    assert (line["reason"], line["strategy_name"]) == ("half of it", "momentum")


def test_an_exit_that_is_refused_is_an_answer_and_in_the_trade_log(bench):
    Latch(
        path=StateFolder(root=bench.state, files=bench.files).latch, clock=bench.clock, new_id=lambda: "again"
    ).engage()
    result = bench.bot.exit_position("AAPL")
    assert (result.ending, result.code, result.orders) == (ExitEnding.NOT_SOLD, "trading_halted", ())
    assert bench.trades()[-1]["code"] == "trading_halted"


@pytest.mark.parametrize(
    ("asked", "options", "sold"),
    [(("aapl",), {}, 50), (("AAPL", 20.0), {"limit": 90.5}, 20), (("AAPL", Decimal(5)), {"limit": "90.50"}, 5)],
)
def test_numbers_and_words_of_python_callers_are_converted_where_that_is_exact(bench, asked, options, sold):
    result = bench.bot.exit_position(*asked, **options)
    assert (result.ending, int(result.sold)) == (ExitEnding.SOLD, sold), result.message


@pytest.mark.parametrize(
    ("asked", "options", "code"),
    [
        (("AAPL", 0), {}, "bad_quantity"),
        (("AAPL", -3), {}, "bad_quantity"),
        (("AAPL", 10.5), {}, "bad_quantity"),
        (("AAPL", "5"), {}, "bad_quantity"),
        (("AAPL",), {"limit": float("nan")}, "bad_price"),
        (("AAPL",), {"limit": 0}, "bad_price"),
        (("AAPL",), {"limit": "much"}, "bad_price"),
        (("AAPL",), {"extended_hours": "yes"}, "bad_extended_hours"),
        ((None,), {}, "bad_symbol"),
        (("no ticker",), {}, "bad_symbol"),
    ],
)
def test_a_wrong_value_is_an_answer_and_stops_nothing(bench, asked, options, code):
    result = bench.bot.exit_position(*asked, **options)
    assert (result.ending, result.code, result.orders) == (ExitEnding.NOT_SOLD, code, ())
    assert bench.bot.manager.ways_out.freezes() == ()
    assert bench.trades()[-1]["code"] == code


@pytest.mark.parametrize("words", [{"reason": None}, {"reason": "x" * 5000}, {"reason": ""}, {"strategy_name": None}])
def test_words_for_the_record_keep_no_position_from_being_left(bench, words):
    assert bench.bot.exit_position("AAPL", **words).ending is ExitEnding.SOLD
    assert all(len(freeze.reason) < 600 for freeze in bench.bot.manager.ways_out.freezes())


def test_a_limit_of_an_order_and_a_loss_halt_bind_no_exit(tmp_path):
    bench = BotBench(tmp_path)
    bench.settings["risk_management"] = {"max_order_notional": "1", "max_trades_per_day": 1}
    bench.bot = bench.new_bot()
    bench.bot.start()
    assert bench.bot.exit_position("AAPL").ending is ExitEnding.SOLD


@pytest.mark.parametrize("route", [ACCOUNT, POSITIONS, "GET /orders/", "GET /instruments/"])
@pytest.mark.parametrize("trouble", [answers(503), never_leaves], ids=["503", "no connection"])
def test_a_read_that_fails_keeps_no_held_share_from_being_sold(bench, route, trouble):
    bench.broker.standing[route] = trouble
    sold = bench.trade("sell", shares=10, price="99.90", pricing="marketable", client_order_id="s1")
    assert sold.status == "submitted", sold.message


def test_flatten_cancels_entries_and_leaves_what_was_traded_here(bench):
    bench.trade("buy", shares=5)
    told: list[ExitResult] = []
    leave = Leave(symbol="", by="alice", reason="enough")
    results = bench.bot.leaving.flatten(leave, everything=False, on_result=told.append)
    assert [(result.symbol, result.ending) for result in results] == [("AAPL", ExitEnding.SOLD)]
    assert tuple(told) == results
    assert bench.bot.open_orders() == ()
    assert bench.trade("buy", client_order_id="c9", symbol="MSFT").code != "trading_halted"


def test_flatten_of_everything_stops_entries_in_the_whole_account(bench):
    leave = Leave(symbol="", by="alice", reason="enough")
    (result,) = bench.bot.leaving.flatten(leave, everything=True)
    assert result.ending is ExitEnding.SOLD
    refused = bench.trade("buy", client_order_id="c9", symbol="MSFT")
    assert (refused.code, "trading-bot resume --all" in refused.message) == ("trading_halted", True)
    bench.bot.manager.decisions.resume(None, **ALICE)
    bench.clock.sleep(61)
    assert bench.trade("buy", client_order_id="c10", price="99").status == "submitted"


def test_flatten_leaves_alone_what_was_never_traded_here(bench):
    assert bench.bot.leaving.flatten(Leave(symbol=""), everything=False) == ()
    assert bench.bot.account.positions()["AAPL"].quantity == 50


def test_a_price_of_ones_own_is_kept(bench):
    result = bench.bot.exit_position("AAPL", limit=Decimal("150.00"))
    assert (result.ending, result.orders[-1].limit_price) == (ExitEnding.RESTING, Decimal("150.00"))


def test_the_number_that_a_person_sees_stands_for_positions_that_cannot_be_read(bench):
    result = bench.bot.exit_position("aapl", held=4)
    assert (result.ending, result.symbol, int(result.sold)) == (ExitEnding.SOLD, "AAPL", 4)
    assert bench.trades()[-1]["symbol"] == "AAPL"


def test_an_exit_that_means_nothing_is_an_answer_and_in_the_trade_log(bench):
    assert bench.bot.exit_position("AAPL", held=Decimal(-4)).code == "bad_quantity"
    assert bench.trades()[-1]["code"] == "bad_quantity"
