"""A clock whose two times can be driven apart, as by a sleeping machine or a hand on the wall clock."""

import time
from datetime import datetime, timedelta

from trading_bot.clock import VirtualClock


class JumpyClock(VirtualClock):
    """The wall time can be set, or go on while the monotonic one stands still, as over a sleep."""

    _jumped = timedelta()

    def now(self) -> datetime:
        return super().now() + self._jumped

    def jump(self, seconds: float) -> None:
        self._jumped += timedelta(seconds=seconds)


class PatientClock(JumpyClock):
    """A clock for real sockets: who sleeps only to look again soon lets the others do what they are about to do.

    Without that, a thread that waits for its turn moves this clock by seconds while another one reads its reply.
    """

    _LOOKS_AGAIN_S = 0.05

    def sleep(self, seconds: float) -> None:
        if 0 < seconds <= self._LOOKS_AGAIN_S:
            time.sleep(0.002)
        super().sleep(seconds)
