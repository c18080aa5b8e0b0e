"""The way to real prices for the paper exchange: reads of quotes and bars, and nothing else.

Every reading of quotes, whoever asked for it, is also what the exchange trades on. A reading that fails changes
nothing: the quotes before it grow stale, and then nothing fills until the next one works. The log says so once.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from trading_bot.clock import Clock, Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.ports import SendPermit
from trading_bot.paper.live_quotes import LiveQuotes
from trading_bot.robinhood.account_wire import parse_quote
from trading_bot.robinhood.failures import WireFailure
from trading_bot.robinhood.fields import shown_symbol
from trading_bot.robinhood.reads import Renew, Wire, describe
from trading_bot.robinhood.session import WireReply, WireRequest
from trading_bot.robinhood.strict_json import UnreadableReplyError, listed_json

READ_WITHIN_S: Seconds = 3.0
"""How long one reading ahead of need may take. Chosen."""

REFUSED_PAUSE_S: Seconds = 300.0
"""No renewal is tried for so long after prices were refused to a renewed login too: a live bot may use it. Chosen."""

SYMBOLS_AT_ONCE = 400
"""Symbols in one request; as a bot asks for them."""

_QUOTES, _HISTORY, _INSTRUMENTS = "/quotes/", "/marketdata/historicals/", "/instruments/"
_UNAUTHORIZED, _NOT_FOUND = 401, 404
_SUCCESS = range(200, 300)
_UNREADABLE = "the reply holds no quotes"
_log = get_logger(__name__)


class PriceFeed(Protocol):
    """Reads real prices for the paper exchange, over whichever interface."""

    @property
    def market(self) -> LiveQuotes:
        """The market that the exchange trades on, which hears of each quote."""
        ...

    def open(self, symbols: Collection[str]) -> None:
        """Take the login up, and read ``symbols`` once.

        Raises:
            AuthenticationError: there is no login to read with.
        """
        ...

    def refresh(self, symbols: Collection[str]) -> None:
        """Read the quotes of ``symbols`` now; whatever fails is said once, and what was read before grows stale."""
        ...

    def close(self) -> None:
        """Say that the market is watched no longer."""
        ...


class FeedNews:
    """Logs once that quotes cannot be read, and once that they can be again."""

    def __init__(self) -> None:
        self.problem: str | None = None
        """Why the latest reading of quotes failed; None if it worked."""

    def tell(self, problem: str | None) -> None:
        """Take what became of a reading."""
        was, self.problem = self.problem, problem
        if (problem is None) == (was is None):
            return
        if problem is None:
            _log.warning("live_quotes_back")
        else:
            _log.error("live_quotes_lost", problem=f"no paper order fills until quotes can be read again: {problem}")


class QuoteFeed:
    """Reads prices over ``wire``, which can do nothing else, and lets ``market`` know each quote."""

    def __init__(
        self, *, wire: Wire, log_in: Callable[[], None], renew: Renew, market: LiveQuotes, clock: Clock
    ) -> None:
        self.market = market
        self._wire = wire
        self._log_in = log_in
        self._renew = renew
        self._clock = clock
        self._news = FeedNews()
        self._no_renewal_before = clock.monotonic()

    @property
    def problem(self) -> str | None:
        """Why the latest reading of quotes failed; None if it worked."""
        return self._news.problem

    def open(self, symbols: Collection[str]) -> None:
        """Take the login up, and read ``symbols`` once.

        Raises:
            AuthenticationError: there is no login to read with.
        """
        self._log_in()
        self.refresh(symbols)

    def refresh(self, symbols: Collection[str]) -> None:
        """Read the quotes of ``symbols`` now; whatever fails is said once, and what was read before grows stale."""
        asked = sorted(symbols)
        for begin in range(0, len(asked), SYMBOLS_AT_ONCE):
            query = (("symbols", ",".join(asked[begin : begin + SYMBOLS_AT_ONCE])),)
            self.exchange(WireRequest(method="GET", path=_QUOTES, query=query), timeout_s=READ_WITHIN_S)
        self.market.lose_stale()

    def exchange(self, request: WireRequest, *, timeout_s: Seconds) -> WireReply | WireFailure:
        """Read prices once, and once more with a renewed login."""
        deadline = self._clock.monotonic() + timeout_s
        reply = self._wire.exchange(request, timeout_s=timeout_s)
        if _is_refused(reply) and self._has_renewed(deadline):
            reply = self._wire.exchange(request, timeout_s=deadline - self._clock.monotonic())
            if _is_refused(reply):
                self._no_renewal_before = self._clock.monotonic() + REFUSED_PAUSE_S
        if request.path == _QUOTES:
            self._note(dict(request.query).get("symbols", "").split(","), reply)
        return reply

    def close(self) -> None:
        """Say that the market is watched no longer."""
        self.market.lose_stale(everything=True)

    def _has_renewed(self, deadline: Seconds) -> bool:
        now = self._clock.monotonic()
        return self._no_renewal_before <= now < deadline and self._renew(deadline - now)

    def _note(self, asked: Sequence[str], reply: WireReply | WireFailure) -> None:
        rows = _rows(reply)
        if rows is None:
            self._news.tell(
                _UNREADABLE if isinstance(reply, WireReply) and reply.status in _SUCCESS else describe(reply)
            )
            return
        self._news.tell(None)
        named = {shown_symbol(row.get("symbol")) for row in rows if isinstance(row, dict)}
        quotes = {quote.symbol: quote for row in rows if (quote := parse_quote(row)) is not None}
        # Only a whole answer says what is no symbol: one row for each that was asked for, null where there is none.
        is_whole = len(rows) in (0, len(asked))
        self.market.read(asked, quotes, unknown=[each for each in asked if is_whole and each not in named])


def _is_refused(reply: WireReply | WireFailure) -> bool:
    return isinstance(reply, WireReply) and reply.status == _UNAUTHORIZED


def _rows(reply: WireReply | WireFailure) -> list[object] | None:
    """Return the rows of an answer; none for one that says that no symbol is known, None for no answer."""
    if isinstance(reply, WireFailure):
        return None
    if reply.status == _NOT_FOUND:
        return []
    if reply.status not in _SUCCESS:
        return None
    try:
        body = listed_json(reply.body)
    except UnreadableReplyError:
        return None
    rows = body.get("results") if isinstance(body, dict) else None
    return rows if isinstance(rows, list) else None


class LiveQuotedWire:
    """The wire of a paper account at real prices: quotes and bars from ``feed``, all else from the paper exchange."""

    def __init__(self, *, paper: Wire, feed: QuoteFeed) -> None:
        self._paper = paper
        self._feed = feed

    def exchange(
        self, request: WireRequest, *, timeout_s: Seconds, permit: SendPermit | None = None
    ) -> WireReply | WireFailure:
        """Answer one request; only a read of prices leaves this process."""
        if request.method == "GET" and (request.path == _QUOTES or request.path.startswith(_HISTORY)):
            return self._feed.exchange(request, timeout_s=timeout_s)
        symbol = dict(request.query).get("symbol")
        if request.path == _INSTRUMENTS and symbol is not None and not self._feed.market.has_read(symbol):
            self._feed.refresh([symbol])  # the exchange learns whether there is such a symbol
        return self._paper.exchange(request, timeout_s=timeout_s, permit=permit)
