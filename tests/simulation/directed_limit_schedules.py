"""Schedules written by hand for the bugs of `planted_limit_bugs`, and the limits that they are lived under."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from tests.support.broker_stand_in import Act, CancelMode, Route
from tests.support.sim_limits import Limits
from tests.support.sim_steps import Step
from tests.support.sim_world import SimWorld, Trade


def _bought(world: SimWorld, name: str, symbol: str = "AAPL", quantity: int = 5) -> None:
    world.trade(Trade(client_order_id=name, symbol=symbol, quantity=quantity))


def _filled(world: SimWorld, name: str) -> None:
    for order in world.orders_at_broker(name):
        world.broker.book.fill(order, order.remaining, world.clock.now())


def _doubts(world: SimWorld) -> None:
    """More orders in doubt than may be open, each in a symbol of its own."""
    for symbol in ("AAPL", "MSFT", "BRK.B"):
        world.broker.acts[Route.SUBMIT].append(Act.REPLY_LOST)
        world.broker.acts[Route.LIST].extend([Act.E500_BEFORE] * 12)
        _bought(world, f"doubted-{symbol}", symbol, 3)
        world.broker.acts.clear()


def _bought_again_at_once(world: SimWorld) -> None:
    """More is bought before the next look at the positions shows what came first."""
    world.wait(31)
    world.sync()
    _bought(world, "first")
    _filled(world, "first")
    world.status("first")
    world.wait(11)
    world.trade(Trade(client_order_id="second", quantity=5, reference=Decimal("99.90")))


def _one_after_another(world: SimWorld) -> None:
    for symbol in ("AAPL", "MSFT", "BRK.B"):
        world.wait(31)
        _bought(world, f"ended-{symbol}", symbol, 3)
        _filled(world, f"ended-{symbol}")
        world.sync()


def _shown_as_it_was(world: SimWorld) -> None:
    _bought(world, "moved-on")
    for order in world.orders_at_broker("moved-on"):
        world.broker.book.confirm(order, world.clock.now())
    world.sync()
    world.broker.acts[Route.LIST].append(Act.STALE)
    world.broker.acts[Route.READ].append(Act.STALE)
    world.sync()


def _cancelled_after_a_kill(world: SimWorld) -> None:
    _bought(world, "still-open")
    world.kill()
    world.cancel("still-open")
    world.arm()


def _flattened(world: SimWorld) -> None:
    """Only a person ends what a flatten halts, so nothing else may stand behind it."""
    world.broker.cancels = CancelMode.AT_ONCE
    world.cancel_all()
    world.flatten()


LIMIT_SCHEDULES: Mapping[str, Sequence[Step]] = {
    "orders in doubt fill no limit": [Step("three orders in doubt", _doubts)],
    "the limit of an order is held against one share": [
        Step("a large order", lambda world: _bought(world, "large", quantity=10))
    ],
    "held shares count in no position": [Step("bought, and bought again at once", _bought_again_at_once)],
    "an order that has ended is no trade of the day": [Step("three orders that fill", _one_after_another)],
    "an entry in doubt is none of the last minute": [Step("three orders in doubt", _doubts)],
    "a limit shuts the way out": [
        Step("a large sell", lambda world: world.trade(Trade(client_order_id="large", side="sell", quantity=10)))
    ],
    "a minute lasts a day": [Step("three orders that fill", _one_after_another)],
    "a report that lags moves an order back": [Step("a replica shows an order as it was", _shown_as_it_was)],
    "a kill stops the cancel of one order": [Step("a kill, and a cancel", _cancelled_after_a_kill)],
    "a cancel of everything never ends": [Step("everything is cancelled and left", _flattened)],
}
"""By the bug that each of them finds."""

LIMITED_SCHEDULES: Mapping[str, Limits] = {
    "orders in doubt fill no limit": {"max_open_orders": 2},
    "the limit of an order is held against one share": {"max_order_notional": 600},
    "held shares count in no position": {"max_position_notional": 10_700},
    "an order that has ended is no trade of the day": {"max_trades_per_day": 3},
    "an entry in doubt is none of the last minute": {"max_entries_per_minute": 2},
    "a limit shuts the way out": {"max_order_notional": 600},
    "a minute lasts a day": {"max_entries_per_minute": 2},
}
"""The limits of those that have any."""
