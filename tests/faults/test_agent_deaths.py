"""A process of a live account on the agent interface dies at its effects: each file operation, each send and receipt.

The build strikes a sample of them, by another start for each step. Every one: EFFECTS_APART=1, as `make prove` does.
"""

import os

import pytest

from tests.faults.steps import FaultBench
from tests.support.sim_agent_broker import AgentBrokerStandIn
from trading_bot.config import PaperWire
from trading_bot.order_management.models import ExecutionMode

APART = int(os.environ.get("EFFECTS_APART", "16"))
STEPS = ("SUB", "CAN", "ALL", "REP", "SYN", "REC", "EXI", "PRO", "PRE", "KIL")
MOST_EFFECTS = 400

pytestmark = [
    pytest.mark.no_cover,  # tracing makes it three times as slow, and each line has a test of its own
    pytest.mark.timeout(7200 if APART == 1 else 600),
]


@pytest.mark.parametrize("end", ["kill -9", "power loss"])
@pytest.mark.parametrize("step", STEPS)
def test_death_at_effects_of(step, end, tmp_path_factory):
    """Started again, everything is found, nothing is sent twice, and no answer contradicts the broker's book."""
    first = 1 + (STEPS.index(step) * 3 + (end == "power loss") * APART // 2) % APART
    for effects in range(first, MOST_EFFECTS, APART):
        bench = FaultBench(
            tmp_path_factory.mktemp(f"{step}-{effects}-"), step, wire=PaperWire.AGENT, mode=ExecutionMode.LIVE
        )
        world = bench.world
        broker = world.broker
        assert isinstance(broker, AgentBrokerStandIn)
        if step == "REC":
            world.boot(die_at=effects)
        else:
            world.life.die_in(effects)
            bench.act()
        if not world.life.is_over:
            return
        if end == "power loss":
            world.disk.lose_power()
        bench.invariants.check()
        sent = len(world.posts)
        world.boot()
        assert len(world.posts) == sent, "a start sends no order"
        bench.afterwards()
        assert broker.desk.complaints == []
    pytest.fail(f"{step} has more than {MOST_EFFECTS} effects; raise the bound")
