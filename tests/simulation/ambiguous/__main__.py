"""Lives as many ambiguous submits as are asked for: ``python -m tests.simulation.ambiguous --submits 1000000``.

Ends with 1 where a promise was broken, or nothing was submitted. A life is named by its number alone, whatever the
number of workers.
"""

import argparse
import itertools
import json
import math
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from tests.simulation.ambiguous.checks import Ended
from tests.simulation.ambiguous.figures import COLUMNS, Figures, lived
from tests.simulation.ambiguous.life import ANSWERS
from tests.support.long_runs import code_here, machine_of, replace_text

BATCH = 28
"""So many lives a worker takes at a time: each place twice."""

EVERY_S = 30
COMMAND = "python -m tests.simulation.ambiguous"


def batches(first_life: int, size: int) -> Iterator[range]:
    """Yield the numbers of lives without end."""
    for begin in itertools.count(first_life, size):
        yield range(begin, begin + size)


def run(arguments: argparse.Namespace, keep: Callable[[Figures, float], object]) -> Figures:
    """Live until enough was submitted; batches count in their order, so that a run is the same with any workers.

    ``keep`` gets figures and seconds now and then and at the end, so that an interrupted run keeps what it found.

    Raises:
        BrokenProcessPool: a worker was ended from outside.
    """
    figures, began = Figures(), time.monotonic()
    said_at = began
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        several = iter(batches(arguments.first_life, arguments.batch))
        waiting = deque(pool.submit(lived, next(several)) for _ in range(arguments.workers * 2))
        while figures.submits < arguments.submits and time.monotonic() - began < arguments.minutes * 60:
            lived_now = waiting.popleft().result()
            figures.add(lived_now)
            for failed in lived_now.failed:
                _say(f"{failed}\n")
            waiting.append(pool.submit(lived, next(several)))
            if time.monotonic() - said_at > EVERY_S:
                said_at = time.monotonic()
                _say(
                    f"{figures.submits} submits, {figures.submits / (said_at - began):.0f} a second, "
                    f"{len(figures.failed)} breaches, next life {arguments.first_life + figures.lives}\n"
                )
                keep(figures, said_at - began)
        pool.shutdown(cancel_futures=True)
    keep(figures, time.monotonic() - began)
    return figures


def table(figures: Figures) -> str:
    """Return wire, policy and trouble, and how often each answer was given."""
    lines = [f"{'place':26} {'trouble':34}" + "".join(f"{column:>18}" for column in COLUMNS)]
    for place, trouble, counts in figures.rows():
        lines.append(f"{place:26} {trouble:34}" + "".join(f"{count:18}" for count in counts))
    return "\n".join(lines)


def summary(figures: Figures, *, took_s: float) -> str:
    """Return the sums, in sentences."""
    answers = ", ".join(f"{figures.total(answer)} {answer}" for answer in ANSWERS)
    ends = ", ".join(f"{figures.total(end)} {end.value}" for end in Ended if end is not Ended.NO_DOUBT)
    broken = ", ".join(f"{count} {what.value}" for what, count in figures.breaches().items())
    return (
        f"{figures.submits} submits in {figures.lives} lives, {figures.requests} requests, {figures.copies} of them "
        f"delivered twice; {figures.asked_again} asked for again\n"
        f"answered: {answers}\ndoubts left by the call: {ends}\nbroken promises: {broken}\n"
        f"{took_s:.0f} s, {took_s / max(figures.submits, 1) * 1000:.2f} ms a submit"
    )


def kept(figures: Figures, arguments: argparse.Namespace, *, took_s: float) -> str:
    """Return the figures as they are kept: JSON, one line for each place and trouble."""
    head: dict[str, object] = {
        "name": "ambiguous submits",
        "command": f"{COMMAND} --submits {figures.submits} --first-life {arguments.first_life}",
        "seed": arguments.first_life,
        "count": figures.submits,
        "violations": len(figures.failed),
        "hours": round(took_s / 3600, 2),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine_of(arguments.workers),
        "code": code_here(),
        "lives": figures.lives,
        "requests": figures.requests,
        "delivered_twice": figures.copies,
        "asked_again": figures.asked_again,
        "broken": {what.value: count for what, count in figures.breaches().items()},
        "columns": ["place", "trouble", *COLUMNS],
    }
    lines = [json.dumps([place, trouble, *counts]) for place, trouble, counts in figures.rows()]
    return json.dumps(head, indent=1)[:-2] + ',\n "rows": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n"


def main(arguments_given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--submits", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--first-life", type=int, default=0, help="where to go on after an interruption")
    parser.add_argument("--minutes", type=float, default=math.inf, help="end after so long, whatever was submitted")
    parser.add_argument("--batch", type=int, default=BATCH, help="how many lives a worker takes at a time")
    parser.add_argument("--figures", type=Path, help="write the figures to this file")
    parser.add_argument("--table", action="store_true", help="print wire, policy, trouble and answers")
    arguments = parser.parse_args(arguments_given)
    began = time.monotonic()
    figures = run(arguments, lambda figures, took_s: _keep(figures, arguments, took_s))
    took_s = time.monotonic() - began
    if arguments.table:
        _say(table(figures) + "\n")
    _say(summary(figures, took_s=took_s) + "\n")
    return 0 if figures.submits >= max(arguments.submits, 1) and not figures.failed else 1


def _keep(figures: Figures, arguments: argparse.Namespace, took_s: float) -> None:
    if arguments.figures is not None:
        replace_text(arguments.figures, kept(figures, arguments, took_s=took_s))


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
