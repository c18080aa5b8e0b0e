"""Everything that a life of a number did, line by line: ``python -m tests.simulation.repeated 500003 500011``

The lines of two processes are the same, whatever their `PYTHONHASHSEED`, folders and speed.
"""

import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.simulation.lived import numbered
from tests.support.sim_schedule import run
from tests.support.sim_world import SimWorld


def lines_of(number: int) -> list[str]:
    """Live through it and return what the broker was asked, what was recorded, and what was told to whom."""
    life = numbered(number)
    with tempfile.TemporaryDirectory() as folder:
        world = run(Path(folder), life.steps, life.setting)
        return [line.replace(folder, "FOLDER") for line in _all_of(world)]


def _all_of(world: SimWorld) -> Iterator[str]:
    broker = world.broker
    yield from _each("asked of the broker", broker.seen)
    yield from _each("what befell a request", broker.befell)
    yield from _each("a submit and the disk at that moment", world.posts)
    yield from _each("in the broker's book", broker.book.orders)
    yield from _each("on record", world.records())
    yield from _each("told to listeners", world.told)
    yield from _each("answered", world.answers)
    yield from _each("cancelled", world.cancels)
    yield from _each("left", world.exits)
    yield from _each("synchronised", world.syncs)
    yield from _each("how long a call took", world.took)
    yield f"the clock: {world.clock.now()}, {world.clock.monotonic()}"


def _each(what: str, things: Iterable[object]) -> Iterator[str]:
    return (f"{what}: {thing!r}" for thing in things)


if __name__ == "__main__":
    json.dump({number: lines_of(int(number)) for number in sys.argv[1:]}, sys.stdout)
