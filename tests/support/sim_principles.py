"""The two principles above the rest, put to the proof once all faults have ended.

Doubt stays with the smallest thing it concerns: what is healthy can be bought. There is always a way out: what is held
and free can be sold. What may be held up is judged by the stand-in's own book, and by what a person is still to decide.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from tests.support.sim_invariants import BrokenInvariantError
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
            if result is None or result.status is not TradeStatus.SUBMITTED:
                yield f"P1 {symbol} is healthy and cannot be bought: {result}"


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
    """Ask for two shares: the schedules ask for other numbers, so it equals none of theirs."""
    return world.trade(
        Trade(
            client_order_id=f"proof-{side}-{symbol}",
            symbol=symbol,
            side=side,
            quantity=2,
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
