"""The public JSON forms of market data and of the account's summary, written as in `order_json`."""

from trading_bot.account_summary import AccountSummary
from trading_bot.order_json import FORM_VERSION, JsonObject, amount_text, moment_text
from trading_bot.order_management.portfolio import Bar, Quote


def bar_json(bar: Bar) -> JsonObject:
    """Return one bar; ``volume`` is null where it is not known."""
    return {
        "v": FORM_VERSION,
        "begins_at": moment_text(bar.begins_at),
        "open": amount_text(bar.open),
        "high": amount_text(bar.high),
        "low": amount_text(bar.low),
        "close": amount_text(bar.close),
        "volume": bar.volume,
        "is_interpolated": bar.is_interpolated,
    }


def quote_json(quote: Quote) -> JsonObject:
    """Return the visible market of one symbol; ``updated_at`` is the broker's own time of it."""
    return {
        "v": FORM_VERSION,
        "symbol": quote.symbol,
        "bid_price": amount_text(quote.bid_price),
        "ask_price": amount_text(quote.ask_price),
        "bid_size": quote.bid_size,
        "ask_size": quote.ask_size,
        "last_price": amount_text(quote.last_price),
        "last_extended_price": amount_text(quote.last_extended_price),
        "previous_close": amount_text(quote.previous_close),
        "adjusted_previous_close": amount_text(quote.adjusted_previous_close),
        "trading_halted": quote.trading_halted,
        "updated_at": moment_text(quote.updated_at),
        "state": quote.state,
    }


def account_summary_json(summary: AccountSummary) -> JsonObject:
    """Return balances, worth and results; null is what is not known."""
    return {
        "v": FORM_VERSION,
        "as_of": moment_text(summary.as_of),
        "cash": amount_text(summary.cash),
        "buying_power": amount_text(summary.buying_power),
        "equity": amount_text(summary.equity),
        "equity_from": None if summary.equity_from is None else summary.equity_from.value,
        "realised_today": amount_text(summary.realised_today),
        "realised": amount_text(summary.realised),
        "unrealised_today": amount_text(summary.unrealised_today),
        "unrealised": amount_text(summary.unrealised),
        "unknown_sales_today": summary.unknown_sales_today,
        "unknown_sales": summary.unknown_sales,
        "unmarked": list(summary.unmarked),
        "unknown_cost": list(summary.unknown_cost),
        "problems": list(summary.problems),
    }
