"""Looks after the login of a running bot: renews it ahead of its end, and tells by when a person is needed."""

from collections.abc import Callable

from trading_bot.bot_events import Alert, AlertCode
from trading_bot.clock import Clock, Seconds
from trading_bot.event_feeds import EventFeeds

LOOK_EVERY_S: Seconds = 60.0


class LoginCare:
    """Calls ``care`` in every round, and tells what it says once, until it says something else."""

    def __init__(self, care: Callable[[], str | None], *, events: EventFeeds, clock: Clock) -> None:
        self._care = care
        self._events = events
        self._clock = clock
        self._told: str | None = None

    def look(self) -> None:
        """Renew what is due; tell of what only a person can do. Without a listener the next one hears what stands."""
        warning = self._care()
        if not self._events.is_heard:
            self._told = None
            return
        if warning is not None and warning != self._told:
            self._events.tell([Alert(at=self._clock.now(), code=AlertCode.LOGIN_ENDS, message=warning)])
        self._told = warning
