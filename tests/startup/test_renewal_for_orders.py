"""A live bot whose session the broker refuses: what waits for a renewal, and how long."""

from collections.abc import Callable, Mapping
from contextlib import suppress

import pytest

from tests.faults.steps import FaultBench, replace_order
from tests.support.broker_stand_in import Act, Route
from tests.support.sim_world import SimWorld
from trading_bot.config import PaperWire
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.models import ExecutionMode, Side

ORDERS: Mapping[str, Callable[[SimWorld], object]] = {
    "order": lambda world: world.trade(client_order_id="c3", symbol="KO"),
    "sell": lambda world: world.trade(client_order_id="c3", symbol="AAPL", side=Side.SELL),
    "exit": lambda world: world.exit("AAPL", 50),
    "cancel": lambda world: world.cancel(),
    "cancel of all": lambda world: world.cancel_all(),
    "replace": replace_order,
}


def refused(folder, wire: PaperWire) -> FaultBench:
    """A bot whose session has ended, and whose renewals have failed until reads wait for minutes."""
    bench = FaultBench(folder, "CAN", mode=ExecutionMode.LIVE, wire=wire)
    world = bench.world
    for route in Route:
        world.broker.standing[route] = Act.E503_BEFORE if route is Route.LOGIN else Act.UNAUTHORIZED
    world.wait(3600)
    for _ in range(3 if wire is PaperWire.PRIVATE else 1):
        world.sync()
        world.wait(31)
    return bench


def renewals(world: SimWorld) -> int:
    return sum(request.route is Route.LOGIN for request in world.broker.seen)


@pytest.mark.parametrize("wire", PaperWire)
@pytest.mark.parametrize("order", ORDERS)
def test_an_order_has_a_renewal_sooner_than_a_read(order, wire, tmp_path):
    world = refused(tmp_path, wire).world
    before = renewals(world)
    world.sync()
    world.status()
    assert renewals(world) == before, "what reads in the background waits for minutes"
    with suppress(OrderError):
        ORDERS[order](world)
    assert renewals(world) == before + 1
