"""What happens to orders, at the broker and on the way to it: the steps of a schedule, each made from chance alone."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TypeAlias

from tests.support.broker_stand_in import Act, CancelMode, RefIdMode, Request, Route
from tests.support.sim_world import CLOSE, SimWorld, Trade
from tests.support.stand_in_book import HEALTHY, INSTRUMENTS, HeldOrder

SYMBOLS = tuple(symbol for symbol in INSTRUMENTS if symbol != HEALTHY)
_LAST_MOMENT = CLOSE - timedelta(minutes=30)
"""Random steps end before the session does: what lives longer than its session is no broker's doing."""

_UNTRUE = {Act.CONFLICT, Act.REF_ID_400, Act.THROTTLED_AFTER}
"""The broker's word for "I have it" or "I did nothing" is the one thing that is believed."""

_HALTING = {Act.TLS, Act.REDIRECT, Act.FORBIDDEN, Act.NOT_FOUND}
"""Each of these takes a symbol or the whole account out of the rest of the schedule, so they are rare."""

_OF_LISTS = {Act.NAMELESS, Act.NO_ROWS}
"""They mean something where orders are listed only."""

_SUBMIT_ACTS = [act for act in Act if act not in _UNTRUE | _OF_LISTS for _ in range(1 if act in _HALTING else 3)]
_READ_ACTS = [act for act in Act if act not in {*_UNTRUE, *_OF_LISTS, Act.LATE, Act.TLS, Act.REDIRECT}]


_REF_IDS = [mode for mode in RefIdMode if mode is not RefIdMode.IGNORED]
"""What ignores a known one belongs to `tests.simulation.ambiguous`: another mode here would make other schedules."""


_PART_OF_A_LIST = [Act.PAGE_LOOP, Act.FOREIGN_PAGE, Act.PAGE_2_FAILS]


@dataclass(frozen=True)
class Step:
    """One thing that happens; ``run`` does it."""

    name: str
    run: Callable[[SimWorld], object]

    def __repr__(self) -> str:
        return self.name


Maker: TypeAlias = Callable[[random.Random], Step]
"""Makes a step, different ones of the same kind."""


def plain(name: str, run: Callable[[SimWorld], object]) -> Maker:
    return lambda _chance: Step(name, run)


def trade_step(chance: random.Random) -> Step:
    trade = any_trade(chance)
    return Step(f"trade {trade}", lambda world: world.trade(trade))


def any_trade(chance: random.Random) -> Trade:
    number = chance.randrange(10)
    return usual_trade(number) if chance.random() >= 0.1 else _some_trade(number, chance)


def usual_trade(number: int) -> Trade:
    """The same name asks for the same order, as a caller that tries again does."""
    return _some_trade(number, random.Random(number))


def _some_trade(number: int, terms: random.Random) -> Trade:
    return Trade(
        client_order_id=f"c{number}",
        symbol=terms.choice(SYMBOLS),
        side=terms.choice(["buy", "buy", "sell"]),
        quantity=terms.choice([1, 5, 10]),
        reference=Decimal(terms.choice(["100", "100.37", "0.8123"])),
        time_in_force=terms.choice(["gfd", "gfd", "gfd", "gtc"]),
    )


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


def _laptop_sleeps(chance: random.Random) -> Step:
    """The wall goes on, at the broker too, and the monotonic clock does not."""
    seconds, trade = chance.choice([30, 300, 1800]), trade_step(chance)

    def story(world: SimWorld) -> None:
        world.clock.jump(min(seconds, max((_LAST_MOMENT - world.clock.now()).total_seconds(), 0)))
        world.broker.pass_time()
        trade.run(world)

    return Step(f"{seconds} s asleep, then {trade}", story)


def _fault(chance: random.Random) -> Step:
    route = chance.choice([Route.SUBMIT, Route.SUBMIT, Route.CANCEL, Route.READ, Route.LIST, Route.LIST, Route.ACCOUNT])
    act = chance.choice(_SUBMIT_ACTS if route is Route.SUBMIT else _READ_ACTS)
    times = chance.choice([1, 1, 2, 4])
    return Step(f"{act} x {times} on {route}", lambda world: world.broker.acts[route].extend([act] * times))


def _fault_then_trade(chance: random.Random) -> Step:
    act, trade, times = chance.choice(_SUBMIT_ACTS), trade_step(chance), chance.choice([1, 1, 1, 4])

    def both(world: SimWorld) -> None:
        world.broker.acts[Route.SUBMIT].extend([act] * times)
        trade.run(world)

    return Step(f"{act} x {times}, then {trade}", both)


def _blind_then_trade(chance: random.Random) -> Step:
    """Two requests end differently, and the list that could tell about the first is not to be had."""
    acts, trade = chance.choices(_SUBMIT_ACTS, k=2), trade_step(chance)

    def story(world: SimWorld) -> None:
        world.broker.acts[Route.SUBMIT].extend(acts)
        world.broker.acts[Route.LIST].extend([Act.E503_BEFORE] * 3)
        trade.run(world)

    return Step(f"{acts[0]}, {acts[1]} and no list, then {trade}", story)


def _long_doubt(chance: random.Random) -> Step:
    """An order that everybody has given up arrives after all."""
    trade, minutes = trade_step(chance), chance.choice([1, 3, 6])

    def story(world: SimWorld) -> None:
        world.broker.late_by = timedelta(minutes=minutes)
        world.broker.acts[Route.SUBMIT].append(Act.LATE)
        trade.run(world)
        for _ in range(3):
            _sleep(world, 61)
            world.sync()

    return Step(f"{minutes} minutes late: {trade}", story)


def _cancel_in_doubt(chance: random.Random) -> Step:
    """Somebody wants an order cancelled of which nobody knows yet whether it is there."""
    trade, rotates = any_trade(chance), chance.random() < 0.5

    def story(world: SimWorld) -> None:
        world.broker.acts[Route.SUBMIT].append(Act.REPLY_LOST)
        world.broker.acts[Route.LIST].extend([Act.E500_BEFORE] * 8)
        world.trade(trade)
        world.cancel(trade.client_order_id)
        if rotates:
            world.prune()
        world.broker.acts[Route.LIST].clear()

    return Step(f"in doubt and cancelled (rotated: {rotates}): {trade}", story)


def _vanishing(chance: random.Random) -> Step:
    """The broker forgets an order of which it has told, for a while."""
    trade = trade_step(chance)

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
    trade, mode, name = trade_step(chance), chance.choice(list(CancelMode)), f"c{chance.randrange(10)}"

    def story(world: SimWorld) -> None:
        trade.run(world)
        world.broker.cancels = mode
        open_orders = world.broker.book.open()
        world.cancel(open_orders[0].order_id if open_orders else name)

    return Step(f"cancels {mode}: {trade}, cancel the first", story)


def _dropped_cancel(chance: random.Random) -> Step:
    """The broker takes a cancel and drops it; the order lives on, may trade, and may be cancelled another time."""
    trade, what, again = any_trade(chance), chance.choice(["all", "one"]), chance.random() < 0.5
    after = chance.choice(["nothing", "part", "fill"])

    def story(world: SimWorld) -> None:
        world.trade(trade)
        world.broker.cancels = CancelMode.IGNORED
        cancel(world)
        _sleep(world, 61)
        for order in world.orders_at_broker(trade.client_order_id):
            move(world, order, after)
        world.sync()
        if again:
            world.broker.cancels = CancelMode.AT_ONCE
            cancel(world)

    def cancel(world: SimWorld) -> None:
        if what == "all":
            world.cancel_all()
        else:
            world.cancel(trade.client_order_id)

    return Step(f"a cancel of {what} is dropped, {after} is filled, cancelled again: {again}: {trade}", story)


def _blind_start(chance: random.Random) -> Step:
    act, trade = chance.choice([*_READ_ACTS, *_PART_OF_A_LIST * 3]), trade_step(chance)

    def story(world: SimWorld) -> None:
        world.broker.acts[Route.LIST].extend([act] * 3)
        world.restart()
        trade.run(world)

    return Step(f"{act} at the start, then {trade}", story)


def _session_ends(chance: random.Random) -> Step:
    """The broker accepts the session no more; renewing it may fail in passing, but nobody is logged out for good."""
    trade = trade_step(chance)
    route = chance.choice([Route.SUBMIT, Route.SUBMIT, Route.LIST, Route.CANCEL])
    trouble = chance.choice([None, Act.E503_BEFORE, Act.RESET_BEFORE, Act.THROTTLED, Act.REQUEST_LOST])

    def story(world: SimWorld) -> None:
        world.broker.acts[route].append(Act.UNAUTHORIZED)
        world.broker.acts[Route.LOGIN].extend([] if trouble is None else [trouble])
        trade.run(world)
        world.sync()

    return Step(f"the session ends at a {route}, renewing meets {trouble}: {trade}, sync", story)


def _calm(_chance: random.Random) -> Step:
    return Step("the broker calms down", lambda world: world.broker.calm_down())


def _mode(chance: random.Random) -> Step:
    ref_ids, cancels, honest = chance.choice(_REF_IDS), chance.choice(list(CancelMode)), chance.random() < 0.7

    def switch(world: SimWorld) -> None:
        world.broker.cancels, world.broker.honours_is_closed = cancels, honest
        if ref_ids is not RefIdMode.ACCEPT_AGAIN or not world.order_management.get("broker_dedupes_ref_id"):
            world.broker.ref_ids = ref_ids

    return Step(f"ref_ids {ref_ids}, cancels {cancels}, is_closed honoured: {honest}", switch)


def _market(chance: random.Random) -> Step:
    pick, what = (
        chance.randrange(100),
        chance.choice(["confirm", "fill", "part", "part", "cancel", "reject", "bust", "hide"]),
    )

    def strike(world: SimWorld) -> None:
        open_orders = world.broker.book.open()
        if open_orders:
            move(world, open_orders[pick % len(open_orders)], what)

    return Step(f"{what} #{pick}", strike)


def move(world: SimWorld, order: HeldOrder, what: str) -> None:
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
            world.unsure.add(order.symbol)
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


def _kill(chance: random.Random) -> Step:
    then = chance.random() < 0.5

    def kill(world: SimWorld) -> None:
        world.kill()
        if then:
            world.arm()

    return Step(f"kill (and arm again: {then})", kill)


def _kill_while_waiting(chance: random.Random) -> Step:
    trade, then = trade_step(chance), chance.random() < 0.5

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


ORDER_STEPS: list[tuple[Maker, int]] = [
    (trade_step, 10),
    (_fault_then_trade, 10),
    (_fault, 10),
    (_market, 9),
    (plain("sync", lambda world: world.sync()), 8),
    (_wait, 7),
    (_cancel, 5),
    (_mode, 3),
    (plain("cancel all", lambda world: world.cancel_all()), 2),
    (_status, 2),
    (_laptop_sleeps, 2),
    (_calm, 2),
    (_blind_then_trade, 4),
    (_long_doubt, 3),
    (_cancel_in_doubt, 2),
    (_vanishing, 2),
    (_old_news, 3),
    (_contested_cancel, 3),
    (_dropped_cancel, 2),
    (_blind_start, 2),
    (_session_ends, 2),
    (_external, 2),
    (_kill, 1),
    (_kill_while_waiting, 1),
    (plain("arm", lambda world: world.arm()), 1),
]
"""Each with its weight."""
