"""A process of a live account on the agent interface dies at its effects: each file operation, each send and receipt.

The build strikes each step at a few of them. Every one: EFFECTS_APART=1, as `make prove` does.
"""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

from tests.faults.steps import FaultBench
from tests.support.mortal import effects_apart
from tests.support.sim_agent_broker import AgentBrokerStandIn
from trading_bot.config import PaperWire
from trading_bot.order_management.models import ExecutionMode

APART = effects_apart(100)
LEAST_EFFECTS = {
    "SUB": 8,
    "CAN": 4,
    "ALL": 4,
    "REP": 8,
    "SYN": 6,
    "REC": 20,
    "EXI": 40,
    "EXS": 20,
    "PRO": 6,
    "PRE": 2,
    "KIL": 10,
}

pytestmark = [
    pytest.mark.no_cover,  # tracing makes it three times as slow, and each line has a test of its own
    pytest.mark.timeout(7200 if APART == 1 else 600),
]


def struck_at(folder: Path, step: str, die_at: int | None, *, loses_power: bool) -> FaultBench:
    """Do the step, and die at this effect of it, or at none."""
    bench = FaultBench(
        folder,
        step,
        wire=PaperWire.AGENT,
        mode=ExecutionMode.LIVE,
        loses_sessions=True,
        in_memory=not loses_power,  # only a journal in a file can lose what was not flushed
    )
    if step == "REC":
        bench.world.boot(die_at=die_at)
        return bench
    begun = bench.world.life.effects
    bench.world.life.names.clear()
    bench.world.life.die_at = None if die_at is None else begun + die_at
    return bench.act()


@pytest.fixture(scope="module")
def effects_of(tmp_path_factory) -> Callable[[str, bool], list[str]]:
    """Tells the effects of a step that nothing befalls; a journal in a file has more of them."""

    def names(step: str, loses_power: bool) -> list[str]:
        return struck_at(tmp_path_factory.mktemp(step), step, None, loses_power=loses_power).world.life.names

    return cache(names)


def deaths(names: list[str], *, loses_power: bool) -> Sequence[int]:
    """Return the effects to die at: each; or that after the last reply, and a power loss on the way."""
    if APART == 1:
        return range(1, len(names) + 1)
    return [len(names) * 2 // 3 if loses_power else len(names) - names[::-1].index("receive")]


@pytest.mark.parametrize("loses_power", [False, True], ids=["kill -9", "power loss"])
@pytest.mark.parametrize("step", LEAST_EFFECTS)
def test_a_death_in(step, loses_power, effects_of, tmp_path_factory):
    """Started again, everything is found, nothing is sent twice, and no answer contradicts the broker's book."""
    names = effects_of(step, loses_power)
    assert len(names) >= LEAST_EFFECTS[step], "the step has effects to die at"
    for effect in deaths(names, loses_power=loses_power):
        bench = struck_at(tmp_path_factory.mktemp(f"{step}-{effect}-"), step, effect, loses_power=loses_power)
        world, broker = bench.world, bench.world.broker
        assert world.life.is_over
        if loses_power:
            world.disk.lose_power()
            world.stored.lose_power()
        bench.invariants.check()
        sent = len(world.posts)
        world.boot()
        assert len(world.posts) == sent, "a start sends no order"
        bench.afterwards()
        assert isinstance(broker, AgentBrokerStandIn)
        assert broker.desk.complaints == []
