"""What the market shows a strategy: quotes and bars, kept for a short while and read at a bounded pace.

What it guarantees: however often a strategy asks, the broker is asked no oftener than ``turn`` allows, and each call is
over within `READ_WITHIN_S`. Nothing here is used to judge or price an order: those read for themselves.

What it does not: a quote says what the market was up to a second ago, not what it will be when an order arrives.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from trading_bot.account.cache import CachedByKey
from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.portfolio import Bar, Quote, check_bars
from trading_bot.order_management.ports import MarketDataGateway

READ_WITHIN_S: Seconds = 10.0
"""How long one call may take, the wait for its turn included. Chosen."""

QUOTES_LAST_S: Seconds = 1.0
"""How long a quote is used again. Chosen."""

BARS_LAST_S: Mapping[str, Seconds] = {"5minute": 15.0, "10minute": 15.0, "hour": 60.0, "day": 300.0, "week": 300.0}
"""How long bars of each interval are used again: the newest one may show up that much later. Chosen."""

SYMBOLS_A_TURN = 400
"""How many quotes one turn is good for: a gateway asks for no more in one request."""

Turn: TypeAlias = Callable[[Seconds], bool]
"""Waits for the turn to ask the broker, so many seconds at most; says whether it came."""

_TOO_OFTEN = (
    "market data was asked for more often than our own limit allows, and its turn did not come in time;"
    " ask for many symbols in one call, or less often"
)

_History: TypeAlias = tuple[str, str, str]


def at_once(_within_s: Seconds) -> bool:
    """Wait for nothing: on paper nobody is asked."""
    return True


class MarketData:
    """Quotes and bars of any symbol; safe to use from several threads.

    Each read raises `OrderStatusError` where the broker gives no data: an old answer is never served in its place.
    """

    def __init__(self, *, gateway: MarketDataGateway, clock: Clock, turn: Turn = at_once) -> None:
        self._gateway = gateway
        self._clock = clock
        self._turn = turn
        self._quotes = CachedByKey(self._fetch_quotes, clock=clock, ttl_s=lambda _symbol: QUOTES_LAST_S)
        self._bars = CachedByKey(self._fetch_bars, clock=clock, ttl_s=lambda key: BARS_LAST_S[key[1]])

    def quotes(self, symbols: Sequence[str], *, by: Seconds) -> Mapping[str, Quote]:
        """Return quotes at most a second old; symbols without a two-sided market are absent."""
        return self._quotes.get(tuple(dict.fromkeys(symbols)), by=by)

    def history(self, symbol: str, interval: str, span: str, *, by: Seconds) -> tuple[Bar, ...]:
        """Return the bars that have ended, oldest first; see `MarketDataGateway.fetch_history`."""
        check_bars(interval, span)
        key = (symbol, interval, span)
        return self._bars.get((key,), by=by)[key]

    def wait_for_turn(self, *, by: Seconds) -> None:
        """Wait until the broker may be asked for something else that a strategy wants to know.

        Raises:
            OrderStatusError: the turn did not come in time; nothing was asked.
        """
        if not self._turn(by - self._clock.monotonic()):
            raise OrderStatusError(_TOO_OFTEN)

    def _fetch_quotes(self, symbols: Sequence[str], by: Seconds) -> Mapping[str, Quote]:
        found: dict[str, Quote] = {}
        for begin in range(0, len(symbols), SYMBOLS_A_TURN):
            self.wait_for_turn(by=by)
            found |= self._gateway.by(by).fetch_quotes(symbols[begin : begin + SYMBOLS_A_TURN])
        return found

    def _fetch_bars(self, keys: Sequence[_History], by: Seconds) -> Mapping[_History, tuple[Bar, ...]]:
        self.wait_for_turn(by=by)
        return {key: self._gateway.by(by).fetch_history(*key) for key in keys}
