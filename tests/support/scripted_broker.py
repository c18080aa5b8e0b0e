"""A broker that answers from a script, below the real HTTP session, and remembers what it was asked."""

import io
import json
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import msgspec
import requests
import urllib3

from trading_bot.clock import VirtualClock
from trading_bot.robinhood.sending import current_send_context
from trading_bot.robinhood.session import EVENT_STREAM

MORNING = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
ACCOUNT = "5QR12345"
INSTRUMENT = "450dfc6d-5510-4d40-abfb-f633b7d9be3e"
ORDER = "7a2f7d2c-1f0e-4a57-9f0b-2f2d8a0c1b11"
REF = "11111111-2222-4333-8444-555555555555"
BASE = "https://api.robinhood.com"


@dataclass
class Answer:
    """One scripted ending: a reply, or an error before or after the bytes left."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    error: Exception | None = None
    before_writing: bool = False
    says: Mapping[str, object] | None = None
    """What the body says, where whoever made it has that at hand; it is not to be changed."""
    then: Callable[[], object] = lambda: None


def reply(status: int = 200, body: object = None, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    return Answer(status=status, body=raw, headers={name.replace("_", "-"): value for name, value in headers.items()})


def told(status: int, body: Mapping[str, object]) -> Answer:
    """Return what `reply` does of a body of plain values, at a tenth of the cost: a life has hundreds of them."""
    return Answer(status=status, body=msgspec.json.encode(body), says=body)


def unreachable(error: Exception | None = None) -> Answer:
    return Answer(error=error or requests.exceptions.ConnectionError("refused"), before_writing=True)


def lost(error: Exception | None = None) -> Answer:
    return Answer(error=error or requests.exceptions.ReadTimeout("no answer"))


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: Mapping[str, str]
    timeout: object


class ScriptedBroker(requests.adapters.BaseAdapter):
    """Answers each route from its own queue; an unscripted request is an error of the test."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Seen] = []
        self._queues: dict[tuple[str, str], deque[Answer]] = defaultdict(deque)
        self._standing: dict[tuple[str, str], Answer] = {}

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self._queues[method, path].extend(answers)

    def always(self, method: str, path: str, answer: Answer) -> None:
        self._standing[method, path] = answer

    def paths(self) -> list[str]:
        return [f"{seen.method} {seen.path}" for seen in self.seen]

    def send(self, request, *_, **options):
        parts = urlsplit(request.url)
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        seen = Seen(
            request.method,
            parts.path,
            dict(parse_qsl(parts.query)),
            body,
            {**request.headers, "host": parts.netloc},
            options.get("timeout"),
        )
        self.seen.append(seen)
        answer = self._next(seen.method, seen.path)
        if answer.before_writing and answer.error is not None:
            raise answer.error
        with current_send_context().writing():
            answer.then()
        if answer.error is not None:
            raise answer.error
        return response(request, answer)

    def close(self) -> None:
        """Nothing is open."""

    def _next(self, method: str, path: str) -> Answer:
        queue = self._queues[method, path]
        if queue:
            return queue.popleft()
        if (method, path) not in self._standing:
            raise LookupError(f"unscripted: {method} {path}")
        return self._standing[method, path]


class _Plain(io.BytesIO):
    """A body as it is; a test may give it attributes."""


def _raw(answer: Answer) -> _Plain | urllib3.HTTPResponse:
    body = _Plain(answer.body)
    if "Content-Encoding" not in answer.headers and answer.headers.get("Content-Type") != EVENT_STREAM:
        return body  # a simulation reads a hundred a life, and urllib3 has nothing to decode in it
    return urllib3.HTTPResponse(body=body, status=answer.status, headers=dict(answer.headers), preload_content=False)


def response(request: requests.PreparedRequest, answer: Answer) -> requests.Response:
    built = requests.Response.__new__(requests.Response)
    vars(built).update(_EMPTY)  # without the jar for cookies that each one makes
    built.status_code, built.raw, built.request, built.url = answer.status, _raw(answer), request, request.url or ""
    built.headers = requests.structures.CaseInsensitiveDict(answer.headers)
    return built


_EMPTY = vars(requests.Response())


def clock() -> VirtualClock:
    return VirtualClock(MORNING)


def order_row(**changes: object) -> dict[str, object]:
    """A resting buy of 10 AAPL at 100.10, as the broker lists it."""
    row: dict[str, object] = {
        "id": ORDER,
        "ref_id": REF,
        "account": f"{BASE}/accounts/{ACCOUNT}/",
        "instrument": f"{BASE}/instruments/{INSTRUMENT}/",
        "instrument_id": INSTRUMENT,
        "cancel": f"{BASE}/orders/{ORDER}/cancel/",
        "cumulative_quantity": "0.00000000",
        "average_price": None,
        "state": "confirmed",
        "type": "limit",
        "side": "buy",
        "time_in_force": "gfd",
        "price": "100.10000000",
        "quantity": "10.00000000",
        "reject_reason": None,
        "created_at": "2026-11-23T14:59:58.123456Z",
        "updated_at": "2026-11-23T14:59:59.123456Z",
        "last_transaction_at": "2026-11-23T14:59:59Z",
        "executions": [],
    }
    return row | changes


def fill(number: int = 1, quantity: str = "4.00000000", price: str = "100.05000000") -> dict[str, object]:
    return {
        "id": f"9b1c0000-0000-4000-8000-{number:012d}",
        "quantity": quantity,
        "price": price,
        "timestamp": "2026-11-23T15:00:01.5Z",
    }


def account_row(number: str = ACCOUNT, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "url": f"{BASE}/accounts/{number}/",
        "account_number": number,
        "buying_power": "7210.0000",
        "cash": "-12.5000",
        "cash_held_for_orders": "100.0000",
        "deactivated": False,
        "locked": False,
        "only_position_closing_trades": False,
        "permanently_deactivated": False,
        "equity_trading_lock": None,
    }
    return row | changes


def instrument_row(symbol: str = "AAPL", **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "id": INSTRUMENT,
        "url": f"{BASE}/instruments/{INSTRUMENT}/",
        "symbol": symbol,
        "state": "active",
        "tradeable": True,
        "tradability": "tradable",
    }
    return row | changes


def page(*rows: object, following: str | None = None) -> Answer:
    return reply(200, {"next": following, "previous": None, "results": list(rows)})
