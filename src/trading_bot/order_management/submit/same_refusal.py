"""An entry that the broker has refused three times is refused here, with one probe a minute.

Identical requests burn the account's order rate and bury the broker's reason. Exits and cancels are not
limited: they may be repeated as often as the broker answers.
"""

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from trading_bot.clock import Clock, Seconds
from trading_bot.market_hours import NYSE_ZONE
from trading_bot.order_management.models import OrderTerms
from trading_bot.prose import clause

SAME_REFUSAL = "same_refusal"
"""The code of the refusal."""

REFUSALS = 3
"""After how many identical refusals within `WINDOW_S` the next one is answered here."""

WINDOW_S: Seconds = 60.0
"""Between a refusal and the next probe."""


@dataclass(slots=True)
class _Streak:
    reason: str
    times: list[Seconds] = field(default_factory=list)
    count: int = 0
    is_held: bool = False
    probe_at: Seconds = 0.0

    def is_over(self, now: Seconds) -> bool:
        return now - self.times[-1] >= (2 * WINDOW_S if self.is_held else WINDOW_S)


class SameRefusals:
    """Remembers refusals by the terms of the order: symbol, side, quantity, limit price and how long it rests.

    Any difference in these or in the broker's reason starts afresh. Safe to share between threads; nothing is kept
    over a restart.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._zone = ZoneInfo(NYSE_ZONE)
        self._lock = threading.Lock()
        self._streaks: dict[OrderTerms, _Streak] = {}

    def note_refusal(self, terms: OrderTerms, reason: str) -> None:
        """Count one refusal by the broker."""
        now = self._clock.monotonic()
        with self._lock:
            self._forget_the_old(now)
            streak = self._streaks.get(terms)
            if streak is None or streak.reason != reason:
                streak = self._streaks[terms] = _Streak(reason=reason)
            streak.count += 1
            streak.times = [time for time in streak.times if now - time < WINDOW_S] + [now]
            streak.is_held = streak.is_held or len(streak.times) >= REFUSALS
            streak.probe_at = now + WINDOW_S

    def note_acceptance(self, terms: OrderTerms) -> None:
        """Forget the refusals of an order that the broker has now taken."""
        with self._lock:
            self._streaks.pop(terms, None)

    def why_held(self, terms: OrderTerms, *, probes: bool = True) -> str | None:
        """Return why these terms are not sent now; None lets them pass, and with ``probes`` the next ones not."""
        now = self._clock.monotonic()
        with self._lock:
            self._forget_the_old(now)
            streak = self._streaks.get(terms)
            if streak is None or not streak.is_held:
                return None
            if now < streak.probe_at:
                return self._answer(terms, streak, wait_s=streak.probe_at - now)
            if probes:
                streak.probe_at = now + WINDOW_S
            return None

    def _forget_the_old(self, now: Seconds) -> None:
        if self._streaks:
            self._streaks = {terms: streak for terms, streak in self._streaks.items() if not streak.is_over(now)}

    def _answer(self, terms: OrderTerms, streak: _Streak, *, wait_s: Seconds) -> str:
        until = (self._clock.now() + timedelta(seconds=wait_s)).astimezone(self._zone)
        return (
            f"{terms.symbol}: refused by the broker {streak.count} times: {clause(streak.reason)}; change the "
            f"order or wait until {until:%H:%M:%S %Z}"
        )
