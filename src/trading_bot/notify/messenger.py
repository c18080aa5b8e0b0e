"""The companion that tells a person on the phone what happens: events in, messages out to every service."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from trading_bot.bot_events import BotEvent, BotListener
from trading_bot.clock import Clock, Seconds
from trading_bot.config.notify_settings import NotifyRules, Rule
from trading_bot.notify.kinds import Kind, kind_of
from trading_bot.notify.lane import Lane
from trading_bot.notify.outbox import Message
from trading_bot.notify.summary import CloseAfter, DailySummary
from trading_bot.notify.wording import words_of
from trading_bot.order_management.poller import Poller

GIVEN_UP_AFTER_S: Seconds = 5.0
"""How long a stop waits for the last messages. Chosen: about the time in which a service that is well answers."""

_LISTENERS_S: Seconds = 1.0
_LOOK_EVERY_S: Seconds = 20.0
Mask: TypeAlias = Callable[[str], str]


class Events(Protocol):
    """Where the events of a bot come from."""

    def subscribe(self, listener: BotListener) -> Callable[[], None]:
        """Call ``listener`` with every later event, on a thread of its own; return what ends that."""
        ...

    def settle(self, timeout_s: Seconds) -> bool:
        """Wait until every listener has heard all there is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """When a day ends, and what is to be said of it then; None where there is nothing."""

    close_after: CloseAfter
    words: Callable[[], str | None]


class Messenger:
    """Makes a message of each event whose kind has a rule, and gives it to each lane. ``mask`` takes secrets out."""

    def __init__(
        self, lanes: Sequence[Lane], *, events: Events, rules: NotifyRules, mask: Mask, clock: Clock, day: Day
    ) -> None:
        self._lanes = tuple(lanes)
        self._events = events
        self._rules: Mapping[Kind, Rule] = {kind: getattr(rules, kind.value) for kind in Kind}
        self._mask = mask
        self._clock = clock
        self._unsubscribe: Callable[[], None] | None = None
        self._day = day
        daily = DailySummary(self._tell_of_the_day, close_after=day.close_after, clock=clock)
        self._days = Poller(daily.look, interval_s=_LOOK_EVERY_S)

    @property
    def waiting(self) -> int:
        """How many messages wait for all services together."""
        return sum(lane.waiting for lane in self._lanes)

    @property
    def left_out(self) -> int:
        """How many messages did not fit so far."""
        return sum(lane.left_out for lane in self._lanes)

    @property
    def failures(self) -> int:
        """How many sendings did not arrive so far."""
        return sum(lane.failures for lane in self._lanes)

    def start(self) -> None:
        """Listen and send from now on."""
        for lane in self._lanes:
            lane.start()
        self._unsubscribe = self._events.subscribe(self._on_event)
        self._days.start()

    def stop(self, *, timeout_s: Seconds) -> None:
        """Send what waits, at most for `GIVEN_UP_AFTER_S`, and give up the rest; how many those are is logged."""
        if self._unsubscribe is None:
            return
        until = self._clock.monotonic() + min(timeout_s, GIVEN_UP_AFTER_S)
        self._days.stop(timeout_s=0)
        self._events.settle(_LISTENERS_S)
        self._unsubscribe()
        for lane in self._lanes:
            lane.end()
        for lane in self._lanes:
            lane.join(until - self._clock.monotonic())

    def tell(self, kind: Kind, text: str, *, at: datetime) -> None:
        """Let a message wait for every service, if its kind has a rule."""
        rule = self._rules[kind]
        if rule is Rule.OFF:
            return
        title, urgent = kind.value.replace("_", " "), rule is Rule.URGENT
        message = Message(at=at, title=title, text=self._mask(text), is_urgent=urgent)
        for lane in self._lanes:
            lane.put(message)

    def _on_event(self, event: BotEvent) -> None:
        if (kind := kind_of(event)) is not None:
            self.tell(kind, words_of(event), at=event.at)

    def _tell_of_the_day(self, at: datetime) -> None:
        if (words := self._day.words()) is not None:
            self.tell(Kind.SUMMARY, words, at=at)
