"""The record of the quotes that were read: one file a day (UTC), in the form that ``run --quotes`` takes.

A record never stands in the way of trading: what cannot be written is logged once a day, and left out. Each file is
sorted by time, and at most `MOST_BYTES_A_DAY` long; files older than `KEPT_DAYS` are removed when a new one is begun.
A line that a crash cut short is cut off when the file is opened again.
"""

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from trading_bot.files import Descriptor, FileSystem
from trading_bot.logging.setup import get_logger
from trading_bot.paper.quotes import MarketQuote

MOST_BYTES_A_DAY = 256 * 1024 * 1024
"""About 70 symbols that change every two seconds all day. Chosen."""

KEPT_DAYS = 30
"""Chosen."""

_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.jsonl")
_LONGEST_LINE = 4096
_log = get_logger(__name__)


class QuoteRecord:
    """Appends quotes to the file of their day in ``folder``; for one caller at a time.

    The caller holds the account, so no other process of it writes here.
    """

    def __init__(self, folder: Path, *, files: FileSystem, most_bytes: int = MOST_BYTES_A_DAY) -> None:
        self._folder = folder
        self._files = files
        self._most_bytes = most_bytes
        self._day: date | None = None
        self._descriptor: Descriptor | None = None
        self._size = 0
        self._last_at: datetime | None = None

    def add(self, quote: MarketQuote) -> None:
        """Record one quote, if there is room; one that is earlier than the last of the file is left out."""
        try:
            if quote.at.date() != self._day:
                self._begin(quote.at.date())
            self._append(quote)
        except OSError as error:
            self._give_up(f"{self._folder}: {error.strerror or error}")

    def close(self) -> None:
        """Close the file; a later quote opens it again."""
        self._day = None
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            self._files.close(descriptor)

    def _begin(self, day: date) -> None:
        self.close()
        self._day, self._last_at = day, None
        self._files.make_folder(self._folder)
        self._remove_old(day)
        path = self._folder / f"{day}.jsonl"
        self._descriptor = self._files.open_append(path)
        end = self._files.read_end(self._descriptor, _LONGEST_LINE)
        whole = end.rpartition(b"\n")[0]
        self._size = self._files.facts(self._descriptor).size
        torn = len(end) - len(whole) - 1 if whole else len(end)
        if torn > 0:
            self._size -= torn
            self._files.truncate(self._descriptor, self._size)
        if whole:
            self._last_at = _time_of(whole.rpartition(b"\n")[2], path)

    def _append(self, quote: MarketQuote) -> None:
        if self._descriptor is None or (self._last_at is not None and quote.at <= self._last_at):
            return
        line = _line(quote)
        if self._size + len(line) > self._most_bytes:
            self._give_up(f"the record of {self._day} is full ({self._most_bytes} bytes)")
            return
        taken = self._files.write(self._descriptor, line)
        if taken < len(line):
            self._files.truncate(self._descriptor, self._size)
            raise OSError(f"the disk took {taken} of {len(line)} bytes")
        self._size += taken

    def _give_up(self, problem: str) -> None:
        """Record no more today; tomorrow's file is tried again."""
        day = self._day
        _log.warning("quotes_not_recorded", problem=problem)
        self.close()
        self._day = day

    def _remove_old(self, today: date) -> None:
        oldest = today - timedelta(days=KEPT_DAYS)
        for name in self._files.names(self._folder):
            found = _NAME.fullmatch(name)
            if found is not None and found[1] < oldest.isoformat():
                self._files.remove(self._folder / name)


def _time_of(line: bytes, path: Path) -> datetime:
    try:
        return datetime.fromisoformat(json.loads(line)["at"]).astimezone(UTC)
    except (ValueError, KeyError, TypeError) as error:
        raise OSError(f"the last line of {path.name} is no quote; move the file away") from error


def _line(quote: MarketQuote) -> bytes:
    row: dict[str, object] = {
        "at": quote.at.isoformat(),
        "symbol": quote.symbol,
        "bid": f"{quote.bid:f}",
        "ask": f"{quote.ask:f}",
        "bid_size": quote.bid_size,
        "ask_size": quote.ask_size,
    }
    if quote.halted:
        row["halted"] = True
    return f"{json.dumps(row, separators=(',', ':'))}\n".encode()
