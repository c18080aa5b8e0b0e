"""A bot that trades nothing: it notes what it was asked and answers what it was told to."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from trading_bot.bot import TradeRequest, TradeResult, TradeStatus, TradingBot
from trading_bot.bot_lifecycle import StopWish
from trading_bot.clock import VirtualClock
from trading_bot.config import Config
from trading_bot.event_feeds import EventFeeds
from trading_bot.order_management.book.exit_facts import ExitEnding
from trading_bot.order_management.book.protections import Plan
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import EventKind, about
from trading_bot.order_management.exceptions import OrderValidationError
from trading_bot.order_management.models import (
    ClientOrderId,
    ExecutionMode,
    OrderEnvelope,
    OrderId,
    OrderState,
    RefId,
    Side,
    TimeInForce,
)
from trading_bot.order_management.order_store import OrderChange
from trading_bot.order_management.portfolio import AccountSnapshot, Position, Quote
from trading_bot.order_management.results import CancelResult, SyncSummary
from trading_bot.order_management.submit.exit_run import ExitResult
from trading_bot.protection.shown import SetPlan, ShownPlan

OPEN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
QUIET = SyncSummary(complete=True, open_orders=0, fills_booked=0, orders_closed=0, external_orders=0)


def envelope(name: str = "c-1", **changes: object) -> OrderEnvelope:
    """A plain accepted order for 10 TSLA, with whatever the test changes."""
    plain = OrderEnvelope(
        client_order_id=ClientOrderId(name),
        ref_id=RefId(f"ref-{name}"),
        order_id=OrderId(f"order-{name}"),
        symbol="TSLA",
        side=Side.BUY,
        quantity=10,
        limit_price=Decimal("249.92"),
        reference_price=Decimal("250.30"),
        time_in_force=TimeInForce.GFD,
        extended_hours=False,
        state=OrderState.CONFIRMED,
        execution_mode=ExecutionMode.PAPER,
        strategy_name="momentum",
        created_at=OPEN,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def change_of(order: OrderEnvelope, *, before: OrderEnvelope | None = None) -> OrderChange:
    """What a listener is told when an order has come to be as it is."""
    return OrderChange(
        event=about(order, EventKind.ORDER_UPDATED),
        order=TrackedOrder(envelope=order),
        before=None if before is None else TrackedOrder(envelope=before),
        at=OPEN,
    )


def submitted(order: OrderEnvelope) -> TradeResult:
    return TradeResult(status=TradeStatus.SUBMITTED, code="submitted", message="submitted", envelope=order)


def refused(code: str, message: str = "no") -> TradeResult:
    return TradeResult(status=TradeStatus.BLOCKED, code=code, message=message, envelope=None)


class FakeBot:
    """Fulfils `SignalBot`; ``trades`` and ``syncs`` hold what happened and when."""

    def __init__(self, clock: VirtualClock | None = None, answer: Callable[[], TradeResult] | None = None) -> None:
        self.clock = clock or VirtualClock(OPEN)
        self.trades: list[tuple[datetime, dict[str, object]]] = []
        self.syncs: list[datetime] = []
        self.work_s = 0
        self._answer = answer or (lambda: submitted(envelope()))

    def trade(self, trade: TradeRequest) -> TradeResult:
        self.trades.append((self.clock.now(), asdict(trade)))
        return self._answer()

    def protect(self, symbol: str, quantity: int | None, **terms: object) -> SetPlan:
        self.trades.append((self.clock.now(), {"symbol": symbol, "quantity": quantity, **terms}))
        plan = Plan(plan_id="p1", symbol=symbol, set_for=symbol, quantity=Decimal(10), stop=Decimal(240))
        return SetPlan(shown=ShownPlan(plan=plan, covers=Decimal(10), stop_order=None, rests=False), notes=("a note",))

    def unprotect(self, symbol: str, **terms: object) -> tuple[Plan, ...]:
        raise OrderValidationError(f"{symbol} has no protection", code="not_protected")

    def exit_position(self, symbol: str, quantity: int | None, **terms: object) -> ExitResult:
        self.trades.append((self.clock.now(), {"symbol": symbol, "action": "exit", "shares": quantity, **terms}))
        return ExitResult(
            exit_id="x1",
            symbol=symbol,
            ending=ExitEnding.SOLD,
            code="sold",
            message="sold",
            sold=Decimal(10),
            orders=(envelope("x1-1"),),
        )

    def synchronize_open_orders(self) -> SyncSummary:
        self.syncs.append(self.clock.now())
        self.clock.sleep(self.work_s)
        return QUIET


class FakeAccount:
    """Answers with cash and no position, or with the error it was given."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.invalidated = 0
        self.held: dict[str, Position] = {}

    def invalidate_cache(self, name: str | None = None) -> None:
        self.invalidated += 1

    def account(self) -> AccountSnapshot:
        if self._error is not None:
            raise self._error
        return AccountSnapshot(
            account_suffix="0001",
            buying_power=Decimal(900),
            cash=Decimal(1000),
            cash_held_for_orders=Decimal(100),
            restriction=None,
            as_of=OPEN,
        )

    def positions(self) -> dict[str, Position]:
        return self.held

    def quotes(self, symbols: Sequence[str]) -> dict[str, Quote]:
        return {symbol: quote(symbol) for symbol in symbols if symbol != "DARK"}


def position(symbol: str) -> Position:
    return Position(
        symbol=symbol, quantity=Decimal(4), average_buy_price=Decimal(20), held_for_sells=Decimal(0), as_of=OPEN
    )


def quote(symbol: str) -> Quote:
    return Quote(
        symbol=symbol,
        bid_price=Decimal("25.50"),
        ask_price=Decimal("25.60"),
        bid_size=1,
        ask_size=1,
        last_price=None,
        trading_halted=False,
        updated_at=OPEN,
    )


class FakeTradingBot(FakeBot):
    """A `FakeBot` with the rest of what a run needs of a bot; ``events`` holds the order of the calls."""

    def __init__(self, clock: VirtualClock | None = None, answer: Callable[[], TradeResult] | None = None) -> None:
        super().__init__(clock, answer)
        self.config = Config()
        self.account = FakeAccount()
        self.journal_name = "journal.sqlite3"
        self.audit_log = Path("logs/orders.jsonl")
        self.verdict = SimpleNamespace(ok=True, records=3, problem=None)
        self.is_asked_to_stop = StopWish()
        self.events: list[str] = []
        self.at_start: Callable[[], object] = lambda: None
        self.feeds = EventFeeds()
        self.subscribe, self.wait_for_listeners = self.feeds.subscribe, self.feeds.settle
        self.book: list[OrderEnvelope] = []
        self._listeners: list[Callable[[OrderChange], object]] = []
        self.manager = SimpleNamespace(subscribe=self._listeners.append)
        self.sync_problem: str | None = None
        self.cancels: tuple[CancelResult, ...] = ()

    def as_bot(self) -> TradingBot:
        return cast("TradingBot", self)

    def start(self) -> None:
        self.events.append("start")
        self.at_start()

    def stop(self) -> tuple[CancelResult, ...]:
        self.events.append("stop")
        return self.cancels

    def synchronize_open_orders(self) -> SyncSummary:
        return replace(super().synchronize_open_orders(), problem=self.sync_problem, complete=not self.sync_problem)

    def show(self, order: OrderEnvelope) -> None:
        """Have the order in the book, as one it had before or as a new one, and tell those who listen."""
        before = next((each for each in self.book if each.client_order_id == order.client_order_id), None)
        self.book = [order if each is before else each for each in self.book] + ([] if before else [order])
        for listener in self._listeners:
            listener(change_of(order, before=before))

    def orders(self) -> tuple[OrderEnvelope, ...]:
        return tuple(self.book)

    journal_problem: str | None = None

    def open_orders(self) -> tuple[OrderEnvelope, ...]:
        return tuple(order for order in self.book if order.state.is_working)

    def verify_journal(self) -> SimpleNamespace:
        return self.verdict
