"""What the bot makes of its parts: statuses out of errors, steps in order, and a stop that always closes."""

import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import MISSING, fields
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from tests.support.bot_bench import BotBench, answers, never_leaves
from tests.support.paper_market import MONDAY
from trading_bot.bot import Lifecycle, StartError, TradeRequest, TradeStatus, TradingBot
from trading_bot.clock import Seconds, VirtualClock
from trading_bot.config import Config
from trading_bot.event_feeds import EventFeeds
from trading_bot.logging.structured_logger import StructuredTradeLogger, TradeRecord
from trading_bot.order_management import exceptions
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import (
    AuthenticationError,
    DuplicateOrderError,
    OrderCancellationError,
    OrderError,
    OrderLogDamagedError,
    OrderLogError,
    OrderNotFoundError,
    OrderNotSentError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
    OrderStatusError,
    OrderSubmissionError,
    OrderValidationError,
    TradeRefusedError,
    TradingHaltedError,
    UnsupportedOrderTypeError,
)
from trading_bot.order_management.manager import OrderManager
from trading_bot.order_management.models import OrderRequest, OrderState, OrderTerms
from trading_bot.order_management.results import CancelResult, CancelVerdict
from trading_bot.order_management.submit.placement import Approval
from trading_bot.safety_checks import SafetyChecks

STATUS_OF: dict[type[OrderError], TradeStatus] = {
    OrderError: TradeStatus.BLOCKED,
    OrderValidationError: TradeStatus.BLOCKED,
    UnsupportedOrderTypeError: TradeStatus.NOT_IMPLEMENTED,
    TradingHaltedError: TradeStatus.BLOCKED,
    TradeRefusedError: TradeStatus.BLOCKED,
    DuplicateOrderError: TradeStatus.BLOCKED,
    OrderSubmissionError: TradeStatus.BLOCKED,
    OrderRejectedError: TradeStatus.REJECTED,
    OrderNotSentError: TradeStatus.NOT_SENT,
    AuthenticationError: TradeStatus.NOT_SENT,
    OrderOutcomeUnknownError: TradeStatus.UNKNOWN,
    OrderCancellationError: TradeStatus.BLOCKED,
    OrderStatusError: TradeStatus.BLOCKED,
    OrderNotFoundError: TradeStatus.BLOCKED,
    OrderLogError: TradeStatus.BLOCKED,
    OrderLogDamagedError: TradeStatus.BLOCKED,
}
RESULT = CancelResult(
    client_order_id=None,
    order_id=None,
    symbol="AAPL",
    verdict=CancelVerdict.REFUSED,
    state=OrderState.CONFIRMED,
    filled_quantity=Decimal(0),
)


def every_kind(kind: type[OrderError] = OrderError) -> Iterator[type[OrderError]]:
    yield kind
    for narrower in kind.__subclasses__():
        if narrower.__module__ == exceptions.__name__:
            yield from every_kind(narrower)


def made(kind: type[OrderError]) -> OrderError:
    if issubclass(kind, OrderRejectedError):
        return kind("no; change it", reason="no", status_code=400)
    if issubclass(kind, OrderCancellationError):
        return kind("no; read it", results=())
    return kind("no; repair it")


class FailingManager:
    """Fails at every step with one error."""

    def __init__(self, error: OrderError | None = None) -> None:
        self.error = error or OrderStatusError("no")
        self.cancels = 0
        self.asked: list[OrderRequest] = []

    def subscribe(self, listener: Callable[[object], None]) -> None: ...

    def halt_entries_while(self, unfollowed: Callable[[], str | None]) -> None: ...

    def preview(self, request: object) -> None:
        raise self.error

    def standing_order(self, request: OrderRequest) -> None:
        self.asked.append(request)
        raise self.error

    def request(self, correlation_id: str | None = None) -> AbstractContextManager[str]:
        return nullcontext(correlation_id or "request-1")

    def cancel_all_open_orders(self) -> tuple[CancelResult, ...]:
        self.cancels += 1
        raise self.error


class Parts:
    """A bot whose steps are written down as they run."""

    def __init__(self, *, error: OrderError | None = None, **order_management: object) -> None:
        self.ran: list[str] = []
        self.events: list[EventKind] = []
        self.records: list[TradeRecord] = []
        self.failing: dict[str, Exception] = {}
        self.manager = FailingManager(error)
        self.config = Config.model_validate({"order_management": order_management})
        self.bot = TradingBot(
            config=self.config,
            manager=cast("OrderManager", self.manager),
            safety=cast("SafetyChecks", self),
            account=None,  # type: ignore[arg-type]  # no test of these comes so far
            market=None,  # type: ignore[arg-type]  # the same
            trades=cast("StructuredTradeLogger", self),
            record_event=self.note_event,
            verify=lambda: None,  # type: ignore[arg-type, return-value]  # the same
            journal_name="journal.sqlite3",
            audit_log=Path("orders.jsonl"),
            lifecycle=Lifecycle(
                opening={name: self.step(name) for name in ("first", "second", "third")},
                closing=(self.step("close second"), self.step("close first")),
                start_failures=(OrderError, OSError),
            ),
            clock=VirtualClock(MONDAY),
            events=EventFeeds(),
            protection=lambda leaving: None,  # type: ignore[arg-type, return-value]  # no test of these protects
        )

    def record(self, trade: TradeRecord) -> None:
        self.records.append(trade)

    def gather(self, terms: OrderTerms, by: Seconds | None, instead_of: object) -> Approval:
        raise NotImplementedError

    def note_event(self, event: OrderEvent) -> None:
        self.events.append(event.event)
        self.ran.append(event.event.value)

    def step(self, name: str) -> Callable[[], None]:
        def run() -> None:
            self.ran.append(name)
            if name in self.failing:
                raise self.failing[name]

        return run


class TestErrors:
    def test_the_table_has_every_error_there_is(self):
        assert set(every_kind()) == set(STATUS_OF)

    @pytest.mark.parametrize("kind", list(every_kind()))
    def test_no_order_error_ever_leaves_execute_trade(self, kind):
        error = made(kind)
        parts = Parts(error=error)
        result = parts.bot.execute_trade("AAPL", "buy", 10, Decimal(100), "why")
        assert (result.status, result.code, result.message) == (STATUS_OF[kind], error.code, str(error))
        (record,) = parts.records
        assert (record.status, record.code, record.reason) == (STATUS_OF[kind], error.code, "why")

    def test_a_defect_is_not_dressed_up_as_a_refusal(self):
        parts = Parts(error=cast("OrderError", ZeroDivisionError()))
        with pytest.raises(ZeroDivisionError):
            parts.bot.execute_trade("AAPL", "buy", 10, Decimal(100), "why")

    def test_the_first_seven_arguments_are_positional(self):
        parts = Parts()
        parts.bot.execute_trade("AAPL", "buy", 10, Decimal(100), "why", "momentum", "stop")
        (record,) = parts.records
        assert (record.symbol, record.side, record.quantity, record.reference_price) == (
            "AAPL",
            "buy",
            10,
            Decimal(100),
        )
        assert (record.reason, record.strategy_name) == ("why", "momentum")
        (asked,) = parts.manager.asked
        assert (asked.strategy_name, asked.order_type) == ("momentum", "stop")

    @pytest.mark.parametrize(
        ("given", "recorded"),
        [
            (("aapl", "BUY", 10.0, 250.3), ("AAPL", "buy", 10, Decimal("250.3"))),
            (("AAPL", "hold", 10.5, math.nan), ("AAPL", "hold", 10.5, math.nan)),
        ],
        ids=["converted", "refused as it was"],
    )
    def test_the_record_has_what_was_traded_or_else_what_was_given(self, given, recorded):
        parts = Parts()
        symbol, side, shares, price = given
        parts.bot.execute_trade(symbol, side, shares, price, "because")
        (record,) = parts.records
        assert (record.symbol, record.side, record.quantity, record.reference_price) == recorded

    def test_a_trade_is_a_limit_order_of_a_manual_strategy_unless_told_otherwise(self):
        parts = Parts()
        result = parts.bot.execute_trade("AAPL", "buy", 10, Decimal(100), "why")
        assert result.code == "status_unavailable"
        assert parts.records[0].strategy_name == "manual"

    def test_a_trade_that_is_one_value_has_the_arguments_and_defaults_of_execute_trade(self):
        arguments = dict(inspect.signature(TradingBot.execute_trade).parameters)
        del arguments["self"]
        defaults = {each.name: each.default for each in fields(TradeRequest) if each.default is not MISSING}
        assert list(arguments) == [each.name for each in fields(TradeRequest)]
        assert {name: each.default for name, each in arguments.items() if each.default is not each.empty} == defaults

    def test_a_trade_that_is_one_value_is_recorded_as_execute_trade_would(self):
        first, second = Parts(), Parts()
        answer = first.bot.execute_trade("AAPL", "buy", 10, Decimal(100), "why", "momentum", time_in_force="gtc")
        trade = TradeRequest(
            symbol="AAPL",
            action="buy",
            shares=10,
            price=Decimal(100),
            reason="why",
            strategy_name="momentum",
            time_in_force="gtc",
        )
        assert (second.bot.trade(trade), second.records) == (answer, first.records)


class TestStart:
    def test_every_step_in_order_and_then_the_record(self):
        parts = Parts()
        parts.bot.start()
        assert parts.ran == ["first", "second", "third", "session_started"]
        assert parts.bot.is_running

    def test_a_second_start_changes_nothing(self):
        parts = Parts()
        parts.bot.start()
        parts.bot.start()
        assert len(parts.ran) == 4

    @pytest.mark.parametrize("error", [OrderStatusError("no data"), OSError("disk")])
    def test_the_step_that_failed_is_named_and_everything_closed(self, error):
        parts = Parts()
        parts.failing = {"second": error}
        with pytest.raises(StartError, match="second") as caught:
            parts.bot.start()
        assert (caught.value.step, caught.value.cause) == ("second", error)
        assert caught.value.__cause__ is error
        assert parts.ran == ["first", "second", "close second", "close first"]
        assert not parts.bot.is_running

    def test_a_defect_in_a_step_is_not_dressed_up(self):
        parts = Parts()
        parts.failing = {"second": ZeroDivisionError()}
        with pytest.raises(ZeroDivisionError):
            parts.bot.start()


class TestStop:
    def test_the_record_and_then_every_closing_step_in_order(self):
        parts = Parts()
        parts.bot.start()
        parts.ran.clear()
        assert parts.bot.stop() == ()
        assert parts.ran == ["session_stopped", "close second", "close first"]
        assert not parts.bot.is_running

    def test_orders_are_left_unless_told_otherwise(self):
        parts = Parts()
        parts.bot.start()
        parts.bot.stop()
        assert parts.manager.cancels == 0

    def test_a_bot_that_was_never_started_only_closes(self):
        parts = Parts(on_stop="cancel")
        assert parts.bot.stop() == ()
        assert parts.ran == ["close second", "close first"]
        assert parts.manager.cancels == 0

    def test_a_cancel_that_could_not_be_proven_is_returned_and_everything_closed(self):
        parts = Parts(on_stop="cancel", error=OrderCancellationError("no; read it", results=[RESULT]))
        parts.bot.start()
        parts.ran.clear()
        assert parts.bot.stop() == (RESULT,)
        assert parts.ran == ["session_stopped", "close second", "close first"]

    def test_a_cancel_all_that_runs_already_does_not_keep_the_bot_from_stopping(self):
        parts = Parts(on_stop="cancel", error=TradingHaltedError("a cancel-all is running"))
        parts.bot.start()
        parts.ran.clear()
        assert parts.bot.stop() == ()
        assert parts.ran == ["session_stopped", "close second", "close first"]

    def test_everything_is_closed_whatever_a_cancel_raises(self):
        parts = Parts(on_stop="cancel", error=OrderStatusError("no"))
        parts.bot.start()
        parts.ran.clear()
        with pytest.raises(OrderStatusError):
            parts.bot.stop()
        assert parts.ran[-2:] == ["close second", "close first"]

    def test_a_part_that_cannot_be_closed_keeps_no_other_open(self):
        parts = Parts()
        parts.bot.start()
        parts.ran.clear()
        parts.failing["close second"] = OSError("the disk is gone")
        with pytest.raises(OSError, match="the disk is gone"):
            parts.bot.stop()
        assert parts.ran[-2:] == ["close second", "close first"]

    def test_a_failed_start_names_its_step_even_if_closing_fails_too(self):
        parts = Parts()
        parts.failing |= {"second": OSError("no room"), "close second": OSError("the disk is gone")}
        with pytest.raises(StartError) as failed:
            parts.bot.start()
        assert failed.value.step == "second"
        assert parts.ran[-1] == "close first"

    def test_cancelling_at_the_stop_reaches_the_broker(self, tmp_path):
        bench = BotBench(tmp_path, on_stop="cancel").started()
        bench.trade()
        (result,) = bench.bot.stop()
        assert result.verdict is CancelVerdict.CANCELLED
        assert [order.state for order in bench.bot.orders()] == [OrderState.CANCELLED]

    def test_leaving_orders_sends_nothing(self, tmp_path):
        bench = BotBench(tmp_path).started()
        bench.trade()
        seen = len(bench.broker.seen)
        assert bench.bot.stop() == ()
        assert len(bench.broker.seen) == seen


class TestOrders:
    def test_an_order_is_read_and_cancelled_by_either_id(self, tmp_path):
        bench = BotBench(tmp_path).started()
        result = bench.trade()
        assert result.envelope is not None
        order_id = str(result.envelope.order_id)
        assert bench.bot.order_status("c1").order_id == bench.bot.order_status(order_id).order_id == order_id
        assert bench.bot.open_orders() == bench.bot.orders()
        assert bench.bot.cancel_order(order_id).verdict is CancelVerdict.CANCELLED
        assert bench.bot.open_orders() == ()
        assert len(bench.bot.orders()) == 1

    def test_every_open_order_is_cancelled(self, tmp_path):
        bench = BotBench(tmp_path, max_pending_per_side=5).started()
        for number in range(3):
            bench.trade(shares=10 + number, client_order_id=f"c{number}")
        results = bench.bot.cancel_all_open_orders()
        assert [result.verdict for result in results] == [CancelVerdict.CANCELLED] * 3

    def test_a_cancel_that_never_left_says_that_the_order_is_live(self, tmp_path):
        bench = BotBench(tmp_path, cancel_deadline_s=3).started()
        result = bench.trade()
        assert result.envelope is not None
        bench.broker.standing[f"POST /orders/{result.envelope.order_id}/cancel/"] = never_leaves
        with pytest.raises(OrderCancellationError) as caught:
            bench.bot.cancel_all_open_orders()
        assert [each.verdict for each in caught.value.results] == [CancelVerdict.CANCEL_NOT_SENT]
        assert len(bench.bot.open_orders()) == 1

    def test_a_sync_that_saw_only_a_part_says_so(self, tmp_path):
        bench = BotBench(tmp_path).started()
        bench.trade()
        bench.broker.standing["GET /orders/"] = answers(500)
        summary = bench.bot.synchronize_open_orders()
        assert not summary.complete
        assert summary.problem is not None
        assert summary.open_orders == 1
