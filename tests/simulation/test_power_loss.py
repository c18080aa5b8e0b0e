"""Stories of power loss that take too many coincidences for chance to tell them soon."""

from pathlib import Path

from tests.support.sim_invariants import Invariants
from tests.support.sim_world import SimWorld


def killed_after_the_rename(folder: Path) -> SimWorld:
    """A world whose process died between the rename of a rotation and the flush of the folder."""
    for effects in range(1, 60):
        world = SimWorld(folder / str(effects)).started()
        world.rotate()
        world.trade()
        world.life.die_in(effects)
        world.rotate()
        if world.life.names[-1] == "renamed":
            return world
        world.stop()
    raise AssertionError("a rotation renames a file")


def test_a_start_makes_the_names_it_finds_durable_before_it_sends(tmp_path):
    """POSIX promises nothing of a name whose folder was never flushed; the order's intent would go with it."""
    world = killed_after_the_rename(tmp_path)
    invariants = Invariants(world)
    world.started()
    world.trade(client_order_id="c2", symbol="KO")
    invariants.check()
    world.crash(power_loss=True)
    invariants.check()
