"""Live limits stay small until a canary has passed on the account."""

import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.risk_bench import MONDAY_NOON
from trading_bot.clock import VirtualClock
from trading_bot.config import RiskManagementConfig
from trading_bot.files import LocalFiles
from trading_bot.risk.canary_pass import CanaryFile, CanaryPass
from trading_bot.risk.in_force import limits_in_force

PASSED = CanaryPass(at=MONDAY_NOON, version="0.2.0", symbols=("F", "T"))
NAMES = ("max_order_notional", "max_position_notional")


def file_of(folder: Path, *, account: str = "key", now=MONDAY_NOON) -> CanaryFile:
    return CanaryFile(
        path=folder / "state" / "canary.json", account_key=account, clock=VirtualClock(now), files=LocalFiles()
    )


def own(order: object, position: object) -> RiskManagementConfig:
    return RiskManagementConfig.model_validate({"max_order_notional": order, "max_position_notional": position})


@pytest.mark.parametrize(
    ("order", "position", "held"),
    [
        ("500", "2000", ()),
        ("499.99", "1", ()),
        ("500.01", "2000", NAMES[:1]),
        ("500", "2000.01", NAMES[1:]),
        ("30000", None, NAMES),
        (None, None, NAMES),
    ],
)
def test_what_is_greater_than_the_small_limits_is_held_at_them(order, position, held):
    found = limits_in_force(own(order, position), is_live=True, canary=None)
    assert found.held == frozenset(held)
    values = {name: getattr(found.limits, name) for name in held}
    assert values == {
        name: {"max_order_notional": Decimal(500), "max_position_notional": Decimal(2000)}[name] for name in held
    }
    assert (found.warning is None) == (not held)


def test_the_warning_names_the_limits_and_the_command():
    found = limits_in_force(own("30000", "2000"), is_live=True, canary=None)
    assert found.warning is not None
    assert "max_order_notional at 500 dollars" in found.warning
    assert "'trading-bot canary SYMBOL'" in found.warning


def test_a_pass_goes_with_the_limits_that_it_set_free():
    assert limits_in_force(own("30000", None), is_live=True, canary=PASSED).canary == PASSED


@pytest.mark.parametrize(("is_live", "canary"), [(False, None), (True, PASSED)], ids=["paper", "passed"])
def test_paper_and_an_account_that_has_passed_have_their_own_limits(is_live, canary):
    found = limits_in_force(own("30000", None), is_live=is_live, canary=canary)
    assert (found.limits, found.held, found.warning) == (own("30000", None), frozenset(), None)


def test_a_pass_is_kept(tmp_path):
    assert file_of(tmp_path).passed() is None
    file_of(tmp_path).note(PASSED)
    assert file_of(tmp_path).passed() == PASSED


def test_a_pass_of_another_account_or_of_the_future_is_none(tmp_path):
    file_of(tmp_path).note(PASSED)
    assert file_of(tmp_path, account="other").passed() is None
    assert file_of(tmp_path, now=MONDAY_NOON - timedelta(seconds=1)).passed() is None


NOTED = '{"v":1,"account":"key","at":"2026-11-23T17:00:00Z","version":"0.2.0","symbols":["F","T"]}'


def read_back(folder: Path, text: str) -> CanaryPass | None:
    (folder / "state").mkdir()
    (folder / "state" / "canary.json").write_text(text)
    return file_of(folder).passed()


@pytest.mark.parametrize("text", [NOTED, NOTED.ljust(65_536), NOTED.replace("0.2.0", "x" * 200)])
def test_a_file_as_it_was_written_is_a_pass(tmp_path, text):
    found = read_back(tmp_path, text)
    assert found is not None
    assert (found.at, found.symbols) == (PASSED.at, PASSED.symbols)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"v": 2}',
        NOTED.ljust(65_537),
        NOTED.replace('"v":1', '"v":0'),
        NOTED.replace('"v":1', '"v":2'),
        NOTED.replace('"v":1', '"v":"1"'),
        NOTED.replace('"v":1', '"v":true'),
        NOTED.replace('"v":1', '"v":1,"limits":"none"'),
        NOTED.replace("00Z", "00"),
        NOTED.replace("0.2.0", "x" * 201),
        NOTED.replace('"0.2.0"', "2"),
        NOTED.replace('"F"', "1"),
    ],
)
def test_a_file_that_cannot_be_relied_on_is_no_pass(tmp_path, text):
    assert read_back(tmp_path, text) is None


@pytest.mark.parametrize("link", ["symlink", "hardlink"])
def test_a_link_is_no_pass(tmp_path, link):
    file_of(tmp_path).note(PASSED)
    path = tmp_path / "state" / "canary.json"
    if link == "hardlink":
        os.link(path, tmp_path / "elsewhere")
    else:
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    assert file_of(tmp_path).passed() is None


def test_a_folder_in_its_place_is_no_pass(tmp_path):
    (tmp_path / "state" / "canary.json").mkdir(parents=True)
    assert file_of(tmp_path).passed() is None
