"""The whole journal of an account, read from its files alone: the finished segments and the live one after them."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.mortal import Disk
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.journal.order_log import JournalScan, scan


class JournalOnDisk:
    """Reads what is there now; the same bytes are parsed once."""

    def __init__(self, live: Path, disk: Disk) -> None:
        self.live = live
        self._disk = disk
        self._parsed: dict[str, tuple[bytes, JournalScan]] = {}

    @property
    def exists(self) -> bool:
        return self.live.exists()

    def finished(self) -> list[Path]:
        """The finished segments, oldest first. A second name of the live file does not make it one."""
        pattern = re.compile(rf"{re.escape(self.live.stem)}\.\d{{4}}-\d{{2}}-\d{{2}}\.(\d+)\.jsonl")
        found = [(int(match[1]), path) for path in self.live.parent.iterdir() if (match := pattern.match(path.name))]
        return [path for _, path in sorted(found) if not path.samefile(self.live)]

    def data(self) -> bytes:
        """Every byte of it, as if it had never been rotated."""
        return b"".join(path.read_bytes() for path in self._files())

    def flushed(self) -> bytes:
        """What of it a power loss would leave now."""
        return b"".join(self._disk.durable_bytes(path) for path in self._files())

    def records(self) -> tuple[JournalRecord, ...]:
        """Every good record of every segment."""
        return tuple(record for path in self._files() for record in self._scan(path).records)

    def story(self) -> tuple[JournalRecord, ...]:
        """The same without what a segment repeats of the one before it: what happened, each thing once."""
        scans = [self._scan(path) for path in self._files()]
        return tuple(record for found in scans for record in found.records[1 + found.carried if found.link else 0 :])

    def live_records(self) -> tuple[JournalRecord, ...]:
        """The good records of the live segment: all that the next start reads."""
        return self._scan(self.live).records if self.exists else ()

    def flushed_records(self) -> tuple[JournalRecord, ...]:
        """What of `records` a power loss would leave now."""
        flushed = (self._parse(f"{path} flushed", self._disk.durable_bytes(path)) for path in self._files())
        return tuple(record for found in flushed for record in found.records)

    def torn(self) -> str | None:
        """What is wrong with the end of the live segment, if something is."""
        return self._scan(self.live).problem

    def breaks(self) -> Iterator[str]:
        """Say where the segments do not follow from each other, or a finished one is not whole."""
        before: JournalScan | None = None
        for path in self._files():
            found = self._scan(path)
            if path != self.live and not found.ok:
                yield f"the finished segment {path.name} does not verify: {found.problem}"
            if found.records and (found.link.head if found.link else None) != (before.head if before else None):
                yield f"{path.name} does not follow from the segment before it"
            if found.records and found.number != (before.number + 1 if before else 1):
                yield f"{path.name} is numbered {found.number}"
            before = found

    def _files(self) -> list[Path]:
        return [*self.finished(), self.live] if self.exists else []

    def _scan(self, path: Path) -> JournalScan:
        return self._parse(path.name, path.read_bytes())

    def _parse(self, name: str, data: bytes) -> JournalScan:
        known = self._parsed.get(name)
        if known is None or known[0] != data:
            known = self._parsed[name] = data, scan(data)
        return known[1]
