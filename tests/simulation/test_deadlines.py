"""Promises about time for which chance alone would be too slow a test."""

import pytest

from tests.support.broker_stand_in import Act, Route
from tests.support.sim_invariants import SUBMIT_DEADLINE_S
from tests.support.sim_world import SimWorld
from trading_bot.order_management.models import ExecutionMode


@pytest.mark.parametrize("mode", ExecutionMode)
def test_a_submit_ends_by_its_deadline_although_the_session_has_to_be_renewed(mode, tmp_path):
    """The reply is lost, the session ends at the look-up, and the broker is silent when asked for a new one."""
    world = SimWorld(tmp_path, mode=mode).started()
    world.broker.acts[Route.SUBMIT].append(Act.REPLY_LOST)
    world.broker.acts[Route.LIST].append(Act.UNAUTHORIZED)
    world.broker.acts[Route.LOGIN].append(Act.REQUEST_LOST)
    world.trade()
    since_intent = world.answers[-1].since_intent
    assert since_intent is not None
    assert since_intent <= SUBMIT_DEADLINE_S
