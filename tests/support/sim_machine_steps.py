"""What happens to the machine: deaths, starts, power, commits that fail, and old orders that leave amid them."""

import random

from tests.support.sim_journal import Fate
from tests.support.sim_steps import Maker, Step, plain, trade_step
from tests.support.sim_world import SimWorld


def _crash(chance: random.Random) -> Step:
    power_loss = chance.random() < 0.5

    def crash(world: SimWorld) -> None:
        world.crash(power_loss=power_loss)
        world.boot()

    return Step(f"crash (power loss: {power_loss})", crash)


def _die_soon(chance: random.Random) -> Step:
    effects = chance.randrange(1, 30)
    return Step(f"dies {effects} effects later", lambda world: world.life.die_in(effects))


def _boot(_chance: random.Random) -> Step:
    return Step("boot", lambda world: world.boot_if_none_lives())


def _pruning_cut_short(chance: random.Random) -> Step:
    effects = chance.randrange(1, 6)

    def story(world: SimWorld) -> None:
        world.life.die_in(effects)
        world.prune()
        world.prunings_cut_short += world.life.is_over
        world.life.die_at = None
        world.boot_if_none_lives()

    return Step(f"dies {effects} effects after old orders begin to leave", story)


def _commit_fails(chance: random.Random) -> Step:
    """What a failed commit leaves is no reason to trade without a record, and the next start puts it right."""
    fate = chance.choice([Fate.UNKNOWN_STORED, Fate.UNKNOWN_LOST, Fate.REFUSED])
    before, trade = chance.randrange(3), trade_step(chance)

    def story(world: SimWorld) -> None:
        world.fates = [*[Fate.STORED] * before, fate]
        trade.run(world)
        world.fates.clear()

    return Step(f"{trade}, whose commit {before + 1} is {fate.value}", story)


MACHINE_STEPS: list[tuple[Maker, int]] = [
    (_crash, 3),
    (_die_soon, 3),
    (_boot, 3),
    (plain("restart", lambda world: world.restart()), 2),
    (plain("a second process starts", lambda world: world.intrude()), 1),
    (plain("old orders leave", lambda world: world.prune()), 2),
    (_pruning_cut_short, 2),
    (_commit_fails, 4),
]
"""Each with its weight."""
