"""Trades for weeks in one process: ``python -m tests.benchmarks.soak [ORDERS [APART_S]]``.

Orders of 20 symbols are placed ten seconds of a virtual clock apart, so 8,640 a day, at a market that always fills
them; after every third the open orders are read, and a listener hears each event. The account is one that is thrown
away, as a replay's is. Whatever counts for later orders is in memory from the first tenth on, because that is more
than a day of them: from there on nothing may grow. Fewer orders need more seconds between them for that.

Times are processor time of the thread that places an order, which hardly depends on what else the machine does.
"""

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from tests.benchmarks.memory import peak_bytes
from tests.benchmarks.table import Row, heading, show
from trading_bot.bot import TradeStatus, TradingBot
from trading_bot.clock import VirtualClock
from trading_bot.config import Config
from trading_bot.paper.quotes import MarketQuote
from trading_bot.startup import create_bot, default_surroundings

ORDERS = 100_000
SYMBOLS = tuple(f"S{chr(65 + each)}" for each in range(20))
PRICE = Decimal(100)
_BEGINS = datetime(2026, 1, 5, 15, tzinfo=UTC)
APART_S = 10
_SYNC_EVERY = 3
_GROWTH = {"memory": Decimal("1.1"), "order, median": Decimal("1.2"), "order, 99th percentile": Decimal("1.5")}
_LIMITS = (
    "max_daily_loss",
    "max_consecutive_losses",
    "max_trades_per_day",
    "max_entries_per_minute",
    "max_open_orders",
)


class FlatMarket:
    """One price for ever, and shares enough."""

    def knows(self, symbol: str) -> bool:
        """Return whether it is traded here."""
        return symbol in SYMBOLS

    def quote(self, symbol: str, now: datetime) -> MarketQuote | None:
        """Return the market, shown anew at each moment."""
        return MarketQuote(symbol=symbol, at=now, bid=PRICE, ask=PRICE, bid_size=100, ask_size=100)

    def updates(self, symbol: str, after: datetime, until: datetime) -> Iterable[MarketQuote]:
        """Return no quotes in between."""
        return ()

    def observe_reference(self, symbol: str, price: Decimal, now: datetime) -> None:
        """Stay as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The process after so many orders; times in milliseconds are those of the last of them."""

    orders: int
    memory_mb: float
    median_ms: float
    p99_ms: float
    threads: int
    descriptors: int


def run(folder: Path, orders: int, *, apart_s: int, tell: Callable[[Sample], None]) -> list[Sample]:
    """Place so many orders and return ten samples."""
    clock = VirtualClock(_BEGINS)
    limits = {"risk_management": dict.fromkeys(_LIMITS), "paper": {"starting_cash": "1000000"}}
    config = Config.model_validate(limits).model_copy(update={"state_dir": folder / "state", "logs_dir": folder})
    around = default_surroundings(clock, is_durable=False)
    bot = create_bot(config, surroundings=around, quotes=FlatMarket(), background_sync=False)
    bot.start()
    try:
        bot.subscribe(lambda _event: None)
        samples, took = [], []
        for number in range(orders):
            took.append(_placed(bot, number))
            clock.sleep(apart_s)
            if number % _SYNC_EVERY == 0:
                bot.synchronize_open_orders()
            if len(took) == orders // 10:
                bot.wait_for_listeners()
                samples.append(_sample(number + 1, took))
                took = []
                tell(samples[-1])
    finally:
        bot.stop()
    return samples


def _placed(bot: TradingBot, number: int) -> float:
    action = "sell" if number // len(SYMBOLS) % 2 else "buy"
    begun = time.thread_time()
    result = bot.execute_trade(SYMBOLS[number % len(SYMBOLS)], action, 10, PRICE, "the soak", pricing="marketable")
    took = time.thread_time() - begun
    if result.status is not TradeStatus.SUBMITTED:
        raise RuntimeError(f"order {number} was not placed: {result.message}")
    return took


def _sample(orders: int, took: list[float]) -> Sample:
    return Sample(
        orders=orders,
        memory_mb=_resident_bytes() / 1_000_000,
        median_ms=statistics.median(took) * 1000,
        p99_ms=statistics.quantiles(took, n=100)[98] * 1000,
        threads=threading.active_count(),
        descriptors=len(tuple(Path("/dev/fd").iterdir())),
    )


def _resident_bytes() -> int:
    """Return the memory of this process now; where the system does not tell it, the most that it had."""
    status = Path("/proc/self/status")
    if not status.exists():
        return peak_bytes()
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def rows(orders: int = ORDERS, apart_s: int = APART_S) -> Iterator[Row]:
    """Yield what the last sample has, beside the first one."""
    with tempfile.TemporaryDirectory() as temporary:
        samples = run(Path(temporary), orders, apart_s=apart_s, tell=_tell)
    first, last = samples[0], samples[-1]
    figures = {
        "memory": (last.memory_mb, first.memory_mb, "MB"),
        "order, median": (last.median_ms, first.median_ms, "ms"),
        "order, 99th percentile": (last.p99_ms, first.p99_ms, "ms"),
        "threads": (last.threads, first.threads, ""),
        "descriptors": (last.descriptors, first.descriptors, ""),
    }
    for what, (after, before, unit) in figures.items():
        yield Row(
            what=f"{what}, after {last.orders:,} and {first.orders:,} orders",
            figure=f"{after:.4g} {unit}",
            beside=f"{before:.4g} {unit}",
            ratio=f"{after / before:.2f}",
            target=f"{_GROWTH.get(what, 1)}",
            met=after / before <= _GROWTH.get(what, 1),
        )


def _tell(sample: Sample) -> None:
    sys.stdout.write(
        f"  {sample.orders:>9,} orders: {sample.memory_mb:.0f} MB, {sample.median_ms:.2f} ms median, "
        f"{sample.p99_ms:.2f} ms p99, {sample.threads} threads, {sample.descriptors} descriptors\n"
    )
    sys.stdout.flush()


def main(orders: int = ORDERS, apart_s: int = APART_S) -> None:
    """Print each sample, then the table."""
    heading("soak, one process", "at the end", "at first")
    show(rows(orders, apart_s))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
