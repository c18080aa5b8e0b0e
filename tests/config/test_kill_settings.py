"""A kill reads as much of its settings as there is, and never guesses which account is meant."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from trading_bot.config.agent_settings import GatewayKind
from trading_bot.config.kill_settings import KillSettings, settings_for_kill, unread_settings
from trading_bot.order_management.models import ExecutionMode

LIVE = {"trading": {"mode": "live"}, "account_number": "5QR10001", "state_dir": "state", "logs_dir": "logs"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def environment(home: Path, **more: str) -> Mapping[str, str]:
    return {"XDG_STATE_HOME": str(home / "xdg"), **more}


def read(home: Path, values: object, *, name: str = "config.json", **variables: str) -> KillSettings:
    text = values if isinstance(values, str) else json.dumps(values)
    (home / "config.json").write_text(text, encoding="utf-8")
    return settings_for_kill(Path(name), environ=environment(home, **variables))


def test_good_settings_are_those_of_every_other_command(home: Path):
    found = read(home, LIVE)
    assert found.problem is None
    assert found.config is not None
    assert found.config.account_suffix == "0001"
    assert found.state_dirs == (home / "state",)


@pytest.mark.parametrize(
    "fault",
    [
        {"papr": {}},
        {"order_management": {"intent_ttl_ss": 1}},
        {"order_management": {"intent_ttl_s": "soon"}},
        {"order_management": []},
        {"risk_management": {"max_daily_loss": -1, "max_trades_per_day": 0}},
        {"paper": {"seed": 1, "quotes": "x"}},
        {"trading": {"mode": "live", "calender": "nyse"}},
        {"username": "ann"},
    ],
    ids=str,
)
def test_a_fault_that_says_nothing_of_the_account_is_left_out_and_told(home: Path, fault: dict[str, object]):
    found = read(home, LIVE | fault)
    assert found.problem is not None
    assert found.file == home / "config.json"
    assert found.config is not None
    assert (found.config.trading.mode, found.config.account_suffix) == (ExecutionMode.LIVE, "0001")
    assert found.state_dirs[0] == home / "state"
    assert found.config.logs_dir == home / "logs"


@pytest.mark.parametrize(
    "values",
    [
        LIVE | {"trading": {"mode": "liev"}},
        LIVE | {"trading": {"mod": "live"}},
        LIVE | {"trading": "live"},
        LIVE | {"account_number": 5},
        {**{name: value for name, value in LIVE.items() if name != "account_number"}, "acount_number": "5QR10001"},
        {**{name: value for name, value in LIVE.items() if name != "trading"}, "tradin": {"mode": "live"}},
        {"state_dir": "state", "papr": {}},
        '{"trading": ',
        "[]",
        "",
    ],
    ids=str,
)
def test_where_the_account_is_in_doubt_none_is_named(home: Path, values: object):
    found = read(home, values)
    assert found.problem is not None
    assert found.config is None


def test_a_section_in_which_many_things_are_wrong_leaves_the_rest(home: Path):
    faults = {"hours": {"start_time": "16:00", "end_time": "09:30"}, "mode": "live", "calender": 1}
    found = read(home, LIVE | {"trading": faults, "paper": {"seed": "x", "quotes_file": 3}, "risk_management": [1]})
    assert found.config is not None
    assert found.config.trading.mode is ExecutionMode.LIVE


def test_a_misspelt_state_folder_is_taken_for_what_it_resembles(home: Path):
    values = {name: value for name, value in LIVE.items() if name != "state_dir"} | {"state_dirr": "state"}
    found = read(home, values)
    assert found.config is not None
    assert found.config.state_dir == home / "state"
    assert found.state_dirs[0] == home / "state"


@pytest.mark.parametrize("written", [{"gateway": "Agnet"}, {"gatway": "agent"}])
def test_a_misspelt_gateway_is_taken_for_what_it_resembles(home: Path, written: dict[str, str]):
    """Over the other interface nobody is logged in, and nothing could be cancelled."""
    found = read(home, LIVE | written)
    assert found.problem is not None
    assert found.config is not None
    assert found.config.interface is GatewayKind.AGENT


def test_how_entries_are_reviewed_leaves_no_doubt_about_the_account(home: Path):
    found = read(home, LIVE | {"gateway": "private", "agent": {"review": "warn"}})
    assert found.problem is not None
    assert found.config is not None
    assert found.config.account_suffix == "0001"


def test_one_that_is_named_rightly_as_well_wins(home: Path):
    assert read(home, LIVE | {"state_dirr": "other"}).state_dirs[0] == home / "state"


@pytest.mark.parametrize("name", ["TRADING_BOT_PAPER__SEDE", "TRADING_BOT_TRADING__MODE", "TRADING_BOT_ACCOUNT_NUMBER"])
def test_a_bad_variable_is_told_and_left_out(home: Path, name: str):
    found = read(home, LIVE, **{name: "paper"})
    assert name in (found.problem or "")
    assert found.config is not None
    assert (found.config.trading.mode, found.config.account_suffix) == (ExecutionMode.LIVE, "0001")


def test_a_good_variable_counts_beside_a_bad_one(home: Path):
    found = read(home, LIVE, TRADING_BOT_SEDE="1", TRADING_BOT_STATE_DIR="elsewhere", TRADING_BOT_PAPER__SEED="8")
    assert found.config is not None
    assert found.config.paper.seed == 8
    assert found.state_dirs[0] == home / "elsewhere"


def test_a_variable_below_something_that_is_no_section_changes_nothing(home: Path):
    found = read(home, LIVE | {"paper": 3}, TRADING_BOT_PAPER__SEED="8")
    assert found.config is not None
    assert found.config.paper.seed == 7


@pytest.mark.parametrize("line", ["TRADING_BOT_SEDE=1", "no name", "TRADING_BOT_STATE_DIR=other"])
def test_a_bad_env_file_is_no_better_than_a_bad_variable(home: Path, line: str):
    (home / ".env").write_text(f"{line}\n", encoding="utf-8")
    found = read(home, LIVE | {"papr": 1})
    assert found.config is not None
    assert found.state_dirs[0] == home / ("other" if "STATE_DIR" in line else "state")


def test_a_file_that_is_no_json_is_searched_for_its_state_folder(home: Path):
    found = read(home, '{"state_dir": "mine", trading: {')
    assert (home / "mine") in found.state_dirs
    assert (home / "xdg" / "trading-bot") in found.state_dirs


def test_a_moved_file_leaves_the_default_folder_and_those_beside_it(home: Path):
    armed = home / "kept" / "live-0123456789abcdef" / "armed"
    armed.parent.mkdir(parents=True)
    armed.touch()
    found = read(home, LIVE, name="moved.json")
    assert "moved.json" in (found.problem or "")
    assert found.file == home / "moved.json"
    assert found.state_dirs == (home / "xdg" / "trading-bot", home / "kept")


def test_without_a_home_and_a_state_folder_the_account_is_known_and_its_place_is_not(home: Path, monkeypatch):
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pathlib.Path.home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    (home / "config.json").write_text(json.dumps({key: LIVE[key] for key in ("trading", "account_number")}))
    found = settings_for_kill(None, environ={})
    assert "state_dir is not set" in (found.problem or "")
    assert found.config is not None
    assert found.state_dirs == ()


def test_without_reading_anything_the_environment_names_the_folders(home: Path):
    found = unread_settings(None, problem="it hangs", environ=environment(home, TRADING_BOT_STATE_DIR="mine"))
    assert found.config is None
    assert found.problem == "it hangs"
    assert found.state_dirs == (home / "mine", home / "xdg" / "trading-bot")
