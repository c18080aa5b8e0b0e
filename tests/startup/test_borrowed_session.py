"""A bot on the login that the user's own program has: its token goes over connections of our own and is kept nowhere.

The broker is the loopback stand-in; `create_bot` is called as a user calls it.
"""

import logging
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr
from robin_stocks.robinhood import helper

from tests.support.live_account import NUMBER, SUBMIT, LiveAccount, live_account
from tests.support.loopback_broker.own_connections import as_the_broker
from trading_bot.auth.borrowed_login import BORROWED_SESSION_ENDED, NOT_LOGGED_IN
from trading_bot.auth.token_store import SavedSession
from trading_bot.bot import StartError, TradeResult, TradeStatus, TradingBot
from trading_bot.order_management.book.exit_facts import ExitEnding
from trading_bot.order_management.exceptions import AuthenticationError, OrderStatusError
from trading_bot.robinhood.rate_budget import BudgetedWire
from trading_bot.startup import create_bot
from trading_bot.startup.broker_access import borrowed_access

TOKEN = "canary-borrowed-token"


class NeverSent(requests.adapters.BaseAdapter):
    """Nothing goes out over their session."""

    def send(self, *_: object, **__: object) -> requests.Response:
        raise AssertionError("their session was used")

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def theirs() -> requests.Session:
    http = requests.Session()
    http.mount("https://", NeverSent())
    http.headers["Authorization"] = f"Bearer {TOKEN}"
    return http


@pytest.fixture
def account(tmp_path: Path) -> Iterator[LiveAccount]:
    with live_account(tmp_path) as account, as_the_broker(account.server):
        account.book.bearers = {TOKEN}
        account.arm()
        yield account


def bot_of(account: LiveAccount, session: requests.Session) -> TradingBot:
    return create_bot(account.config, session=session, surroundings=account.around, background_sync=False)


def buy(bot: TradingBot, name: str = "c1") -> TradeResult:
    return bot.execute_trade("AAPL", "buy", 10, Decimal(90), "a test", client_order_id=name)


def failing_start(bot: TradingBot) -> StartError:
    with pytest.raises(StartError) as caught:
        bot.start()
    return caught.value


def test_it_trades_with_the_token_and_leaves_the_session_alone(account, theirs):
    before = dict(theirs.headers)
    bot = bot_of(account, theirs)
    assert account.server.heard == []
    bot.start()
    assert buy(bot).status is TradeStatus.SUBMITTED
    bot.stop()
    assert account.server.paths().count(SUBMIT) == 1
    assert {heard.headers["authorization"] for heard in account.server.heard} == {f"Bearer {TOKEN}"}
    assert dict(theirs.headers) == before


def test_its_requests_keep_to_our_budgets(account, theirs):
    access = borrowed_access(account.around, account_number=NUMBER, source=theirs, state=account.state())
    assert isinstance(access.wire, BudgetedWire)


def test_the_session_of_robin_stocks_itself_will_do(account):
    helper.update_session("Authorization", f"Bearer {TOKEN}")
    try:
        bot = bot_of(account, helper.SESSION)
        bot.start()
        bot.stop()
    finally:
        helper.SESSION.headers.pop("Authorization", None)
    assert f"GET /accounts/{NUMBER}/" in account.server.paths()


def test_the_token_is_written_and_shown_nowhere(account, theirs, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    bot = bot_of(account, theirs)
    bot.start()
    buy(bot)
    account.book.revoke_all()
    buy(bot, "c2")
    bot.stop()
    assert not account.state().session.exists()
    written = b"".join(path.read_bytes() for path in account.folder.rglob("*") if path.is_file())
    said = capfd.readouterr()
    shown = "".join([said.out, said.err, caplog.text, repr(bot), str(vars(bot))])
    assert TOKEN.encode() not in written
    assert TOKEN not in shown


def test_a_saved_login_is_not_used_beside_it(account, theirs):
    account.log_in("ours")
    account.book.bearers |= {"ours"}
    bot = bot_of(account, theirs)
    bot.start()
    bot.stop()
    assert {heard.headers["authorization"] for heard in account.server.heard} == {f"Bearer {TOKEN}"}


def test_without_a_token_the_start_says_who_has_to_log_in_and_sends_nothing(account):
    error = failing_start(bot_of(account, requests.Session()))
    assert (error.step, type(error.cause)) == ("login", AuthenticationError)
    assert NOT_LOGGED_IN in str(error)
    assert account.server.heard == []


def test_the_login_of_somebody_else_reaches_no_order(account, theirs):
    account.book.account_number = "5QR19999"
    error = failing_start(bot_of(account, theirs))
    assert error.step == "account"
    assert isinstance(error.cause, OrderStatusError)
    assert account.submits == 0
    assert NUMBER not in str(error)


def test_a_refused_token_stops_entries_until_its_owner_logs_in_again(account, theirs, caplog):
    """Nobody logs in and nothing is renewed here: only the owner of the session can."""
    bot = bot_of(account, theirs)
    bot.start()
    account.book.revoke_all()
    refused = buy(bot)
    assert (refused.status, refused.code) == (TradeStatus.NOT_SENT, "login_needed")
    assert BORROWED_SESSION_ENDED in caplog.text
    assert account.server.paths().count("POST /oauth2/token/") == 0
    theirs.headers["Authorization"] = "Bearer canary-newer"
    account.book.bearers = {"canary-newer"}
    assert buy(bot).status is TradeStatus.SUBMITTED
    bot.stop()


def test_an_exit_under_a_refused_token_says_that_it_is_the_login(account, theirs):
    """A price of one's own would not help either."""
    bot = bot_of(account, theirs)
    bot.start()
    account.book.revoke_all()
    left = bot.exit_position("AAPL")
    bot.stop()
    assert (left.ending, left.code) == (ExitEnding.NOT_SOLD, "no_quote")
    assert "no quote could be read for AAPL (" in left.message
    assert "log in again" in left.message


def warnings(caplog) -> dict[str, str]:
    told = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    return {str(event["event"]): str(event.get("reason")) for event in told}


@pytest.mark.parametrize("saved", ["a login", "nothing", "a logout", "damage"])
def test_the_start_warns_where_a_kill_would_have_no_login(account, theirs, caplog, saved):
    """After a logout the file still names the device."""
    if saved != "nothing":
        account.log_in("ours")
    if saved == "a logout":
        account.store_of(None).save(SavedSession(device_token=SecretStr("device")))
    if saved == "damage":
        account.state().session.write_bytes(b"{")
    bot = bot_of(account, theirs)
    bot.start()
    bot.stop()
    assert ("trading-bot login" in warnings(caplog).get("no_login_for_a_kill", "")) is (saved != "a login")


class Unread:
    """A session that must not be looked at."""

    @property
    def headers(self) -> dict[str, object]:
        return Untouched()


class Untouched(dict[str, object]):
    def get(self, *_: object) -> object:
        raise AssertionError("it was read")

    __getitem__ = get


def test_on_paper_it_is_not_read_and_a_warning_says_so(account, caplog):
    account.settings["trading"] = {"mode": "paper"}
    bot = create_bot(account.config, session=Unread(), surroundings=account.around, background_sync=False)
    bot.start()
    assert buy(bot).status is TradeStatus.SUBMITTED
    bot.stop()
    assert "live mode alone" in warnings(caplog)["session_not_used"]
    assert account.server.heard == []


@pytest.mark.parametrize("mode", ["paper", "live"])
def test_a_session_beside_a_transport_is_refused(account, theirs, mode):
    account.settings["trading"] = {"mode": mode}
    with pytest.raises(ValueError, match="leave transport or session out"):
        create_bot(account.config, session=theirs, transport=account.transport)


def test_the_answer_of_a_login_is_not_taken_for_its_session(account):
    with pytest.raises(TypeError, match=r"pass robin_stocks\.robinhood\.helper\.SESSION"):
        create_bot(account.config, session={"access_token": TOKEN})  # type: ignore[arg-type]
