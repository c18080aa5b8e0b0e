"""A process dies in front of each statement that its journal executes, or loses its power there; nothing is lost."""

import pytest

from tests.support.mortal import effects_apart
from tests.support.sim_invariants import Invariants
from tests.support.sim_world import SimWorld, Trade, trade_a_known_order

pytestmark = pytest.mark.no_cover  # a sweep: each line that it runs has a quick test of its own

STATEMENTS = frozenset({"begin", "select", "create", "insert", "update", "delete", "commit", "stored", "pragma"})
APART = effects_apart(9)


def life_of(folder, *, dies_at: int | None, of_a_start: bool) -> SimWorld:
    """Start, or trade and follow what became of it; die at this effect."""
    world = SimWorld(folder, in_memory=False)
    if of_a_start:
        world.boot(die_at=dies_at)
        return world
    world.started()
    trade_a_known_order(world)
    begun = world.life.effects
    if dies_at is not None:
        world.life.die_in(dies_at - begun)
    world.trade(Trade(quantity=3))
    for order in world.orders_at_broker():
        world.broker.book.fill(order, 2, world.clock.now())
    world.wait(61)
    world.sync()
    world.cancel()
    return world


def statements(folder, *, of_a_start: bool) -> list[int]:
    life = life_of(folder, dies_at=None, of_a_start=of_a_start).life
    names = enumerate(life.names, start=1)
    begun = 0 if of_a_start else len(life_of(folder / "before", dies_at=None, of_a_start=True).life.names)
    return [number for number, name in names if name in STATEMENTS and number > begun][::APART]


@pytest.mark.parametrize("power_loss", [False, True], ids=["kill -9", "power loss"])
@pytest.mark.parametrize("of_a_start", [True, False], ids=["a start", "an order"])
def test_death_in_front_of_each_statement(of_a_start, power_loss, tmp_path_factory):
    at = statements(tmp_path_factory.mktemp("whole"), of_a_start=of_a_start)
    assert len(at) * APART > 30
    for effect in at:
        world = life_of(tmp_path_factory.mktemp("cut"), dies_at=effect, of_a_start=of_a_start)
        if not world.life.is_over:
            continue  # before the order
        if power_loss:
            world.disk.lose_power()
            world.stored.lose_power()
        invariants = Invariants(world)
        invariants.check()
        world.settle()
        invariants.check_settled()
        assert len(world.orders_at_broker()) <= 1
        world.stop()
