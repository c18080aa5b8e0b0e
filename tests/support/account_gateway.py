"""An account whose answers a test chooses."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Self

from trading_bot.clock import Seconds
from trading_bot.order_management.exceptions import OrderError, OrderStatusError
from trading_bot.order_management.portfolio import (
    AccountSnapshot,
    Bar,
    Position,
    PositionListing,
    Quote,
    UnreadPosition,
)

AS_OF = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


def snapshot(*, buying_power: str = "10000", restriction: str | None = None) -> AccountSnapshot:
    return AccountSnapshot(
        account_suffix="1234",
        buying_power=Decimal(buying_power),
        cash=Decimal(buying_power),
        cash_held_for_orders=Decimal(0),
        restriction=restriction,
        as_of=AS_OF,
    )


def holding(symbol: str, quantity: str, *, held_for_sells: str = "0") -> Position:
    return Position(
        symbol=symbol,
        quantity=Decimal(quantity),
        average_buy_price=Decimal(100),
        held_for_sells=Decimal(held_for_sells),
        as_of=AS_OF,
    )


def quote(symbol: str, price: str) -> Quote:
    return Quote(
        symbol=symbol,
        bid_price=Decimal(price),
        ask_price=Decimal(price),
        bid_size=100,
        ask_size=100,
        last_price=Decimal(price),
        trading_halted=False,
        updated_at=AS_OF,
    )


class FakeAccountGateway:
    """Counts reads; ``failing`` names the reads that raise, ``during_read`` runs inside each read."""

    def __init__(self, *, account: AccountSnapshot | None = None, positions: Sequence[Position] = ()) -> None:
        self.snapshot = account or snapshot()
        self.holdings = tuple(positions)
        self.unread: tuple[UnreadPosition, ...] = ()
        self.equity: Decimal | None = None
        self.bars: tuple[Bar, ...] = ()
        self.failing: set[str] = set()
        self.error: OrderError = OrderStatusError("the broker did not answer; try again")
        self.reads: list[str] = []
        self.deadlines: list[Seconds] = []
        self.during_read: Callable[[], None] = lambda: None

    def fetch_account(self) -> AccountSnapshot:
        answer = self.snapshot
        self._read("account")
        return answer

    def by(self, deadline: Seconds) -> Self:
        self.deadlines.append(deadline)
        return self

    def fetch_positions(self) -> PositionListing:
        answer = self.holdings
        self._read("positions")
        return PositionListing(positions=answer, unread=self.unread)

    def fetch_position(self, instrument_id: str) -> Position | None:
        self._read("position")
        return next((held for held in self.holdings if instrument_id in (held.instrument_id, held.symbol)), None)

    def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        self._read("quotes")
        return {symbol: quote(symbol, "100") for symbol in symbols if symbol != "NOPE"}

    def fetch_equity(self) -> Decimal | None:
        self._read("equity")
        return self.equity

    def fetch_history(self, symbol: str, interval: str, span: str) -> tuple[Bar, ...]:
        self._read("history")
        return self.bars

    def _read(self, name: str) -> None:
        self.reads.append(name)
        self.during_read()
        if name in self.failing:
            raise self.error
