"""Runs a story of commits on a recorded disk, and opens what each crash of the machine may leave of it."""

import random
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.support.commit_story import IDENTITY, CommitStory, problems_of
from tests.support.sqlite_shim.disk import CrashedDisk, Image
from tests.support.sqlite_shim.vfs import Call, Fault, Shim, Step, Way
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.sqlite import SqliteJournal

NAME = "journal.sqlite3"
_TRIED = "tried"
_ACKNOWLEDGED = "acknowledged"
_CHANGES = frozenset({Call.OPEN, Call.WRITE, Call.TRUNCATE, Call.SYNC, Call.DELETE})


def journal_at(folder: Path) -> SqliteJournal:
    return SqliteJournal(folder / NAME, identity=IDENTITY)


def files_in(folder: Path) -> Image:
    return {str(path): path.read_bytes() for path in sorted(folder.iterdir()) if not path.name.endswith("-shm")}


def put(image: Image, folder: Path) -> Path:
    """Lay the files of an image into an empty folder, private as the journal wants them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    for name, data in image.items():
        path = folder / Path(name).name
        path.touch(mode=0o600)
        path.write_bytes(data)
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """One state of the disk, and between which commits it was taken."""

    image: Image
    acknowledged: int
    tried: int
    step: int


class RecordedRun:
    """One process that commits a story into ``folder``, with everything noted that it asks of the disk.

    ``started_with`` is how many commits of the story the folder holds already.
    """

    def __init__(self, folder: Path, story: CommitStory | None = None) -> None:
        self.folder = folder
        self.story = story or CommitStory()
        self.shim = Shim()
        self.refused: OrderLogError | None = None
        self._started_with = len(self.story.commits)
        if not folder.exists():
            put({NAME: b""}, folder)
        self._before = files_in(folder)
        with self.shim.as_default():
            self.journal = journal_at(folder)
            self.journal.open()

    def commit(self, times: int = 1) -> "RecordedRun":
        """Go on with the story until a commit fails; after that nothing is tried."""
        for _ in range(times):
            if self.refused is None:
                self._commit()
        return self

    def _commit(self) -> None:
        self.shim.mark(_TRIED)
        try:
            self.journal.commit(self.story.next())
        except OrderLogError as error:
            self.refused = error
        else:
            self.shim.mark(_ACKNOWLEDGED)

    def close(self) -> "RecordedRun":
        self.journal.close()
        return self

    def crashes(self, chance: random.Random, *, sample: int, sector: int = 4096) -> Iterator[Crash]:
        """Yield what the disk may hold when the machine stops behind each step; what was seen before is left out."""
        disk = CrashedDisk(self._before, sector=sector)
        acknowledged = tried = self._started_with
        seen = set()
        for number, step in enumerate(list(self.shim.steps)):
            disk.follow([step])
            tried += step.note == _TRIED
            acknowledged += step.note == _ACKNOWLEDGED
            if not _matters(step):
                continue
            for image in disk.images(chance, sample=sample):
                mark = (hash(tuple(sorted(image.items()))), acknowledged, tried)
                if mark not in seen:
                    seen.add(mark)
                    yield Crash(image=image, acknowledged=acknowledged, tried=tried, step=number)


def _matters(step: Step) -> bool:
    return step.call in _CHANGES or step.note == _ACKNOWLEDGED


def unflushed() -> Shim:
    """A file layer that skips the flushes: for opening many images, where no crash follows."""
    shim = Shim()
    shim.arm(Fault(way=Way.DROP, calls=frozenset({Call.SYNC}), lasts=True))
    return shim


def found_after(crash: Crash, story: CommitStory, folder: Path) -> list[str]:
    """Open an image as the next start does and return what is wrong with it; a second start must say the same."""
    put(crash.image, folder)
    first, problems = _opened(crash, story, folder)
    second, more = _opened(crash, story, folder)
    if first != second:
        more.append(f"{first} commits at the first start, {second} at the second")
    return [f"behind step {crash.step}, {crash.acknowledged} of {crash.tried}: {each}" for each in problems + more]


def _opened(crash: Crash, story: CommitStory, folder: Path) -> tuple[int | None, list[str]]:
    with closing(journal_at(folder)) as journal:
        try:
            opened = journal.open()
            number, problems = problems_of(journal, opened, story.held[: crash.tried + 1])
        except (OrderLogError, AssertionError) as error:
            return None, [f"{type(error).__name__}: {error}"]
    if number is not None and number < crash.acknowledged:
        problems.append(f"only {number} commits are there")
    return number, problems
