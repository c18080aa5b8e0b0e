"""Each fault of the wire that can lose money, over real sockets: our own connections, TLS, and a live account.

Both interfaces. The build strikes a part of them. All of them: EVERY_CELL=1, as `make prove` does.
"""

from pathlib import Path

import pytest

from tests.faults.grid import CELLS
from tests.faults.steps import FaultBench
from tests.faults.test_status_faults import (
    check_fill_and_cancel,
    check_struck_reads,
    machine_cells,
    with_fills,
)
from tests.faults.wire_checks import ACTS, CANCEL_MODES, CASES, SPENT, a_part_of
from tests.support.broker_stand_in import Act, Route
from tests.support.socket_broker import SocketBroker, route_of
from trading_bot.config import PaperWire
from trading_bot.order_management.book.anomalies import AnomalyKind, anomaly_of
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import ExecutionMode

WIRES = list(PaperWire)
pytestmark = pytest.mark.no_cover  # tracing makes it three times as slow, and each line has a test of its own

MONEY_READS = [
    pytest.param(fault, act, id=f"STA-{fault}-{act}")
    for fault, acts in ACTS.items()
    if CELLS.get(f"STA-{fault}", "").endswith("$")
    for act in acts
]
MONEY = [case for case in CASES if CELLS[case.cell].endswith("$")]

CONTRADICTED = {"AUD-F34": (Act.VANISHED, AnomalyKind.VANISHED), "AUD-F35": (Act.STALE, AnomalyKind.FILLED_WENT_BACK)}


def test_each_cell_of_the_wire_that_can_lose_money_is_struck():
    """Those of a login are in `test_login_faults`."""
    asked = {cell for cell, word in CELLS.items() if word.endswith("$") and cell[4:] <= "F37" and cell[:3] != "LOG"}
    reads = {f"STA-{fault}" for fault in (*ACTS, *CANCEL_MODES)}
    assert asked <= {case.cell for case in MONEY} | reads | CONTRADICTED.keys() | {"AUD-F36", "AUD-F37"}


@pytest.fixture(scope="module")
def sockets(tmp_path_factory):
    with SocketBroker(tmp_path_factory.mktemp("authority")).running() as running:
        yield running


def bench_of(folder: Path, step: str, wire: PaperWire, sockets: SocketBroker) -> FaultBench:
    return FaultBench(folder, step, wire=wire, mode=ExecutionMode.LIVE, line_to=sockets.line_to)


@pytest.mark.parametrize("wire", WIRES, ids=str)
@pytest.mark.parametrize("case", a_part_of(MONEY), ids=str)
def test_a_struck_step_ends_as_its_cell_says(case, wire, tmp_path, sockets):
    case.check(bench_of(tmp_path, case.step, wire, sockets), case)


@pytest.mark.parametrize("wire", WIRES, ids=str)
@pytest.mark.parametrize(("fault", "act"), MONEY_READS)
def test_a_struck_read_moves_nothing(fault, act, wire, tmp_path, sockets):
    check_struck_reads(with_fills(bench_of(tmp_path, "STA", wire, sockets)), fault, act)


@pytest.mark.parametrize("wire", WIRES, ids=str)
@pytest.mark.parametrize("fault", machine_cells("F36", "F37"))
def test_a_read_tells_of_a_fill_and_a_cancel(fault, wire, tmp_path, sockets):
    check_fill_and_cancel(with_fills(bench_of(tmp_path, "STA", wire, sockets)), fault)


@pytest.mark.parametrize("wire", WIRES, ids=str)
@pytest.mark.parametrize("cell", CONTRADICTED)
def test_a_contradiction_is_on_record(cell, wire, tmp_path, sockets):
    act, kind = CONTRADICTED[cell]
    bench = with_fills(bench_of(tmp_path, "STA", wire, sockets))
    bench.act()
    bench.world.broker.acts[Route.READ].extend([act] * 2)
    bench.act()
    bench.act()
    found = [fact for fact in facts(bench) if fact.event is EventKind.ANOMALY_FOUND]
    assert {anomaly_of(fact).kind for fact in found} == {kind}
    assert {fact.order_id for fact in found} == {bench.world.order().order_id}


@pytest.mark.parametrize("wire", WIRES, ids=str)
@pytest.mark.parametrize("cell", ["AUD-F36", "AUD-F37"])
def test_a_cancel_that_meets_a_fill_leaves_both_on_record(cell, wire, tmp_path, sockets):
    bench = bench_of(tmp_path, "CAN", wire, sockets)
    bench.world.broker.cancels = CANCEL_MODES[cell[4:]]
    bench.act()
    ours = [fact for fact in facts(bench) if fact.client_order_id == "c1"]
    asked = [EventKind.CANCEL_REQUESTED, EventKind.CANCEL_ANSWERED]
    assert [fact.event for fact in ours if fact.event in asked] == asked
    (booked,) = [fact for fact in ours if fact.event is EventKind.EXECUTION_BOOKED]
    assert booked.last_quantity == bench.world.order().filled == (10 if cell == "AUD-F36" else 5)


def facts(bench: FaultBench) -> list[OrderEvent]:
    return [record.fact for record in bench.world.records()]


ON_RECORD = {
    "SUB-F01": (Act.DNS, "begun", {"dns"}),
    "SUB-F02": (Act.REFUSED, "begun", {"connect"}),
    "SUB-F03": (Act.CONNECT_TIMEOUT, "begun", {"connect_timeout"}),
    "SUB-F04": (Act.TLS, "begun", {"tls"}),
    "SUB-F05": (Act.RESET_BEFORE, "begun", {"reset", "connect"}),
    "SUB-F06": (Act.RESET_AFTER_ACTING, "sent", {"reset"}),
    "SUB-F07": (Act.REPLY_LOST, "sent", {"timeout"}),
    "SUB-F09": (Act.DRIP, "sent", {"timeout"}),
    "SUB-F10": (Act.REDIRECT, "headers_read", {"redirect"}),
    "SUB-F26": (Act.TRUNCATED, "headers_read", {"reset"}),
}
"""How far a request got, and what our connections saw of the fault: the stand-in raises none of these errors here."""


@pytest.mark.parametrize("wire", WIRES, ids=str)
@pytest.mark.parametrize("cell", ON_RECORD)
def test_a_fault_is_met_where_it_strikes(cell, wire, tmp_path, sockets):
    act, phase, failure = ON_RECORD[cell]
    bench = bench_of(tmp_path, "SUB", wire, sockets)
    bench.world.broker.acts[Route.SUBMIT].extend([act] * SPENT)
    sockets.honest.heard.clear()
    bench.act()
    attempts = [fact.details for fact in facts(bench) if fact.event is EventKind.SUBMIT_ATTEMPTED]
    assert attempts[-1]["phase"] == phase
    assert attempts[-1]["failure"] in failure
    assert (int(attempts[-1]["bytes_sent"]) > 0) == (phase != "begun")
    arrived = [
        heard for heard in sockets.honest.heard if route_of(heard.method, heard.path, heard.body) is Route.SUBMIT
    ]
    assert bool(arrived) == (phase != "begun")
