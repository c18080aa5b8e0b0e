"""A clock whose two times can be driven apart, as by a sleeping machine or a hand on the wall clock."""

from datetime import datetime, timedelta

from trading_bot.clock import VirtualClock


class JumpyClock(VirtualClock):
    """The wall time can be set, or go on while the monotonic one stands still, as over a sleep."""

    _jumped = timedelta()

    def now(self) -> datetime:
        return super().now() + self._jumped

    def jump(self, seconds: float) -> None:
        self._jumped += timedelta(seconds=seconds)
