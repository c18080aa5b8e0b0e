"""Which symbols may be bought; what is held of any can be sold."""

import json
from pathlib import Path

import pytest

from tests.support.bot_bench import BotBench
from trading_bot.config import Config, ConfigError


def bench_with(folder: Path, **lists: object) -> BotBench:
    bench = BotBench(folder)
    bench.settings["risk_management"] = lists
    bench.bot = bench.new_bot()
    return bench.started()


LISTS = [
    ({"deny_symbols": ["AAPL"]}, "symbol_denied"),
    ({"allow_symbols": ["MSFT", "BRK.B"]}, "symbol_not_allowed"),
    ({"allow_symbols": []}, "symbol_not_allowed"),
    ({"allow_symbols": ["AAPL"], "deny_symbols": ["aapl"]}, "symbol_denied"),
]


@pytest.mark.parametrize(("lists", "code"), LISTS)
def test_a_symbol_that_the_lists_leave_out_is_not_bought(tmp_path, lists, code):
    bench = bench_with(tmp_path, **lists)
    refused = bench.trade("buy", 1)
    assert (refused.status, refused.code) == ("blocked", code)
    assert f"risk_management.{'deny' if code == 'symbol_denied' else 'allow'}_symbols" in refused.message
    assert bench.submits == 0


@pytest.mark.parametrize("lists", [{}, {"allow_symbols": ["aapl"]}, {"deny_symbols": ["MSFT"]}])
def test_every_other_symbol_is_bought(tmp_path, lists):
    assert bench_with(tmp_path, **lists).trade("buy", 1).status == "submitted"


@pytest.mark.parametrize(("lists", "_code"), LISTS)
def test_held_shares_are_sold_whatever_the_lists_say(tmp_path, lists, _code):
    assert bench_with(tmp_path, **lists).trade("sell", 50, "99.90").status == "submitted"


def read(folder: Path, text: str | None, **values: object) -> Config:
    (folder / "config.json").write_text(json.dumps({"risk_management": values}), encoding="utf-8")
    variables = {} if text is None else {"TRADING_BOT_RISK_MANAGEMENT__DENY_SYMBOLS": text}
    return Config.from_env_and_json(folder / "config.json", environ=variables)


@pytest.mark.parametrize("text", ["aapl,BRK.B", " AAPL , BRK.B, AAPL,"])
def test_the_environment_separates_symbols_by_commas(tmp_path, text):
    assert read(tmp_path, text).risk_management.deny_symbols == ("AAPL", "BRK.B")


@pytest.mark.parametrize("wrong", [7, "AA PL", ["AAPL", 7], ["TOOLONG"], {"AAPL": 1}, None])
def test_what_is_no_list_of_symbols_is_a_problem(tmp_path, wrong):
    with pytest.raises(ConfigError, match=r"risk_management\.deny_symbols.* must be a list of symbols such as"):
        read(tmp_path, None, deny_symbols=wrong)


@pytest.mark.parametrize("wrong", [[90, 70], [70, 70], [0], [100], [1, 2, 3, 4, 5, 6], "seventy", 70, None])
def test_warnings_are_per_cents_in_ascending_order(tmp_path, wrong):
    with pytest.raises(ConfigError, match=r"risk_management\.warn_at_pct"):
        read(tmp_path, None, warn_at_pct=wrong)


@pytest.mark.parametrize(("given", "read_as"), [([], ()), ([50], (50,)), ("50, 75", (50, 75))])
def test_warnings_may_be_any_few(tmp_path, given, read_as):
    assert read(tmp_path, None, warn_at_pct=given).risk_management.warn_at_pct == read_as
