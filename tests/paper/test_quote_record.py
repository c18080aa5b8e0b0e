"""The record of what was seen: a file a day that can be replayed, whatever happened while it was written."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from trading_bot.files import Descriptor, LocalFiles
from trading_bot.paper.quote_record import KEPT_DAYS, QuoteRecord
from trading_bot.paper.quotes import MarketQuote, ReplayQuotes

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
QUOTE = MarketQuote(symbol="AAPL", at=NOON, bid=Decimal("99.98"), ask=Decimal(100), bid_size=5, ask_size=7)


def later(seconds: float, *, halted: bool = False) -> MarketQuote:
    return replace(QUOTE, at=NOON + timedelta(seconds=seconds), halted=halted)


def record(folder: Path, **options: int) -> QuoteRecord:
    return QuoteRecord(folder / "quotes", files=LocalFiles(), **options)


def lines(folder: Path, day: str = "2026-11-23") -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "quotes" / f"{day}.jsonl").read_text().splitlines()]


def test_it_is_what_a_replay_reads(tmp_path):
    made = record(tmp_path)
    shown = [QUOTE, later(1, halted=True), replace(later(1), symbol="MSFT")]
    for quote in shown:
        made.add(quote)
    made.close()
    replayed = ReplayQuotes.from_file(tmp_path / "quotes" / "2026-11-23.jsonl")
    assert replayed.quote("AAPL", NOON + timedelta(seconds=2)) == shown[1]
    assert replayed.quote("MSFT", NOON + timedelta(seconds=2)) == shown[2]
    assert (tmp_path / "quotes" / "2026-11-23.jsonl").stat().st_mode & 0o077 == 0


def test_a_day_has_a_file_of_its_own_and_old_ones_go(tmp_path):
    folder = tmp_path / "quotes"
    folder.mkdir()
    oldest = (NOON - timedelta(days=KEPT_DAYS)).date()
    for name in (f"{oldest}.jsonl", f"{oldest - timedelta(days=1)}.jsonl", "notes.txt"):
        (folder / name).touch()
    made = record(tmp_path)
    made.add(QUOTE)
    made.add(later(24 * 3600))
    names = {path.name for path in folder.iterdir()}
    assert names == {"2026-11-23.jsonl", "2026-11-24.jsonl", "notes.txt"}


def test_a_line_that_was_cut_short_is_cut_off_and_earlier_quotes_are_left_out(tmp_path):
    made = record(tmp_path)
    made.add(later(5))
    made.close()
    path = tmp_path / "quotes" / "2026-11-23.jsonl"
    with path.open("a") as file:
        file.write('{"at":"2026-')
    again = record(tmp_path)
    again.add(later(5))
    again.add(later(6))
    assert [row["at"] for row in lines(tmp_path)] == [later(5).at.isoformat(), later(6).at.isoformat()]


def test_a_file_of_nothing_but_a_cut_line_begins_anew(tmp_path):
    (tmp_path / "quotes").mkdir()
    (tmp_path / "quotes" / "2026-11-23.jsonl").write_text('{"at":"2026-')
    record(tmp_path).add(QUOTE)
    assert len(lines(tmp_path)) == 1


@pytest.mark.parametrize("damage", ["\0\0\0", "no quote", "{}", "[]", '{"at":5}', '{"at":"noon"}'])
def test_a_damaged_file_is_left_alone_and_said_once(tmp_path, caplog, damage):
    (tmp_path / "quotes").mkdir()
    path = tmp_path / "quotes" / "2026-11-23.jsonl"
    path.write_text(f"{damage}\n")
    made = record(tmp_path)
    made.add(QUOTE)
    made.add(later(1))
    made.add(later(24 * 3600))
    assert path.read_text() == f"{damage}\n"
    assert len(lines(tmp_path, "2026-11-24")) == 1
    assert sum("quotes_not_recorded" in each.message for each in caplog.records) == 1


def test_a_full_day_is_said_once_and_the_next_day_is_recorded(tmp_path, caplog):
    made = record(tmp_path, most_bytes=200)
    for seconds in range(5):
        made.add(later(seconds))
    made.add(later(24 * 3600))
    assert (len(lines(tmp_path)), len(lines(tmp_path, "2026-11-24"))) == (1, 1)
    assert sum("quotes_not_recorded" in each.message for each in caplog.records) == 1


class FullDisk(LocalFiles):
    """Takes half of what is written."""

    def write(self, descriptor: Descriptor, data: bytes) -> int:
        return super().write(descriptor, data[: len(data) // 2])


def test_a_full_disk_leaves_no_half_line_and_is_said(tmp_path, caplog):
    made = QuoteRecord(tmp_path / "quotes", files=FullDisk())
    made.add(QUOTE)
    made.add(later(1))
    assert lines(tmp_path) == []
    assert sum("quotes_not_recorded" in each.message for each in caplog.records) == 1


@pytest.mark.parametrize("is_open", [True, False])
def test_closing_it_twice_is_harmless(tmp_path, is_open):
    made = record(tmp_path)
    if is_open:
        made.add(QUOTE)
    made.close()
    made.close()
