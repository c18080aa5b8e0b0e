"""The companion that counts, looks and shows: events and latencies in, a page for Prometheus out."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol, TypeAlias

from trading_bot.bot_events import BotListener
from trading_bot.clock import Seconds
from trading_bot.metrics.figures import Figure, Figures
from trading_bot.order_management.book.order_listeners import OrderChange
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.poller import Poller

LOOK_EVERY_S: Seconds = 5.0
"""Chosen: a third of the usual interval of a scrape."""

_MOST_LATENCIES = 10_000
Look: TypeAlias = Callable[[], Iterable[Figure]]


class Page(Protocol):
    """What shows the figures."""

    def close(self, timeout_s: Seconds) -> object:
        """Show them no more."""
        ...


class Exporter:
    """Counts from its beginning to its end. ``open_page`` begins to show the figures, and may refuse to."""

    def __init__(
        self,
        look: Look,
        *,
        subscribe: Callable[[BotListener], Callable[[], None]],
        open_page: Callable[[Figures], Page],
    ) -> None:
        self.figures = Figures()
        self._look = look
        self._subscribe = subscribe
        self._open_page = open_page
        self._latencies: deque[Seconds] = deque(maxlen=_MOST_LATENCIES)
        self._poller = Poller(self.look, interval_s=LOOK_EVERY_S)
        self._page: Page | None = None
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin; what ``open_page`` raises keeps it from beginning."""
        self._page = self._open_page(self.figures)
        self._unsubscribe = self._subscribe(self.figures.count)
        self._poller.start()

    def stop(self, *, timeout_s: Seconds) -> None:
        """Look no more and close the page."""
        self._poller.stop(timeout_s=timeout_s)
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._page is not None:
            self._page.close(timeout_s)

    def on_change(self, change: OrderChange) -> None:
        """Note how long an attempt to submit took. Called by the thread that sent it, so it only puts a number by."""
        if change.event.event is EventKind.SUBMIT_ATTEMPTED and change.event.latency_ms is not None:
            self._latencies.append(float(change.event.latency_ms) / 1000)

    def look(self) -> None:
        """Count the latencies that came in, and look at all that can be looked at."""
        waiting = len(self._latencies)
        self.figures.time([self._latencies.popleft() for _ in range(waiting)])
        self.figures.set(self._look())
