"""How a finished segment makes room for the next one, so that a crash at any moment loses nothing.

The next segment is written whole and flushed under a name of its own. Then the live file gets its second, final name,
and then the new file takes the live name in one rename. Until that rename the old segment is the journal; after it,
the new one is. Whatever a crash leaves besides is a second name or an unused file, and `repair` removes both.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Self

from trading_bot.files import FileSystem
from trading_bot.order_management.journal.chain import encode
from trading_bot.order_management.journal.segments import JournalScan, SegmentLink, finished_number

_NAMES_WHILE_ROTATING = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSegment:
    """How the live segment began, by which it is told when it is due to end."""

    link: SegmentLink | None = None
    """The finished segment before it, if there is one."""
    begun_on: date | None = None
    """The day, in UTC."""
    carried_bytes: int = 0
    """What was carried into it, its first record included."""

    @classmethod
    def of(cls, found: JournalScan, *, now: datetime) -> Self:
        """Describe the segment that was ``found``; an empty one begins ``now``."""
        return cls(
            link=found.link,
            begun_on=(found.records[0].ts if found.records else now).astimezone(UTC).date(),
            carried_bytes=sum(len(encode(record)) for record in found.records[: found.carried + 1]),
        )


class SegmentSwap:
    """The steps of one rotation. Every method raises OSError as the file system does."""

    def __init__(self, *, journal: Path, files: FileSystem) -> None:
        self._journal = journal
        self._files = files

    @property
    def staged(self) -> Path:
        """Where the next segment is written."""
        return self._journal.with_name(f".{self._journal.name}.next")

    def repair(self) -> None:
        """Undo what a crash left of a rotation that was not completed."""
        self._files.remove(self.staged)
        live = self._files.facts_at(self._journal)
        if live is None or live.links != _NAMES_WHILE_ROTATING:
            return
        for name in self._files.names(self._journal.parent):
            second = self._journal.with_name(name)
            facts = self._files.facts_at(second) if finished_number(self._journal, name) else None
            if facts is not None and (facts.device, facts.inode) == (live.device, live.inode):
                self._files.remove(second)
                self._files.sync_folder(self._journal.parent)

    def stage(self, data: bytes) -> None:
        """Write the next segment whole, without touching the live one."""
        self._files.remove(self.staged)
        self._files.write_new(self.staged, data)

    def keep(self, finished: str) -> None:
        """Give the live file the name that it keeps."""
        self._files.link(self._journal, self._journal.with_name(finished))
        self._files.sync_folder(self._journal.parent)

    def publish(self) -> None:
        """Let the next segment take the live name: the one step that counts."""
        self._files.rename(self.staged, self._journal)
        self._files.sync_folder(self._journal.parent)

    def finished(self) -> dict[int, str]:
        """Return the names of the finished segments in the folder, by number."""
        names = self._files.names(self._journal.parent)
        return {number: name for name in names if (number := finished_number(self._journal, name)) is not None}
