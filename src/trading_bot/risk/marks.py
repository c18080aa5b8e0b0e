"""What held shares are worth now: quotes read ahead of the orders, so that judging a trade asks nobody.

One request reads all symbols. A mark counts for `MARK_LASTS_S` seconds from when its read began; after that, or where
the broker shows no usable price, there is no mark, and what rests on it is not counted. Reading never stops an order.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, Self

from trading_bot.clock import Clock, Moment, Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.models import EXACT
from trading_bot.order_management.portfolio import Quote

MARK_LASTS_S: Seconds = 60.0
"""How old a mark may be: four rounds of the default poll interval."""

READ_AGAIN_AFTER_S: Seconds = 10.0
"""How old the latest attempt to read must be before another one is made ahead of need."""

ORDERS_READ_AFTER_S: Seconds = 30.0
"""The same for an order, which waits for it: two rounds of the default poll interval, so the poller comes first."""

READ_WITHIN_S: Seconds = 3.0
"""How long one read may take: an entry waits for it."""

WIDEST_SPREAD = Decimal("0.10")
"""The part of the bid up to which the middle between bid and ask is a price."""

_TWO = Decimal(2)
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The price of a share now and at the last close before today, adjusted for splits, where the broker says it."""

    price: Decimal
    previous_close: Decimal | None


class Marks(Protocol):
    """Prices that have been read; asking for them reads nothing."""

    def of(self, symbol: str) -> Mark | None:
        """Return the mark of a symbol, or None where there is no fresh one."""
        ...


class NoMarks:
    """No price is known."""

    def of(self, symbol: str) -> None:
        """There is none."""
        del symbol


class QuoteReads(Protocol):
    """Where quotes are read; each read raises an `OrderError` where they cannot be had."""

    def by(self, deadline: Seconds) -> Self:
        """Return the same, whose reads are all over by ``deadline``, a point on the clock."""
        ...

    def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Read quotes in one request; symbols without one are absent."""
        ...


class MarkReader:
    """Reads marks when asked to, and keeps them. Safe to use from several threads."""

    def __init__(self, *, gateway: QuoteReads, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock
        self._reading = threading.Lock()
        self._tried: tuple[Moment, frozenset[str]] | None = None
        self._kept: Mapping[str, tuple[Mark, Moment]] = {}

    def of(self, symbol: str) -> Mark | None:
        """Return the mark of a symbol, or None where there is no fresh one."""
        kept = self._kept.get(symbol)
        return kept[0] if kept is not None and self._is_fresh(kept[1], MARK_LASTS_S) else None

    def refresh(self, symbols: Collection[str], *, after_s: Seconds = READ_AGAIN_AFTER_S) -> None:
        """Read the marks of ``symbols`` in one request, unless that was tried within ``after_s`` or somebody is at it.

        Failing is logged and leaves the older marks, which age. It never raises for what the broker does.
        """
        if not symbols or not self._reading.acquire(blocking=False):
            return
        try:
            if self._is_due(frozenset(symbols), after_s):
                self._read(sorted(symbols))
        finally:
            self._reading.release()

    def _is_due(self, symbols: frozenset[str], after_s: Seconds) -> bool:
        tried = self._tried
        return tried is None or not symbols <= tried[1] or not self._is_fresh(tried[0], after_s)

    def _read(self, symbols: list[str]) -> None:
        began = Moment.of(self._clock)
        self._tried = began, frozenset(symbols)
        try:
            quotes = self._gateway.by(began.mono + READ_WITHIN_S).fetch_quotes(symbols)
        except OrderError as error:
            _log.warning("marks_not_read", problem=str(error))
            return
        marks = {symbol: mark for symbol, quote in quotes.items() if (mark := mark_of(quote)) is not None}
        self._kept = {**self._kept, **{symbol: (mark, began) for symbol, mark in marks.items()}}

    def _is_fresh(self, since: Moment, lasts_s: Seconds) -> bool:
        return since.age_s(self._clock) <= lasts_s and not since.slept_since(self._clock)


def mark_of(quote: Quote) -> Mark | None:
    """Return the middle of a two-sided, uncrossed market that is not too wide, else the last trade, else None."""
    bid, ask = quote.bid_price, quote.ask_price
    widest = EXACT.multiply(bid, EXACT.add(1, WIDEST_SPREAD))
    if bid > 0 and bid <= ask <= widest:
        price = EXACT.divide(EXACT.add(bid, ask), _TWO)
    elif quote.last_price is not None and quote.last_price > 0:
        price = quote.last_price
    else:
        return None
    return Mark(price=price, previous_close=quote.adjusted_previous_close or quote.previous_close)
