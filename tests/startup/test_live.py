"""Live mode: the consents it takes, the session it resumes, and that nothing but all consents together sends an order.

The broker is the loopback stand-in, reached through our own TLS connections.
"""

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.live_account import NUMBER, SUBMIT, TOKEN, LiveAccount, live_account
from tests.support.loopback_broker import acts
from trading_bot.auth.token_store import TokenFileError
from trading_bot.bot import StartError, TradeResult, TradeStatus, TradingBot
from trading_bot.config import ConfigError
from trading_bot.order_management.exceptions import (
    AuthenticationError,
    OrderError,
    OrderNotSentError,
    OrderStatusError,
)
from trading_bot.order_management.models import ExecutionMode
from trading_bot.robinhood.session import BrokerSession
from trading_bot.startup import create_bot
from trading_bot.startup.account_number import PAPER_ACCOUNT
from trading_bot.startup.live import live_connection

pytestmark = pytest.mark.no_cover  # whole bots: each line that they run has a quick test of its own

READS = {f"GET /accounts/{NUMBER}/", "GET /orders/", "GET /positions/"}


@pytest.fixture
def account(tmp_path: Path) -> Iterator[LiveAccount]:
    with live_account(tmp_path) as account:
        yield account


@pytest.fixture
def ready(account: LiveAccount) -> LiveAccount:
    account.log_in()
    account.arm()
    return account


def trade(bot: TradingBot, action: str = "buy", name: str = "c1", price: str = "90") -> TradeResult:
    return bot.execute_trade("AAPL", action, 10, Decimal(price), "a test", client_order_id=name)


def failing_start(bot: TradingBot) -> StartError:
    with pytest.raises(StartError) as caught:
        bot.start()
    return caught.value


class TestStart:
    def test_it_resumes_the_saved_login_and_only_reads(self, account):
        account.log_in()
        bot = create_bot(account.config, transport=account.transport, surroundings=account.around)
        assert account.server.heard == []
        bot = account.bot()
        bot.start()
        assert set(account.server.paths()) >= READS
        assert {heard.method for heard in account.server.heard} == {"GET"}
        assert {heard.headers["authorization"] for heard in account.server.heard} == {"Bearer first"}
        assert bot.account.account().account_suffix == NUMBER[-4:]
        bot.stop()

    def test_there_is_no_paper_exchange_and_nothing_arms_the_account(self, account):
        account.log_in()
        bot = account.bot()
        assert not {"paper exchange", "latch"} & set(bot._lifecycle.opening)
        bot.start()
        bot.stop()
        assert not account.state().latch.exists()
        assert not account.state().paper_exchange.exists()

    def test_the_journal_is_the_accounts_own_and_never_names_it(self, ready):
        bot = ready.bot()
        bot.start()
        trade(bot)
        bot.stop()
        assert bot.audit_log.name == f"orders-live-{NUMBER[-4:]}.jsonl"
        written = b"".join(path.read_bytes() for path in ready.folder.rglob("*") if path.is_file())
        assert b'"execution_mode":"live"' in written
        assert NUMBER.encode() not in written

    def test_without_a_login_it_says_how_to_get_one_and_sends_nothing(self, account):
        error = failing_start(account.bot())
        assert (error.step, type(error.cause)) == ("login", AuthenticationError)
        assert "trading-bot login" in str(error)
        assert account.server.heard == []

    def test_the_login_of_another_user_is_refused(self, account, monkeypatch):
        account.log_in(username="ann@example.com")
        monkeypatch.setenv("ROBINHOOD_USERNAME", "bob@example.com")
        error = failing_start(account.bot())
        assert (error.step, type(error.cause)) == ("login", TokenFileError)
        monkeypatch.setenv("ROBINHOOD_USERNAME", "ann@example.com")
        bot = account.bot()
        bot.start()
        bot.stop()

    def test_an_expired_session_is_renewed_once_and_kept_for_the_same_user(self, account):
        account.log_in("expired", username="ann@example.com")
        bot = account.bot()
        bot.start()
        bot.stop()
        saved = account.store.load()
        assert saved is not None
        assert saved.access_token is not None
        assert saved.access_token.get_secret_value() in account.book.bearers
        assert account.server.paths().count("POST /oauth2/token/") == 1
        before = json.loads(account.state().session.read_text())["user"]
        account.log_in(username="ann@example.com")
        assert json.loads(account.state().session.read_text())["user"] == before

    def test_a_session_that_cannot_be_renewed_needs_a_person(self, account):
        account.log_in("expired")
        account.server.on(*TOKEN, acts.reply(401, {"detail": "no"}))
        error = failing_start(account.bot())
        assert isinstance(error.cause, OrderError)
        assert (error.step, error.cause.code) == ("account", "login_needed")

    def test_an_account_that_is_not_of_this_login_is_refused(self, ready):
        ready.book.account_number = "5QR19999"
        error = failing_start(ready.bot())
        assert error.step == "account"
        assert isinstance(error.cause, OrderStatusError)
        assert ready.submits == 0
        assert NUMBER not in str(error)

    def test_another_account_in_the_answer_is_refused(self, ready):
        other = ready.book._account() | {"account_number": "5QR19999"}
        ready.server.on("GET", f"/accounts/{NUMBER}/", acts.reply(200, other))
        error = failing_start(ready.bot())
        assert error.step == "account"
        assert "another; do not trade" in str(error)


class TestOrders:
    def test_with_every_consent_an_order_is_sent_over_our_own_connection(self, ready):
        bot = ready.bot()
        bot.start()
        assert trade(bot).status is TradeStatus.SUBMITTED
        assert trade(bot, "sell", "c2", "110").status is TradeStatus.SUBMITTED
        (first, _) = (heard for heard in ready.server.heard if f"{heard.method} {heard.path}" == SUBMIT)
        assert first.form["account"].endswith(f"/accounts/{NUMBER}/")
        assert [result.is_proven_closed for result in bot.cancel_all_open_orders()] == [True, True]
        bot.stop()

    @pytest.mark.parametrize("action", ["buy", "sell"])
    def test_an_account_that_is_not_armed_sends_none(self, account, action):
        account.log_in()
        bot = account.bot()
        bot.start()
        result = trade(bot, action)
        assert result.status is TradeStatus.BLOCKED
        assert "trading-bot arm" in result.message
        assert account.submits == 0
        bot.stop()

    def test_an_entry_far_through_the_market_is_refused_and_an_exit_is_not(self, ready):
        """A reference price with a digit too many would be filled at whatever the book offers."""
        bot = ready.bot()
        bot.start()
        entry = bot.execute_trade("AAPL", "buy", 1, Decimal(900), "a test")
        assert (entry.status, entry.code) == (TradeStatus.BLOCKED, "outside_collar")
        assert "Quote: 99.980000 to 100.000000, at the venue 2026-11-23 15:00:00 UTC" in entry.message
        assert ready.submits == 0
        assert trade(bot, "sell", "c2", "50").status is TradeStatus.SUBMITTED
        bot.stop()

    def test_without_a_quote_there_is_no_entry_and_still_an_exit(self, ready):
        bot = ready.bot()
        bot.start()
        for _ in range(9):
            ready.server.on("GET", "/quotes/", acts.reply(503, b"busy"))
        entry = trade(bot)
        assert (entry.status, entry.code) == (TradeStatus.BLOCKED, "no_usable_quote")
        assert trade(bot, "sell", "c2", "110").status is TradeStatus.SUBMITTED
        bot.stop()

    def test_without_limits_of_its_own_an_order_is_of_500_dollars_at_most(self, ready):
        del ready.settings["risk_management"]
        ready.book.shares = 0
        bot = ready.bot()
        bot.start()
        assert trade(bot).code == "max_order_notional"
        assert bot.execute_trade("AAPL", "buy", 5, Decimal(90), "a test").status is TradeStatus.SUBMITTED
        bot.stop()

    def test_the_exchanges_calendar_is_in_force(self, ready):
        ready.clock.sleep(timedelta(hours=8).total_seconds())
        bot = ready.bot()
        bot.start()
        assert trade(bot).code == "market_closed"
        bot.stop()


def sends_an_order(account: LiveAccount) -> bool:
    try:
        bot = account.bot()
        bot.start()
        trade(bot)
        bot.stop()
    except (ConfigError, StartError):
        pass
    return account.submits > 0


CONSENTS = tuple(itertools.product(ExecutionMode, (NUMBER, None), (True, False), (True, False)))


@pytest.mark.parametrize(("mode", "number", "armed", "logged_in"), CONSENTS)
def test_exactly_one_combination_of_consents_reaches_the_broker_with_an_order(account, mode, number, armed, logged_in):
    """Even a paper bot is given the transport of the broker, and every account of the matrix is armed or none is."""
    account.settings |= {"trading": {"mode": mode.value}, "account_number": number}
    if logged_in:
        account.log_in()
    if armed:
        account.arm()
        account.arm(account.state(mode, number or PAPER_ACCOUNT))
    assert sends_an_order(account) == ((mode, number, armed, logged_in) == (ExecutionMode.LIVE, NUMBER, True, True))


@pytest.mark.parametrize("ended", ["it has expired", "it was killed"])
def test_an_arming_that_has_ended_is_no_consent(account, ended):
    account.log_in()
    account.arm(hours=1)
    bot = account.bot()
    bot.start()
    if ended == "it has expired":
        account.clock.sleep(3601)
    else:
        account.state().latch.unlink()
    result = trade(bot)
    assert (result.status, "trading-bot arm" in result.message) == (TradeStatus.BLOCKED, True)
    assert account.submits == 0
    bot.stop()


def test_the_matrix_of_consents_is_whole():
    assert len(CONSENTS) == 16


def test_a_live_account_that_is_not_named_is_refused_before_anything_is_built(account):
    account.settings["account_number"] = None
    with pytest.raises(ConfigError, match="account_number is not set"):
        create_bot(account.config)
    assert list(account.folder.iterdir()) == []


def test_without_certificate_authorities_nothing_is_trusted(account, monkeypatch):
    monkeypatch.setattr("certifi.where", lambda: str(account.folder / "missing.pem"))
    with pytest.raises(OrderNotSentError, match="install trading-bot again"):
        live_connection(account.around, account_number=NUMBER, state=account.state())


def test_without_a_transport_of_its_own_it_connects_to_the_broker_itself(account):
    """The guard of the tests forbids the look-up of the broker's name, and so proves that it is asked for."""
    account.log_in()
    connection = live_connection(account.around, account_number=NUMBER, state=account.state())
    session = connection.wire._wire
    assert isinstance(session, BrokerSession)
    assert type(session._transport).__name__ == "LiveTransport"
