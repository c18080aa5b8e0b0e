"""Several accounts in one file: each has the common settings with its own on top, and nothing of another one."""

import json
from pathlib import Path

import pytest

from trading_bot.config import Config, ConfigError, SeveralAccountsError
from trading_bot.config.kill_settings import settings_for_kill

TWO: dict[str, object] = {
    "risk_management": {"max_open_orders": 7, "max_trades_per_day": 9},
    "accounts": {
        "main": {
            "trading": {"mode": "live"},
            "account_number": "123456789",
            "risk_management": {"max_trades_per_day": 3},
        },
        "dry": {},
    },
}


def write(folder: Path, settings: object) -> Path:
    file = folder / "config.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    return file


def read(folder: Path, settings: object, account: str | None = None, **environ: str) -> Config:
    return Config.from_env_and_json(write(folder, settings), account=account, environ=environ)


def test_an_account_has_its_own_settings_above_the_common_ones(tmp_path):
    main, dry = (read(tmp_path, TWO, name) for name in ("main", "dry"))
    assert (main.trading.mode, main.account_suffix, main.account_name) == ("live", "6789", "main")
    assert (main.risk_management.max_open_orders, main.risk_management.max_trades_per_day) == (7, 3)
    assert main.risk_management.max_order_notional == 500, "the small limits of a live account"
    assert (dry.trading.mode, dry.risk_management.max_trades_per_day) == ("paper", 9)
    assert dry.accounts == main.accounts == {}


def test_paper_accounts_need_no_number_and_are_different_accounts(tmp_path):
    settings: dict[str, object] = {"accounts": {"one": {}, "two": {}}}
    numbers = [read(tmp_path, settings, name).account_number for name in ("one", "two")]
    assert [number.get_secret_value() for number in numbers if number] == ["PAPERONE", "PAPERTWO"]


def test_each_has_a_folder_of_logs_of_its_own_unless_it_names_one(tmp_path):
    settings = {"logs_dir": "told", "accounts": {"one": {}, "two": {"logs_dir": "elsewhere"}}}
    assert [read(tmp_path, settings, name).logs_dir for name in ("one", "two")] == [
        tmp_path / "told" / "one",
        tmp_path / "elsewhere",
    ]
    assert read(tmp_path, settings, "one", TRADING_BOT_LOGS_DIR="env").logs_dir == tmp_path / "env" / "one"
    assert read(tmp_path, {"logs_dir": "told"}).logs_dir == tmp_path / "told"


def test_of_several_one_has_to_be_named_and_a_single_one_is_meant(tmp_path):
    with pytest.raises(SeveralAccountsError, match="2 accounts, main, dry; say which with --account NAME") as raised:
        read(tmp_path, TWO)
    assert raised.value.names == ("main", "dry")
    assert read(tmp_path, {"accounts": {"only": {}}}).account_name == "only"
    assert read(tmp_path, {}).account_name is None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (TWO, "there is no account 'mian'; did you mean main?"),
        ({"accounts": {"one": {}}}, "there is no account 'mian'; there are one."),
        ({}, "the config file names none; leave --account out"),
        ({"accounts": []}, "accounts must be a section in braces"),
        ({"accounts": {"Main One": {}}}, "1 to 15 small letters and digits"),
        ({"accounts": {"mian": 7}}, "accounts.mian must be a section in braces"),
        ({"accounts": {"mian": {"accounts": {}}}}, "accounts.mian has accounts of its own"),
        ({"account_number": "123456789", "accounts": {"mian": {}, "two": {}}}, "mian and .two are the same account"),
        ({"accounts": {"mian": {"paper": {"sede": 7}}}}, "paper.sede is not a setting; did you mean seed?"),
    ],
)
def test_what_is_wrong_is_one_readable_line(tmp_path, settings, said):
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, settings, "mian")
    assert said in str(raised.value)


def test_which_accounts_there_are_is_said_by_the_file_alone(tmp_path):
    with pytest.raises(ConfigError, match="only the configuration file says which accounts there are"):
        read(tmp_path, {}, TRADING_BOT_ACCOUNTS="{}")


def test_the_settings_of_no_account_are_shown_with_those_of_another(tmp_path):
    file = write(tmp_path, TWO)
    assert Config.account_names(file) == ("main", "dry")
    whole = Config.model_validate(TWO)
    assert "123456789" not in repr(whole)
    assert "accounts" not in whole.model_dump()


def test_a_kill_that_names_no_account_means_each_of_them_and_guesses_none(tmp_path):
    meant = settings_for_kill(write(tmp_path, TWO), environ={})
    assert (meant.config, meant.accounts) == (None, ("main", "dry"))
    one = settings_for_kill(write(tmp_path, TWO), account="main", environ={})
    assert one.config is not None
    assert (one.config.account_suffix, one.accounts, one.problem) == ("6789", (), None)


def test_a_kill_of_a_named_account_survives_a_fault_in_its_settings(tmp_path):
    faulty = {"accounts": {"main": {"trading": {"mode": "live"}, "account_number": "123456789", "sede": 7}, "dry": {}}}
    meant = settings_for_kill(write(tmp_path, faulty), account="main", environ={})
    assert meant.config is not None
    assert meant.config.account_suffix == "6789"
    assert "sede is not a setting" in str(meant.problem)


@pytest.mark.parametrize(("mode", "number"), [("live", ["123456789"]), ({}, "987654321")])
def test_a_fault_of_one_account_stops_no_other_one(tmp_path, mode, number):
    other = {"trading": {"mode": mode}, "account_number": number}
    assert read(tmp_path, {"accounts": {"one": {}, "other": other}}, "one").account_suffix == "RONE"


def test_two_accounts_without_a_number_are_not_said_to_be_the_same(tmp_path):
    live = {"trading": {"mode": "live"}}
    assert read(tmp_path, {"accounts": {"one": live, "two": live}}, "one").account_suffix is None


@pytest.mark.parametrize("other", [5, {"accounts": {}}, {"trading": {"mode": "live"}, "account_number": "123456789"}])
@pytest.mark.parametrize("name", ["other", "No Name"])
def test_a_kill_reads_an_account_whatever_is_wrong_with_another_one(tmp_path, name, other):
    main = {"trading": {"mode": "live"}, "account_number": "123456789"}
    file = write(tmp_path, {"logs_dir": "told", "accounts": {"main": main, name: other}})
    meant = settings_for_kill(file, account="main", environ={})
    assert meant.config is not None
    assert (meant.config.account_suffix, meant.config.logs_dir) == ("6789", tmp_path / "told" / "main")
    assert meant.problem is not None, "so that it is not confirmed"
    assert settings_for_kill(file, environ={}).accounts == ("main", name)


def test_a_kill_finds_the_logs_where_the_bot_has_them(tmp_path):
    faulty = {"accounts": {"main": {"trading": {"mode": "live"}, "account_number": "123456789", "sede": 7}}}
    meant = settings_for_kill(write(tmp_path, faulty), environ={"TRADING_BOT_LOGS_DIR": "env"})
    assert meant.config is not None
    assert meant.config.logs_dir == tmp_path / "env" / "main"
