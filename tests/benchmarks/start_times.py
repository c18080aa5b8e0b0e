"""How long commands take from their start, this source tree beside another one.

    python -m tests.benchmarks.start_times OTHER/src [RUNS]

The two take turns, so that what else the machine does strikes both. Medians in milliseconds, and the median of the
ratios of each pair. "kill, to the latch" ends when the armed file is gone; the kill itself is then ended.
"""

import os
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


def _process(source: Path, home: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(source), "LANG": "C.UTF-8"}
    return subprocess.Popen(
        [python_of(source.parent), "-m", "trading_bot", *arguments],
        cwd=home,
        env=environment,
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


def rows(other: Path, runs: int = RUNS) -> Iterator[Row]:
    """Yield one row a command."""
    for arguments in _COMMANDS:
        yield _compared(" ".join(arguments), _whole, arguments, other=other, runs=runs)
    yield _compared("kill, to the latch", _to_the_latch, ["kill"], other=other, runs=runs)


def main(other: Path, runs: int) -> None:
    """Print the table of both source trees."""
    heading("time from start to end", "here", "the other")
    show(rows(other, runs))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else RUNS)
