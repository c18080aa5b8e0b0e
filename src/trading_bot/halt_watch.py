"""Tells of what stops trading and is on no record: not armed, no login, a journal that fails, a limit reached.

A freeze or a halt is a record, and told as soon as that is committed. These are conditions: somebody has to look. The
background synchronisation does so in every round, so such a halt is told within one interval, and again after a restart
if it still stands. It decides nothing: the gates look for themselves.
"""

import enum
from collections.abc import Callable, Mapping
from datetime import datetime

from trading_bot.bot_events import TradingHalted, TradingResumed
from trading_bot.clock import Clock
from trading_bot.event_feeds import EventFeeds
from trading_bot.order_management.book.freezes import OURSELVES
from trading_bot.order_management.exceptions import AuthenticationError


class Condition(enum.StrEnum):
    """What stops trading while it lasts; all but a limit and a changed interface stop exits too."""

    NOT_ARMED = "not_armed"  # killed, expired or never armed; `arm --exits-only` allows exits
    JOURNAL_FAILED = "journal_failed"
    LOGIN_NEEDED = "login_needed"  # the broker refuses the session, and only a person can log in
    LIMIT_REACHED = "limit_reached"  # a loss limit of the day, or a losing streak
    INTERFACE_CHANGED = "interface_changed"  # the agent interface lacks what a buy rests on; exits and cancels go on


_REMEDIES = {
    Condition.NOT_ARMED: "run 'trading-bot arm' when trading is wanted again",
    Condition.JOURNAL_FAILED: "repair what the message names, then restart the bot",
    Condition.LOGIN_NEEDED: "run 'trading-bot login' at a terminal",
    Condition.INTERFACE_CHANGED: "update trading-bot, then restart the bot",
    Condition.LIMIT_REACHED: "it ends with the day; a losing streak ends with 'trading-bot arm'",
}


class HaltWatch:
    """Compares each condition with the last look, and tells of those that began or ended."""

    def __init__(
        self, reasons: Mapping[Condition, Callable[[], str | None]], *, events: EventFeeds, clock: Clock
    ) -> None:
        self._reasons = reasons
        self._events = events
        self._clock = clock
        self._standing: set[Condition] = set()

    def look(self) -> None:
        """Look at every condition once; without a listener not at all, so that the next one hears what stands."""
        if not self._events.is_heard:
            self._standing.clear()
            return
        for condition, reason_of in self._reasons.items():
            self._compare(condition, reason_of())

    def log_in(self, log_in: Callable[[], None]) -> None:
        """Log in; tell first where that takes a person.

        Raises:
            AuthenticationError: as ``log_in``.
        """
        try:
            log_in()
        except AuthenticationError as error:
            if error.code == AuthenticationError.code:
                self._compare(Condition.LOGIN_NEEDED, str(error))
            raise

    def _compare(self, condition: Condition, reason: str | None) -> None:
        at = self._clock.now()
        if reason is not None and condition not in self._standing:
            self._standing.add(condition)
            self._events.tell([_halted(condition, reason, at)])
        elif reason is None and condition in self._standing:
            self._standing.remove(condition)
            self._events.tell([_over(condition, at)])


def _halted(condition: Condition, reason: str, at: datetime) -> TradingHalted:
    return TradingHalted(
        at=at,
        symbol=None,
        cause=condition.value,
        reason=reason,
        by=OURSELVES,
        until=None,
        remedy=_REMEDIES[condition],
    )


def _over(condition: Condition, at: datetime) -> TradingResumed:
    return TradingResumed(at=at, symbol=None, cause=condition.value, reason="it does not hold any more", by=OURSELVES)
