"""A broker of plain numbers, and a bot's book of its orders: what is let out is held against the money there really is.

The broker sets an order's cost aside, and gives it back, at once or late: with `settle`, or after `HELD_WITHIN_S`. It
may say nothing of what it has set aside. What it has and what the book knows move apart until `learn`.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self

from tests.support.account_gateway import snapshot
from tests.support.risk_bench import MONDAY_NOON, FakeOrders
from trading_bot.account.reservations import HELD_WITHIN_S
from trading_bot.clock import Seconds, VirtualClock
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.models import OrderId, OrderState, Side
from trading_bot.order_management.portfolio import AccountSnapshot, Bar, Position, PositionListing, Quote


class Holds(enum.StrEnum):
    AT_ONCE = "at once"
    LATE = "late"
    AT_ONCE_IN_SILENCE = "at once, in silence"
    LATE_IN_SILENCE = "late, in silence"

    @property
    def are_late(self) -> bool:
        return self in (Holds.LATE, Holds.LATE_IN_SILENCE)

    @property
    def are_shown(self) -> bool:
        return self in (Holds.LATE, Holds.AT_ONCE)


@dataclass(kw_only=True)
class TrueOrder:
    """One buy as the broker has it: what it has set aside for it, and when it was taken or ended."""

    price: Decimal
    open: int
    changed: datetime
    filled: int = 0
    held: Decimal = Decimal(0)

    @property
    def cost(self) -> Decimal:
        return self.price * self.open


class ModelBroker:
    """Fulfils `AccountGateway`. ``during_read`` runs within a read; ``shows_end`` says which end of it is shown."""

    def __init__(self, *, cash: int, holds: Holds, clock: VirtualClock) -> None:
        self.cash = Decimal(cash)
        self.holds = holds
        self.clock = clock
        self.orders: dict[str, TrueOrder] = {}
        self.during_read: Callable[[], None] = lambda: None
        self.shows_end = False
        self.reads = 0

    def by(self, deadline: Seconds) -> Self:
        return self

    def fetch_account(self) -> AccountSnapshot:
        self.reads += 1
        begun, at_begin = self.clock.now(), self._shown()
        during, self.during_read = self.during_read, lambda: None
        during()
        return replace(self._shown() if self.shows_end else at_begin, as_of=begun)

    @property
    def buying_power(self) -> Decimal:
        """What a read just now would show: what is set aside for cancelled orders is not in it."""
        self._settle_what_is_due()
        return self.cash - sum((order.held for order in self.orders.values()), Decimal(0))

    def _shown(self) -> AccountSnapshot:
        power = self.buying_power
        held = self.cash - power if self.holds.are_shown else None
        return replace(snapshot(buying_power=str(power)), portfolio_cash=self.cash, cash_held_for_orders=held)

    def take(self, name: str, price: Decimal, quantity: int) -> None:
        self.orders[name] = TrueOrder(price=price, open=quantity, changed=self.clock.now())
        self._settle_what_is_due()

    def fill(self, order: TrueOrder, quantity: int) -> None:
        quantity = min(quantity, order.open)
        order.open -= quantity
        order.filled += quantity
        self.cash -= quantity * order.price
        order.held = max(Decimal(0), order.held - quantity * order.price)

    def end(self, order: TrueOrder) -> None:
        order.open, order.changed = 0, self.clock.now()
        self._settle_what_is_due()

    def settle(self) -> None:
        """Set everything aside, and give everything back."""
        for order in self.orders.values():
            order.held = order.cost

    def _settle_what_is_due(self) -> None:
        lately = self.clock.now() - timedelta(seconds=HELD_WITHIN_S)
        for order in self.orders.values():
            if not self.holds.are_late or order.changed <= lately:
                order.held = order.cost

    def fetch_positions(self) -> PositionListing:
        return PositionListing(positions=())

    def fetch_position(self, instrument_id: str) -> Position | None:
        return None

    def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        return {}

    def fetch_equity(self) -> Decimal | None:
        return None

    def fetch_history(self, symbol: str, interval: str, span: str) -> tuple[Bar, ...]:
        return ()


class ModelBook(FakeOrders):
    """What the bot knows of its orders at a `ModelBroker`."""

    def __init__(self, broker: ModelBroker) -> None:
        super().__init__(MONDAY_NOON)
        self._broker = broker

    def intend(self, price: Decimal, quantity: int) -> str:
        self.now = self._broker.clock.now()
        return self.tell(Side.BUY, quantity, str(price), state=OrderState.PENDING_SUBMIT).client_order_id

    def say(self, name: str, state: OrderState) -> None:
        self._change(name, state)

    def learn(self, name: str) -> None:
        """Hear of all that became of an order: of one in doubt, too."""
        true = self._broker.orders.get(name)
        if true is None:
            self._change(name, OrderState.NEVER_ACCEPTED)
        elif true.open:
            self._change(name, OrderState.PARTIALLY_FILLED if true.filled else OrderState.CONFIRMED)
        else:
            self._change(name, OrderState.FILLED if true.filled else OrderState.CANCELLED)

    def names(self) -> list[str]:
        return [order.client_order_id for order in self.told if not order.state.is_terminal]

    def promised(self) -> Decimal:
        """What open buys, and those nobody knows the fate of, may still cost."""
        doubted = (order for order in self.told if order.state.is_unresolved)
        absent = (
            order.envelope.limit_price * order.envelope.quantity
            for order in doubted
            if order.client_order_id not in self._broker.orders
        )
        return sum((order.cost for order in self._broker.orders.values()), sum(absent, Decimal(0)))

    def _change(self, name: str, state: OrderState) -> None:
        self.told = [self._changed(order, state) if order.client_order_id == name else order for order in self.told]

    def _changed(self, order: TrackedOrder, state: OrderState) -> TrackedOrder:
        true = self._broker.orders.get(order.client_order_id)
        knows_fills = true is not None and not state.is_unresolved
        filled = Decimal(true.filled) if knows_fills and true is not None else order.envelope.filled_quantity
        is_news = filled > order.envelope.filled_quantity
        order_id = OrderId(f"broker-{order.client_order_id}") if knows_fills else order.envelope.order_id
        return replace(
            order,
            envelope=replace(order.envelope, state=state, filled_quantity=filled, order_id=order_id),
            filled_at=self._broker.clock.now() if is_news else order.filled_at,
            last_transaction_at=true.changed if knows_fills and true is not None else order.last_transaction_at,
        )
