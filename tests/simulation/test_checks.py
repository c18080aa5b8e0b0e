"""The checks on trial, where no bug that is planted in the bot would show what they have to see."""

from dataclasses import replace

import pytest

from tests.support.broker_stand_in import Act, Route
from tests.support.sim_invariants import BrokenInvariantError, Invariants
from tests.support.sim_journal import InMemory
from tests.support.sim_world import SimWorld
from trading_bot.bot import TradeStatus


@pytest.fixture
def world(tmp_path) -> SimWorld:
    return SimWorld(tmp_path).started()


def test_a_journal_that_is_lost_as_a_whole_breaks_a_promise(world):
    """Without a record there is nothing else to judge, and this must not hide the loss."""
    invariants = Invariants(world)
    invariants.check()
    assert isinstance(world.stored, InMemory)
    world.stored.storage.records.clear()
    world.stored.storage.standing.clear()
    world.crash()
    with pytest.raises(BrokenInvariantError, match="I12 a committed record was altered or lost"):
        invariants.check()


@pytest.mark.parametrize("status", [TradeStatus.REJECTED, TradeStatus.NOT_SENT, TradeStatus.BLOCKED])
def test_an_answer_that_denies_an_order_which_is_there_breaks_a_promise(status, world):
    world.trade()
    told = world.answers.pop()
    world.answers.append(replace(told, result=replace(told.result, status=status)))
    with pytest.raises(BrokenInvariantError, match=f"I9 c1 was answered {status} and exists at the broker"):
        Invariants(world).check()


def test_an_answer_without_its_order_is_judged_by_the_name_that_was_asked_for(world):
    world.trade()
    told = world.answers.pop()
    world.answers.append(replace(told, result=replace(told.result, status=TradeStatus.NOT_SENT, envelope=None)))
    with pytest.raises(BrokenInvariantError, match="I9 c1 was answered"):
        Invariants(world).check()


def test_an_answer_stays_true_of_an_order_that_was_sent_later_by_who_died_over_it(world):
    world.broker.acts[Route.SUBMIT].extend([Act.REFUSED] * 5)
    assert world.trade().status is TradeStatus.NOT_SENT
    world.broker.calm_down()
    world.broker.meanwhile = lambda _request: world.life.die_in(1)
    assert world.trade() is None
    assert len(world.orders_at_broker()) == 1
    Invariants(world).check()


def test_what_one_symbol_reserves_covers_no_order_of_another(world):
    world.trade(symbol="AAPL")
    world.trade(client_order_id="c2", symbol="MSFT", quantity=1)
    world.order("c1").quantity, world.order("c2").quantity = 1, 5
    with pytest.raises(BrokenInvariantError, match="I6 buys of MSFT"):
        Invariants(world).check()


def test_a_call_that_no_bound_is_known_of_is_an_error(world):
    world.took.append(("a new call", 0.0))
    with pytest.raises(KeyError):
        Invariants(world).check()
