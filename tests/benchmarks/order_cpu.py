"""Measures the processor time of one order in two builds: ``python -m tests.benchmarks.order_cpu OTHER_CHECKOUT``.

An order is placed and answered at a manager bench of the build itself: no network, no disk, no HTTP library. Both
builds run in turn, several times, in processes of their own, with one and the same driver; figures are microseconds of
one thread. The journal in memory of each build serialises and hashes every record, as its real one does.

The clock moves five seconds between orders. With a synchronisation after every third, as the poller makes them, no
order has to catch up first; with one after every twentieth some do, and that is their 99th percentile.
Garbage is collected between orders: it is mostly the bench's, whose fake broker forgets nothing.
"""

import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.builds import HERE, python_of
from tests.benchmarks.table import Row, heading, show

ROUNDS = 3
ORDERS = 2_000
TARGET = 3
"""How many times less than 0.1 an order is to take."""

_SYNCED, _CATCHING_UP = 3, 20

_DRIVER = """
import gc, sys, time
from decimal import Decimal
from tests.support.manager_bench import ManagerBench
orders, every = map(int, sys.argv[1:])
bench = ManagerBench()
took = []
for number in range(orders):
    gc.collect(0)
    gc.disable()
    begun = time.thread_time_ns()
    bench.buy(f"order-{number}", symbol="SYM" + chr(65 + number % 20), price=Decimal(10000 + number) / 100)
    took.append(time.thread_time_ns() - begun)
    gc.enable()
    bench.gateway.order().fill()
    bench.clock.sleep(5)
    if number % every == every - 1:
        bench.sync()
print(*took)
"""


def one_run(checkout: Path, every: int) -> tuple[float, float]:
    """Return the median and the 99th percentile of the microseconds of an order, after a warm-up."""
    ran = subprocess.run(
        [python_of(checkout), "-c", _DRIVER, str(ORDERS), str(every)],
        env={"PYTHONPATH": f"{checkout / 'src'}:{checkout}", "PYTHONHASHSEED": "0"},
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    times = [int(each) / 1000 for each in ran.stdout.split()][ORDERS // 10 :]
    return statistics.median(times), statistics.quantiles(times, n=100)[98]


def rows(other: Path, this: Path = HERE) -> Iterator[Row]:
    """Yield the best of several runs of both builds, which take turns."""
    for what, every in (("an order", _SYNCED), ("an order, some catching up", _CATCHING_UP)):
        runs: dict[Path, list[tuple[float, float]]] = {this: [], other: []}
        for _ in range(ROUNDS):
            for checkout, found in runs.items():
                found.append(one_run(checkout, every))
        best = {checkout: [min(column) for column in zip(*found, strict=True)] for checkout, found in runs.items()}
        for name, mine, theirs in zip(("median", "99th percentile"), best[this], best[other], strict=True):
            yield Row(
                what=f"{what}, {name}",
                figure=f"{mine:.0f} us",
                beside=f"{theirs:.0f} us",
                ratio=f"{theirs / mine:.2f}x",
                target=f"{TARGET}x less" if every == _SYNCED else "",
                met=theirs / mine >= TARGET if every == _SYNCED else None,
            )


def main(other: Path) -> None:
    """Print the table of both builds."""
    heading("processor time", "this build", "the other")
    show(rows(other))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
