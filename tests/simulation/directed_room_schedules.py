"""Schedules written by hand for the bugs of `planted_room_bugs`, as those of `directed_schedules` are."""

from collections.abc import Mapping, Sequence

from tests.support.sim_invariants import BrokenInvariantError
from tests.support.sim_journal import Fate
from tests.support.sim_sqlite import InSqlite
from tests.support.sim_steps import Step
from tests.support.sim_world import SimWorld, Trade

_OWNERS_FILE = "lease.lock"
_STATEMENTS_OF_A_COMMIT = 14
_IMAGES = 4
"""Of what a power loss may leave, so many are tried."""


def _lease_taken_over(world: SimWorld) -> None:
    """Somebody deletes the lock, and another process may hold the account from then on."""
    (lock,) = [path for path in world.config.resolve_state_dir().rglob("*") if path.name == _OWNERS_FILE]
    lock.rename(lock.with_name("stolen"))
    lock.touch(mode=0o600)
    before = len(world.posts)
    world.trade(Trade(client_order_id="fenced", quantity=3))
    if len(world.posts) > before:
        raise BrokenInvariantError("I13 an order was sent by a process that does not hold the account any more")
    world.crash()
    world.boot()


def _flush_fails(number: int) -> Step:
    def story(world: SimWorld) -> None:
        world.fates = [*[Fate.STORED] * (number - 1), Fate.UNKNOWN_STORED]
        world.trade(Trade(client_order_id=f"doubtful-{number}", quantity=3))
        world.fates.clear()

    return Step(f"commit {number} of an order cannot be flushed", story)


def _killed_and_cut_off(world: SimWorld) -> None:
    """What could not be flushed is seen by the next process, and is gone with what follows once the power is lost."""
    assert isinstance(world.stored, InSqlite)
    for number in range(_IMAGES):
        world.stored.choose(number)
        _flush_fails(1 + number % 2).run(world)
        world.crash()
        world.boot()
        world.trade(Trade(client_order_id=f"after-{number}", quantity=4 + number))
        world.crash(power_loss=True)
        world.boot()
        if world.bot is None:
            raise BrokenInvariantError("I12 the journal cannot be read after a power loss")


def _dies_in_a_commit(world: SimWorld) -> None:
    for statement in range(1, _STATEMENTS_OF_A_COMMIT):
        world.life.die_in(statement)
        world.trade(Trade(client_order_id=f"cut-{statement}", quantity=statement))
        world.crash()
        world.boot()
        if world.bot is None:
            raise BrokenInvariantError("I12 the journal cannot be read after a death in a commit")


def _awaits_approval(world: SimWorld) -> None:
    """An entry that its owner never approves does not wait for ever: its price gets old."""
    world.trade(Trade(client_order_id="unapproved", quantity=3))
    (order,) = world.orders_at_broker("unapproved")
    order.awaits_approval = True
    for _ in range(3):
        world.wait(61)
        world.sync()
    if order.is_open:
        raise BrokenInvariantError("L1 an entry that awaits approval still waits, minutes later")


def _released(world: SimWorld) -> None:
    world.move_by_hand("MSFT", 5)
    for _ in range(3):
        world.wait(301)
        world.sync()
    world.move_by_hand("MSFT", -5)


ROOM_SCHEDULES: Mapping[str, Sequence[Step]] = {
    "a second writer is not fenced": [Step("the lease is taken over", _lease_taken_over)],
    "a commit of unknown outcome is taken for failed": [_flush_fails(2), _flush_fails(3)],
    "a log that was not flushed is believed": [Step("no flush, a death, a power loss", _killed_and_cut_off)],
    "a commit is made in parts": [Step("deaths in a commit", _dies_in_a_commit)],
    "an approval is taken for working": [Step("an entry that nobody approves", _awaits_approval)],
}
