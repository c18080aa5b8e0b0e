"""Each fault at each step on the agent interface; the rules are those of the private wire.

The build strikes a part of them. All of them: EVERY_CELL=1, as `make prove` does. The faults that only this interface
has are in `tests/agent/test_order_faults`.
"""

import pytest

from tests.faults.steps import FaultBench
from tests.faults.wire_checks import CASES, a_part_of
from tests.support.sim_agent_broker import AgentBrokerStandIn
from trading_bot.config import PaperWire

pytestmark = pytest.mark.no_cover  # tracing makes it three times as slow, and each line has a test of its own


@pytest.mark.parametrize("case", a_part_of(CASES), ids=str)
def test_a_struck_step_ends_as_its_cell_says(case, tmp_path):
    bench = FaultBench(tmp_path, case.step, wire=PaperWire.AGENT)
    case.check(bench, case)
    assert isinstance(bench.world.broker, AgentBrokerStandIn)
    assert bench.world.broker.desk.complaints == []
