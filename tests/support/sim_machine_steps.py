"""What happens to the machine: deaths, starts, power, disks, and the journal's rotation amid them."""

import errno
import itertools
import os
import random
from collections.abc import Callable

from tests.support.sim_steps import Maker, Step, plain, trade_step
from tests.support.sim_world import SimWorld


def _crash(chance: random.Random) -> Step:
    power_loss, keep = chance.random() < 0.5, chance.randrange(200)

    def crash(world: SimWorld) -> None:
        world.crash(power_loss=power_loss, keep=keep)
        world.boot()

    return Step(f"crash (power loss: {power_loss}, {keep} bytes more)", crash)


def _die_soon(chance: random.Random) -> Step:
    effects = chance.randrange(1, 30)
    return Step(f"dies {effects} effects later", lambda world: world.life.die_in(effects))


def _boot(_chance: random.Random) -> Step:
    return Step("boot", lambda world: world.boot_if_none_lives())


def _rotation_cut_short(chance: random.Random) -> Step:
    effects, power_loss, keep = chance.randrange(1, 40), chance.random() < 0.5, chance.randrange(200)

    def story(world: SimWorld) -> None:
        world.life.die_in(effects)
        world.rotate()
        world.rotations_cut_short += world.life.is_over
        if world.life.is_over and power_loss:
            world.lose_power(keep=keep)
        world.life.die_at = None
        world.boot_if_none_lives()

    return Step(f"dies {effects} effects into a rotation (power loss: {power_loss}, {keep} bytes more)", story)


def _rotation_on_a_bad_disk(chance: random.Random) -> Step:
    """What a failed rotation leaves is no reason to trade without a record, and the next start puts it right."""
    number, error, trade = chance.randrange(1, 16), chance.choice([errno.EIO, errno.ENOSPC]), trade_step(chance)

    def story(world: SimWorld) -> None:
        world.files.fault = _failing_from(number, error)
        world.rotate()
        world.files.fault = lambda operation: None
        trade.run(world)
        world.restart()

    name = errno.errorcode[error]
    return Step(f"a rotation whose operation {number} on the disk fails with {name}, {trade}, and a restart", story)


def _failing_from(number: int, error: int) -> Callable[[str], None]:
    operations = itertools.count(1)

    def fault(operation: str) -> None:
        if next(operations) >= number:
            raise OSError(error, os.strerror(error))

    return fault


def _short_segments(chance: random.Random) -> Step:
    """From the next start on nearly every change of an order, or every few, begins a new segment."""
    size = chance.choice([1, 1500, 4000, None])

    def begin(world: SimWorld) -> None:
        world.journal_max_bytes = size
        world.restart()

    return Step(f"a restart with segments of {size} bytes", begin)


MACHINE_STEPS: list[tuple[Maker, int]] = [
    (_crash, 3),
    (_die_soon, 3),
    (_boot, 3),
    (plain("restart", lambda world: world.restart()), 2),
    (plain("a second process starts", lambda world: world.intrude()), 1),
    (plain("rotate", lambda world: world.rotate()), 3),
    (_rotation_cut_short, 3),
    (_rotation_on_a_bad_disk, 1),
    (_short_segments, 2),
]
"""Each with its weight."""
