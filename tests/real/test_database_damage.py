"""Damage to the journal's files while nobody has them open: no damage passes as health.

A start or a walk over all records finds it, or what is left is a whole earlier state, as an older backup would be. Only
what is kept outside the database, the audit log, can tell that one. More places: FAULT_DEPTH=20.
"""

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.commit_story import CommitStory, names_missing, problems_of, walk
from tests.support.crashed_journal import NAME, RecordedRun, files_in, journal_at, put, unflushed
from trading_bot.order_management.exceptions import OrderLogError

pytestmark = [pytest.mark.subprocess, pytest.mark.no_cover, pytest.mark.timeout(3600)]

DEPTH = int(os.environ.get("FAULT_DEPTH", "1"))
COMMITS = 40
PAGE = 4096
FRAME = 24 + PAGE
LOG_HEADER = 32
BOOKKEEPING = (*range(12), 16, 20, 24, 28, 96)
"""Where a page keeps the number and places of its cells, and the first page what the whole file is."""


@pytest.fixture(scope="module")
def day(tmp_path_factory) -> "Day":
    return Day(tmp_path_factory.mktemp("day") / "run")


@pytest.fixture(autouse=True)
def opened_quickly() -> Iterator[None]:
    with unflushed().as_default():
        yield


class Day:
    """A journal at four moments: half way, tidied then, at the end with a full log, and closed."""

    def __init__(self, folder: Path) -> None:
        run = RecordedRun(folder).commit(COMMITS // 2)
        self.half_way = self._taken(folder)
        run.journal.checkpoint()
        self.tidied = self._taken(folder)
        run.commit(COMMITS // 2)
        self.late = self._taken(folder)
        run.journal.checkpoint()
        self.copied = self._taken(folder)
        run.close()
        self.closed = self._taken(folder)
        self.story: CommitStory = run.story

    @staticmethod
    def _taken(folder: Path) -> Mapping[str, bytes]:
        return {Path(path).name.removeprefix(NAME): data for path, data in files_in(folder).items()}


def state_of(files: Mapping[str, bytes], day: Day, folder: Path) -> int | str:
    """Return after how many commits it stands if all seems well; else how the damage is found."""
    put({f"{NAME}{suffix}": data for suffix, data in files.items()}, folder)
    with closing(journal_at(folder)) as journal:
        try:
            opened = journal.open()
            if opened.problem is not None:
                return "found by the start"
            held = next((held for held in day.story.held if len(held.lines) == opened.head.seq), None)
            standing = sorted({pointer.seq for pointer in held.standing}) if held else []
            if [record.seq for record in opened.standing] != standing:
                return "a start took it for whole and forgot what stands"
            if names_missing(journal, walk(journal)):
                return "found by the walk"
            number, problems = problems_of(journal, opened, day.story.held)
        except (OrderLogError, AssertionError):
            return "found"
    return problems[0] if number is None or problems else number


def unnoticed(found: list[int | str], *allowed: int) -> list[int | str]:
    fine = {"found", "found by the start", "found by the walk", *allowed}
    assert not {"found", "found by the start", "found by the walk"}.isdisjoint(found) or set(found) - {COMMITS}
    return [each for each in found if each not in fine]


def flipped(data: bytes, place: int, chance: random.Random) -> bytes:
    return data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]


def test_a_flipped_bit_in_any_page_is_found_or_changes_nothing(tmp_path, day):
    chance = random.Random(1)
    (data,) = day.closed.values()
    found = [
        state_of({"": flipped(data, page + place, chance)}, day, tmp_path / "damaged")
        for page in range(0, len(data), PAGE)
        for place in (*BOOKKEEPING, *(chance.randrange(PAGE) for _ in range(4 * DEPTH)))
    ]
    assert unnoticed(found, COMMITS) == []
    assert {"found", "found by the start", "found by the walk", COMMITS} == set(found)


def test_a_cut_database_is_found(tmp_path, day):
    (data,) = day.closed.values()
    found = [state_of({"": data[:size]}, day, tmp_path / "cut") for size in range(1, len(data), 1021)]
    assert unnoticed(found) == []


@pytest.mark.parametrize("moment", ["late", "copied"])
def test_a_flipped_bit_in_the_log_takes_later_commits_as_a_whole_or_changes_nothing(tmp_path, day, moment):
    """SQLite takes the bad frame for the log's end and says nothing: see findings/."""
    files, chance, found = getattr(day, moment), random.Random(2), []
    log = files["-wal"]
    for frame in range(0, len(log) - LOG_HEADER, FRAME * 2):
        place = LOG_HEADER + frame + chance.randrange(FRAME)
        found.append(state_of({**files, "-wal": flipped(log, place, chance)}, day, tmp_path / "damaged"))
    assert unnoticed(found, *range(COMMITS + 1)) == []
    assert len(set(found)) > COMMITS // 4


@pytest.mark.parametrize("moment", ["late", "copied"])
def test_a_cut_log_takes_later_commits_as_a_whole(tmp_path, day, moment):
    files = getattr(day, moment)
    sizes = range(0, len(files["-wal"]), 9973)
    found = [state_of({**files, "-wal": files["-wal"][:size]}, day, tmp_path / "cut") for size in sizes]
    assert unnoticed(found, *range(COMMITS + 1)) == []
    assert len(set(found)) > COMMITS // 8


@pytest.mark.parametrize("database", ["half_way", "tidied", "late", "copied", "closed"])
@pytest.mark.parametrize("log", ["half_way", "tidied", "late", "copied", None])
def test_a_backup_of_one_file_beside_the_other_file_is_found_or_gives_a_whole_state(tmp_path, day, database, log):
    files = {"": getattr(day, database)[""]} | ({"-wal": getattr(day, log)["-wal"]} if log else {})
    found = state_of(files, day, tmp_path / "mixed")
    assert found in {"found", "found by the start", "found by the walk", 0, COMMITS // 2, COMMITS}


def test_an_index_of_the_log_that_holds_rubbish_is_made_anew(tmp_path, day):
    files = {**day.late, "-shm": random.Random(3).randbytes(32768)}
    assert state_of(files, day, tmp_path / "rubbish") == COMMITS
