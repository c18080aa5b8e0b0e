"""A program: kills a journal's writer at each point in turn and prints what the next start finds, one JSON line each.

Usage: ``python -m tests.support.database_killer FOLDER KIND DEPTH``. Each writer is a fork of this process, so a
hundred of them take little time. KIND is where it dies by SIGKILL:

- ``statements``: just before and just after each statement that SQLite runs,
- ``calls``: before, half way through, or after each call that SQLite makes of the disk,
- ``load``: at a random moment, with threads that commit, tidy up and read; DEPTH times ten moments.
"""

import json
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.support.commit_story import CommitStory, walk
from tests.support.crashed_journal import found_in, journal_at, put
from tests.support.sqlite_shim.statements import Boundaries, watched
from tests.support.sqlite_shim.vfs import Call, Fault, Shim, Way
from trading_bot.order_management.journal.sqlite import SqliteJournal

DISK_CALLS = frozenset({Call.OPEN, Call.WRITE, Call.TRUNCATE, Call.SYNC, Call.DELETE, Call.SHM_MAP})
WAYS = (Way.DIE, Way.DIE_TORN, Way.DIE_AFTER)
COMMITS = 5
LOAD_COMMITS = 80
MOMENTS = 10
MOST_ACKNOWLEDGED = 60
DONE = b"done\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a writer told before it died."""

    acknowledged: int
    is_done: bool


def work(folder: Path, acknowledge: Callable[[], object]) -> None:
    """Commit a short story, with one tidying in between and a clean end."""
    story, journal = CommitStory(), journal_at(folder)
    journal.open()
    for number in range(COMMITS):
        journal.commit(story.next())
        acknowledge()
        if number == COMMITS // 2:
            journal.checkpoint()
    journal.close()


def load(folder: Path, acknowledge: Callable[[], object]) -> None:
    """Commit as fast as it goes from two threads, while others tidy up and read."""
    story, journal, turn, over = CommitStory(), journal_at(folder), threading.Lock(), threading.Event()
    journal.open()

    def commit() -> None:
        while not over.is_set():
            with turn:
                if len(story.commits) >= LOAD_COMMITS:
                    over.set()
                else:
                    journal.commit(story.next())
                    acknowledge()

    def beside(act: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            while not over.is_set():
                act()

        return run

    threads = [
        threading.Thread(target=each)
        for each in (commit, commit, beside(journal.checkpoint), beside(lambda: look(journal)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()


def look(journal: SqliteJournal) -> None:
    """Read as others do; what is committed between two pages makes no gap."""
    try:
        walk(journal)
    except AssertionError as error:
        if "head" not in str(error):  # which moved on meanwhile
            os.abort()


def forked(run: Callable[[Callable[[], object]], None], *, kill_after: int | None = None) -> Told:
    """Run one writer to its end; with ``kill_after`` kill it once it has acknowledged so many commits."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            run(lambda: os.write(writing, b"1\n"))
            os.write(writing, DONE)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as lines:
        count, is_done = 0, False
        for line in lines:
            count, is_done = count + (line != DONE), line == DONE
            if count == kill_after:
                os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not is_done and not os.WIFSIGNALED(status):
        raise RuntimeError(f"the writer ended by itself with status {status}")
    return Told(acknowledged=count, is_done=is_done)


def at_statement(folder: Path, number: int) -> Told:
    def run(acknowledge: Callable[[], object]) -> None:
        with watched(Boundaries(stop_at=number)):
            work(folder, acknowledge)

    return forked(run)


def at_call(folder: Path, number: int, way: Way) -> Told:
    def run(acknowledge: Callable[[], object]) -> None:
        with ExitStack() as stack:
            shim = stack.enter_context(Shim().as_default())
            shim.arm(Fault(way=way, at=number, calls=DISK_CALLS))
            work(folder, acknowledge)

    return forked(run)


def deaths(folder: Path, kind: str, depth: int) -> Iterator[tuple[str, Told, Path]]:
    """Yield each death: where it was, what the writer had told, and what it left."""
    if kind == "load":
        chance = random.Random(depth)
        for moment in range(MOMENTS * depth):
            place, after = put({}, folder / str(moment)), chance.randint(1, MOST_ACKNOWLEDGED)
            yield f"after {after}", forked(partial(load, place), kill_after=after), place
        return
    ways = list(WAYS) if kind == "calls" else [Way.DIE]
    number, is_done = 1, False
    while not is_done:
        for way in ways if depth > 1 else [ways[number % len(ways)]]:
            place = put({}, folder / f"{number}-{way}")
            told = at_statement(place, number) if kind == "statements" else at_call(place, number, way)
            is_done = told.is_done
            yield f"{way} at {number}", told, place
        number += 1


def main(folder: Path, kind: str, depth: int) -> None:
    story = CommitStory.of(LOAD_COMMITS if kind == "load" else COMMITS)
    for where, told, place in deaths(folder, kind, depth):
        # One commit may have been under way, which nobody heard of.
        allowed = range(told.acknowledged, min(told.acknowledged + 1, len(story.commits)) + 1)
        problems = found_in(place, story, allowed=allowed)
        line = {"where": where, "acknowledged": told.acknowledged, "done": told.is_done, "problems": problems}
        sys.stdout.write(f"{json.dumps(line)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
