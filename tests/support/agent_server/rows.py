"""How the server writes orders, positions, prices and times."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.support.agent_server.book import AgentBook, ApprovalForm, Fill, HeldOrder, Price, instrument_id_of


def six(number: Decimal) -> str:
    return f"{number:.6f}"


def time_of(moment: datetime) -> str:
    """A time in UTC as it is written in Go: zeros at the end of the fraction are dropped."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return text.rstrip("0").rstrip(".") + "Z"


def venue_time_of(moment: datetime) -> str:
    """A time that came from a venue: milliseconds."""
    return time_of(moment.replace(microsecond=moment.microsecond // 1000 * 1000))


AWAITED: Mapping[ApprovalForm, Mapping[str, object]] = {
    ApprovalForm.STATE: {"state": "pending_approval"},
    ApprovalForm.FIELD: {"approval": {"status": "pending", "expires_at": None}},
    ApprovalForm.FLAG: {"requires_approval": True},
    ApprovalForm.UNSEEN: {"state": "with_owner"},
}


def order_row(order: HeldOrder, *, approval: ApprovalForm = ApprovalForm.STATE) -> dict[str, object]:
    """A row of the list of orders, and the order of a reply to a place; ``approval`` is how it says that it waits."""
    return {**_plain_row(order), **(AWAITED[approval] if order.awaits_approval else {})}


def _plain_row(order: HeldOrder) -> dict[str, object]:
    return {
        "id": order.order_id,
        "ref_id": order.ref_id,
        "instrument_id": instrument_id_of(order.symbol),
        "symbol": order.symbol,
        "side": order.side,
        "type": "limit" if order.kind.endswith("limit") else "market",
        "state": order.state,
        "quantity": six(order.quantity),
        "cumulative_quantity": six(order.filled),
        "price": _price_of(order),
        "stop_price": None if order.stop_price is None else six(order.stop_price),
        "average_price": six(order.cost / order.filled) if order.fills else None,
        "fees": "0.000000",
        "dollar_based_amount": None,
        "time_in_force": order.time_in_force,
        "market_hours": order.market_hours,
        "trigger": "immediate" if order.stop_price is None else "stop",
        "placed_agent": order.placed_agent,
        "created_at": time_of(order.created_at),
        "last_transaction_at": (venue_time_of if order.fills else time_of)(order.changed_at),
        "executions": [_execution(fill) for fill in order.fills],
    }


def _price_of(order: HeldOrder) -> str | None:
    """A limit; on a market buy something near the last trade, which caps nothing; none on a market sell."""
    if order.limit_price is not None:
        return six(order.limit_price)
    return six(order.stop_price or order.price_at_first) if order.side == "buy" else None


def _execution(fill: Fill) -> dict[str, object]:
    return {
        "id": fill.execution_id,
        "price": six(fill.price),
        "quantity": six(fill.quantity),
        "timestamp": venue_time_of(fill.at),
        "fees": "0.000000",
    }


def account_rows(book: AgentBook) -> list[dict[str, object]]:
    """All accounts of the login, of which the agent may trade one."""
    numbers = [*book.other_accounts, book.account_number]
    return [_account(number, kind="cash", is_agents=number == book.account_number) for number in numbers]


def _account(number: str, *, kind: str, is_agents: bool) -> dict[str, object]:
    row = {
        "account_number": number,
        "rhs_account_number": number,
        "type": kind,
        "unsettled_funds": "0.0000",
        "brokerage_account_type": "individual",
        "nickname": "Agentic" if is_agents else None,
        "is_default": False,
        "agentic_allowed": is_agents,
        "option_level": "",
        "management_type": "self_directed",
        "affiliate": "rhf",
        "state": "active",
        "deactivated": False,
        "permanently_deactivated": False,
    }
    return {name: value for name, value in row.items() if value is not None}


def portfolio(book: AgentBook) -> dict[str, object]:
    worth = sum((shares * book.prices[symbol].last for symbol, shares in book.shares.items()), Decimal(0))
    names = ("options", "futures", "event_contracts", "crypto")
    power = f"{book.buying_power:.4f}"
    return {
        "total_value": f"{book.cash + worth:.8f}",
        "equity_value": f"{worth:.8f}",
        **{f"{name}_value": "0" for name in names},
        "cash": f"{book.cash:.2f}",
        "pending_deposits": "0",
        "mutual_funds_value": "0",
        "fixed_income_value": "0",
        "currency": "USD",
        "buying_power": {"buying_power": power, "unleveraged_buying_power": power, "display_currency": "USD"},
        "crypto_buying_power": {"buying_power": power},
    }


def position_rows(book: AgentBook) -> list[dict[str, object]]:
    """What is held, and an empty row for each symbol with a resting buy; sold-out names are not listed."""
    resting = {order.symbol for order in book.open() if order.side == "buy"}
    shown = list({**book.shares, **dict.fromkeys(sorted(resting))})
    return [_position(book, symbol) for symbol in shown if book.shares.get(symbol) or symbol in resting]


def _position(book: AgentBook, symbol: str) -> dict[str, object]:
    held, reserved = book.shares.get(symbol, Decimal(0)), book.reserved(symbol)
    bought = sum((order.filled for order in book.orders if order.symbol == symbol and order.side == "buy"), Decimal(0))
    no_holds = ("stock_grants", "options_events", "asset_transfer")
    return {
        "symbol": symbol,
        "quantity": six(held),
        "intraday_quantity": six(min(bought, held)),
        **({"average_buy_price": six(round(book.average_prices[symbol], 2))} if held else {}),
        "shares_available_for_sells": six(held - reserved),
        "shares_held_for_sells": six(reserved),
        **{f"shares_held_for_{name}": "0.000000" for name in no_holds},
        "shares_pending_from_options_events": "0.000000",
        "type": "long" if held else "empty",
    }


def quote_row(symbol: str, price: Price, now: datetime) -> dict[str, object]:
    at = time_of(now)
    return {
        "symbol": symbol,
        "last_trade_price": six(price.last),
        "venue_last_trade_time": at,
        "last_non_reg_trade_price": None,
        "venue_last_non_reg_trade_time": None,
        "adjusted_previous_close": six(price.previous_close),
        "previous_close": six(price.previous_close),
        "previous_close_date": (now - timedelta(days=1)).date().isoformat(),
        "bid_price": six(price.bid) if price.bid else "0",
        "venue_bid_time": at,
        "ask_price": six(price.ask) if price.ask else "0",
        "venue_ask_time": at,
        "has_traded": price.has_traded,
        "state": price.state,
    }
