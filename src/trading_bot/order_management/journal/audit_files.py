"""The files of an audit log, read without writing: which there are, in which order, and where the last one ends.

The live file keeps one name for ever. A finished one is called ``<stem>.<day>.<number of its first record>.jsonl``.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trading_bot.order_management.events import EventKind, JournalRecord
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import MAX_LINE_BYTES, BadRecordError, ChainHead, decode_alone, head_at
from trading_bot.order_management.models import ClientOrderId

_TELLS_AN_ORDER = frozenset({EventKind.ORDER_INTENDED, EventKind.ORDER_CARRIED})
_BEGIN = b'{"v":'
"""What each line begins with."""

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEnd:
    """How one file ends."""

    last: JournalRecord | None
    """Its last whole record; None where it has none, or there is a problem."""
    size: int
    """Bytes up to the end of the last whole line."""
    unfinished: int = 0
    """Bytes after it: a line that was cut short, or is being written just now."""
    problem: str | None = None
    """Why its last whole line is no record, or what is behind it will never be one."""


def finished_name(path: Path, record: JournalRecord, *, first: int) -> Path:
    """Return the name that the live file at ``path`` keeps, by its ``first`` record's number and its last record."""
    return path.with_name(f"{path.stem}.{record.ts:%Y-%m-%d}.{first}{path.suffix}")


def log_files(path: Path) -> tuple[Path, ...]:
    """Return the files that are there, oldest first; the live one comes last.

    Raises:
        OrderLogError: the folder cannot be read.
    """
    pattern = re.compile(f"{re.escape(path.stem)}[.]{_DAY}[.]([0-9]+){re.escape(path.suffix)}")
    try:
        names = [each.name for each in path.parent.iterdir()]
        live = (path,) if path.is_file() else ()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise unreadable(path.parent, error) from error
    numbered = {int(found[1]): path.with_name(name) for name in names if (found := pattern.fullmatch(name))}
    return (*(numbered[number] for number in sorted(numbered)), *live)


def log_end(path: Path) -> LogEnd:
    """Return how the file at ``path`` ends; one that is not there has no record.

    Raises:
        OrderLogError: it is there and cannot be read.
    """
    try:
        data, start = _tail(path)
    except FileNotFoundError:
        return LogEnd(last=None, size=0)
    except OSError as error:
        raise unreadable(path, error) from error
    size = start + len(data)
    whole, newline, rest = data.rpartition(b"\n")
    if not newline and start > 0:
        return LogEnd(last=None, size=size, problem=f"no line ends in its last {len(data)} bytes")
    if not _may_become_a_line(rest):
        return LogEnd(last=None, size=size, problem=f"its last {len(rest)} bytes are no beginning of a line")
    if not newline:
        return LogEnd(last=None, size=0, unfinished=len(rest))
    last = whole.rpartition(b"\n")[2]
    try:
        return LogEnd(last=decode_alone(last), size=size - len(rest), unfinished=len(rest))
    except BadRecordError as error:
        return LogEnd(last=None, size=size - len(rest), unfinished=len(rest), problem=str(error))


def _may_become_a_line(rest: bytes) -> bool:
    # A power loss leaves NULs where it cut a line short.
    begun = rest.strip(b"\0")[: len(_BEGIN)]
    return _BEGIN.startswith(begun)


def _tail(path: Path) -> tuple[bytes, int]:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        start = max(size - 2 * MAX_LINE_BYTES, 0)
        file.seek(start)
        return file.read(size - start), start


def last_record(path: Path) -> JournalRecord | None:
    """Return the last whole record of the log whose live file is ``path``; None where it has none.

    Raises:
        OrderLogError: a file cannot be read, or its last line is no record.
    """
    for file in reversed(log_files(path)):
        end = log_end(file)
        if end.problem is not None:
            raise OrderLogError(
                f"the last line of the audit log {file} is no record ({end.problem}); run 'trading-bot audit verify'"
            )
        if end.last is not None:
            return end.last
    return None


def last_good_record(path: Path) -> JournalRecord | None:
    """Return the last record that can be read near the end of the log whose live file is ``path``, if there is one."""
    with suppress(OSError, OrderLogError):
        for file in reversed(log_files(path)):
            for line in reversed(_tail(file)[0].splitlines()):
                with suppress(BadRecordError):
                    return decode_alone(line)
    return None


def first_record_in(path: Path) -> JournalRecord | None:
    """Return the first record of the oldest file of the log whose live file is ``path``; None where it has none.

    Raises:
        OrderLogError: the file cannot be read.
    """
    oldest = next(iter(log_files(path)), None)
    try:
        return None if oldest is None else decode_alone(next(log_lines(oldest), b"").rstrip(b"\n"))
    except BadRecordError:
        return None


def first_number(path: Path) -> int | None:
    """Return the number of the first record in one file; None where it has no whole record.

    Raises:
        OrderLogError: it cannot be read.
    """
    try:
        return decode_alone(next(log_lines(path), b"").rstrip(b"\n")).seq
    except BadRecordError:
        return None


def log_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of one file with their newlines; the last one may be unfinished.

    Raises:
        OrderLogError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            while line := file.readline(MAX_LINE_BYTES + 1):
                yield line
    except OSError as error:
        raise unreadable(path, error) from error


def logged_records(log: Path) -> Iterator[JournalRecord]:
    """Yield the records of the audit log; where its oldest files are gone, those of the orders that it has whole.

    Raises:
        OrderLogError: a file cannot be read.
        BadRecordError: a line is no record, or does not follow the one before it.
    """
    end: ChainHead | None = None
    begun: set[ClientOrderId] = set()
    is_whole = True
    for line in (line for file in log_files(log) for line in log_lines(file)):
        record = decode_alone(line.rstrip(b"\n"))
        if end is None:
            is_whole = record.seq == 1
        elif (record.seq, record.prev) != (end.seq + 1, end.hash):
            raise BadRecordError(f"record {record.seq} does not follow record {end.seq}")
        end = head_at(record)
        name = record.fact.client_order_id
        if name is not None and record.fact.event in _TELLS_AN_ORDER:
            begun.add(name)
        if is_whole or name is None or name in begun:
            yield record


def unreadable(path: Path, error: OSError) -> OrderLogError:
    """Return the error that says so."""
    return OrderLogError(f"cannot read the audit log {path}: {error.strerror or error}; check its folder and disk")
