"""A whole bot over the real HTTP path, with a paper broker at its far end whose post a test can tamper with."""

import json
import os
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import requests

from tests.support.memory_exchange import MemoryStore
from tests.support.paper_market import MONDAY, PlainSessions, quote_line, recorded
from tests.support.scripted_broker import reply, response
from trading_bot.bot import TradeResult, TradingBot
from trading_bot.clock import VirtualClock
from trading_bot.config import Config
from trading_bot.error_handling.retry import no_jitter
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.journal.sqlite_reading import SqliteReader
from trading_bot.order_management.models import ExecutionMode
from trading_bot.paper.exchange import PaperExchange
from trading_bot.paper.state import ExchangeState
from trading_bot.paper.transport import PaperTransport
from trading_bot.robinhood.sending import current_send_context
from trading_bot.startup import Surroundings, create_bot
from trading_bot.state_folder import account_key

PAPER_ACCOUNT = "PAPER0001"
SUBMIT = "POST /orders/"
LIST = "GET /orders/"
LOGIN = "POST /oauth2/token/"
ACCOUNT = f"GET /accounts/{PAPER_ACCOUNT}/"
POSITIONS = "GET /positions/"

Forward: TypeAlias = Callable[[], requests.Response]
Tamper: TypeAlias = Callable[[Forward, requests.PreparedRequest], requests.Response]


def never_leaves(forward: Forward, request: requests.PreparedRequest) -> requests.Response:
    """No connection: not one byte was written."""
    raise requests.exceptions.ConnectionError("refused")


def request_lost(forward: Forward, request: requests.PreparedRequest) -> requests.Response:
    """The bytes left, the broker never got them, and no answer came."""
    with current_send_context().writing():
        pass
    raise requests.exceptions.ReadTimeout("no answer")


def reply_lost(forward: Forward, request: requests.PreparedRequest) -> requests.Response:
    """The broker acted, and its answer was lost."""
    forward()
    raise requests.exceptions.ReadTimeout("no answer")


def answers(status: int, body: object = None, **headers: str) -> Tamper:
    """The broker answers something else and does nothing."""

    def answer(forward: Forward, request: requests.PreparedRequest) -> requests.Response:
        with current_send_context().writing():
            pass
        return response(request, reply(status, body, **headers))

    return answer


class WatchedBroker(requests.adapters.BaseAdapter):
    """Passes requests on and notes them; each tamper of a route is used for one request, a standing one for all."""

    def __init__(self, inner: PaperTransport) -> None:
        super().__init__()
        self._inner = inner
        self.seen: list[str] = []
        self.tampers: dict[str, deque[Tamper]] = defaultdict(deque)
        self.standing: dict[str, Tamper] = {}

    def send(self, request, *arguments, **options):
        route = f"{request.method} {urlsplit(request.url).path}"
        self.seen.append(route)

        def forward() -> requests.Response:
            return self._inner.send(request, *arguments, **options)

        queue = self.tampers[route]
        tamper = queue.popleft() if queue else self.standing.get(route)
        return tamper(forward, request) if tamper else forward()

    def close(self) -> None:
        """Nothing is open."""


class BotBench:
    """A paper account of $100,000 and 50 AAPL, quoted 99.98 to 100.00 and, a minute later, 99.70 to 99.80.

    Account data may be five minutes old, so that only what invalidates it makes it fresh. ``quotes`` are further quotes
    of an earlier time, ``later`` of a later one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        files: FileSystem | None = None,
        quotes: Sequence[str] = (),
        later: Sequence[str] = (),
        **order_management: object,
    ) -> None:
        self.folder = folder
        self.clock = VirtualClock(MONDAY)
        self.settings: dict[str, object] = {
            "logs_dir": str(folder / "logs"),
            "state_dir": str(folder / "state"),
            "order_management": order_management,
            "risk_management": {"account_cache_ttl_s": 300},
        }
        market = recorded(*quotes, quote_line(-60, "99.98", "100.00"), quote_line(60, "99.70", "99.80"), *later)
        opening = ExchangeState.opening(
            account_number=PAPER_ACCOUNT, cash=Decimal(100_000), now=MONDAY, positions={"AAPL": (50, Decimal(90))}
        )
        self.exchange = MemoryStore(opening)
        self.broker = WatchedBroker(
            PaperTransport(
                exchange=PaperExchange(quotes=market, calendar=PlainSessions(), seed=7),
                store=self.exchange,
                clock=self.clock,
                reference_for=lambda ref_id: None,
            )
        )
        self._ids = count(1)
        self.files = files or LocalFiles()
        self.bot = self.new_bot()

    @property
    def config(self) -> Config:
        return Config.model_validate(self.settings)

    @property
    def state(self) -> Path:
        """The account's state folder."""
        (root,) = (self.folder / "state").iterdir()
        return root

    @property
    def database(self) -> Path:
        return self.state / "journal.sqlite3"

    def records(self) -> tuple[JournalRecord, ...]:
        """Every record of the journal."""
        mode = ExecutionMode.PAPER
        reader = SqliteReader(self.database, account_key=account_key(mode, PAPER_ACCOUNT))
        return tuple(one.record for one in reader.page(after=0, limit=10_000))

    @property
    def submits(self) -> int:
        return self.broker.seen.count(SUBMIT)

    def new_bot(self) -> TradingBot:
        """Another bot over the same folders and the same broker, as a new process would be."""
        return create_bot(self.config, transport=self.broker, surroundings=self.surroundings(), background_sync=False)

    def surroundings(self) -> Surroundings:
        """What every bot of this bench is built in."""
        return Surroundings(
            clock=self.clock,
            files=self.files,
            new_id=lambda: f"id-{next(self._ids)}",
            jitter=no_jitter,
            process_id=os.getpid,
        )

    def started(self) -> "BotBench":
        self.bot.start()
        return self

    def restart(self) -> None:
        self.bot.stop()
        self.bot = self.new_bot()
        self.bot.start()

    def trade(self, action: str = "buy", shares: int = 10, price: str = "100", **options) -> TradeResult:
        named = {"symbol": "AAPL", "reason": "a test", "client_order_id": "c1"} | options
        return self.bot.execute_trade(action=action, shares=shares, price=Decimal(price), **named)

    def let_it_fill(self) -> None:
        """Let the market come down to the bids."""
        self.clock.sleep(61)
        self.bot.synchronize_open_orders()

    def trades(self) -> list[dict[str, object]]:
        """Every line of the trade log."""
        text = (self.folder / "logs" / "trades.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def orders_at_broker(self) -> int:
        with self.exchange.transaction() as state:
            return state.orders_taken
