"""Every engine of the journal behind one seam, for the contract suite."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

from tests.support.faulty_database import DatabaseFaults
from tests.support.memory_journal import HeldCommit, MemoryJournal, MemoryStorage
from tests.support.order_story import MONDAY
from trading_bot.clock import VirtualClock
from trading_bot.order_management.events import OrderEvent
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord, head_at, seal
from trading_bot.order_management.journal.identity import JournalIdentity, first_record
from trading_bot.order_management.journal.port import Journal, JournalReader
from trading_bot.order_management.journal.sqlite import SqliteJournal, SqliteReader
from trading_bot.order_management.models import ExecutionMode

AnyJournal = TypeVar("AnyJournal", bound=Journal)
SESSION = "session-1"
OURS = JournalIdentity(mode=ExecutionMode.PAPER, account_key="0123456789abcdef", account_suffix="4321")


def sealed(head: ChainHead, *events: OrderEvent) -> tuple[SealedRecord, ...]:
    """Number and chain ``events`` behind ``head``."""
    made: list[SealedRecord] = []
    for event in events:
        one = seal(event, head=head, ts=MONDAY, mono=Decimal(head.seq), session_id=SESSION)
        made.append(one)
        head = head_at(one.record)
    return tuple(made)


class Engine(Protocol):
    """One place where a journal is kept."""

    holds_one_account: bool
    """Whether the place belongs to one account; a server keeps the rows of many apart."""

    def journal(self, identity: JournalIdentity = OURS, *, begins: bool = True) -> Journal:
        """Make a journal object over the place; it is not open yet. Without ``begins`` it writes no first record."""
        ...

    def reader(self) -> JournalReader:
        """Make a reader of the place."""
        ...

    def fail_next_commit(self, *, stored: bool) -> None:
        """Let the next commit of the newest journal be unknown: stored all the same, or not."""
        ...

    def hold_next_commit(self) -> HeldCommit:
        """Let the next commit of the newest journal wait half-way until it is released."""
        ...

    def fork(self) -> None:
        """Let every journal made so far see itself in a forked child."""
        ...

    def unfork(self) -> None:
        """Back in the parent."""
        ...

    def spoil(self, seq: int, *, body: str) -> None:
        """Change a stored body behind the journal's back."""
        ...

    def lose(self, seq: int) -> None:
        """Remove a stored record behind the journal's back."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class _Engine:
    """What every engine of the suite has: clock, process id and the journals it made."""

    holds_one_account = True

    def __init__(self) -> None:
        self._clock = VirtualClock(start=MONDAY)
        self._pid = 1
        self._made: list[Journal] = []

    def fork(self) -> None:
        self._pid = 2

    def unfork(self) -> None:
        self._pid = 1

    def close(self) -> None:
        self._pid = 1
        for journal in self._made:
            journal.close()

    def _first(self, identity: JournalIdentity, *, begins: bool) -> Callable[[], SealedRecord] | None:
        return (lambda: first_record(identity, clock=self._clock, session_id=SESSION)) if begins else None

    def keep(self, journal: AnyJournal) -> AnyJournal:
        """Close it in the end."""
        self._made.append(journal)
        return journal


class MemoryEngine(_Engine):
    """`MemoryJournal` over one storage; its journals are their own readers."""

    def __init__(self) -> None:
        super().__init__()
        self.storage = MemoryStorage()
        self._newest: MemoryJournal | None = None

    def journal(self, identity: JournalIdentity = OURS, *, begins: bool = True) -> Journal:
        first = self._first(identity, begins=begins)
        self._newest = MemoryJournal(self.storage, identity=identity, first_record=first, process_id=lambda: self._pid)
        return self.keep(self._newest)

    def reader(self) -> JournalReader:
        reader = MemoryJournal(self.storage, identity=OURS)
        reader.open()
        return reader

    def fail_next_commit(self, *, stored: bool) -> None:
        self._made_last().fail_next_commit(stored=stored)

    def hold_next_commit(self) -> HeldCommit:
        return self._made_last().hold_next_commit()

    def _made_last(self) -> MemoryJournal:
        if self._newest is None:
            raise LookupError("no journal was made yet")
        return self._newest

    def spoil(self, seq: int, *, body: str) -> None:
        self.storage.records[seq] = (body.encode(), self.storage.records[seq][1])

    def lose(self, seq: int) -> None:
        del self.storage.records[seq]


class SqliteEngine(_Engine):
    """A database file in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.path = folder / "state" / "journal.sqlite3"
        self.faults = DatabaseFaults()

    def journal(self, identity: JournalIdentity = OURS, *, begins: bool = True) -> Journal:
        first = self._first(identity, begins=begins)
        return self.keep(
            SqliteJournal(
                self.path,
                identity=identity,
                first_record=first,
                process_id=lambda: self._pid,
                connector=self.faults.connector,
            )
        )

    def reader(self) -> SqliteReader:
        return SqliteReader(self.path, account_key=OURS.account_key)

    def fail_next_commit(self, *, stored: bool) -> None:
        (self.faults.fail_after if stored else self.faults.fail_before)("COMMIT")

    def hold_next_commit(self) -> HeldCommit:
        return self.faults.hold("COMMIT")

    def spoil(self, seq: int, *, body: str) -> None:
        self.run("UPDATE record SET body = ? WHERE seq = ?", body, seq)

    def lose(self, seq: int) -> None:
        self.run("DELETE FROM record WHERE seq = ?", seq)

    def run(self, statement: str, *parameters: object) -> None:
        """Run a statement behind the journal's back."""
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute(statement, parameters)


EngineMaker: TypeAlias = Callable[[Path], AbstractContextManager[Engine]]


@contextmanager
def _memory(_folder: Path) -> Iterator[Engine]:
    engine = MemoryEngine()
    yield engine
    engine.close()


@contextmanager
def _sqlite(folder: Path) -> Iterator[Engine]:
    engine = SqliteEngine(folder)
    yield engine
    engine.close()


ENGINES: Mapping[str, EngineMaker] = {"memory": _memory, "sqlite": _sqlite}
"""Add an engine here, and the whole contract runs over it."""
