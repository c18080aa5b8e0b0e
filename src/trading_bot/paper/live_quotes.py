"""The real market as the paper exchange sees it: the quotes that this process has read, each from when it was read.

What it guarantees: only a quote that somebody has read fills an order, at its bid or ask, from the moment of the
reading and never before it. Nothing fills on a quote that is missing, one-sided, crossed, halted or stale: one whose
latest reading is older than `CONFIRMED_WITHIN_S`, or that the broker itself dates back more than `OLDEST_QUOTE_S`.

How: a reading that shows what the one before showed confirms it, so that its shown size is not there to take again; any
other is a new quote. Where the market of a symbol is lost, a halted quote at the last prices says so: it fills nothing,
here and in a replay of the record.

What it does not: between two readings the market may have moved and come back. That fills nothing.
"""

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.portfolio import Quote
from trading_bot.paper.quotes import TICKER, MarketQuote

CONFIRMED_WITHIN_S: Seconds = 10.0
"""How long a reading counts. Chosen: some readings may fail."""

OLDEST_QUOTE_S: Seconds = 60.0
"""How old a quote may be by the broker's own time when it is read. Chosen: after the close it grows older than this."""

KEPT_QUOTES = 4_000
"""How many quotes of a symbol are kept in memory, for the exchange to catch up with. Chosen."""

_CONFIRMED_WITHIN = timedelta(seconds=CONFIRMED_WITHIN_S)
_OLDEST_QUOTE = timedelta(seconds=OLDEST_QUOTE_S)
_TICK = timedelta(microseconds=1)


@dataclass(slots=True)
class _Seen:
    """What was read of one symbol."""

    quotes: deque[MarketQuote] = field(default_factory=lambda: deque(maxlen=KEPT_QUOTES))
    dated: datetime | None = None
    """The broker's own time of the latest quote."""
    confirmed_at: datetime | None = None
    """When it was read last; None once its market is lost."""


class LiveQuotes:
    """The quotes that were read, for the paper exchange. Safe to share between threads.

    ``on_new`` hears of each new quote, in the order of their times.
    """

    def __init__(self, *, clock: Clock, on_new: Callable[[MarketQuote], None]) -> None:
        self._clock = clock
        self._on_new = on_new
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}
        self._unknown: set[str] = set()
        self._latest: datetime | None = None

    def knows(self, symbol: str) -> bool:
        """Return whether the symbol looks like a ticker, and the broker has not answered that it is none."""
        return TICKER.fullmatch(symbol) is not None and symbol not in self._unknown

    def has_read(self, symbol: str) -> bool:
        """Return whether the broker has answered for this symbol, with a quote or without one."""
        return symbol in self._seen or symbol in self._unknown

    def quote(self, symbol: str, now: datetime) -> MarketQuote | None:
        """Return the latest quote at or before ``now``, unless it is stale by then."""
        with self._lock:
            seen = self._seen.get(symbol)
            if seen is None:
                return None
            index = _first_after(seen.quotes, now)
            found = seen.quotes[index - 1] if index else None
            if found is None or found.halted or index < len(seen.quotes):
                return found
            is_fresh = seen.confirmed_at is not None and now - seen.confirmed_at <= _CONFIRMED_WITHIN
            return found if is_fresh else replace(found, halted=True)

    def updates(self, symbol: str, after: datetime, until: datetime) -> Iterable[MarketQuote]:
        """Return the quotes that were read after ``after`` up to ``until``, oldest first."""
        with self._lock:
            quotes = self._seen[symbol].quotes if symbol in self._seen else ()
            return [quote for quote in quotes if after < quote.at <= until]

    def observe_reference(self, symbol: str, price: Decimal, now: datetime) -> None:
        """Leave the market as it is: it is real."""

    def read(self, asked: Sequence[str], quotes: Mapping[str, Quote], *, unknown: Iterable[str]) -> None:
        """Take one answer of the broker to ``asked``: a symbol without a usable quote has no market now."""
        with self._lock:
            now = self._now()
            self._unknown = (self._unknown - set(asked)) | set(unknown)
            for symbol in asked:
                seen = self._seen.get(symbol)
                quote = quotes.get(symbol)
                if quote is not None and _is_usable(quote, now):
                    self._take(symbol, quote, now)
                elif seen is not None:
                    self._lose(seen, now)

    def lose_stale(self, *, everything: bool = False) -> None:
        """Say of each symbol whose quote is stale, or of ``everything``, that it has no market any more."""
        with self._lock:
            now = self._now()
            for seen in self._seen.values():
                if everything or (seen.confirmed_at is not None and now - seen.confirmed_at > _CONFIRMED_WITHIN):
                    self._lose(seen, now)

    def _now(self) -> datetime:
        # Quotes stay in the order of their times, also where the machine's clock is set back.
        now = self._clock.now()
        self._latest = now if self._latest is None else max(now, self._latest + _TICK)
        return self._latest

    def _take(self, symbol: str, quote: Quote, now: datetime) -> None:
        seen = self._seen.setdefault(symbol, _Seen())
        new = MarketQuote(
            symbol=symbol,
            at=now,
            bid=quote.bid_price,
            ask=quote.ask_price,
            bid_size=quote.bid_size,
            ask_size=quote.ask_size,
            halted=quote.trading_halted,
        )
        dated = _dated(quote)
        is_same = bool(seen.quotes) and seen.dated == dated and replace(seen.quotes[-1], at=now) == new
        seen.dated, seen.confirmed_at = dated, now
        if not is_same:
            self._add(seen, new)

    def _lose(self, seen: _Seen, now: datetime) -> None:
        seen.confirmed_at = None
        if not seen.quotes[-1].halted:
            self._add(seen, replace(seen.quotes[-1], at=now, halted=True))

    def _add(self, seen: _Seen, quote: MarketQuote) -> None:
        seen.quotes.append(quote)
        self._on_new(quote)


def _first_after(quotes: Sequence[MarketQuote], moment: datetime) -> int:
    return bisect_right(quotes, moment, key=lambda quote: quote.at)


def _is_usable(quote: Quote, now: datetime) -> bool:
    dated = _dated(quote)
    is_young = dated is None or now - dated <= _OLDEST_QUOTE
    return 0 < quote.bid_price <= quote.ask_price and is_young


def _dated(quote: Quote) -> datetime | None:
    """Return the latest time that the broker gives the quote: one side of a market may stand for long."""
    times = [each for each in (quote.updated_at, quote.venue_bid_time, quote.venue_ask_time) if each is not None]
    return max(times, default=None)
