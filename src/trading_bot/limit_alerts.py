"""Alerts somebody before a limit stops the entries: once a crossing and day.

The background synchronisation looks in every round, so a use that comes and goes in between is not told. It decides
nothing.
"""

from collections.abc import Callable

from trading_bot.bot_events import Alert, AlertCode
from trading_bot.clock import Clock
from trading_bot.event_feeds import EventFeeds
from trading_bot.risk.limit_uses import LimitsNow
from trading_bot.risk.limit_warnings import LimitWarnings


class LimitAlerts:
    """Compares each limit's use with the last look."""

    def __init__(
        self, *, limits: Callable[[], LimitsNow], thresholds: tuple[int, ...], events: EventFeeds, clock: Clock
    ) -> None:
        self._limits = limits
        self._thresholds = thresholds
        self._events = events
        self._clock = clock
        self._warnings = LimitWarnings(thresholds)

    def look(self) -> None:
        """Look at every limit once; without a listener not at all, so that the next one hears what stands."""
        if not self._events.is_heard:
            self._warnings = LimitWarnings(self._thresholds)
            return
        now = self._limits()
        self._events.tell(
            Alert(
                at=self._clock.now(),
                code=AlertCode.LIMIT_NEAR,
                message=warning.message,
                symbol=warning.use.symbol,
            )
            for warning in self._warnings.crossed(now.uses, day=now.state.day)
        )
