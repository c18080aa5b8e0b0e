"""The positions of the fake broker: a start, what its orders filled, and what somebody moved without an order."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Self

from tests.support.account_gateway import holding
from tests.support.fake_gateway import FakeGateway, nothing
from trading_bot.clock import Seconds
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import Side
from trading_bot.order_management.portfolio import AccountSnapshot, Position, PositionListing, Quote


class BrokerPositions:
    """Fulfils `AccountGateway` for positions. ``moved`` changes them behind everybody's back."""

    def __init__(self, gateway: FakeGateway, start: Mapping[str, int]) -> None:
        self._gateway = gateway
        self._start = start
        self.moved: dict[str, Decimal] = {}
        self.reads = 0
        self.deadlines: list[Seconds] = []
        self.is_failing = False
        self.during_read: Callable[[], object] = nothing

    def move(self, symbol: str, quantity: str) -> None:
        self.moved[symbol] = self.moved.get(symbol, Decimal(0)) + Decimal(quantity)

    def quantity(self, symbol: str) -> Decimal:
        filled = (
            order.filled if order.terms.side is Side.BUY else -order.filled
            for order in self._gateway.orders
            if order.terms.symbol == symbol
        )
        return self._start.get(symbol, 0) + self.moved.get(symbol, Decimal(0)) + sum(filled, Decimal(0))

    def by(self, deadline: Seconds) -> Self:
        self.deadlines.append(deadline)
        return self

    def fetch_positions(self) -> PositionListing:
        self.reads += 1
        if self.is_failing:
            raise OrderStatusError("the positions could not be read; read them again")
        symbols = {*self._start, *self.moved, *(order.terms.symbol for order in self._gateway.orders)}
        rows = tuple(holding(symbol, f"{self.quantity(symbol)}") for symbol in sorted(symbols) if self.quantity(symbol))
        self.during_read()
        return PositionListing(positions=rows)

    def fetch_position(self, instrument_id: str) -> Position | None:
        rows = self.fetch_positions().positions
        return next((row for row in rows if instrument_id in (row.instrument_id, row.symbol)), None)

    def fetch_account(self) -> AccountSnapshot:
        raise OrderStatusError("no balances here")

    def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        raise OrderStatusError("no quotes here")
