"""A power loss after a file was renamed and before its folder was flushed: a name is lost, no promise is broken."""

import pytest

from tests.support.sim_invariants import Invariants
from tests.support.sim_world import SimWorld, Trade
from trading_bot.bot import TradeStatus
from trading_bot.order_management.models import ExecutionMode

LIVES = [(mode, in_memory) for mode in ExecutionMode for in_memory in (True, False)]


def renames(world: SimWorld) -> list[int]:
    """Return at which effects of the life so far a file had just been renamed."""
    return [number for number, name in enumerate(world.life.names, 1) if name == "renamed"]


def worlds(folder, mode: ExecutionMode, *, in_memory: bool, first: bool) -> list[SimWorld]:
    """Lose the power after each rename of a first or a second start, and start again."""
    whole = _begun(folder / "whole", mode, in_memory=in_memory, first=first)
    whole.started()
    lost = []
    for effect in renames(whole):
        world = _begun(folder / f"{effect}", mode, in_memory=in_memory, first=first)
        assert not world.boot(die_at=effect)
        world.disk.lose_power()
        world.stored.lose_power()
        lost.append(world)
    whole.stop()
    assert lost
    return lost


def _begun(folder, mode: ExecutionMode, *, in_memory: bool, first: bool) -> SimWorld:
    world = SimWorld(folder, mode=mode, in_memory=in_memory)
    if not first:
        world.started().trade(Trade(client_order_id="before", quantity=2))
        world.stop()
    return world


@pytest.mark.parametrize("first", [True, False], ids=["first start", "second start"])
@pytest.mark.parametrize(("mode", "in_memory"), LIVES)
def test_a_power_loss_after_an_unflushed_rename_breaks_no_promise(mode, in_memory, first, tmp_path):
    for number, world in enumerate(worlds(tmp_path, mode, in_memory=in_memory, first=first)):
        invariants = Invariants(world)
        invariants.check()
        world.started()
        invariants.check()
        world.arm()  # a first start that died over its own arming leaves that to a person
        answer = world.trade(Trade(client_order_id=f"after-{number}", symbol="MSFT", quantity=3))
        assert answer is not None
        assert answer.status is TradeStatus.SUBMITTED, answer
        world.sync()
        invariants.check()
        world.settle()
        invariants.check_settled()
        world.stop()
