"""Random lives of the bot against a broker with every bad habit; after each step the promises are checked.

More of them: SIMULATION_SCHEDULES=5000 pytest tests/simulation/test_schedules.py
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pytest

from tests.simulation.directed_schedules import DIRECTED, setting_for
from tests.support.broker_stand_in import Route
from tests.support.sim_agent_broker import AgentBrokerStandIn
from tests.support.sim_invariants import BrokenInvariantError
from tests.support.sim_journal import Fate
from tests.support.sim_schedule import ODD_FROM, PLAIN, SENDING_AGAIN, Setting, run, setting_of, shrunk, steps_of
from tests.support.sim_steps import Step
from tests.support.sim_world import SimWorld
from trading_bot.bot import TradeStatus
from trading_bot.config import PaperWire
from trading_bot.order_management.book.exit_facts import ExitEnding
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.results import CancelVerdict

SCHEDULES = int(os.environ.get("SIMULATION_SCHEDULES", "80"))

pytestmark = [
    pytest.mark.timeout(max(600, SCHEDULES * 5)),  # all of them live within one test
    pytest.mark.no_cover,  # tracing makes them three times as slow, and each line has a test of its own
]

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
    CancelVerdict.DEFERRED,
}
EVENTS = {
    EventKind.ORDER_ADOPTED,
    EventKind.ORDER_PRESUMED_ABSENT,
    EventKind.ORDER_NEVER_ACCEPTED,
    EventKind.EXECUTION_BOOKED,
    EventKind.ANOMALY_FOUND,
    EventKind.SYMBOL_FROZEN,
}


JOURNAL = {
    *(f"a commit {where} is {fate.value}" for fate in Fate for where in ("in memory", "in SQLite")),
    "old orders left",
    "a death while old orders leave",
    "an order that had left asked for again",
}


BROKER = {"a cancel taken and dropped"}
WAYS_OUT = {
    EventKind.EXIT_LEG_PLACED,
    EventKind.POSITION_AGREED,
    *(f"exit: {ending}" for ending in (ExitEnding.SOLD, ExitEnding.RESTING, ExitEnding.IN_DOUBT)),
}
LIVE = {"live: a session renewed", "live: submitted", "live: unknown", "live: duplicate"}


@dataclass
class Lived:
    """What all the schedules together came to."""

    reached: Counter[str] = field(default_factory=Counter)
    failed: list[int] = field(default_factory=list)
    sent_again: int = 0


def breaks(folder: Path, steps: Sequence[Step], setting: Setting) -> str | None:
    try:
        run(folder, steps, setting)
    except BrokenInvariantError as error:
        return str(error)
    return None


def journal_stories(world: SimWorld) -> Iterator[str]:
    where = "in memory" if world.in_memory else "in SQLite"
    yield from (f"a commit {where} is {fate.value}" for fate in world.met)
    if world.left:
        yield "old orders left"
    if world.prunings_cut_short:
        yield "a death while old orders leave"
    here = {record.fact.client_order_id for record in world.stored.standing()}
    if any(answer.trade.client_order_id not in here for answer in world.answers if answer.result.envelope is not None):
        yield "an order that had left asked for again"


def live_stories(world: SimWorld) -> Iterator[str]:
    if world.mode is not ExecutionMode.LIVE:
        return
    yield from (f"live: {answer.result.status}" for answer in world.answers)
    if any(request.route is Route.LOGIN for request in world.broker.seen):
        yield "live: a session renewed"


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


def live(
    folders: pytest.TempPathFactory,
    seeds: Iterable[int],
    order_management: Mapping[str, object] = PLAIN,
    *,
    wire: PaperWire = PaperWire.PRIVATE,
) -> Lived:
    all_of_them = Lived()
    for seed in seeds:
        setting = replace(setting_of(seed, order_management), wire=wire)
        try:
            world = run(folders.mktemp(f"schedule-{seed}-"), steps_of(seed), setting)
        except BrokenInvariantError:
            all_of_them.failed.append(seed)
            continue
        all_of_them.reached.update(answer.result.status for answer in world.answers)
        all_of_them.reached.update(result.verdict for result in world.cancels)
        all_of_them.reached.update(record.fact.event for record in world.records())
        all_of_them.reached.update(journal_stories(world))
        all_of_them.reached.update(live_stories(world))
        all_of_them.reached.update(f"exit: {left.result.ending}" for left in world.exits)
        all_of_them.sent_again += sent_again(world)
        all_of_them.reached["a cancel taken and dropped"] += world.broker.dropped_cancels
        if isinstance(world.broker, AgentBrokerStandIn):
            all_of_them.reached["impolite over the agent interface"] += len(world.broker.desk.complaints)
    return all_of_them


class Lives:
    """Lived by the first test that asks, whichever it is."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders

    @cached_property
    def all_of_them(self) -> Lived:
        return live(self._folders, range(SCHEDULES))

    @cached_property
    def odd_ones(self) -> Lived:
        """Lives of accounts with odd rows and moved shares, whose positions somebody leaves."""
        return live(self._folders, range(ODD_FROM, ODD_FROM + SCHEDULES // 2))


@pytest.fixture(scope="module")
def lives(tmp_path_factory) -> Lives:
    return Lives(tmp_path_factory)


def refuse_broken(
    lived: Lived,
    folders: pytest.TempPathFactory,
    order_management: Mapping[str, object],
    *,
    wire: PaperWire = PaperWire.PRIVATE,
) -> None:
    if not lived.failed:
        return
    seed = lived.failed[0]
    setting = replace(setting_of(seed, order_management), wire=wire)
    steps = shrunk(steps_of(seed), lambda some: breaks(folders.mktemp("shrunk"), some, setting) is not None)
    problem = breaks(folders.mktemp("last"), steps, setting)
    pytest.fail(f"schedules {lived.failed} fail; the first, made small: {problem}\nin {setting}")


def test_no_schedule_breaks_a_promise(lives, tmp_path_factory):
    refuse_broken(lives.all_of_them, tmp_path_factory, PLAIN)
    assert lives.all_of_them.sent_again == 0


def test_no_schedule_breaks_a_promise_where_an_order_in_doubt_is_sent_again(tmp_path_factory):
    again = live(tmp_path_factory, range(SCHEDULES // 4), SENDING_AGAIN)
    refuse_broken(again, tmp_path_factory, SENDING_AGAIN)
    assert again.sent_again > 0


@pytest.mark.parametrize("what", sorted(ANSWERS | VERDICTS | EVENTS | JOURNAL | BROKER | LIVE))
def test_the_schedules_reach(lives, what):
    """A simulation that never comes to an unknown outcome proves nothing about unknown outcomes."""
    assert lives.all_of_them.reached[what] > 0


def test_no_schedule_of_an_odd_account_breaks_a_promise(lives, tmp_path_factory):
    """Doubt stays with what it concerns, and there is always a way out: see `sim_principles`."""
    refuse_broken(lives.odd_ones, tmp_path_factory, PLAIN)
    assert lives.odd_ones.sent_again == 0


@pytest.mark.parametrize("what", sorted(WAYS_OUT))
def test_the_schedules_of_odd_accounts_reach(lives, what):
    assert lives.odd_ones.reached[what] > 0


def test_no_schedule_over_the_agent_interface_breaks_a_promise(tmp_path_factory):
    """Its replies vary in form, and its sessions are lost now and then; see `sim_agent_broker`."""
    count = SCHEDULES // 10
    lived = live(tmp_path_factory, [*range(count), *range(ODD_FROM, ODD_FROM + count // 2)], wire=PaperWire.AGENT)
    refuse_broken(lived, tmp_path_factory, PLAIN, wire=PaperWire.AGENT)
    assert lived.sent_again == 0
    assert lived.reached[TradeStatus.UNKNOWN] > 0
    assert lived.reached["impolite over the agent interface"] == 0


@pytest.mark.parametrize("bug", DIRECTED)
@pytest.mark.parametrize("mode", ExecutionMode)
def test_the_bot_lives_through_a_directed_schedule(bug, mode, tmp_path):
    run(tmp_path, DIRECTED[bug], setting_for(bug, mode))


def test_a_schedule_lived_twice_writes_the_same_journal(tmp_path):
    first, second = (run(tmp_path / name, steps_of(1)) for name in ("first", "second"))
    assert first.records() == second.records() != ()


def test_a_failing_schedule_is_made_small(tmp_path_factory):
    steps = steps_of(3)
    needed = {steps[2], steps[7]}
    assert set(shrunk(steps, lambda some: needed <= set(some))) == needed
