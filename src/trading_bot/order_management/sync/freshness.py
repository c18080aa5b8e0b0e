"""How old our view of the broker is. A view that is too old is renewed before the next order, or no order is taken."""

from datetime import datetime, timedelta

from trading_bot.clock import CLOCKS_AGREE_WITHIN, Clock, Moment, Seconds

_ROUNDS_MISSED = 3
_LEAST_LIMIT_S: Seconds = 60.0


class Freshness:
    """Remembers the last view: a synchronisation that read every page of the open orders.

    Its age counts on whichever clock saw more time pass. After a sleep of the machine the view is stale whatever its
    age: orders and prices went on without us. So it is where our clock and the broker's do not agree, because the
    times of an order, its session and every later search for it rest on ours.
    """

    def __init__(self, *, clock: Clock, poll_interval_s: Seconds) -> None:
        self._clock = clock
        self._limit_s = max(_ROUNDS_MISSED * poll_interval_s, _LEAST_LIMIT_S)
        self._compared: Moment | None = None
        self._clock_is_off_by: timedelta | None = None

    def note(self, began: Moment, *, broker_time: datetime | None) -> None:
        """A view was taken that began then, by our clocks and, where it is known, by the broker's.

        A reply that tells no time of the broker proves nothing of the clocks: what was found wrong before stays wrong.
        """
        self._compared = began
        if broker_time is not None:
            off = began.at - broker_time
            self._clock_is_off_by = off if abs(off) > CLOCKS_AGREE_WITHIN else None

    def forget(self) -> None:
        """Have no view: what was read before is not to be relied on."""
        self._compared = None

    def age_s(self) -> Seconds | None:
        """Return how old the view is; None where there is none, or the machine slept since."""
        compared = self._compared
        if compared is None or compared.slept_since(self._clock):
            return None
        return compared.age_s(self._clock)

    @property
    def is_stale(self) -> bool:
        """Whether the view has to be renewed before it may carry a new order."""
        return self.stale_because() is not None

    def stale_because(self) -> str | None:
        """Return why no order may rest on this view, or None. Before the first synchronisation there is no view."""
        compared = self._compared
        if compared is None:
            return "the orders have not been compared with the broker; synchronise first"
        if compared.slept_since(self._clock):
            return "the machine slept since the orders were compared with the broker; wait for the next synchronisation"
        if self._clock_is_off_by is not None:
            off_s = self._clock_is_off_by.total_seconds()
            return f"this machine's clock is {off_s:+.0f} s off the broker's; set it, then synchronise"
        age = compared.age_s(self._clock)
        if age <= self._limit_s:
            return None
        return (
            f"the orders were last compared with the broker {age:.0f} s ago; wait until it can be read again, or find "
            "out why not with 'trading-bot sync'"
        )
