"""What is written down of each fault: one record a request, whole and in order, that nothing foreign can shape."""

import json
import logging
import re
from collections.abc import Mapping
from decimal import Decimal

import pytest

from tests.faults.steps import FaultBench
from tests.faults.wire_checks import ACTS, CANCEL_MODES, SPENT
from tests.support.broker_stand_in import Act, Request, Route
from tests.support.scripted_broker import Answer, reply
from tests.support.sim_account import ACCOUNT
from tests.support.sim_journal import InMemory
from tests.support.sim_world import SimWorld
from trading_bot.config import PaperWire
from trading_bot.order_management.book.anomalies import Anomaly, AnomalyKind, anomaly_of
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import OrderState
from trading_bot.order_management.results import CancelVerdict

pytestmark = pytest.mark.no_cover  # tracing makes it three times as slow, and each line has a test of its own

WIRES = tuple(PaperWire)
LONGEST_TEXT = 2048
FAILED: dict[str, tuple[str, str]] = {
    "F01": ("begun", "dns"),
    "F02": ("begun", "connect"),
    "F03": ("begun", "connect_timeout"),
    "F04": ("begun", "tls"),
    "F05": ("begun", "reset"),
    "F06": ("sent", "reset"),
    "F07": ("sent", "timeout"),
    "F08": ("sent", "timeout"),
    "F09": ("sent", "timeout"),
    "F10": ("headers_read", "redirect"),
}
"""How far each request gets, and what it fails of."""

STATUS = {"F11": 400, "F12": 401, "F13": 403, "F14": 404, "F15": 409, "F16": 422, "F17": 429, "F18": 429} | {
    f"F{number}": status for number, status in ((19, 500), (20, 502), (21, 503), (22, 504))
}
TOLD_BY_THE_TOOL = {
    **{fault: f"API error {STATUS[fault]}" for fault in ("F11", "F13", "F14", "F15", "F16", "F21", "F22")},
    "F17": "RATE_LIMITED",
}
"""What the agent wire says in the text of a tool, under a 200 of HTTP. The others are a status of HTTP there too."""


def wire_cells(*faults: str) -> list[object]:
    return [
        pytest.param(fault, act, id=f"AUD-{fault}" + (f"-{act}" if len(ACTS[fault]) > 1 else ""))
        for fault in faults
        for act in ACTS[fault]
    ]


def cell(*faults: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fault", [pytest.param(fault, id=f"AUD-{fault}") for fault in faults])


def facts(bench: FaultBench, kind: EventKind) -> list[OrderEvent]:
    return [record.fact for record in bench.world.records() if record.fact.event is kind]


def attempts(bench: FaultBench) -> list[OrderEvent]:
    """The attempts of the order that was struck, one a request."""
    return [fact for fact in facts(bench, EventKind.SUBMIT_ATTEMPTED) if fact.client_order_id == "c1"]


def anomalies(bench: FaultBench) -> list[Anomaly]:
    return [anomaly_of(fact) for fact in facts(bench, EventKind.ANOMALY_FOUND)]


# What becomes of a request.


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(("fault", "act"), wire_cells(*FAILED))
def test_each_attempt_leaves_one_record_of_how_far_it_got(fault, act, wire, tmp_path):
    bench = FaultBench(tmp_path, "SUB", wire=wire)
    bench.world.broker.acts[Route.SUBMIT].append(act)
    bench.act()
    first, *others = attempts(bench)
    assert [one.attempt for one in (first, *others)] == list(range(1, len(others) + 2))
    check_failure(first.details, fault, act)
    assert first.details["cause"]
    for one in others:
        assert (one.details["phase"], one.details["outcome"]) == ("body_read", "accepted")


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(("fault", "act"), wire_cells(*FAILED, *STATUS))
def test_each_cancel_leaves_one_record_of_how_far_it_got(fault, act, wire, tmp_path):
    """One an answer: a call is repeated by itself where that helps, and its record is of the last time."""
    bench = FaultBench(tmp_path, "CAN", wire=wire)
    left = bench.world.broker.acts[Route.CANCEL]
    left.extend([act] * SPENT)
    bench.act()
    assert len(facts(bench, EventKind.CANCEL_REQUESTED)) == 1
    answered = [fact.details for fact in facts(bench, EventKind.CANCEL_ANSWERED)]
    for details in answered if left else answered[:-1]:
        if fault in FAILED:
            check_failure(details, fault, act)
        else:
            check_reply(details, fault, wire)
        assert details["text"]
    if not left:
        assert len(answered) > 1
        assert (answered[-1]["http_status"], answered[-1]["reply"]) == ("200", CancelVerdict.PENDING.value)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(("fault", "act"), wire_cells(*STATUS))
def test_each_refusal_is_recorded_with_its_status_and_what_it_says(fault, act, wire, tmp_path):
    bench = FaultBench(tmp_path, "SUB", wire=wire)
    bench.world.broker.acts[Route.SUBMIT].append(act)
    bench.act()
    check_reply(attempts(bench)[0].details, fault, wire)


def check_failure(details: Mapping[str, str], fault: str, act: Act) -> None:
    """No reply was read: the record says how far the request got, what it failed of, and if nothing was sent."""
    phase, failure = FAILED[fault]
    assert details["failure"] == failure
    assert details["phase"] == ("writing" if act is Act.HALF_WRITTEN else phase)
    assert details.get("bytes_sent") == ("0" if phase == "begun" else None), "this line counts no bytes"
    assert "http_status" not in details


def check_reply(details: Mapping[str, str], fault: str, wire: PaperWire) -> None:
    """A reply was read: the record has its status, its headers, its digest and what it says, and no more than that."""
    said = TOLD_BY_THE_TOOL.get(fault) if wire is PaperWire.AGENT else None
    assert details["http_status"] == ("200" if said else str(STATUS[fault]))
    assert (said or "") in details["excerpt"]
    assert details["phase"] == "body_read"
    assert "failure" not in details
    assert re.fullmatch("[0-9a-f]{64}", details["reply_sha256"])
    assert len(details["excerpt"]) <= LONGEST_TEXT
    assert int(details["reply_bytes"]) >= len(details["excerpt"]) or wire is PaperWire.AGENT
    if fault == "F17" and wire is PaperWire.PRIVATE:
        assert "retry-after: 3" in details["headers"]
    assert "date: " in details["headers"]


HOSTILE = (
    (
        '{"detail": "'
        f"account {ACCOUNT} of canary@example.com"
        r"\n{\"ev\": \"release_kill\"}\u2028\u0000\u001b[2J"
        '", "seq": 1}\r\n{"v":1,"seq":2}\n=HYPERLINK("x")\x00'
    ).encode()
    + b"\xff\xfe"
    + b"A" * 5000
)


@cell("F23", "F24", "F25", "F26", "F27", "F28", "F29")
def test_a_reply_is_data_and_adds_no_line_and_no_field(fault, tmp_path):
    """It is escaped, cut, masked and digested, in the database and in the audit log."""
    bench = FaultBench(tmp_path, "SUB", in_memory=False)
    bodies = {"F23": HOSTILE, "F24": b"<html>" + HOSTILE, "F25": b"", "F26": HOSTILE[:50]}
    broker = bench.world.broker
    spoil = broker._spoilt

    def hostile(request: Request, answer: Answer, act: Act) -> Answer:
        if fault in bodies:
            return reply(answer.status, bodies[fault])
        body = json.loads(spoil(request, answer, act).body)
        word = HOSTILE.decode("utf-8", errors="replace")
        return reply(answer.status, body | {"state": word, "reject_reason": word, word: word})

    broker._spoilt = hostile  # type: ignore[method-assign]  # no act of its own speaks so
    broker.acts[Route.SUBMIT].append(ACTS[fault][0])
    bench.act()
    details = attempts(bench)[0].details
    if fault in bodies:
        assert details["reply_bytes"] == str(len(bodies[fault]))
    bench.world.stop()
    records = bench.world.records()
    lines = (bench.folder / "logs" / "orders.jsonl").read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert [json.loads(line)["seq"] for line in lines] == [record.seq for record in records]
    for line in lines:
        check_line(line)


def check_line(line: bytes) -> None:
    assert line.isascii(), "whoever splits lines by other marks than a line feed splits no record"
    assert len(line) < 64 * 1024
    assert ACCOUNT.encode() not in line
    assert b"canary@example.com" not in line
    for value in json.loads(line, object_pairs_hook=once).get("details", {}).values():
        assert isinstance(value, str)
        assert len(value) <= LONGEST_TEXT


def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert len(dict(pairs)) == len(pairs), "no key stands twice"
    return dict(pairs)


@pytest.mark.parametrize(("fault", "act"), wire_cells("F30", "F31"))
def test_numbers_are_written_as_text_and_never_as_none(fault, act, tmp_path):
    bench = FaultBench(tmp_path, "SUB")
    bench.world.broker.acts[Route.SUBMIT].append(act)
    bench.act()
    bench.world.sync()
    for body in bodies_on_record(bench.world):
        found = json.loads(body, parse_float=refused, parse_constant=refused)
        assert {name for name, value in found.items() if isinstance(value, int)} <= {"v", "seq", "attempt"}
    for fact in facts(bench, EventKind.ORDER_ACCEPTED):
        assert fact.quantity is None or fact.quantity == 10
        assert not fact.filled_quantity


def refused(text: str) -> object:
    pytest.fail(f"{text} is written as a number")


def bodies_on_record(world: SimWorld) -> list[bytes]:
    assert isinstance(world.stored, InMemory)
    return [body for body, _digest in world.stored.storage.records.values()]


@pytest.mark.parametrize(("fault", "act"), wire_cells("F32", "F33"))
def test_what_a_list_was_worth_is_logged_once_and_a_doubled_row_is_recorded_once(fault, act, tmp_path, caplog):
    bench = FaultBench(tmp_path, "SYN")
    world = bench.world
    world.broker.book.fill(world.order(), 4, bench.clock.now())
    world.broker.standing[Route.LIST] = act
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            world.sync()
        world.broker.standing.clear()
        world.sync()
    verdicts = [record.msg["complete"] for record in caplog.records if is_verdict(record)]
    assert verdicts == ([] if fault == "F32" else [False, True])
    booked = facts(bench, EventKind.EXECUTION_BOOKED)
    assert sum(fact.last_quantity or 0 for fact in booked if fact.client_order_id == "c1") == 4
    assert anomalies(bench) == []


def is_verdict(record: logging.LogRecord) -> bool:
    return isinstance(record.msg, dict) and record.msg.get("event") == "orders_read"


# Contradictions.


@cell("F34")
def test_an_order_that_vanished_is_recorded_with_what_both_say(fault, tmp_path):
    bench = FaultBench(tmp_path, "STA")
    bench.world.broker.acts[Route.READ].extend([Act.VANISHED] * 2)
    bench.act()
    bench.act()
    (found,) = anomalies(bench)
    assert found.kind is AnomalyKind.VANISHED
    (fact,) = facts(bench, EventKind.ANOMALY_FOUND)
    assert fact.order_id == bench.world.order().order_id


@cell("F35")
def test_a_fill_that_goes_back_is_recorded_with_both_numbers(fault, tmp_path):
    bench = FaultBench(tmp_path, "STA")
    world = bench.world
    world.broker.book.fill(world.order(), 4, bench.clock.now())
    bench.act()
    world.broker.acts[Route.READ].append(Act.STALE)
    bench.act()
    (found,) = anomalies(bench)
    assert found.kind is AnomalyKind.FILLED_WENT_BACK
    assert {Decimal(number) for number in re.findall(r"\d+(?:\.\d+)?", found.evidence)} >= {Decimal(4), Decimal(0)}


@pytest.mark.parametrize("wire", WIRES)
@cell("F36", "F37")
def test_a_cancel_that_meets_a_fill_leaves_both_on_record(fault, wire, tmp_path):
    """The request, its answer, each execution by its id, and the end that the broker reports."""
    bench = FaultBench(tmp_path, "CAN", wire=wire)
    bench.world.broker.cancels = CANCEL_MODES[fault]
    bench.act()
    ours = [record.fact for record in bench.world.records() if record.fact.client_order_id == "c1"]
    kinds = [fact.event for fact in ours]
    assert kinds.index(EventKind.CANCEL_REQUESTED) < kinds.index(EventKind.EXECUTION_BOOKED)
    assert kinds.count(EventKind.CANCEL_ANSWERED) == 1
    booked = [fact for fact in ours if fact.event is EventKind.EXECUTION_BOOKED]
    assert len({fact.execution_id for fact in booked}) == len(booked) == 1
    end = next(fact for fact in reversed(ours) if fact.status is not None)
    filled, state = (10, OrderState.FILLED) if fault == "F36" else (5, OrderState.CANCELLED)
    assert (end.status, end.filled_quantity) == (state, Decimal(filled))


@cell("F36", "F37")
def test_a_fill_after_the_end_is_recorded_with_both_states(fault, tmp_path):
    bench = FaultBench(tmp_path, "CAN")
    world = bench.world
    bench.act()
    order = world.order()
    order.state = "confirmed"
    filled = 10 if fault == "F36" else 4
    world.broker.book.fill(order, filled, bench.clock.now())
    world.settle()
    (found,) = anomalies(bench)
    assert found.kind is AnomalyKind.AFTER_ITS_END
    assert "cancelled" in found.evidence
    assert ("partially_filled" in found.evidence) == (fault == "F37")
    assert facts(bench, EventKind.EXECUTION_BOOKED)[-1].last_quantity == filled
