"""Measures the processor time of one order in two builds: ``python -m tests.benchmarks.order_cpu OTHER_CHECKOUT``.

An order is placed and answered at a manager bench of the build itself: no network, no disk, no HTTP library. Both
builds run in turn, several times, in processes of their own; figures are microseconds an order.
"""

import statistics
import subprocess
import sys
from pathlib import Path

ROUNDS = 5
ORDERS = 2_000
HERE = Path(__file__).parents[2]

_DRIVER = """
import sys, time
from decimal import Decimal
from tests.support.manager_bench import ManagerBench
bench = ManagerBench()
took = []
for number in range(int(sys.argv[1])):
    begun = time.thread_time_ns()
    bench.buy(f"order-{number}", symbol="SYM" + chr(65 + number % 20), price=Decimal(10000 + number) / 100)
    took.append(time.thread_time_ns() - begun)
    bench.gateway.order().fill()
    bench.clock.sleep(5)
    if number % 20 == 19:
        bench.sync()
print(*took)
"""


def one_run(checkout: Path) -> list[float]:
    """Return the microseconds of each order after a warm-up."""
    ran = subprocess.run(
        [sys.executable, "-c", _DRIVER, str(ORDERS)],
        env={"PYTHONPATH": f"{checkout / 'src'}:{checkout}", "PYTHONHASHSEED": "0"},
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(each) / 1000 for each in ran.stdout.split()][ORDERS // 10 :]


def figures(times: list[float]) -> tuple[float, float]:
    """Return median and 99th percentile."""
    return statistics.median(times), statistics.quantiles(times, n=100)[98]


def main(other: Path) -> None:
    """Print a table of both builds and their ratios."""
    runs: dict[Path, list[tuple[float, float]]] = {other: [], HERE: []}
    for _ in range(ROUNDS):
        for checkout, found in runs.items():
            found.append(figures(one_run(checkout)))
    say = sys.stdout.write
    say(f"{'':24}{'median us':>12}{'p99 us':>12}\n")
    best = {checkout: tuple(min(column) for column in zip(*found, strict=True)) for checkout, found in runs.items()}
    for name, checkout in (("other build", other), ("this build", HERE)):
        say(f"{name:24}{best[checkout][0]:>12.0f}{best[checkout][1]:>12.0f}\n")
    ratios = (before / after for before, after in zip(best[other], best[HERE], strict=True))
    say(f"{'other / this':24}" + "".join(f"{ratio:>11.2f}x" for ratio in ratios) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
