"""The checks on trial, where no bug that is planted in the bot would show what they have to see."""

from dataclasses import replace

import pytest

from tests.support.broker_stand_in import Act, Route
from tests.support.sim_checks.liveness import l1_settles
from tests.support.sim_checks.register import i8_lifecycle
from tests.support.sim_checks.view import View
from tests.support.sim_invariants import BrokenInvariantError, Invariants
from tests.support.sim_journal import InMemory
from tests.support.sim_limits import CODES, LIMITED, Account, leaving, over_limits
from tests.support.sim_world import CLOSE, MORNING, SimWorld
from trading_bot.bot import TradeStatus
from trading_bot.config.risk_settings import RiskManagementConfig
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import OrderState
from trading_bot.values import replace as replace_record


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


def test_a_buy_is_held_against_the_limits_by_what_the_broker_has(tmp_path):
    """An order that the journal does not know counts as well."""
    world = SimWorld(tmp_path, limits={"max_open_orders": 1}).started()
    form = {"ref_id": f"{OUR_MARK}-0000-4000-8000-000000000001", "symbol": "MSFT", "side": "buy", "quantity": "1"}
    book = world.broker.book
    asked = {**form, "price": "99.00", "time_in_force": "gfd", "account": book.account, "market_hours": "regular_hours"}
    invariants = Invariants(world)
    invariants.check()
    order = book.take(asked, now=world.clock.now(), expires_at=CLOSE)
    world.trade()
    book.orders.remove(order)
    with pytest.raises(BrokenInvariantError, match=r"I6 .* was sent over a limit: max_open_orders"):
        invariants.check()


def test_every_limit_that_some_life_has_is_one_that_the_checker_can_count():
    order = leaving({"ref_id": "r", "symbol": "AAPL", "side": "buy", "quantity": "3", "price": "100"}, MORNING)
    nothing = Account(now=MORNING, others=())
    told = [name for limits in LIMITED for name in limits if not any(over_limits({name: 0}, nothing, order))]
    assert told == []
    assert RiskManagementConfig.model_fields.keys() >= CODES


def test_a_cancel_that_never_reached_the_broker_during_a_kill_breaks_a_promise(world):
    world.trade()
    invariants = Invariants(world)
    invariants.check()
    world.kill()
    asked = world._cancelling(lambda _bot: (), lambda _held: True)
    assert asked == ()
    with pytest.raises(BrokenInvariantError, match="I3 after the kill, no cancel of"):
        invariants.check()


def test_a_halt_that_nothing_has_given_a_reason_for_breaks_a_promise_whatever_its_words(world):
    assert world.bot is not None
    world.bot.manager.halt_entries_while(lambda: "any words at all")
    world.settle()
    view = View(world)
    view.refresh()
    assert list(l1_settles(view)) == ["L1 trading is halted (nobody_follows): any words at all"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (OrderState.CONFIRMED, OrderState.QUEUED),
        (OrderState.PARTIALLY_FILLED, OrderState.CONFIRMED),
        (OrderState.NOT_SENT, OrderState.CONFIRMED),
        (OrderState.PENDING_CANCEL, OrderState.CONFIRMED),
    ],
)
def test_a_change_of_state_that_the_table_does_not_have_breaks_a_promise(before, after, world):
    view = View(world)
    world.trade()
    view.refresh()
    ours = next(one for one in view.records if one.fact.event is EventKind.ORDER_ACCEPTED)
    view.memory.states[str(ours.fact.client_order_id)] = before
    view.fresh = (replace_record(ours, fact=replace_record(ours.fact, event=EventKind.ORDER_UPDATED, status=after)),)
    assert any(problem.startswith("I8 ") for problem in i8_lifecycle(view))
