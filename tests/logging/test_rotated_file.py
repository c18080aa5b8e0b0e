"""The trades file: bounded in size and number, never read whole, and shared by processes."""

import errno
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from filelock import FileLock

from trading_bot.clock import VirtualClock
from trading_bot.files import Descriptor, FileSystem, LocalFiles
from trading_bot.logging.rotated_file import EARLIER_FILES
from trading_bot.logging.structured_logger import StructuredTradeLogger, TradeRecord
from trading_bot.order_management.models import ExecutionMode

START = datetime(2026, 11, 23, 15, tzinfo=UTC)
FULL_AT = 2000
"""About four trades."""

TRADE = TradeRecord(
    symbol="AAPL",
    side="buy",
    quantity=10,
    reference_price=Decimal("150.00"),
    limit_price=Decimal("150.30"),
    order_id="o-1",
    client_order_id="c-1",
    status="submitted",
    code="submitted",
    reason="breakout",
    message="submitted",
    strategy_name="momentum",
    execution_mode=ExecutionMode.PAPER,
)


class NeverWhole(LocalFiles):
    """Reads no file whole, and little of one."""

    most_read = 0

    def read(self, path: Path) -> bytes:
        raise AssertionError(f"{path} was read whole")

    def read_end(self, descriptor: Descriptor, size: int) -> bytes:
        self.most_read = max(self.most_read, size)
        return super().read_end(descriptor, size)


class Stuck(LocalFiles):
    """Renames nothing while told so."""

    is_stuck = True

    def rename(self, path: Path, over: Path) -> None:
        if self.is_stuck:
            raise OSError(errno.EROFS, "Read-only file system")
        super().rename(path, over)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "trades.jsonl"


@pytest.fixture
def problems() -> list[str]:
    return []


def logger_at(path: Path, problems: list[str], files: FileSystem | None = None) -> StructuredTradeLogger:
    return StructuredTradeLogger(
        path=path,
        clock=VirtualClock(START),
        session_id="s-1",
        on_problem=problems.append,
        max_bytes=FULL_AT,
        files=files,
    )


def write(logger: StructuredTradeLogger, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        logger.record(replace(TRADE, client_order_id=f"c-{number}"))


def written(path: Path) -> list[int]:
    """The numbers of all trades that are kept, the oldest first."""
    earlier = [path.with_name(f"{path.name}.{number}") for number in range(EARLIER_FILES + 5, 0, -1)]
    lines = [line for file in (*earlier, path) if file.exists() for line in file.read_text().splitlines()]
    return [int(json.loads(line)["client_order_id"].removeprefix("c-")) for line in lines]


def test_a_full_file_is_renamed_and_no_trade_is_lost(path: Path, problems: list[str]):
    write(logger_at(path, problems), 12)
    assert written(path) == list(range(12))
    assert path.with_name("trades.jsonl.1").stat().st_size >= FULL_AT
    assert path.stat().st_size < FULL_AT
    assert problems == []


def test_the_number_of_files_is_bounded_and_the_oldest_go(path: Path, problems: list[str]):
    write(logger_at(path, problems), 80)
    names = {file.name for file in path.parent.iterdir() if not file.name.startswith(".")}
    assert names == {"trades.jsonl", *(f"trades.jsonl.{number}" for number in range(1, EARLIER_FILES + 1))}
    kept = written(path)
    assert kept == list(range(80 - len(kept), 80))
    assert len(kept) < 80


def test_nothing_is_read_but_the_last_byte(path: Path, problems: list[str]):
    files = NeverWhole()
    write(logger_at(path, problems, files), 12)
    write(logger_at(path, problems, files), 1, first=12)
    assert files.most_read == 1
    assert written(path) == list(range(13))


def test_two_writers_take_turns(path: Path, problems: list[str]):
    one, other = logger_at(path, problems), logger_at(path, problems)
    for number in range(0, 20, 2):
        write(one, 1, first=number)
        write(other, 1, first=number + 1)
    assert written(path) == list(range(20))


def test_a_file_that_another_process_renames_just_then_is_left_to_it(path: Path, problems: list[str]):
    logger = logger_at(path, problems)
    write(logger, 5)
    with FileLock(path.with_name(".trades.jsonl.lock")):
        write(logger, 1, first=5)
    assert not path.with_name("trades.jsonl.1").exists()
    assert written(path) == list(range(6))
    assert problems == []


def test_a_file_that_was_renamed_meanwhile_is_not_renamed_again(path: Path, problems: list[str]):
    class RenamedMeanwhile(LocalFiles):
        looks = 0

        def facts_at(self, path: Path):
            facts = super().facts_at(path)
            if path.name == "trades.jsonl" and facts is not None and facts.size >= FULL_AT:
                self.looks += 1
                if self.looks == 2:
                    return None
            return facts

    files = RenamedMeanwhile()
    logger = logger_at(path, problems, files)
    number = 0
    while files.looks < 2:
        write(logger, 1, first=number)
        number += 1
    assert not path.with_name("trades.jsonl.1").exists()
    assert written(path) == list(range(number))


def test_a_full_file_that_cannot_be_renamed_grows_on_and_is_told_once(path: Path, problems: list[str]):
    files = Stuck()
    logger = logger_at(path, problems, files)
    write(logger, 8)
    assert (written(path), logger.failures) == (list(range(8)), 0)
    assert len(problems) == 1
    assert "so it grows" in problems[0]
    files.is_stuck = False
    write(logger, 1, first=8)
    files.is_stuck = True
    write(logger, 5, first=9)
    assert len(problems) == 2
    assert written(path) == list(range(14))


def test_a_folder_without_locks_costs_no_trade(path: Path, problems: list[str]):
    class NoLocks(LocalFiles):
        def rename(self, path: Path, over: Path) -> None:
            raise NotImplementedError("no locks here")  # as filelock raises it while taking one

    logger = logger_at(path, problems, NoLocks())
    write(logger, 8)
    assert (written(path), logger.failures) == (list(range(8)), 0)
    assert "no locks here" in problems[0]


def test_the_end_of_a_short_file_is_all_of_it(path: Path):
    files = LocalFiles()
    files.make_folder(path.parent)
    descriptor = files.open_append(path)
    assert files.read_end(descriptor, 4) == b""
    files.write(descriptor, b"ab")
    assert files.read_end(descriptor, 4) == b"ab"
    files.write(descriptor, b"cdef")
    assert files.read_end(descriptor, 4) == b"cdef"
    files.close(descriptor)
