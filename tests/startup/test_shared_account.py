"""The shared parts of an account come with ``journal_url``, and only then is the driver needed."""

import sys

import pytest
from pydantic import SecretStr

from trading_bot.config import Config, ConfigError
from trading_bot.startup.shared_account import shared_account
from trading_bot.startup.surroundings import default_surroundings

PSYCOPG = ("trading_bot.order_management.journal.postgres_connection", "psycopg")


def parts_of(url: str | None):
    config = Config(journal_url=None if url is None else SecretStr(url))
    return shared_account(config, default_surroundings(), account_key="key", machine="here", horizon_s=20)


def test_an_account_of_one_machine_shares_nothing():
    assert parts_of(None) is None


def test_without_the_driver_a_shared_journal_says_how_to_get_it(monkeypatch):
    for module in PSYCOPG:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=r"pip install 'trading-bot\[postgres\]'"):
        parts_of("postgresql://db.example/trading")
