"""The journal's database read in a process of its own: a kill gives it up where the disk hangs, and goes on."""

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import trading_bot
from trading_bot.clock import Seconds
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.journal.chain import BadRecordError, decode_alone

GIVEN_UP_AFTER_S: Seconds = 1.8
"""Within the two seconds that a kill waits for its journal."""

THE_END = b"end\n"
"""The last line of a whole answer."""

SHARED = "-"
"""In place of the database's path: the standard input names a shared one."""

_REAPED_WITHIN_S: Seconds = 0.1
_SOURCE = str(Path(trading_bot.__file__).parents[1])
_RUN = """\
import sys
sys.path.insert(0, sys.argv[1])
from trading_bot.kill.read_database import main
sys.exit(main(sys.argv[2:]))
"""


class DatabaseUnreadError(Exception):
    """The database could not be read; ``is_late`` where it was given up, and may be read later."""

    def __init__(self, message: str, *, is_late: bool = False) -> None:
        super().__init__(message)
        self.is_late = is_late


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDatabase:
    """The records that a kill needs; ``problem`` says why the database cannot be believed, if so."""

    records: tuple[JournalRecord, ...]
    problem: str | None
    is_unfinished: bool = False
    """Whether it is not the journal yet: files of version 0.1 still are, if there are any."""


class JournalProcess:
    """Asks a new process each time. ``program`` is what it runs, before its arguments.

    With a ``url`` the journal is shared, in a database on a server. It is told on the standard input, because every
    user of the machine can read a command line.
    """

    def __init__(
        self,
        *,
        database: Path,
        account_key: str,
        log: Path,
        url: str | None = None,
        within_s: Seconds = GIVEN_UP_AFTER_S,
        program: Sequence[str] = (sys.executable, "-P", "-c", _RUN, _SOURCE),
    ) -> None:
        self.database = database
        self.log = log
        self.is_shared = url is not None
        self._url = url or ""
        self._arguments = (*program, SHARED if self.is_shared else str(database), account_key, str(log))
        self._within_s = within_s

    def __str__(self) -> str:
        """Say which database it is, to people."""
        return "the shared journal" if self.is_shared else f"the journal's database {self.database}"

    def read(self) -> ReadDatabase:
        """Return what is on record.

        Raises:
            DatabaseUnreadError: it cannot be read, or not in time.
        """
        head, *lines = self._answer()
        try:
            said = json.loads(head)
            records = tuple(map(decode_alone, lines))
            return ReadDatabase(records=records, problem=said["problem"], is_unfinished=said["is_unfinished"])
        except (BadRecordError, ValueError, LookupError, TypeError) as error:
            raise DatabaseUnreadError(f"what was read of it is no journal ({error})") from error

    def known(self, names: Sequence[str]) -> frozenset[str]:
        """Return which of the broker's names of orders are on record.

        Raises:
            DatabaseUnreadError: as `read`.
        """
        if not names:
            return frozenset()
        (head, *_) = self._answer(*names)
        try:
            return frozenset(map(str, json.loads(head)["known"]))
        except (ValueError, LookupError, TypeError) as error:
            raise DatabaseUnreadError(f"what was read of it is no answer ({error})") from error

    def _answer(self, *names: str) -> Sequence[bytes]:
        try:
            # In a session of its own, so that the Ctrl-C that hastens a kill does not end it.
            process = subprocess.Popen(  # noqa: S603 (our own program, no shell)
                (*self._arguments, *names),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise DatabaseUnreadError(f"no process can be started to read it ({error})") from error
        try:
            out, said = process.communicate(self._url.encode(), timeout=self._within_s)
        except subprocess.TimeoutExpired as error:
            _give_up(process)
            raise DatabaseUnreadError(f"it was not read within {self._within_s:.1f} s", is_late=True) from error
        if not out.endswith(THE_END):
            raise DatabaseUnreadError(said.decode(errors="replace").strip() or "its reader ended without an answer")
        return out.removesuffix(THE_END).splitlines()


def _give_up(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    with suppress(subprocess.TimeoutExpired):  # a process that waits for its disk cannot be ended
        process.wait(_REAPED_WITHIN_S)
