"""What is said over the control socket, by both ends.

What it guarantees: one connection carries one command. The request is one line of JSON, whose ``command`` names it.
The answer is any number of ``{"progress": ...}`` lines, then one ``{"reply": ...}`` or ``{"error": ...}``, then the
end. An order error arrives with its type, code, message and facts, as if it had been raised in the caller's process; a
type that this version does not know arrives as a plain order error. A command without an end (``watch_events``) is
answered by parts until the bot stops; an empty part says that the bot is well and has no news.

Against what: a holder that hangs (a ping goes first, so that it is found out before it is given anything to do), a
holder that ends in the middle (a lost answer to something that may change an order is an unknown outcome and is never
repeated), a caller that goes away (the work is finished all the same), another user (the file is private, and the peer
is checked where the system names it), and lines without an end (both directions have a longest line).

What it does not: it does not cross machines, and it does not order two commands; the order layer does that.
"""

import enum
import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, InstanceOf, ValidationError

from trading_bot.clock import Clock, Seconds
from trading_bot.order_json import JsonObject, cancel_result_json, envelope_json
from trading_bot.order_management import exceptions
from trading_bot.order_management.exceptions import OrderCancellationError, OrderError, OrderRejectedError
from trading_bot.order_management.models import OrderEnvelope
from trading_bot.order_management.results import CancelResult

LONGEST_REQUEST = 64 * 1024
"""Bytes of the one line of a request."""

LONGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of one line of an answer: a journal of many years."""

_CHUNK = 64 * 1024
_ERRORS: Mapping[str, type[OrderError]] = {
    kind.__name__: kind
    for kind in (
        exceptions.OrderError,
        exceptions.OrderValidationError,
        exceptions.UnsupportedOrderTypeError,
        exceptions.TradingHaltedError,
        exceptions.DuplicateOrderError,
        exceptions.TradeRefusedError,
        exceptions.OrderSubmissionError,
        exceptions.OrderRejectedError,
        exceptions.OrderNotSentError,
        exceptions.AuthenticationError,
        exceptions.OrderOutcomeUnknownError,
        exceptions.OrderCancellationError,
        exceptions.OrderStatusError,
        exceptions.OrderNotFoundError,
        exceptions.OrderLogError,
        exceptions.OrderLogDamagedError,
    )
}


class CallRefusal(enum.StrEnum):
    """Codes of an `OrderNotSentError` that is about the call and not about an order: nothing was even tried."""

    BUSY = "busy"
    STOPPING = "stopping"


class ChannelError(Exception):
    """The other side went away, was silent too long, or does not speak this protocol."""


class Channel:
    """Lines over one connected socket. Both sides count time as silence of the other, not as work."""

    def __init__(self, connection: socket.socket, *, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._rest = bytearray()

    def read_line(self, *, longest: int, timeout_s: Seconds) -> bytes:
        """Return the next line without its end, once it is there in full.

        Raises:
            ChannelError: it did not come within ``timeout_s`` or is longer than ``longest`` bytes.
        """
        deadline = self._clock.monotonic() + timeout_s
        seen = 0
        while (end := self._rest.find(b"\n", seen)) < 0:
            seen = len(self._rest)
            if seen > longest:
                break
            self._rest += self._received(deadline - self._clock.monotonic())
        if not 0 <= end <= longest:
            raise ChannelError(f"a line is longer than {longest} bytes")
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return line

    def send(self, message: JsonObject, *, timeout_s: Seconds) -> bool:
        """Send one message as a line; say whether all of it went."""
        try:
            self._connection.settimeout(timeout_s)
            self._connection.sendall(encoded(message))
        except OSError:
            return False
        return True

    def hang_up(self) -> None:
        """End the conversation for both sides; a thread that waits in `read_line` wakes up."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket back."""
        self._connection.close()

    def _received(self, timeout_s: Seconds) -> bytes:
        if timeout_s <= 0:
            raise ChannelError("nothing came in time")
        try:
            self._connection.settimeout(timeout_s)
            chunk = self._connection.recv(_CHUNK)
        except TimeoutError as error:
            raise ChannelError("nothing came in time") from error
        except OSError as error:
            raise ChannelError(f"the connection broke: {error.strerror}") from error
        if not chunk:
            raise ChannelError("the other side hung up")
        return chunk


def encoded(message: JsonObject) -> bytes:
    """Return a message as a line of ASCII."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def error_json(error: OrderError) -> JsonObject:
    """Return everything an order error says."""
    rejected = error if isinstance(error, OrderRejectedError) else None
    results = error.results if isinstance(error, OrderCancellationError) else ()
    return {
        "type": _wire_type(type(error)),
        "code": error.code,
        "message": str(error),
        "client_order_id": error.client_order_id,
        "order_id": error.order_id,
        "symbol": error.symbol,
        "reason": rejected and rejected.reason,
        "status_code": rejected and rejected.status_code,
        "results": [cancel_result_json(result) for result in results],
        "order": envelope_json(error.envelope) if error.envelope else None,
    }


def _wire_type(kind: type[OrderError]) -> str:
    return next(base.__name__ for base in kind.__mro__ if base.__name__ in _ERRORS)


def _read_order(value: object) -> OrderEnvelope:
    try:
        return msgspec.convert(value, OrderEnvelope, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str
    code: str
    message: str
    client_order_id: str | None = None
    order_id: str | None = None
    symbol: str | None = None
    reason: str | None = None
    status_code: int | None = None
    results: tuple[CancelResult, ...] = ()
    order: Annotated[InstanceOf[OrderEnvelope], BeforeValidator(_read_order)] | None = None


def read_error(value: object) -> OrderError:
    """Return the order error that `error_json` described; one of an unknown type is a plain `OrderError`.

    Raises:
        ChannelError: this describes no error.
    """
    try:
        facts = _Facts.model_validate(value)
    except ValidationError as error:
        raise ChannelError("the answer cannot be read") from error
    found = _rebuilt(_ERRORS.get(facts.type, OrderError), facts)
    found.code, found.client_order_id, found.order_id = facts.code, facts.client_order_id, facts.order_id
    found.symbol, found.envelope = facts.symbol, facts.order
    return found


def _rebuilt(kind: type[OrderError], facts: _Facts) -> OrderError:
    if issubclass(kind, OrderCancellationError):
        return kind(facts.message, results=facts.results)
    if issubclass(kind, OrderRejectedError):
        return kind(facts.message, reason=facts.reason or "", status_code=facts.status_code or 0)
    return kind(facts.message)
