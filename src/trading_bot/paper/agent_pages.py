"""The exchange's answers as the agent interface writes them: six decimals, times without zeros at their end."""

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from trading_bot.market_hours import NYSE_ZONE
from trading_bot.paper.bars import PaperBar
from trading_bot.paper.quotes import MarketQuote
from trading_bot.paper.state import ExchangeState, PaperExecution, PaperOrder, PaperPosition, instrument_id_of
from trading_bot.paper.wire_pages import wire_time

NO_BOOK = "0.000000"
"""What a quote shows where there is no market: a price, not null."""


def agent_time(moment: datetime) -> str:
    """Return a time with at most six digits of a second, and no zeros at their end."""
    return f"{wire_time(moment).removesuffix('Z').rstrip('0').rstrip('.')}Z"


def order_row(order: PaperOrder) -> dict[str, object]:
    """Return one order: as a place answers it and as a list shows it."""
    return {
        "id": order.id,
        "ref_id": order.ref_id,
        "instrument_id": instrument_id_of(order.symbol),
        "symbol": order.symbol,
        "side": order.side.value,
        "type": "limit",
        "state": order.state.value,
        "quantity": _six(order.quantity),
        "cumulative_quantity": _six(order.filled),
        "price": _six(order.price),
        "stop_price": None if order.stop_price is None else _six(order.stop_price),
        "average_price": _average(order),
        "fees": _six(0),
        "dollar_based_amount": None,
        "time_in_force": order.time_in_force.value,
        "market_hours": "extended_hours" if order.extended_hours else "regular_hours",
        "trigger": "immediate" if order.stop_price is None else "stop",
        "placed_agent": "agentic",
        "created_at": agent_time(order.created_at),
        "last_transaction_at": agent_time(order.last_transaction_at),
        "executions": [_execution(execution) for execution in order.executions],
    }


def _average(order: PaperOrder) -> str | None:
    worth = sum((execution.price * execution.quantity for execution in order.executions), Decimal(0))
    return _six((worth / order.filled).quantize(Decimal("0.0001"), ROUND_HALF_UP)) if order.filled else None


def _execution(execution: PaperExecution) -> dict[str, object]:
    return {
        "id": execution.id,
        "price": _six(execution.price),
        "quantity": _six(execution.quantity),
        "timestamp": agent_time(execution.executed_at),
        "fees": _six(0),
    }


def account_row(state: ExchangeState) -> dict[str, object]:
    """Return the one account there is; it may be traded by agents."""
    return {
        "account_number": state.account_number,
        "rhs_account_number": state.account_number,
        "type": "cash",
        "unsettled_funds": "0.0000",
        "brokerage_account_type": "individual",
        "nickname": "Paper",
        "is_default": True,
        "agentic_allowed": True,
        "option_level": "",
        "management_type": "self_directed",
        "affiliate": "rhf",
        "state": "active",
        "deactivated": False,
        "permanently_deactivated": False,
    }


def portfolio(state: ExchangeState, market_value: Decimal | None) -> dict[str, object]:
    """Return cash and worth; null where ``market_value``, the worth of the shares, is not known."""
    power = f"{state.buying_power:.4f}"
    nothing = ("options_value", "futures_value", "event_contracts_value", "crypto_value")
    return {
        "total_value": None if market_value is None else _plain(market_value + state.cash),
        "equity_value": None if market_value is None else _plain(market_value),
        **dict.fromkeys(nothing, "0"),
        "cash": _plain(state.cash),
        "pending_deposits": "0",
        "mutual_funds_value": "0",
        "fixed_income_value": "0",
        "currency": "USD",
        "buying_power": {"buying_power": power, "unleveraged_buying_power": power, "display_currency": "USD"},
    }


def position_row(state: ExchangeState, position: PaperPosition, *, bought_today: int) -> dict[str, object]:
    """Return one position that is held."""
    held = state.held_shares(position.symbol)
    return _position(
        position.symbol,
        position.quantity,
        intraday=min(bought_today, position.quantity),
        free=position.quantity - held,
        held=held,
        kind="long",
        average=position.average_price,
    )


def empty_position_row(symbol: str) -> dict[str, object]:
    """Return the row of a symbol that only an open buy names."""
    return _position(symbol, 0, intraday=0, free=0, held=0, kind="empty", average=None)


def _position(
    symbol: str, quantity: int, *, intraday: int, free: int, held: int, kind: str, average: Decimal | None
) -> dict[str, object]:
    return {
        "symbol": symbol,
        "quantity": _six(quantity),
        "intraday_quantity": _six(intraday),
        **({} if average is None else {"average_buy_price": _six(average)}),
        "shares_available_for_sells": _six(free),
        "shares_held_for_sells": _six(held),
        "shares_held_for_stock_grants": _six(0),
        "shares_held_for_options_events": _six(0),
        "shares_held_for_asset_transfer": _six(0),
        "shares_pending_from_options_events": _six(0),
        "type": kind,
    }


def quote_of(symbol: str, quote: MarketQuote | None, now: datetime) -> dict[str, object]:
    """Return a quote; one that is missing or halted has no book, which prices of zero say."""
    has_book = quote is not None and not quote.halted
    at = agent_time(now if quote is None else quote.at)
    return {
        "symbol": symbol,
        "last_trade_price": NO_BOOK if quote is None else _six(quote.bid),
        "venue_last_trade_time": at,
        "last_non_reg_trade_price": None,
        "venue_last_non_reg_trade_time": None,
        "adjusted_previous_close": NO_BOOK,
        "previous_close": NO_BOOK,
        "previous_close_date": None,
        "bid_price": _six(quote.bid) if quote is not None and has_book else NO_BOOK,
        "venue_bid_time": at,
        "ask_price": _six(quote.ask) if quote is not None and has_book else NO_BOOK,
        "venue_ask_time": at,
        "has_traded": quote is not None,
        "state": "active",
    }


def price_book(symbol: str, quote: MarketQuote | None, now: datetime) -> dict[str, object]:
    """Return the book of a symbol: the one level that the exchange shows, dated in New York."""
    shown = None if quote is None or quote.halted else quote
    at = (now if quote is None else quote.at).astimezone(ZoneInfo(NYSE_ZONE))
    return {
        "symbol": symbol,
        "updated_at": at.isoformat(),
        "asks": [] if shown is None else [_level(shown.ask, shown.ask_size)],
        "bids": [] if shown is None else [_level(shown.bid, shown.bid_size)],
    }


def _level(price: Decimal, shares: int) -> dict[str, object]:
    return {"price": _six(price), "quantity": shares}


def tradability(symbol: str) -> dict[str, object]:
    """Return that whole shares of a symbol can be traded in regular and extended hours."""
    return {
        "symbol": symbol,
        "name": f"{symbol} (paper)",
        "simple_name": symbol,
        "state": "active",
        "country": "US",
        "tradeable": True,
        "fractional_tradability": "untradable",
        "extended_hours_fractional_tradability": False,
        "all_day_tradability": "untradable",
        "short_selling_tradability": "untradable",
        "account_type_tradabilities": [{"account_type": "individual", "account_type_tradability": "tradable"}],
    }


def bars_of(symbol: str, bars: Iterable[PaperBar], *, interval: str) -> dict[str, object]:
    """Return the bars of a symbol; ``interpolated`` stands only where it is true, and no volume is known."""
    return {
        "symbol": symbol,
        "interval": interval,
        "bounds": "regular",
        "bars": [
            {
                "begins_at": agent_time(bar.begins_at),
                "open_price": _six(bar.open),
                "close_price": _six(bar.close),
                "high_price": _six(bar.high),
                "low_price": _six(bar.low),
                "volume": None,
                "session": "reg",
                **({"interpolated": True} if bar.interpolated else {}),
            }
            for bar in bars
        ],
    }


def _six(number: Decimal | int) -> str:
    return f"{Decimal(number):.6f}"


def _plain(number: Decimal) -> str:
    """Write a number without zeros at its end, as the portfolio has them."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
