"""The shared parts of an account come with ``journal_url``, and only then is the driver needed."""

import sys

import pytest
from pydantic import SecretStr

from trading_bot.config import Config, ConfigError
from trading_bot.latch import Latch
from trading_bot.startup.shared_account import latch_to_kill, shared_account
from trading_bot.startup.surroundings import default_surroundings

PSYCOPG = ("trading_bot.order_management.journal.postgres_connection", "psycopg")


def parts_of(url: str | None):
    config = Config(journal_url=None if url is None else SecretStr(url))
    return shared_account(config, default_surroundings(), account_key="key", machine="here")


def test_an_account_of_one_machine_shares_nothing():
    assert parts_of(None) is None


def test_without_the_driver_a_shared_journal_says_how_to_get_it(monkeypatch):
    for module in PSYCOPG:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=r"pip install 'trading-bot\[postgres\]'"):
        parts_of("postgresql://db.example/trading")


def test_without_the_driver_a_kill_ends_trading_here_and_is_not_confirmed(monkeypatch, tmp_path):
    for module in PSYCOPG:
        monkeypatch.setitem(sys.modules, module, None)
    around = default_surroundings()
    local = Latch(path=tmp_path / "armed", clock=around.clock, new_id=around.new_id)
    config = Config(journal_url=SecretStr("postgresql://db.example/trading"))
    latch, (doubt,) = latch_to_kill(config, around, account_key="key", local=local)
    assert latch is local
    assert "kill on every other machine too" in doubt


def test_a_kill_of_one_machine_needs_no_driver(tmp_path):
    around = default_surroundings()
    local = Latch(path=tmp_path / "armed", clock=around.clock, new_id=around.new_id)
    assert latch_to_kill(Config(), around, account_key="key", local=local) == (local, ())
