"""The folder that belongs to one account in one mode: latch, locks, and where its journal is."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trading_bot.files import FileSystem
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.models import ExecutionMode

_KEY_LENGTH = 16
_SUFFIX_LENGTH = 4
_SHARED = "shared"
"""What a note says of a journal that is not on this machine."""


def account_key(mode: ExecutionMode, account_number: str) -> str:
    """Return a name for an account in a mode that does not show its number."""
    return hashlib.sha256(f"trading_bot.account\0{mode}\0{account_number}".encode()).hexdigest()[:_KEY_LENGTH]


def account_suffix(account_number: str) -> str:
    """Return the last four characters: all of an account number that may be shown."""
    return account_number[-_SUFFIX_LENGTH:]


def journal_name(mode: ExecutionMode, account_number: str) -> str:
    """Return the journal's file name."""
    return "orders.jsonl" if mode is ExecutionMode.PAPER else f"orders-live-{account_suffix(account_number)}.jsonl"


def journal_path(logs_dir: Path, mode: ExecutionMode, account_number: str) -> Path:
    """Return the journal's place, the same one however the folder is spelled or linked to."""
    return one_spelling(logs_dir / journal_name(mode, account_number))


def one_spelling(path: Path) -> Path:
    """Return ``path`` with its folder resolved; a link in place of the file itself stays one, and is refused later."""
    try:
        return path.parent.resolve() / path.name
    except (OSError, RuntimeError):  # RuntimeError: links that lead to each other
        return path.absolute()


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFolder:
    """Names of the files in an account's state folder, and the journal's whereabouts kept in one of them."""

    root: Path
    files: FileSystem

    @property
    def latch(self) -> Path:
        """The armed file."""
        return self.root / "armed"

    @property
    def send_lock(self) -> Path:
        """The lock held while an order is written to the broker."""
        return self.root / "send.lock"

    @property
    def lease(self) -> Path:
        """The lock held by the one writing process."""
        return self.root / "lease.lock"

    @property
    def control_socket(self) -> Path:
        """Where the holder takes the requests of other commands."""
        return self.root / "control.sock"

    @property
    def session(self) -> Path:
        """The saved login of a live account."""
        return self.root / "session.json"

    @property
    def agent_session(self) -> Path:
        """The saved login of a live account to the agent interface."""
        return self.root / "agent-session.json"

    @property
    def interface(self) -> Path:
        """Which of the broker's interfaces the account was traded over last, if it was ever another than the first."""
        return self.root / "interface"

    @property
    def instruments(self) -> Path:
        """What instruments are called, as far as the broker has told; losing it costs look-ups."""
        return self.root / "instruments.json"

    @property
    def failed_logins(self) -> Path:
        """When logins failed lately."""
        return self.root / "logins.json"

    @property
    def risk(self) -> Path:
        """The risk breaker's file."""
        return self.root / "risk.json"

    @property
    def canary(self) -> Path:
        """That a canary has passed."""
        return self.root / "canary.json"

    @property
    def protection_told(self) -> Path:
        """Is there once somebody was told what a protection plan does not guarantee."""
        return self.root / "protection-told"

    @property
    def database(self) -> Path:
        """The journal's database, unless it is on a server."""
        return self.root / "journal.sqlite3"

    @property
    def anchor(self) -> Path:
        """The journal's head, noted outside of the journal."""
        return self.root / "anchor.json"

    @property
    def paper_exchange(self) -> Path:
        """The paper exchange's state."""
        return self.root / "paper.sqlite3"

    def has_known_a_journal(self) -> bool:
        """Whether a journal was ever noted here; also True where that cannot be told, which `check_journal` reports.

        Unlike the latch's files, which a kill and an arming leave in any folder, only a bot that wrote there notes one.
        """
        try:
            return self.files.facts_at(self._note) is not None
        except OSError:
            return True

    def noted_journal(self) -> Path | None:
        """Return where the journal was last; None where none is noted, or the note cannot be read."""
        try:
            return self._known_journal()
        except OrderLogError:
            return None

    def check_journal(self, journal: Path) -> None:
        """Refuse a journal that is not where it was last time.

        Raises:
            OrderLogError: it is gone, or it was elsewhere: orders may be on record that nobody would see.
        """
        known = self._known_journal()
        if known is None:
            return
        if one_spelling(known) != one_spelling(journal) and self.files.facts_at(known) is not None:
            raise OrderLogError(
                f"the journal of this account is {known}, not {journal}; move it there and delete {self._note}, or set "
                "logs_dir back if it is one of version 0.1"
            )
        if self.files.facts_at(journal) is None:
            raise OrderLogError(
                f"the journal {journal} is gone; put it back, or delete {self._note} if this account starts afresh"
            )

    def shared_journal(self) -> str | None:
        """Return what the shared journal is called that was noted here; None where none is, or it cannot be told."""
        try:
            name = self._noted().get(_SHARED)
        except OrderLogError:
            return None
        return None if name is None else str(name)

    def refuse_shared(self) -> None:
        """Refuse to go on with a journal of this machine where the last one was shared.

        Raises:
            OrderLogError: with the remedy.
        """
        shared = self.shared_journal()
        if shared is not None:
            raise self._is_shared(shared)

    def check_shared(self, name: str, *, v1_journal: Path) -> None:
        """Refuse the shared journal ``name`` where this machine has a journal of its own, other than one of 0.1.

        Raises:
            OrderLogError: orders may be on record that nobody would see; or what is noted cannot be read.
        """
        if self.shared_journal() is not None:
            return
        known = self._known_journal()
        if known is not None and one_spelling(known) != one_spelling(v1_journal):
            raise OrderLogError(
                f"the journal of this account is {known} on this machine alone, and journal_url names the {name}; take "
                "journal_url out, or move the account as docs/two-machines.md says"
            )

    def remember_shared(self, name: str) -> None:
        """Note that the journal is the shared one of this name.

        Raises:
            OrderLogError: the note cannot be written.
        """
        if self.shared_journal() != name:
            self._write_note({"v": 1, _SHARED: name})

    def remember_journal(self, journal: Path) -> None:
        """Note where the journal is, now that it is there.

        Raises:
            OrderLogError: the note cannot be written.
        """
        journal = one_spelling(journal)
        if self._known_journal() == journal:
            return
        self._write_note({"v": 1, "journal": str(journal)})

    @property
    def _note(self) -> Path:
        return self.root / "journal.json"

    def _known_journal(self) -> Path | None:
        noted = self._noted()
        if not noted:
            return None
        if _SHARED in noted:
            raise self._is_shared(str(noted[_SHARED]))
        try:
            return Path(noted["journal"])
        except (KeyError, TypeError) as error:
            raise self._unreadable(error) from error

    def _noted(self) -> dict[str, Any]:
        try:
            if self.files.facts_at(self._note) is None:
                return {}
            noted = json.loads(self.files.read(self._note))
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        if not isinstance(noted, dict) or not noted:
            raise self._unreadable("it is no note of ours")
        return noted

    def _is_shared(self, name: str) -> OrderLogError:
        return OrderLogError(
            f"the journal of this account is in the {name}, which other machines share; set journal_url again"
        )

    def _unreadable(self, why: object) -> OrderLogError:
        return OrderLogError(f"cannot read {self._note}: {why}; restore it from a copy")

    def _write_note(self, content: dict[str, object]) -> None:
        try:
            self.files.make_folder(self.root)
            self.files.replace(self._note, json.dumps(content).encode())
        except OSError as error:
            raise OrderLogError(f"cannot write {self._note}: {error}; repair the state folder") from error
