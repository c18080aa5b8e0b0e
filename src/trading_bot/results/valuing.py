"""Records what the account is worth: at the start, at each close, and every so often in the session.

A worth that is not known is never recorded, and one that is on record already is not recorded again. A read that failed
is repeated after `AGAIN_AFTER_S`.
"""

import enum
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from trading_bot.account_summary import AccountSummary
from trading_bot.clock import Clock, Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.event_details import ValuationDetails
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderStatusError

LOOK_EVERY_S: Seconds = 5.0
"""How often it is asked whether a valuation is due, which reads no broker. Chosen."""

AGAIN_AFTER_S: Seconds = 60.0
"""How long after a worth that could not be told it is read again. Chosen."""

_log = get_logger(__name__)


class Occasion(enum.StrEnum):
    """Why the account was valued at that moment."""

    START = "start"
    HOUR = "hour"
    CLOSE = "close"


class Sessions(Protocol):
    """When the exchange is open."""

    def is_open(self, moment: datetime) -> bool:
        """Whether it is open then."""
        ...

    def close_after(self, moment: datetime) -> datetime:
        """Return the first close after that."""
        ...


class ValuationLog(Protocol):
    """The journal, as far as valuations go."""

    def latest(self) -> OrderEvent | None:
        """Return the latest one on record."""
        ...

    def record(self, event: OrderEvent) -> None:
        """Put one on record."""
        ...

    @property
    def is_well(self) -> bool:
        """Whether the journal takes records."""
        ...


def occasion_at(now: datetime, *, last: datetime | None, every: timedelta, sessions: Sessions) -> Occasion | None:
    """Return why a valuation is due ``now``; None where none is. ``last`` is when this process valued the account."""
    if last is None:
        return Occasion.START
    if sessions.close_after(last) <= now:
        return Occasion.CLOSE
    return Occasion.HOUR if now - last >= every and sessions.is_open(now) else None


def valuation_event(summary: AccountSummary, occasion: Occasion) -> OrderEvent | None:
    """Return the record of what the account is worth; None where that is not known."""
    if summary.equity is None or summary.equity_from is None:
        return None
    details = ValuationDetails(
        occasion=occasion.value,
        equity=summary.equity,
        equity_from=summary.equity_from.value,
        cash=summary.cash,
        buying_power=summary.buying_power,
    )
    return OrderEvent(event=EventKind.ACCOUNT_VALUED, occurred_at=summary.as_of, details=details.as_text())


def says_the_same(one: OrderEvent | None, other: OrderEvent) -> bool:
    """Whether two valuations name the same equity and cash."""
    before, after = None if one is None else ValuationDetails.of(one), ValuationDetails.of(other)
    return before is not None and after is not None and (before.equity, before.cash) == (after.equity, after.cash)


class AccountValuer:
    """Values one account whenever it is due; call `look` every few seconds from one thread."""

    def __init__(
        self,
        *,
        read: Callable[[], AccountSummary],
        log: ValuationLog,
        sessions: Sessions,
        every_s: Seconds,
        clock: Clock,
    ) -> None:
        self._read = read
        self._valuations = log
        self._sessions = sessions
        self._every = timedelta(seconds=every_s)
        self._clock = clock
        self._last: datetime | None = None
        self._not_before: Seconds | None = None

    def look(self) -> None:
        """Record what the account is worth, if that is due and can be told."""
        occasion = occasion_at(self._clock.now(), last=self._last, every=self._every, sessions=self._sessions)
        if occasion is None or not self._valuations.is_well or self._waits():
            return
        event = self._valued(occasion)
        if event is None:
            self._not_before = self._clock.monotonic() + AGAIN_AFTER_S
            return
        self._not_before, self._last = None, self._clock.now()
        if not says_the_same(self._valuations.latest(), event):
            self._valuations.record(event)

    def _waits(self) -> bool:
        return self._not_before is not None and self._clock.monotonic() < self._not_before

    def _valued(self, occasion: Occasion) -> OrderEvent | None:
        try:
            return valuation_event(self._read(), occasion)
        except OrderStatusError as error:
            _log.warning("account_not_valued", problem=str(error))
            return None
