"""An order late in a busy day costs what the first one cost: nothing on its way walks through the orders that ended."""

import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.support.bot_bench import PAPER_ACCOUNT, BotBench
from tests.support.order_story import booked, fill, intended, now_in, order_id_of
from trading_bot.bot import TradeStatus
from trading_bot.order_management.events import OrderEvent
from trading_bot.order_management.models import OrderState, Side
from trading_bot.startup.account import AccountParts

pytestmark = pytest.mark.no_cover  # whole bots: each line that they run has a quick test of its own

FEW, MANY = 10, 1_000
MORE_AT_MOST = 0.05
"""A part of the whole: a few more orders are open then."""

LIMITS = {
    "max_daily_loss": 100_000,
    "max_consecutive_losses": 1_000,
    "max_trades_per_day": 100_000,
    "max_open_orders": 1_000,
    "max_entries_per_minute": 10_000,
    "max_gross_exposure": 1_000_000_000,
    "max_position_notional": 1_000_000,
    "max_order_notional": 1_000_000,
}


def opcodes(work: Callable[[], object]) -> int:
    """How many steps of the interpreter a piece of work takes on this thread."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def round_trip(number: int) -> Iterator[OrderEvent]:
    """Four shares of one of twenty symbols bought and sold, at a loss two times out of three."""
    symbol = "SYM" + chr(ord("A") + number % 20) if number % 2 else "AAPL"
    for side, price in ((Side.BUY, "100"), (Side.SELL, "99.99" if number % 3 else "100.05")):
        name = f"{side}-{number}"
        yield intended(name, symbol=symbol, side=side)
        yield booked(fill(1, 4, price), name)
        yield now_in(OrderState.FILLED, name, filled_quantity=Decimal(4), order_id=order_id_of(name))


class Day:
    """A day of one account, and what its bot does in it."""

    def __init__(self, folder: Path) -> None:
        bench = BotBench(folder, max_pending_per_side=100)
        bench.settings["risk_management"] = LIMITS
        parts = AccountParts(
            bench.config, bench.surroundings(), account_number=PAPER_ACCOUNT, transport=bench.broker, quotes=None
        )
        self.bot = parts.bot(background_sync=False)
        self.bot.start()
        self._store = parts._store
        self._shares = self._trips = 0

    def pass_until(self, orders: int) -> "Day":
        """Let so many orders have ended by now."""
        trips = range(self._trips, orders // 2)
        with self._store.one_commit():
            self._store.record_facts(event for trip in trips for event in round_trip(trip))
        self._trips = orders // 2
        self.buy()  # reads what is kept from here on, and adds up what came meanwhile
        return self

    def buy(self) -> None:
        self._trade("buy", "90")

    def sell(self) -> None:
        self._trade("sell", "110")

    def hear_of_fills(self) -> None:
        self._store.record_facts(round_trip(self._trips))
        self._trips += 1

    def _trade(self, side: str, price: str) -> None:
        self._shares += 1
        result = self.bot.execute_trade("AAPL", side, self._shares, Decimal(price), "a test")
        assert result.status is TradeStatus.SUBMITTED, result.message

    def steps(self) -> dict[str, int]:
        return {work.__name__: opcodes(work) for work in (self.buy, self.sell, self.hear_of_fills)}


def test_an_order_and_its_fills_take_as_many_steps_after_many_orders_as_after_few(tmp_path):
    day = Day(tmp_path)
    few, many = day.pass_until(FEW).steps(), day.pass_until(MANY).steps()
    assert day.bot.risk_state().trades_today > MANY
    assert many == {what: pytest.approx(steps, rel=MORE_AT_MOST) for what, steps in few.items()}
