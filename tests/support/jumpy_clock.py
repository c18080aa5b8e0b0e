"""A clock whose two times can be driven apart, as by a sleeping machine or a hand on the wall clock."""

import threading
import time
from datetime import datetime, timedelta

from trading_bot.clock import VirtualClock


class JumpyClock(VirtualClock):
    """The wall time can be set, or go on while the monotonic one stands still, as over a sleep.

    It is read thousands of times between two moves, so each move works out what is read.
    """

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._moving = threading.Lock()
        self._jumped = timedelta()
        self._keep()

    def now(self) -> datetime:
        if self._now is None:
            return super().now() + self._jumped  # beyond the calendar: that is told to whoever asks
        return self._now

    def monotonic(self) -> float:
        return self._mono

    def sleep(self, seconds: float) -> None:
        with self._moving:
            super().sleep(seconds)
            self._keep()

    def jump(self, seconds: float) -> None:
        with self._moving:
            self._jumped += timedelta(seconds=seconds)
            self._keep()

    def _keep(self) -> None:
        self._mono = super().monotonic()
        self._now: datetime | None
        try:
            self._now = super().now() + self._jumped
        except OverflowError:
            self._now = None


class PatientClock(JumpyClock):
    """A clock for real sockets: who sleeps only to look again soon lets the others do what they are about to do.

    Without that, a thread that waits for its turn moves this clock by seconds while another one reads its reply.
    """

    _LOOKS_AGAIN_S = 0.05

    def sleep(self, seconds: float) -> None:
        if 0 < seconds <= self._LOOKS_AGAIN_S:
            time.sleep(0.002)
        super().sleep(seconds)
