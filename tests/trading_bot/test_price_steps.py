"""A stock with a tick of five cents, from the caller's price to the broker's order."""

import json
from dataclasses import replace as changed
from decimal import Decimal

import pytest
import requests

from tests.support.bot_bench import BotBench, Forward
from trading_bot.bot import TradeStatus
from trading_bot.order_management.models import OrderRequest, Side

INSTRUMENTS = "GET /instruments/"


def nickel(forward: Forward, request: requests.PreparedRequest) -> requests.Response:
    """The paper broker's instrument, in steps of five cents."""
    answer = forward()
    told = json.loads(answer.content)
    told["results"][0]["min_tick_size"] = "0.0500"
    answer._content = json.dumps(told).encode()
    return answer


@pytest.fixture
def bench(tmp_path) -> BotBench:
    bench = BotBench(tmp_path)
    bench.broker.standing[INSTRUMENTS] = nickel
    return bench.started()


@pytest.mark.parametrize(
    ("action", "reference", "limit"),
    [("buy", "99.93", "99.80"), ("buy", "99.95", "99.85"), ("sell", "100.07", "100.20")],
)
def test_the_broker_gets_a_price_on_the_step_of_the_stock(bench, action, reference, limit):
    request = OrderRequest(symbol="AAPL", side=Side(action), quantity=5, reference_price=Decimal(reference))
    preview = bench.bot.preview_trade(changed(request))
    result = bench.trade(action, 5, reference)
    assert (result.status, preview.refusal) == (TradeStatus.SUBMITTED, None)
    assert result.envelope is not None
    assert (preview.terms.limit_price, result.envelope.limit_price) == (Decimal(limit), Decimal(limit))
    with bench.exchange.transaction() as state:
        order = state.order(result.envelope.order_id)
    assert order.price == Decimal(limit)


def test_a_limit_that_the_guard_allows_on_no_step_is_refused_with_the_nearest_ones(tmp_path):
    bench = BotBench(tmp_path, buy_offset=200)
    bench.broker.standing[INSTRUMENTS] = nickel
    result = bench.started().trade("buy", 5, "12.33")
    assert (result.status, result.code) == (TradeStatus.BLOCKED, "slippage_guard")
    assert "12.30 and 12.35" in result.message
    assert bench.submits == 0
