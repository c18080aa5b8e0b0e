"""What an operator can command, asked of a paper bot on a virtual clock."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.damaged_database import bodies
from tests.support.fake_bot import OPEN
from tests.support.paper_market import MONDAY, quote_line, recorded
from trading_bot.bot import TradingBot
from trading_bot.clock import VirtualClock
from trading_bot.config import Config
from trading_bot.lease import ProcessInfo
from trading_bot.operations import (
    COMMANDS,
    AcceptPosition,
    AcceptTieOut,
    AdoptOrder,
    AskToStop,
    CancelAll,
    CancelOrder,
    CheckTieOut,
    Command,
    ExitPosition,
    Flatten,
    ListFreezes,
    ListHeld,
    ListOrders,
    ListPositions,
    ListProtections,
    Operations,
    Ping,
    PlaceOrder,
    PreviewOrder,
    ProtectPosition,
    ReleaseSymbol,
    ReplaceOrder,
    ResolveOrder,
    Resume,
    ShowAccount,
    ShowBroker,
    ShowHistory,
    ShowQuotes,
    ShowRisk,
    ShowStatus,
    ShowView,
    Synchronize,
    UnprotectPosition,
    WatchEvents,
    new_command,
    read_command,
)
from trading_bot.order_json import (
    JsonObject,
    cancel_result_json,
    envelope_json,
    orders_json,
    positions_json,
    status_json,
)
from trading_bot.order_management.decisions.operator_decisions import Resolution
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderError, OrderNotFoundError, OrderValidationError
from trading_bot.order_management.models import OrderState, Pricing, Side, TimeInForce
from trading_bot.results_json import summary_json
from trading_bot.startup import create_bot

QUOTES = (quote_line(-3600, "99.98", "100.00"),)
BUY = PlaceOrder(symbol="AAPL", side=Side.BUY, quantity=10, reference_price=Decimal(100), client_order_id="c-1")
CROSSING = BUY.model_copy(update={"pricing": Pricing.MARKETABLE})
LOOK = PreviewOrder(symbol="AAPL", side=Side.BUY, quantity=10, reference_price=Decimal(100))
EXAMPLES = [
    BUY,
    LOOK,
    ListOrders(all=True),
    ShowStatus(id="c-1"),
    CancelOrder(id="c-1"),
    CancelAll(include_external=True),
    ReplaceOrder(id="c-1", reference_price=Decimal("99.50"), pricing=Pricing.PASSIVE, quantity=5),
    Synchronize(),
    ListPositions(),
    ResolveOrder(id="c-1", as_=Resolution.FOUND, order_id="b-1", by="alice", reason="seen in the app"),
    AdoptOrder(order_id="b-1", by="alice", reason="the journal was lost"),
    ReleaseSymbol(symbol="AAPL", by="alice", reason="settled with the broker"),
    AcceptPosition(symbol="AAPL", by="alice", reason="a split"),
    ExitPosition(symbol="AAPL", quantity=5, limit=Decimal("99.90"), by="alice", reason="news"),
    ExitPosition(symbol="AAPL", held=Decimal("120.5"), correlation_id="out-7"),
    Flatten(everything=True, by="alice", reason="news", correlation_id="flat-7"),
    ListHeld(everything=True),
    Resume(symbol="AAPL", by="alice", reason="the news is out"),
    ListFreezes(),
    ShowRisk(),
    ProtectPosition(symbol="AAPL", stop=Decimal("90.50"), trail="2%", quantity=5, by="alice", correlation_id="safe-7"),
    UnprotectPosition(symbol="AAPL", by="alice", reason="sold elsewhere"),
    ListProtections(),
    Ping(),
    ShowAccount(),
    ShowQuotes(symbols=("AAPL", "MSFT")),
    ShowHistory(symbol="AAPL", interval="day", span="month"),
    ShowBroker(symbol="AAPL", levels=10),
    CheckTieOut(),
    AcceptTieOut(by="ada", reason="rent"),
    AskToStop(),
    WatchEvents(),
    ShowView(),
]


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[TradingBot]:
    config = Config().model_copy(update={"logs_dir": tmp_path / "logs", "state_dir": tmp_path / "state"})
    bot = create_bot(config, clock=VirtualClock(MONDAY), quotes=recorded(*QUOTES), background_sync=False)
    bot.start()
    yield bot
    bot.stop()


@pytest.fixture
def operations(bot: TradingBot) -> Operations:
    return Operations(bot, holder=ProcessInfo(pid=4711, since=OPEN))


def journal(tmp_path: Path) -> list[str]:
    (database,) = (tmp_path / "state").glob("*/journal.sqlite3")
    return bodies(database)


def test_every_command_has_an_example_here():
    assert {type(command) for command in EXAMPLES} == set(COMMANDS.values())


@pytest.mark.parametrize("command", EXAMPLES, ids=lambda command: type(command).__name__)
def test_a_command_reads_back_as_it_was_written(command: Command):
    written = command.on_the_wire()
    assert read_command(json.dumps(written).encode()) == command
    assert None not in written.values()


def test_a_price_keeps_every_digit_on_the_way():
    command = BUY.model_copy(update={"reference_price": Decimal("1E+3")})
    written = json.loads(command.model_dump_json())
    assert written["reference_price"] == "1000"
    small = b'{"command":"preview_order","symbol":"A","side":"buy","quantity":1,"reference_price":"0.12345678"}'
    read = read_command(small)
    assert isinstance(read, PreviewOrder)
    assert read.reference_price == Decimal("0.12345678")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"reference_price": 250.30}, "must be text, such as 250.30"),
        ({"reference_price": "NaN"}, "is not a plain number"),
        ({"quantity": 1.0}, "quantity"),
        ({"quantity": "1"}, "quantity"),
        ({"quantity": True}, "quantity"),
        ({"side": "BUY"}, "'buy' or 'sell'"),
        ({"time_in_force": "day"}, "'gfd' or 'gtc'"),
        ({"pricing": "best"}, "'passive' or 'marketable'"),
        ({"extended_hours": 1}, "extended_hours"),
        ({"symbol": ""}, "symbol"),
        ({"client_order_id": "x" * 65}, "client_order_id"),
        ({"price": "1"}, "price is not known here"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(changes: dict[str, object], problem: str):
    request = json.loads(BUY.model_dump_json()) | changes
    with pytest.raises(OrderValidationError, match=problem) as raised:
        read_command(json.dumps(request).encode())
    assert raised.value.code == "bad_request"


def test_a_key_that_no_command_has_is_named_short_and_without_control_characters():
    with pytest.raises(OrderValidationError) as raised:
        read_command(json.dumps({"command": "ping", "\u202e\x1b" + "A" * 5000: 1}).encode())
    assert str(raised.value).startswith("\\u202e\\x1bAAA")
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"command":"sell_everything"}', b'{"command":"ping"}{}', b"\xff"]
)
def test_what_is_no_command_is_refused(text: bytes):
    with pytest.raises(OrderValidationError, match="correct it and try again"):
        read_command(text)


def test_what_an_operator_typed_becomes_a_command_or_an_order_error():
    typed = {"symbol": "AAPL", "side": "sell", "quantity": 3, "reference_price": "10.5", "time_in_force": "gtc"}
    assert new_command(PreviewOrder, **typed) == PreviewOrder(
        symbol="AAPL",
        side=Side.SELL,
        quantity=3,
        reference_price=Decimal("10.5"),
        time_in_force=TimeInForce.GTC,
    )
    with pytest.raises(OrderValidationError, match=r"quantity must .*; reference_price is "):
        new_command(PreviewOrder, **typed | {"quantity": "three", "reference_price": "ten"})


def test_only_placing_and_cancelling_leave_a_lost_answer_in_doubt():
    assert {type(command) for command in EXAMPLES if command.may_change_orders} == {
        *(PlaceOrder, CancelOrder, CancelAll, ReplaceOrder),
        *(ExitPosition, Flatten, ProtectPosition, UnprotectPosition),
    }


def test_an_order_is_placed_with_all_its_terms(operations: Operations, bot: TradingBot):
    command = BUY.model_copy(
        update={
            "pricing": Pricing.MARKETABLE,
            "time_in_force": TimeInForce.GTC,
            "extended_hours": True,
            "strategy_name": "hand",
            "reason": "why not",
        }
    )
    answer = operations.perform(command)
    (order,) = bot.orders()
    assert (answer["status"], answer["order"]) == ("submitted", envelope_json(order))
    assert (order.client_order_id, order.limit_price) == ("c-1", Decimal("100.15"))
    assert (order.time_in_force, order.extended_hours, order.strategy_name) == (TimeInForce.GTC, True, "hand")
    (record,) = (bot.audit_log.parent / "trades.jsonl").read_text().splitlines()
    assert '"why not"' in record


def test_a_refused_order_is_an_answer(operations: Operations):
    operations.perform(BUY)
    assert operations.perform(BUY)["status"] == "duplicate"
    too_much = BUY.model_copy(update={"quantity": 100_000, "client_order_id": None})
    assert operations.perform(too_much)["code"] == "insufficient_buying_power"
    unknown_type = BUY.model_copy(update={"order_type": "stop"})
    assert operations.perform(unknown_type)["status"] == "not_implemented"


def test_a_preview_has_the_terms_that_would_be_sent_and_sends_nothing(
    operations: Operations, bot: TradingBot, tmp_path: Path
):
    before = journal(tmp_path)
    preview = operations.perform(LOOK)
    assert (preview["would_send"], preview["refusal"]) == (True, None)
    assert journal(tmp_path) == before
    assert not (bot.audit_log.parent / "trades.jsonl").exists()
    placed = operations.perform(BUY)["order"]
    assert isinstance(placed, dict)
    assert isinstance(preview["terms"], dict)
    assert {key: placed[key] for key in preview["terms"] if key != "notional"} == {
        key: value for key, value in preview["terms"].items() if key != "notional"
    }


def refusal(answer: JsonObject) -> tuple[object, object]:
    assert answer["would_send"] is False
    assert isinstance(answer["refusal"], dict)
    return answer["refusal"]["status"], answer["refusal"]["code"]


def test_a_preview_finds_what_would_hold_the_order_up(operations: Operations):
    too_much = LOOK.model_copy(update={"quantity": 100_000})
    assert refusal(operations.perform(too_much)) == ("blocked", "insufficient_buying_power")
    operations.perform(BUY)
    assert refusal(operations.perform(LOOK)) == ("duplicate", "duplicate")
    assert refusal(operations.perform(LOOK.model_copy(update={"quantity": 11}))) == ("blocked", "too_many_pending")


def test_a_preview_shows_the_terms_even_while_trading_is_halted(operations: Operations, bot: TradingBot):
    (armed,) = (bot.config.resolve_state_dir()).glob("*/armed")
    armed.unlink()
    preview = operations.perform(LOOK)
    assert refusal(preview) == ("blocked", "trading_halted")
    assert preview["terms"] is not None


def test_a_preview_of_no_order_at_all_is_an_error(operations: Operations):
    with pytest.raises(OrderValidationError):
        operations.perform(LOOK.model_copy(update={"quantity": 0}))


def test_orders_are_the_open_ones_or_all(operations: Operations, bot: TradingBot):
    operations.perform(CROSSING)
    bot.clock.sleep(1)
    operations.perform(Synchronize())
    operations.perform(BUY.model_copy(update={"client_order_id": "c-2", "quantity": 5}))
    assert [order.state.is_terminal for order in bot.orders()] == [True, False]
    good = {"complete": True, "journal_ok": True, "problem": None, "external_orders": 0}
    assert operations.perform(ListOrders()) == orders_json(bot.open_orders()) | good
    assert operations.perform(ListOrders(all=True)) == orders_json(bot.orders()) | good
    assert operations.perform(ListOrders(all_origins=True))["external"] == []


def plainly(positions: Any) -> JsonObject:
    """Without what they are worth."""
    worth = {"price", "value", "cost", "cost_from", "result"}
    rows = [{key: row[key] for key in row if key not in worth} for row in positions["positions"]]
    return {**{key: positions[key] for key in positions if key != "price_problem"}, "positions": rows}


def test_a_synchronisation_books_fills_and_positions_follow(operations: Operations, bot: TradingBot):
    assert operations.perform(ListPositions()) == {"v": 1, "positions": [], "unread": [], "price_problem": None}
    operations.perform(CROSSING)
    bot.clock.sleep(1)
    summary = operations.perform(Synchronize())
    assert (summary["complete"], bot.orders()[0].state) == (True, OrderState.FILLED)
    positions = operations.perform(ListPositions())
    assert plainly(positions) == positions_json(bot.manager.view.positions())
    assert '"cost_from": "journal", "result": "-' in json.dumps(positions)
    assert '"quantity": "10"' in json.dumps(positions)
    assert '"free": "10", "differs": false' in json.dumps(positions)


def test_the_account_is_shown_with_its_results(operations: Operations, bot: TradingBot):
    operations.perform(CROSSING)
    bot.clock.sleep(1)
    operations.perform(Synchronize())
    answer = operations.perform(ShowAccount())
    assert (answer["realised"], answer["unknown_cost"], answer["problems"]) == ("0.00", [], [])
    assert answer == summary_json(bot.account_summary())


def test_shares_and_cash_are_tied_out_and_a_difference_is_accepted(operations: Operations):
    assert operations.perform(CheckTieOut())["verdict"] == "begun"
    answer = operations.perform(AcceptTieOut(by="ada", reason="rent"))
    assert (answer["verdict"], answer["difference"], answer["shares"], answer["reason"]) == ("agrees", "0.00", [], None)


def test_positions_are_read_afresh(operations: Operations, bot: TradingBot):
    first = bot.account.positions()
    assert bot.account.positions() is first
    operations.perform(ListPositions())
    assert bot.account.positions() is not first


def test_an_order_is_shown_and_cancelled_by_either_id(operations: Operations, bot: TradingBot):
    operations.perform(BUY)
    (order,) = bot.orders()
    assert order.order_id is not None
    shown = operations.perform(ShowStatus(id="c-1"))
    assert (
        shown
        == operations.perform(ShowStatus(id=order.order_id))
        == status_json(bot.order_status("c-1")) | {"problem": None}
    )
    cancelled = operations.perform(CancelOrder(id="c-1", correlation_id="stop-7"))
    assert (cancelled["verdict"], cancelled["proven_closed"]) == ("cancelled", True)
    again = cancel_result_json(bot.cancel_order(order.order_id))
    assert cancelled == again | {"reason": cancelled["reason"], "correlation_id": "stop-7"}


@pytest.mark.parametrize("command", [ShowStatus(id="c-9"), CancelOrder(id="c-9")])
def test_an_order_nobody_knows_is_an_error(operations: Operations, command: Command):
    with pytest.raises(OrderNotFoundError, match="c-9"):
        operations.perform(command)


def test_each_cancelled_order_is_told_before_the_whole(operations: Operations):
    operations.perform(BUY)
    operations.perform(
        BUY.model_copy(update={"symbol": "AAPL", "quantity": 5, "side": Side.BUY, "client_order_id": "c-2"})
    )
    parts: list[JsonObject] = []
    answer = operations.perform(CancelAll(correlation_id="stop-7"), parts.append)
    assert [(part.pop("client_order_id"), part.pop("correlation_id")) for part in parts] == [("c-1", "stop-7")]
    results = [{**parts[0], "client_order_id": "c-1"}]
    assert answer == {"v": 1, "results": results, "kept": [], "correlation_id": "stop-7"}
    assert operations.perform(CancelAll(include_external=True))["results"] == []


def test_a_ping_introduces_the_holder(operations: Operations, bot: TradingBot):
    assert operations.perform(Ping()) == {
        "v": 1,
        "pid": 4711,
        "since": "2026-11-20T14:30:00.000000Z",
        "mode": "paper",
        "journal": bot.journal_name,
    }


def test_an_accepted_position_is_answered_with_its_quantity(operations: Operations):
    assert operations.perform(AcceptPosition(symbol="AAPL", by="alice", reason="a split")) == {
        "v": 1,
        "symbol": "AAPL",
        "quantity": "0",
        "ratio": None,
    }


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (ResolveOrder(id="c-1", as_=Resolution.NEVER_ACCEPTED, by="alice", reason="gone"), "no order 'c-1'"),
        (ReleaseSymbol(symbol="AAPL", by="alice", reason="settled"), "not frozen"),
        (AdoptOrder(order_id="b-1", by="alice", reason="lost"), "check it"),
    ],
    ids=["resolve", "release", "adopt"],
)
def test_a_decision_about_nothing_is_refused(operations: Operations, command: Command, problem: str):
    with pytest.raises(OrderError, match=problem):
        operations.perform(command)


def test_a_released_symbol_is_answered_with_its_name(operations: Operations, bot: TradingBot):
    bot._record_event(OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol="AAPL", reason="403"))
    released = operations.perform(ReleaseSymbol(symbol="AAPL", by="alice", reason="settled"))
    assert released == {"v": 1, "symbol": "AAPL", "released": True}


def test_the_word_on_the_wire_finds_the_kind():
    assert COMMANDS["place_order"] is PlaceOrder
    assert all(kind.model_fields["command"].default == word for word, kind in COMMANDS.items())


def test_a_kind_made_of_another_takes_nothing_of_its_place():
    class LoudPing(Ping):
        loud: bool = True

    assert COMMANDS["ping"] is Ping
    assert LoudPing not in COMMANDS.values()


def test_a_bot_that_is_asked_to_stop_says_so_to_whoever_runs_it_and_goes_on(operations: Operations, bot: TradingBot):
    assert not bot.is_asked_to_stop()
    operations.perform(BUY)
    answer = operations.perform(AskToStop())
    assert answer == {"v": 1, "pid": 4711, "open_orders": 1, "on_stop": "leave"}
    assert bot.is_asked_to_stop()
    assert bot.is_running
