"""A kill's own record: a side file in the account's state folder, which the journal's holder takes over.

A kill may not write the journal, which belongs to another process. Its file begins with what it asks for: a cancel for
each order on record that had not ended, or for every one where the journal could not be read to its end. Each of them
carries a cancel from the moment the holder reads that, fired as soon as the order is found, also after a restart. What
the kill did follows, line by line.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from trading_bot.clock import Clock
from trading_bot.files import Descriptor, FileSystem
from trading_bot.order_management.book.kill_wishes import kill_engaged
from trading_bot.order_management.book.side_import import KILL_ENDED
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.journal.chain import BadRecordError, ChainHead, head_at
from trading_bot.order_management.journal.side_files import KILL_SESSION, new_side_path, sealed_line
from trading_bot.order_management.models import ClientOrderId

_MAX_TEXT = 512


class KillFile:
    """One kill's own record. No method raises: a kill goes on without it, and `problem` says why it is missing."""

    def __init__(self, *, folder: Path, files: FileSystem, clock: Clock, process_id: Callable[[], int]) -> None:
        self._folder = folder
        self._files = files
        self._clock = clock
        self._process_id = process_id
        self._head = ChainHead.genesis()
        self.path: Path | None = None
        self.problem: str | None = None

    def begin(self, *, by: str, reason: str, orders: Sequence[ClientOrderId] | None, keeps_stops: bool = False) -> None:
        """Start a new file that asks for the cancel of these orders; None means all that have not ended.

        With ``keeps_stops`` all but stops are meant.
        """
        self.path, self.problem, self._head = None, None, ChainHead.genesis()
        try:
            self._files.make_folder(self._folder)
            path = new_side_path(
                self._folder,
                files=self._files,
                clock=self._clock,
                session_id=KILL_SESSION,
                process_id=self._process_id(),
            )
            engaged = kill_engaged(
                path.name, by=by[:_MAX_TEXT], reason=reason[:_MAX_TEXT], orders=orders, keeps_stops=keeps_stops
            )
            lines = self._lines(engaged)
            # Whole under its name or not at all: a holder may read it at any moment.
            self._files.replace(path, lines)
        except (OSError, BadRecordError) as error:
            self._give_up(error)
        else:
            self.path = path

    def note(self, event: str, facts: Mapping[str, object]) -> None:
        """Add a line."""
        if self.path is None or self.problem is not None or not self._is_there(self.path):
            return
        text = json.dumps(dict(facts), separators=(",", ":"))
        try:
            details = {"note": event, "facts": text}
            noted = OrderEvent(event=EventKind.KILL_NOTED, correlation_id=self.path.name, details=details)
            line = self._lines([noted])
            descriptor = self._files.open_append(self.path)
            try:
                self._write(descriptor, line)
            finally:
                self._files.close(descriptor)
        except (OSError, BadRecordError) as error:
            self._give_up(error)

    def close(self) -> None:
        """Say that nothing follows: then the holder removes the file at its next start."""
        self.note(KILL_ENDED, {})

    def _is_there(self, path: Path) -> bool:
        # A holder that started a day later takes it for the file of a kill that has ended: nothing is begun anew there.
        try:
            return self._files.facts_at(path) is not None
        except OSError as error:
            self._give_up(error)
            return False

    def _lines(self, events: Sequence[OrderEvent]) -> bytes:
        lines = bytearray()
        for event in events:
            sealed = sealed_line(event, head=self._head, clock=self._clock, session_id=KILL_SESSION)
            self._head = head_at(sealed.record)
            lines += sealed.line
        return bytes(lines)

    def _write(self, descriptor: Descriptor, line: bytes) -> None:
        taken = self._files.write(descriptor, line)
        if taken != len(line):
            raise OSError(f"only {taken} of {len(line)} bytes were written")
        self._files.sync(descriptor)

    def _give_up(self, error: Exception) -> None:
        self.problem = f"the kill's own record in {self._folder} is missing or cut short: {error}; repair the disk"
