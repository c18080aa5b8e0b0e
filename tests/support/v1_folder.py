"""A folder that a version before the database wrote, copied to where a test may change it."""

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.support.journal_engines import OURS, SESSION
from tests.support.order_story import MONDAY
from trading_bot.clock import VirtualClock
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.journal.identity import JournalIdentity, first_record
from trading_bot.order_management.journal.import_v1 import V1Import
from trading_bot.order_management.journal.port import Journal, Opened, Pointer
from trading_bot.order_management.journal.v1.reader import V1Files

STORED = Path(__file__).parents[1] / "order_management" / "journal" / "v1_folders"
RELEASE, LAST = "release_0_1_0", "before_the_database"
"""Version 0.1.0, whose journal ends in a continuation; and the last one before the database, with a torn end."""


def pointers_to_all(records: Iterable[JournalRecord]) -> tuple[Pointer, ...]:
    """Let every record count."""
    return tuple(Pointer(kind="any", key="", seq=record.seq) for record in records)


class V1Folder:
    """One copy; ``start`` is what the first start of this version does with it."""

    def __init__(self, name: str, folder: Path) -> None:
        shutil.copytree(STORED / name, folder, copy_function=shutil.copyfile)
        self.root = folder
        for path in folder.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
        self.logs, self.state = folder / "logs", folder / "state"
        self.live = self.logs / "orders.jsonl"
        self.anchor = self.state / "anchor.json"
        self.expected: dict[str, Any] = json.loads((folder / "expected.json").read_text())

    @property
    def finished(self) -> list[Path]:
        """The finished segments, oldest first."""
        return sorted(self.logs.glob("orders.2026-*.jsonl"))

    def old(self, files: FileSystem | None = None) -> V1Files:
        return V1Files(journal=self.live, noted_head=self.anchor, files=files or LocalFiles())

    def start(
        self,
        journal: Journal,
        *,
        files: FileSystem | None = None,
        noted: bool = True,
        identity: JournalIdentity = OURS,
        pointers_for: Callable[[Iterable[JournalRecord]], Iterable[Pointer]] = pointers_to_all,
        page_records: int = 20,
        old: V1Files | None = None,
        begins: bool = True,
    ) -> Opened:
        clock = VirtualClock(MONDAY)
        first = first_record(identity, clock=clock, session_id=SESSION)
        importing = self.importer(
            old=old or self.old(files),
            noted=self.live if noted else None,
            identity=identity,
            pointers_for=pointers_for,
            files=files or LocalFiles(),
            page_records=page_records,
        )
        return importing.open(journal, first_record=(lambda: first) if begins else None)

    def importer(self, **changes: Any) -> V1Import:
        plain: dict[str, Any] = {
            "old": self.old(),
            "noted": self.live,
            "identity": OURS,
            "pointers_for": pointers_to_all,
            "files": LocalFiles(),
            "clock": VirtualClock(MONDAY),
            "session_id": SESSION,
        }
        return V1Import(**plain | changes)

    def told(self) -> list[bytes]:
        """Every line by its number: a later file tells a number anew only where it continues a failed one."""
        by_number: dict[int, bytes] = {}
        for path in (*self.finished, self.live, *sorted(self.logs.glob("*.continued-*"))):
            lines = path.read_bytes().split(b"\n")[:-1]
            by_number |= {json.loads(line)["seq"]: line for line in lines}
        return [by_number[number] for number in sorted(by_number)]

    def bytes(self) -> dict[str, bytes]:
        """Every file of the old journal, to see that none was touched."""
        return {str(path.relative_to(self.root)): path.read_bytes() for path in self._files()}

    def names(self) -> list[str]:
        return sorted(path.name for folder in (self.logs, self.state) for path in folder.iterdir() if path.is_file())

    def _files(self) -> Iterable[Path]:
        return (path for folder in (self.logs, self.state) for path in folder.rglob("*") if path.is_file())
