"""A paper broker on a bench: quotes written down by hand, a plain trading day, and a client that speaks its wire."""

import json
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import requests

from tests.support.memory_exchange import MemoryStore
from trading_bot.clock import VirtualClock
from trading_bot.paper.exchange import PaperExchange
from trading_bot.paper.quotes import QuoteSource, ReplayQuotes
from trading_bot.paper.state import ExchangeState, instrument_id_of
from trading_bot.paper.transport import PaperTransport
from trading_bot.robinhood.sending import SendContext, sending

ACCOUNT = "PAPER-0001"
BASE = "https://api.robinhood.com"
MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
"""Half an hour into the regular session."""


class PlainSessions:
    """Every weekday from 14:30 to 21:00 UTC; extended hours from 12:00 to 23:00."""

    def is_open(self, moment: datetime, *, extended_hours: bool = False) -> bool:
        opening, close = self._hours(extended_hours=extended_hours)
        return moment.weekday() < 5 and opening <= moment.timetz().replace(tzinfo=None) < close

    def next_open(self, moment: datetime, *, extended_hours: bool = False) -> datetime:
        opening, _ = self._hours(extended_hours=extended_hours)
        return self._next_weekday_at(opening, moment)

    def close_after(self, moment: datetime, *, extended_hours: bool = False) -> datetime:
        _, close = self._hours(extended_hours=extended_hours)
        return self._next_weekday_at(close, moment)

    def _hours(self, *, extended_hours: bool) -> tuple[time, time]:
        return (time(12), time(23)) if extended_hours else (time(14, 30), time(21))

    def _next_weekday_at(self, of_day: time, moment: datetime) -> datetime:
        candidate = datetime.combine(moment.date(), of_day, tzinfo=UTC)
        while candidate <= moment or candidate.weekday() > 4:
            candidate += timedelta(days=1)
        return candidate


def quote_line(seconds: object, bid: str, ask: str, /, **other: object) -> str:
    """One recorded quote, ``seconds`` after MONDAY."""
    at = MONDAY + timedelta(seconds=float(str(seconds)))
    sizes = {"bid_size": 100, "ask_size": 100}
    return json.dumps({"at": at.isoformat(), "symbol": "AAPL", "bid": bid, "ask": ask, **sizes, **other})


def recorded(*lines: str) -> ReplayQuotes:
    return ReplayQuotes(lines or [quote_line(-3600, "99.98", "100.00")])


def opening_state(cash: str = "100000", shares: int = 0, now: datetime = MONDAY) -> ExchangeState:
    positions = {"AAPL": (shares, Decimal(90))} if shares else None
    return ExchangeState.opening(account_number=ACCOUNT, cash=Decimal(cash), now=now, positions=positions)


def order_fields(ref: int = 1, /, **changes: object) -> dict[str, Any]:
    """The form of a plain limit buy of 10 AAPL at 100.00; a change to None leaves the field out."""
    symbol = str(changes.get("symbol", "AAPL"))
    fields = {
        "account": f"{BASE}/accounts/{ACCOUNT}/",
        "instrument": f"{BASE}/instruments/{instrument_id_of(symbol)}/",
        "symbol": symbol,
        "price": "100.00",
        "quantity": "10",
        "ref_id": f"00000000-0000-4000-8000-{ref:012d}",
        "type": "limit",
        "time_in_force": "gfd",
        "trigger": "immediate",
        "side": "buy",
        "market_hours": "regular_hours",
        "extended_hours": "False",
        "order_form_version": "4",
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


@dataclass
class PaperBench:
    """A broker with one account and a logged-in client; ``wait`` is the only thing that passes time."""

    quotes: QuoteSource = field(default_factory=recorded)
    state: ExchangeState = field(default_factory=opening_state)
    start: datetime = MONDAY
    seed: int = 7
    page_size: int = 100
    references: dict[str, Decimal] = field(default_factory=dict)

    def __post_init__(self):
        self.clock = VirtualClock(self.start)
        self.store = MemoryStore(self.state)
        self.exchange = PaperExchange(quotes=self.quotes, calendar=PlainSessions(), seed=self.seed)
        self.transport = PaperTransport(
            exchange=self.exchange,
            store=self.store,
            clock=self.clock,
            reference_for=self.references.get,
            page_size=self.page_size,
        )
        self.bearer: str | None = None
        self.login()

    def send(
        self, method: str, path: str, *, permit=None, deadline: float | None = None, **options
    ) -> requests.Response:
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", self.transport)
        session.mount("http://", self.transport)
        url = path if "://" in path else f"{BASE}{path}"
        headers = {"Authorization": f"Bearer {self.bearer}"} if self.bearer else {}
        headers |= options.pop("headers", {})
        due = self.clock.monotonic() + 20 if deadline is None else deadline
        with sending(SendContext(deadline=due, permit=permit or nullcontext())) as self.context:
            return session.request(method, url, headers=headers, **options)

    def get(self, path: str, **query: str):
        reply = self.send("GET", path, params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def login(self) -> None:
        form = {"grant_type": "password", "username": "paper", "password": "paper"}
        self.bearer = self.send("POST", "/oauth2/token/", data=form).json()["access_token"]

    def post_order(self, ref: int = 1, /, **changes: object) -> requests.Response:
        return self.send("POST", "/orders/", data=order_fields(ref, **changes))

    def place(self, ref: int = 1, /, **changes: object) -> str:
        reply = self.post_order(ref, **changes)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    def cancel(self, order_id: str) -> requests.Response:
        return self.send("POST", f"/orders/{order_id}/cancel/")

    def order(self, order_id: str):
        return self.get(f"/orders/{order_id}/")

    def account(self):
        return self.get(f"/accounts/{ACCOUNT}/")

    def wait(self, seconds: float) -> None:
        self.clock.sleep(seconds)
