"""What an accepted position does to the cost of a symbol's shares. Pure.

A person who accepts another number of shares than our fills explain says that shares moved without an order of ours.
If that was a split, the total cost stays and is spread over the new shares: the acceptance carries the ratio. If not,
nobody here knows what the shares cost, so their cost is unknown from there on. It counts in no limit, and is said.

An acceptance stands between the orders whose intents are numbered before it and those numbered after it. The numbers of
the journal decide, not the times: an acceptance has our time, an execution the broker's.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from trading_bot.order_management.book.pointers import StandingKind, StandingPointers, pointer
from trading_bot.order_management.book.position_watch import baseline, in_words
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderValidationError
from trading_bot.order_management.journal.port import Pointer
from trading_bot.order_management.models import EXACT

LARGEST_RATIO = 1000
"""The largest number on either side of a split ratio; real splits stay far below it."""

_CASH_IN_LIEU = Decimal(1)
"""A broker pays the fraction of a share that a split leaves over in cash, or rounds it up: less than one share."""

_RATIO = re.compile(r"([0-9]{1,4}):([0-9]{1,4})")
_BY, _BEFORE, _HELD, _RATIO_KEY, _NUMBER = "by", "before", "held", "ratio", "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRatio:
    """``new`` shares for every ``old`` ones; 10:1 makes ten of one, 1:8 makes one of eight."""

    new: int
    old: int

    def __str__(self) -> str:
        return f"{self.new}:{self.old}"

    def of(self, quantity: Decimal) -> Decimal:
        """Return what the split makes of ``quantity`` shares, fractions included."""
        return EXACT.divide(EXACT.multiply(quantity, Decimal(self.new)), Decimal(self.old))


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """One position that a person accepted although our fills explain another one."""

    symbol: str
    number: int
    """The number of its journal record."""
    at: datetime
    by: str
    before: Decimal
    """The shares that our fills explained."""
    held: Decimal
    """The shares accepted in their place."""
    ratio: SplitRatio | None

    @property
    def keeps_cost(self) -> bool:
        """Whether the total cost goes over to the shares accepted, as in a split."""
        return self.ratio is not None and self.before > 0

    def of(self, quantity: Decimal) -> Decimal:
        """Return what became of ``quantity`` of the shares before; only where the cost stays."""
        return EXACT.divide(EXACT.multiply(quantity, self.held), self.before)


def parse_ratio(text: str, *, symbol: str) -> SplitRatio:
    """Read ``NEW:OLD``.

    Raises:
        OrderValidationError: not two whole numbers from 1 to `LARGEST_RATIO`, or both are the same.
    """
    found = _RATIO.fullmatch(text)
    new, old = (int(found[1]), int(found[2])) if found is not None else (0, 0)
    if not (1 <= new <= LARGEST_RATIO and 1 <= old <= LARGEST_RATIO) or new == old:
        raise OrderValidationError(
            f"{ascii(text)[:40]} is no split ratio; write the new shares and the old ones as two different whole "
            f"numbers from 1 to {LARGEST_RATIO}, such as 10:1, or 1:8 for a reverse split",
            code="bad_ratio",
            symbol=symbol,
        )
    return SplitRatio(new=new, old=old)


def refuse_unlike(ratio: SplitRatio, *, symbol: str, before: Decimal, held: Decimal) -> None:
    """Refuse a ratio that does not lead from ``before`` to ``held`` within less than one share.

    Raises:
        OrderValidationError: it does not.
    """
    expected = ratio.of(before)
    if before > 0 and EXACT.subtract(held, expected).copy_abs() < _CASH_IN_LIEU:
        return
    raise OrderValidationError(
        f"{symbol}: a split of {ratio} makes {_shares(expected)} of the {_shares(before)} shares that our fills "
        f"explain, and the broker holds {_shares(held)}; the two may differ by less than one share, the fraction paid "
        "in cash: correct the ratio, or accept the position without one, and the cost of its shares is unknown",
        code="ratio_does_not_fit",
        symbol=symbol,
    )


def acceptance_event(
    symbol: str, quantity: Decimal, *, before: Decimal, ratio: SplitRatio | None, by: str, reason: str
) -> OrderEvent:
    """Return the record of a position that ``by`` accepted in place of ``before`` shares."""
    plain = baseline(symbol, quantity, reason=reason, by=by)
    split = {} if ratio is None else {_RATIO_KEY: str(ratio)}
    return replace(plain, details={**plain.details, _BEFORE: f"{before:f}", **split})


def acceptance_of(record: JournalRecord, *, before: Decimal) -> Acceptance | None:
    """Return what a record says of the cost of a symbol, if anything.

    ``before`` is the quantity on record until then; a record that says so itself wins. Carried records are understood.

    Raises:
        OrderLogDamagedError: a detail is malformed.
    """
    fact, details = record.fact, record.fact.details
    if fact.event is not EventKind.POSITION_ACCEPTED or fact.symbol is None or _BY not in details:
        return None
    try:
        return _told(record, symbol=fact.symbol, before=before)
    except (ValueError, ArithmeticError) as error:
        raise OrderLogDamagedError(
            f"journal record {record.seq} ({fact.event}) cannot be true: {error}; run 'trading-bot audit verify'"
        ) from error


def _told(record: JournalRecord, *, symbol: str, before: Decimal) -> Acceptance | None:
    fact, details = record.fact, record.fact.details
    held = Decimal(details[_HELD]) if _HELD in details else fact.quantity
    before_it = Decimal(details[_BEFORE]) if _BEFORE in details else before
    if held is None or (held == before_it and _RATIO_KEY not in details):
        return None
    return Acceptance(
        symbol=symbol,
        number=int(details.get(_NUMBER, record.seq)),
        at=fact.occurred_at or record.ts,
        by=details[_BY],
        before=before_it,
        held=held,
        ratio=parse_ratio(details[_RATIO_KEY], symbol=symbol) if _RATIO_KEY in details else None,
    )


class Acceptances:
    """The accepted positions of one journal, oldest first. Not thread-safe: the store guards it."""

    def __init__(self, pointers: StandingPointers) -> None:
        self._pointers = pointers
        self._kept: list[tuple[Acceptance, Pointer]] = []

    def note(self, record: JournalRecord, *, before: Decimal) -> None:
        """Keep what a record says of the cost of a symbol, if anything and once; see `acceptance_of`."""
        found = acceptance_of(record, before=before)
        # A journal of 0.1 repeated an acceptance in each segment.
        if found is None or any((found.symbol, found.number) == (one.symbol, one.number) for one in self.all()):
            return
        at = pointer(StandingKind.ACCEPTANCE, found.symbol, record.seq)
        self._kept.append((found, at))
        self._pointers.add(at)

    def rename(self, was: str | None, symbol: str | None) -> None:
        """Go on under another symbol of the same instrument."""
        if was is not None and symbol is not None:
            self._kept = [(replace(one, symbol=symbol) if one.symbol == was else one, at) for one, at in self._kept]

    def clear(self) -> None:
        """Forget them all."""
        self._kept.clear()

    def all(self) -> tuple[Acceptance, ...]:
        """Return them, oldest first."""
        return tuple(one for one, _ in self._kept)

    def forget_unneeded(self, *, orders: Iterable[tuple[str, int]], held: Collection[str]) -> None:
        """Forget those on which nothing rests any more.

        Kept are those that are younger than an order still at hand (``orders``: symbol and number), and of the symbols
        ``held`` those from the last one on that made the cost unknown.
        """
        first: dict[str, int] = {}
        for symbol, number in orders:
            first[symbol] = min(number, first.get(symbol, number))
        unknown_since = {one.symbol: one.number for one in self.all() if not one.keeps_cost and one.symbol in held}

        def is_needed(one: Acceptance) -> bool:
            since_unknown = unknown_since.get(one.symbol, one.number + 1) - 1
            return one.number > min(first.get(one.symbol, one.number), since_unknown)

        self._pointers.end(at for one, at in self._kept if not is_needed(one))
        self._kept = [(one, at) for one, at in self._kept if is_needed(one)]


def _shares(quantity: Decimal) -> str:
    return in_words(quantity.quantize(Decimal("1e-8"), context=EXACT))
