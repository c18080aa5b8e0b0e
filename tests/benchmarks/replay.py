"""Measures a replay: ``python -m tests.benchmarks.replay [SIGNALS] [OTHER_CHECKOUT [ITS_SIGNALS]]``.

A day is made up, always the same: 50 symbols with a quote every 30 seconds, and signals at even distances that buy and
sell in turn. A sixth of them wait on the near side of the market, and a few are refused for what waits.
``run --replay`` trades it in a process of its own, with JSON results.

Seconds are processor time of that process, which hardly depends on what else the machine does; the ratio beside another
build is that of the signals of a second. A build that slows down with the signals behind it may be given fewer of them,
which is in its favour.

Flat: the last tenth of the signals is compared with the second tenth.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.benchmarks.builds import HERE, python_of
from tests.benchmarks.table import Row, heading, show

SIGNALS = 10_000
FEW = 1_000
SYMBOLS = tuple(f"{chr(65 + each // 10)}{chr(65 + each % 10)}" for each in range(50))
_OPENS = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
_SESSION = timedelta(hours=6, minutes=30)
_QUOTE_EVERY = timedelta(seconds=30)
_TARGET, _FLAT = 20, 1.2
_SETTINGS = {
    "trading": {"calendar": "NYSE"},
    "paper": {"starting_cash": "10000000"},
    "order_management": {"max_pending_per_side": 3},
    "risk_management": dict.fromkeys(
        ("max_daily_loss", "max_consecutive_losses", "max_trades_per_day", "max_entries_per_minute", "max_open_orders")
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One replay: how many signals, the processor seconds of the whole, and those at the end of each tenth."""

    signals: int
    took_s: float
    tenths_s: tuple[float, ...]

    @property
    def a_second(self) -> float:
        """Signals a second, start and summary included."""
        return self.signals / self.took_s

    @property
    def growth(self) -> float:
        """The time of the last tenth, as a multiple of that of the second."""
        return (self.tenths_s[9] - self.tenths_s[8]) / (self.tenths_s[1] - self.tenths_s[0])


def write_day(folder: Path, signals: int) -> None:
    """Write settings, quotes and signals of the day; the same number of signals gives the same bytes."""
    chance = random.Random(7)
    cents = {symbol: 5_000 + 1_000 * number for number, symbol in enumerate(SYMBOLS)}
    quotes, orders = [], []
    gap = _SESSION / (signals + 1)
    moment, number = _OPENS, 0
    while moment < _OPENS + _SESSION:
        for symbol in SYMBOLS:
            cents[symbol] = max(1_000, cents[symbol] + chance.randint(-cents[symbol] // 700, cents[symbol] // 700))
            quotes.append(_quote(symbol, moment, cents[symbol]))
        while number < signals and _OPENS + (number + 1) * gap < moment + _QUOTE_EVERY:
            symbol = SYMBOLS[number % len(SYMBOLS)]
            orders.append(_signal(symbol, number, _OPENS + (number + 1) * gap, cents[symbol]))
            number += 1
        moment += _QUOTE_EVERY
    for name, lines in (("quotes.jsonl", quotes), ("signals.jsonl", orders)):
        (folder / name).write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(_SETTINGS), encoding="utf-8")


def _quote(symbol: str, at: datetime, cents: int) -> dict[str, object]:
    prices = {"bid": f"{cents / 100:.2f}", "ask": f"{(cents + 1) / 100:.2f}"}
    return {"at": at.isoformat(), "symbol": symbol, **prices, "bid_size": 500, "ask_size": 500}


def _signal(symbol: str, number: int, at: datetime, cents: int) -> dict[str, object]:
    turn = number // len(SYMBOLS)
    return {
        "at": at.isoformat(),
        "symbol": symbol,
        "action": "sell" if turn % 2 else "buy",
        "shares": 10,
        "price": f"{cents / 100:.2f}",
        "pricing": "passive" if turn % 12 < 2 else "marketable",
        "reason": "the day of a benchmark",
    }


def one_run(checkout: Path, signals: int) -> Run:
    """Replay the day of so many signals with a build."""
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        write_day(home, signals)
        asked = "--config config.json --json run --signals signals.jsonl --quotes quotes.jsonl --replay"
        process = subprocess.Popen(
            [python_of(checkout), "-m", "trading_bot", *asked.split()],
            cwd=home,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(checkout / "src")},
            stdout=subprocess.PIPE,
        )
        if process.stdout is None:
            raise AssertionError("the pipe was asked for")
        taken, tenths = 0, []
        for line in process.stdout:
            if b'"client_order_id"' in line and b'"line"' in line:
                taken += 1
                if taken % (signals // 10) == 0:
                    tenths.append(_processor_s(process.pid))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode or taken != signals:
            raise RuntimeError(f"the replay ended with {process.returncode} after {taken} results")
    return Run(signals=signals, took_s=usage.ru_utime + usage.ru_stime, tenths_s=tuple(tenths))


def _processor_s(pid: int) -> float:
    """Return the processor time of a process so far; where the system does not tell it, the time of the day."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return time.perf_counter()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rows(other: Path | None, signals: int = SIGNALS, others_signals: int = FEW) -> Iterator[Row]:
    """Yield the signals of a second, beside another build where there is one, and how they grow."""
    mine = one_run(HERE, signals)
    theirs = None if other is None else one_run(other, others_signals)
    yield Row(
        what=f"a replay of {signals:,} signals, signals a second",
        figure=f"{mine.a_second:.0f}",
        beside="" if theirs is None else f"{theirs.a_second:.0f}",
        ratio="" if theirs is None else f"{mine.a_second / theirs.a_second:.1f}x",
        target="" if theirs is None else f"{_TARGET}x",
        met=None if theirs is None else mine.a_second >= _TARGET * theirs.a_second,
    )
    yield Row(
        what="a signal of the last tenth, beside one of the second",
        figure=f"{(mine.tenths_s[9] - mine.tenths_s[8]) * 10_000 / signals:.2f} ms",
        beside=f"{(mine.tenths_s[1] - mine.tenths_s[0]) * 10_000 / signals:.2f} ms",
        ratio=f"{mine.growth:.2f}",
        target=f"{_FLAT}",
        met=mine.growth <= _FLAT,
    )
    if theirs is not None:
        yield Row(
            what=f"the same in the other build, {others_signals:,} signals",
            figure=f"{(theirs.tenths_s[9] - theirs.tenths_s[8]) * 10_000 / others_signals:.2f} ms",
            beside=f"{(theirs.tenths_s[1] - theirs.tenths_s[0]) * 10_000 / others_signals:.2f} ms",
            ratio=f"{theirs.growth:.2f}",
        )


def main(arguments: list[str]) -> None:
    """Print the table."""
    counts = [int(each) for each in arguments if each.isdecimal()]
    trees = [Path(each).resolve() for each in arguments if not each.isdecimal()]
    heading("replay, processor time", "this build", "beside")
    show(rows(trees[0] if trees else None, *(counts or [SIGNALS])))


if __name__ == "__main__":
    main(sys.argv[1:])
