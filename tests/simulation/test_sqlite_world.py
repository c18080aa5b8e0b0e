"""The faults below a simulated account's database are what their names say."""

import pytest

from tests.support.broker_stand_in import Act, Route
from tests.support.sim_checks.journal import i12_memory
from tests.support.sim_checks.view import View
from tests.support.sim_journal import Fate
from tests.support.sim_world import SimWorld
from trading_bot.bot import TradeStatus
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.journal.port import CommitUnknownError
from trading_bot.order_management.models import OrderState


def with_failed_intent(folder, fate: Fate) -> SimWorld:
    world = SimWorld(folder, in_memory=False).started()
    world.fates = [fate]
    world.trade()
    assert world.store is not None
    assert isinstance(world.store.failure, CommitUnknownError)
    assert not is_intended(world), "nobody sees a commit that failed while its process lives"
    assert world.side.refused().keys() == {"c1"}
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
    assert world.side.refused() == {}
    told = [record.fact.event for record in world.records()]
    assert (EventKind.ORDER_NOT_SENT in told) == comes_back
    assert world.posts == []


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("fate", [Fate.UNKNOWN_STORED, Fate.UNKNOWN_LOST, Fate.REFUSED], ids=str)
def test_an_order_that_was_not_sent_is_known_while_a_new_intent_of_its_name_is_refused(fate, in_memory, tmp_path):
    world = SimWorld(tmp_path, in_memory=in_memory).started()
    world.broker.acts[Route.SUBMIT].extend([Act.DNS] * 9)
    answer = world.trade()
    assert answer is not None
    assert answer.status is TradeStatus.NOT_SENT
    world.broker.acts.clear()
    world.fates = [fate]
    world.trade()
    view = View(world)
    view.refresh()
    assert [order.state for order in view.known.orders() if order.client_order_id == "c1"] == [OrderState.NOT_SENT]
    assert list(i12_memory(view)) == []


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
