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
    """Make a journal that tidies up whenever it is asked to."""
    return SqliteJournal(folder / NAME, identity=IDENTITY, checkpoint_every=0)


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

    The folder holds what the given story tells so far. Where a commit or the start fails, ``refused`` says how.
    """

    def __init__(self, folder: Path, story: CommitStory | None = None, *, fault: Fault | None = None) -> None:
        self.folder = folder
        self.story = story or CommitStory()
        self.shim = Shim()
        self.refused: OrderLogError | None = None
        self._started_with = len(self.story.commits)
        if not folder.exists():
            put({NAME: b""}, folder)
        self._before = files_in(folder)
        self.shim.arm(fault)
        with self.shim.as_default():
            self.journal = journal_at(folder)
            try:
                self.journal.open()
            except OrderLogError as error:
                self.refused = error

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

    def is_hit(self) -> bool:
        """Whether the fault came to pass."""
        fault = self.shim.fault
        return fault is not None and self.shim.matched >= fault.at

    def counts(self) -> tuple[int, int]:
        """Return how many commits were acknowledged by now, and how many were tried."""
        notes = [step.note for step in self.shim.steps]
        return self._started_with + notes.count(_ACKNOWLEDGED), self._started_with + notes.count(_TRIED)

    def first_failed_step(self) -> int:
        return self.shim.struck_at or 0

    def crashes(self, chance: random.Random, *, sample: int, sector: int = 4096, behind: int = 0) -> Iterator[Crash]:
        """Yield what the disk may hold when the machine stops behind each step; what was seen before is left out.

        Steps up to ``behind`` are followed only.
        """
        disk = CrashedDisk(self._before, sector=sector)
        acknowledged = tried = self._started_with
        seen = set()
        for number, step in enumerate(list(self.shim.steps)):
            disk.follow([step])
            tried += step.note == _TRIED
            acknowledged += step.note == _ACKNOWLEDGED
            if number < behind or not _matters(step):
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


def found_after(crash: Crash, story: CommitStory, folder: Path, *, goes_on: bool = True) -> list[str]:
    """Lay an image into a folder, open it as the next start does and return what is wrong: see `found_in`."""
    put(crash.image, folder)
    problems = found_in(folder, story, allowed=range(crash.acknowledged, crash.tried + 1), goes_on=goes_on)
    return [f"behind step {crash.step}, {crash.acknowledged} of {crash.tried}: {each}" for each in problems]


def found_in(folder: Path, story: CommitStory, *, allowed: range, goes_on: bool = True) -> list[str]:
    """Open a journal as the next start does, go on with the story where it stands, and return what is wrong.

    ``allowed`` is how many commits may be there: all that was acknowledged has to be, and of what was only tried each
    commit as a whole or not at all.
    """
    number, problems = _opened(folder, story, goes_on=goes_on)
    if number is not None and number not in allowed:
        problems.append(f"{number} commits are there, not one of {allowed}")
    if goes_on and number is not None and not problems:
        stored, problems = _opened(folder, story, goes_on=False)
        expected = min(number + 1, len(story.commits))
        if stored != expected:
            problems.append(f"{stored} commits at the second start, {expected} were there before")
    return problems


def _opened(folder: Path, story: CommitStory, *, goes_on: bool) -> tuple[int | None, list[str]]:
    with closing(journal_at(folder)) as journal:
        try:
            opened = journal.open()
            number, problems = problems_of(journal, opened, story.held)
            if goes_on and number is not None and number < len(story.commits):
                journal.commit(story.commits[number])
        except (OrderLogError, AssertionError) as error:
            return None, [f"{type(error).__name__}: {error}"]
    return number, problems
