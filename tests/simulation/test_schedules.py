"""Random lives of the bot against a broker with every bad habit; after each step the promises are checked.

More of them: SIMULATION_SCHEDULES=5000 pytest tests/simulation/test_schedules.py
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.sim_invariants import BrokenInvariantError
from tests.support.sim_schedule import PLAIN, SENDING_AGAIN, Step, run, shrunk, steps_of
from tests.support.sim_world import SimWorld
from trading_bot.bot import TradeStatus
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.results import CancelVerdict

SCHEDULES = int(os.environ.get("SIMULATION_SCHEDULES", "160"))

ANSWERS = {
    TradeStatus.SUBMITTED,
    TradeStatus.DUPLICATE,
    TradeStatus.BLOCKED,
    TradeStatus.REJECTED,
    TradeStatus.NOT_SENT,
    TradeStatus.UNKNOWN,
}
VERDICTS = {
    CancelVerdict.CANCELLED,
    CancelVerdict.FILLED_BEFORE_CANCEL,
    CancelVerdict.PENDING,
    CancelVerdict.REFUSED,
    CancelVerdict.LATCHED,
}
EVENTS = {
    EventKind.ORDER_ADOPTED,
    EventKind.ORDER_PRESUMED_ABSENT,
    EventKind.ORDER_NEVER_ACCEPTED,
    EventKind.EXECUTION_BOOKED,
    EventKind.ANOMALY_FOUND,
    EventKind.SYMBOL_FROZEN,
}


@dataclass
class Lived:
    """What all the schedules together came to."""

    reached: Counter[str] = field(default_factory=Counter)
    failed: list[int] = field(default_factory=list)
    sent_again: int = 0


def breaks(folder: Path, steps: Sequence[Step], settings: Mapping[str, object]) -> str | None:
    try:
        run(folder, steps, settings)
    except BrokenInvariantError as error:
        return str(error)
    return None


def live(folders: pytest.TempPathFactory, settings: Mapping[str, object], count: int) -> Lived:
    all_of_them = Lived()
    for seed in range(count):
        try:
            world = run(folders.mktemp(f"schedule-{seed}-"), steps_of(seed), settings)
        except BrokenInvariantError:
            all_of_them.failed.append(seed)
            continue
        all_of_them.reached.update(answer.result.status for answer in world.answers)
        all_of_them.reached.update(result.verdict for result in world.cancels)
        all_of_them.reached.update(record.fact.event for record in world.records())
        all_of_them.sent_again += sent_again(world)
    return all_of_them


def sent_again(world: SimWorld) -> int:
    """How many requests followed one of the same order whose outcome was unknown."""
    doubted: set[str] = set()
    count = 0
    for record in world.records():
        if record.fact.event is EventKind.SUBMIT_ATTEMPTED:
            name = str(record.fact.client_order_id)
            count += name in doubted
            doubted |= {name} if record.fact.details["outcome"] == "unknown" else set()
    return count


@pytest.fixture(scope="module")
def lived(tmp_path_factory) -> Lived:
    return live(tmp_path_factory, PLAIN, SCHEDULES)


def refuse_broken(lived: Lived, folders: pytest.TempPathFactory, settings: Mapping[str, object]) -> None:
    if not lived.failed:
        return

    def problem(steps: Sequence[Step]) -> str | None:
        return breaks(folders.mktemp("shrunk"), steps, settings)

    steps = shrunk(steps_of(lived.failed[0]), lambda some: problem(some) is not None)
    pytest.fail(f"schedules {lived.failed} fail; the first, made small: {problem(steps)}")


def test_no_schedule_breaks_a_promise(lived, tmp_path_factory):
    refuse_broken(lived, tmp_path_factory, PLAIN)
    assert lived.sent_again == 0


def test_no_schedule_breaks_a_promise_where_an_order_in_doubt_is_sent_again(tmp_path_factory):
    again = live(tmp_path_factory, SENDING_AGAIN, SCHEDULES // 4)
    refuse_broken(again, tmp_path_factory, SENDING_AGAIN)
    assert again.sent_again > 0


@pytest.mark.parametrize("what", sorted(ANSWERS | VERDICTS | EVENTS))
def test_the_schedules_reach(lived, what):
    """A simulation that never comes to an unknown outcome proves nothing about unknown outcomes."""
    assert lived.reached[what] > 0


def test_a_schedule_lived_twice_writes_the_same_journal(tmp_path):
    first, second = (run(tmp_path / name, steps_of(1)) for name in ("first", "second"))
    assert first.journal.read_bytes() == second.journal.read_bytes()


def test_a_failing_schedule_is_made_small(tmp_path_factory):
    steps = steps_of(3)
    needed = {steps[2], steps[7]}
    assert set(shrunk(steps, lambda some: needed <= set(some))) == needed
