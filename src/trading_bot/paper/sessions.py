"""When the exchange trades: the calendar it needs, and the open stretches of a span of time."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol


class SessionCalendar(Protocol):
    """The trading sessions; ``extended_hours`` adds the hours before and after the regular session."""

    def is_open(self, moment: datetime, *, extended_hours: bool = False) -> bool:
        """Return whether orders trade at ``moment``; the opening instant does, the closing one does not."""
        ...

    def next_open(self, moment: datetime, *, extended_hours: bool = False) -> datetime:
        """Return when the next session opens."""
        ...

    def close_after(self, moment: datetime, *, extended_hours: bool = False) -> datetime:
        """Return the close, later than ``moment``, of the session that contains it, else of the next one."""
        ...


def open_stretches(
    calendar: SessionCalendar, after: datetime, until: datetime, *, extended_hours: bool
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the parts of ``after`` to ``until`` in which the exchange trades, in order.

    Raises:
        ValueError: the calendar names a close that is not after the moment asked about.
    """
    moment = after
    while moment < until:
        if not calendar.is_open(moment, extended_hours=extended_hours):
            moment = calendar.next_open(moment, extended_hours=extended_hours)
            if moment > until:
                return
        close = calendar.close_after(moment, extended_hours=extended_hours)
        if close <= moment:
            raise ValueError(f"the calendar closes at {close}, not after {moment}; correct the trading hours")
        yield moment, min(close, until)
        moment = close
