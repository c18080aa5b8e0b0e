"""The sending side of the control socket. A request is sent once; what became of an unanswered one is never guessed."""

import json
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from trading_bot.account_in_use import AccountInUseError
from trading_bot.clock import Clock, Seconds
from trading_bot.control.address import connect
from trading_bot.control.protocol import (
    LONGEST_ANSWER,
    LONGEST_REQUEST,
    Channel,
    ChannelError,
    encoded,
    read_error,
)
from trading_bot.operations import Command, Ping, Progress, no_progress
from trading_bot.order_json import JsonObject
from trading_bot.order_management.exceptions import OrderOutcomeUnknownError, OrderValidationError

_GREETING_S: Seconds = 5.0
"""A holder that is well answers a ping in milliseconds, whatever else it is doing."""


class HolderSilentError(AccountInUseError):
    """The process that holds the account does not answer, and nothing was done here; ``pid`` names it if known."""

    def __init__(self, pid: int | None, cause: str) -> None:
        super().__init__(pid)
        self.cause = cause
        named = "the process that holds this account" if pid is None else f"process {pid} holds this account and"
        self.args = (f"{named} does not answer ({cause}); see whether it is well, or stop it and try again",)


class HolderAbsentError(HolderSilentError):
    """Nobody listens: the holder has just gone, has not come up yet, or takes no commands."""


class ReplyLostError(OrderOutcomeUnknownError):
    """The request was handed over and no answer came: it may or may not have been done. Never repeat it blindly."""

    code = "reply_lost"


def send_to_holder(
    path: Path,
    command: Command,
    *,
    clock: Clock,
    timeout_s: Seconds,
    on_progress: Progress = no_progress,
    pid: int | None = None,
) -> JsonObject:
    """Let the process that listens at ``path`` perform it; ``timeout_s`` is the longest silence that is waited for.

    A ping goes first, so that a holder that hangs is found out before it is given anything to do.

    Raises:
        OrderError: the holder's own, as if it had been raised here.
        HolderAbsentError: nobody listens; nothing was done.
        HolderSilentError: it does not answer; nothing was done, or nothing that changes an order.
        ReplyLostError: the answer to something that may have changed an order was lost.
    """
    request: JsonObject = command.on_the_wire()
    if len(encoded(request)) > LONGEST_REQUEST:
        raise OrderValidationError(f"the request is longer than {LONGEST_REQUEST} bytes; send less", code="too_long")
    if not isinstance(command, Ping):
        patience = min(timeout_s, _GREETING_S)
        pid = _pid_in(_Call(path, pid=pid, clock=clock, timeout_s=patience).answer(Ping())) or pid
    return _Call(path, pid=pid, clock=clock, timeout_s=timeout_s).answer(command, on_progress)


def follow_holder(
    path: Path, command: Command, *, clock: Clock, timeout_s: Seconds, pid: int | None = None
) -> Generator[JsonObject, None, None]:
    """Yield each part of an endless command's answer as it comes, until the process that listens at ``path`` ends it.

    Raises:
        OrderError: the holder's own, as if it had been raised here.
        HolderAbsentError: nobody listens.
        HolderSilentError: it was silent for ``timeout_s``, or went away without an end.
    """
    return _Call(path, pid=pid, clock=clock, timeout_s=timeout_s).parts(command)


def _pid_in(greeting: JsonObject) -> int | None:
    pid = greeting.get("pid")
    return pid if isinstance(pid, int) else None


class _Call:
    """One command over a connection of its own."""

    def __init__(self, path: Path, *, pid: int | None, clock: Clock, timeout_s: Seconds) -> None:
        self._path = path
        self._pid = pid
        self._clock = clock
        self._timeout_s = timeout_s

    def answer(self, command: Command, on_progress: Progress = no_progress) -> JsonObject:
        with closing(self._connected()) as channel:
            sent = channel.send(command.on_the_wire(), timeout_s=self._timeout_s)
            try:
                # A holder that refuses the call says so without listening, so an unsent request may have an answer.
                return self._reply(channel, on_progress)
            except ChannelError as error:
                if sent and command.may_change_orders:
                    raise self._lost(error) from error
                raise HolderSilentError(self._pid, str(error)) from error

    def parts(self, command: Command) -> Generator[JsonObject, None, None]:
        with closing(self._connected()) as channel:
            channel.send(command.on_the_wire(), timeout_s=self._timeout_s)
            try:
                is_last, part = self._part(channel)
                while not is_last:
                    yield part
                    is_last, part = self._part(channel)
            except ChannelError as error:
                raise HolderSilentError(self._pid, str(error)) from error

    def _connected(self) -> Channel:
        try:
            return Channel(connect(self._path, timeout_s=self._timeout_s), clock=self._clock)
        except (FileNotFoundError, ConnectionRefusedError, BlockingIOError) as error:
            raise HolderAbsentError(self._pid, "nobody listens") from error
        except OSError as error:
            raise HolderSilentError(self._pid, error.strerror or str(error)) from error

    def _reply(self, channel: Channel, on_progress: Progress) -> JsonObject:
        is_last, part = self._part(channel)
        while not is_last:
            on_progress(part)
            is_last, part = self._part(channel)
        return part

    def _part(self, channel: Channel) -> tuple[bool, JsonObject]:
        """Return the next part of an answer, and whether it is the last: the reply."""
        match self._message(channel):
            case {"progress": dict(part)}:
                return False, part
            case {"reply": dict(reply)}:
                return True, reply
            case {"error": described}:
                raise read_error(described)
            case _:
                raise ChannelError("the answer cannot be read")

    def _message(self, channel: Channel) -> object:
        line = channel.read_line(longest=LONGEST_ANSWER, timeout_s=self._timeout_s)
        try:
            return json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ChannelError("the answer is not JSON") from error

    def _lost(self, error: ChannelError) -> ReplyLostError:
        holder = "the process that holds the account" if self._pid is None else f"process {self._pid}"
        return ReplyLostError(
            f"{holder} was given the request and did not answer ({error}): it is not known whether it was done; look "
            "at the orders before you try again"
        )
