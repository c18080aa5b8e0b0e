"""Why no order is taken now: every reason in one place, and which of them leave the way out open."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trading_bot.order_management.causes import leaves_exits
from trading_bot.order_management.exceptions import TradingHaltedError
from trading_bot.order_management.ledger import OrderLedger
from trading_bot.order_management.ports import TradingLatch
from trading_bot.order_management.settlement import OutcomeRecorder

_NOT_RECONCILED = "the orders have not been compared with the broker yet; start the bot or wait for the first sync"


def _followed() -> str | None:
    return None


class TradingHalts:
    """A journal that fails, a cancel-all, a start without a comparison, halts on record, outcomes, and the latch.

    ``leaving`` asks for the sale of free held shares. What says that our orders or the journal cannot be trusted
    forbids that too; what only says that the account should carry less risk does not.
    """

    def __init__(self, *, ledger: OrderLedger, outcomes: OutcomeRecorder, latch: TradingLatch) -> None:
        self._ledger = ledger
        self._outcomes = outcomes
        self._latch = latch
        self._cancelling_all = threading.Lock()
        self._not_reconciled: str | None = _NOT_RECONCILED
        self._unfollowed: Callable[[], str | None] = _followed

    def heed(self, unfollowed: Callable[[], str | None]) -> None:
        """Take no entry while ``unfollowed`` names a reason why nobody follows the open orders."""
        self._unfollowed = unfollowed

    def reason(self, *, leaving: bool = False) -> str | None:
        """Return why no such order would be taken now, or None."""
        if self._ledger.failure is not None:
            return str(self._ledger.failure)
        if self._cancelling_all.locked():
            return "a cancel-all is running; wait until it has ended"
        return (
            self._not_reconciled
            or self._on_record(leaving=leaving)
            or (self._outcomes.exits_halted_because if leaving else self._outcomes.halted_because)
            or (self._latch.reason_not_reducing() if leaving else self._latch.reason_not_armed())
            or (None if leaving else self._unfollowed())
        )

    def begin_start(self) -> None:
        """Take no order from now on, until the whole book has been compared with the broker once more."""
        self._not_reconciled = _NOT_RECONCILED

    def end_start(self) -> None:
        """Take orders from now on: the whole book has been compared with the broker."""
        self._not_reconciled = None

    @contextmanager
    def while_cancelling_all(self) -> Iterator[None]:
        """Refuse new orders meanwhile.

        Raises:
            TradingHaltedError: another cancel-all is running.
        """
        if not self._cancelling_all.acquire(blocking=False):
            raise TradingHaltedError("a cancel-all is running already; wait for its result", code="cancel_all_running")
        try:
            yield
        finally:
            self._cancelling_all.release()

    def _on_record(self, *, leaving: bool) -> str | None:
        with self._ledger.open_book() as book:
            halt = book.halt_fact
        if halt is None or (leaving and leaves_exits(halt)):
            return None
        return halt.reason or "halted"
