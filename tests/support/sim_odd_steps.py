"""What an odd account and a way out come to: rows nobody can read, shares that move by hand, exits and freezes."""

import random

from tests.support.broker_stand_in import Act, Route
from tests.support.odd_rows import NOWHERE, ORDERS, POSITIONS, READABLE, SPOILT, odd_order, odd_position
from tests.support.sim_steps import SYMBOLS, Maker, Step, any_trade, plain, trade_step
from tests.support.sim_world import CLOSE, SimWorld


def _odd_order(chance: random.Random) -> Step:
    kind, symbol, number = chance.choice(sorted(ORDERS)), chance.choice(SYMBOLS), chance.randrange(10**6)

    def show(world: SimWorld) -> None:
        row = odd_order(kind, number, symbol, account=world.broker.book.account, now=world.clock.now())
        world.broker.book.strange_orders.append(row)
        if kind not in READABLE and kind not in NOWHERE:
            world.odd_symbols.add(symbol)

    return Step(f"{kind} #{number} in {symbol}", show)


def _odd_orders_end(_chance: random.Random) -> Step:
    def end(world: SimWorld) -> None:
        for row in world.broker.book.strange_orders:
            row["state"] = "cancelled"

    return Step("the odd orders end", end)


def _odd_position(chance: random.Random) -> Step:
    kind = chance.choice(sorted(POSITIONS))

    def show(world: SimWorld) -> None:
        book = world.broker.book
        book.strange_positions = [odd_position(kind, account=book.account)]

    return Step(f"the account holds {kind}", show)


def _spoilt_position(chance: random.Random) -> Step:
    kind, symbol, ends = chance.choice(sorted(SPOILT)), chance.choice(SYMBOLS), chance.random() < 0.7

    def spoil(world: SimWorld) -> None:
        world.broker.book.spoilt_positions = {symbol: dict(SPOILT[kind])}
        world.wait(301)
        world.sync()
        if ends:
            world.broker.book.spoilt_positions.clear()

    return Step(f"{symbol} shows {kind} (and is read again: {ends})", spoil)


def _foreign_sell(chance: random.Random) -> Step:
    symbol, number = chance.choice(SYMBOLS), chance.randrange(10**6)

    def place(world: SimWorld) -> None:
        world.unsure.add(symbol)
        form = {
            "ref_id": f"00000000-0000-4000-8001-{number:012d}",
            "symbol": symbol,
            "side": "sell",
            "quantity": "40",
            "price": "120.00",
            "time_in_force": "gfd",
            "account": f"/{world.broker.book.account}/",
            "market_hours": "regular_hours",
        }
        if world.broker.for_sale(symbol) >= 40:
            world.broker.book.take(form, now=world.clock.now(), expires_at=CLOSE)

    return Step(f"somebody else offers 40 {symbol}", place)


def _moved_by_hand(chance: random.Random) -> Step:
    """Shares come or go without an order of ours; later they may come back, and the freeze ends by itself."""
    symbol, shares, heals = chance.choice(SYMBOLS), chance.choice([-7, 3, 50]), chance.random() < 0.6

    def story(world: SimWorld) -> None:
        world.move_by_hand(symbol, shares)
        _looks(world)
        if heals:
            world.move_by_hand(symbol, -shares)
            _looks(world)

    return Step(f"{shares} {symbol} come by hand, and go again: {heals}", story)


def _looks(world: SimWorld) -> None:
    for _ in range(2):
        world.wait(301)
        world.sync()


def _accepts(chance: random.Random) -> Step:
    symbol = chance.choice(SYMBOLS)

    def accept(world: SimWorld) -> None:
        world.decide(lambda it: it.accept_position(symbol, by="simulation", reason="the broker is right"))

    return Step(f"accept the position in {symbol}", accept)


def _lagging_look(chance: random.Random) -> Step:
    trade = trade_step(chance)

    def story(world: SimWorld) -> None:
        world.broker.acts[Route.POSITIONS].extend([Act.STALE] * 2)
        world.wait(301)
        world.sync()
        trade.run(world)
        world.sync()

    return Step(f"positions that lag, then {trade}", story)


def _exit(chance: random.Random) -> Step:
    symbol, quantity = chance.choice(SYMBOLS), chance.choice([None, None, 5, 60])
    is_liquid, resumes = chance.random() < 0.6, chance.random() < 0.6
    acts = chance.choice([[], [], [Act.REPLY_LOST], [Act.REQUEST_LOST], [Act.FORBIDDEN], [Act.DNS] * 4])

    def story(world: SimWorld) -> None:
        world.broker.acts[Route.SUBMIT].extend(acts)
        world.broker.is_liquid = is_liquid
        world.exit(symbol, quantity)
        world.broker.is_liquid = False
        if resumes:
            world.resume(symbol)

    return Step(f"exit {quantity or 'all'} {symbol} (liquid: {is_liquid}, {acts}, resumed: {resumes})", story)


def _flatten(chance: random.Random) -> Step:
    is_liquid, resumes = chance.random() < 0.5, chance.random() < 0.7

    def story(world: SimWorld) -> None:
        world.broker.is_liquid = is_liquid
        world.flatten()
        world.broker.is_liquid = False
        if resumes:
            world.resume()

    return Step(f"flatten (liquid: {is_liquid}, resumed: {resumes})", story)


def _frozen_by_refusal(chance: random.Random) -> Step:
    act, trade = chance.choice([Act.FORBIDDEN, Act.NOT_FOUND]), any_trade(chance)

    def story(world: SimWorld) -> None:
        world.broker.acts[Route.SUBMIT].append(act)
        world.trade(trade)
        world.broker.acts[Route.SUBMIT].clear()
        world.exit(trade.symbol, 1)

    return Step(f"{act} freezes, and the way out is open: {trade}", story)


def _asked_again(chance: random.Random) -> Step:
    """What was provably not sent is asked for again, under the same name."""
    act, trade, first = chance.choice([Act.DNS, Act.REFUSED, Act.CONNECT_TIMEOUT]), any_trade(chance), any_trade(chance)

    def story(world: SimWorld) -> None:
        world.broker.acts[Route.SUBMIT].extend([act] * 5)
        world.trade(trade)
        world.broker.acts[Route.SUBMIT].clear()
        world.trade(first)
        world.trade(trade)

    return Step(f"{act}, and asked for again: {trade}", story)


def _doubted_and_asked_again(chance: random.Random) -> Step:
    """An order in doubt is asked for again, while the first request may still arrive."""
    trade, minutes = any_trade(chance), chance.choice([1, 3])

    def story(world: SimWorld) -> None:
        world.broker.acts[Route.SUBMIT].append(Act.LATE)
        world.trade(trade)
        for _ in range(minutes):
            world.trade(trade)
            world.wait(61)
            world.sync()

    return Step(f"late, and asked for again over {minutes} minutes: {trade}", story)


ODD_STEPS: list[tuple[Maker, int]] = [
    (_odd_order, 8),
    (_odd_orders_end, 2),
    (_odd_position, 5),
    (_spoilt_position, 2),
    (_foreign_sell, 3),
    (_moved_by_hand, 4),
    (_accepts, 1),
    (_lagging_look, 3),
    (_exit, 8),
    (_flatten, 2),
    (plain("resume", lambda world: world.resume()), 2),
    (_frozen_by_refusal, 4),
    (_asked_again, 4),
    (_doubted_and_asked_again, 3),
]
"""Each with its weight."""
