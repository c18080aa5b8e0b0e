"""A stand-in for Robinhood at the level of HTTP, with a true book of its own and every bad habit on demand.

It is independent of the paper exchange: what the simulation believes is not what the product believes. An `Act` says
how one request is treated; requests without one are served. Bad luck that strikes "before" leaves the book alone,
"after" means that the broker acted and only the answer is bad.
"""

import enum
import json
import random
import re
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
import urllib3

from tests.support.odd_rows import NOWHERE, ORDERS, POSITIONS, odd_order, odd_position
from tests.support.payload_forms import PayloadForms
from tests.support.scripted_broker import Answer, reply, response, told
from tests.support.stand_in_book import (
    BASE,
    ENDED,
    INSTRUMENT_OF,
    INSTRUMENTS,
    SYMBOL_OF,
    StandInBook,
    first_row,
    http_date,
    moment_of,
    wire_time,
)
from trading_bot.clock import VirtualClock
from trading_bot.robinhood.sending import current_send_context


class Route(enum.StrEnum):
    LOGIN = "login"
    ACCOUNT = "account"
    POSITIONS = "positions"
    INSTRUMENT = "instrument"
    QUOTES = "quotes"
    SUBMIT = "submit"
    CANCEL = "cancel"
    LIST = "list"
    READ = "read"


class Act(enum.StrEnum):
    """What befalls one request."""

    DNS = "dns"
    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    RESET_BEFORE = "reset_before"
    HALF_WRITTEN = "half_written"
    REQUEST_LOST = "request_lost"
    RESET_BEFORE_ACTING = "reset_before_acting"
    REPLY_LOST = "reply_lost"
    RESET_AFTER_ACTING = "reset_after_acting"
    DRIP = "drip"
    LATE = "late"
    REDIRECT = "redirect"
    BAD_400 = "bad_400"
    REF_ID_400 = "ref_id_400"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    UNPROCESSABLE = "unprocessable"
    THROTTLED = "throttled"
    THROTTLED_ABSURDLY = "throttled_absurdly"
    THROTTLED_AFTER = "throttled_after"
    E500_BEFORE = "500_before"
    E500_AFTER = "500_after"
    E502_BEFORE = "502_before"
    E502_AFTER = "502_after"
    E503_BEFORE = "503_before"
    E503_AFTER = "503_after"
    E504_BEFORE = "504_before"
    E504_AFTER = "504_after"
    MALFORMED = "malformed"
    HTML = "html"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    WRONG_TYPES = "wrong_types"
    MISSING_FIELDS = "missing_fields"
    UNKNOWN_STATE = "unknown_state"
    NEGATIVE = "negative"
    NOT_A_NUMBER = "not_a_number"
    HUGE = "huge"
    FOREIGN_ORDER = "foreign_order"
    DUPLICATE_ROWS = "duplicate_rows"
    DUPLICATE_FILLS = "duplicate_fills"
    PAGE_LOOP = "page_loop"
    FOREIGN_PAGE = "foreign_page"
    PAGE_2_FAILS = "page_2_fails"
    STALE = "stale"
    VANISHED = "vanished"
    NAMELESS = "nameless"
    NO_ROWS = "no_rows"


class RefIdMode(enum.StrEnum):
    """What the broker does with a ``ref_id`` that it knows."""

    CONFLICT = "conflict"
    BAD_REQUEST = "bad_request"
    FIRST_ORDER = "first_order"
    ACCEPT_AGAIN = "accept_again"
    IGNORED = "ignored"
    """It says neither yes nor no, and takes nothing."""


class CancelMode(enum.StrEnum):
    AT_ONCE = "at_once"
    PENDING = "pending"
    FILL_WINS = "fill_wins"
    PART_FILLS = "part_fills"
    REFUSED = "refused"
    IGNORED = "ignored"


_BEFORE_WRITING: Mapping[Act, Callable[[], Exception]] = {
    Act.DNS: lambda: requests.exceptions.ConnectionError(
        urllib3.exceptions.NameResolutionError("api.robinhood.com", None, OSError("no such name"))  # type: ignore[arg-type]  # no connection was made
    ),
    Act.REFUSED: lambda: requests.exceptions.ConnectionError("refused"),
    Act.CONNECT_TIMEOUT: lambda: requests.exceptions.ConnectTimeout("nobody answers"),
    Act.TLS: lambda: requests.exceptions.SSLError("bad certificate"),
    Act.RESET_BEFORE: lambda: requests.exceptions.ConnectionError(ConnectionResetError("reset")),
}
_STATUS: Mapping[Act, Callable[[], Answer]] = {
    Act.REDIRECT: lambda: reply(307, {}, Location="https://elsewhere.example/orders/"),
    Act.BAD_400: lambda: reply(400, {"detail": "You can only purchase 0 shares of it."}),
    Act.REF_ID_400: lambda: reply(400, {"ref_id": ["Order with this ref_id already exists."]}),
    Act.UNAUTHORIZED: lambda: reply(401, {"detail": "Incorrect authentication credentials."}),
    Act.FORBIDDEN: lambda: reply(403, {"detail": "You may not."}),
    Act.NOT_FOUND: lambda: reply(404, {"detail": "Not found."}),
    Act.CONFLICT: lambda: reply(409, {"detail": "Reference ID must be unique."}),
    Act.UNPROCESSABLE: lambda: reply(422, {"quantity": ["Enter a valid number."]}),
    Act.THROTTLED: lambda: reply(429, {"detail": "Request was throttled."}, Retry_After="3"),
    Act.THROTTLED_ABSURDLY: lambda: reply(429, {"detail": "no"}, Retry_After="-31536000"),
    Act.E500_BEFORE: lambda: reply(500, b"<html>oops</html>"),
    Act.E502_BEFORE: lambda: reply(502, b""),
    Act.E503_BEFORE: lambda: reply(503, b"<html>busy</html>"),
    Act.E504_BEFORE: lambda: reply(504, b""),
}
_STATUS_AFTER: Mapping[Act, int] = {
    Act.THROTTLED_AFTER: 429,
    Act.E500_AFTER: 500,
    Act.E502_AFTER: 502,
    Act.E503_AFTER: 503,
    Act.E504_AFTER: 504,
}
_ODD_ROWS = frozenset({Act.WRONG_TYPES, Act.MISSING_FIELDS, Act.NEGATIVE, Act.NOT_A_NUMBER, Act.HUGE})
_HARMLESS = {
    Act.FOREIGN_ORDER,
    Act.STALE,
    Act.VANISHED,
    Act.DUPLICATE_ROWS,
    Act.DUPLICATE_FILLS,
    Act.UNKNOWN_STATE,
    Act.NAMELESS,
    Act.NO_ROWS,
}
LISTING_LAG = timedelta(minutes=10)
"""How long a lagging listing may leave an order out."""
POSITION_LAG = timedelta(minutes=2)
BID = Decimal("99.98")


@dataclass(kw_only=True)
class Request:
    """One request as it arrived."""

    route: Route
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    timeout_s: float


class BrokerStandIn(requests.adapters.BaseAdapter):
    """Serves one account. ``acts`` are used up one request at a time, ``standing`` ones serve every request."""

    def __init__(self, *, clock: VirtualClock, account: str, session_end: Callable[[datetime], datetime]) -> None:
        super().__init__()
        self.clock = clock
        self.book = StandInBook(account=account, shares=dict.fromkeys(INSTRUMENTS, 100))
        self.acts: dict[Route, deque[Act]] = defaultdict(deque)
        self.standing: dict[Route, Act] = {}
        self.ref_ids = RefIdMode.CONFLICT
        self.cancels = CancelMode.AT_ONCE
        self.honours_is_closed = True
        self.is_liquid = False
        """Whether a sell at or below the bid trades as soon as time passes."""
        self.forms = PayloadForms()
        """How each row is written; see `vary`."""
        self.page_size = 3
        self.late_by = timedelta(minutes=2)
        self.date_skew: timedelta | None = timedelta()
        """How far the ``Date`` of its replies is ahead of the true time; None where a reply has none."""
        self.seen: list[Request] = []
        self.dropped_cancels = 0
        """Cancels that were taken and led to nothing."""
        self.readable_lists = 0
        self.last_list_at = clock.now()
        """Pages of the list of orders that were served whole and readable."""
        self.before_submit: Callable[[Request], None] = lambda request: None
        """Called inside of the permit, at the instant an order's first byte leaves."""
        self.meanwhile: Callable[[Request], None] = lambda request: None
        """Called once the request has been acted upon, before its answer is given."""
        self.befell: list[tuple[Request, Act]] = []
        """Every request that was not simply served, with what befell it."""
        self.shown_spoilt: set[str] = set()
        """Symbols of which a position was shown that nobody can read."""
        self.strayed: list[str] = []
        """Where requests went that were not for the broker."""
        self._underway: list[tuple[datetime, Request]] = []
        self._session_end = session_end
        self._tokens = 0

    def vary(self, seed: int) -> None:
        """Write rows in the forms of real accounts from now on, beside rows of others; the same for each seed."""
        self.forms = PayloadForms(seed)
        self.show_others(random.Random(seed))

    def show_others(self, chance: random.Random) -> None:
        """Show rows that hold up no symbol that is traded here: older than all of our orders, so that none is ours."""
        book, now = self.book, self.clock.now() - timedelta(hours=2)
        kinds = chance.sample(sorted(ORDERS), chance.randrange(4))
        for number, kind in enumerate(kinds):
            row = odd_order(kind, number, chance.choice(sorted(INSTRUMENTS)), account=book.account, now=now)
            if kind not in NOWHERE:
                row["state"] = chance.choice(("cancelled", "filled", "rejected"))
            book.strange_orders.append(row)
        kinds = chance.sample(sorted(POSITIONS), chance.randrange(3))
        book.strange_positions += [odd_position(kind, account=book.account) for kind in kinds]

    def posts(self, ref_id: str | None = None) -> list[Request]:
        """The submits whose first byte left, of one ``ref_id`` or of all."""
        return [r for r in self.seen if r.route is Route.SUBMIT and ref_id in (None, r.form["ref_id"])]

    @property
    def is_calm(self) -> bool:
        """Whether nothing bad is arranged any more and nothing is still on its way."""
        return not (any(self.acts.values()) or self.standing or self._underway)

    def forms_under_way(self) -> list[Mapping[str, str]]:
        """Return the orders that have left and not arrived yet."""
        return [request.form for _, request in self._underway if request.route is Route.SUBMIT]

    def calm_down(self) -> None:
        """End every fault; what is still on its way arrives."""
        self.acts.clear()
        self.standing.clear()
        self.honours_is_closed = True
        self.cancels = CancelMode.AT_ONCE
        underway, self._underway = self._underway, []
        for _, request in underway:
            self._act(request)
        for order in self.book.orders:
            order.hidden_until = None

    def pass_time(self) -> None:
        """Let arrive what is due, and end what has lived its session."""
        now = self.clock.now()
        due = [request for at, request in self._underway if at <= now]
        self._underway = [(at, request) for at, request in self._underway if at > now]
        for request in due:
            self._act(request)
        self.book.expire(now)
        for order in self.book.open() if self.is_liquid else ():
            if order.side == "sell" and order.price <= BID and not order.waits_for_stop:
                self.book.fill(order, order.remaining, now)

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):  # noqa: PLR0917 - requests' own signature
        if not request.url.startswith(f"{BASE}/"):
            self.strayed.append(urlsplit(request.url).netloc)
            raise requests.exceptions.ConnectionError("nobody is there")
        parsed = _parsed(request, timeout)
        queue = self.acts[parsed.route]
        act = queue.popleft() if queue else self.standing.get(parsed.route)
        self.pass_time()
        return response(request, self._dated(self._treat(parsed, act)))

    def close(self) -> None:
        """Nothing is open."""

    def _dated(self, answer: Answer) -> Answer:
        if self.date_skew is None:
            return answer
        date = http_date(self.clock.now() + self.date_skew)
        answer.headers = {**answer.headers, "Date": date}
        return answer

    def _treat(self, request: Request, act: Act | None) -> Answer:
        if act is not None:
            self.befell.append((request, act))
        if act is not None and act in _BEFORE_WRITING:
            error = _BEFORE_WRITING[act]()
            raise error
        with current_send_context().writing():
            self.seen.append(request)
            if request.route is Route.SUBMIT:
                self.before_submit(request)
            if act is Act.HALF_WRITTEN:
                raise requests.exceptions.ConnectionError(BrokenPipeError("broken pipe"))
        if act is None:
            self._note_list(request)
            answer = self._act(request)
            self.meanwhile(request)
            return answer
        if act is Act.VANISHED and request.route is Route.READ:
            act = Act.NOT_FOUND
        if act in _STATUS:
            self.meanwhile(request)
            return _STATUS[act]()
        return self._mistreat(request, act)

    def _mistreat(self, request: Request, act: Act) -> Answer:
        match act:
            case Act.REQUEST_LOST:
                self._silence(request)
            case Act.RESET_BEFORE_ACTING:
                raise requests.exceptions.ConnectionError(ConnectionResetError("reset"))
            case Act.LATE:
                self._underway.append((self.clock.now() + self.late_by, request))
                self._silence(request)
        stale = act is Act.STALE and request.route is Route.LIST
        if act is Act.STALE and request.route is Route.POSITIONS:
            return reply(200, {"next": None, "results": self._lagging_positions()})
        answer = self._listed(request, stale=True) if stale else self._act(request)
        self.meanwhile(request)
        match act:
            case Act.REPLY_LOST | Act.DRIP:
                self._silence(request)
            case Act.RESET_AFTER_ACTING:
                raise requests.exceptions.ConnectionError(ConnectionResetError("reset"))
        if act in _STATUS_AFTER:
            return reply(_STATUS_AFTER[act], b"<html>oops</html>")
        spoilt = self._spoilt(request, answer, act)
        # Rows that cannot be read hold up nothing but themselves.
        if act in _HARMLESS or act in _ODD_ROWS or spoilt.body == answer.body:
            self._note_list(request)
        return spoilt

    def _note_list(self, request: Request) -> None:
        if request.route is Route.LIST:
            self.readable_lists += 1
            self.last_list_at = self.clock.now()

    def _silence(self, request: Request) -> None:
        self.clock.sleep(request.timeout_s)
        raise requests.exceptions.ReadTimeout("no answer")

    # What the broker does.

    def _act(self, request: Request) -> Answer:
        return _SERVED[request.route](self, request)

    def _logged_in(self, request: Request) -> Answer:
        self._tokens += 1
        names = {"access_token": f"access-{self._tokens}", "refresh_token": f"refresh-{self._tokens}"}
        return told(200, {**names, "token_type": "Bearer", "expires_in": 86400})

    def _read(self, request: Request) -> Answer:
        order = self.book.by_id(request.path.split("/")[2])
        return told(200, self.forms.order(order.row())) if order else told(404, {"detail": "Not found."})

    def _submitted(self, request: Request) -> Answer:
        now = self.clock.now()
        known = self.book.named(request.form["ref_id"])
        if known and self.ref_ids is RefIdMode.CONFLICT:
            return _STATUS[Act.CONFLICT]()
        if known and self.ref_ids is RefIdMode.BAD_REQUEST:
            return _STATUS[Act.REF_ID_400]()
        if known and self.ref_ids is RefIdMode.FIRST_ORDER:
            return told(201, self.forms.order(known[0].row()))
        if known and self.ref_ids is RefIdMode.IGNORED:
            return told(200, {})
        if request.form["side"] == "sell" and int(request.form["quantity"]) > self.for_sale(request.form["symbol"]):
            return told(400, {"detail": "Not enough shares to sell."})
        order = self.book.take(request.form, now=now, expires_at=self._session_end(now))
        return told(201, self.forms.order(order.row()))

    def _cancelled(self, request: Request) -> Answer:
        now = self.clock.now()
        order = self.book.by_id(request.path.split("/")[2])
        if order is None:
            return told(404, {"detail": "Not found."})
        if not order.is_open or self.cancels is CancelMode.REFUSED:
            return told(403, {"detail": "Order cannot be cancelled at this time."})
        match self.cancels:
            case CancelMode.AT_ONCE:
                self.book.cancel(order, now)
            case CancelMode.PENDING:
                self.book.begin_cancel(order, now)
            case CancelMode.FILL_WINS:
                self.book.fill(order, order.quantity, now)
            case CancelMode.PART_FILLS:
                self.book.fill(order, max(1, order.remaining // 2), now)
                self.book.cancel(order, now)
            case CancelMode.IGNORED:
                self.dropped_cancels += 1
        return told(200, {})

    def _listed(self, request: Request, *, stale: bool = False) -> Answer:
        """Answer one page; a stale one comes from a replica that still has every order's first version."""
        now = self.clock.now()
        shown = [order for order in self.book.orders if order.hidden_until is None or now >= order.hidden_until]
        shown.sort(key=lambda order: order.created_at, reverse=True)
        rows = [order.versions[0 if stale else -1] for order in shown]  # `forms` copies what it writes
        rows = [*self.book.strange_orders, *rows]
        rows = [row for row in rows if self._asked_for(row, request.query)]
        start = first_row(request.query.get("cursor", "0"), rows)
        end = start + self.page_size
        following = self._page_address(request, end) if end < len(rows) else None
        page = [self.forms.order(row) for row in rows[start:end]]
        return told(200, {"next": following, "previous": None, "results": page})

    def _asked_for(self, row: Mapping[str, object], query: Mapping[str, str]) -> bool:
        if query.get("is_closed") == "false" and self.honours_is_closed and row["state"] in ENDED:
            return False
        since = query.get("updated_at[gte]")
        if since is None or row["updated_at"] is None:
            return True
        return moment_of(str(row["updated_at"])) >= moment_of(since)

    @staticmethod
    def _page_address(request: Request, cursor: int) -> str:
        return f"{BASE}{request.path}?{urlencode({**request.query, 'cursor': str(cursor)})}"

    def _account_row(self) -> dict[str, object]:
        return {
            "url": f"{BASE}/accounts/{self.book.account}/",
            "account_number": self.book.account,
            "buying_power": f"{self.book.cash - self.book.set_aside:.4f}",
            "cash": f"{self.book.cash:.4f}",
            "cash_held_for_orders": f"{self.book.set_aside:.4f}",
            "deactivated": False,
            "locked": False,
            "only_position_closing_trades": False,
        }

    def _positions(self, request: Request) -> Answer:
        self.shown_spoilt |= self.book.spoilt_positions.keys()
        rows = self._position_rows()
        if request.path == "/positions/":
            return told(200, {"next": None, "results": [self.forms.position(row) for row in rows]})
        alone = [row for row in rows if row["instrument_id"] == request.path.split("/")[3]]
        return told(200, self.forms.position(alone[0])) if alone else told(404, {"detail": "Not found."})

    def _position_rows(self) -> list[dict[str, object]]:
        rows = [
            {**self._position_row(symbol, quantity), **self.book.spoilt_positions.get(symbol, {})}
            for symbol, quantity in self.book.held.items()
        ]
        return [*rows, *self.book.strange_positions]

    def _position_row(self, symbol: str, quantity: int) -> dict[str, object]:
        return {
            "instrument_id": INSTRUMENT_OF[symbol],
            "account_number": self.book.account,
            "quantity": f"{quantity:.8f}",
            "average_buy_price": "90.0000",
            "shares_held_for_sells": f"{self._on_offer(symbol):.8f}",
        }

    def _lagging_positions(self) -> list[dict[str, object]]:
        held = self.book.held_at(self.clock.now() - POSITION_LAG)
        return [
            {**self._position_row(symbol, quantity), "shares_held_for_sells": "0.00000000"}
            for symbol, quantity in held.items()
        ]

    def for_sale(self, symbol: str) -> int:
        """Return the shares that are held and not on offer."""
        return self.book.held.get(symbol, 0) - self._on_offer(symbol)

    def _on_offer(self, symbol: str) -> int:
        sells = (order for order in self.book.orders if order.symbol == symbol and order.side == "sell")
        return sum(order.remaining for order in sells if order.is_open)

    def _quotes(self, request: Request) -> Answer:
        asked = request.query["symbols"].split(",")
        return told(200, {"results": [self._quote(symbol) if symbol in INSTRUMENT_OF else None for symbol in asked]})

    def _quote(self, symbol: str) -> dict[str, object]:
        row = {
            "symbol": symbol,
            "bid_price": f"{BID:.6f}",
            "ask_price": "100.000000",
            "bid_size": 100,
            "ask_size": 100,
            "last_trade_price": "99.990000",
            "trading_halted": False,
            "updated_at": wire_time(self.clock.now()),
        }
        return self.forms.quote(row)

    def _instruments(self, request: Request) -> Answer:
        asked = request.query.get("symbol") or request.query.get("ids")
        keys = [INSTRUMENT_OF.get(one, one) for one in (asked or request.path.split("/")[2]).split(",")]
        rows = [
            self.forms.instrument(
                {"id": key, "symbol": SYMBOL_OF[key], "state": "active", "tradeable": True, "tradability": "tradable"}
            )
            for key in keys
            if key in SYMBOL_OF
        ]
        if asked is not None:
            return told(200, {"next": None, "results": rows})
        return told(200, rows[0]) if rows else told(404, {"detail": "Not found."})

    # How a good answer is spoilt on the way.

    def _spoilt(self, request: Request, answer: Answer, act: Act) -> Answer:
        text = answer.body
        match act:
            case Act.MALFORMED:
                return reply(answer.status, b'{"id": "x", ')
            case Act.HTML:
                return reply(answer.status, b"<html><body>maintenance</body></html>")
            case Act.EMPTY:
                return reply(answer.status, b"")
            case Act.TRUNCATED:
                return reply(answer.status, text[: len(text) // 2])
        body = json.loads(text)
        if request.route is Route.LIST and act in _PAGE_SPOILERS:
            return _PAGE_SPOILERS[act](self, request, body)
        _spoil_rows(self, body, act)
        return answer if body == answer.says else reply(answer.status, body)


_SERVED: Mapping[Route, Callable[[BrokerStandIn, Request], Answer]] = {
    Route.LOGIN: lambda broker, request: broker._logged_in(request),
    Route.ACCOUNT: lambda broker, request: told(200, broker.forms.account(broker._account_row())),
    Route.POSITIONS: lambda broker, request: broker._positions(request),
    Route.INSTRUMENT: lambda broker, request: broker._instruments(request),
    Route.QUOTES: lambda broker, request: broker._quotes(request),
    Route.SUBMIT: lambda broker, request: broker._submitted(request),
    Route.CANCEL: lambda broker, request: broker._cancelled(request),
    Route.LIST: lambda broker, request: broker._listed(request),
    Route.READ: lambda broker, request: broker._read(request),
}


def _parsed(request: requests.PreparedRequest, timeout: object) -> Request:
    route, path, query = _address(str(request.method), str(request.url))
    body = request.body.decode() if isinstance(request.body, bytes) else str(request.body or "")
    read = timeout[1] if isinstance(timeout, tuple) else timeout
    form = dict(parse_qsl(body, keep_blank_values=True)) if body else {}
    return Request(route=route, path=path, query=query, form=form, timeout_s=float(str(read or 0)))


@lru_cache(maxsize=1024)
def _address(method: str, url: str) -> tuple[Route, str, Mapping[str, str]]:
    parts = urlsplit(url)
    query = MappingProxyType(dict(parse_qsl(parts.query, keep_blank_values=True)))
    return _route(method, parts.path), parts.path, query


_ADDRESSES: tuple[tuple[str, str, Route], ...] = (
    ("POST", r"/oauth2/token/", Route.LOGIN),
    ("POST", r"/orders/", Route.SUBMIT),
    ("POST", r"/orders/[^/]+/cancel/", Route.CANCEL),
    ("GET", r"/orders/", Route.LIST),
    ("GET", r"/orders/[^/]+/", Route.READ),
    ("GET", r"/accounts/[^/]+/", Route.ACCOUNT),
    ("GET", r"/positions/(?:[^/]+/[^/]+/)?", Route.POSITIONS),
    ("GET", r"/quotes/", Route.QUOTES),
    ("GET", r"/instruments/(?:[^/]+/)?", Route.INSTRUMENT),
)


def _route(method: str, path: str) -> Route:
    found = [route for verb, pattern, route in _ADDRESSES if verb == method and re.fullmatch(pattern, path)]
    if len(found) != 1:
        raise AssertionError(f"the broker has no such address: {method} {path}")
    return found[0]


def _rows(body: object) -> list[dict[str, object]]:
    if not isinstance(body, dict):
        return []
    rows = body.get("results", [body])
    assert isinstance(rows, list)
    return rows


_FIELD_SPOILERS: Mapping[Act, Mapping[str, object]] = {
    Act.WRONG_TYPES: {"quantity": ["10"], "state": 7},
    Act.UNKNOWN_STATE: {"state": "reticulating"},
    Act.NEGATIVE: {"cumulative_quantity": "-5.00000000", "price": "-1"},
    Act.NOT_A_NUMBER: {"cumulative_quantity": float("nan"), "quantity": "NaN"},
    Act.HUGE: {"cumulative_quantity": "9" * 40},
}


def _spoil_rows(broker: BrokerStandIn, body: object, act: Act) -> None:
    for row in _rows(body):
        if "ref_id" not in row:
            continue
        row.update(_FIELD_SPOILERS.get(act, {}))
        if act is Act.MISSING_FIELDS:
            for name in ("side", "quantity", "cumulative_quantity"):
                row.pop(name, None)
        if act is Act.DUPLICATE_FILLS and isinstance(fills := row.get("executions"), list):
            row["executions"] = fills * 2
        if act is Act.STALE:
            order = broker.book.by_id(str(row["id"]))
            row.update(order.versions[0] if order else {})
        if act is Act.FOREIGN_ORDER:
            row.update(id=BrokerStandIn.__name__.lower() + "-0001", ref_id="99999999-0000-4000-8000-000000000000")


def _twice(_broker: BrokerStandIn, _request: Request, body: dict[str, object]) -> Answer:
    return reply(200, {**body, "results": _rows(body) * 2})


def _round_and_round(broker: BrokerStandIn, request: Request, body: dict[str, object]) -> Answer:
    cursor = first_row(request.query.get("cursor", "0"), _rows(body))
    return reply(200, {**body, "next": broker._page_address(request, cursor)})


def _elsewhere(_broker: BrokerStandIn, _request: Request, body: dict[str, object]) -> Answer:
    return reply(200, {**body, "next": "https://elsewhere.example/orders/?cursor=2"})


def _half_a_list(broker: BrokerStandIn, request: Request, body: dict[str, object]) -> Answer:
    """Page one is there without its last row, and page two never comes."""
    broker.acts[Route.LIST].extendleft([Act.E500_BEFORE] * 4)
    return reply(200, {"next": broker._page_address(request, 1), "results": _rows(body)[:-1]})


def _nameless(_broker: BrokerStandIn, _request: Request, body: dict[str, object]) -> Answer:
    """The orders are there, and none of them says what it was called by who sent it."""
    return reply(200, {**body, "results": [{**row, "ref_id": ""} for row in _rows(body)]})


def _no_rows(_broker: BrokerStandIn, _request: Request, body: dict[str, object]) -> Answer:
    return reply(200, {**body, "next": None, "results": []})


def _without_the_young(broker: BrokerStandIn, _request: Request, body: dict[str, object]) -> Answer:
    since = wire_time(broker.clock.now() - LISTING_LAG)
    return reply(200, {**body, "results": [row for row in _rows(body) if str(row["created_at"]) < since]})


_PAGE_SPOILERS: Mapping[Act, Callable[[BrokerStandIn, Request, dict[str, object]], Answer]] = {
    Act.DUPLICATE_ROWS: _twice,
    Act.PAGE_LOOP: _round_and_round,
    Act.FOREIGN_PAGE: _elsewhere,
    Act.PAGE_2_FAILS: _half_a_list,
    Act.VANISHED: _without_the_young,
    Act.NAMELESS: _nameless,
    Act.NO_ROWS: _no_rows,
}
