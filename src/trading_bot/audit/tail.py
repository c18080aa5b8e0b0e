"""Reads a journal that another process may be writing: only whole, chained records are returned, each of them once."""

import os
from pathlib import Path

from trading_bot.files import LocalFiles
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.chain import BadRecordError, ChainHead, decode
from trading_bot.order_management.journal.history import JournalHistory


class JournalTail:
    """Follows one journal from its first record on; `read` returns what was added since the call before it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._history = JournalHistory(journal=path, files=LocalFiles())
        self._file: tuple[int, int] | None = None
        self._position = 0
        self._head = ChainHead.genesis()
        self._told = 0

    def read(self) -> tuple[JournalRecord, ...]:
        """Return the new records; a last line that is still being written waits for the next call.

        Raises:
            OrderLogError: the journal cannot be read, or became shorter.
            OrderLogDamagedError: a line is not the record that has to stand there.
        """
        earlier = self._turned_over()
        whole, _, _unfinished = self._new_bytes().rpartition(b"\n")
        taken = tuple(self._take(line) for line in whole.split(b"\n")) if whole else ()
        # What stands in a continuation is told from there, and not again once it was taken into the live file.
        found = (*earlier, *taken, *self._history.continued())
        fresh = tuple(record for record in found if record.seq > self._told)
        self._told = fresh[-1].seq if fresh else self._told
        return fresh

    def _turned_over(self) -> tuple[JournalRecord, ...]:
        # After a rotation another file has the name: what the finished ones still hold comes first.
        facts = LocalFiles().facts_at(self._path)
        file = (facts.device, facts.inode) if facts is not None else None
        if file == self._file:
            return ()
        self._file, self._position = file, 0
        earlier = self._history.finished(after=self._head.seq)
        if earlier:
            self._head = ChainHead(seq=earlier[-1].seq, hash=earlier[-1].hash)
        return earlier

    def _new_bytes(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                if (status.st_dev, status.st_ino) != self._file:
                    return b""  # it was rotated just now: the next call begins with what the finished segment holds
                if file.seek(0, 2) < self._position:
                    raise OrderLogError(f"the journal {self._path} became shorter; run 'trading-bot audit verify'")
                file.seek(self._position)
                return file.read()
        except OSError as error:
            raise OrderLogError(f"cannot read the journal {self._path}: {error.strerror}; check the folder") from error

    def _take(self, line: bytes) -> JournalRecord:
        try:
            record = decode(line, head=self._head)
        except BadRecordError as error:
            raise OrderLogDamagedError(
                f"record {self._head.seq + 1} of {self._path} is bad: {error}; run 'trading-bot audit verify'"
            ) from error
        self._head = ChainHead(seq=record.seq, hash=record.hash)
        self._position += len(line) + 1
        return record
