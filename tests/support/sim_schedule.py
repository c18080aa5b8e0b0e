"""Random schedules: steps are data, made from a seed alone, so that a failing one can be repeated and made smaller.

An own loop instead of hypothesis' state machines: the planted bugs are counted in schedules, a schedule costs a few
milliseconds, restarts and crashes belong to the steps, and a failure is shrunk by leaving steps out.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from tests.support.broker_stand_in import Act, CancelMode, RefIdMode, Request, Route
from tests.support.sim_invariants import BrokenInvariantError, Invariants
from tests.support.sim_world import CLOSE, SETTLED, SimWorld, Trade
from tests.support.stand_in_book import INSTRUMENTS, HeldOrder

SYMBOLS = tuple(INSTRUMENTS)
_LAST_MOMENT = CLOSE - timedelta(minutes=30)
"""Random steps end before the session does: what lives longer than its session is no broker's doing."""

_UNTRUE = {Act.CONFLICT, Act.REF_ID_400, Act.THROTTLED_AFTER}
"""The broker's word for "I have it" or "I did nothing" is the one thing that is believed."""

_HALTING = {Act.TLS, Act.REDIRECT, Act.FORBIDDEN, Act.NOT_FOUND}
"""Each of these takes a symbol or the whole account out of the rest of the schedule, so they are rare."""

_SUBMIT_ACTS = [act for act in Act if act not in _UNTRUE for _ in range(1 if act in _HALTING else 3)]
_READ_ACTS = [act for act in Act if act not in {*_UNTRUE, Act.LATE, Act.TLS, Act.REDIRECT}]


PLAIN: Mapping[str, object] = {}
SENDING_AGAIN: Mapping[str, object] = {"broker_dedupes_ref_id": True, "request_timeout_s": 2}
"""Settings under which an order in doubt is sent again; a request that hangs leaves time for it."""


@dataclass(frozen=True)
class Step:
    """One thing that happens; ``run`` does it."""

    name: str
    run: Callable[[SimWorld], object]

    def __repr__(self) -> str:
        return self.name


def steps_of(seed: int, count: int = 18) -> list[Step]:
    """Return the steps of one schedule."""
    chance = random.Random(seed)
    makers, weights = zip(*_MAKERS, strict=True)
    return [chance.choices(makers, weights)[0](chance) for _ in range(count)]


def run(folder: Path, steps: Sequence[Step], order_management: Mapping[str, object] = PLAIN) -> SimWorld:
    """Live through the steps, checking after each, then let everything settle and check that it has.

    A broker that the settings say deduplicates does.

    Raises:
        BrokenInvariantError: naming the step after which it was found.
    """
    world = SimWorld(folder, order_management=dict(order_management))
    invariants = Invariants(world)
    world.boot()
    for number, step in enumerate(steps):
        step.run(world)
        world.broker.pass_time()
        _check(invariants.check, steps[: number + 1])
    world.settle()
    _check(invariants.check_settled, steps)
    _after_the_close(world)
    _check(invariants.check_settled, [*steps, "the close"])
    world.stop()
    return world


def shrunk(steps: Sequence[Step], fails: Callable[[Sequence[Step]], bool]) -> list[Step]:
    """Leave out what the failure does not need."""
    kept = list(steps)
    for index in reversed(range(len(kept))):
        without = kept[:index] + kept[index + 1 :]
        if fails(without):
            kept = without
    return kept


def _check(check: Callable[[], None], done: Sequence[object]) -> None:
    try:
        check()
    except BrokenInvariantError as error:
        raise BrokenInvariantError(f"{error}\nafter {list(done)}") from None


def _after_the_close(world: SimWorld) -> None:
    world.wait((SETTLED - world.clock.now()).total_seconds())
    world.sync()
    world.wait(61)
    world.sync()


def _trade(chance: random.Random) -> Step:
    number = chance.randrange(10)
    usual = random.Random(number)  # the same name asks for the same order, as a caller that tries again does
    terms = chance if chance.random() < 0.1 else usual
    trade = Trade(
        client_order_id=f"c{number}",
        symbol=terms.choice(SYMBOLS),
        side=terms.choice(["buy", "buy", "sell"]),
        quantity=terms.choice([1, 5, 10]),
        reference=Decimal(terms.choice(["100", "100.37", "0.8123"])),
        time_in_force=terms.choice(["gfd", "gfd", "gfd", "gtc"]),
    )
    return Step(f"trade {trade}", lambda world: world.trade(trade))


def _cancel(chance: random.Random) -> Step:
    name = f"c{chance.randrange(10)}"
    return Step(f"cancel {name}", lambda world: world.cancel(name))


def _status(chance: random.Random) -> Step:
    name = f"c{chance.randrange(10)}"
    return Step(f"status {name}", lambda world: world.status(name))


def _wait(chance: random.Random) -> Step:
    seconds = chance.choice([1, 5, 15, 61, 61, 300, 3600])

    return Step(f"wait {seconds}", lambda world: _sleep(world, seconds))


def _sleep(world: SimWorld, seconds: float) -> None:
    world.wait(min(seconds, max((_LAST_MOMENT - world.clock.now()).total_seconds(), 0)))


def _fault(chance: random.Random) -> Step:
    route = chance.choice([Route.SUBMIT, Route.SUBMIT, Route.CANCEL, Route.READ, Route.LIST, Route.LIST, Route.ACCOUNT])
    act = chance.choice(_SUBMIT_ACTS if route is Route.SUBMIT else _READ_ACTS)
    times = chance.choice([1, 1, 2, 4])
    return Step(f"{act} x {times} on {route}", lambda world: world.broker.acts[route].extend([act] * times))


def _fault_then_trade(chance: random.Random) -> Step:
    act, trade, times = chance.choice(_SUBMIT_ACTS), _trade(chance), chance.choice([1, 1, 1, 4])

    def both(world: SimWorld) -> None:
        world.broker.acts[Route.SUBMIT].extend([act] * times)
        trade.run(world)

    return Step(f"{act} x {times}, then {trade}", both)


def _blind_then_trade(chance: random.Random) -> Step:
    """Two requests end differently, and the list that could tell about the first is not to be had."""
    acts, trade = chance.choices(_SUBMIT_ACTS, k=2), _trade(chance)

    def story(world: SimWorld) -> None:
        world.broker.acts[Route.SUBMIT].extend(acts)
        world.broker.acts[Route.LIST].extend([Act.E503_BEFORE] * 3)
        trade.run(world)

    return Step(f"{acts[0]}, {acts[1]} and no list, then {trade}", story)


def _long_doubt(chance: random.Random) -> Step:
    """An order that everybody has given up arrives after all."""
    trade, minutes = _trade(chance), chance.choice([1, 3, 6])

    def story(world: SimWorld) -> None:
        world.broker.late_by = timedelta(minutes=minutes)
        world.broker.acts[Route.SUBMIT].append(Act.LATE)
        trade.run(world)
        for _ in range(3):
            _sleep(world, 61)
            world.sync()

    return Step(f"{minutes} minutes late: {trade}", story)


def _vanishing(chance: random.Random) -> Step:
    """The broker forgets an order of which it has told, for a while."""
    trade = _trade(chance)

    def story(world: SimWorld) -> None:
        trade.run(world)
        for order in world.broker.book.open():
            order.hidden_until = world.clock.now() + timedelta(minutes=2)
        world.broker.acts[Route.READ].extend([Act.VANISHED] * 2)
        world.sync()

    return Step(f"vanishing: {trade}", story)


def _old_news(_chance: random.Random) -> Step:
    def story(world: SimWorld) -> None:
        world.broker.acts[Route.LIST].append(Act.STALE)
        world.broker.acts[Route.READ].append(Act.STALE)
        world.sync()

    return Step("sync with a replica that lags", story)


def _contested_cancel(chance: random.Random) -> Step:
    trade, mode, name = _trade(chance), chance.choice(list(CancelMode)), f"c{chance.randrange(10)}"

    def story(world: SimWorld) -> None:
        trade.run(world)
        world.broker.cancels = mode
        open_orders = world.broker.book.open()
        world.cancel(open_orders[0].order_id if open_orders else name)

    return Step(f"cancels {mode}: {trade}, cancel the first", story)


def _blind_start(chance: random.Random) -> Step:
    act, trade = chance.choice(_READ_ACTS), _trade(chance)

    def story(world: SimWorld) -> None:
        world.broker.acts[Route.LIST].extend([act] * 3)
        world.restart()
        trade.run(world)

    return Step(f"{act} at the start, then {trade}", story)


def _calm(_chance: random.Random) -> Step:
    return Step("the broker calms down", lambda world: world.broker.calm_down())


def _mode(chance: random.Random) -> Step:
    ref_ids, cancels, honest = chance.choice(list(RefIdMode)), chance.choice(list(CancelMode)), chance.random() < 0.7

    def switch(world: SimWorld) -> None:
        world.broker.cancels, world.broker.honours_is_closed = cancels, honest
        if ref_ids is not RefIdMode.ACCEPT_AGAIN or not world.config.order_management.broker_dedupes_ref_id:
            world.broker.ref_ids = ref_ids

    return Step(f"ref_ids {ref_ids}, cancels {cancels}, is_closed honoured: {honest}", switch)


def _market(chance: random.Random) -> Step:
    pick, what = (
        chance.randrange(100),
        chance.choice(["confirm", "fill", "part", "part", "cancel", "reject", "bust", "hide"]),
    )

    def move(world: SimWorld) -> None:
        open_orders = world.broker.book.open()
        if open_orders:
            _move(world, open_orders[pick % len(open_orders)], what)

    return Step(f"{what} #{pick}", move)


def _move(world: SimWorld, order: HeldOrder, what: str) -> None:
    book, now = world.broker.book, world.clock.now()
    match what:
        case "confirm":
            book.confirm(order, now)
        case "fill":
            book.fill(order, order.remaining, now)
        case "part":
            book.fill(order, max(1, order.remaining // 2), now)
        case "cancel":
            book.cancel(order, now)
        case "reject" if not order.fills:
            book.end(order, "rejected", now)
        case "bust" if order.fills:
            book.bust(order, now)
        case "hide":
            order.hidden_until = now + timedelta(minutes=10)


def _external(chance: random.Random) -> Step:
    number = chance.randrange(10**6)

    def place(world: SimWorld) -> None:
        now = world.clock.now()
        form = {
            "ref_id": f"00000000-0000-4000-8000-{number:012d}",
            "symbol": "AAPL",
            "side": "buy",
            "quantity": "10",
            "price": "99.85",
            "time_in_force": "gfd",
            "account": f"/{world.broker.book.account}/",
            "market_hours": "regular_hours",
        }
        world.broker.book.take(form, now=now, expires_at=CLOSE)

    return Step(f"somebody else places {number}", place)


def _crash(chance: random.Random) -> Step:
    power_loss, keep = chance.random() < 0.5, chance.randrange(200)

    def crash(world: SimWorld) -> None:
        world.crash(power_loss=power_loss, keep=keep)
        world.boot()

    return Step(f"crash (power loss: {power_loss}, {keep} bytes more)", crash)


def _die_soon(chance: random.Random) -> Step:
    effects = chance.randrange(1, 30)
    return Step(f"dies {effects} effects later", lambda world: world.life.die_in(effects))


def _boot(_chance: random.Random) -> Step:
    def boot(world: SimWorld) -> None:
        if world.bot is None:
            world.boot()

    return Step("boot", boot)


def _kill(chance: random.Random) -> Step:
    then = chance.random() < 0.5

    def kill(world: SimWorld) -> None:
        world.kill()
        if then:
            world.arm()

    return Step(f"kill (and arm again: {then})", kill)


def _kill_while_waiting(chance: random.Random) -> Step:
    trade, then = _trade(chance), chance.random() < 0.5

    def arrange(world: SimWorld) -> None:
        def kill_once(request: Request) -> None:
            if request.route is Route.SUBMIT:
                world.broker.meanwhile = lambda request: None
                world.kill()
                if then:
                    world.arm()

        world.broker.meanwhile = kill_once
        world.broker.acts[Route.SUBMIT].append(Act.THROTTLED)
        trade.run(world)

    return Step(f"kill (and arm again: {then}) while this waits to be sent again: {trade}", arrange)


def _plain(name: str, run: Callable[[SimWorld], object]) -> Callable[[random.Random], Step]:
    return lambda _chance: Step(name, run)


_MAKERS: list[tuple[Callable[[random.Random], Step], int]] = [
    (_trade, 10),
    (_fault_then_trade, 10),
    (_fault, 10),
    (_market, 9),
    (_plain("sync", lambda world: world.sync()), 8),
    (_wait, 7),
    (_cancel, 5),
    (_mode, 3),
    (_crash, 3),
    (_die_soon, 3),
    (_boot, 3),
    (_plain("cancel all", lambda world: world.cancel_all()), 2),
    (_status, 2),
    (_plain("restart", lambda world: world.restart()), 2),
    (_calm, 2),
    (_blind_then_trade, 4),
    (_long_doubt, 3),
    (_vanishing, 2),
    (_old_news, 3),
    (_contested_cancel, 3),
    (_blind_start, 2),
    (_external, 2),
    (_kill, 1),
    (_kill_while_waiting, 1),
    (_plain("arm", lambda world: world.arm()), 1),
]
