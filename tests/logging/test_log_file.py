import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trading_bot.clock import VirtualClock
from trading_bot.logging.log_file import LogFile
from trading_bot.logging.masking import SecretMasker
from trading_bot.logging.setup import get_logger, logging_to

START = datetime(2026, 11, 23, 15, tzinfo=UTC)
OURS = logging.getLogger("trading_bot")


@pytest.fixture(autouse=True)
def _level_as_it_was() -> Iterator[None]:
    level = OURS.level
    OURS.setLevel(logging.WARNING)
    yield
    OURS.setLevel(level)


def write(path: Path, *events: str, max_bytes: int = 1000) -> None:
    masker = SecretMasker(secrets=["5QR12345"])
    with logging_to(LogFile(path, max_bytes=max_bytes), level="INFO", masker=masker, clock=VirtualClock(START)):
        for event in events:
            get_logger("trading_bot.bot").info(event, reason="of account 5QR12345")


def test_each_event_is_a_masked_line_of_json_in_a_private_file(tmp_path):
    path = tmp_path / "trading-bot.log"
    write(path, "order_filled")
    (line,) = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert (line["timestamp"], line["event"]) == ("2026-11-23T15:00:00.000000+00:00", "order_filled")
    assert line["reason"] == "of account ***"
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_less_urgent_than_its_level_is_left_out_and_afterwards_nothing_is_written(tmp_path):
    path = tmp_path / "trading-bot.log"
    with logging_to(LogFile(path, max_bytes=1000), level="ERROR", masker=SecretMasker(), clock=VirtualClock(START)):
        get_logger("trading_bot.bot").warning("early")
    get_logger("trading_bot.bot").error("late")
    assert not path.exists()
    assert OURS.level == logging.WARNING


def test_a_full_file_is_begun_anew_and_nine_earlier_ones_are_kept(tmp_path):
    write(tmp_path / "log", *(f"event_{number:03}" for number in range(100)), max_bytes=300)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", *(f"log.{number}" for number in range(1, 10))]
    assert "event_099" in (tmp_path / "log").read_text(encoding="utf-8")
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_file_that_cannot_be_written_disturbs_nobody(tmp_path, capsys):
    write(tmp_path / "missing" / "log", "lost")
    assert capsys.readouterr() == ("", "")
