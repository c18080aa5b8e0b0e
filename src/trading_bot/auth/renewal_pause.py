"""How long no renewal of a session is sent, after one that brought nothing or whose tokens were refused.

Two paces: what reads in the background waits for the whole pause. An order, an exit or a cancel that begins meanwhile
may have a renewal sooner, once: a position that cannot be left for minutes costs more than one request.
"""

from trading_bot.clock import Clock, Seconds


class RenewalPause:
    """Until when no renewal is sent. Its holder uses it under a lock of its own; anybody may `hurry` at any time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends = self._ends_in_a_hurry = clock.monotonic()
        self._is_hurried = False

    @property
    def is_over(self) -> bool:
        """Whether a renewal may be sent now."""
        return self._clock.monotonic() >= (self._ends_in_a_hurry if self._is_hurried else self._ends)

    def hurry(self) -> None:
        """Let the next renewal come at the shorter pace: an order wants the session."""
        self._is_hurried = True

    def sending(self) -> None:
        """Note that a renewal is sent now; who hurries from here on may have another."""
        self._is_hurried = False

    def begin(self, for_s: Seconds, *, in_a_hurry_s: Seconds | None = None) -> Seconds:
        """Send none for ``for_s``, or for ``in_a_hurry_s`` where an order wants the session; return ``for_s``."""
        now = self._clock.monotonic()
        self._ends = now + for_s
        self._ends_in_a_hurry = self._ends if in_a_hurry_s is None else now + min(in_a_hurry_s, for_s)
        return for_s

    def end(self) -> None:
        """Let a renewal be sent at once."""
        self.begin(0)
