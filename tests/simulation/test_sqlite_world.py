"""The faults below a simulated account's database are what their names say."""

import pytest

from tests.support.sim_journal import Fate
from tests.support.sim_world import SimWorld
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.journal.port import CommitUnknownError


def with_failed_intent(folder, fate: Fate) -> SimWorld:
    world = SimWorld(folder, in_memory=False).started()
    world.fates = [fate]
    world.trade()
    assert world.store is not None
    assert isinstance(world.store.failure, CommitUnknownError)
    assert not is_intended(world), "nobody sees a commit that failed while its process lives"
    assert world.side.refused() == {"c1"}
    return world


def is_intended(world: SimWorld) -> bool:
    return any(record.fact.event is EventKind.ORDER_INTENDED for record in world.records())


@pytest.mark.parametrize(
    ("fate", "comes_back"),
    [(Fate.UNKNOWN_STORED, True), (Fate.UNKNOWN_LOST, False), (Fate.REFUSED, False)],
    ids=str,
)
def test_a_commit_whose_flush_failed_comes_back_after_a_death_and_no_other_does(fate, comes_back, tmp_path):
    world = with_failed_intent(tmp_path, fate)
    world.crash()
    assert is_intended(world) == comes_back
    world.started()
    assert world.side.refused() == set()
    told = [record.fact.event for record in world.records()]
    assert (EventKind.ORDER_NOT_SENT in told) == comes_back
    assert world.posts == []


def test_a_power_loss_leaves_what_was_flushed_whatever_becomes_of_the_rest(tmp_path):
    outcomes = set()
    for number in range(12):
        world = with_failed_intent(tmp_path / f"{number}", Fate.UNKNOWN_STORED)
        world.stored.choose(number)  # type: ignore[attr-defined]  # the one in SQLite
        before = world.records()
        world.crash(power_loss=True)
        assert world.records()[: len(before)] == before
        outcomes.add(is_intended(world))
    assert outcomes == {True, False}
