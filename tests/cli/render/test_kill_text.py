"""A kill's report says what is proven, and what a person has to do about the rest."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.fake_bot import envelope
from tests.support.order_story import report as reported
from trading_bot.cli.render.kill_text import kill_json, kill_lines, progress_text
from trading_bot.kill.progress import KillProgress, Stage
from trading_bot.kill.report import MANUAL_PROCEDURE, HeldShares, Holdings, KilledOrder, KillReport
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
CONFIRMED = KillReport(
    account="the paper account ...0001",
    by="trading-bot kill",
    reason="a drill",
    problems=(),
    latch_engaged=True,
    orders=(replace(LIVE, state=OrderState.CANCELLED),),
    unresolved=(),
    external=(),
    side_file=Path("kills/1.jsonl"),
    holdings=Holdings(
        shares=(HeldShares(symbol="AAPL", quantity=Decimal(4), unprotected=Decimal("1.5")),), problem=None
    ),
)
OPEN = replace(
    CONFIRMED,
    problems=("the broker does not answer",),
    orders=(LIVE, KilledOrder(order_id=OrderId("order-2"))),
    unresolved=(envelope("c-3", state=OrderState.UNKNOWN),),
    external=(reported(OrderState.CONFIRMED),),
    side_file=None,
    side_file_problem="the disk is full",
    holdings=Holdings(problem="the broker could not be read"),
)


def test_the_verdict_is_said_first_and_asks_nothing_of_anybody():
    lines = list(kill_lines(CONFIRMED))
    assert lines[0].startswith("NO OPEN ORDERS")
    assert lines[1:] == [
        "it covers the orders of this bot on the paper account ...0001, and not: shares that are held",
        "traded before it ended: buy 10 AAPL limit 99.85, 4 filled, broker's order id order-1",
        "still held: 4 AAPL, 1.5 of them without a resting stop",
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
    assert lines[7] == "shares still held are not known in full: the broker could not be read"
    assert lines[8:-1] == [f"{number}. {step}" for number, step in enumerate(MANUAL_PROCEDURE, start=1)]


def test_an_order_that_may_still_be_approved_is_to_be_declined_on_the_phone():
    waiting = replace(OPEN, orders=(replace(OPEN.orders[0], awaits_approval=True),))
    lines = list(kill_lines(waiting))
    assert lines[2].endswith("broker's order id order-1; decline it in the Robinhood app on your phone")
    assert kill_json(waiting)["orders"][0]["awaits_approval"] is True  # type: ignore[index]


def test_a_kill_without_a_record_says_why():
    assert list(kill_lines(OPEN))[-1] == "this kill is on record nowhere: the disk is full"


@pytest.mark.parametrize(
    ("report", "confirmed", "live"), [(CONFIRMED, True, []), (OPEN, False, ["order-1", "order-2"])]
)
def test_as_json_it_is_one_object(report, confirmed, live):
    answer = json.loads(json.dumps(kill_json(report)))
    assert (answer["v"], answer["confirmed"], answer["may_be_live"]) == (1, confirmed, live)
    assert answer["verdict"] == ("no_open_orders" if confirmed else "not_confirmed")
    assert answer["orders"][0]["limit_price"] == "99.85"
    assert (answer["manual_procedure"] == []) is confirmed


def test_as_json_it_names_what_nobody_knows_of_and_what_was_left_alone():
    answer = kill_json(OPEN)
    assert [order["client_order_id"] for order in _dicts(answer["unresolved"])] == ["c-3"]
    assert [order["symbol"] for order in _dicts(answer["external"])] == ["AAPL"]
    assert (answer["record"], answer["record_problem"]) == (None, "the disk is full")


def test_what_was_left_in_place_is_named_and_so_is_what_no_record_knows():
    stop = replace(reported(OrderState.CONFIRMED), side=Side.SELL, waits_for_stop=True, stop_price=Decimal(101))
    report = replace(
        OPEN,
        protective=(stop,),
        external_ids=(OrderId("odd-1"),),
        unjournaled=(LIVE,),
        notes=("the armed file was elsewhere",),
        holdings=Holdings(
            shares=(HeldShares(symbol="MSFT", quantity=Decimal(2), unprotected=Decimal(0)),), problem=None
        ),
    )
    lines = list(kill_lines(report))
    assert "protective, and left in place: sell 10 AAPL stop 101.00 limit 100.00, broker-id-of-first" in lines
    assert "placed elsewhere, unreadable and left alone: odd-1" in lines
    assert (
        "with our mark and in no record of ours: buy 10 AAPL limit 99.85, 4 filled, broker's order id order-1" in lines
    )
    assert "still held: 2 MSFT" in lines
    assert "note: the armed file was elsewhere" in lines
    assert report.covers.endswith(
        "and not: 1 protective sells left in place, 2 orders placed elsewhere, shares that are held"
    )
    answer = kill_json(report)
    assert (answer["unjournaled"], answer["external_unread"]) == (["order-1"], ["odd-1"])
    assert answer["held"] == [{"symbol": "MSFT", "quantity": "2", "unprotected": "0"}]


def test_a_kill_that_found_no_account_says_that_it_looked_for_no_order():
    assert "no order was looked for" in replace(OPEN, has_looked=False).headline


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (KillProgress(stage=Stage.TRADING_OFF, verdict_within_s=35), "a verdict comes within 35 s"),
        (KillProgress(stage=Stage.ASKING, total=500, verdict_within_s=185), "asking for 500 cancels"),
        (KillProgress(stage=Stage.ASKING, count=25, total=500), "25 of 500 cancels answered"),
        (KillProgress(stage=Stage.OPEN, count=3, total=500), "3 of our orders are open at the broker"),
    ],
)
def test_each_step_of_a_kill_is_put_into_words(progress, text):
    assert text in progress_text(progress)


def _dicts(value: object) -> list[dict[str, object]]:
    return value if isinstance(value, list) else []
