"""Logins that trade nothing: on paper without a trace in the books, live over our own connections."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.support.live_account import NUMBER, REVOKE, TOKEN, LiveAccount, live_account
from tests.support.loopback_broker import acts
from trading_bot.config import Config, ConfigError
from trading_bot.order_management.exceptions import AuthenticationError, OrderStatusError
from trading_bot.startup.login import LiveDoor, open_live_door, try_paper_login

TOKENS = {"access_token": "first", "refresh_token": "first-refresh", "token_type": "Bearer"}
ANN = SecretStr("ann@example.com")


def test_a_paper_account_can_be_read_and_nothing_is_journalled(tmp_path):
    config = Config.model_validate({"logs_dir": str(tmp_path / "logs"), "state_dir": str(tmp_path / "state")})
    account = try_paper_login(config)
    assert (account.account_suffix, account.cash) == ("0001", Decimal(100_000))
    assert not (tmp_path / "logs").exists()
    (folder,) = (tmp_path / "state").iterdir()
    assert [path.name for path in folder.iterdir() if not path.name.startswith("paper.sqlite3")] == []


class TestLive:
    @pytest.fixture
    def account(self, tmp_path: Path) -> Iterator[LiveAccount]:
        with live_account(tmp_path) as account:
            yield account

    def door(self, account: LiveAccount, username: SecretStr | None = None) -> LiveDoor:
        return open_live_door(
            account.config, username=username, transport=account.transport, surroundings=account.around
        )

    def log_in(self, account: LiveAccount) -> LiveDoor:
        account.server.on(*TOKEN, acts.reply(200, TOKENS))
        door = self.door(account, ANN)
        door.log_in(password=SecretStr("hunter2"), mfa_secret=None, notify=lambda _: None, ask=None)
        return door

    def test_a_login_is_saved_for_every_later_command(self, account):
        assert self.log_in(account).read_account().account_suffix == NUMBER[-4:]
        later = self.door(account)
        later.resume()
        assert later.read_account().account_suffix == NUMBER[-4:]
        assert [row.symbol for row in later.read_positions().positions] == ["AAPL"]
        assert later.read_open_orders().has_all_pages
        assert account.server.paths().count("POST /oauth2/token/") == 1
        bot = account.bot()
        bot.start()
        bot.stop()

    def test_the_device_has_the_form_that_the_broker_knows(self, account):
        self.log_in(account)
        (sent,) = (heard.form["device_token"] for heard in account.server.heard if heard.path == TOKEN[1])
        assert [len(part) for part in sent.split("-")] == [8, 4, 4, 4, 12]

    def test_a_failed_login_is_counted_in_the_accounts_own_folder(self, account):
        account.server.on(*TOKEN, acts.reply(400, {"detail": "no"}))
        with pytest.raises(AuthenticationError):
            self.door(account, ANN).log_in(
                password=SecretStr("wrong"), mfa_secret=None, notify=lambda _: None, ask=None
            )
        assert account.state().failed_logins.exists()
        assert not account.state().session.exists()

    def test_who_logs_in_has_to_be_known(self, account):
        with pytest.raises(ConfigError, match="ROBINHOOD_USERNAME"):
            self.door(account).log_in(password=SecretStr("hunter2"), mfa_secret=None, notify=lambda _: None, ask=None)
        assert account.server.heard == []

    def test_a_logout_forgets_and_revokes(self, account):
        self.log_in(account)
        account.server.on(*REVOKE, acts.reply(200))
        assert self.door(account).log_out()
        with pytest.raises(AuthenticationError, match="trading-bot login"):
            self.door(account).resume()

    def test_a_door_without_a_session_reads_nothing(self, account):
        with pytest.raises(OrderStatusError) as refused:
            self.door(account).read_account()
        assert refused.value.code == "login_needed"

    def test_paper_has_no_live_door(self, tmp_path):
        with pytest.raises(ConfigError, match="set it in the config file"):
            open_live_door(Config.model_validate({"state_dir": str(tmp_path)}))
