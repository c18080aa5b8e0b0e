"""Carries events to those who listen, and lets nobody hold up an order.

The thread that recorded a fact only puts its events into a queue of each listener, and goes on. Each listener of
`EventFeeds.subscribe` is called by a thread of its own, one event after the other: a slow one delays nobody else, one
that raises is logged and gets the next event, and one that trades from within its call waits for nothing that waits for
it. Its queue has no limit, because a strategy must not miss a fill. The thread lives only while there is something to
tell.

An `EventFeed` is for a reader at the end of a pipe, who may stop reading for ever. It has a limit: what comes when it
is full is counted, and the reader is told how many events are missing, at the place where they would have been.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from trading_bot.bot_events import BotEvent, BotListener, events_of_change, events_of_fact
from trading_bot.clock import Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.order_listeners import OrderChange, PlainFact

FEED_LIMIT = 1_000
"""Events that wait for one reader. Chosen: a busy day of signals, and about a megabyte."""

SLOW_AT = 1_000
"""Events that wait for one listener when the log says that it is slow. Chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsMissed:
    """A watcher that was too slow to read: this many events are not told to it. The journal has them all."""

    at: datetime
    """When the latest of them happened."""
    count: int


News: TypeAlias = BotEvent | EventsMissed
StartThread: TypeAlias = Callable[[threading.Thread], None]
_log = get_logger(__name__)


class _Outlet(Protocol):
    @property
    def waiting(self) -> int: ...

    def put(self, event: BotEvent) -> None: ...


class EventFeed:
    """A bounded queue of events for one reader. Whoever writes never waits. Safe to use from several threads."""

    def __init__(self, limit: int = FEED_LIMIT, *, close: Callable[["EventFeed"], object] = lambda _feed: None) -> None:
        self._limit = limit
        self._close = close
        self._waiting: deque[News] = deque()
        self._missed: EventsMissed | None = None
        self._is_ended = False
        self._changed = threading.Condition()

    @property
    def is_over(self) -> bool:
        """Whether the feed was ended and nothing of it is left to read."""
        with self._changed:
            return self._is_ended and not self._waiting and self._missed is None

    @property
    def waiting(self) -> int:
        """How many events wait to be read."""
        with self._changed:
            return len(self._waiting)

    def put(self, event: BotEvent) -> None:
        """Let it wait to be read, or count it as missed where no more fit."""
        with self._changed:
            if len(self._waiting) >= self._limit:
                count = 1 if self._missed is None else self._missed.count + 1
                self._missed = EventsMissed(at=event.at, count=count)
            else:
                self._note_missed()
                self._waiting.append(event)
            self._changed.notify_all()

    def take(self, timeout_s: Seconds) -> News | None:
        """Return the next one; None where none came within ``timeout_s`` real seconds, or the feed is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._missed or self._is_ended, timeout_s)
            if not self._waiting:
                self._note_missed()
            return self._waiting.popleft() if self._waiting else None

    def end(self) -> None:
        """Take no more events; the reader gets those that wait."""
        with self._changed:
            self._is_ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Read no more of it."""
        self._close(self)

    def _note_missed(self) -> None:
        if self._missed is not None:
            self._waiting.append(self._missed)
            self._missed = None


class _Subscription:
    """Calls one listener with each event, on a thread that lives as long as events wait."""

    def __init__(self, listener: BotListener, *, start: StartThread) -> None:
        self._listener = listener
        self._start = start
        self._waiting: deque[BotEvent] = deque()
        self._worker: threading.Thread | None = None
        self._is_cancelled = False
        self._changed = threading.Condition()

    def put(self, event: BotEvent) -> None:
        with self._changed:
            if self._is_cancelled:
                return
            self._waiting.append(event)
            if len(self._waiting) == SLOW_AT:
                name = getattr(self._listener, "__qualname__", type(self._listener).__name__)
                _log.warning("event_listener_slow", reason=f"{SLOW_AT} events wait for {name}")
            if self._worker is None:
                self._begin()

    def cancel(self) -> None:
        with self._changed:
            self._is_cancelled = True
            self._waiting.clear()

    def settle(self, timeout_s: Seconds) -> bool:
        with self._changed:
            if self._worker is threading.current_thread():
                return True  # it waits for itself, and for what comes after it
            return self._changed.wait_for(lambda: self._worker is None, timeout_s) and not self._waiting

    @property
    def waiting(self) -> int:
        with self._changed:
            return len(self._waiting)

    @property
    def is_this_thread(self) -> bool:
        with self._changed:
            return self._worker is threading.current_thread()

    def _begin(self) -> None:
        worker = threading.Thread(target=self._work, name="trading-bot-listener", daemon=True)
        try:
            self._start(worker)
        except RuntimeError as error:  # no more threads, or the interpreter ends: the next event tries again
            _log.error("event_listener_not_called", problem=str(error))
        else:
            self._worker = worker

    def _work(self) -> None:
        while (event := self._next()) is not None:
            try:
                self._listener(event)
            except BaseException:  # noqa: BLE001 - anybody's code, a sys.exit() in it too; the next event is told
                _log.exception("event_listener_failed")

    def _next(self) -> BotEvent | None:
        with self._changed:
            if self._waiting:
                return self._waiting.popleft()
            self._worker = None
            self._changed.notify_all()
            return None


class EventFeeds:
    """Everybody who listens to one bot. Without listeners nothing is made, queued or started."""

    def __init__(self, *, start: StartThread = threading.Thread.start) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._subscriptions: tuple[_Subscription, ...] = ()
        self._feeds: tuple[EventFeed, ...] = ()

    def subscribe(self, listener: BotListener) -> Callable[[], None]:
        """Call ``listener`` with every later event, on a thread of its own; return what ends that.

        The events of one order come in order; see `trading_bot.bot_events` for what is told when. What the listener
        raises is logged as ``event_listener_failed``. It may trade, cancel and stop the bot. Once the returned
        function was called, no further event is told; a call under way goes on.

        Raises:
            TypeError: the listener is nothing that can be called.
        """
        if not callable(listener):
            raise TypeError(f"a listener is a function of one event, not {type(listener).__name__}; give the function")
        subscription = _Subscription(listener, start=self._start)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)

        def unsubscribe() -> None:
            with self._lock:
                self._subscriptions = tuple(one for one in self._subscriptions if one is not subscription)
            subscription.cancel()

        return unsubscribe

    def open_feed(self, limit: int = FEED_LIMIT) -> EventFeed:
        """Return a feed of every later event, until the bot stops or the reader closes it."""
        feed = EventFeed(limit, close=self._drop)
        with self._lock:
            self._feeds = (*self._feeds, feed)
        return feed

    def settle(self, timeout_s: Seconds = 5.0) -> bool:
        """Wait until every listener has heard all there is, at most ``timeout_s`` real seconds each; say whether so.

        Called by a listener, it waits for the others only.
        """
        with self._lock:
            subscriptions = self._subscriptions
        settled = [subscription.settle(timeout_s) for subscription in subscriptions]
        return all(settled)

    @property
    def is_calling(self) -> bool:
        """Whether this thread is one that calls a listener just now."""
        return any(subscription.is_this_thread for subscription in self._subscriptions)

    def end_feeds(self) -> None:
        """Let every reader come to the end of what there is: the bot stops."""
        with self._lock:
            feeds, self._feeds = self._feeds, ()
        for feed in feeds:
            feed.end()

    def tell(self, events: Iterable[BotEvent]) -> None:
        """Tell them to everybody. Never waits."""
        outlets = self._outlets()
        for event in events:
            for outlet in outlets:
                outlet.put(event)

    def on_change(self, change: OrderChange) -> None:
        """Tell what a change of an order means."""
        if self.is_heard:
            self.tell(events_of_change(change))

    def on_fact(self, fact: PlainFact) -> None:
        """Tell what a fact of no order means."""
        if self.is_heard:
            self.tell(events_of_fact(fact))

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._subscriptions or self._feeds)

    @property
    def waiting(self) -> int:
        """How many events wait for the slowest of those who listen."""
        return max((outlet.waiting for outlet in self._outlets()), default=0)

    def _outlets(self) -> tuple[_Outlet, ...]:
        with self._lock:
            return (*self._subscriptions, *self._feeds)

    def _drop(self, feed: EventFeed) -> None:
        with self._lock:
            self._feeds = tuple(one for one in self._feeds if one is not feed)
