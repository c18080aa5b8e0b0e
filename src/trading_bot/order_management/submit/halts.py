"""Why no order is taken now: every reason in one place, and which of them bind an exit.

An exit is a sell of at most the free shares. Only a kill and a journal that cannot record it stop one here; whether its
shares are free is judged in the same critical section, by `Admission`.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trading_bot.clock import Clock
from trading_bot.order_management.book.freezes import Freeze
from trading_bot.order_management.exceptions import TradingHaltedError
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.ports import TradingLatch
from trading_bot.order_management.submit.recorder import OutcomeRecorder

_NOT_RECONCILED = "the orders have not been compared with the broker yet; start the bot or wait for the first sync"


def _followed() -> str | None:
    return None


class TradingHalts:
    """A journal that fails, a cancel-all, a start without a comparison, freezes, halts, outcomes, and the latch."""

    def __init__(self, *, store: OrderStore, outcomes: OutcomeRecorder, latch: TradingLatch, clock: Clock) -> None:
        self._store = store
        self._outcomes = outcomes
        self._latch = latch
        self._clock = clock
        self._cancelling_all = threading.Lock()
        self._not_reconciled: str | None = _NOT_RECONCILED
        self._unfollowed: Callable[[], str | None] = _followed

    def heed(self, unfollowed: Callable[[], str | None]) -> None:
        """Take no entry while ``unfollowed`` names a reason why nobody follows the open orders."""
        self._unfollowed = unfollowed

    def reason(self, *, symbol: str | None = None, leaving: bool = False) -> str | None:
        """Return why no such order would be taken now, or None; with a ``symbol``, its own freezes count too."""
        if self._store.failure is not None:
            return str(self._store.failure)
        if leaving:
            return self._latch.reason_not_reducing()
        if self._cancelling_all.locked():
            return "a cancel-all is running; wait until it has ended"
        return (
            self._not_reconciled
            or self._on_record(symbol)
            or self._outcomes.halted_because
            or self._latch.reason_not_armed()
            or self._unfollowed()
        )

    def freezes(self, symbol: str | None = None) -> tuple[Freeze, ...]:
        """Return every freeze and halt in force now, of one symbol and the account, or of all."""
        with self._store.open_book() as book:
            return book.freezes(now=self._clock.now(), symbol=symbol)

    def begin_start(self) -> None:
        """Take no entry from now on, until the whole book has been compared with the broker once more."""
        self._not_reconciled = _NOT_RECONCILED

    def end_start(self) -> None:
        """Take entries from now on: the whole book has been compared with the broker."""
        self._not_reconciled = None

    @contextmanager
    def while_cancelling_all(self) -> Iterator[None]:
        """Refuse entries meanwhile.

        Raises:
            TradingHaltedError: another cancel-all is running.
        """
        if not self._cancelling_all.acquire(blocking=False):
            raise TradingHaltedError("a cancel-all is running already; wait for its result", code="cancel_all_running")
        try:
            yield
        finally:
            self._cancelling_all.release()

    def _on_record(self, symbol: str | None) -> str | None:
        standing = (freeze for freeze in self.freezes(symbol) if symbol is not None or freeze.symbol is None)
        freeze = next(standing, None)
        if freeze is None:
            return None
        what = "" if freeze.symbol is None else "the symbol is frozen: "
        return f"{what}{freeze.reason}; {freeze.remedy}"
