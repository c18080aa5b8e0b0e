"""What happens on the agent interface, struck at each step; the rules are those of the private wire, and its faults.

Each fault strikes a submit, and one other step in turn. The wire's own faults are in `tests/agent/test_order_faults`.
"""

from itertools import cycle

import pytest

from tests.faults.grid import CELLS, calls_for
from tests.faults.steps import FaultBench
from tests.faults.test_wire_faults import ACTS, ANSWERS, SPENT, strike
from tests.support.broker_stand_in import Act
from tests.support.sim_agent_broker import AgentBrokerStandIn
from trading_bot.bot import TradeResult
from trading_bot.config import PaperWire

pytestmark = pytest.mark.no_cover  # tracing makes it three times as slow, and each line has a test of its own

IN_DOUBT = {"F17", "F18"}
"""Whether a throttled place was refused before the broker saw it is not known on this wire, so it is in doubt."""

STRIKES = [(fault, act) for fault, acts in ACTS.items() for act in acts]
OTHERS = [
    (step, fault, act)
    for step, (fault, act) in zip(cycle(("CAN", "ALL", "REP", "SYN", "REC")), STRIKES, strict=False)
    if f"{step}-{fault}" in CELLS
]


def bench_of(folder, step: str) -> FaultBench:
    bench = FaultBench(folder, step, wire=PaperWire.AGENT)
    broker_of(bench).loses_sessions = False
    return bench


def broker_of(bench: FaultBench) -> AgentBrokerStandIn:
    assert isinstance(bench.world.broker, AgentBrokerStandIn)
    return bench.world.broker


@pytest.mark.parametrize(("fault", "act"), [each for each in STRIKES if f"SUB-{each[0]}" in CELLS])
def test_submit(fault, act, tmp_path):
    bench = bench_of(tmp_path, "SUB")
    strike(bench, fault, act, times=SPENT if len(act) % 2 else 1)
    bench.act()
    assert isinstance(bench.answer, TradeResult)
    kind = "U" if act is Act.FOREIGN_ORDER or fault in IN_DOUBT else calls_for(f"SUB-{fault}")
    assert bench.answer.status in ANSWERS[kind]
    assert bench.sent <= (3 if kind == "N" else 1), "only what provably was not sent is sent again"
    if act is not Act.CONFLICT:
        bench.afterwards()
    assert broker_of(bench).desk.complaints == []


@pytest.mark.parametrize(("step", "fault", "act"), OTHERS)
def test_another_step(step, fault, act, tmp_path):
    bench = bench_of(tmp_path, step)
    strike(bench, fault, act, times=SPENT if len(act) % 2 else 1)
    bench.act()
    bench.world.broker.calm_down()
    bench.world.cancel_all()
    assert bench.open_at_broker() == 0, "asking again is safe and works"
    bench.afterwards()
    assert broker_of(bench).desk.complaints == []
