"""What the broker's positions mean for ours: the same, unsettled, or drifted away. Pure.

Expected is what was accepted as the start, plus every fill booked since. A difference means that something moved shares
which is no order of ours: a trade by hand, a split, reinvested dividends, a lost fill. One look proves nothing, because
a fill may be on its way from the broker's orders to its positions, so a difference counts once two looks some seconds
apart show the same.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_bot.clock import Moment, Seconds
from trading_bot.order_management.causes import CAUSE, Cause
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import EXACT, OrderReport, Side
from trading_bot.order_management.portfolio import Position
from trading_bot.prose import shares_in_words

SETTLED_AFTER_S: Seconds = 10.0
"""How far two looks are apart that may prove a drift: longer than a fill takes to reach the positions."""

LOOK_EVERY_S: Seconds = 300.0
"""How old a look may become when nothing happened here: what moves shares elsewhere announces itself nowhere, and each
look is a request out of the budget that cancels share."""

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How far the broker's position of a symbol is from ours, and since when it has been just that."""

    amount: Decimal
    since: Seconds
    is_unexplained: bool = False
    """Whether the orders that closed lately were read since, and do not account for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One reading of all positions."""

    held: Mapping[str, Decimal]
    expected: Mapping[str, Decimal]
    moved: frozenset[str]
    """Symbols with fills booked while the positions were being read, of which this look says nothing."""
    began: Moment


def in_words(quantity: Decimal) -> str:
    """Write a number of shares without the zeros that only say how finely the broker counts."""
    return shares_in_words(quantity)


def quantities(positions: Iterable[Position]) -> dict[str, Decimal]:
    """Return the shares of each symbol; several lots of one symbol add up."""
    held: dict[str, Decimal] = {}
    for position in positions:
        held[position.symbol] = EXACT.add(held.get(position.symbol, NOTHING), position.quantity)
    return held


def differences(look: Look, before: Mapping[str, Difference]) -> dict[str, Difference]:
    """Return what differs in this look; a difference that was there ``before`` keeps its beginning."""
    found: dict[str, Difference] = {}
    for symbol in sorted({*look.held, *look.expected}):
        earlier = before.get(symbol)
        if symbol in look.moved:
            if earlier is not None:
                found[symbol] = earlier
            continue
        amount = EXACT.subtract(look.held.get(symbol, NOTHING), look.expected.get(symbol, NOTHING))
        if amount and earlier is not None and earlier.amount == amount:
            found[symbol] = earlier
        elif amount:
            found[symbol] = Difference(amount=amount, since=look.began.mono)
    return found


def is_proven(difference: Difference, look: Look) -> bool:
    """Whether the difference has been seen long enough to be no fill on its way."""
    return difference.is_unexplained and look.began.mono - difference.since >= SETTLED_AFTER_S


def first_baseline(look: Look) -> Iterator[OrderEvent]:
    """Yield the records of the first complete look: each position, and at the end that these were all."""
    for symbol in sorted({*look.held, *look.expected}):
        yield baseline(symbol, look.held.get(symbol, NOTHING), reason="held when this journal first looked")
    yield baseline_taken(look.began.at)


def baseline(symbol: str, quantity: Decimal, *, reason: str | None = None, by: str | None = None) -> OrderEvent:
    """Return the record from which the expected position of a symbol goes on."""
    return OrderEvent(
        event=EventKind.POSITION_ACCEPTED,
        symbol=symbol,
        quantity=quantity,
        reason=reason,
        details={} if by is None else {"by": by},
    )


def baseline_taken(at: datetime | None) -> OrderEvent:
    """Return the record that every position not named before it was zero."""
    return OrderEvent(event=EventKind.POSITION_ACCEPTED, occurred_at=at)


def freeze_of(symbol: str, look: Look) -> OrderEvent:
    """Return the record that leaves only bounded sells of a symbol."""
    held, expected = look.held.get(symbol, NOTHING), look.expected.get(symbol, NOTHING)
    return OrderEvent(
        event=EventKind.SYMBOL_FROZEN,
        symbol=symbol,
        reason=(
            f"the broker holds {in_words(held)} shares and our fills explain {in_words(expected)}; find out why, "
            f"then run 'trading-bot accept-position {symbol}'"
        ),
        details={CAUSE: Cause.DRIFT.value, "broker": f"{held:f}", "expected": f"{expected:f}"},
    )


def halt_of(symbol: str, quantity: Decimal) -> OrderEvent:
    """Return the record that halts trading over a short position, which nothing here ever opens."""
    return OrderEvent(
        event=EventKind.TRADING_HALTED,
        symbol=symbol,
        reason=(
            f"the broker shows {in_words(quantity)} {symbol}: the account is short; cover it at the broker, then run "
            f"'trading-bot accept-position {symbol}'"
        ),
        details={CAUSE: Cause.NEGATIVE_POSITION.value},
    )


def open_sells(reports: Iterable[OrderReport]) -> dict[str, Decimal]:
    """Return the shares of each symbol that these orders may still sell."""
    taken: dict[str, Decimal] = {}
    for report in reports:
        if report.side is Side.SELL:
            left = max(NOTHING, EXACT.subtract(report.quantity, report.cumulative_quantity))
            taken[report.symbol] = EXACT.add(taken.get(report.symbol, NOTHING), left)
    return taken
