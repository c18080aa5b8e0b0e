"""Random schedules: steps are data, made from a seed alone, so that a failing one can be repeated and made smaller.

An own loop instead of hypothesis' state machines: the planted bugs are counted in schedules, a schedule costs a tenth
of a second, restarts and crashes belong to the steps, and a failure is shrunk by leaving steps out.

Where the journal is. Four schedules of five have it in memory (`sim_journal`): it keeps the promises of the port, a
commit fails as a test wants it to, and side files are a list. The fifth has all that a start of the bot builds: SQLite,
side files and their import, and the audit log (`sim_sqlite`). There commits fail below SQLite, in its write or its
flush; a dead process leaves its write-ahead log behind; and a power loss leaves what was flushed and, of all else, any
part. It costs somewhat more.

Not simulated: a death between two statements of SQLite (`test_real_kills` and `tests/real` do that), a disk that says
"stored" and stores nothing, and a second machine.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.garbage import garbage_left_alone
from tests.support.jumpy_clock import JumpyClock
from tests.support.sim_invariants import BrokenInvariantError, Invariants
from tests.support.sim_limits import Limits
from tests.support.sim_machine_steps import MACHINE_STEPS
from tests.support.sim_odd_steps import ODD_STEPS
from tests.support.sim_principles import prove_principles
from tests.support.sim_steps import ORDER_STEPS, Step, move, usual_trade
from tests.support.sim_threads import SimThreads
from tests.support.sim_world import LAST_WEEK, MORNING, SETTLED, SimWorld, session_end, trade_a_known_order
from trading_bot.config import PaperWire
from trading_bot.order_management.models import ExecutionMode

PLAIN: Mapping[str, object] = {}
SENDING_AGAIN: Mapping[str, object] = {"broker_dedupes_ref_id": True, "request_timeout_s": 2}
"""Settings under which an order in doubt is sent again; a request that hangs leaves time for it."""


IN_SQLITE = 2
"""Of each five schedules, the one whose journal and side files are the real ones."""

ODD_FROM = 1_000_000
"""Seeds from here on make lives of an account with odd rows, moved shares and exits; those before make none."""


def steps_of(seed: int, count: int = 18) -> list[Step]:
    """Return the steps of one schedule."""
    chance = random.Random(seed)
    odd = ODD_STEPS if seed >= ODD_FROM else []
    makers, weights = zip(*ORDER_STEPS, *MACHINE_STEPS, *odd, strict=True)
    return [chance.choices(makers, weights)[0](chance) for _ in range(count)]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where a schedule takes place. An account with a past has orders that have left the book.

    A broker that the settings of ``order_management`` say deduplicates does.
    """

    mode: ExecutionMode = ExecutionMode.PAPER
    has_past: bool = False
    in_memory: bool = True
    order_management: Mapping[str, object] = field(default_factory=lambda: PLAIN)
    wire: PaperWire = PaperWire.PRIVATE
    forms: int | None = None
    """The seed of the forms in which the broker writes its replies; the plain ones without."""
    is_thorough: bool = True
    """Whether the principles are proven at the end with each symbol in question, or with one of them and `HEALTHY`."""
    limits: Limits = field(default_factory=dict)

    def world(self, folder: Path) -> SimWorld:
        clock = JumpyClock(LAST_WEEK if self.has_past else MORNING)
        world = SimWorld(
            folder,
            dict(self.order_management),
            mode=self.mode,
            clock=clock,
            in_memory=self.in_memory,
            wire=self.wire,
            limits=self.limits,
            threads=SimThreads(self.forms or 0),
        )
        if self.forms is not None:
            world.broker.vary(self.forms)
        return world


def setting_of(seed: int, order_management: Mapping[str, object] = PLAIN) -> Setting:
    """Return the setting of one schedule."""
    return Setting(
        mode=ExecutionMode.LIVE if seed % 4 == 3 else ExecutionMode.PAPER,
        has_past=seed % 3 == 2,
        in_memory=seed % 5 != IN_SQLITE,
        order_management=order_management,
        forms=seed,
    )


def run(folder: Path, steps: Sequence[Step], setting: Setting | None = None) -> SimWorld:
    """Live through the steps, checking after each, then let everything settle and check that it has.

    Raises:
        BrokenInvariantError: naming the step after which it was found.
    """
    with garbage_left_alone():
        return _run(folder, steps, setting or Setting())


def _run(folder: Path, steps: Sequence[Step], setting: Setting) -> SimWorld:
    world = setting.world(folder)
    invariants = Invariants(world)
    world.boot()
    if setting.has_past:
        _live_last_week(world)
        _check(invariants.check, ["last week"])
    trade_a_known_order(world)
    _check(invariants.check, ["a known order"])
    for number, step in enumerate(steps):
        step.run(world)
        world.broker.pass_time()
        _check(invariants.check, steps[: number + 1])
    _check(lambda: world.settle(is_settled=invariants.is_settled), [*steps, "the faults have ended"])
    _check(invariants.check_settled, steps)
    _check(lambda: prove_principles(world, of_each=setting.is_thorough), [*steps, "the faults have ended"])
    _check(invariants.check, [*steps, "the proofs"])
    _check(lambda: _after_the_close(world, invariants), [*steps, "the close"])
    _check(invariants.check_settled, [*steps, "the close"])
    world.kill()
    world.cancel_all()
    _check(invariants.check_flat, [*steps, "the close", "a kill"])
    world.stop()
    return world


def shrunk(steps: Sequence[Step], fails: Callable[[Sequence[Step]], bool]) -> list[Step]:
    """Leave out what the failure does not need."""
    kept = list(steps)
    for index in reversed(range(len(kept))):
        without = kept[:index] + kept[index + 1 :]
        if fails(without):
            kept = without
    return kept


def _check(check: Callable[[], None], done: Sequence[object]) -> None:
    try:
        check()
    except BrokenInvariantError as error:
        raise BrokenInvariantError(f"{error}\nafter {list(done)}") from None


def _live_last_week(world: SimWorld) -> None:
    """Trade under names that will be asked for again; what has ended by now is in the book no more."""
    for number, end in enumerate(("fill", "cancel", "reject", "part")):
        world.trade(usual_trade(number))
        for order in world.orders_at_broker(f"c{number}"):
            move(world, order, end)
    world.wait((session_end(LAST_WEEK) - LAST_WEEK).total_seconds() + 60)
    world.sync()
    world.stop()
    world.wait((MORNING - world.clock.now()).total_seconds())
    world.boot()
    world.prune()


def _after_the_close(world: SimWorld, invariants: Invariants) -> None:
    world.wait((SETTLED - world.clock.now()).total_seconds())
    world.sync()
    if not invariants.is_settled():
        world.wait(61)
        world.sync()
