"""One service and the thread that sends to it: a service that is slow or dead holds up no other one."""

import enum
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from trading_bot.clock import Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.notify.outbox import Batch, Message, Outbox

_LOOK_AGAIN_S: Seconds = 30.0
"""How long at most until the wall clock is looked at again, for the end of the quiet hours. Chosen."""

TextOf: TypeAlias = Callable[[Batch], tuple[str, str]]
_log = get_logger(__name__)


class Delivery(enum.StrEnum):
    """What became of one sending."""

    DELIVERED = "delivered"
    FAILED = "failed"
    TIMED_OUT = "timed_out"  # it may have arrived


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """The result of one sending, and what the service said, without any secret."""

    delivery: Delivery
    problem: str | None = None


class Service(Protocol):
    """Sends texts to one place."""

    @property
    def name(self) -> str:
        """Say which service it is, without any secret."""
        ...

    def send(self, title: str, body: str) -> Sending:
        """Send once; what can go wrong on the way is in the result."""
        ...


class Lane:
    """Gives the messages of an outbox to a service, on a thread of its own that ends with the process."""

    def __init__(self, service: Service, outbox: Outbox, *, text_of: TextOf) -> None:
        self._service = service
        self._outbox = outbox
        self._text_of = text_of
        self._changed = threading.Condition()
        self._is_ending = False
        self._thread = threading.Thread(target=self._work, name="trading-bot-notify", daemon=True)
        self.left_out = 0
        """Messages that did not fit, so far."""
        self.failures = 0
        """Sendings that did not arrive, so far."""

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        with self._changed:
            return len(self._outbox)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def put(self, message: Message) -> None:
        """Let a message wait to be sent. Never waits for the network."""
        with self._changed:
            self.left_out += self._outbox.put(message)
            self._changed.notify_all()

    def end(self) -> None:
        """Send what may go now once, and nothing after that."""
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()

    def join(self, timeout_s: Seconds) -> None:
        """Wait for the end of the last sending, or give it up."""
        self._thread.join(max(timeout_s, 0))
        if lost := self.waiting:
            _log.warning("messages_not_sent", count=lost, problem=f"{self._service.name} did not take them in time")

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            sending = self._sent(batch)
            with self._changed:
                if sending.delivery is Delivery.DELIVERED:
                    self._outbox.delivered()
                    continue
                self.failures += 1
                self.left_out += self._outbox.failed(batch)
                if self._is_ending:
                    return
            _log.warning("message_not_delivered", problem=f"{self._service.name}: {sending.problem}")

    def _next(self) -> Batch | None:
        with self._changed:
            while (batch := self._outbox.take(at_once=self._is_ending)) is None and not self._is_ending:
                wait_s = self._outbox.wait_s()
                self._changed.wait(min(wait_s, _LOOK_AGAIN_S) if wait_s > 0 else _LOOK_AGAIN_S)
            return batch

    def _sent(self, batch: Batch) -> Sending:
        title, body = self._text_of(batch)
        try:
            return self._service.send(title, body)
        except Exception as error:  # noqa: BLE001 - anybody's plug-in; the next message has to be sent all the same
            return Sending(delivery=Delivery.FAILED, problem=f"an error of its own ({type(error).__name__})")
