"""What one HTTP request knows of its own sending: how far it got, and the permit to write.

A transport (our own connection class, or the paper exchange) finds the current `SendContext` here, because neither
requests nor urllib3 hands anything of ours down to the socket. The context is per call and per thread.
"""

import enum
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field

from trading_bot.clock import Seconds
from trading_bot.order_management.ports import SendPermit


class SendPhase(enum.StrEnum):
    """How far a request got, in order."""

    BEGUN = "begun"
    CONNECTED = "connected"
    WRITING = "writing"
    SENT = "sent"
    HEADERS_READ = "headers_read"
    BODY_READ = "body_read"


@dataclass(slots=True, kw_only=True)
class SendContext:
    """The state of one request in flight. ``deadline`` is a point on the session's monotonic clock."""

    deadline: Seconds
    permit: SendPermit = field(default_factory=nullcontext)
    phase: SendPhase = SendPhase.BEGUN
    is_submit: bool = False
    """Whether the request may create an order, so that its bytes must not outlive this attempt."""
    bytes_written: int | None = None
    """How many bytes were handed to the socket; None where the transport does not count them."""

    @property
    def first_byte_written(self) -> bool:
        """Whether the broker may have seen any of the request."""
        return self.phase not in (SendPhase.BEGUN, SendPhase.CONNECTED)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the permit while bytes are written; a transport writes nothing outside of this."""
        with self.permit:
            self.phase = SendPhase.WRITING
            yield
            self.phase = SendPhase.SENT


_current: ContextVar[SendContext | None] = ContextVar("trading_bot_send_context", default=None)


@contextmanager
def sending(context: SendContext) -> Iterator[SendContext]:
    """Make ``context`` the current one for the calls inside."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def current_send_context() -> SendContext:
    """Return the context of the request being sent.

    Raises:
        RuntimeError: a transport was used outside of the broker session, so no permit and no deadline exist.
    """
    context = _current.get()
    if context is None:
        raise RuntimeError("this transport only serves requests of the broker session")
    return context
