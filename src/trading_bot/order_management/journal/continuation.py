"""Where facts go once the journal's own file has failed.

A file that was changed underneath, or whose flush failed, takes nothing more: it is suspect from its last good flush
on. What happens at the broker goes on in the same chain in a file beside it, and no order does. That file begins by
repeating, byte for byte, every fact since the last good flush, so that whatever the failed file kept of them is a
beginning of what follows there.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trading_bot.files import FileSystem
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.journal.chain import BadRecordError, ChainHead, encode, head_at
from trading_bot.order_management.journal.live_file import LiveFile
from trading_bot.order_management.journal.segments import Chaining

_log = get_logger(__name__)


def continued_prefix(journal: Path) -> str:
    """Return how the name of a continuation begins; the number of its first record ends it."""
    return f"{journal.name}.continued-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A journal at the moment at which its file failed."""

    head: ChainHead
    """The last record whose append succeeded."""
    unflushed: tuple[JournalRecord, ...]
    """The facts since the last good flush; the last one may be that whose append failed."""
    why: str

    @property
    def tried(self) -> JournalRecord | None:
        """The fact whose append failed, if it was a fact; the file may hold it, in part or whole."""
        last = self.unflushed[-1] if self.unflushed else None
        return last if last is not None and last.seq > self.head.seq else None

    def records(self, journal: Path, chained: Chaining) -> tuple[JournalRecord, ...]:
        """Return the records that a continuation begins with."""
        first, last = (self.unflushed[0], self.unflushed[-1]) if self.unflushed else (None, None)
        good = ChainHead(seq=first.seq - 1, hash=first.prev) if first else self.head
        details = {"continues": journal.name, "previous_seq": str(good.seq), "previous_hash": good.hash}
        event = OrderEvent(event=EventKind.JOURNAL_CONTINUED, reason=self.why, details=details)
        return (*self.unflushed, chained(event, head_at(last) if last else self.head))


class Continuation:
    """Takes facts beside a journal whose file failed. What fails here once stays closed."""

    def __init__(self, *, journal: Path, files: FileSystem, chained: Chaining) -> None:
        self._journal = journal
        self._files = files
        self._chained = chained
        self._path = journal
        self._file: LiveFile | None = None
        self._is_over = False
        self.head = ChainHead.genesis()
        """The last record in it, once there is one."""

    def take(self, fact: OrderEvent, left: Unfinished) -> JournalRecord | None:
        """Write a fact, flushed, and return its record; the first one begins the file with what was ``left``.

        None says that it could not be written, and the log why.
        """
        if self._is_over:
            return None
        try:
            return self._taken(fact, left)
        except (OSError, BadRecordError) as error:
            _log.error("journal_continuation_failed", problem=str(error))
            return None

    def _taken(self, fact: OrderEvent, left: Unfinished) -> JournalRecord:
        if self._file is None:
            records = left.records(self._journal, self._chained)
            self._path = self._journal.with_name(f"{continued_prefix(self._journal)}{records[0].seq}")
            self._write(records)
            _log.error("journal_continued", path=str(self._path), problem=left.why)
            # What a signal kept from its caller may be asked for once more.
            if left.tried is not None and left.tried.fact == self._chained(fact, self.head).fact:
                return left.tried
        record = self._chained(fact, self.head)
        self._write([record])
        return record

    def close(self) -> None:
        """Close it; everything in it has been flushed."""
        self._is_over = True
        if self._file is not None:
            with suppress(OSError):
                self._file.close(flush=False)

    def _write(self, records: Sequence[JournalRecord]) -> None:
        lines = b"".join(encode(record) for record in records)
        # A signal may end this anywhere, and a line of which the head knows nothing must stay the last one.
        self._is_over = True
        if self._file is None:
            self._file = self._begun(lines)
        else:
            self._file.append(lines)
            self._file.sync()
        self.head = head_at(records[-1])
        self._is_over = False

    def _begun(self, lines: bytes) -> LiveFile:
        try:
            self._files.write_new(self._path, lines)
        except FileExistsError:
            raise
        except OSError:
            with suppress(OSError):
                self._files.remove(self._path)
            raise
        file = LiveFile(path=self._path, files=self._files)
        if file.open() != lines:
            raise OSError(f"{self._path.name} does not hold what was written")
        file.size = len(lines)
        return file
