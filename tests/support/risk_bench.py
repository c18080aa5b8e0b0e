"""Orders and fills told in one line each, and the parts that watch their results."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from trading_bot.clock import VirtualClock
from trading_bot.config import RiskManagementConfig
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.order_management.book.acceptances import Acceptance, parse_ratio
from trading_bot.order_management.book.change_log import ChangeMark, OrdersNow
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.models import (
    ClientOrderId,
    Execution,
    ExecutionId,
    ExecutionMode,
    OrderEnvelope,
    OrderId,
    OrderState,
    RefId,
    Side,
    TimeInForce,
)
from trading_bot.risk.breaker import RiskBreaker
from trading_bot.risk.exchange_day import ExchangeDays
from trading_bot.risk.losing_streak import LosingStreak
from trading_bot.risk.marks import MarkReader
from trading_bot.risk.order_facts import OrderFacts, TradeHistory
from trading_bot.risk.results import RunningTotals
from trading_bot.risk.watch import AccountResults, RiskWatch

MONDAY_NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
NO_LIMITS = RiskManagementConfig(
    max_order_notional=None,
    max_position_notional=None,
    max_daily_loss=None,
    max_consecutive_losses=None,
    max_trades_per_day=None,
    max_open_orders=None,
    max_entries_per_minute=None,
)
ACCOUNT = "account-key"
RESULTS = AccountResults(
    realised_today=Decimal(1),
    realised=Decimal(2),
    unknown_sales_today=3,
    unknown_sales=4,
    unrealised_today=Decimal(5),
    unrealised=Decimal(6),
    unmarked=("TSLA",),
    known_shares={"AAPL": Decimal(10)},
)
_BROKER_HAS_IT = frozenset(state for state in OrderState if not state.is_unresolved) - {
    OrderState.NOT_SENT,
    OrderState.NEVER_ACCEPTED,
    OrderState.REJECTED,
}


class FakeOrders:
    """Orders that a test tells, a second after one another from ``now`` on."""

    def __init__(self, now: datetime = MONDAY_NOON) -> None:
        self.now = now
        self.told: list[TrackedOrder] = []
        self.accepted: list[Acceptance] = []
        self.unexplained: frozenset[str] = frozenset()
        self.is_whole = True

    def history(self, *, since: ChangeMark | None = None) -> TradeHistory:
        del since  # the told orders are changed in place, so all of them are told each time
        return TradeHistory(
            orders=self.orders(),
            acceptances=tuple(self.accepted),
            unexplained=self.unexplained,
            is_whole=self.is_whole,
        )

    def accept(self, before: object, held: object, ratio: str | None = None, *, symbol: str = "AAPL") -> None:
        """A person accepts another position; orders told later stand behind it."""
        self.now += timedelta(seconds=1)
        self.accepted.append(
            Acceptance(
                symbol=symbol,
                number=self._next_number(),
                at=self.now,
                by="ada",
                before=Decimal(str(before)),
                held=Decimal(str(held)),
                ratio=parse_ratio(ratio, symbol=symbol) if ratio else None,
            )
        )

    def _next_number(self) -> int:
        return len(self.told) + len(self.accepted) + 1

    def orders(self) -> tuple[TrackedOrder, ...]:
        return tuple(self.told)

    def changed(self, since: ChangeMark | None = None) -> OrdersNow:
        del since
        return OrdersNow(orders=self.orders())

    def active(self) -> tuple[TrackedOrder, ...]:
        return tuple(order for order in self.told if not order.state.is_terminal)

    def tell(
        self,
        side: Side,
        quantity: int,
        price: str = "100",
        *,
        symbol: str = "AAPL",
        state: OrderState = OrderState.FILLED,
        filled: str | None = None,
        at: datetime | None = None,
    ) -> TrackedOrder:
        """One order; unless ``filled`` says how far, a filled one is filled in one execution, and others not at all."""
        self.now = (at or self.now) + timedelta(seconds=1)
        name = f"order-{len(self.told)}"
        done = Decimal(filled or (quantity if state is OrderState.FILLED else 0))
        envelope = OrderEnvelope(
            client_order_id=ClientOrderId(name),
            ref_id=RefId(f"ref-{name}"),
            order_id=OrderId(f"broker-{name}") if state in _BROKER_HAS_IT else None,
            symbol=symbol,
            side=side,
            quantity=quantity,
            limit_price=Decimal(price),
            reference_price=Decimal(price),
            time_in_force=TimeInForce.GFD,
            extended_hours=False,
            state=state,
            execution_mode=ExecutionMode.PAPER,
            strategy_name=None,
            created_at=self.now,
            filled_quantity=done,
        )
        order = TrackedOrder(
            envelope=envelope,
            executions=(fill(name, done, price, self.now),) if done else (),
            number=self._next_number(),
        )
        self.told.append(order)
        return order

    def buy(self, quantity: int, price: str = "100", *, symbol: str = "AAPL", at: datetime | None = None) -> None:
        self.tell(Side.BUY, quantity, price, symbol=symbol, at=at)

    def sell(self, quantity: int, price: str = "100", *, symbol: str = "AAPL", at: datetime | None = None) -> None:
        self.tell(Side.SELL, quantity, price, symbol=symbol, at=at)

    def round_trip(self, result: str, *, at: datetime | None = None) -> None:
        """Buy one share for a million dollars and sell it again with that result."""
        self.buy(1, "1000000", at=at)
        self.sell(1, str(Decimal(1_000_000) + Decimal(result)), at=at)


def annulled(order: TrackedOrder) -> TrackedOrder:
    """The order after the broker took its executions back."""
    return replace(order, executions=(), envelope=replace(order.envelope, filled_quantity=Decimal(0)))


def unlisted(order: TrackedOrder, *, average: str | None = None) -> TrackedOrder:
    """The order as it is reported filled while no execution is listed."""
    price = Decimal(average) if average is not None else None
    return replace(order, executions=(), envelope=replace(order.envelope, average_price=price))


def fill(name: str, quantity: Decimal, price: str, at: datetime) -> Execution:
    return Execution(
        execution_id=ExecutionId(f"fill-of-{name}-{at}"), quantity=quantity, price=Decimal(price), executed_at=at
    )


def losing_streak(
    orders: Iterable[TrackedOrder],
    accepted: Sequence[Acceptance] = (),
    *,
    since: datetime,
    counted_after: datetime | None = None,
) -> LosingStreak:
    """The losing sell orders in a row, and the peak of the day that began at ``since``."""
    totals = RunningTotals(accepted, today=since)
    totals.tell(orders)
    return totals.streak(counted_after=counted_after)


def breaker_of(
    folder: Path, clock: VirtualClock, *, account: str = ACCOUNT, files: FileSystem | None = None
) -> RiskBreaker:
    return RiskBreaker(path=folder / "risk.json", account_key=account, clock=clock, files=files or LocalFiles())


def watch_of(
    orders: OrderFacts,
    folder: Path,
    *,
    clock: VirtualClock | None = None,
    files: FileSystem | None = None,
    limits: RiskManagementConfig = NO_LIMITS,
    marks: MarkReader | None = None,
    unsettled: Collection[str] = (),
) -> RiskWatch:
    clock = clock or VirtualClock(orders.now if isinstance(orders, FakeOrders) else MONDAY_NOON)
    return RiskWatch(
        limits=limits,
        orders=orders,
        breaker=breaker_of(folder, clock, files=files),
        days=ExchangeDays(clock),
        marks=marks,
        unsettled=lambda: unsettled,
    )


def limits_of(**limits: int) -> RiskManagementConfig:
    """Only the limits that are named."""
    return NO_LIMITS.model_copy(
        update={name: Decimal(limit) if name[-4:] == "loss" else limit for name, limit in limits.items()}
    )
