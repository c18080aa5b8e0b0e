"""The visible market, read ahead of each entry and outside of every lock, and the collar computed from it."""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future

from trading_bot.clock import Clock, Moment, Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.exceptions import OrderStatusError, TradeRefusedError
from trading_bot.order_management.models import OrderTerms
from trading_bot.order_management.portfolio import Quote
from trading_bot.order_management.ports import AccountGateway
from trading_bot.order_management.submit.collar import NO_QUOTE, CollarRules, QuoteLook, why_not_at_market
from trading_bot.threads import OWN_THREADS, Threads

WATCHED_S: Seconds = 900.0
"""For how long a symbol is asked for together with others, and ahead of need, after an order in it. Chosen."""

WATCHED_SYMBOLS = 50
"""How many symbols one request asks for at most."""

_log = get_logger(__name__)


def allow_at_any_market(_asked: OrderTerms, _by: Seconds) -> Callable[[OrderTerms], None]:
    """Look at no market and refuse nothing, as on paper."""
    return lambda _terms: None


class RecentQuotes:
    """Reads quotes, and keeps each look while it is young enough. A symbol that showed a market is watched from then.

    Watched symbols are read in one request. A symbol whose own request fails, or shows no market, is never among them;
    one that was watched and spoils the request for all ends the watch of all: each has to show a market by itself
    again. Safe to share between threads: no lock is held while the broker is asked.
    """

    def __init__(
        self, *, account: AccountGateway, clock: Clock, max_age_s: Seconds, threads: Threads = OWN_THREADS
    ) -> None:
        self._threads = threads
        self._account = account
        self._clock = clock
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
        self._watched: dict[str, Seconds] = {}
        self._looks: dict[str, QuoteLook] = {}
        self._has_failed = False

    def look(self, symbol: str, *, by: Seconds) -> QuoteLook | None:
        """Return the market of ``symbol``, read at most ``max_age_s`` ago; None where it has no two sides.

        Raises:
            OrderStatusError: it could not be read by ``by``, a point on the clock.
        """
        kept = self._young_look(symbol)
        if kept is None:
            with self._lock:
                symbols = self._with_watched(symbol)
            began = Moment.of(self._clock)
            # An answer that took longer would be too old to be of use.
            quotes = self._read(symbol, symbols, by=min(by, began.mono + self._max_age_s))
            kept = self._kept((symbol,), quotes, began).get(symbol)
        if kept is not None:
            self._watch(symbol)
        return kept

    def begin(self, symbol: str, *, by: Seconds) -> Callable[[], QuoteLook | None]:
        """Begin to `look`, beside what else its caller waits for, and return what gives the look once it is needed."""
        if self._young_look(symbol) is not None:
            return lambda: self.look(symbol, by=by)
        looking = self._threads.begin(lambda: self.look(symbol, by=by), "trading-bot-quote")
        return lambda: self._begun(looking, symbol, by=by)

    def _begun(self, looking: "Future[QuoteLook | None]", symbol: str, *, by: Seconds) -> QuoteLook | None:
        try:
            begun = looking.result(max(by - self._clock.monotonic(), 0))
        except TimeoutError as error:
            raise OrderStatusError("its read has not ended in time; try again in a moment", symbol=symbol) from error
        # What else was read may have taken longer than a quote may be old.
        return begun if begun is None or self._is_young(begun) else self.look(symbol, by=by)

    def renew(self) -> None:
        """Read the quotes of all watched symbols ahead of need; where that fails, the looks there are age.

        Call it more often than a look gets too old. Once it fails twice in a row, nothing is watched any more.
        """
        began = Moment.of(self._clock)
        with self._lock:
            symbols = tuple(self._still_watched())
        if not symbols:
            return
        try:
            quotes = self._account.by(began.mono + self._max_age_s).fetch_quotes(symbols)
        except OrderStatusError as error:
            _log.warning("quotes_not_renewed", problem=str(error))
            if self._has_failed:
                self._watch_no_more(symbols)
            self._has_failed = not self._has_failed
            return
        self._has_failed = False
        self._watch_no_more(symbol for symbol in symbols if symbol not in quotes)
        self._kept(symbols, quotes, began)

    def _kept(self, asked: Iterable[str], quotes: Mapping[str, Quote], began: Moment) -> Mapping[str, QuoteLook]:
        with self._lock:
            young = {name: look for name, look in self._looks.items() if self._is_young(look)}
            later = {name: look for name, look in young.items() if look.began.mono > began.mono}
            others = {name: look for name, look in young.items() if name not in asked}
            read = {name: QuoteLook(quote=quote, began=began) for name, quote in quotes.items()}
            self._looks = {**others, **read, **later}
            return self._looks

    def _young_look(self, symbol: str) -> QuoteLook | None:
        with self._lock:
            kept = self._looks.get(symbol)
        return kept if kept is not None and self._is_young(kept) else None

    def _is_young(self, look: QuoteLook) -> bool:
        return look.began.age_s(self._clock) < self._max_age_s

    def _with_watched(self, symbol: str) -> tuple[str, ...]:
        watched = tuple(self._still_watched())
        return watched if symbol in watched else (symbol,)

    def _watch(self, symbol: str) -> None:
        with self._lock:
            self._watched.pop(symbol, None)
            self._watched = dict([*self._still_watched().items(), (symbol, self._clock.monotonic())][-WATCHED_SYMBOLS:])

    def _watch_no_more(self, symbols: Iterable[str]) -> None:
        with self._lock:
            for symbol in symbols:
                self._watched.pop(symbol, None)

    def _still_watched(self) -> Mapping[str, Seconds]:
        now = self._clock.monotonic()
        return {name: since for name, since in self._watched.items() if now - since < WATCHED_S}

    def _read(self, symbol: str, symbols: tuple[str, ...], *, by: Seconds) -> Mapping[str, Quote]:
        in_time = self._account.by(by)
        if len(symbols) > 1:
            try:
                quotes = in_time.fetch_quotes(symbols)
            except OrderStatusError:
                quotes = {}
            if symbol in quotes:
                return quotes
        try:
            alone = in_time.fetch_quotes((symbol,))
        except OrderStatusError:
            self._watch_no_more((symbol,))
            raise
        spoilt = symbols if symbol in alone else (symbol,)
        self._watch_no_more(spoilt)  # where it shows a market, another one spoils the request for all
        return alone


class MarketCollar:
    """Refuses entries that reach too far through the market, or whose market nobody can tell.

    ``is_regular`` says whether the regular session is open now.
    """

    def __init__(
        self,
        *,
        account: AccountGateway,
        rules: CollarRules,
        is_regular: Callable[[], bool],
        clock: Clock,
        threads: Threads = OWN_THREADS,
    ) -> None:
        self._quotes = RecentQuotes(account=account, clock=clock, max_age_s=rules.max_quote_age_s, threads=threads)
        self.renew = self._quotes.renew
        self.renew_every_s: Seconds = rules.max_quote_age_s / 2
        self._rules = rules
        self._is_regular = is_regular
        self._clock = clock

    def begin(self, asked: OrderTerms, by: Seconds) -> Callable[[OrderTerms], None]:
        """Begin to look at the market of an entry; see `MarketCheck`. What it returns waits for the look, and refuses.

        That raises `TradeRefusedError`, with the collar's code, and the quote in the message.
        """
        look = self._quotes.begin(asked.symbol, by=by)
        return lambda terms: self._refuse_outside(terms, look)

    def _refuse_outside(self, terms: OrderTerms, look: Callable[[], QuoteLook | None]) -> None:
        try:
            quote = look()
        except OrderStatusError as error:
            raise TradeRefusedError(
                f"{terms.symbol}: its quote cannot be read ({error}); an entry needs one, held shares can be sold "
                "without",
                symbol=terms.symbol,
                code=NO_QUOTE,
            ) from error
        objection = why_not_at_market(
            terms,
            quote,
            rules=self._rules,
            extended=terms.extended_hours and not self._is_regular(),
            clock=self._clock,
        )
        if objection is not None:
            raise TradeRefusedError(objection.reason, symbol=terms.symbol, code=objection.code)
