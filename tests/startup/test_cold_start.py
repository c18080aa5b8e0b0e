"""A command in a fresh process: which requests it makes in live mode, and which of them wait for the answers of others.

What is counted are waits, and no clock decides: the stand-in answers reads that go together once all of them are there.
"""

import itertools
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.live_account import NUMBER, SUBMIT, LiveAccount, live_account
from tests.support.loopback_broker.acts import Act, reply
from tests.support.loopback_broker.book import eight
from tests.support.loopback_broker.server import Heard
from trading_bot.bot import TradeResult, TradeStatus
from trading_bot.bot_lifecycle import StartError
from trading_bot.operations import ListFreezes, ListOrders, ListPositions
from trading_bot.startup import open_command_client

pytestmark = pytest.mark.no_cover  # whole bots: each line that they run has a quick test of its own

ACCOUNT, OPEN_ORDERS, POSITIONS = f"GET /accounts/{NUMBER}/", "GET /orders/", "GET /positions/"
INSTRUMENT, QUOTES = "GET /instruments/", "GET /quotes/"
TOGETHER = ({ACCOUNT, OPEN_ORDERS, POSITIONS}, {INSTRUMENT, QUOTES})
"""What is asked at once, and what is asked once that is answered."""
A_MOMENT_S = 10


@dataclass(slots=True)
class Span:
    """One request: when it came in and when it was answered, as numbers in a row."""

    route: str
    came: int
    answered: int


class Watched:
    """Stands between the server and its book, and notes what was under way at the same time."""

    def __init__(self, account: LiveAccount) -> None:
        self.spans: list[Span] = []
        self._book = account.server._answer
        self._numbers = itertools.count()
        self._together = {
            route: meeting
            for routes in TOGETHER
            for meeting in [threading.Barrier(len(routes), timeout=A_MOMENT_S)]
            for route in routes
        }
        account.server._answer = self

    def __call__(self, heard: Heard) -> Act:
        span = Span(route=f"{heard.method} {heard.path}", came=next(self._numbers), answered=0)
        self.spans.append(span)
        if span.route in self._together:
            self._together[span.route].wait()
        act = self._book(heard)
        span.answered = next(self._numbers)
        return act

    def round_trips(self, span: Span) -> int:
        """How many requests had to be answered one after another until this one was."""
        before = (self.round_trips(other) for other in self.spans if other.answered < span.came)
        return 1 + max(before, default=0)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[LiveAccount]:
    with live_account(tmp_path) as made:
        made.log_in()
        made.arm()
        yield made


def buy(account: LiveAccount, symbol: str = "MSFT") -> TradeResult:
    bot = account.bot()
    bot.start()
    try:
        return bot.execute_trade(symbol, "buy", 1, Decimal(90), "a test")
    finally:
        bot.stop()


def hold(account: LiveAccount, positions: int, *, are_named: bool) -> None:
    for number in range(positions):
        symbol, instrument_id = f"SYM{number:03d}", str(uuid.UUID(int=number + (6 << 76)))
        account.book.instruments[symbol] = instrument_id
        row = {"instrument_id": instrument_id, "account_number": NUMBER, "quantity": eight(Decimal(5))}
        account.book.more_positions.append(row | ({"symbol": symbol} if are_named else {}))


def test_a_buy_waits_for_two_round_trips_before_its_order_is_sent(account):
    account.book.shares = 0
    watched = Watched(account)
    assert buy(account).status is TradeStatus.SUBMITTED
    routes = [span.route for span in watched.spans]
    assert (set(routes[:3]), set(routes[3:5]), routes[5:]) == (*TOGETHER, [SUBMIT])
    assert watched.round_trips(watched.spans[-1]) - 1 == len(TOGETHER)


def requests_of_two_runs(folder: Path, positions: int, *, are_named: bool = True) -> list[list[str]]:
    with live_account(folder) as account:
        account.log_in()
        account.arm()
        account.book.shares = 0
        hold(account, positions, are_named=are_named)
        runs = []
        for symbol in ("MSFT", "AAPL"):
            account.server.heard.clear()
            assert buy(account, symbol).status is TradeStatus.SUBMITTED
            runs.append(sorted(account.server.paths()))
        return runs


@pytest.mark.parametrize("are_named", [True, False], ids=["named in their rows", "named by their instruments"])
def test_from_the_second_run_on_a_hundred_positions_cost_no_request(tmp_path, are_named):
    first, second = requests_of_two_runs(tmp_path / "many", 100, are_named=are_named)
    none = requests_of_two_runs(tmp_path / "none", 0)
    assert second == none[1]
    assert len(first) - len(none[0]) == (0 if are_named else 2), "fifty names a request"


@pytest.mark.parametrize("look", [ListOrders(), ListPositions(), ListFreezes()], ids=lambda look: type(look).__name__)
def test_a_look_asks_the_broker_nothing(account, look):
    hold(account, 100, are_named=True)
    buy(account)
    account.server.heard.clear()
    with open_command_client(account.config, transport=account.transport, surroundings=account.around) as client:
        client.perform(look)
    assert account.server.heard == []


def test_nothing_of_the_orders_is_booked_for_a_login_of_another_account(account):
    """Its list is empty, and our order is no order of its."""
    buy(account)
    account.server.on("GET", f"/accounts/{NUMBER}/", reply(404, {"detail": "Not found."}))
    account.book.rows.clear()
    with pytest.raises(StartError) as refused:
        account.bot().start()
    assert refused.value.step == "account"
    assert not any(path.startswith("GET /orders/0") for path in account.server.paths())
    bot = account.bot()
    with bot.manager._store.open_book() as book:
        assert not book.active()


def test_balances_that_cannot_be_read_in_passing_stop_no_start(account):
    account.server.on(*ACCOUNT.split(), *[reply(503)] * 9)
    bot = account.bot()
    bot.start()
    assert bot.execute_trade("AAPL", "sell", 1, Decimal(110), "a test").status is TradeStatus.SUBMITTED
    bot.stop()
