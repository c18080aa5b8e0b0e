"""The paper broker's tools: which tool of the agent interface is which operation of the exchange."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import TypeAlias
from zoneinfo import ZoneInfo

from trading_bot.market_hours import NYSE_ZONE, exchange_midnight
from trading_bot.order_management.models import Side
from trading_bot.order_management.portfolio import BAR_LENGTHS
from trading_bot.paper import agent_pages, refusals
from trading_bot.paper.agent_arguments import ToolRefusalError, moment, texts
from trading_bot.paper.agent_results import realised, tax_lots
from trading_bot.paper.agent_review import review
from trading_bot.paper.agent_ticket import read_agent_ticket
from trading_bot.paper.bars import SPAN_DAYS, PaperBar
from trading_bot.paper.chance import stable_uuid
from trading_bot.paper.endpoints import ReferenceFor
from trading_bot.paper.exchange import PaperExchange
from trading_bot.paper.listing import cursor_after, opened_cursor
from trading_bot.paper.order_range import OrderRange
from trading_bot.paper.state import ExchangeState, PaperOrder, WireState

_ORDER_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NO_PAGE = 'API error 404: \n<!doctype html>\n<html lang="en">\n<head>\n  <title>Not Found</title>\n</head>\n</html>\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRun:
    """One call: the state it may change, the exchange's time, and its arguments, checked for their types."""

    state: ExchangeState
    now: datetime
    arguments: Mapping[str, object]

    def text(self, name: str, default: str = "") -> str:
        """Return an argument that is a text."""
        return str(self.arguments.get(name, default))


_Handler: TypeAlias = Callable[[ToolRun], dict[str, object]]


class AgentTools:
    """Runs the tools over the exchange; each returns the ``data`` of a good result."""

    def __init__(self, *, exchange: PaperExchange, reference_for: ReferenceFor, page_size: int) -> None:
        self._exchange = exchange
        self._reference_for = reference_for
        self._page_size = page_size
        self._handlers: dict[str, _Handler] = {
            "get_accounts": lambda run: {"accounts": [agent_pages.account_row(run.state)]},
            "get_portfolio": self._portfolio,
            "get_equity_positions": self._positions,
            "get_equity_quotes": self._quotes,
            "get_equity_price_book": self._price_book,
            "get_equity_tradability": self._tradability,
            "get_equity_historicals": self._historicals,
            "get_equity_tax_lots": self._tax_lots,
            "get_realized_pnl": self._realised,
            "get_equity_orders": self._orders,
            "review_equity_order": self._review,
            "place_equity_order": self._place,
            "cancel_equity_order": self._cancel,
        }

    def run(self, tool: str, run: ToolRun) -> dict[str, object]:
        """Run one of `TOOLS`, whose arguments have been checked.

        Raises:
            RefusalError: the exchange refuses, with a status.
            ToolRefusalError: the tool refuses, in a sentence.
        """
        return self._handlers[tool](run)

    def _portfolio(self, run: ToolRun) -> dict[str, object]:
        _read_own_account(run)
        return agent_pages.portfolio(run.state, self._exchange.market_value(run.state, run.now))

    def _positions(self, run: ToolRun) -> dict[str, object]:
        _read_own_account(run)
        state, bought = run.state, _bought_today(run)
        held = [each for each in state.positions.values() if each.quantity]
        wanted = {order.symbol for order in state.open_orders.values() if order.side is Side.BUY}
        rows = [agent_pages.position_row(state, each, bought_today=bought.get(each.symbol, 0)) for each in held]
        empty = sorted(wanted - {each.symbol for each in held})
        return {"positions": [*rows, *(agent_pages.empty_position_row(symbol) for symbol in empty)]}

    def _quotes(self, run: ToolRun) -> dict[str, object]:
        return {"results": [{"quote": self._quote(run, symbol)} for symbol in self._known(run)]}

    def _price_book(self, run: ToolRun) -> dict[str, object]:
        quotes = {symbol: self._exchange.quote(run.state, symbol, run.now) for symbol in self._known(run)}
        return {"books": [agent_pages.price_book(symbol, quote, run.now) for symbol, quote in quotes.items()]}

    def _tradability(self, run: ToolRun) -> dict[str, object]:
        _read_own_account(run)
        return {"results": [agent_pages.tradability(symbol) for symbol in self._known(run)]}

    def _historicals(self, run: ToolRun) -> dict[str, object]:
        interval = run.text("interval", "day")
        if interval not in BAR_LENGTHS:
            raise ToolRefusalError(f'invalid interval "{interval:.40}"')
        symbols = texts(run.arguments["symbols"])
        known = [symbol for symbol in symbols if self._exchange.quotes.knows(symbol)]
        unknown = [symbol for symbol in symbols if symbol not in known]
        results = [agent_pages.bars_of(each, self._bars(run, each, interval), interval=interval) for each in known]
        return {"results": results, **({"not_found": unknown} if unknown else {})}

    def _tax_lots(self, run: ToolRun) -> dict[str, object]:
        _read_own_account(run)
        return tax_lots(run.state, run.text("symbol"), run.now)

    def _realised(self, run: ToolRun) -> dict[str, object]:
        _read_own_account(run)
        return realised(run.state, run.text("span", "3month"), run.now)

    def _orders(self, run: ToolRun) -> dict[str, object]:
        _read_own_account(run)
        if "order_id" in run.arguments:
            order = run.state.order(run.text("order_id"))
            return {"orders": [] if order is None else [agent_pages.order_row(order)]}
        below = opened_cursor(run.text("cursor")) if "cursor" in run.arguments else None
        orders = self._exchange.orders(run.state, OrderRange(below=below), run.now)
        chosen = list(islice(_chosen(orders, run, below), self._page_size + 1))
        page = chosen[: self._page_size]
        following = {"next": cursor_after(page[-1])} if len(chosen) > self._page_size else {}
        return {"orders": [agent_pages.order_row(order) for order in page], **following}

    def _review(self, run: ToolRun) -> dict[str, object]:
        _act_on_own_account(run)
        symbol = run.text("symbol")
        if not self._exchange.quotes.knows(symbol):
            raise ToolRefusalError(f"instrument not found for symbol {symbol:.40}")
        return review(run.state, _texts_of(run), quote=self._quote(run, symbol), knows=self._exchange.quotes.knows)

    def _place(self, run: ToolRun) -> dict[str, object]:
        _act_on_own_account(run)
        made = stable_uuid(self._exchange.seed, "ref_id", run.state.orders_taken)
        ticket = read_agent_ticket(_texts_of(run), ref_id=made, knows=self._exchange.quotes.knows)
        reference = self._reference_for(ticket.ref_id)
        order = self._exchange.place_order(run.state, ticket, reference=reference, now=run.now)
        return {"order": agent_pages.order_row(order)}

    def _cancel(self, run: ToolRun) -> dict[str, object]:
        _act_on_own_account(run)
        order_id = run.text("order_id")
        if _ORDER_ID.fullmatch(order_id) is None:
            raise ToolRefusalError(_NO_PAGE)
        if self._exchange.order(run.state, order_id, run.now).state is WireState.UNCONFIRMED:
            raise refusals.not_cancellable()  # it lives, and the answer is that for one that has ended
        self._exchange.cancel_order(run.state, order_id, run.now)
        return {"accepted": True}

    def _known(self, run: ToolRun) -> list[str]:
        symbols = list(texts(run.arguments["symbols"]))
        if unknown := [symbol for symbol in symbols if not self._exchange.quotes.knows(symbol)]:
            raise refusals.RefusalError(404, {"missing_instruments": unknown})
        return symbols

    def _quote(self, run: ToolRun, symbol: str) -> dict[str, object]:
        return agent_pages.quote_of(symbol, self._exchange.quote(run.state, symbol, run.now), run.now)

    def _bars(self, run: ToolRun, symbol: str, interval: str) -> Iterable[PaperBar]:
        if self._exchange.quote(run.state, symbol, run.now) is None:
            return ()
        begin = moment("start_time", run.text("start_time"))
        end = moment("end_time", run.text("end_time")) if "end_time" in run.arguments else run.now
        spans = [span for span, days in SPAN_DAYS.items() if span != "day" and run.now - begin <= timedelta(days=days)]
        bars = self._exchange.bars(
            run.state, symbol, interval=interval, span=spans[0] if spans else "5year", now=run.now
        )
        return (bar for bar in bars if begin <= bar.begins_at < end)


def _texts_of(run: ToolRun) -> dict[str, str]:
    return {name: str(value) for name, value in run.arguments.items()}


def _chosen(orders: Iterable[PaperOrder], run: ToolRun, below: int | None) -> Iterable[PaperOrder]:
    """Pick the orders that every filter lets pass; they come newest first."""
    if "created_at_gte" in run.arguments:
        since = moment("created_at_gte", run.text("created_at_gte"))
        orders = takewhile(lambda order: order.created_at >= since, orders)
    wanted = {name: run.text(name) for name in ("state", "symbol") if name in run.arguments}
    if run.text("placed_agent", "agentic") != "agentic":
        return ()
    return (
        order
        for order in orders
        if (below is None or order.number < below)
        and wanted.get("state", order.state.value) == order.state.value
        and wanted.get("symbol", order.symbol) == order.symbol
    )


def _bought_today(run: ToolRun) -> dict[str, int]:
    midnight = exchange_midnight(run.now.astimezone(ZoneInfo(NYSE_ZONE)).date())
    bought: dict[str, int] = {}
    for order in run.state.all_orders(OrderRange(updated_since=midnight)):
        if order.side is Side.BUY:
            fills = (each.quantity for each in order.executions if each.executed_at >= midnight)
            bought[order.symbol] = bought.get(order.symbol, 0) + sum(fills)
    return bought


def _read_own_account(run: ToolRun) -> None:
    if run.text("account_number") != run.state.account_number:
        raise refusals.not_found()


def _act_on_own_account(run: ToolRun) -> None:
    if run.text("account_number") != run.state.account_number:
        raise ToolRefusalError("FORBIDDEN: agent not authorized to access this account", category="unauthorized")
