"""A kill's report says what is proven, and what a person has to do about the rest."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.fake_bot import envelope
from tests.support.order_story import report as reported
from trading_bot.cli.kill_text import kill_json, kill_lines
from trading_bot.kill.report import MANUAL_PROCEDURE, KilledOrder, KillReport
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderState, Side

LIVE = KilledOrder(
    order_id=OrderId("order-1"),
    client_order_id=ClientOrderId("c-1"),
    symbol="AAPL",
    side=Side.BUY,
    quantity=Decimal(10),
    limit_price=Decimal("99.85"),
    filled_quantity=Decimal(4),
    state=OrderState.CONFIRMED,
)
FLAT = KillReport(
    account="the paper account ...0001",
    by="trading-bot kill",
    reason="a drill",
    problems=(),
    latch_engaged=True,
    orders=(replace(LIVE, state=OrderState.CANCELLED),),
    unresolved=(),
    external=(),
    side_file=Path("kills/1.jsonl"),
)
OPEN = replace(
    FLAT,
    problems=("the broker does not answer",),
    orders=(LIVE, KilledOrder(order_id=OrderId("order-2"))),
    unresolved=(envelope("c-3", state=OrderState.UNKNOWN),),
    external=(reported(OrderState.CONFIRMED),),
    side_file=None,
    side_file_problem="the disk is full",
)


def test_flat_is_said_first_and_asks_nothing_of_anybody():
    lines = list(kill_lines(FLAT))
    assert lines[0].startswith("FLAT")
    assert lines[1:] == [
        "traded before it ended: buy 10 AAPL limit 99.85, 4 filled, broker's order id order-1",
        "record of this kill: kills/1.jsonl",
    ]


def test_what_may_be_live_comes_before_the_manual_procedure():
    lines = list(kill_lines(OPEN))
    assert lines[0].startswith("NOT CONFIRMED")
    assert lines[1:6] == [
        "not confirmed because the broker does not answer",
        "may be live: buy 10 AAPL limit 99.85, 4 filled, broker's order id order-1",
        "may be live: order, broker's order id order-2",
        "may be live: buy 10 TSLA limit 249.92, client order id c-3: it is not known whether the broker has it",
        "traded before it ended: buy 10 AAPL limit 99.85, 4 filled, broker's order id order-1",
    ]
    assert lines[6].startswith("placed elsewhere and left alone: buy 10 AAPL limit 100.00")
    assert lines[7:-1] == [f"{number}. {step}" for number, step in enumerate(MANUAL_PROCEDURE, start=1)]


def test_a_kill_without_a_record_says_why():
    assert list(kill_lines(OPEN))[-1] == "this kill is on record nowhere: the disk is full"


@pytest.mark.parametrize(("report", "flat", "live"), [(FLAT, True, []), (OPEN, False, ["order-1", "order-2"])])
def test_as_json_it_is_one_object(report, flat, live):
    answer = json.loads(json.dumps(kill_json(report)))
    assert (answer["v"], answer["flat"], answer["may_be_live"]) == (1, flat, live)
    assert answer["orders"][0]["limit_price"] == "99.85"
    assert (answer["manual_procedure"] == []) is flat


def test_as_json_it_names_what_nobody_knows_of_and_what_was_left_alone():
    answer = kill_json(OPEN)
    assert [order["client_order_id"] for order in _dicts(answer["unresolved"])] == ["c-3"]
    assert [order["symbol"] for order in _dicts(answer["external"])] == ["AAPL"]
    assert (answer["record"], answer["record_problem"]) == (None, "the disk is full")


def _dicts(value: object) -> list[dict[str, object]]:
    return value if isinstance(value, list) else []
