"""A process that holds a journal and does what it is told, one line at a time; and the handle of its parent.

``python -m tests.support.database_writer FOLDER`` answers every line of stdin with a line of JSON.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.command_line import child_environment
from tests.support.commit_story import CommitStory, walk
from tests.support.crashed_journal import journal_at
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.sqlite import SqliteJournal

BOUND_S = 30


class Writer:
    """What the process does; ``story`` is as far as its journal went."""

    def __init__(self, folder: Path) -> None:
        self.journal: SqliteJournal = journal_at(folder)
        self.story = CommitStory()

    def open(self) -> object:
        opened = self.journal.open()
        while self._told() < opened.head.seq:
            self.story.next()
        return {"commits": len(self.story.commits), "problem": opened.problem}

    def _told(self) -> int:
        return len(self.story.held[-1].lines)

    def commit(self, times: str) -> object:
        for _ in range(int(times)):
            self.journal.commit(CommitStory.of(len(self.story.commits) + 1).commits[-1])
            self.story.next()
        return {"commits": len(self.story.commits)}

    def checkpoint(self) -> object:
        alert = self.journal.checkpoint()
        return {"alert": alert.message if alert else None}

    def read(self) -> object:
        return {"records": len(walk(self.journal))}

    def close(self) -> object:
        self.journal.close()
        return {}

    def limit(self, size: str) -> object:
        """No file may grow beyond so many bytes, as on a full disk; -1 for no limit."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), resource.RLIM_INFINITY))
        return {}

    def user(self, number: str) -> object:
        """Be another user from now on."""
        os.setuid(int(number))
        return {}

    def fork(self, *command: str) -> object:
        """Let a forked child do something with the journal, and end as a program ends."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, json.dumps(answer(self, " ".join(command))).encode())
            sys.exit(0)
        os.close(writing)
        os.waitpid(child, 0)
        with os.fdopen(reading, "rb") as told:
            return json.loads(told.read())


def answer(writer: Writer, line: str) -> object:
    name, *arguments = line.split()
    command: Callable[..., object] = getattr(writer, name)
    try:
        return command(*arguments)
    except OrderLogError as error:
        return {
            "commits": len(writer.story.commits),
            "refused": type(error).__name__,
            "message": str(error),
        }


class WriterProcess:
    """The parent's handle."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.database_writer", str(folder)],
            env=child_environment(folder.parent),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, line: str) -> Mapping[str, Any]:
        """Let it do something and return what it says; empty where it died of it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()
        told = self.process.stdout.readline()
        found: Mapping[str, Any] = json.loads(told) if told else {}
        return found

    def kill(self) -> int:
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        return self.process.wait(BOUND_S)

    def end(self) -> int:
        """Let it end as a program ends that was not told to close anything."""
        self.process.communicate(timeout=BOUND_S)
        return self.process.returncode


@contextmanager
def writer_process(folder: Path) -> Iterator[WriterProcess]:
    """Yield a process that is gone in any case when this is left; nothing is open in it yet."""
    writer = WriterProcess(folder)
    try:
        yield writer
    finally:
        writer.kill()
        writer.process.communicate()


def main(folder: Path) -> None:
    writer = Writer(folder)
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(answer(writer, line))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
