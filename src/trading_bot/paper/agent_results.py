"""The paper broker's own books: the lots that are held, first in, first out, and what sells earned. Pure."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from trading_bot.market_hours import NYSE_ZONE, exchange_midnight
from trading_bot.order_management.models import Side
from trading_bot.paper.agent_arguments import ToolRefusalError
from trading_bot.paper.agent_pages import agent_time
from trading_bot.paper.chance import draw, stable_uuid
from trading_bot.paper.state import ExchangeState, PaperExecution, PaperOrder

_SPAN_DAYS = {"day": 1, "week": 7, "month": 31, "3month": 92, "year": 366, "all": None}
_LONG_TERM = timedelta(days=366)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lot:
    """Shares that came together; without ``order`` they were there at the opening, and nobody says what they cost."""

    order: PaperOrder | None
    quantity: int
    price: Decimal | None
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sale:
    at: datetime
    gain: Decimal | None
    """In dollars; None where nobody says what a share of it cost."""


def tax_lots(state: ExchangeState, symbol: str, now: datetime) -> dict[str, object]:
    """Return the lots of a symbol that are held, the oldest first."""
    lots, _ = _books(state, symbol)
    rows, held = [], state.held_shares(symbol)
    for lot in lots:
        taken = min(held, lot.quantity)
        held -= taken
        rows.append(_lot_row(lot, symbol, free=lot.quantity - taken, now=now))
    return {"symbol": symbol, "tax_lots": rows}


def realised(state: ExchangeState, span: str, now: datetime) -> dict[str, object]:
    """Return what the sells of each day of a span earned; a day without one has null.

    Raises:
        ToolRefusalError: there is no such span.
    """
    if span not in _SPAN_DAYS:
        raise ToolRefusalError(f'invalid span "{span:.40}"')
    traded = {order.symbol for order in state.all_orders()}
    sales = [sale for symbol in sorted(traded) for sale in _books(state, symbol)[1]]
    days = _SPAN_DAYS[span]
    first = _day(state.opened_at) if days is None else max(_day(now) - timedelta(days=days - 1), _day(state.opened_at))
    points = [_day_row(day, [sale for sale in sales if _day(sale.at) == day], now) for day in _days(first, _day(now))]
    total = _gain_of([sale for sale in sales if _day(sale.at) >= first])
    return {
        "account_number": state.account_number,
        "window": span,
        "display_currency": "USD",
        "data_points": points,
        "total_returns": None if total is None else f"{total:f}",
        "total_rate_of_return": "0",
    }


def _books(state: ExchangeState, symbol: str) -> tuple[deque[_Lot], list[_Sale]]:
    fills = sorted(_fills(state, symbol), key=lambda fill: (fill[1].executed_at, fill[0].number))
    lots, sales = deque(_opening_lots(state, symbol)), list[_Sale]()
    for order, fill in fills:
        if order.side is Side.BUY:
            lots.append(_Lot(order=order, quantity=fill.quantity, price=fill.price, opened_at=fill.executed_at))
        else:
            sales.append(_Sale(at=fill.executed_at, gain=_closed(lots, fill)))
    return lots, sales


def _fills(state: ExchangeState, symbol: str) -> Iterator[tuple[PaperOrder, PaperExecution]]:
    return ((order, fill) for order in state.all_orders() if order.symbol == symbol for fill in order.executions)


def _opening_lots(state: ExchangeState, symbol: str) -> Iterator[_Lot]:
    """Yield the shares that no order explains."""
    position = state.positions.get(symbol)
    bought = sum(fill.quantity if order.side is Side.BUY else -fill.quantity for order, fill in _fills(state, symbol))
    there = (0 if position is None else position.quantity) - bought
    if there > 0:
        yield _Lot(order=None, quantity=there, price=None, opened_at=state.opened_at)


def _closed(lots: deque[_Lot], fill: PaperExecution) -> Decimal | None:
    """Take a sell's shares off the oldest lots; return what they earned."""
    left = fill.quantity
    gain: Decimal | None = Decimal(0)
    while left:
        lot = lots.popleft()
        taken = min(left, lot.quantity)
        left -= taken
        gain = None if gain is None or lot.price is None else gain + (fill.price - lot.price) * taken
        if lot.quantity > taken:
            lots.appendleft(replace(lot, quantity=lot.quantity - taken))
    return gain


def _gain_of(sales: list[_Sale]) -> Decimal | None:
    gains = [sale.gain for sale in sales]
    return None if None in gains else sum((gain for gain in gains if gain is not None), Decimal(0))


def _lot_row(lot: _Lot, symbol: str, *, free: int, now: datetime) -> dict[str, object]:
    bought_on, is_new = _day(lot.opened_at), _day(lot.opened_at) == _day(now)
    name = (symbol, lot.opened_at.isoformat(), "transfer" if lot.order is None else lot.order.id)
    cost = None if lot.price is None else lot.price * lot.quantity
    return {
        "open_lot_id": stable_uuid("lot", *name),
        "open_tran_type": "transfer" if lot.order is None else "buy",
        **({} if lot.order is None else {"order_id": str(draw("lot", *name, low=10**15, high=10**16 - 1))}),
        "quantity": f"{lot.quantity:.6f}",
        "quantity_available": f"{free:.6f}",
        "is_selectable": not is_new and lot.order is not None,
        **({} if lot.price is None or is_new else {"cost_per_share": f"{lot.price:.6f}"}),
        **({} if cost is None else {"tax_cost_basis": f"{cost:.6f}"}),
        "open_date": bought_on.isoformat(),
        "term": "lt" if now - lot.opened_at >= _LONG_TERM else "st",
    }


def _day_row(day: date, sales: list[_Sale], now: datetime) -> dict[str, object]:
    ends = min(exchange_midnight(day + timedelta(days=1)) - _SECOND, now)
    gain = _gain_of(sales)
    return {
        "start_time": agent_time(exchange_midnight(day)),
        "end_time": agent_time(ends),
        "realized_gain": None if gain is None or not sales else f"{gain:f}",
        "rate_of_realized_gain": None,
        "number_of_trades": len(sales),
    }


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _day(moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(NYSE_ZONE)).date()
