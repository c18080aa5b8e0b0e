"""The positions of the fake broker: a start, what its orders filled, and what somebody moved without an order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Self

from tests.support.account_gateway import holding, snapshot
from tests.support.fake_gateway import FakeGateway, nothing
from trading_bot.clock import Seconds
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import Side
from trading_bot.order_management.portfolio import AccountSnapshot, Position, PositionListing, Quote, UnreadPosition


class BrokerPositions:
    """Fulfils `AccountGateway` for positions. ``moved`` changes them behind everybody's back."""

    def __init__(self, gateway: FakeGateway, start: Mapping[str, int]) -> None:
        self._gateway = gateway
        self._start = start
        self.moved: dict[str, Decimal] = {}
        self.reads = 0
        self.quotes: dict[str, Quote] | None = None
        self.deadlines: list[Seconds] = []
        self.asked_alone: list[str] = []
        self.is_failing = False
        self.account_is_failing = False
        self.account_reads = 0
        self.account_type: str | None = None
        self.unread: list[UnreadPosition] = []
        self.instrument_ids: dict[str, str] = {}
        self.names: dict[str, str] = {}
        """What the broker calls an instrument now, by its symbol of before."""
        self.held_back: dict[str, str] = {}
        self.missing: set[str] = set()
        """Symbols whose row is not in the list."""
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
        rows = tuple(self._row(symbol) for symbol in sorted(symbols - self.missing) if self.quantity(symbol))
        self.during_read()
        return PositionListing(positions=rows, unread=tuple(self.unread))

    def _row(self, symbol: str) -> Position:
        return replace(
            holding(self.names.get(symbol, symbol), f"{self.quantity(symbol)}"),
            instrument_id=self.instrument_ids.get(symbol),
            held_for_sells=Decimal(self.held_back.get(symbol, "0")),
        )

    def fetch_position(self, instrument_id: str) -> Position | None:
        self.asked_alone.append(instrument_id)
        if self.is_failing:
            raise OrderStatusError("the position could not be read; read it again")
        symbol = next((name for name, known in self.instrument_ids.items() if known == instrument_id), None)
        return self._row(symbol) if symbol is not None and self.quantity(symbol) else None

    def fetch_account(self) -> AccountSnapshot:
        self.account_reads += 1
        if self.account_is_failing:
            raise OrderStatusError("no balances here")
        return replace(snapshot(), account_type=self.account_type)

    def fetch_equity(self) -> Decimal | None:
        return None

    def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        if self.quotes is None:
            raise OrderStatusError("no quotes here")
        return {symbol: self.quotes[symbol] for symbol in symbols if symbol in self.quotes}
