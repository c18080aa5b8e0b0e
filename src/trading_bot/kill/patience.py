"""Reads that may hang, each in a thread of its own: a kill waits for a stated time and goes on without the file."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Generic, TypeVar

from trading_bot.clock import Seconds
from trading_bot.kill.register import KnownOrders

T = TypeVar("T")

JOURNAL_WAIT_S: Seconds = 2.0
"""How long the first cancel waits for the journal. Chosen."""


class LongRead(Generic[T]):
    """One call of ``read`` in a thread of its own, which does not keep the process alive."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._result: Future[T] = Future()
        threading.Thread(target=self._run, name="kill-read", daemon=True).start()

    @property
    def is_done(self) -> bool:
        """Whether there is an answer by now."""
        return self._result.done()

    def outcome(self, within_s: Seconds) -> T | BaseException:
        """Return the answer, or what ``read`` raised.

        Raises:
            TimeoutError: there is neither yet.
        """
        error = self._result.exception(within_s)
        return self._result.result() if error is None else error

    def _run(self) -> None:
        try:
            self._result.set_result(self._read())
        except Exception as error:  # noqa: BLE001 - it is handed to whoever asks for the outcome
            self._result.set_exception(error)


class PatientJournal:
    """Reads the journal with ``read``, and gives an answer within ``within_s`` even where its disk hangs.

    A read that is late goes on: the next call returns at once, with its result if it has come by then.
    """

    def __init__(self, read: Callable[[], KnownOrders], *, name: str, within_s: Seconds = JOURNAL_WAIT_S) -> None:
        self._read = read
        self._name = name
        self._within_s = within_s
        self._late: LongRead[KnownOrders] | None = None

    def __call__(self) -> KnownOrders:
        """Return the orders on record, or that they are not known yet."""
        if self._late is not None and not self._late.is_done:
            return self._unknown(f"has not been read after {self._within_s:.0f} s")
        reading = self._late or LongRead(self._read)
        try:
            known = reading.outcome(self._within_s)
        except TimeoutError:
            self._late = reading
            return self._unknown(f"could not be read within {self._within_s:.0f} s")
        self._late = None
        return known if isinstance(known, KnownOrders) else replace(self._unknown(f"fails: {known}"), is_late=False)

    def _unknown(self, what: str) -> KnownOrders:
        return KnownOrders(problem=f"the journal {self._name} {what}; look at its disk", is_late=True)
