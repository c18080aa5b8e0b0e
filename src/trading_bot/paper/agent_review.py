"""The broker's review of an order: what would be wrong with it, as an alert in a good answer."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from trading_bot.order_management.models import Side
from trading_bot.paper.agent_ticket import read_agent_ticket
from trading_bot.paper.refusals import RefusalError
from trading_bot.paper.state import ExchangeState, instrument_id_of
from trading_bot.paper.tickets import OrderTicket

_ECHOED = ("symbol", "side", "type", "quantity", "dollar_amount", "limit_price", "stop_price")
_NO_REF_ID = "00000000-0000-4000-8000-000000000000"


def review(
    state: ExchangeState,
    arguments: Mapping[str, str],
    *,
    quote: Mapping[str, object],
    knows: Callable[[str], bool],
) -> dict[str, object]:
    """Return the terms as they were given, the first thing that is wrong with them, and the quote."""
    bid, ask = _cents(quote["bid_price"]), _cents(quote["ask_price"])
    return {
        **{name: arguments[name] for name in _ECHOED if name in arguments},
        "order_checks": _checks(state, arguments, knows),
        "quote_data": quote,
        "market_data_disclosure": f"Bid {bid} · Ask {ask}. Paper market.",
    }


def _cents(price: object) -> str:
    """Return a price in words; 0 on the wire means that there is none."""
    amount = Decimal(str(price))
    return f"${amount:.2f}" if amount else "unknown"


def _checks(state: ExchangeState, arguments: Mapping[str, str], knows: Callable[[str], bool]) -> dict[str, object]:
    try:
        ticket = read_agent_ticket(arguments, ref_id=_NO_REF_ID, knows=knows)
    except RefusalError as refusal:
        text = "; ".join(_sentences(refusal.body))
        return {"alertType": "EQUITY_VALIDATION_ERROR", "equityValidationErrorAlertDetails": {"message": text}}
    missing = ticket.price * ticket.quantity - state.buying_power
    if ticket.side is Side.BUY and missing > 0:
        return _too_little_money(missing)
    if ticket.side is Side.SELL and ticket.quantity > state.available_shares(ticket.symbol):
        return _too_few_shares(state, ticket)
    return {}


def _too_little_money(missing: Decimal) -> dict[str, object]:
    deposit = {"amount": f"{missing:.4f}", "currency": "USD"}
    return {
        "alertType": "EQUITY_NOT_ENOUGH_BP",
        "equityNotEnoughBpAlertDetails": {"depositAmount": deposit, "brokerageAccountType": "INDIVIDUAL"},
    }


def _too_few_shares(state: ExchangeState, ticket: OrderTicket) -> dict[str, object]:
    held = state.held_shares(ticket.symbol)
    free = state.available_shares(ticket.symbol)
    return {
        "alertType": "EQUITY_MAX_SELL_SHARES_EXCEEDED",
        "equityMaxSellSharesExceededAlertDetails": {
            "instrumentId": instrument_id_of(ticket.symbol),
            "instrumentSymbol": ticket.symbol,
            "sharesCanSell": str(free) if free else "0E-8",
            "sharesOwned": str(free + held),
            "sharesPendingSell": str(held),
        },
    }


def _sentences(body: Mapping[str, object]) -> list[str]:
    return [str(each) for value in body.values() for each in (value if isinstance(value, list) else [value])]
