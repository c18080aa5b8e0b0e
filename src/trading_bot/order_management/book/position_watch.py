"""What the broker's positions mean for ours: the same, unsettled, or drifted away. Pure.

Expected is what was accepted as the start, plus every fill booked since. A difference means that something moved shares
which is no order of ours: a trade by hand, a split, reinvested dividends, a lost fill. One look proves nothing, because
a fill may be on its way from the broker's orders to its positions, so a difference counts once two looks some seconds
apart show the same.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from trading_bot.clock import Moment, Seconds
from trading_bot.order_management.book.freezes import CAUSE, Cause
from trading_bot.order_management.event_details import DifferenceDetails
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import EXACT, OrderReport, Side
from trading_bot.prose import shares_in_words

if TYPE_CHECKING:
    from trading_bot.order_management.portfolio import Position, UnreadPosition

SETTLED_AFTER_S: Seconds = 10.0
"""How far two looks are apart that may prove a drift: longer than a fill takes to reach the positions."""

LOOK_EVERY_S: Seconds = 30.0
"""How old a look may become when nothing happened here: what moves shares elsewhere announces itself nowhere. Orders
rest on a look for a minute at most, so one is taken ahead of that; each is a request out of the budget of reads."""

NOTHING = Decimal(0)
INSTRUMENT_ID = "instrument_id"
"""The detail of an intent, a position or a name that has the broker's id of the instrument."""

WAS = "was"
"""The detail of a name that has the one before it."""


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
    expected_before: Mapping[str, Decimal] | None = None
    """What our fills explained when the look began; None where that was ``expected``."""
    held_back: Mapping[str, Decimal] = field(default_factory=dict)
    """Shares that the broker holds back for sells, options or grants."""
    reserved: Mapping[str, Decimal] = field(default_factory=dict)
    """Shares that sells of ours were promised when the look began, where the broker held any back."""
    unread: "tuple[UnreadPosition, ...]" = ()
    """Rows that could not be read; nothing is said of their instruments."""
    instruments: Mapping[str, str] = field(default_factory=dict)
    """The broker's instrument id of each symbol held, where the row names it."""
    rows: "tuple[Position, ...]" = ()
    """What was read, row by row."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """The symbol on record of each one that has a new name, as far as that is not on record."""

    def since_began(self, symbol: str, expected: Decimal) -> Decimal:
        """Return the shares that our fills have moved since the look began."""
        before = self.expected if self.expected_before is None else self.expected_before
        return EXACT.subtract(expected, before.get(symbol, NOTHING))

    def held_back_now(self, symbol: str, reserved: Decimal) -> Decimal:
        """Return what the broker holds back, less what sells of ours, of which ``reserved`` is left, gave back since.

        Where somebody else's holds are among it, all of it counts until the next look.
        """
        held_back = self.held_back.get(symbol, NOTHING)
        return min(held_back, reserved) if held_back == self.reserved.get(symbol) else held_back

    def with_accepted(self, symbol: str, quantity: Decimal) -> "Look":
        """Return the look as it would have been, had our fills explained this position."""
        before = self.expected if self.expected_before is None else self.expected_before
        return replace(
            self,
            held={**self.held, symbol: quantity},
            expected=_with(self.expected, symbol, quantity),
            expected_before=_with(before, symbol, quantity),
        )

    def is_silent_on(self, symbol: str, instrument_id: str | None) -> bool:
        """Whether the look says nothing of a symbol: fills were booked meanwhile, or its row could not be read."""
        return symbol in self.moved or self.unread_row(symbol, instrument_id) is not None

    def unread_row(self, symbol: str, instrument_id: str | None) -> "UnreadPosition | None":
        """Return the row of this instrument that could not be read, if there is one."""
        return next((row for row in self.unread if _is_of(row, symbol, instrument_id)), None)


def _with(quantities: Mapping[str, Decimal], symbol: str, quantity: Decimal) -> Mapping[str, Decimal]:
    others = {name: shares for name, shares in quantities.items() if name != symbol}
    return {**others, symbol: quantity} if quantity else others


def _is_of(row: "UnreadPosition", symbol: str, instrument_id: str | None) -> bool:
    if row.instrument_id is not None and instrument_id is not None:
        return row.instrument_id == instrument_id
    return row.symbol == symbol


def in_words(quantity: Decimal) -> str:
    """Write a number of shares without the zeros that only say how finely the broker counts."""
    return shares_in_words(quantity)


def quantities(positions: "Iterable[Position]") -> dict[str, Decimal]:
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
        if look.is_silent_on(symbol, look.instruments.get(symbol)):
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
        yield baseline(
            symbol,
            look.held.get(symbol, NOTHING),
            reason="held when this journal first looked",
            instrument_id=look.instruments.get(symbol),
        )
    yield baseline_taken(look.began.at)


def baseline(
    symbol: str,
    quantity: Decimal,
    *,
    reason: str | None = None,
    by: str | None = None,
    instrument_id: str | None = None,
) -> OrderEvent:
    """Return the record from which the expected position of a symbol goes on."""
    details = {"by": by, INSTRUMENT_ID: instrument_id}
    return OrderEvent(
        event=EventKind.POSITION_ACCEPTED,
        symbol=symbol,
        quantity=quantity,
        reason=reason,
        details={key: text for key, text in details.items() if text is not None},
    )


def with_instrument(event: OrderEvent, instrument_id: str | None) -> OrderEvent:
    """Return the record with the broker's id of its instrument, where that is known."""
    return event if instrument_id is None else replace(event, details={**event.details, INSTRUMENT_ID: instrument_id})


def instrument_named(symbol: str, instrument_id: str, *, was: str | None = None) -> OrderEvent:
    """Return the record of what the broker calls an instrument; with the name before, it is a rename."""
    details = {INSTRUMENT_ID: instrument_id} if was is None else {INSTRUMENT_ID: instrument_id, WAS: was}
    return OrderEvent(event=EventKind.INSTRUMENT_NAMED, symbol=symbol, details=details)


def baseline_taken(at: datetime | None) -> OrderEvent:
    """Return the record that every position not named before it was zero."""
    return OrderEvent(event=EventKind.POSITION_ACCEPTED, occurred_at=at)


def differed(symbol: str, look: Look) -> OrderEvent:
    """Return the record of the first sight of a difference, from which a later process goes on."""
    held, expected = look.held.get(symbol, NOTHING), look.expected.get(symbol, NOTHING)
    return OrderEvent(
        event=EventKind.POSITION_DIFFERED,
        symbol=symbol,
        occurred_at=look.began.at,
        details=DifferenceDetails(broker=held, expected=expected).as_text(),
    )


def is_same_difference(fact: OrderEvent | None, symbol: str, look: Look) -> bool:
    """Whether a record of a difference, or a freeze for one, names the numbers that this look shows."""
    held, expected = look.held.get(symbol, NOTHING), look.expected.get(symbol, NOTHING)
    return DifferenceDetails.of(fact) == DifferenceDetails(broker=held, expected=expected)


def was_proven_before(fact: OrderEvent | None, look: Look) -> bool:
    """Whether a difference on record, of whichever process, has lasted long enough by the wall clock."""
    if fact is None or fact.occurred_at is None:
        return False
    return (look.began.at - fact.occurred_at).total_seconds() >= SETTLED_AFTER_S


def agreed(symbol: str) -> OrderEvent:
    """Return the record that the broker's position and ours are the same again."""
    return OrderEvent(event=EventKind.POSITION_AGREED, symbol=symbol, reason="the broker's position and ours agree")


def freeze_of(symbol: str, look: Look) -> OrderEvent:
    """Return the record that leaves only bounded sells of a symbol."""
    held, expected = look.held.get(symbol, NOTHING), look.expected.get(symbol, NOTHING)
    return OrderEvent(
        event=EventKind.SYMBOL_FROZEN,
        symbol=symbol,
        reason=f"the broker holds {in_words(held)} shares and our fills explain {in_words(expected)}",
        details={CAUSE: Cause.DRIFT.value, **DifferenceDetails(broker=held, expected=expected).as_text()},
    )


def short_freeze_of(symbol: str, quantity: Decimal) -> OrderEvent:
    """Return the record that freezes a symbol the account is short of, which nothing here ever opens."""
    return OrderEvent(
        event=EventKind.SYMBOL_FROZEN,
        symbol=symbol,
        reason=f"the broker shows {in_words(quantity)} {symbol}: the account is short",
        details={CAUSE: Cause.NEGATIVE_POSITION.value, **DifferenceDetails(broker=quantity).as_text()},
    )


def open_sells(reports: Iterable[OrderReport]) -> dict[str, Decimal]:
    """Return the shares of each symbol that these orders may still sell."""
    taken: dict[str, Decimal] = {}
    for report in reports:
        if report.side is Side.SELL:
            left = max(NOTHING, EXACT.subtract(report.quantity, report.cumulative_quantity))
            taken[report.symbol] = EXACT.add(taken.get(report.symbol, NOTHING), left)
    return taken
