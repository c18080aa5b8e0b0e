import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from tests.support.fake_bot import OPEN, envelope
from trading_bot.bot import TradePreview, TradeResult, TradeStatus
from trading_bot.order_json import (
    amount_text,
    cancel_result_json,
    cancel_results_json,
    envelope_json,
    external_order_json,
    moment_text,
    order_result_json,
    orders_json,
    position_json,
    positions_json,
    preview_json,
    shares_text,
    status_json,
    sync_summary_json,
    trade_result_json,
)
from trading_bot.order_management.models import (
    ClientOrderId,
    Execution,
    ExecutionId,
    OrderId,
    OrderState,
    OrderStatus,
    OrderTerms,
    Side,
)
from trading_bot.order_management.outcomes import UnreadRow
from trading_bot.order_management.portfolio import Position, UnreadPosition
from trading_bot.order_management.results import CancelResult, CancelVerdict, PositionDifference, SyncSummary
from trading_bot.order_management.sync.account_view import ShownPosition, ShownPositions
from trading_bot.order_management.sync.external_orders import external_order
from trading_bot.order_management.sync.free_shares import Shares, free_shares
from trading_bot.risk.order_result import OrderResult

STATUS = OrderStatus(
    client_order_id=ClientOrderId("c-1"),
    order_id=OrderId("o-1"),
    symbol="TSLA",
    side=Side.SELL,
    state=OrderState.PARTIALLY_FILLED,
    quantity=Decimal(10),
    filled_quantity=Decimal(4),
    remaining_quantity=Decimal(6),
    average_price=Decimal("249.950"),
    limit_price=Decimal("249.92"),
    reason=None,
    last_transaction_at=OPEN,
    executions=(
        Execution(execution_id=ExecutionId("e-1"), quantity=Decimal(4), price=Decimal("249.95"), executed_at=OPEN),
    ),
    broker_state="partially_filled",
)
RESULT = CancelResult(
    client_order_id=ClientOrderId("c-1"),
    order_id=OrderId("o-1"),
    symbol="TSLA",
    verdict=CancelVerdict.PENDING,
    state=OrderState.PENDING_CANCEL,
    filled_quantity=Decimal("1E+1"),
    reason="asked",
)
POSITION = Position(
    symbol="TSLA",
    quantity=Decimal(10),
    average_buy_price=Decimal("20.5"),
    held_for_sells=Decimal(4),
    as_of=OPEN,
)
SYNC = SyncSummary(
    complete=False,
    open_orders=3,
    fills_booked=2,
    orders_closed=1,
    external_orders=4,
    problem="page 2 failed",
    notes=("order c-9 stays in doubt",),
    differences=(PositionDifference(symbol="F", broker=Decimal("100.00"), expected=Decimal(10)),),
)


@pytest.mark.parametrize(
    ("form", "value", "derived"),
    [
        (envelope_json, envelope(), {"waits_for_stop", "awaits_approval"}),
        (status_json, STATUS, set()),
        (cancel_result_json, RESULT, {"proven_closed"}),
        (position_json, POSITION, {"sellable"}),
        (sync_summary_json, SYNC, set()),
    ],
)
def test_a_form_tells_every_fact_and_its_version(form, value, derived):
    told = form(value)
    assert set(told) == {field.name for field in fields(value)} | derived | {"v"}
    assert told["v"] == 1
    assert json.loads(json.dumps(told)) == told


def test_an_order_in_full():
    order = envelope(
        filled_quantity=Decimal(4),
        average_price=Decimal("249.90"),
        duplicate_of=ClientOrderId("c-0"),
        reason="why",
        latency_ms=Decimal("12.5"),
        correlation_id="rebalance-7",
    )
    assert envelope_json(order) == {
        "v": 1,
        "client_order_id": "c-1",
        "order_id": "order-c-1",
        "ref_id": "ref-c-1",
        "symbol": "TSLA",
        "side": "buy",
        "quantity": 10,
        "limit_price": "249.92",
        "stop_price": None,
        "waits_for_stop": False,
        "stop_triggered_at": None,
        "awaits_approval": False,
        "approval_awaited_since": None,
        "reference_price": "250.30",
        "time_in_force": "gfd",
        "extended_hours": False,
        "state": "confirmed",
        "filled_quantity": "4",
        "average_price": "249.90",
        "execution_mode": "paper",
        "strategy_name": "momentum",
        "created_at": "2026-11-20T14:30:00.000000Z",
        "duplicate_of": "c-0",
        "reason": "why",
        "latency_ms": "12.5",
        "broker_state": None,
        "state_is_known": True,
        "symbol_was": None,
        "correlation_id": "rebalance-7",
    }


def test_a_stop_tells_its_price_and_whether_it_waits_for_it():
    resting = envelope(side=Side.SELL, stop_price=Decimal("250.00"))
    assert envelope_json(resting)["waits_for_stop"] is True
    reached = envelope_json(replace(resting, stop_triggered_at=OPEN))
    assert (reached["stop_price"], reached["waits_for_stop"], reached["stop_triggered_at"]) == (
        "250.00",
        False,
        "2026-11-20T14:30:00.000000Z",
    )


def test_an_order_says_whether_it_awaits_approval_and_since_when():
    waiting = envelope_json(envelope(approval_awaited_since=OPEN))
    assert (waiting["awaits_approval"], waiting["approval_awaited_since"]) == (True, "2026-11-20T14:30:00.000000Z")


def test_a_status_in_full():
    assert status_json(STATUS) == {
        "v": 1,
        "client_order_id": "c-1",
        "order_id": "o-1",
        "symbol": "TSLA",
        "side": "sell",
        "state": "partially_filled",
        "quantity": "10",
        "filled_quantity": "4",
        "remaining_quantity": "6",
        "average_price": "249.950",
        "limit_price": "249.92",
        "stop_price": None,
        "waits_for_stop": False,
        "awaits_approval": False,
        "reason": None,
        "last_transaction_at": "2026-11-20T14:30:00.000000Z",
        "executions_outstanding": "0",
        "executions": [
            {
                "execution_id": "e-1",
                "quantity": "4",
                "price": "249.95",
                "executed_at": "2026-11-20T14:30:00.000000Z",
            }
        ],
        "broker_state": "partially_filled",
        "state_is_known": True,
    }


def test_the_result_of_a_sell_order():
    assert order_result_json(None) is None
    result = OrderResult(
        realised=Decimal("-4.50"), unknown_quantity=Decimal("1.50"), accepted=None, estimated_quantity=Decimal(2)
    )
    assert order_result_json(result) == {"realised": "-4.50", "unknown_quantity": "1.5", "estimated_quantity": "2"}


def test_a_cancel_says_whether_the_end_is_proven():
    assert cancel_result_json(RESULT) == {
        "v": 1,
        "client_order_id": "c-1",
        "order_id": "o-1",
        "symbol": "TSLA",
        "verdict": "pending",
        "proven_closed": False,
        "state": "pending_cancel",
        "filled_quantity": "10",
        "reason": "asked",
    }
    assert cancel_result_json(replace(RESULT, verdict=CancelVerdict.CANCELLED))["proven_closed"] is True


def test_a_position_says_what_is_free_to_sell():
    assert position_json(POSITION) == {
        "v": 1,
        "symbol": "TSLA",
        "quantity": "10",
        "average_buy_price": "20.5",
        "held_for_sells": "4",
        "sellable": "6",
        "as_of": "2026-11-20T14:30:00.000000Z",
        "instrument_id": None,
    }


def test_a_synchronisation_and_a_verdict_in_full():
    assert sync_summary_json(SYNC) == {
        "v": 1,
        "complete": False,
        "open_orders": 3,
        "fills_booked": 2,
        "orders_closed": 1,
        "external_orders": 4,
        "problem": "page 2 failed",
        "is_view": False,
        "notes": ["order c-9 stays in doubt"],
        "differences": [{"symbol": "F", "broker": "100", "expected": "10"}],
    }


def test_a_position_is_told_beside_what_our_fills_explain():
    free = free_shares(
        Shares(symbol="TSLA", expected=Decimal(8), held=Decimal(10), held_back=Decimal(4), promised=Decimal(0))
    )
    here = ShownPosition(
        symbol="TSLA", symbol_was="TSL", instrument_id="I1", position=POSITION, expected=Decimal(8), free=free
    )
    gone = replace(here, symbol="F", symbol_was=None, position=None)
    row = UnreadPosition(name="I2", problem="HTTP 404", instrument_id="I2")
    told = positions_json(ShownPositions(positions=(here, gone), unread=(row,)))
    listed = told["positions"]
    assert isinstance(listed, list)
    first, second = listed
    assert first == position_json(POSITION) | {"symbol_was": "TSL", "expected": "8", "free": "4", "differs": True}
    assert (second["symbol"], second["quantity"], second["expected"]) == ("F", "0", "8")
    assert told["unread"] == [{"name": "I2", "symbol": None, "instrument_id": "I2", "problem": "HTTP 404"}]


def test_an_order_placed_elsewhere_is_told_as_far_as_it_can_be_read():
    row = UnreadRow(problem="quantity: null", order_id=OrderId("app-1"), symbol="NVDA", broker_state="confirmed")
    assert external_order_json(external_order(row, may_be=(ClientOrderId("c-1"),))) == {
        "v": 1,
        "order_id": "app-1",
        "symbol": "NVDA",
        "instrument_id": None,
        "side": None,
        "remaining_quantity": None,
        "limit_price": None,
        "stop_price": None,
        "waits_for_stop": False,
        "broker_state": "confirmed",
        "problem": "quantity: null",
        "may_be": ["c-1"],
    }
    whole = replace(row, side=Side.SELL, quantity=Decimal("5.00"), limit_price=Decimal("9.5"))
    told = external_order_json(external_order(whole))
    assert (told["side"], told["remaining_quantity"], told["limit_price"]) == ("sell", "5", "9.5")


def test_lists_keep_their_order():
    orders = (envelope("c-2"), envelope("c-1"))
    assert orders_json(orders) == {"v": 1, "orders": [envelope_json(each) for each in orders]}
    assert cancel_results_json([RESULT]) == {"v": 1, "results": [cancel_result_json(RESULT)]}


def test_a_trade_tells_its_status_and_its_order_if_there_is_one():
    blocked = TradeResult(
        status=TradeStatus.BLOCKED, code="market_closed", message="closed", correlation_id="rebalance-7"
    )
    assert trade_result_json(blocked) == {
        "v": 1,
        "status": "blocked",
        "code": "market_closed",
        "message": "closed",
        "correlation_id": "rebalance-7",
        "order": None,
    }
    sent = TradeResult(status=TradeStatus.SUBMITTED, code="submitted", message="sent", envelope=envelope())
    assert trade_result_json(sent)["order"] == envelope_json(envelope())


def test_a_preview_tells_the_terms_and_what_would_hold_them_up():
    terms = OrderTerms(symbol="TSLA", side=Side.BUY, quantity=3, limit_price=Decimal("10.5"), extended_hours=True)
    told = preview_json(TradePreview(terms=terms, refusal=None))
    assert told == {
        "v": 1,
        "would_send": True,
        "terms": {
            "symbol": "TSLA",
            "side": "buy",
            "quantity": 3,
            "limit_price": "10.5",
            "stop_price": None,
            "notional": "31.5",
            "time_in_force": "gfd",
            "extended_hours": True,
        },
        "refusal": None,
    }
    refusal = TradeResult(status=TradeStatus.BLOCKED, code="market_closed", message="closed")
    held_up = preview_json(TradePreview(terms=terms, refusal=refusal))
    assert (held_up["would_send"], held_up["refusal"]) == (False, trade_result_json(refusal))


@pytest.mark.parametrize(
    ("amount", "text"),
    [(Decimal("1E+3"), "1000"), (Decimal("0.00000001"), "0.00000001"), (Decimal("250.30"), "250.30"), (None, None)],
)
def test_an_amount_is_written_out_in_full(amount, text):
    assert amount_text(amount) == text


@pytest.mark.parametrize(
    ("quantity", "text"),
    [("10.00000000", "10"), ("0.50", "0.5"), ("100", "100"), ("1E+2", "100"), ("0.00", "0"), ("-3.0", "-3")],
)
def test_shares_come_without_idle_zeros(quantity, text):
    assert shares_text(Decimal(quantity)) == text


def test_a_time_is_told_in_utc_to_the_microsecond():
    new_york = timezone(timedelta(hours=-5))
    assert moment_text(datetime(2026, 11, 20, 9, 30, 0, 7, tzinfo=new_york)) == "2026-11-20T14:30:00.000007Z"
    assert moment_text(datetime(2026, 11, 20, tzinfo=UTC)) == "2026-11-20T00:00:00.000000Z"
    assert moment_text(None) is None
