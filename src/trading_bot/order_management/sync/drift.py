"""The records of a difference between the broker's positions and ours: its first sight, its freeze, its end."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal

from trading_bot.order_management.book.freezes import OURSELVES, Cause, ended
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.position_watch import (
    NOTHING,
    Difference,
    Look,
    agreed,
    differed,
    freeze_of,
    is_proven,
    is_same_difference,
    short_freeze_of,
    was_proven_before,
)
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.event_details import DifferenceDetails
from trading_bot.order_management.events import OrderEvent
from trading_bot.order_management.models import EXACT, Side
from trading_bot.order_management.order_store import OrderStore

_FOR_ITS_POSITION = frozenset({Cause.DRIFT, Cause.NEGATIVE_POSITION})
_HEALED = "the broker's position is what our fills explain again"


def act_on(
    store: OrderStore, book: OrderBook, look: Look, found: Mapping[str, Difference], *, in_doubt: Collection[str]
) -> None:
    """Record the first sight of each difference, freeze what is proven, and release what has healed."""
    for symbol, difference in found.items():
        if difference.is_unexplained and not look.is_silent_on(symbol, book.positions.instrument_of(symbol)):
            store.record_facts(_about_difference(book, look, symbol, difference))
    for symbol in _healed(book, look, {*found, *in_doubt}):
        store.record_fact(agreed(symbol))
        store.record_facts(
            ended(freeze, by=OURSELVES, reason=_HEALED)
            for freeze in book.freezes(symbol=symbol)
            if freeze.symbol is not None and freeze.cause in _FOR_ITS_POSITION
        )
    store.record_facts(_about_shorts(book, look))


def explained_by_doubt(look: Look, in_doubt: Iterable[TrackedOrder]) -> frozenset[str]:
    """Return the symbols whose position has moved no further than fills of orders in doubt may have moved it."""
    bought: dict[str, Decimal] = {}
    sold: dict[str, Decimal] = {}
    for order in in_doubt:
        taken = bought if order.envelope.side is Side.BUY else sold
        symbol = order.envelope.symbol
        taken[symbol] = EXACT.add(taken.get(symbol, NOTHING), order.remaining_quantity)
    amounts = {
        symbol: EXACT.subtract(look.held.get(symbol, NOTHING), look.expected.get(symbol, NOTHING))
        for symbol in {*bought, *sold}
    }
    return frozenset(
        symbol
        for symbol, amount in amounts.items()
        if amount and -sold.get(symbol, NOTHING) <= amount <= bought.get(symbol, NOTHING)
    )


def _about_difference(book: OrderBook, look: Look, symbol: str, difference: Difference) -> Iterator[OrderEvent]:
    on_record = book.positions.difference(symbol)
    if not is_same_difference(on_record, symbol, look):
        on_record = None
        yield differed(symbol, look)
    if not (is_proven(difference, look) or was_proven_before(on_record, look)):
        return
    frozen = book.freeze_fact(symbol, Cause.DRIFT)
    if frozen is None or not is_same_difference(frozen, symbol, look):
        yield freeze_of(symbol, look)


def _about_shorts(book: OrderBook, look: Look) -> Iterator[OrderEvent]:
    for symbol in sorted(_short(look)):
        frozen = DifferenceDetails.of(book.freeze_fact(symbol, Cause.NEGATIVE_POSITION))
        if frozen is None or frozen.broker != look.held[symbol]:
            yield short_freeze_of(symbol, look.held[symbol])


def _short(look: Look) -> frozenset[str]:
    return frozenset(symbol for symbol, shares in look.held.items() if shares < 0)


def _healed(book: OrderBook, look: Look, differing: Collection[str]) -> list[str]:
    frozen = {freeze.symbol for freeze in book.freezes() if freeze.cause in _FOR_ITS_POSITION}
    named = {symbol for symbol in frozen if symbol is not None} | set(book.positions.differing())
    return [
        symbol
        for symbol in sorted(named - _short(look))
        if symbol not in differing and not look.is_silent_on(symbol, book.positions.instrument_of(symbol))
    ]
