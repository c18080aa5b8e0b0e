"""A trial login: through the same wire as the bot, and without a trace in the account's books."""

from decimal import Decimal

import pytest

from trading_bot.config import Config
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.startup_login import try_login


def test_a_paper_account_can_be_read_and_nothing_is_journalled(tmp_path):
    config = Config.model_validate({"logs_dir": str(tmp_path / "logs"), "state_dir": str(tmp_path / "state")})
    account = try_login(config)
    assert (account.account_suffix, account.cash) == ("0001", Decimal(100_000))
    assert not (tmp_path / "logs").exists()
    (folder,) = (tmp_path / "state").iterdir()
    assert [path.name for path in folder.iterdir() if not path.name.startswith("paper.sqlite3")] == []


def test_no_live_account_is_logged_in_to(tmp_path):
    config = Config.model_validate(
        {"trading": {"mode": "live"}, "account_number": "5QR10001", "state_dir": str(tmp_path)}
    )
    with pytest.raises(AuthenticationError, match="logs in to no live account"):
        try_login(config)
