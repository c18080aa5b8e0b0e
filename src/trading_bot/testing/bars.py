"""Bars of a market that a test makes up."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from trading_bot.order_management.portfolio import Bar

_DAY = timedelta(days=1)


def bars_until(now: datetime, closes: Sequence[Decimal], *, length: timedelta) -> tuple[Bar, ...]:
    """Return a bar of each closing price; the last ended when a ``length``, or a day, was last full before ``now``."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    ended = now - (now - midnight) % min(length, _DAY)
    opens = (*closes[:1], *closes[:-1])
    return tuple(
        Bar(
            begins_at=ended - (len(closes) - number) * length,
            open=first,
            high=max(first, last),
            low=min(first, last),
            close=last,
            volume=None,
        )
        for number, (first, last) in enumerate(zip(opens, closes, strict=True))
    )
