"""Why no order is taken now: every reason in one place, and which of them bind an exit.

An exit is a sell of at most the free shares. Only a kill and a journal that cannot record it stop one here; whether its
shares are free is decided in the same critical section, by `Admission`.
"""

import enum
import threading
from collections.abc import Callable, Iterator

from trading_bot.order_management.book.freezes import Freeze
from trading_bot.order_management.cancel.cancel_all import CancelEverything
from trading_bot.order_management.context import OrderContext
from trading_bot.order_management.ports import LatchLook
from trading_bot.order_management.rounds import SyncService
from trading_bot.values import Value

_NOT_RECONCILED = "the orders have not been compared with the broker yet; start the bot or wait for the first sync"


_SECURITY_HALT = "the connection to the broker is not what it should be; check the network before trading again"


class StoppedBy(enum.StrEnum):
    """What kind of thing stops entries."""

    CANCEL_ALL = "cancel_all"
    NO_COMPARISON = "no_comparison"
    RECORD = "record"  # a freeze or a halt; its own cause says why
    CONNECTION = "connection"
    ARMING = "arming"
    NOBODY_FOLLOWS = "nobody_follows"


class Stop(Value, frozen=True, kw_only=True):
    """One reason why no entry is taken: what it is, for programs, and the sentence for people."""

    by: StoppedBy
    reason: str


class TradingHalts:
    """A journal that fails, a cancel-all, a start without a comparison, freezes, halts, outcomes, and the latch."""

    def __init__(self, context: OrderContext, *, sync: SyncService, cancel_all: CancelEverything) -> None:
        self._store = context.store
        self._latch = context.latch
        self._clock = context.clock
        self._sync = sync
        self._cancel_all = cancel_all
        self._security_alert = threading.Event()
        self._unfollowed: tuple[Callable[[], str | None], ...] = ()

    def note_security_alert(self) -> None:
        """Take no order at all from now on, exits neither: something may stand between us and the broker."""
        self._security_alert.set()

    def halt_entries_while(self, unfollowed: Callable[[], str | None]) -> None:
        """Take no entry while ``unfollowed`` names a reason why nobody follows the open orders."""
        self._unfollowed = (*self._unfollowed, unfollowed)

    def reason(self) -> str | None:
        """Return why no entry would be taken now in any symbol, or None."""
        failure = self._store.failure
        return str(failure) if failure is not None else self.beside_the_journal(None, leaving=False, look=None)

    def beside_the_journal(self, symbol: str | None, *, leaving: bool, look: LatchLook | None) -> str | None:
        """Return why no such order would be taken now while the journal takes records, or None.

        With a ``symbol`` its own freezes count too. ``look`` is one at the latch that was taken just now; without it,
        the latch is read.
        """
        if leaving:
            return (look or self._latch.look()).not_reducing
        first = next(self.stops(symbol, look=look), None)
        return None if first is None else first.reason

    def stops(self, symbol: str | None = None, *, look: LatchLook | None = None) -> Iterator[Stop]:
        """Yield everything that stops an entry now while the journal takes records, what weighs most first.

        With a ``symbol`` its own freezes count too. Without a ``look``, the latch is read once its turn comes.
        """
        if self._cancel_all.is_running:
            yield Stop(by=StoppedBy.CANCEL_ALL, reason="a cancel-all is running; wait until it has ended")
        if not self._sync.is_reconciled:
            yield Stop(by=StoppedBy.NO_COMPARISON, reason=_NOT_RECONCILED)
        if (on_record := self._on_record(symbol)) is not None:
            yield Stop(by=StoppedBy.RECORD, reason=on_record)
        if self._security_alert.is_set():
            yield Stop(by=StoppedBy.CONNECTION, reason=_SECURITY_HALT)
        if (not_armed := (look or self._latch.look()).not_armed) is not None:
            yield Stop(by=StoppedBy.ARMING, reason=not_armed)
        for unfollowed in self._unfollowed:
            if (problem := unfollowed()) is not None:
                yield Stop(by=StoppedBy.NOBODY_FOLLOWS, reason=problem)

    def freezes(self, symbol: str | None = None) -> tuple[Freeze, ...]:
        """Return every freeze and halt in force now, of one symbol and the account, or of all."""
        with self._store.open_book() as book:
            return book.freezes(now=self._clock.now(), symbol=symbol)

    def _on_record(self, symbol: str | None) -> str | None:
        standing = self.freezes(symbol)
        if symbol is None:
            standing = tuple(freeze for freeze in standing if freeze.symbol is None)
        if not standing:
            return None
        freeze = standing[0]
        what = "" if freeze.symbol is None else "the symbol is frozen: "
        return f"{what}{freeze.reason}; {freeze.remedy}"
