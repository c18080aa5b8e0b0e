"""Schedules written by hand, for bugs that take more coincidences than chance brings about soon.

The bot itself lives through each of them without breaking a promise.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tests.simulation.directed_lasting_schedules import LASTING_SCHEDULES
from tests.simulation.directed_limit_schedules import LIMIT_SCHEDULES, LIMITED_SCHEDULES
from tests.simulation.directed_room_schedules import ROOM_SCHEDULES
from tests.simulation.planted_database_bugs import DATABASE
from tests.support.broker_stand_in import Act, RefIdMode, Request, Route
from tests.support.odd_rows import odd_order
from tests.support.sim_invariants import BrokenInvariantError
from tests.support.sim_journal import Fate
from tests.support.sim_schedule import Setting
from tests.support.sim_steps import Step
from tests.support.sim_world import CLOSE, SimWorld, Trade
from tests.support.stand_in_book import PLENTY
from trading_bot.config import PaperWire
from trading_bot.order_management.models import ExecutionMode

_A_SECOND_EXIT_WAITS_S = 0.5
"""Real seconds for which the first exit of two gives the second one time to do harm."""


def _doubted(world: SimWorld) -> None:
    world.broker.acts[Route.SUBMIT].append(Act.REPLY_LOST)
    world.broker.acts[Route.LIST].extend([Act.E500_BEFORE] * 12)
    world.trade(Trade(client_order_id="doubted", quantity=3))
    world.broker.acts[Route.LIST].clear()


def _until_after_the_close(world: SimWorld) -> None:
    for _ in range(3):
        world.wait(61)
        world.sync()
    world.wait((CLOSE - world.clock.now()).total_seconds() + 120)
    for _ in range(3):
        world.sync()
        world.wait(61)


def _listed_as(act: Act) -> Step:
    """What the list says of an order in doubt lasts until its session has ended."""

    def story(world: SimWorld) -> None:
        _doubted(world)
        world.broker.standing[Route.LIST] = act
        _until_after_the_close(world)

    return Step(f"an order in doubt, and lists that are {act} until after the close", story)


def _sold_and_shown_again(world: SimWorld) -> None:
    sale = Trade(client_order_id="first", side="sell", quantity=60)
    world.trade(sale)
    for order in world.orders_at_broker("first"):
        world.broker.book.fill(order, 60, world.clock.now())
    world.sync()
    world.broker.acts[Route.POSITIONS].extend([Act.STALE] * 4)
    world.wait(10)
    world.trade(replace(sale, client_order_id="second"))


def _two_exits_at_once(world: SimWorld) -> None:
    others: list[threading.Thread] = []

    def again(request: Request) -> None:
        if request.route is not Route.SUBMIT or others:
            return
        other = threading.Thread(target=lambda: world.exit("AAPL"), daemon=True)
        others.append(other)
        other.start()
        other.join(_A_SECOND_EXIT_WAITS_S)

    world.broker.meanwhile = again
    world.exit("AAPL")
    world.broker.meanwhile = lambda request: None
    for other in others:
        other.join()


def _odd_row_in(symbol: str) -> Step:
    def show(world: SimWorld) -> None:
        book = world.broker.book
        row = odd_order("an order for dollars", 1, symbol, account=book.account, now=world.clock.now())
        book.strange_orders.append({**row, "side": "sell"})
        world.odd_symbols.add(symbol)

    return Step(f"a sell for dollars of {symbol} is open", show)


def _exit_while_frozen(world: SimWorld) -> None:
    world.move_by_hand("MSFT", 5)
    for _ in range(3):
        world.wait(301)
        world.sync()


def _late_and_asked_again(world: SimWorld) -> None:
    trade = Trade(client_order_id="late", side="sell", quantity=3)
    world.broker.ref_ids = RefIdMode.ACCEPT_AGAIN
    world.broker.acts[Route.SUBMIT].append(Act.LATE)
    world.trade(trade)
    world.trade(trade)
    world.wait(180)
    world.sync()


def _not_sent_and_asked_again(world: SimWorld) -> None:
    trade = Trade(client_order_id="unsent", quantity=3)
    world.broker.acts[Route.SUBMIT].extend([Act.REFUSED] * 3)
    world.trade(trade)
    world.broker.acts[Route.SUBMIT].clear()
    world.trade(trade)


def _shares_come_by_hand(world: SimWorld) -> None:
    world.move_by_hand("MSFT", 3)
    for _ in range(2):
        world.wait(301)
        world.sync()


def _money_for_one_of_two(world: SimWorld) -> None:
    """The second is asked for on balances that were read before the first."""
    world.wait(61)
    world.sync()
    book = world.broker.book
    book.cash_at_first -= book.cash - book.set_aside - 1500
    for name, symbol in (("first", "AAPL"), ("second", "MSFT")):
        world.trade(Trade(client_order_id=name, symbol=symbol, quantity=10))


def _money_comes_in(world: SimWorld) -> None:
    world.broker.book.cash_at_first = PLENTY


def _protected(world: SimWorld) -> None:
    """A stop whose reply was lost stands through a cancel of everything, a death and a buy, until it is reached."""
    world.broker.acts[Route.SUBMIT].append(Act.REPLY_LOST)
    world.protect("AAPL", 40, name="stop")
    world.trade(Trade(client_order_id="entry", quantity=3))
    world.cancel_all()
    world.crash()
    world.boot()
    world.sync()
    world.protect("AAPL", 40, name="stop")
    (stop,) = world.orders_at_broker("stop")
    if not stop.waits_for_stop or not stop.is_open:
        raise BrokenInvariantError(f"P2 the stop is {stop.state}, and nobody asked for its cancel or reached it")
    world.broker.book.reach_stop(stop, world.clock.now())
    world.broker.book.fill(stop, 40, world.clock.now())
    world.sync()


_PROTECTED = Step("a stop, a cancel of everything, a death", _protected)


def _end_of_life(*, power_loss: bool) -> Step:
    def end(world: SimWorld) -> None:
        world.crash(power_loss=power_loss)
        world.boot()

    return Step("power loss" if power_loss else "death", end)


def _commit_lost(number: int) -> Step:
    """The order's ``number``-th commit fails; what it held is kept aside."""

    def story(world: SimWorld) -> None:
        world.fates = [*[Fate.STORED] * (number - 1), Fate.UNKNOWN_LOST]
        world.trade(Trade(client_order_id="aside", quantity=3))
        world.fates.clear()

    return Step(f"commit {number} of an order is lost", story)


_TRADED = Step("an order", lambda world: world.trade(Trade(client_order_id="lasting", quantity=3)))
_POWER_LOST, _DEATH = _end_of_life(power_loss=True), _end_of_life(power_loss=False)


DIRECTED: Mapping[str, Sequence[Step]] = {
    "differences do not stand": [Step("shares come by hand", _shares_come_by_hand)],
    "one odd row stops another symbol": [_odd_row_in("MSFT")],
    "a freeze shuts the way out": [Step("shares come by hand and stay", _exit_while_frozen)],
    "a row without a name is taken for somebody else's": [_listed_as(Act.NAMELESS)],
    "absence is proven without a positive control": [_listed_as(Act.NO_ROWS)],
    "a look that lags lets sold shares be sold again": [Step("sold, and shown as held again", _sold_and_shown_again)],
    "a second exit is not joined": [Step("two exits of AAPL at once", _two_exits_at_once)],
    "another try gets another ref_id": [Step("not sent, and asked for again", _not_sent_and_asked_again)],
    "the database is not flushed": [_TRADED, _POWER_LOST, _TRADED, _POWER_LOST],
    "side lines are not flushed": [_commit_lost(2), _POWER_LOST],
    "side files are removed before they are taken over": [_commit_lost(2), _POWER_LOST],
    "what was kept aside does not stand once it is taken over": [_commit_lost(2), _DEATH],
    "the audit log is written before the commit": [_commit_lost(1), _DEATH, _TRADED],
    "a stale snapshot lets an order out": [
        Step("money for one of two orders", _money_for_one_of_two),
        Step("money comes in", _money_comes_in),
    ],
    "a stop goes out without its stop": [_PROTECTED],
    "a cancel of everything takes the stops": [_PROTECTED],
    "a restart forgets what an order waits for": [_PROTECTED],
    "an order in doubt is asked for anew": [Step("late, and asked for again at once", _late_and_asked_again)],
    **LASTING_SCHEDULES,
    **LIMIT_SCHEDULES,
    **ROOM_SCHEDULES,
}
"""By the bug that each of them finds."""

IN_SQLITE = frozenset(DATABASE) | {
    "a commit of unknown outcome is taken for failed",
    "a log that was not flushed is believed",
    "a commit is made in parts",
}
"""Schedules whose journal is in SQLite, and whose side files are files: nothing else shows their bugs."""
BY_AGENT = frozenset({"an approval is taken for working"})
"""Schedules over the agent interface."""


def setting_for(bug: str, mode: ExecutionMode = ExecutionMode.PAPER) -> Setting:
    wire = PaperWire.AGENT if bug in BY_AGENT else PaperWire.PRIVATE
    limits = LIMITED_SCHEDULES.get(bug, {})
    return Setting(mode=mode, in_memory=bug not in IN_SQLITE, wire=wire, limits=limits)
