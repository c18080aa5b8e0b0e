"""Schedules written by hand for the bugs of `planted_lasting_bugs`, as those of `directed_schedules` are."""

from collections.abc import Mapping, Sequence

from tests.support.broker_stand_in import Act, Route
from tests.support.odd_rows import SPOILT
from tests.support.sim_steps import Step
from tests.support.sim_world import SimWorld, Trade

_SYNC = Step("sync", lambda world: world.sync())


def _wait(seconds: float) -> Step:
    return Step(f"wait {seconds:.0f}", lambda world: world.wait(seconds))


def _refused(world: SimWorld) -> None:
    world.broker.acts[Route.SUBMIT].append(Act.FORBIDDEN)
    world.trade(Trade(client_order_id="forbidden", symbol="MSFT", quantity=3))


def _redirected(world: SimWorld) -> None:
    world.broker.acts[Route.SUBMIT].append(Act.REDIRECT)
    world.trade(Trade(client_order_id="redirected", quantity=3))


def _come_and_go(world: SimWorld) -> None:
    for shares in (5, -5):
        world.move_by_hand("MSFT", shares)
        for _ in range(2):
            world.wait(61)
            world.sync()


def _come_and_stay(world: SimWorld) -> None:
    world.move_by_hand("MSFT", 5)
    world.wait(61)
    world.sync()


def _unreadable_for_a_minute(world: SimWorld) -> None:
    book = world.broker.book
    book.spoilt_positions = {"MSFT": dict(SPOILT["no quantity"])}
    world.restart()
    world.sync()
    book.spoilt_positions.clear()


def _killed_and_powerless(world: SimWorld) -> None:
    for _ in range(2):  # what marks a first kill is flushed too, and its flush would be enough
        world.arm()
        world.kill()
    world.crash(power_loss=True)
    world.boot()
    world.trade(Trade(client_order_id="after-the-kill", quantity=3))


LASTING_SCHEDULES: Mapping[str, Sequence[Step]] = {
    "a freeze after a refusal never ends": [Step("an order is forbidden", _refused), _wait(301), _SYNC],
    "a freeze outlasts what it was for": [Step("shares come and go", _come_and_go), _wait(61), _SYNC],
    "positions are read once a day": [Step("a position cannot be read", _unreadable_for_a_minute), _wait(61), _SYNC],
    "a difference in one symbol holds another's shares": [Step("shares come by hand", _come_and_stay)],
    "a kill is not flushed": [Step("a kill, then no power, then an order", _killed_and_powerless)],
    "a redirect is followed": [Step("a submit is redirected", _redirected)],
}
"""By the bug that each of them finds."""
