"""How long commands take from their start, beside imports that nobody can do without, and beside another source tree.

    python -m tests.benchmarks.start_times [OTHER/src] [RUNS]

Both of a pair take turns, so that what else the machine does strikes both. Medians in milliseconds, and the median of
the ratios of each pair. "kill, to the latch" ends when the armed file is gone; the kill itself is then ended.

Beside an import, the processor time counts: it hardly depends on what else the machine does.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.builds import python_of
from tests.benchmarks.table import Row, heading, show
from tests.support.command_line import SOURCE
from trading_bot.cli.exit_codes import ExitCode

RUNS = 9

_COMMANDS = (
    ["--help"],
    ["--version"],
    ["fly"],
    ["buy", "--help"],
    ["buy"],
    ["completion", "bash"],
    ["config", "check"],
    ["orders"],
)


_TRADER = "import robin_stocks.robinhood"
_FLOORS = (
    (["--help"], "import click", 1.6),
    (["orders"], _TRADER, 1.8),
    (["status", "known"], _TRADER, 1.8),
    (["positions"], _TRADER, 1.8),
    (["frozen"], _TRADER, None),
)
"""Each command, the import it is held against, and what is asked of the ratio, if anything is."""


def _environment(source: Path, home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(source), "LANG": "C.UTF-8"}


def _process(source: Path, home: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [python_of(source.parent), "-m", "trading_bot", *arguments],
        cwd=home,
        env=_environment(source, home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _whole(source: Path, home: Path, arguments: list[str]) -> float:
    began = time.perf_counter()
    ending = _process(source, home, arguments).wait()
    took = (time.perf_counter() - began) * 1000
    if ending == ExitCode.UNEXPECTED:
        raise RuntimeError(f"{arguments} failed with the code in {source}")
    return took


def _to_the_latch(source: Path, home: Path, arguments: list[str]) -> float:
    _process(source, home, ["arm", "--confirm", "PAPER"]).wait()
    (armed,) = home.rglob("armed")
    began = time.perf_counter()
    killing = _process(source, home, arguments)
    while armed.exists():
        time.sleep(0.001)
    took = (time.perf_counter() - began) * 1000
    killing.kill()
    killing.wait()
    return took


def _compared(
    name: str, measure: Callable[[Path, Path, list[str]], float], arguments: list[str], *, other: Path, runs: int
) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        pairs = []
        for turn in range(runs + 1):  # the first pair warms the disk cache
            sources = (SOURCE, other) if turn % 2 else (other, SOURCE)
            took = {source: measure(source, home, arguments) for source in sources}
            pairs.append((took[SOURCE], took[other]))
    here, there = (statistics.median(times) for times in zip(*pairs[1:], strict=True))
    ratio = statistics.median(one / two for one, two in pairs[1:])
    return Row(what=name, figure=f"{here:.0f} ms", beside=f"{there:.0f} ms", ratio=f"{ratio:.2f}")


def _processor_time(command: list[str], home: Path) -> float:
    """Return the processor time of a whole process, in milliseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *command], cwd=home, env=_environment(SOURCE, home), check=False, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{command} failed: {done.stderr.decode()}")
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1000


def floor_rows(runs: int = RUNS) -> Iterator[Row]:
    """Yield one row a command, held against an import; the paper account has one open order."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for setting_up in ("arm --confirm PAPER", "buy AAPL 1 --reference-price 100 --client-order-id known"):
            _processor_time(["-m", "trading_bot", *setting_up.split()], home)
        for arguments, floor, target in _FLOORS:
            commands = (["-m", "trading_bot", *arguments], ["-c", floor])
            pairs = [[_processor_time(command, home) for command in commands] for _ in range(runs + 1)][1:]
            ours, least = (statistics.median(times) for times in zip(*pairs, strict=True))
            ratio = statistics.median(one / two for one, two in pairs)
            yield Row(
                what=f"{' '.join(arguments)}, beside {floor}",
                figure=f"{ours:.0f} ms",
                beside=f"{least:.0f} ms",
                ratio=f"{ratio:.2f}",
                target=f"{target or ''}",
                met=None if target is None else ratio <= target,
            )


def rows(other: Path, runs: int = RUNS) -> Iterator[Row]:
    """Yield one row a command."""
    for arguments in _COMMANDS:
        yield _compared(" ".join(arguments), _whole, arguments, other=other, runs=runs)
    yield _compared("kill, to the latch", _to_the_latch, ["kill"], other=other, runs=runs)


def main(other: Path | None, runs: int) -> None:
    """Print the table of the imports, and that of both source trees where there is another one."""
    heading("processor time from start to end", "here", "the import")
    show(floor_rows(runs))
    if other is not None:
        heading("time from start to end", "here", "the other")
        show(rows(other, runs))


if __name__ == "__main__":
    trees = [Path(argument).resolve() for argument in sys.argv[1:] if not argument.isdecimal()]
    counts = [int(argument) for argument in sys.argv[1:] if argument.isdecimal()]
    main(trees[0] if trees else None, counts[0] if counts else RUNS)
