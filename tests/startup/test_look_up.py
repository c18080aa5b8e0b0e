"""A look at the account needs no bot, and says what a command with a bot would say."""

import json

import pytest

from tests.support.command_line_bench import CommandLineBench
from trading_bot.config import Config, ConfigError
from trading_bot.operations import Command, ListFreezes, ListOrders, ListPositions, ShowRisk, ShowStatus
from trading_bot.startup import account_look_up, create_bot, look_up_is_enough, open_command_client

LOOKS: tuple[Command, ...] = (
    ListOrders(),
    ListOrders(all=True),
    ShowStatus(id="mine"),
    ListPositions(),
    ListFreezes(),
    ShowRisk(),
)


@pytest.fixture
def config(tmp_path) -> Config:
    bench = CommandLineBench(tmp_path, {"paper": {}})
    bought = bench("buy", "AAPL", "1", "--reference-price", "100", "--client-order-id", "mine")
    assert bought.returncode == 0, bought.stderr
    return Config.from_env_and_json(bench.config, environ={})


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: type(look).__name__)
def test_a_look_without_a_bot_has_the_answer_of_a_command_with_one(config, look):
    with open_command_client(config) as client:
        answer = client.perform(look)
    assert account_look_up(config).perform(look) == answer
    assert "recorded_until" in answer


def test_a_look_asks_the_bot_that_runs(config):
    bot = create_bot(config)
    bot.start()
    try:
        answer = account_look_up(config).perform(ListOrders())
    finally:
        bot.stop()
    assert "recorded_until" not in answer


def test_a_live_look_refuses_a_login_that_cannot_be_used(monkeypatch, tmp_path):
    monkeypatch.setenv("ROBINHOOD_USERNAME", " ann@example.com")
    settings = {"trading": {"mode": "live"}, "account_number": "5QR12345", "state_dir": str(tmp_path)}
    with pytest.raises(ConfigError, match="ROBINHOOD_USERNAME"):
        account_look_up(Config.model_validate(settings))


def test_a_look_tells_of_a_setting_that_has_no_effect_any_more(tmp_path, caplog):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"state_dir": "state", "order_management": {"journal_max_bytes": 65_536}}))
    account_look_up(Config.from_env_and_json(path, environ={}))
    (told,) = [record for record in caplog.records if "setting_without_effect" in record.getMessage()]
    assert told.name == "trading_bot.startup"


@pytest.mark.parametrize(
    ("settings", "enough"),
    [
        ({}, True),
        ({"paper": {"quotes_file": "day.jsonl"}}, False),
        ({"trading": {"mode": "live"}, "account_number": "5QR12345"}, True),
        ({"trading": {"mode": "live"}, "account_number": "5QR12345", "paper": {"quotes_file": "day.jsonl"}}, True),
    ],
    ids=["plain paper", "a quotes file", "live", "live, which takes no quotes file"],
)
def test_a_look_is_enough_where_a_bot_would_have_nothing_to_refuse(settings, enough):
    assert look_up_is_enough(Config.model_validate(settings)) is enough
