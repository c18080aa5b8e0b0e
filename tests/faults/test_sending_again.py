"""An order in doubt is sent again to a broker that makes one order of one ``ref_id``; the broker's own book tells."""

from datetime import timedelta

import pytest

from tests.support.broker_stand_in import Act, RefIdMode, Route
from tests.support.sim_invariants import Invariants
from tests.support.sim_world import SimWorld
from trading_bot.bot import TradeResult, TradeStatus
from trading_bot.order_management.models import OrderState

DEDUPING = [RefIdMode.CONFLICT, RefIdMode.BAD_REQUEST, RefIdMode.FIRST_ORDER]
UNKNOWN = [
    Act.HALF_WRITTEN,
    Act.REQUEST_LOST,
    Act.RESET_BEFORE_ACTING,
    Act.REPLY_LOST,
    Act.RESET_AFTER_ACTING,
    Act.E500_BEFORE,
    Act.E502_AFTER,
    Act.TRUNCATED,
    Act.FOREIGN_ORDER,
    Act.LATE,
]
REFUSALS = [Act.BAD_400, Act.UNPROCESSABLE, Act.FORBIDDEN, Act.NOT_FOUND, Act.THROTTLED, Act.UNAUTHORIZED, Act.DNS]


def world_at(folder, mode: RefIdMode, *, says_it_dedupes: bool = True) -> SimWorld:
    """A started bot; a request is given up soon enough to be sent again within the life of an intent."""
    settings: dict[str, object] = {"broker_dedupes_ref_id": says_it_dedupes, "request_timeout_s": 2}
    world = SimWorld(folder, order_management=settings).started()
    world.broker.ref_ids = mode
    return world


def traded(world: SimWorld, *acts: Act, blind: bool) -> TradeResult:
    """Trade once; a ``blind`` broker lists nothing meanwhile."""
    world.broker.acts[Route.SUBMIT].extend(acts)
    if blind:
        world.broker.standing[Route.LIST] = Act.E503_BEFORE
    result = world.trade()
    assert result is not None
    Invariants(world).check()
    return result


def settled(world: SimWorld) -> OrderState:
    """Let the faults end and both sides agree; return what became of the order."""
    world.settle()
    Invariants(world).check_settled()
    order = world.book_on_disk().get("c1")  # type: ignore[arg-type]  # the journal knows it by this name
    assert order is not None
    return order.state


@pytest.mark.parametrize("act", UNKNOWN)
@pytest.mark.parametrize("mode", DEDUPING)
@pytest.mark.parametrize("blind", [True, False])
def test_what_is_sent_again_is_one_order_at_the_broker(mode, act, blind, tmp_path):
    world = world_at(tmp_path, mode)
    result = traded(world, act, blind=blind)
    assert result.status in {TradeStatus.SUBMITTED, TradeStatus.UNKNOWN}
    assert len({str(sorted(post.request.form.items())) for post in world.posts}) == 1, "the same bytes"
    assert settled(world).is_working
    assert len(world.orders_at_broker()) == 1
    assert len(world.posts) <= 3


@pytest.mark.parametrize("act", [Act.E500_BEFORE, Act.REQUEST_LOST, Act.HALF_WRITTEN])
@pytest.mark.parametrize("mode", DEDUPING)
def test_an_order_that_never_arrived_is_placed_by_the_second_request(mode, act, tmp_path):
    world = world_at(tmp_path, mode)
    assert traded(world, act, blind=True).status is TradeStatus.SUBMITTED
    assert (len(world.posts), len(world.orders_at_broker())) == (2, 1)


@pytest.mark.parametrize("late_by_s", [1, 120])
@pytest.mark.parametrize("mode", DEDUPING)
def test_a_first_request_that_arrives_after_the_second_makes_no_second_order(mode, late_by_s, tmp_path):
    world = world_at(tmp_path, mode)
    world.broker.late_by = timedelta(seconds=late_by_s)
    traded(world, Act.LATE, blind=True)
    world.wait(300)
    assert settled(world).is_working
    assert len(world.orders_at_broker()) == 1


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("first", [Act.RESET_AFTER_ACTING, Act.LATE])
def test_a_second_request_that_is_refused_leaves_an_order_that_is_found(first, refusal, tmp_path):
    world = world_at(tmp_path, RefIdMode.CONFLICT)
    assert traded(world, first, *[refusal] * 4, blind=True).status is TradeStatus.UNKNOWN
    assert settled(world).is_working
    assert len(world.orders_at_broker()) == 1


@pytest.mark.parametrize("act", UNKNOWN)
@pytest.mark.parametrize("blind", [True, False])
def test_without_the_setting_the_worst_broker_gets_one_request(act, blind, tmp_path):
    world = world_at(tmp_path, RefIdMode.ACCEPT_AGAIN, says_it_dedupes=False)
    traded(world, act, blind=blind)
    assert len(world.posts) == 1
    world.settle()
    assert (len(world.posts), len(world.orders_at_broker()) <= 1) == (1, True)
