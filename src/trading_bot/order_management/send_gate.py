"""The last look before the first byte: the send lock, then latch and deadline read afresh."""

from types import TracebackType

from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.ports import SendLock, SendLockError, SendRefusedError, TradingLatch

LATCH = "latch"
DEADLINE = "deadline"
SEND_LOCK = "send_lock"


class SendGate:
    """A `SendPermit` for one attempt: whoever kills trading waits for the lock, and then nothing more can begin.

    An order that ``reduces`` a position passes a latch that has merely expired.
    """

    def __init__(
        self, *, lock: SendLock, latch: TradingLatch, clock: Clock, not_after: Seconds, reduces: bool = False
    ) -> None:
        self._lock = lock
        self._latch = latch
        self._clock = clock
        self._not_after = not_after
        self._reduces = reduces

    def __enter__(self) -> None:
        """Take the lock and look again.

        Raises:
            SendRefusedError: the latch is not armed, the intent is out of date, or the lock stayed taken.
        """
        try:
            self._lock.acquire(max(self._not_after - self._clock.monotonic(), 0))
        except SendLockError as error:
            raise SendRefusedError(SEND_LOCK, str(error)) from error
        try:
            self._look_again()
        except SendRefusedError:
            self._lock.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the lock back: the bytes are out, or never will be."""
        self._lock.release()

    def _look_again(self) -> None:
        latch = self._latch
        reason = latch.reason_not_reducing() if self._reduces else latch.reason_not_armed()
        if reason is not None:
            raise SendRefusedError(LATCH, reason)
        if self._clock.monotonic() > self._not_after:
            raise SendRefusedError(DEADLINE, "the intent was too old to be sent")
