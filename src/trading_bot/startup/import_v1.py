"""The first start after version 0.1, put together: whether there is a journal to take over, and who may do it now."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from trading_bot.lease import Lease
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.journal.import_v1 import PointersFor, V1Import
from trading_bot.order_management.journal.port import Journal, Opened
from trading_bot.order_management.journal.v1.reader import V1Files
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder, one_spelling

MakeJournal: TypeAlias = Callable[[Path], Journal]
"""Makes the journal of a database, not open yet, that writes no first record by itself."""


class V1Upgrade:
    """Takes the journal of 0.1 at ``journal`` over into the account's database, once.

    With ``is_shared`` that is on a server, and no file of this machine says whether it has been begun.
    """

    def __init__(
        self,
        around: Surroundings,
        *,
        state: StateFolder,
        journal: Path,
        identity: JournalIdentity,
        session_id: str,
        pointers_for: PointersFor,
        make_journal: MakeJournal,
        is_shared: bool = False,
    ) -> None:
        self._files = around.files
        self._state = state
        self._journal = journal
        self._make_journal = make_journal
        self._is_shared = is_shared
        self._old = V1Files(journal=journal, noted_head=state.anchor, files=around.files)
        self._import = V1Import(
            old=self._old,
            noted=None,
            identity=identity,
            pointers_for=pointers_for,
            files=around.files,
            clock=around.clock,
            session_id=session_id,
        )

    def take_over(self, database: Path) -> None:
        """Take it over, or go on with what was interrupted; do nothing where the database is the journal already.

        Call it with the account's lease held, before `StateFolder.check_journal`. A database that is not there is
        made only if there is something to take over.

        Raises:
            AccountInUseError: a process of version 0.1 writes the journal.
            OrderLogDamagedError: it is damaged; see `readable`.
            OrderLogError: it is not where it was noted, or something cannot be read or written.
        """
        if not self._is_due(database):
            return
        with self._alone():
            journal = self._make_journal(database)
            try:
                self._import.open(journal)
            finally:
                journal.close()

    def readable(self, problem: OrderLogError) -> Opened:
        """Return what a damaged journal of 0.1 still tells, for cancels. Nothing may be committed then."""
        return self._import.readable(problem)

    def _is_due(self, database: Path) -> bool:
        if self._is_shared:
            return self._state.shared_journal() is None
        noted = self._noted()
        if noted is not None and noted == one_spelling(database):
            return False
        if noted is not None and noted != one_spelling(self._journal):
            raise self._misplaced(noted)
        if self._old.exist():
            return True
        try:
            is_there = self._files.facts_at(database) is not None
        except OSError as error:
            raise OrderLogError(f"cannot read {database}: {error}; repair the account's folder") from error
        if noted is not None and not is_there:
            raise self._misplaced(noted)
        return is_there

    def _noted(self) -> Path | None:
        noted = self._state.noted_journal()
        if noted is None and self._state.has_known_a_journal():
            raise OrderLogError(
                f"the note in {self._state.root} of where the journal is cannot be read; restore it from a copy"
            )
        return None if noted is None else one_spelling(noted)

    def _misplaced(self, noted: Path) -> OrderLogError:
        return OrderLogError(
            f"the journal of this account is {noted}, and logs_dir leads to {self._journal}; set logs_dir back, or put "
            "the file back from a copy"
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        # Version 0.1 holds this lock while it writes, whatever its state folder.
        lock = Lease(
            path=self._journal.with_name(f".{self._journal.name}.lock"),
            files=self._files,
            guards=f"the journal {self._journal} from another state folder",
        )
        try:
            lock.acquire()
        except (OSError, NotImplementedError) as error:
            raise OrderLogError(
                f"cannot take over the journal {self._journal}: its folder takes no lock ({error}); repair the folder"
            ) from error
        try:
            yield
        finally:
            lock.release()
