"""The effects a bot runs on, each of them an argument, and the machine's own."""

import os
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from trading_bot.clock import Clock, SystemClock
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.order_management.journal.chain import SealedRecord
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.journal.port import Journal, JournalReader
from trading_bot.order_management.journal.sqlite import SqliteJournal
from trading_bot.order_management.journal.sqlite_reading import SqliteReader
from trading_bot.order_management.models import ExecutionMode
from trading_bot.threads import OWN_THREADS, Threads

if TYPE_CHECKING:
    from trading_bot.error_handling.retry import Jitter

FirstRecord: TypeAlias = Callable[[], SealedRecord] | None

JournalMaker: TypeAlias = Callable[[Path, JournalIdentity, FirstRecord], Journal]
"""Makes a journal for the database at a path, whose account this is, with what makes its first record, if anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The effects a bot runs on; every one may be replaced."""

    clock: Clock
    files: FileSystem
    new_id: Callable[[], str]
    jitter: "Jitter"
    process_id: Callable[[], int]
    open_journal: JournalMaker | None = None
    """Makes the journal of an account; None is the one in SQLite."""
    threads: Threads = OWN_THREADS
    """Where a bot asks the broker for several things at once."""
    is_durable: bool = True
    """Whether journal and paper exchange wait for the disk; they need not for an account that is thrown away.

    A live journal always waits.
    """

    def journal(self, path: Path, identity: JournalIdentity, first: FirstRecord) -> Journal:
        """Return the journal at ``path``; ``first`` makes the record that begins a new one, if this is to begin one."""
        if self.open_journal is not None:
            return self.open_journal(path, identity, first)
        return SqliteJournal(
            path,
            identity=identity,
            first_record=first,
            files=self.files,
            process_id=self.process_id,
            is_durable=self.is_durable or identity.mode is ExecutionMode.LIVE,
        )

    def journal_reader(self, path: Path, account_key: str) -> JournalReader | None:
        """Return what reads the journal of any process; None where only the one that is open can be read."""
        return None if self.open_journal is not None else SqliteReader(path, account_key=account_key, files=self.files)


def default_surroundings(clock: Clock | None = None, *, is_durable: bool = True) -> Surroundings:
    """Return the machine's own clock, files, environment and randomness."""
    return Surroundings(
        clock=clock or SystemClock(),
        files=LocalFiles(),
        new_id=lambda: uuid.uuid4().hex,
        jitter=lambda bound: random.uniform(0, bound),  # noqa: S311 - spreads retries, guards nothing
        process_id=os.getpid,
        is_durable=is_durable,
    )
