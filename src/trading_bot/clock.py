"""Time as an argument: the one port through which the bot reads clocks and waits."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol, Self, TypeAlias

from trading_bot.values import Value

Seconds: TypeAlias = float
"""A duration, or a point on a monotonic clock, in seconds."""

CLOCKS_AGREE_WITHIN = timedelta(minutes=5)
"""How far this machine's wall clock may be from the broker's before nothing is concluded from either."""

SHORTEST_SLEEP_S: Seconds = 2.0
"""By how much the wall clock must run ahead before that is no correction of it: then the machine slept."""


class Clock(Protocol):
    """What the bot needs to know about time."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        ...

    def monotonic(self) -> Seconds:
        """Return seconds on a clock that never jumps; only differences mean anything."""
        ...

    def sleep(self, seconds: Seconds) -> None:
        """Wait that many seconds; zero or less returns at once."""
        ...


class Moment(Value, frozen=True, kw_only=True):
    """One instant on both clocks: the wall clock can be set, the monotonic one stands still while a machine sleeps."""

    at: datetime
    mono: Seconds

    @classmethod
    def of(cls, clock: Clock) -> Self:
        """Read both clocks."""
        return cls(at=clock.now(), mono=clock.monotonic())

    def age_s(self, clock: Clock) -> Seconds:
        """Return the seconds since then, by the clock that saw more of them."""
        return max(clock.monotonic() - self.mono, (clock.now() - self.at).total_seconds())

    def slept_since(self, clock: Clock) -> bool:
        """Whether the machine slept since then; a wall clock that was set forward looks the same."""
        return (clock.now() - self.at).total_seconds() - (clock.monotonic() - self.mono) > SHORTEST_SLEEP_S


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Return the wall-clock time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> Seconds:
        """Return the operating system's monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: Seconds) -> None:
        """Block the calling thread."""
        if seconds > 0:
            time.sleep(seconds)


class VirtualClock:
    """A clock that moves only when somebody sleeps on it or advances it: replays run at full speed and always alike."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a virtual clock starts at an aware time; add a zone such as +00:00")
        self._start = start.astimezone(UTC)
        self._elapsed = timedelta()

    def now(self) -> datetime:
        """Return the start time plus everything slept so far."""
        return self._start + self._elapsed

    def monotonic(self) -> Seconds:
        """Return the seconds slept so far."""
        return self._elapsed.total_seconds()

    def sleep(self, seconds: Seconds) -> None:
        """Move the clock forward at once, by a microsecond at least: whoever sleeps until a moment has to get there."""
        if seconds > 0:
            self._elapsed += max(timedelta(seconds=seconds), timedelta.resolution)

    def advance(self, seconds: Seconds) -> None:
        """Move the clock forward, as time passing does.

        Raises:
            ValueError: a negative number; this clock never goes back.
        """
        if seconds < 0:
            raise ValueError(f"a virtual clock only goes forward, not by {seconds} seconds")
        self.sleep(seconds)

    def sleep_until(self, moment: datetime) -> None:
        """Move the clock forward to ``moment``; a moment already past changes nothing."""
        self.sleep((moment - self.now()).total_seconds())
