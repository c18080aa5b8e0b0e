"""When a rule last refused a trade, read from the end of the trade log."""

import json
from pathlib import Path

import pytest

from trading_bot.files import LocalFiles
from trading_bot.logging import last_refusals as module
from trading_bot.logging.last_refusals import Refusal, last_refusals
from trading_bot.order_management.models import ExecutionMode

CODES = {"max_open_orders", "symbol_denied"}


def line(second: int, code: object = "max_open_orders", **facts: object) -> str:
    plain = {
        "ts": f"2026-11-23T15:00:{second:02}.000000Z",
        "status": "blocked",
        "code": code,
        "symbol": "AAPL",
        "execution_mode": "paper",
        "message": f"no {second}",
    }
    return json.dumps(plain | facts)


def read(folder: Path, *lines: str) -> dict[str, Refusal]:
    (folder / "trades.jsonl").write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")
    found = last_refusals(folder / "trades.jsonl", CODES, mode=ExecutionMode.PAPER, files=LocalFiles())
    return dict(found)


def test_the_latest_of_each_code_is_found(tmp_path):
    found = read(tmp_path, line(1), line(2), line(3, "symbol_denied"), line(4, "risk_halt"))
    assert {code: each.reason for code, each in found.items()} == {"max_open_orders": "no 2", "symbol_denied": "no 3"}
    latest = found["max_open_orders"]
    assert (latest.symbol, latest.at.isoformat()) == ("AAPL", "2026-11-23T15:00:02+00:00")


@pytest.mark.parametrize(
    "other",
    [
        line(2, execution_mode="live"),
        line(2, status="submitted"),
        line(2, ts="at noon"),
        line(2, ts="2026-11-23T15:00:02"),
        line(2, code=["max_open_orders"]),
        '{"blocked"',
        '["blocked"]',
        "",
    ],
)
def test_what_is_no_refusal_of_this_mode_is_passed_over(tmp_path, other):
    assert read(tmp_path, line(1), other)["max_open_orders"].reason == "no 1"


def test_a_symbol_that_is_no_text_is_left_out(tmp_path):
    assert read(tmp_path, line(1, symbol=7))["max_open_orders"].symbol is None


def test_a_log_that_is_missing_or_cannot_be_read_says_nothing(tmp_path):
    for place in (tmp_path / "trades.jsonl", tmp_path, tmp_path / "x" / "y"):
        assert last_refusals(place, CODES, mode=ExecutionMode.PAPER, files=LocalFiles()) == {}
    file = tmp_path / "file"
    file.write_bytes(b"")
    assert last_refusals(file / "trades.jsonl", CODES, mode=ExecutionMode.PAPER, files=LocalFiles()) == {}


def test_of_a_long_log_only_the_end_is_read_from_its_first_whole_line(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_READ_BYTES", 2 * len(line(1)))
    found = read(tmp_path, line(1, "symbol_denied"), line(2), line(3))
    assert {code: each.reason for code, each in found.items()} == {"max_open_orders": "no 3"}
