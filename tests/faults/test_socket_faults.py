"""Each fault of the wire that can lose money, over real sockets: our own connections, TLS, and a live account.

Both interfaces. The build strikes a part of them. All of them: EVERY_CELL=1, as `make prove` does.
"""

import pytest

from tests.faults.grid import CELLS
from tests.faults.steps import FaultBench
from tests.faults.wire_checks import CASES, a_part_of
from tests.support.sim_agent_broker import AgentBrokerStandIn
from tests.support.socket_broker import SocketBroker
from trading_bot.config import PaperWire
from trading_bot.order_management.models import ExecutionMode

pytestmark = pytest.mark.no_cover  # tracing makes it three times as slow, and each line has a test of its own

MONEY = [case for case in CASES if CELLS[case.cell].endswith("$")]


@pytest.fixture(scope="module")
def sockets(tmp_path_factory):
    with SocketBroker(tmp_path_factory.mktemp("authority")).running() as running:
        yield running


@pytest.mark.parametrize("wire", list(PaperWire), ids=str)
@pytest.mark.parametrize("case", a_part_of(MONEY), ids=str)
def test_a_struck_step_ends_as_its_cell_says(case, wire, tmp_path, sockets):
    bench = FaultBench(tmp_path, case.step, wire=wire, mode=ExecutionMode.LIVE, line_to=sockets.line_to)
    if isinstance(bench.world.broker, AgentBrokerStandIn):
        bench.world.broker.loses_sessions = False
    case.check(bench, case)
