"""The tools that tell of the account and the market."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.support.agent_server.book import AgentBook
from tests.support.agent_server.paging import CursorForm, page_of
from tests.support.agent_server.refusals import ToolRefusalError, api_error, not_found
from tests.support.agent_server.rows import account_rows, portfolio, position_rows, quote_row, six, time_of
from trading_bot.clock import Clock

Arguments = Mapping[str, object]
STEPS = {
    "minute": timedelta(minutes=1),
    "5minute": timedelta(minutes=5),
    "10minute": timedelta(minutes=10),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
MOST_BARS = 5_000


class AccountTools:
    """What the account holds and what the market shows. ``closes`` are the last bars of a symbol, oldest first."""

    def __init__(self, book: AgentBook, clock: Clock) -> None:
        self._book, self._clock = book, clock
        self.closes: dict[str, list[Decimal]] = {}
        self.lots: dict[str, list[dict[str, object]]] = {}
        self.gains: list[dict[str, object]] = []
        """The data points of realised results, as the tool tells them."""
        self.page_size = 100
        self.cursors = CursorForm.OPAQUE

    def check(self, arguments: Arguments) -> None:
        if arguments["account_number"] not in {self._book.account_number, *self._book.other_accounts}:
            raise not_found()

    def accounts(self, arguments: Arguments) -> dict[str, object]:
        del arguments
        return {"accounts": account_rows(self._book)}

    def portfolio(self, arguments: Arguments) -> dict[str, object]:
        self.check(arguments)
        return portfolio(self._book)

    def positions(self, arguments: Arguments) -> dict[str, object]:
        self.check(arguments)
        rows = position_rows(self._book) if arguments["account_number"] == self._book.account_number else []
        shown, following = page_of(rows, arguments, size=self.page_size, form=self.cursors, by="symbol")
        return {"positions": shown} | ({} if following is None else {"next": following})

    def quotes(self, arguments: Arguments) -> dict[str, object]:
        symbols, now = _symbols(arguments, most=100), self._clock.now()
        if unknown := [symbol for symbol in symbols if symbol not in self._book.prices]:
            raise api_error(404, {"missing_instruments": unknown})
        rows = [{"quote": quote_row(symbol, self._book.prices[symbol], now)} for symbol in symbols]
        if len(symbols) > 20:
            return {"results": rows, "closes_error": "closes omitted: at most 20 symbols have a close per call"}
        return {"results": [row | {"close": self._close(symbol)} for row, symbol in zip(rows, symbols, strict=True)]}

    def price_book(self, arguments: Arguments) -> dict[str, object]:
        known = [symbol for symbol in _symbols(arguments, most=4) if symbol in self._book.prices]
        return {"books": [self._levels(symbol) for symbol in known], "errors": []}

    def tradability(self, arguments: Arguments) -> dict[str, object]:
        self.check(arguments)
        rows = [self._tradable(symbol) for symbol in _symbols(arguments, most=10) if symbol in self._book.prices]
        return {"results": rows}

    def historicals(self, arguments: Arguments) -> dict[str, object]:
        interval = str(arguments.get("interval", "5minute"))
        if interval not in STEPS:
            raise ToolRefusalError(f'invalid interval "{interval}"')
        begin = _moment(arguments, "start_time")
        end = _moment(arguments, "end_time") if "end_time" in arguments else self._clock.now()
        bounds = str(arguments.get("bounds", "regular"))
        symbols = _symbols(arguments, most=10)
        rows = [
            {
                "symbol": symbol,
                "interval": interval,
                "bounds": bounds,
                "bars": self._bars(symbol, STEPS[interval], begin, end),
            }
            for symbol in symbols
            if symbol in self._book.prices
        ]
        unknown = [symbol for symbol in symbols if symbol not in self._book.prices]
        return {"results": rows} | ({"not_found": unknown} if unknown else {})

    def tax_lots(self, arguments: Arguments) -> dict[str, object]:
        self.check(arguments)
        symbol = str(arguments["symbol"])
        return {"symbol": symbol, "tax_lots": self.lots.get(symbol, [])}

    def realized(self, arguments: Arguments) -> dict[str, object]:
        self.check(arguments)
        total = sum((Decimal(str(point["realized_gain"] or 0)) for point in self.gains), Decimal(0))
        return {
            "account_number": arguments["account_number"],
            "window": arguments.get("span", "day"),
            "display_currency": "USD",
            "data_points": self.gains,
            "total_returns": f"{total}",
            "total_rate_of_return": "0",
        }

    def _close(self, symbol: str) -> dict[str, object]:
        price = self._book.prices[symbol]
        return {
            "symbol": symbol,
            "date": (self._clock.now() - timedelta(days=1)).date().isoformat(),
            "price": f"{price.previous_close.normalize():f}",
            "interpolated": False,
            "source": "sip-list-exchange-close",
        }

    def _levels(self, symbol: str) -> dict[str, object]:
        price = self._book.prices[symbol]
        eastern = self._clock.now().astimezone(UTC) - timedelta(hours=5)
        return {
            "symbol": symbol,
            "updated_at": eastern.replace(tzinfo=None).isoformat() + "-05:00",
            "asks": [{"price": six(price.ask), "quantity": 100}] if price.ask else [],
            "bids": [{"price": six(price.bid), "quantity": 100}] if price.bid else [],
        }

    def _tradable(self, symbol: str) -> dict[str, object]:
        price = self._book.prices[symbol]
        word = "tradable" if price.is_tradable else "untradable"
        return {
            "symbol": symbol,
            "name": f"{symbol} Common Stock",
            "simple_name": symbol,
            "state": price.state,
            "country": "US",
            "tradeable": price.is_tradable,
            "fractional_tradability": word,
            "extended_hours_fractional_tradability": False,
            "all_day_tradability": word,
            "short_selling_tradability": word,
            "account_type_tradabilities": [{"account_type": "individual", "account_type_tradability": word}],
        }

    def _bars(self, symbol: str, step: timedelta, begin: datetime, end: datetime) -> list[dict[str, object]]:
        closes = self.closes.get(symbol) or [self._book.prices[symbol].last]
        last = _floor(end, step)
        starts = [last - step * number for number in range(len(closes), 0, -1)]
        bars = [_bar(at, close) for at, close in zip(starts, closes, strict=True) if at >= begin]
        return bars[-MOST_BARS:]


def _bar(at: datetime, close: Decimal) -> dict[str, object]:
    prices = dict.fromkeys(("open_price", "close_price", "high_price", "low_price"), six(close))
    return {"begins_at": time_of(at), **prices, "volume": 100, "session": "reg"}


def _floor(moment: datetime, step: timedelta) -> datetime:
    midnight = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // step * step


def _symbols(arguments: Arguments, *, most: int) -> Sequence[str]:
    symbols = arguments["symbols"]
    if not isinstance(symbols, list) or not symbols:
        raise ToolRefusalError("symbols must name at least one symbol")
    if len(symbols) > most:
        raise ToolRefusalError(f"at most {most} symbols are allowed per request, got {len(symbols)}")
    return [str(symbol) for symbol in symbols]


def _moment(arguments: Arguments, name: str) -> datetime:
    text = str(arguments[name])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ToolRefusalError(f'{name} must be RFC3339: parsing time "{text}"') from error
    if moment.tzinfo is None:
        raise ToolRefusalError(f'{name} must be RFC3339: parsing time "{text}"')
    return moment
