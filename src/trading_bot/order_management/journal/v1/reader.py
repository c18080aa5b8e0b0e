"""The files of one journal of 0.1: found, proven, read in order, and listed to be set aside."""

from collections.abc import Callable, Iterator
from pathlib import Path

from trading_bot.files import FileSystem
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.chain import BadRecordError, SealedRecord, head_at
from trading_bot.order_management.journal.v1.lines import read_file, sealed_records
from trading_bot.order_management.journal.v1.names import V1Names
from trading_bot.order_management.journal.v1.proof import V1Journal, prove, prove_live


class V1Files:
    """The files of one journal of 0.1. ``noted_head`` is the file in which 0.1 noted how far it was flushed."""

    def __init__(self, *, journal: Path, noted_head: Path, files: FileSystem) -> None:
        self.journal = journal
        self._noted_head = noted_head
        self._names = V1Names(journal=journal)
        self._files = files

    def exist(self) -> bool:
        """Whether there is a live file that holds anything.

        Raises:
            OrderLogError: the disk cannot say.
        """
        try:
            facts = self._files.facts_at(self.journal)
        except OSError as error:
            raise self._unreadable(error) from error
        return facts is not None and facts.size > 0

    def verify(self) -> V1Journal:
        """Read and prove everything; nothing is written.

        Raises:
            OrderLogDamagedError: something is missing, changed or cut off.
            OrderLogError: a file cannot be read, or is not ours alone.
        """
        return self._proven(prove)

    def verify_live(self) -> V1Journal:
        """Read and prove what still counts alone, whose cost does not grow with the history; raises as `verify`."""
        return self._proven(prove_live)

    def _proven(self, proof: Callable[..., V1Journal]) -> V1Journal:
        try:
            return proof(self._names, noted_head=self._noted_head, files=self._files)
        except BadRecordError as error:
            raise OrderLogDamagedError(
                f"the journal {self.journal} of version 0.1 is damaged ({error}); nothing of it was taken over and "
                "only cancels are possible: put the file back from a copy, or delete what does not belong to it"
            ) from error
        except OSError as error:
            raise self._unreadable(error) from error

    def records(self, whole: V1Journal) -> Iterator[SealedRecord]:
        """Yield every record of a proven journal, proven once more.

        Raises:
            OrderLogError: the files are not what `verify` saw.
        """
        head = whole.follows
        try:
            for place in whole.places:
                for sealed in sealed_records(place, follows=head, files=self._files):
                    head = head_at(sealed.record)
                    yield sealed
        except BadRecordError as error:
            raise OrderLogDamagedError(f"the journal {self.journal} was changed while it was read: {error}") from error
        except OSError as error:
            raise self._unreadable(error) from error

    def readable(self) -> tuple[JournalRecord, ...]:
        """Return the good records of the live file and of what continues it: a damaged journal's cancels go by them."""
        found: list[JournalRecord] = []
        try:
            self._read(self.journal, found)
        except (OSError, BadRecordError):
            return tuple(found)
        for path in self._names.continuations(self._files):
            more: list[JournalRecord] = []
            try:
                self._read(path, more)
            except (OSError, BadRecordError):
                break
            before = [each for each in found if more and each.seq < more[0].seq]
            if before and before[-1].hash == more[0].prev and more[-1].seq >= found[-1].seq:
                found = [*before, *more]
        return tuple(found)

    def left(self) -> tuple[Path, ...]:
        """Return the files of this journal that still have the names that 0.1 gave them, the live one last.

        Raises:
            OSError: the folder cannot be read.
        """
        beside = self._names.beside(self._files)
        last = [path for path in (self._noted_head, self.journal) if self._files.facts_at(path) is not None]
        return (*beside, *last)

    def fillers(self) -> tuple[Path, ...]:
        """Return what holds no record: the reserve of disk space, and a segment that was never begun."""
        return tuple(self.journal.with_name(f".{self.journal.name}.{end}") for end in ("reserve", "next"))

    def _read(self, path: Path, found: list[JournalRecord]) -> None:
        read_file(path, files=self._files, follows=None, on_record=lambda record, _: found.append(record))

    def _unreadable(self, error: OSError) -> OrderLogError:
        return OrderLogError(
            f"cannot read the journal {self.journal} of version 0.1: {error}; repair its folder, then start again"
        )
