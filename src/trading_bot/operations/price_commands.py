"""Prices: quotes of symbols, and bars of one. A running bot answers, else they are read without a bot."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Protocol

from pydantic import Field

from trading_bot.config import Config
from trading_bot.operations.command import Command, CommandContext, Text
from trading_bot.order_json import FORM_VERSION, JsonObject, amount_text, moment_text
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.portfolio import Bar, Quote

MOST_SYMBOLS = 400
"""How many symbols one command may name: as many as one request reads."""

_PER_CENT = Decimal("0.01")


class Prices(Protocol):
    """What reads prices: a bot, or a gateway for the time of one command."""

    def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Return the two-sided markets of the symbols."""
        ...

    def history(self, symbol: str, interval: str, span: str) -> tuple[Bar, ...]:
        """Return the bars that have ended, oldest first."""
        ...


class PriceCommand(Command):
    """A question about prices, which whatever reads them can answer."""

    may_change_orders = False

    def perform(self, context: CommandContext) -> JsonObject:
        """Let the bot read them; a quote is at most a second old."""
        return self.answered(context.bot, config=context.bot.config, now=context.bot.clock.now())

    @abstractmethod
    def answered(self, prices: Prices, *, config: Config, now: datetime) -> JsonObject:
        """Return the answer by what ``prices`` reads; raises what the reading raises."""


class ShowQuotes(PriceCommand):
    """Show the market of each symbol now; a symbol without a bid and an ask is ``missing``."""

    command: Literal["show_quotes"] = "show_quotes"
    symbols: Annotated[tuple[Text, ...], Field(min_length=1, max_length=MOST_SYMBOLS)]

    def answered(self, prices: Prices, *, config: Config, now: datetime) -> JsonObject:
        """Return the quotes, in the order of the symbols."""
        asked = tuple(dict.fromkeys(self.symbols))
        quotes = prices.quotes(asked)
        return {
            "v": FORM_VERSION,
            "source": source_of(config),
            "as_of": moment_text(now),
            "quotes": [quote_json(quotes[symbol], now) for symbol in asked if symbol in quotes],
            "missing": [symbol for symbol in asked if symbol not in quotes],
        }


class ShowHistory(PriceCommand):
    """Show the bars of a symbol that have ended, oldest first."""

    command: Literal["show_history"] = "show_history"
    symbol: Text
    interval: Text = "5minute"
    span: Text = "day"

    def answered(self, prices: Prices, *, config: Config, now: datetime) -> JsonObject:
        """Return the bars; when they are read is of no matter."""
        del now
        bars = prices.history(self.symbol, self.interval, self.span)
        return {
            "v": FORM_VERSION,
            "source": source_of(config),
            "symbol": self.symbol,
            "interval": self.interval,
            "span": self.span,
            "bars": [bar_json(bar) for bar in bars],
        }


def source_of(config: Config) -> str:
    """Return whose prices they are: ``live``, ``recorded`` or ``generated``."""
    if config.trading.mode is ExecutionMode.LIVE or config.paper.has_live_quotes:
        return "live"
    return "generated" if config.paper.quotes_file is None else "recorded"


def quote_json(quote: Quote, now: datetime) -> JsonObject:
    """Return a quote; what the broker does not say is null, a size of 0 included.

    ``change`` is from the previous close, after splits, to the last trade of the regular session. ``age_s`` counts from
    the broker's latest time of the quote.
    """
    close = quote.previous_close if quote.adjusted_previous_close is None else quote.adjusted_previous_close
    change = None if close is None or quote.last_price is None else quote.last_price - close
    per_cent = None if change is None or not close else (100 * change / close).quantize(_PER_CENT)
    times = [each for each in (quote.updated_at, quote.venue_bid_time, quote.venue_ask_time) if each is not None]
    dated = max(times, default=None)
    return {
        "symbol": quote.symbol,
        "bid": amount_text(quote.bid_price),
        "ask": amount_text(quote.ask_price),
        "bid_size": quote.bid_size or None,
        "ask_size": quote.ask_size or None,
        "last": amount_text(quote.last_price),
        "last_extended": amount_text(quote.last_extended_price),
        "halted": quote.trading_halted,
        "updated_at": moment_text(dated),
        "age_s": None if dated is None else max(0.0, round((now - dated).total_seconds(), 1)),
        "previous_close": amount_text(close),
        "change": amount_text(change),
        "change_pct": amount_text(per_cent),
    }


def bar_json(bar: Bar) -> JsonObject:
    """Return one bar."""
    return {
        "begins_at": moment_text(bar.begins_at),
        "open": amount_text(bar.open),
        "high": amount_text(bar.high),
        "low": amount_text(bar.low),
        "close": amount_text(bar.close),
        "volume": bar.volume,
        "interpolated": bar.is_interpolated,
    }
