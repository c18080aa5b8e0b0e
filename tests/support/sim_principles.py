"""The two principles above the rest, put to the proof once all faults have ended.

Doubt stays with the smallest thing it concerns: what is healthy can be bought. There is always a way out: what is held
and free can be sold. What may be held up is judged by the stand-in's own book, and by what a person is still to decide.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from tests.support.sim_invariants import BrokenInvariantError
from tests.support.sim_limits import Account, Sent, over_limits, sent_by_us
from tests.support.sim_world import MORNING, SimWorld, Trade, session_end
from tests.support.stand_in_book import ENDED, HEALTHY, INSTRUMENTS
from trading_bot.bot import TradeResult, TradeStatus
from trading_bot.order_management.book.exit_facts import ExitEnding
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import Side

_USUAL = frozenset(
    {
        *(EventKind.ORDER_INTENDED, EventKind.SUBMIT_ATTEMPTED, EventKind.ORDER_ACCEPTED, EventKind.ORDER_UPDATED),
        *(EventKind.EXECUTION_BOOKED, EventKind.CANCEL_REQUESTED, EventKind.CANCEL_ANSWERED),
        *(EventKind.INSTRUMENT_NAMED, EventKind.POSITION_ACCEPTED),
    }
)
_A_FREEZE_ENDS_S = 301
_SHARES = 2
_REFERENCE = Decimal("99.97")
"""Just below the bid: a sell at it can trade, and a buy at it crosses no sell of the schedules."""


def prove_principles(world: SimWorld, *, of_each: bool = True) -> None:
    """Do what a person would after the faults, then buy and sell what should be possible, and leave what is healthy.

    Either each symbol in question is bought and sold, or one of them, in turns, and the healthy one.

    Raises:
        BrokenInvariantError: with all that was refused.
    """
    if world.clock.now() >= session_end(MORNING):
        return  # nothing is sold while the session is closed
    symbols = _in_question(world) if of_each else _in_turn(world)
    _decide(world)
    problems = [*_ways_in(world, symbols), *_ways_out(world, symbols), *_an_exit(world)]
    if problems:
        raise BrokenInvariantError("\n".join(problems))


def _decide(world: SimWorld) -> None:
    world.arm()
    world.wait(_A_FREEZE_ENDS_S)
    world.cancel_all()
    for _ in range(2):
        world.sync()
        world.wait(61)
    world.resume()
    for symbol in INSTRUMENTS:
        world.resume(symbol)
        world.release(symbol)
    if world.bot is not None and world.bot.manager.halted_because:
        world.restart()  # somebody has looked at the network
    world.wait(61)
    world.sync()


def _in_question(world: SimWorld) -> list[str]:
    """Return each symbol that more happened to than orders, fills and cancels; of the others, one stands for all."""
    facts = [record.fact for record in world.records() if record.fact.event not in _USUAL]
    eventful = {fact.symbol for fact in facts} | world.unsure | world.odd_symbols | {HEALTHY}
    quiet = [symbol for symbol in INSTRUMENTS if symbol not in eventful]
    return [symbol for symbol in INSTRUMENTS if symbol in eventful or symbol == quiet[len(facts) % len(quiet)]]


def _in_turn(world: SimWorld) -> list[str]:
    """Return one symbol of those in question, whichever chance has chosen by the number of records, and `HEALTHY`."""
    others = [symbol for symbol in _in_question(world) if symbol != HEALTHY]
    return [HEALTHY, *others[len(world.records()) % len(others) :][:1]] if others else [HEALTHY]


def _ways_in(world: SimWorld, symbols: Sequence[str]) -> Iterator[str]:
    for symbol in symbols:
        if symbol == HEALTHY or not (
            _is_odd(world, symbol) or _is_drifted(world, symbol) or _is_crowded(world, symbol)
        ):
            result = _ask(world, symbol, "buy")
            is_bought = result is not None and result.status is TradeStatus.SUBMITTED
            if not is_bought and not (result is not None and _is_at_limit(world, symbol, result.code)):
                yield f"P1 {symbol} is healthy and cannot be bought: {result}"


def _is_at_limit(world: SimWorld, symbol: str, code: str) -> bool:
    """Whether two more shares exceed the limit of this name at the worst: what is at its limit is not to be bought."""
    if code not in world.limits:
        return False
    sent = {one.ref_id: one for one in sent_by_us(world.broker)}
    book, now = world.book_on_disk(), world.clock.now()
    in_doubt = [
        Sent(
            ref_id=str(terms.ref_id),
            symbol=terms.symbol,
            side=terms.side.value,
            quantity=terms.quantity,
            price=terms.limit_price,
            begun_at=terms.created_at,
        )
        for terms in (order.envelope for order in book.unresolved())
        if str(terms.ref_id) not in sent
    ]
    facts = (record for record in world.records() if record.fact.event is EventKind.ORDER_INTENDED)
    held = max(world.expected(symbol), Decimal(world.broker.book.held[symbol]))
    account = Account(
        now=now,
        others=[*sent.values(), *in_doubt],
        entries=[record.ts for record in facts if record.fact.side is Side.BUY],
        minute=timedelta(seconds=61),
        held={symbol: held},
    )
    order = Sent(ref_id="", symbol=symbol, side="buy", quantity=_SHARES, price=_REFERENCE, begun_at=now)
    return any(over_limits({code: world.limits[code]}, account, order))


def _ways_out(world: SimWorld, symbols: Sequence[str]) -> Iterator[str]:
    for symbol in symbols:
        free = _free(world, symbol)
        if free >= 2:
            result = _ask(world, symbol, "sell")
            if result is None or result.status is not TradeStatus.SUBMITTED:
                yield f"P2 {free} {symbol} are held and free and cannot be sold: {result}"


def _an_exit(world: SimWorld) -> Iterator[str]:
    """Leave what is healthy. Of a flatten's sell that is in doubt the shares stay reserved until the session ends."""
    held = world.broker.book.held
    free = _free(world, HEALTHY)
    if free < 1:
        return
    expected = held[HEALTHY] - free
    world.broker.is_liquid = True
    result = world.exit(HEALTHY)
    world.broker.is_liquid = False
    has_sold = result is not None and result.ending is ExitEnding.SOLD
    if held[HEALTHY] > expected or not (has_sold or expected):
        yield f"P2 {held[HEALTHY]} {HEALTHY} are left after an exit, {expected} of them not free before it: {result}"


def _ask(world: SimWorld, symbol: str, side: str) -> TradeResult | None:
    """Ask for a few shares: the schedules ask for other numbers, so it equals none of theirs."""
    return world.trade(
        Trade(
            client_order_id=f"proof-{side}-{symbol}",
            symbol=symbol,
            side=side,
            quantity=_SHARES,
            reference=_REFERENCE,
            time_in_force="gtc",  # what comes after the proofs finds open orders
        )
    )


def _is_odd(world: SimWorld, symbol: str) -> bool:
    book = world.broker.book
    rows = (row for row in book.strange_orders if row["state"] not in ENDED)
    foreign = any(not world.is_ours(order) and order.symbol == symbol for order in book.open())
    return symbol in book.spoilt_positions or foreign or any(_concerns(row, symbol) for row in rows)


def _concerns(row: dict[str, object], symbol: str) -> bool:
    return row["instrument_id"] == INSTRUMENTS[symbol]


def _is_drifted(world: SimWorld, symbol: str) -> bool:
    return world.expected(symbol) != world.broker.book.held[symbol]


def _is_crowded(world: SimWorld, symbol: str) -> bool:
    """Whether an order in doubt may still buy: its worst case is reserved, and counts as pending."""
    return any(order.envelope.symbol == symbol for order in world.book_on_disk().active())


def _free(world: SimWorld, symbol: str) -> int:
    book = world.broker.book
    if symbol in book.spoilt_positions or any(_may_sell(row, symbol) for row in book.strange_orders):
        return 0
    in_doubt = sum(
        order.remaining_quantity
        for order in world.book_on_disk().unresolved()
        if (order.envelope.symbol, order.envelope.side) == (symbol, Side.SELL)
    )
    promised = book.held[symbol] - world.broker.for_sale(symbol)
    return int(min(world.expected(symbol), Decimal(book.held[symbol])) - max(Decimal(promised), in_doubt) - in_doubt)


def _may_sell(row: dict[str, object], symbol: str) -> bool:
    return row["state"] not in ENDED and row["side"] not in ("buy", "BUY") and _concerns(row, symbol)
