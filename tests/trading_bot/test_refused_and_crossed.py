"""A strategy that says the same on every bar: into the broker's refusal, and into its own resting order."""

import pytest

from tests.support.bot_bench import SUBMIT, BotBench, answers
from trading_bot.bot import TradeStatus

REJECTED, BLOCKED = TradeStatus.REJECTED, TradeStatus.BLOCKED


@pytest.fixture
def bench(tmp_path) -> BotBench:
    return BotBench(tmp_path).started()


def test_a_buy_into_the_same_refusal_is_sent_three_times_and_then_answered_here(bench):
    bench.broker.standing[SUBMIT] = answers(400, {"detail": "Buy may cause PDT designation."})
    results = [bench.trade(client_order_id=None) for _ in range(6)]
    assert [result.status for result in results] == [REJECTED] * 3 + [BLOCKED] * 3
    assert {result.code for result in results[3:]} == {"same_refusal"}
    assert "refused by the broker 3 times: Buy may cause PDT designation; change the order" in results[3].message
    assert "designation; change it before trying again" in results[0].message
    assert bench.submits == 3


def test_an_exit_into_the_same_refusal_is_sent_each_time(bench):
    """Exits are exempt: no rule of ours may stand between held shares and the broker."""
    bench.broker.standing[SUBMIT] = answers(400, {"detail": "Sell may cause PDT designation."})
    assert [bench.trade("sell", client_order_id=None).status for _ in range(6)] == [REJECTED] * 6
    assert bench.submits == 6


def test_a_content_networks_page_is_no_refusal(bench):
    bench.broker.standing[SUBMIT] = answers(403, b"<html><title>Attention Required</title></html>")
    result = bench.trade()
    assert (result.status, result.code) == (TradeStatus.UNKNOWN, "unknown_outcome")


def test_a_sell_into_ones_own_resting_buy_is_refused_until_that_is_cancelled(bench):
    assert bench.trade(price="99", client_order_id="resting").status is TradeStatus.SUBMITTED
    crossing = bench.trade("sell", price="98.50", pricing="marketable", client_order_id="out")
    assert (crossing.status, crossing.code) == (BLOCKED, "would_cross_own_order")
    assert "order resting (queued); cancel it first with 'trading-bot cancel resting'" in crossing.message
    assert bench.submits == 1
    bench.bot.cancel_order("resting")
    assert bench.trade("sell", price="98.50", pricing="marketable", client_order_id="out").status is (
        TradeStatus.SUBMITTED
    )
