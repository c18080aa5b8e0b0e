"""The way to real prices over the agent interface for a paper exchange that speaks it: as `QuoteFeed`, but by tools.

The interface tells no sizes. `ASSUMED_SHARES` are taken to be on offer at each price, so fills are more of a guess than
those at the prices of the private wire.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from trading_bot.agent.account import HISTORICALS, PRICE_BOOK, QUOTES
from trading_bot.agent.calls import describe
from trading_bot.agent.error_text import ErrorText
from trading_bot.agent.quote_rows import QUOTES_AT_ONCE, chunks, missing_symbols, quotes_of
from trading_bot.agent.tool_call import AgentWire, CallResult, HttpRefusal, ToolCall, ToolError, ToolReply, tool_call
from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.portfolio import Quote
from trading_bot.order_management.ports import SendPermit
from trading_bot.paper.live_quotes import LiveQuotes
from trading_bot.paper.quote_feed import READ_WITHIN_S, REFUSED_PAUSE_S, FeedNews
from trading_bot.robinhood.reads import Renew

ASSUMED_SHARES: Final = 100
"""On offer at the bid and at the ask: a round lot. Chosen."""

_PRICES: Final = frozenset({QUOTES, PRICE_BOOK, HISTORICALS})
_ORDERS: Final = frozenset({"place_equity_order", "review_equity_order"})
_UNAUTHORIZED = 401


class AgentFeed:
    """Reads prices over ``wire``, which can do nothing else, and lets ``market`` know each quote. See `PriceFeed`."""

    def __init__(
        self, *, wire: AgentWire, log_in: Callable[[], object], renew: Renew, market: LiveQuotes, clock: Clock
    ) -> None:
        self.market = market
        self._wire = wire
        self._log_in = log_in
        self._renew = renew
        self._clock = clock
        self._news = FeedNews()
        self._no_renewal_before = clock.monotonic()

    def open(self, symbols: Collection[str]) -> None:
        """Take the login up, and read ``symbols`` once.

        Raises:
            AuthenticationError: there is no login to read with.
        """
        self._log_in()
        self.refresh(symbols)

    def refresh(self, symbols: Collection[str]) -> None:
        """Read the quotes of ``symbols`` now; whatever fails is said once, and what was read before grows stale."""
        for asked in chunks(sorted(symbols), QUOTES_AT_ONCE):
            unknown = self._read(asked)
            if unknown and (known := [symbol for symbol in asked if symbol not in unknown]):
                self._read(known)  # one unknown symbol fails the whole call
        self.market.lose_stale()

    def call(self, call: ToolCall, *, timeout_s: Seconds) -> CallResult:
        """Read prices once, and once more with a renewed login."""
        deadline = self._clock.monotonic() + timeout_s
        result = self._wire.call(call, timeout_s=timeout_s)
        if _is_refused(result) and self._has_renewed(deadline):
            result = self._wire.call(call, timeout_s=deadline - self._clock.monotonic())
            if _is_refused(result):
                self._no_renewal_before = self._clock.monotonic() + REFUSED_PAUSE_S
        if call.tool == QUOTES:
            self._note(_arguments(call).get("symbols"), result)
        return result

    def close(self) -> None:
        """Say that the market is watched no longer."""
        self.market.lose_stale(everything=True)

    def _read(self, symbols: Sequence[str]) -> frozenset[str]:
        """Read quotes; return the symbols that there are not."""
        return _unknown_in(self.call(tool_call(QUOTES, {"symbols": list(symbols)}), timeout_s=READ_WITHIN_S))

    def _has_renewed(self, deadline: Seconds) -> bool:
        now = self._clock.monotonic()
        return self._no_renewal_before <= now < deadline and self._renew(deadline - now)

    def _note(self, symbols: object, result: CallResult) -> None:
        asked = [str(symbol) for symbol in symbols] if isinstance(symbols, list) else []
        if unknown := _unknown_in(result):
            self.market.read([each for each in asked if each in unknown], {}, unknown=unknown)
            return
        if not isinstance(result, ToolReply):
            self._news.tell(describe(result))
            return
        try:
            quotes = quotes_of(result.data)
        except OrderStatusError as error:
            self._news.tell(str(error))
            return
        self._news.tell(None)
        self.market.read(asked, {symbol: _with_sizes(quote) for symbol, quote in quotes.items()}, unknown=())


class LiveQuotedTools:
    """The wire of a paper account at real prices: prices from ``feed``, all else from the paper exchange."""

    def __init__(self, *, paper: AgentWire, feed: AgentFeed) -> None:
        self._paper = paper
        self._feed = feed

    def call(self, call: ToolCall, *, timeout_s: Seconds, permit: SendPermit | None = None) -> CallResult:
        """Answer one call; only a read of prices leaves this process."""
        if call.tool in _PRICES:
            return self._feed.call(call, timeout_s=timeout_s)
        symbol = _arguments(call).get("symbol")
        if call.tool in _ORDERS and isinstance(symbol, str) and not self._feed.market.has_read(symbol):
            self._feed.refresh([symbol])  # the exchange learns whether there is such a symbol
        return self._paper.call(call, timeout_s=timeout_s, permit=permit)


def _arguments(call: ToolCall) -> Mapping[str, object]:
    found = json.loads(call.params).get("arguments")
    return found if isinstance(found, dict) else {}


def _is_refused(result: CallResult) -> bool:
    return isinstance(result, HttpRefusal) and result.status == _UNAUTHORIZED


def _unknown_in(result: CallResult) -> frozenset[str]:
    return missing_symbols(ErrorText.of(result).body) if isinstance(result, ToolError) else frozenset()


def _with_sizes(quote: Quote) -> Quote:
    return replace(quote, bid_size=quote.bid_size or ASSUMED_SHARES, ask_size=quote.ask_size or ASSUMED_SHARES)
