"""The last check before the first byte: the send lock, then latch, deadline and cancels read afresh."""

from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType

from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.ports import (
    ArmingId,
    LatchLook,
    SendLock,
    SendLockError,
    SendRefusedError,
    TradingLatch,
)

LATCH = "latch"
DEADLINE = "deadline"
SEND_LOCK = "send_lock"
CANCELLED = "cancelled"

_CLOCK_SKEW = timedelta(seconds=2)
_ARMED_ANEW = (
    "the account was killed or armed again after the order was decided; "
    "check why, and place it again if it is still wanted"
)


def _no_cancel() -> bool:
    return False


class SendGate:
    """A `SendPermit` for one attempt: whoever kills trading waits for the lock, and then nothing more can begin.

    ``arming`` is the one under which the intent was made: a kill ends what was decided before it, even if the account
    is armed again. An order that ``reduces`` a position passes a latch that has merely expired. An intent made at
    ``created_at`` lives ``intent_ttl_s`` on the wall clock too, because the monotonic one stands still while the
    machine sleeps.
    """

    def __init__(
        self,
        *,
        lock: SendLock,
        latch: TradingLatch,
        clock: Clock,
        arming: ArmingId | None,
        not_after: Seconds,
        reduces: bool = False,
        created_at: datetime | None = None,
        intent_ttl_s: Seconds = 0,
        cancel_wanted: Callable[[], bool] = _no_cancel,
    ) -> None:
        self._lock = lock
        self._latch = latch
        self._clock = clock
        self._arming = arming
        self._not_after = not_after
        self._reduces = reduces
        self._created_at = created_at
        self._intent_ttl = timedelta(seconds=intent_ttl_s)
        self._cancel_wanted = cancel_wanted

    def __enter__(self) -> None:
        """Take the lock and look again.

        Raises:
            SendRefusedError: the latch is not armed, or armed anew since the intent; the intent is out of date or
                cancelled; or the lock stayed taken.
        """
        try:
            self._lock.acquire(max(self._not_after - self._clock.monotonic(), 0))
        except SendLockError as error:
            raise SendRefusedError(SEND_LOCK, str(error)) from error
        is_open = False
        try:
            self._look_again()
            is_open = True
        finally:
            if not is_open:
                self._lock.release()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the lock back: the bytes are out, or never will be."""
        self._lock.release()

    def _look_again(self) -> None:
        look = self._latch.look()
        reason = look.not_reducing if self._reduces else look.not_armed
        if reason is not None:
            raise SendRefusedError(LATCH, reason)
        if self._is_armed_anew(look):
            raise SendRefusedError(LATCH, _ARMED_ANEW)
        if self._clock.monotonic() > self._not_after or self._is_out_of_date():
            raise SendRefusedError(DEADLINE, "the intent was too old to be sent")
        if self._cancel_wanted():
            raise SendRefusedError(CANCELLED, "a cancel was asked for before the order was sent")

    def _is_armed_anew(self, look: LatchLook) -> bool:
        return self._arming is None or look.arming != self._arming

    def _is_out_of_date(self) -> bool:
        if self._created_at is None:
            return False
        age = self._clock.now() - self._created_at
        # A clock set far back tells no age at all.
        return not -_CLOCK_SKEW <= age <= self._intent_ttl
