"""A paper broker whose account lies in a file, asked through the real session; a child process can run one too."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.support.paper_market import ACCOUNT, MONDAY, PlainSessions, opening_state, order_fields
from trading_bot.clock import VirtualClock
from trading_bot.paper.exchange import PaperExchange
from trading_bot.paper.quotes import QuoteSource, SeededWalkQuotes
from trading_bot.paper.sqlite_store import SqliteStore
from trading_bot.paper.store import ExchangeStore
from trading_bot.paper.transport import PaperTransport
from trading_bot.robinhood.session import FORM, BrokerSession, WireFailure, WireReply, WireRequest

CASH = Decimal(1_000_000)


def store_at(
    path: Path, *, busy_timeout_s: float = 30, cash: Decimal = CASH, account_number: str = ACCOUNT
) -> SqliteStore:
    return SqliteStore(
        path, account_number=account_number, opening=lambda: opening_state(str(cash)), busy_timeout_s=busy_timeout_s
    )


@dataclass
class StoredBroker:
    """One process's view of the account: its own clock, its own quotes, its own login."""

    path: Path
    start: datetime = MONDAY
    quotes: QuoteSource | None = None
    busy_timeout_s: float = 30
    account_number: str = ACCOUNT
    kept_in: ExchangeStore | None = None

    def __post_init__(self):
        self.clock = VirtualClock(self.start)
        self.store = self.kept_in or store_at(
            self.path, busy_timeout_s=self.busy_timeout_s, account_number=self.account_number
        )
        transport = PaperTransport(
            exchange=PaperExchange(quotes=self.quotes or SeededWalkQuotes(7), calendar=PlainSessions(), seed=7),
            store=self.store,
            clock=self.clock,
            reference_for=lambda _ref_id: None,
        )
        self.session = BrokerSession(adapter=transport, clock=self.clock)

    def login(self) -> "StoredBroker":
        form = {"grant_type": "password", "username": "paper", "password": "paper"}
        self.session.set_bearer(self.post("/oauth2/token/", form)["access_token"])
        return self

    def get(self, path: str, **query: str) -> Any:
        return self._answer(WireRequest(method="GET", path=path, query=tuple(query.items())))

    def post(self, path: str, fields: dict[str, Any]) -> Any:
        return self._answer(WireRequest(method="POST", path=path, body=urlencode(fields).encode(), content_type=FORM))

    def place(self, ref: int, /, **changes: object) -> str:
        return str(self.post("/orders/", order_fields(ref, **changes))["id"])

    def send(self, request: WireRequest) -> WireReply | WireFailure:
        return self.session.exchange(request, timeout_s=60)

    def _answer(self, request: WireRequest) -> Any:
        reply = self.send(request)
        assert isinstance(reply, WireReply), reply
        assert reply.status in (200, 201), reply.body
        return reply.json()


def place_orders(path: str, first: int, count: int) -> None:
    """What a child process does: place orders a second apart, every other one at a price that fills soon."""
    broker = StoredBroker(Path(path)).login()
    for ref in range(first, first + count):
        broker.place(ref, price="101.00" if ref % 2 else "99.50", quantity="3")
        broker.clock.sleep(1)
        broker.get("/orders/", is_closed="false")
