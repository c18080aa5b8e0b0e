"""The paper broker's endpoints: which URL is which operation of the exchange."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from trading_bot.clock import Clock
from trading_bot.order_management.portfolio import BAR_INTERVALS
from trading_bot.paper import refusals, wire_pages
from trading_bot.paper.exchange import PaperExchange
from trading_bot.paper.history_page import history_page
from trading_bot.paper.listing import list_page, range_of
from trading_bot.paper.state import ExchangeState
from trading_bot.paper.store import ExchangeStore
from trading_bot.paper.tickets import read_ticket
from trading_bot.paper.tokens import TokenIssuer

ReferenceFor: TypeAlias = Callable[[str], Decimal | None]
"""The reference price of the order with this ref_id, if somebody knows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRequest:
    """A request after its envelope is opened."""

    method: str
    path: str
    query: Mapping[str, str]
    fields: Mapping[str, object]
    bearer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperReply:
    """An HTTP status and a body, which is JSON if ``headers`` say nothing else."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One request: the state it may change, the exchange's time, and the part of the URL that varies."""

    request: PaperRequest
    state: ExchangeState
    now: datetime
    key: str


_KEY = re.compile(r"[A-Za-z0-9-]{1,64}")
_SYMBOL = re.compile(r"[A-Z0-9.-]{1,20}")
_Answer: TypeAlias = tuple[int, object]
_Handler: TypeAlias = Callable[[_Call], _Answer]


class PaperEndpoints:
    """Answers the broker's URLs from the exchange, one transaction a request."""

    def __init__(
        self,
        *,
        exchange: PaperExchange,
        store: ExchangeStore,
        clock: Clock,
        tokens: TokenIssuer,
        reference_for: ReferenceFor,
        page_size: int,
    ) -> None:
        self._exchange = exchange
        self._store = store
        self._clock = clock
        self._tokens = tokens
        self._reference_for = reference_for
        self._page_size = page_size
        self._public: dict[str, _Handler] = {
            "POST /oauth2/token": self._grant,
            "POST /oauth2/revoke_token": self._revoke,
        }
        self._private: dict[str, _Handler] = {
            "GET /accounts": self._accounts,
            "GET /accounts/*": self._account,
            "GET /positions": self._positions,
            "GET /portfolios/*": self._portfolio,
            "GET /instruments": self._find_instruments,
            "GET /instruments/*": self._instrument,
            "GET /quotes": self._quotes,
            "GET /marketdata/historicals/*": self._history,
            "GET /orders": self._orders,
            "POST /orders": self._place,
            "GET /orders/*": self._order,
            "POST /orders/*/cancel": self._cancel,
        }

    def serves(self, method: str, path: str) -> bool:
        """Return whether the paper broker knows the URL."""
        route, _ = _route(method, path)
        return route in self._public or route in self._private

    def answer(self, request: PaperRequest) -> PaperReply:
        """Answer a request that `serves` approved; `KeyError` for any other."""
        route, key = _route(request.method, request.path)
        with self._store.transaction() as state:
            call = _Call(request=request, state=state, now=self._exchange.advance(state, self._clock.now()), key=key)
            try:
                status, body = self._serve(route, call)
            except refusals.RefusalError as refusal:
                status, body = refusal.status, refusal.body
        return PaperReply(status=status, body=json.dumps(body, separators=(",", ":")).encode())

    def _serve(self, route: str, call: _Call) -> _Answer:
        if route in self._public:
            return self._public[route](call)
        handler = self._private[route]
        self._tokens.check(call.state, call.request.bearer, call.now)
        return handler(call)

    def _grant(self, call: _Call) -> _Answer:
        fields = {name: str(value) for name, value in call.request.fields.items()}
        match fields:
            case {"grant_type": "password", "username": username, "password": password}:
                token = self._tokens.login(call.state, username=username, password=password, now=call.now)
            case {"grant_type": "refresh_token", "refresh_token": refresh}:
                token = self._tokens.renew(call.state, refresh=refresh, now=call.now)
            case {"grant_type": "password" | "refresh_token"}:
                raise refusals.RefusalError(400, {"error": "invalid_request"})
            case _:
                raise refusals.RefusalError(403, {"error": "unsupported_grant_type"})
        return 200, wire_pages.token_page(token, call.now)

    def _revoke(self, call: _Call) -> _Answer:
        self._tokens.revoke(call.state, str(call.request.fields.get("token", "")))
        return 200, {}

    def _accounts(self, call: _Call) -> _Answer:
        return 200, _single_page([wire_pages.account_page(call.state)])

    def _account(self, call: _Call) -> _Answer:
        _own_account(call)
        return 200, wire_pages.account_page(call.state)

    def _positions(self, call: _Call) -> _Answer:
        state, query = call.state, call.request.query
        if query.get("account_number", state.account_number) != state.account_number:
            return 200, _single_page([])
        nonzero = query.get("nonzero", "false").lower() == "true"
        rows = [position for position in state.positions.values() if position.quantity or not nonzero]
        return 200, _single_page([wire_pages.position_page(state, position) for position in rows])

    def _portfolio(self, call: _Call) -> _Answer:
        _own_account(call)
        return 200, wire_pages.portfolio_page(call.state, self._exchange.market_value(call.state, call.now))

    def _find_instruments(self, call: _Call) -> _Answer:
        if ids := call.request.query.get("ids"):
            known = [call.state.instruments.get(each) for each in ids.split(",")]
            return 200, _single_page(
                [None if symbol is None else wire_pages.instrument_page(symbol) for symbol in known]
            )
        symbol = call.request.query.get("symbol", "")
        if not self._exchange.quotes.knows(symbol):
            return 200, _single_page([])
        call.state.list_symbol(symbol)
        return 200, _single_page([wire_pages.instrument_page(symbol)])

    def _instrument(self, call: _Call) -> _Answer:
        symbol = call.state.instruments.get(call.key)
        if symbol is None:
            raise refusals.not_found()
        return 200, wire_pages.instrument_page(symbol)

    def _quotes(self, call: _Call) -> _Answer:
        symbols = call.request.query.get("symbols", "").split(",")
        quotes = [self._exchange.quote(call.state, symbol, call.now) for symbol in symbols]
        return 200, {"results": [None if quote is None else wire_pages.quote_page(quote) for quote in quotes]}

    def _history(self, call: _Call) -> _Answer:
        interval, span = (call.request.query.get(name, "") for name in ("interval", "span"))
        if interval not in BAR_INTERVALS.get(span, ()):
            raise refusals.no_such_bars(interval, span)
        bars = self._exchange.bars(call.state, call.key, interval=interval, span=span, now=call.now)
        return 200, history_page(call.key, bars, interval=interval, span=span)

    def _orders(self, call: _Call) -> _Answer:
        return 200, list_page(
            self._exchange.orders(call.state, range_of(call.request.query), call.now),
            call.request.query,
            account_number=call.state.account_number,
            page_size=self._page_size,
        )

    def _order(self, call: _Call) -> _Answer:
        order = self._exchange.order(call.state, call.key, call.now)
        return 200, wire_pages.order_page(order, call.state.account_number)

    def _place(self, call: _Call) -> _Answer:
        account_number = call.state.account_number
        ticket = read_ticket(call.request.fields, account_number=account_number, knows=self._exchange.quotes.knows)
        reference = self._reference_for(ticket.ref_id)
        order = self._exchange.place_order(call.state, ticket, reference=reference, now=call.now)
        return 201, wire_pages.order_page(order, account_number)

    def _cancel(self, call: _Call) -> _Answer:
        self._exchange.cancel_order(call.state, call.key, call.now)
        return 200, {}


def _route(method: str, path: str) -> tuple[str, str]:
    """Return the route's name and the part that varies; a final slash is optional, as it is at the broker."""
    match path.removesuffix("/").split("/"):
        case ["", "oauth2", action]:
            return f"{method} /oauth2/{action}", ""
        case ["", "marketdata", "historicals", symbol] if _SYMBOL.fullmatch(symbol):
            return f"{method} /marketdata/historicals/*", symbol
        case ["", collection]:
            return f"{method} /{collection}", ""
        case ["", collection, key, *rest] if _KEY.fullmatch(key):
            return f"{method} {'/'.join(['', collection, '*', *rest])}", key
        case _:
            return "", ""


def _own_account(call: _Call) -> None:
    if call.key != call.state.account_number:
        raise refusals.not_found()


def _single_page(rows: Sequence[dict[str, object] | None]) -> dict[str, object]:
    return {"next": None, "previous": None, "results": list(rows)}
