import json
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.safety_fakes import Crowded, FullDisk, ShortWrites
from trading_bot.clock import VirtualClock
from trading_bot.files import FileSystem
from trading_bot.logging.masking import SecretMasker
from trading_bot.logging.structured_logger import StructuredTradeLogger, TradeRecord
from trading_bot.order_management.models import ExecutionMode, Side

START = datetime(2026, 11, 23, 15, tzinfo=UTC)
TRADE = TradeRecord(
    symbol="AAPL",
    side=Side.BUY,
    quantity=10,
    reference_price=Decimal("150.00"),
    limit_price=Decimal("150.30"),
    order_id="o-1",
    client_order_id="c-1",
    status="submitted",
    code="submitted",
    reason="breakout",
    message="submitted to the paper exchange",
    strategy_name="momentum",
    execution_mode=ExecutionMode.PAPER,
    correlation_id="rebalance-7",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "trades.jsonl"


@pytest.fixture
def problems() -> list[str]:
    return []


def logger_at(path: Path, problems: list[str], files: FileSystem | None = None) -> StructuredTradeLogger:
    return StructuredTradeLogger(
        path=path, clock=VirtualClock(START), session_id="s-1", on_problem=problems.append, files=files
    )


@pytest.fixture
def logger(path: Path, problems: list[str]) -> StructuredTradeLogger:
    return logger_at(path, problems)


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_trade_is_one_json_line_with_the_brokers_id_and_the_computed_limit(logger, path: Path, problems: list[str]):
    logger.record(TRADE)
    assert list(read(path)[0].items()) == [
        ("v", 1),
        ("ts", "2026-11-23T15:00:00.000000Z"),
        ("event", "trade_recorded"),
        ("session_id", "s-1"),
        ("symbol", "AAPL"),
        ("side", "buy"),
        ("quantity", "10"),
        ("reference_price", "150.00"),
        ("limit_price", "150.30"),
        ("order_id", "o-1"),
        ("client_order_id", "c-1"),
        ("status", "submitted"),
        ("code", "submitted"),
        ("reason", "breakout"),
        ("message", "submitted to the paper exchange"),
        ("strategy_name", "momentum"),
        ("execution_mode", "paper"),
        ("duplicate_of", None),
        ("correlation_id", "rebalance-7"),
    ]
    assert path.read_bytes().endswith(b"}\n")
    assert problems == []


def test_a_duplicate_names_the_order_that_stands_for_it(logger, path: Path):
    logger.record(replace(TRADE, status="duplicate", duplicate_of="c-0"))
    assert read(path)[0]["duplicate_of"] == "c-0"


def test_what_a_refused_trade_never_had_is_null_and_never_zero(logger, path: Path):
    logger.record(replace(TRADE, quantity=None, limit_price=None, reference_price=None, order_id=None))
    written = read(path)[0]
    assert [written[key] for key in ("quantity", "limit_price", "reference_price", "order_id")] == [None] * 4


@pytest.mark.parametrize("price", ["0.0001", "1E+3", "123456789012345678901234567890.12"])
def test_a_decimal_is_written_digit_for_digit(logger, path: Path, price: str):
    logger.record(replace(TRADE, limit_price=Decimal(price)))
    assert read(path)[0]["limit_price"] == price


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (10.5, "10.5"),
        (float("nan"), "nan"),
        (None, None),
        ("ten", "ten"),
        ([10], "a list"),
        pytest.param(10**5000, "an int beyond all use", id="a huge int"),
    ],
)
def test_what_a_caller_gave_for_a_refused_trade_is_recorded_as_valid_json(logger, path: Path, given, written):
    logger.record(replace(TRADE, quantity=given))
    text = path.read_text()
    assert json.loads(text, parse_constant=pytest.fail)["quantity"] == written


def test_a_given_time_is_written_in_utc(logger, path: Path):
    eastern = timezone(timedelta(hours=-5))
    logger.record(replace(TRADE, ts=datetime(2026, 11, 23, 9, 30, 0, 5, tzinfo=eastern)))
    assert read(path)[0]["ts"] == "2026-11-23T14:30:00.000005Z"


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="no zone"):
        replace(TRADE, ts=datetime(2026, 11, 23, 9, 30))


def test_the_file_is_private_and_only_ever_appended_to(logger, path: Path, problems: list[str]):
    logger.record(TRADE)
    first = path.read_bytes()
    logger_at(path, problems).record(replace(TRADE, client_order_id="c-2"))
    assert path.read_bytes().startswith(first)
    assert [line["client_order_id"] for line in read(path)] == ["c-1", "c-2"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_text_can_forge_a_line_or_leak_a_secret(path: Path, problems: list[str]):
    logger = StructuredTradeLogger(
        path=path,
        clock=VirtualClock(START),
        session_id="s-1",
        on_problem=problems.append,
        masker=SecretMasker(secrets=["5QR12345"]),
    )
    logger.record(replace(TRADE, symbol='A\n{"v":1}\u2028\ud800', message="account 5QR12345 with Bearer abc"))
    assert path.read_bytes().count(b"\n") == 1
    assert read(path)[0]["message"] == "account *** with ***"
    assert path.read_bytes().isascii()


def test_a_disk_that_takes_nothing_is_reported_once_and_counted_and_never_raises(path: Path, problems: list[str]):
    logger = logger_at(path, problems, FullDisk())
    for _ in range(3):
        logger.record(TRADE)
    assert logger.failures == 3
    assert len(problems) == 1
    assert "not being recorded" in problems[0]
    assert problems[0].endswith("free or repair the disk")


def test_trouble_that_comes_back_is_reported_again(path: Path, problems: list[str]):
    disk = FullDisk()
    logger = logger_at(path, problems, disk)
    for disk.is_full in (True, False, True):
        logger.record(TRADE)
    assert len(problems) == 2
    assert len(read(path)) == 1


def test_a_folder_that_cannot_be_made_hides_no_trade(tmp_path: Path, problems: list[str]):
    (tmp_path / "logs").touch()
    logger = logger_at(tmp_path / "logs" / "trades.jsonl", problems)
    logger.record(TRADE)
    assert (logger.failures, len(problems)) == (1, 1)


def test_a_link_in_place_of_the_file_is_not_followed(path: Path, tmp_path: Path, problems: list[str]):
    path.parent.mkdir()
    (tmp_path / "victim").touch()
    path.symlink_to(tmp_path / "victim")
    logger = logger_at(path, problems)
    logger.record(TRADE)
    assert logger.failures == 1
    assert (tmp_path / "victim").read_bytes() == b""


def test_half_a_line_spoils_no_other(path: Path, problems: list[str]):
    logger = logger_at(path, problems, ShortWrites(20))
    logger.record(TRADE)
    logger.record(TRADE)
    logger.record(TRADE)
    lines = path.read_text().splitlines()
    assert [len(lines[0]), len(lines)] == [20, 3]
    assert json.loads(lines[1]) == json.loads(lines[2])
    assert "only 20 of" in problems[0]


def test_a_write_that_takes_nothing_leaves_no_empty_line(path: Path, problems: list[str]):
    logger = logger_at(path, problems, ShortWrites(0))
    logger.record(TRADE)
    logger.record(TRADE)
    assert (logger.failures, len(read(path))) == (1, 1)


def test_half_a_line_of_an_earlier_run_spoils_no_other(logger, path: Path):
    path.parent.mkdir()
    path.write_bytes(b'{"v":1,"sy')
    logger.record(TRADE)
    lines = path.read_text().splitlines()
    assert lines[0] == '{"v":1,"sy'
    assert json.loads(lines[1])["symbol"] == "AAPL"


def test_one_thread_writes_at_a_time(path: Path, problems: list[str]):
    files = Crowded()
    logger = logger_at(path, problems, files)
    files.meanwhile = lambda: logger.record(replace(TRADE, client_order_id="c-2"))
    logger.record(TRADE)
    files.thread.join()
    assert files.had_to_wait
    assert [line["client_order_id"] for line in read(path)] == ["c-1", "c-2"]
