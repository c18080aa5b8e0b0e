"""The call that asks for an order: the exact bytes of an intent."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.agent_rows import ACCOUNT, BUY, REF, STOP
from trading_bot.agent.order_call import cancel_call, order_call, place_call
from trading_bot.order_management.exceptions import OrderValidationError
from trading_bot.order_management.models import RefId, TimeInForce


def placed(terms, **more):
    call = place_call(terms, ref_id=RefId(REF), account_number=ACCOUNT, **more)
    assert order_call(call.params) == call, "an intent on record is the same call"
    return json.loads(call.params)


def test_a_limit_order_names_every_term_as_text_and_our_reference():
    assert placed(BUY) == {
        "name": "place_equity_order",
        "arguments": {
            "account_number": ACCOUNT,
            "symbol": "F",
            "side": "buy",
            "type": "limit",
            "quantity": "1",
            "limit_price": "12.31",
            "time_in_force": "gfd",
            "market_hours": "regular_hours",
            "ref_id": REF,
        },
    }


def test_an_order_for_extended_hours_until_cancelled_says_so():
    asked = placed(replace(BUY, extended_hours=True, time_in_force=TimeInForce.GTC))["arguments"]
    assert (asked["market_hours"], asked["time_in_force"]) == ("extended_hours", "gtc")


def test_a_stop_is_one_type_here_and_names_both_prices():
    asked = placed(STOP)["arguments"]
    assert (asked["type"], asked["limit_price"], asked["stop_price"]) == ("stop_limit", "12.49", "12.59")


def test_one_order_always_gives_the_same_bytes():
    calls = {place_call(STOP, ref_id=RefId(REF.upper()), account_number=ACCOUNT).params for _ in range(2)}
    assert len(calls) == 1
    assert REF.encode() in calls.pop()


@pytest.mark.parametrize(
    "terms", [replace(BUY, limit_price=Decimal("12.311")), replace(STOP, stop_price=Decimal("12.591"))]
)
def test_a_price_off_the_tick_is_refused_before_anything_is_sent(terms):
    with pytest.raises(OrderValidationError, match="nothing was sent"):
        placed(terms)


def test_a_step_of_the_instrument_counts_where_it_is_known():
    with pytest.raises(OrderValidationError, match="steps"):
        placed(BUY, tick=Decimal("0.05"))


def test_a_cancel_names_account_and_order():
    call = cancel_call("6acfdbd3", account_number=ACCOUNT)
    assert json.loads(call.params) == {
        "name": "cancel_equity_order",
        "arguments": {"account_number": ACCOUNT, "order_id": "6acfdbd3"},
    }
