"""What many lives together came to: which promises broke, and which stories they reached."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.support.broker_stand_in import Route
from tests.support.sim_agent_broker import AgentBrokerStandIn
from tests.support.sim_invariants import BrokenInvariantError
from tests.support.sim_journal import Fate
from tests.support.sim_limits import CODES, LIMITED
from tests.support.sim_schedule import ODD_FROM, PLAIN, SENDING_AGAIN, Setting, run, setting_of, shrunk, steps_of
from tests.support.sim_steps import Step
from tests.support.sim_world import SimWorld
from trading_bot.bot import TradeStatus
from trading_bot.config import PaperWire
from trading_bot.order_management.book.exit_facts import ExitEnding
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.results import CancelVerdict

ANSWERS = frozenset(
    {
        TradeStatus.SUBMITTED,
        TradeStatus.DUPLICATE,
        TradeStatus.BLOCKED,
        TradeStatus.REJECTED,
        TradeStatus.NOT_SENT,
        TradeStatus.UNKNOWN,
    }
)
VERDICTS = frozenset(
    {
        CancelVerdict.CANCELLED,
        CancelVerdict.FILLED_BEFORE_CANCEL,
        CancelVerdict.PENDING,
        CancelVerdict.REFUSED,
        CancelVerdict.DEFERRED,
    }
)
EVENTS = frozenset(
    {
        EventKind.ORDER_ADOPTED,
        EventKind.ORDER_PRESUMED_ABSENT,
        EventKind.ORDER_NEVER_ACCEPTED,
        EventKind.EXECUTION_BOOKED,
        EventKind.ANOMALY_FOUND,
        EventKind.SYMBOL_FROZEN,
    }
)
JOURNAL = frozenset(
    {
        *(f"a commit {where} is {fate.value}" for fate in Fate for where in ("in memory", "in SQLite")),
        "old orders left",
        "a death while old orders leave",
        "an order that had left asked for again",
    }
)
BROKER = frozenset({"a cancel taken and dropped"})
WAYS_OUT = frozenset(
    {
        EventKind.EXIT_LEG_PLACED,
        EventKind.POSITION_AGREED,
        *(f"exit: {ending}" for ending in (ExitEnding.SOLD, ExitEnding.RESTING, ExitEnding.IN_DOUBT)),
    }
)
LIVE = frozenset({"live: a session renewed", "live: submitted", "live: unknown", "live: duplicate"})
HELD_BACK = frozenset(f"refused: {code}" for code in CODES)
"""The limits that have refused something in some life."""
PLAIN_STORIES: frozenset[str] = ANSWERS | VERDICTS | EVENTS | JOURNAL | BROKER | LIVE
"""What lives of a plain account reach, if there are some hundreds of them."""


LIMITED_AT = (1, 4, 8, 11, 14, 17)
"""Of each 19 lives, those with limits: one of each kind of `LIMITED`."""

THOROUGH = (0, 5, 9, 13)
"""Of each 17 lives, those that prove the principles with each symbol; of the planted bugs' lives, all do."""


@dataclass(frozen=True, kw_only=True)
class Life:
    """One schedule and where it takes place; ``number`` alone says all of it, see `numbered`."""

    number: int
    steps: Sequence[Step]
    setting: Setting

    @property
    def sends_again(self) -> bool:
        return self.setting.order_management == SENDING_AGAIN


def numbered(number: int, wire: PaperWire | None = None) -> Life:
    """Return the life of a number, with odd accounts and both wires in turns; a ``wire`` that is given is spoken.

    The turns share no factor with each other or with those of `setting_of`, so that all of them meet.
    """
    seed = number + ODD_FROM if number % 11 in (2, 5, 8, 10) else number
    spoken = wire or (PaperWire.AGENT if number % 7 in (2, 4, 6) else PaperWire.PRIVATE)
    setting = setting_of(seed, SENDING_AGAIN if number % 13 in (4, 11) else PLAIN)
    limits = dict(zip(LIMITED_AT, LIMITED, strict=True)).get(number % 19, {})
    setting = replace(setting, wire=spoken, is_thorough=number % 17 in THOROUGH, limits=limits)
    return Life(number=number, steps=steps_of(seed), setting=setting)


@dataclass
class Lived:
    """What lives together came to. ``broken`` says of each number that failed what was wrong."""

    count: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    broken: dict[int, str] = field(default_factory=dict)

    def add(self, other: "Lived") -> None:
        self.count += other.count
        self.reached.update(other.reached)
        self.broken.update(other.broken)

    def never_reached(self) -> list[str]:
        return sorted(story for story in PLAIN_STORIES | WAYS_OUT | HELD_BACK if not self.reached[story])


def live(folder: Path, lives: Iterable[Life]) -> Lived:
    """Live through them, one after another, each in a folder of its own below ``folder``."""
    lived = Lived()
    for number, life in enumerate(lives):
        lived.count += 1
        own = folder / str(number)
        own.mkdir()
        try:
            world = run(own, life.steps, life.setting)
        except BrokenInvariantError as error:
            lived.broken[life.number] = str(error)
            continue
        lived.reached.update(str(story) for story in _stories(world))
        lived.reached["a cancel taken and dropped"] += world.broker.dropped_cancels
        lived.reached["an order in doubt sent again"] += sent_again(world)
        problem = _out_of_line(world, life)
        if problem is not None:
            lived.broken[life.number] = problem
    return lived


def _out_of_line(world: SimWorld, life: Life) -> str | None:
    """Return what no life may do, though no step alone shows it."""
    if sent_again(world) and not life.sends_again:
        return "an order in doubt was sent again, and the settings do not allow it"
    if isinstance(world.broker, AgentBrokerStandIn) and world.broker.desk.complaints:
        return f"impolite over the agent interface: {world.broker.desk.complaints}"
    return None


def shown(life: Life, folder: Path) -> str:
    """Return why a life is broken, and after as few steps as that takes."""

    def fails(steps: Sequence[Step]) -> bool:
        return _breaks(life, steps, folder) is not None

    steps = shrunk(life.steps, fails)
    problem = _breaks(life, steps, folder)
    return f"{problem or 'it breaks with all of its steps alone'}\nin {life.setting}"


def _breaks(life: Life, steps: Sequence[Step], folder: Path) -> str | None:
    own = folder / f"again-{next(_tries)}"
    own.mkdir()
    return live(own, [replace(life, steps=steps)]).broken.get(life.number)


_tries = itertools.count()


def _stories(world: SimWorld) -> Iterator[str]:
    yield from (answer.result.status for answer in world.answers)
    yield from (f"refused: {answer.result.code}" for answer in world.answers if answer.result.code in CODES)
    yield from (result.verdict for result in world.cancels)
    yield from (record.fact.event for record in world.records())
    yield from (f"exit: {left.result.ending}" for left in world.exits)
    yield from _journal_stories(world)
    if world.mode is ExecutionMode.LIVE:
        yield from (f"live: {answer.result.status}" for answer in world.answers)
        if any(request.route is Route.LOGIN for request in world.broker.seen):
            yield "live: a session renewed"


def _journal_stories(world: SimWorld) -> Iterator[str]:
    where = "in memory" if world.in_memory else "in SQLite"
    yield from (f"a commit {where} is {fate.value}" for fate in world.met)
    if world.left:
        yield "old orders left"
    if world.prunings_cut_short:
        yield "a death while old orders leave"
    here = {record.fact.client_order_id for record in world.stored.standing()}
    if any(answer.trade.client_order_id not in here for answer in world.answers if answer.result.envelope is not None):
        yield "an order that had left asked for again"


def sent_again(world: SimWorld) -> int:
    """Return how many requests followed one of the same order whose outcome was unknown."""
    doubted: set[str] = set()
    count = 0
    for record in world.records():
        if record.fact.event is EventKind.SUBMIT_ATTEMPTED:
            name = str(record.fact.client_order_id)
            count += name in doubted
            doubted |= {name} if record.fact.details["outcome"] == "unknown" else set()
    return count
