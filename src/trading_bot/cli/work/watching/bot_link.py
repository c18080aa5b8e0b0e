"""The threads that talk to the watched bot: one asks for the view, one follows the events, one for each cancel."""

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from trading_bot.account_in_use import AccountInUseError
from trading_bot.cli.render.answers import Answer, cancel_line, part
from trading_bot.clock import Clock, Seconds
from trading_bot.control.client import HolderSilentError, follow_holder, send_to_holder
from trading_bot.operations import CancelOrder, ShowView, WatchEvents
from trading_bot.order_management.exceptions import OrderError

LOOK_EVERY_S: Seconds = 1.0
"""How long after an answer the view is asked for again. Chosen."""

SILENCE_S: Seconds = 10.0
"""How long one answer is waited for. Chosen: longer than the bot may take to read prices."""

EVENTS_SILENCE_S: Seconds = 30.0
"""A bot that is well says something every five seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The view as the bot answered it; ``asked_at`` is a point on the monotonic clock."""

    view: Answer
    asked_at: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAnswered:
    """The bot was asked for the view and did not answer."""

    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTold:
    """Something happened."""

    event: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsBegin:
    """Events are told from here on; what happened before is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsEnd:
    """No events are told any more until they begin again."""

    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelEnded:
    """A cancel was answered, or its answer was lost; ``said`` says which."""

    order_id: str
    said: str


News: TypeAlias = Seen | NotAnswered | EventTold | EventsBegin | EventsEnd | CancelEnded
Tell: TypeAlias = Callable[[News], object]
"""Takes news from any thread; must not raise."""


class Link(Protocol):
    """What the screen asks of the bot's side."""

    def begin(self, tell: Tell) -> None:
        """Ask and follow from now on, and tell what comes."""
        ...

    def cancel(self, order_id: str) -> bool:
        """Begin to cancel an order; False where its cancel is under way already."""
        ...

    def end(self) -> None:
        """Ask and follow no more; cancels go on."""
        ...


class BotLink:
    """Asks the bot at ``socket``, ``every_s`` after its last answer.

    ``cancel_timeout_s`` is the longest silence that a cancel waits for.
    """

    def __init__(
        self, socket: Path, *, clock: Clock, cancel_timeout_s: Seconds, every_s: Seconds = LOOK_EVERY_S
    ) -> None:
        self._socket = socket
        self._clock = clock
        self._cancel_timeout_s = cancel_timeout_s
        self._every_s = every_s
        self._ended = threading.Event()
        self._tell: Tell = _nobody
        self._lock = threading.Lock()
        self._cancels: dict[str, threading.Thread] = {}

    def look(self) -> Seen:
        """Ask for the view once.

        Raises:
            AccountInUseError: the bot does not answer; `HolderAbsentError` where there is none.
            OrderError: it refuses.
        """
        asked_at = self._clock.monotonic()
        view = send_to_holder(self._socket, ShowView(), clock=self._clock, timeout_s=SILENCE_S)
        return Seen(view=view, asked_at=asked_at)

    def begin(self, tell: Tell) -> None:
        """Ask and follow from now on, and tell what comes."""
        self._tell = tell
        for work in (self._keep_looking, self._keep_following):
            threading.Thread(target=work, name="trading-bot-watch", daemon=True).start()

    def cancel(self, order_id: str) -> bool:
        """Begin to cancel an order; False where its cancel is under way already."""
        with self._lock:
            if order_id in self._cancels:
                return False
            # No daemon: the answer is waited for, also after the screen was closed.
            thread = threading.Thread(target=self._cancel, args=(order_id,), name="trading-bot-cancel")
            self._cancels[order_id] = thread
            thread.start()
        return True

    def end(self) -> None:
        """Ask and follow no more; cancels go on."""
        self._ended.set()

    def cancels_under_way(self) -> tuple[threading.Thread, ...]:
        """Return the threads of the cancels that were not answered yet."""
        with self._lock:
            return tuple(self._cancels.values())

    def tell_to(self, tell: Tell) -> None:
        """Tell somebody else from now on."""
        self._tell = tell

    def _keep_looking(self) -> None:
        while not self._ended.wait(self._every_s):
            try:
                self._tell(self.look())
            except (OrderError, AccountInUseError) as error:
                self._tell(NotAnswered(problem=_cause(error)))

    def _keep_following(self) -> None:
        while not self._ended.is_set():
            try:
                self._follow()
            except (OrderError, AccountInUseError) as error:
                self._tell(EventsEnd(problem=_cause(error)))
            else:
                self._tell(EventsEnd(problem="the bot has stopped"))
            self._ended.wait(self._every_s)

    def _follow(self) -> None:
        news = follow_holder(self._socket, WatchEvents(), clock=self._clock, timeout_s=EVENTS_SILENCE_S)
        with closing(news) as each_part:
            for told in each_part:
                if self._ended.is_set():
                    return
                if (event := part(told, "event")) is not None:
                    self._tell(EventTold(event=event))
                elif "watching" in told:
                    self._tell(EventsBegin())

    def _cancel(self, order_id: str) -> None:
        try:
            command = CancelOrder(id=order_id)
            answer = send_to_holder(self._socket, command, clock=self._clock, timeout_s=self._cancel_timeout_s)
            said = cancel_line(answer)
            if not answer.get("proven_closed"):
                said = f"{said}; it may still trade: look at it again"
        except (OrderError, AccountInUseError) as error:
            said = f"cancel of {order_id}: {error}"
        finally:
            with self._lock:
                del self._cancels[order_id]
        self._tell(CancelEnded(order_id=order_id, said=said))


def _cause(error: OrderError | AccountInUseError) -> str:
    return error.cause if isinstance(error, HolderSilentError) else str(error)


def _nobody(_news: News) -> None:
    """Nobody listens yet."""
