"""The exchange's answers as the broker writes them: numbers as text, times in UTC with a Z, links as absolute URLs."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from trading_bot.paper.chance import draw
from trading_bot.paper.quotes import MarketQuote
from trading_bot.paper.state import (
    ExchangeState,
    PaperExecution,
    PaperOrder,
    PaperPosition,
    PaperToken,
    WireState,
    instrument_id_of,
)
from trading_bot.paper.tickets import BASE_URL

_CURRENCY_ID = "1072fc76-1862-41ab-82c2-485837590762"
_ORDER_CONSTANTS: dict[str, object] = {
    "user_uuid": None,
    "pending_cancel_open_agent": None,
    "fees": "0.00",
    "sec_fees": "0.00",
    "taf_fees": "0.00",
    "cat_fees": "0.00",
    "sales_taxes": [],
    "type": "limit",
    "reject_reason": None,
    "override_dtbp_checks": False,
    "override_day_trade_checks": False,
    "response_category": None,
    "last_trail_price": None,
    "last_trail_price_updated_at": None,
    "last_trail_price_source": None,
    "dollar_based_amount": None,
    "drip_dividend_id": None,
    "investment_schedule_id": None,
    "requested_notional_amount": None,
    "is_ipo_access_order": False,
    "is_ipo_access_price_finalized": False,
    "has_ipo_access_custom_price_limit": False,
    "ipo_access_lower_price": None,
    "ipo_access_upper_price": None,
    "ipo_access_lower_collared_price": None,
    "ipo_access_upper_collared_price": None,
    "is_visible_to_user": True,
    "is_primary_account": True,
    "preset_percent_limit": None,
    "placed_agent": "user",
    "replaces": None,
    "root_advanced_order_id": None,
    "tax_lot_selection_type": None,
}
_ORDER_FORMS = {
    2: "collaring_removal",
    4: "all_day_trading_v1_2",
    5: "streamlined_limit_order_flow",
    6: "share_based_market_buys",
}


def wire_time(moment: datetime) -> str:
    """Return a time as the broker writes it, always with six digits of a second."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def account_url(account_number: str) -> str:
    """Return the account's address."""
    return f"{BASE_URL}/accounts/{account_number}/"


def instrument_url(symbol: str) -> str:
    """Return the address of a symbol's instrument."""
    return f"{BASE_URL}/instruments/{instrument_id_of(symbol)}/"


def order_page(order: PaperOrder, account_number: str) -> dict[str, object]:
    """Return one order with the keys the broker sends."""
    url = f"{BASE_URL}/orders/{order.id}/"
    return {
        "id": order.id,
        "ref_id": order.ref_id,
        "url": url,
        "account": account_url(account_number),
        "position": f"{BASE_URL}/positions/{account_number}/{instrument_id_of(order.symbol)}/",
        "cancel": None if order.state.is_terminal else f"{url}cancel/",
        "instrument": instrument_url(order.symbol),
        "instrument_id": instrument_id_of(order.symbol),
        "state": order.state.value,
        "derived_state": order.state.value,
        **_terms(order),
        **_fills(order),
        **_history(order),
        **_ORDER_CONSTANTS,
    }


def _terms(order: PaperOrder) -> dict[str, object]:
    return {
        "side": order.side.value,
        "time_in_force": order.time_in_force.value,
        "price": _places(order.price, 8),
        "trigger": "immediate" if order.stop_price is None else "stop",
        "stop_price": None if order.stop_price is None else _places(order.stop_price, 8),
        "quantity": _places(order.quantity, 8),
        "extended_hours": order.extended_hours,
        "market_hours": "extended_hours" if order.extended_hours else "regular_hours",
        "order_form_version": order.order_form_version,
        "order_form_type": _ORDER_FORMS.get(order.order_form_version or 0),
        "position_effect": "open" if order.side == "buy" else "close",
        "total_notional": _money(order.price * order.quantity),
    }


def _fills(order: PaperOrder) -> dict[str, object]:
    rounded = sum((_rounded_notional(execution) for execution in order.executions), Decimal(0))
    average = (rounded / order.filled).quantize(Decimal("0.0001"), ROUND_HALF_UP) if order.filled else None
    return {
        "cumulative_quantity": _places(order.filled, 8),
        "average_price": None if average is None else _places(average, 8),
        "executed_notional": _money(rounded) if order.filled else None,
        "executions": [_execution(execution) for execution in order.executions],
    }


def _history(order: PaperOrder) -> dict[str, object]:
    is_cancelled = order.state.is_terminal and order.state is not WireState.FILLED
    is_fresh = order.state is WireState.UNCONFIRMED
    return {
        "created_at": wire_time(order.created_at),
        "updated_at": wire_time(order.updated_at),
        "last_transaction_at": _last_transaction(order),
        "stop_triggered_at": None if order.stop_triggered_at is None else wire_time(order.stop_triggered_at),
        "is_editable": not order.state.is_terminal,
        "last_update_version": None
        if is_fresh
        else -1
        if order.state is WireState.QUEUED
        else 1 + len(order.executions),
        "user_cancel_request_state": "order_finalized" if order.state.is_terminal else "no_cancel_requested",
        "ipo_access_cancellation_reason": "user" if is_cancelled else None,
    }


def _last_transaction(order: PaperOrder) -> str:
    """Drop the fraction on a third of the orders: the broker does, and readers must cope."""
    text = wire_time(order.last_transaction_at)
    return text if draw(order.id, "fraction", low=1, high=3) > 1 else f"{text[:19]}Z"


def _execution(execution: PaperExecution) -> dict[str, object]:
    traded = execution.executed_at.astimezone(ZoneInfo("America/New_York"))
    return {
        "id": execution.id,
        "price": _places(execution.price, 8),
        "quantity": _places(execution.quantity, 8),
        "rounded_notional": _places(_rounded_notional(execution), 8),
        "settlement_date": execution.settles_on.isoformat(),
        "trade_execution_date": traded.date().isoformat(),
        "timestamp": wire_time(execution.executed_at),
        "ipo_access_execution_rank": None,
        "fees": "0.00",
        "sec_fee": "0.00",
        "taf_fee": "0.00",
        "cat_fee": "0.00",
        "sales_taxes": [],
    }


def account_page(state: ExchangeState) -> dict[str, object]:
    """Return the account; cash held for orders is no longer part of its cash."""
    number, free, held = state.account_number, _places(state.buying_power, 4), _places(state.held_cash, 4)
    return {
        "url": account_url(number),
        "account_number": number,
        "rhs_account_number": draw("account", number, low=100_000_000, high=999_999_999),
        "type": "cash",
        "brokerage_account_type": "individual",
        "state": "active",
        "is_default": True,
        "buying_power": free,
        "cash": free,
        "portfolio_cash": _places(state.cash, 4),
        "cash_held_for_orders": held,
        "cash_available_for_withdrawal": free,
        "unsettled_funds": "0.0000",
        "unsettled_debit": "0.0000",
        "uncleared_deposits": "0.0000",
        "margin_balances": None,
        "cash_balances": {"buying_power": free, "cash": free, "cash_held_for_orders": held},
        "only_position_closing_trades": False,
        "locked": False,
        "deactivated": False,
        "permanently_deactivated": False,
        "equity_trading_lock": False,
        "agentic_allowed": True,
        "portfolio": f"{BASE_URL}/portfolios/{number}/",
        "positions": f"{BASE_URL}/positions/?account_number={number}",
        "created_at": wire_time(state.opened_at),
        "updated_at": wire_time(state.advanced_to),
    }


def position_page(state: ExchangeState, position: PaperPosition) -> dict[str, object]:
    """Return one position; the shares of resting sells are held."""
    held = state.held_shares(position.symbol)
    buys = sum(order.remaining for order in state.open_of(position.symbol)) - held
    instrument_id = instrument_id_of(position.symbol)
    return {
        "url": f"{BASE_URL}/positions/{state.account_number}/{instrument_id}/",
        "account": account_url(state.account_number),
        "account_number": state.account_number,
        "instrument": instrument_url(position.symbol),
        "instrument_id": instrument_id,
        "symbol": position.symbol,
        "quantity": _places(position.quantity, 8),
        "average_buy_price": _places(position.average_price, 4),
        "pending_average_buy_price": _places(position.average_price, 4),
        "clearing_average_cost": _places(position.average_price, 4),
        "clearing_cost_basis": _places(position.cost, 4),
        "shares_held_for_buys": _places(buys, 8),
        "shares_held_for_sells": _places(held, 8),
        "shares_available_for_sells": _places(position.quantity - held, 8),
        "created_at": wire_time(position.opened_at),
        "updated_at": wire_time(position.updated_at),
    }


def portfolio_page(state: ExchangeState, market_value: Decimal | None) -> dict[str, object]:
    """Return the worth of the account; null where ``market_value``, the worth of its shares, is not known."""
    value = None if market_value is None else _places(market_value, 4)
    equity = None if market_value is None else _places(market_value + state.cash, 4)
    return {
        "url": f"{BASE_URL}/portfolios/{state.account_number}/",
        "account": account_url(state.account_number),
        "equity": equity,
        "extended_hours_equity": equity,
        "market_value": value,
        "extended_hours_market_value": value,
        "adjusted_equity_previous_close": None,
        "withdrawable_amount": _places(state.buying_power, 4),
    }


def instrument_page(symbol: str) -> dict[str, object]:
    """Return the instrument of a symbol, with the ordinary price steps."""
    return {
        "id": instrument_id_of(symbol),
        "url": instrument_url(symbol),
        "quote": f"{BASE_URL}/quotes/{symbol}/",
        "market": f"{BASE_URL}/markets/XNAS/",
        "symbol": symbol,
        "simple_name": symbol,
        "name": f"{symbol} (paper)",
        "type": "stock",
        "country": "US",
        "state": "active",
        "tradeable": True,
        "tradability": "tradable",
        "rhs_tradability": "tradable",
        "affiliate_tradability": "tradable",
        "fractional_tradability": "untradable",
        "extended_hours_fractional_tradability": False,
        "all_day_tradability": "untradable",
        "min_tick_size": None,
        "default_collar_fraction": "0.05",
        "margin_initial_ratio": "1.0000",
        "maintenance_ratio": "1.0000",
        "day_trade_ratio": "1.0000",
        "otc_market_tier": "",
        "internal_halt_reason": None,
        "is_test": False,
    }


def quote_page(quote: MarketQuote) -> dict[str, object]:
    """Return a quote; the exchange shows no trades of others, so the bid stands for the last one, as for stops."""
    return {
        "symbol": quote.symbol,
        "instrument": instrument_url(quote.symbol),
        "instrument_id": instrument_id_of(quote.symbol),
        "bid_price": _places(quote.bid, 6),
        "bid_size": quote.bid_size,
        "ask_price": _places(quote.ask, 6),
        "ask_size": quote.ask_size,
        "last_trade_price": _places(quote.bid, 6),
        "last_extended_hours_trade_price": None,
        "last_non_reg_trade_price": None,
        "previous_close": None,
        "adjusted_previous_close": None,
        "previous_close_date": None,
        "trading_halted": quote.halted,
        "has_traded": True,
        "state": "active",
        "last_trade_price_source": "paper",
        "venue_bid_time": wire_time(quote.at),
        "venue_ask_time": wire_time(quote.at),
        "venue_last_trade_time": wire_time(quote.at),
        "updated_at": wire_time(quote.at),
    }


def token_page(token: PaperToken, now: datetime) -> dict[str, object]:
    """Return a fresh login."""
    return {
        "access_token": token.access,
        "expires_in": int((token.expires_at - now).total_seconds()),
        "token_type": "Bearer",
        "scope": "internal",
        "refresh_token": token.refresh,
        "mfa_code": None,
        "backup_code": None,
        "user_uuid": None,
    }


def _rounded_notional(execution: PaperExecution) -> Decimal:
    return (execution.price * execution.quantity).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _money(amount: Decimal) -> dict[str, object]:
    return {"amount": _places(amount, 2), "currency_code": "USD", "currency_id": _CURRENCY_ID}


def _places(number: Decimal | int, places: int) -> str:
    return format(Decimal(number), f".{places}f")
