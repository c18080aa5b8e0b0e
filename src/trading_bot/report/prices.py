"""What the market showed in a period, as far as somebody recorded it. Pure.

A quote holds until the next one of its symbol. No quote within `LONGEST_GAP` is a gap: what the market did in it is
not known, so nothing is concluded from it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from trading_bot.order_management.models import EXACT

LONGEST_GAP = timedelta(seconds=120)
"""How long a quote speaks for the market. Chosen: quotes of a quiet symbol are recorded about once a minute."""

MARK_HOLDS = timedelta(days=4)
"""How long the last quote values held shares. Chosen: from the close before a long weekend to the next opening."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The best bid and ask from ``at`` on, in dollars."""

    at: datetime
    bid: Decimal
    ask: Decimal
    halted: bool = False

    @property
    def middle(self) -> Decimal:
        """The middle of bid and ask."""
        return EXACT.divide(EXACT.add(self.bid, self.ask), Decimal(2))


class RecordedPrices:
    """The recorded quotes of each symbol, in the order of their times."""

    def __init__(self, quotes: Mapping[str, Iterable[Quote]] | None = None) -> None:
        self._quotes = {symbol: tuple(those) for symbol, those in (quotes or {}).items()}
        self._times = {symbol: [quote.at for quote in those] for symbol, those in self._quotes.items()}

    def of(self, symbol: str) -> Sequence[Quote]:
        """Return every quote of a symbol."""
        return self._quotes.get(symbol, ())

    def at(self, symbol: str, moment: datetime) -> Quote | None:
        """Return the quote that holds at ``moment``; None where the last one is older than `LONGEST_GAP`."""
        times = self._times.get(symbol, ())
        place = bisect_right(times, moment)
        if not place or moment - times[place - 1] > LONGEST_GAP:
            return None
        return self._quotes[symbol][place - 1]

    def mark(self, symbol: str, moment: datetime) -> Decimal | None:
        """Return what a share is worth at ``moment`` by the last quote; None if that is older than `MARK_HOLDS`."""
        times = self._times.get(symbol, ())
        place = bisect_right(times, moment)
        if not place or moment - times[place - 1] > MARK_HOLDS:
            return None
        return self._quotes[symbol][place - 1].middle

    def between(self, symbol: str, after: datetime, until: datetime) -> Sequence[Quote]:
        """Return the quotes later than ``after`` and not later than ``until``."""
        times = self._times.get(symbol, ())
        return self.of(symbol)[bisect_right(times, after) : bisect_right(times, until)]

    def within(self, symbol: str, begin: datetime, end: datetime) -> Sequence[Quote]:
        """Return the quotes from ``begin`` to ``end``, both included."""
        times = self._times.get(symbol, ())
        return self.of(symbol)[bisect_left(times, begin) : bisect_right(times, end)]

    def cover(self, symbol: str, begin: datetime, end: datetime) -> bool:
        """Whether there is no gap from ``begin`` to ``end``."""
        times = self._times.get(symbol, ())
        first, last = bisect_right(times, begin) - 1, bisect_left(times, end)
        if first < 0:
            return False
        held = [*times[first:last], end]
        return begin - held[0] <= LONGEST_GAP and all(
            later - earlier <= LONGEST_GAP for earlier, later in pairwise(held)
        )
