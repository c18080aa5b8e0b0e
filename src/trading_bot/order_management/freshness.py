"""How old our view of the broker is. A view that is too old is renewed before the next order, or no order is taken."""

from trading_bot.clock import Clock, Moment, Seconds

_ROUNDS_MISSED = 3
_LEAST_LIMIT_S: Seconds = 60.0


class Freshness:
    """Remembers the last complete synchronisation.

    Its age counts on whichever clock saw more time pass. After a sleep of the machine the view is stale whatever its
    age: orders and prices went on without us.
    """

    def __init__(self, *, clock: Clock, poll_interval_s: Seconds) -> None:
        self._clock = clock
        self._limit_s = max(_ROUNDS_MISSED * poll_interval_s, _LEAST_LIMIT_S)
        self._compared: Moment | None = None

    def note(self, began: Moment) -> None:
        """A complete synchronisation began then."""
        self._compared = began

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
        age = compared.age_s(self._clock)
        if age <= self._limit_s:
            return None
        return (
            f"the orders were last compared with the broker {age:.0f} s ago; wait until it can be read again, or find "
            "out why not with 'trading-bot sync'"
        )
