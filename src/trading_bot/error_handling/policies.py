"""How often, and how patiently, each kind of request to the broker is repeated."""

import math
from dataclasses import dataclass

from trading_bot.clock import Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """The bounds of one retry: delays double from ``initial_delay_s`` up to ``max_delay_s``.

    ``max_attempts`` counts calls in total, the first one included. ``jitter_s`` is the most that is added to a delay.
    """

    max_attempts: int
    initial_delay_s: Seconds
    max_delay_s: Seconds
    jitter_s: Seconds

    def __post_init__(self) -> None:
        """Refuse a policy that would never call, or whose delays make no sense."""
        if self.max_attempts < 1:
            raise ValueError(f"max_attempts is {self.max_attempts}; it counts the first call, so give 1 or more")
        if not 0 <= self.initial_delay_s <= self.max_delay_s < math.inf:
            raise ValueError("retry delays run from 0 up to a finite maximum; give initial_delay_s <= max_delay_s")
        if not 0 <= self.jitter_s < math.inf:
            raise ValueError(f"jitter_s is {self.jitter_s}; give a finite number of seconds, 0 or more")


READ_POLICY = RetryPolicy(max_attempts=3, initial_delay_s=0.25, max_delay_s=2.0, jitter_s=0.25)
SUBMIT_POLICY = RetryPolicy(max_attempts=3, initial_delay_s=0.5, max_delay_s=5.0, jitter_s=0.5)
CANCEL_POLICY = RetryPolicy(max_attempts=4, initial_delay_s=0.25, max_delay_s=2.0, jitter_s=0.25)
LOGIN_POLICY = RetryPolicy(max_attempts=3, initial_delay_s=1.0, max_delay_s=10.0, jitter_s=1.0)
