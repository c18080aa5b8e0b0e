"""One id a request, from the caller to the trade log: trades, exits and flattens of a whole bot."""

from decimal import Decimal

import pytest

from tests.support.bot_bench import BotBench
from trading_bot.order_management.book.exit_facts import ExitEnding
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.submit.exit_run import Leave

OURS = "rebalance-7"


@pytest.fixture
def bench(tmp_path) -> BotBench:
    return BotBench(tmp_path).started()


def ids_of(bench: BotBench, *kinds: EventKind) -> set[str | None]:
    return {record.fact.correlation_id for record in bench.records() if record.fact.event in kinds}


def test_a_trade_its_order_its_fill_and_its_line_in_the_trade_log_have_one_id(bench):
    result = bench.trade("buy", correlation_id=OURS)
    assert result.envelope is not None
    assert (result.correlation_id, result.envelope.correlation_id) == (OURS, OURS)
    bench.let_it_fill()
    assert ids_of(bench, EventKind.ORDER_INTENDED, EventKind.EXECUTION_BOOKED) == {OURS}
    assert bench.trades()[-1]["correlation_id"] == OURS


def test_a_trade_without_an_id_is_given_one_and_so_is_a_refused_one(bench):
    sent, refused = bench.trade("buy"), bench.trade("buy", shares=0)
    unsupported = bench.trade("buy", order_type="market")
    told = [result.correlation_id for result in (sent, refused, unsupported)]
    assert [line["correlation_id"] for line in bench.trades()] == told
    assert (None in told, len(set(told))) == (False, 3)
    assert ids_of(bench, EventKind.ORDER_INTENDED) == {sent.correlation_id}


def test_a_duplicate_has_the_id_of_its_own_request_beside_that_of_the_order(bench):
    bench.trade("buy", correlation_id=OURS)
    again = bench.trade("buy", correlation_id="rebalance-8")
    assert again.envelope is not None
    assert (again.status, again.correlation_id, again.envelope.correlation_id) == ("duplicate", "rebalance-8", OURS)


def test_a_trade_under_a_wrong_id_is_refused_and_nothing_is_sent(bench):
    result = bench.trade("buy", correlation_id="tab\t")
    assert (result.status, result.code, result.correlation_id) == ("blocked", "bad_correlation_id", None)
    assert (bench.submits, bench.trades()[-1]["correlation_id"]) == (0, None)


def test_a_replace_and_a_cancel_of_the_bot_take_an_id(bench):
    bench.trade("buy")
    better = bench.bot.replace_order("c1", reference_price=Decimal("99.95"), correlation_id=OURS)
    assert better.correlation_id == OURS
    bench.bot.cancel_order(better.client_order_id, correlation_id="stop-7")
    bench.trade("buy", client_order_id="c3", shares=5)
    bench.bot.cancel_all_open_orders(correlation_id="stop-8")
    assert ids_of(bench, EventKind.CANCEL_REQUESTED) == {OURS, "stop-7", "stop-8"}


@pytest.mark.parametrize("given", [OURS, None, "tab\t", 7])
def test_an_exit_is_one_request_whatever_its_id_is_worth(bench, given):
    result = bench.bot.exit_position("AAPL", correlation_id=given)
    assert result.ending is ExitEnding.SOLD
    assert ids_of(bench, EventKind.EXIT_BEGUN, EventKind.ORDER_INTENDED) == {result.correlation_id}
    assert bench.trades()[-1]["correlation_id"] == result.correlation_id
    assert result.correlation_id == OURS if given == OURS else result.correlation_id not in (None, given)


def test_an_exit_that_means_nothing_is_told_with_its_id(bench):
    result = bench.bot.exit_position("AAPL", 0, correlation_id=OURS)
    assert (result.code, result.correlation_id) == ("bad_quantity", OURS)


def test_a_flatten_is_one_request_whichever_thread_leaves_what(bench):
    bench.trade("buy", shares=5)
    leave = Leave(symbol="", by="alice", reason="enough", correlation_id="flat-7")
    results = bench.bot.leaving.flatten(leave, everything=True)
    assert {result.correlation_id for result in results} == {"flat-7"}
    done = (EventKind.TRADING_HALTED, EventKind.CANCEL_REQUESTED, EventKind.EXIT_BEGUN, EventKind.EXIT_ENDED)
    assert ids_of(bench, *done) == {"flat-7"}


def test_a_flatten_without_an_id_is_one_request_too(bench):
    bench.trade("buy", shares=5)
    bench.bot.leaving.flatten(Leave(symbol=""), everything=True)
    (made,) = ids_of(bench, EventKind.TRADING_HALTED, EventKind.CANCEL_REQUESTED, EventKind.EXIT_BEGUN)
    assert made is not None
