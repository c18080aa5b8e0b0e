"""Where the journal of an account is: a file of this machine alone, or a database that several machines share.

Each machine notes which of the two it was, so that neither is begun anew beside the other, and orders on record are not
overlooked.
"""

from pathlib import Path
from typing import Protocol

from trading_bot.lease import Lease
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.journal.port import Journal, JournalReader
from trading_bot.startup.shared_account import SharedAccount
from trading_bot.startup.surroundings import FirstRecord, Surroundings
from trading_bot.state_folder import StateFolder


class JournalHome(Protocol):
    """What `AccountJournal` asks of the place."""

    @property
    def name(self) -> str:
        """What the journal is called in messages."""
        ...

    def journal(self, first: FirstRecord) -> Journal:
        """Return the journal there, not open yet; ``first`` makes the record that begins a new one."""
        ...

    def reader(self) -> JournalReader | None:
        """Return what reads the journal of any process; None where only the one that is open can be read."""
        ...

    def begin_writing(self) -> None:
        """Keep out whoever else of this machine would write there, and refuse where the last journal was elsewhere.

        Raises:
            OrderLogError, AccountInUseError: it may not be written here.
        """
        ...

    def end_writing(self) -> None:
        """Let others in."""
        ...

    def check(self) -> None:
        """Raise `OrderLogError` if the journal that was noted is gone."""
        ...

    def remember(self) -> None:
        """Note that the journal is here."""
        ...


class LocalHome:
    """A SQLite file in the state folder."""

    def __init__(self, around: Surroundings, *, state: StateFolder, identity: JournalIdentity) -> None:
        self._around = around
        self._state = state
        self._identity = identity
        self._path = state.database
        # The same folder can be reached by several names; whoever writes here is told by a lock beside the file.
        self._writing = Lease(
            path=self._path.with_name(f".{self._path.name}.lock"),
            files=around.files,
            guards=f"the journal {self._path} from another state folder",
        )

    @property
    def name(self) -> str:
        """The database's path."""
        return str(self._path)

    def journal(self, first: FirstRecord) -> Journal:
        """Return the journal there, not open yet."""
        return self._around.journal(self._path, self._identity, first)

    def reader(self) -> JournalReader | None:
        """Return what reads it in any process."""
        return self._around.journal_reader(self._path, self._identity.account_key)

    def begin_writing(self) -> None:
        """Take the lock beside it; raises OrderLogError where the folder takes none, or the last journal was shared."""
        self._state.refuse_shared()
        try:
            self._writing.acquire()
        except (OSError, NotImplementedError) as error:
            raise OrderLogError(
                f"cannot open the journal {self._path}: its folder takes no lock ({error}); repair disk or folder"
            ) from error

    def end_writing(self) -> None:
        """Release the lock."""
        self._writing.release()

    def check(self) -> None:
        """Raise `OrderLogError` if the file is gone, or was elsewhere."""
        self._state.check_journal(self._path)

    def remember(self) -> None:
        """Note the file."""
        self._state.remember_journal(self._path)


class SharedHome:
    """A database on a server. Who may write there, its lease says; ``v1_journal`` is where 0.1 kept its journal."""

    def __init__(
        self, shared: SharedAccount, *, state: StateFolder, identity: JournalIdentity, v1_journal: Path
    ) -> None:
        self._shared = shared
        self._state = state
        self._identity = identity
        self._v1_journal = v1_journal

    @property
    def name(self) -> str:
        """The database on its server; no user is named."""
        return self._shared.name

    def journal(self, first: FirstRecord) -> Journal:
        """Return the journal there, not open yet."""
        return self._shared.journal(self._identity, first)

    def reader(self) -> JournalReader:
        """Return what reads it without the lease."""
        return self._shared.reader()

    def begin_writing(self) -> None:
        """Raise `OrderLogError` where this machine has a journal of its own."""
        self._state.check_shared(self._shared.name, v1_journal=self._v1_journal)

    def end_writing(self) -> None:
        """Do nothing: whoever gives the lease up lets others in."""

    def check(self) -> None:
        """Find nothing gone: that a database lacks records is found by the audit log."""

    def remember(self) -> None:
        """Note that the journal is shared."""
        self._state.remember_shared(self._shared.name)
