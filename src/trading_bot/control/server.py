"""The holder's side of the control socket: it takes the commands of other processes while the bot trades on."""

import os
import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from trading_bot.clock import Clock, Seconds
from trading_bot.control.address import listen, peer_user
from trading_bot.control.protocol import LONGEST_REQUEST, CallRefusal, Channel, ChannelError, error_json
from trading_bot.logging.setup import get_logger
from trading_bot.operations import Command, CommandRunner, read_command
from trading_bot.order_json import JsonObject
from trading_bot.order_management.exceptions import (
    OrderError,
    OrderNotSentError,
    OrderValidationError,
    TradingHaltedError,
)

MOST_AT_ONCE = 8
"""Conversations held at the same time; one more is told to come back."""

MOST_WATCHING = 8
"""Callers that watch the bot at the same time. They keep no other command from being taken."""

_PATIENCE_S: Seconds = 5.0
"""How long a client may take to say what it wants, and to take each line of its answer."""

_DRAIN_S: Seconds = 30.0
"""How long a stop waits for work that was taken on: an order on its way, a cancel-all."""

_WATCHER_S: Seconds = 86_400.0
"""How long a watcher may leave its pipe full: it misses events meanwhile, and is told how many."""

_FAREWELL_S: Seconds = 2.0
"""How long a stop waits for watchers to take what is left."""

_PAUSE_S: Seconds = 0.1
_log = get_logger(__name__)


class ControlServer:
    """Listens at ``path`` from `start` to `stop`: one thread takes calls, one more answers each of them.

    Nothing a client does reaches the bot but the commands of `trading_bot.operations`.
    """

    def __init__(
        self,
        *,
        path: Path,
        clock: Clock,
        patience_s: Seconds = _PATIENCE_S,
        drain_s: Seconds = _DRAIN_S,
        farewell_s: Seconds = _FAREWELL_S,
        user_of: Callable[[socket.socket], int | None] = peer_user,
    ) -> None:
        self._path = path
        self._clock = clock
        self._patience_s = patience_s
        self._drain_s = drain_s
        self._farewell_s = farewell_s
        self._user_of = user_of
        self._lock = threading.Lock()
        self._stopping = False
        self._calls: dict[Channel, threading.Thread] = {}
        self._watchers: dict[Channel, threading.Thread] = {}
        self._at_work: set[Channel] = set()
        self._accepting: threading.Thread | None = None
        self._waker: socket.socket | None = None

    @property
    def calls(self) -> int:
        """How many conversations are going on."""
        with self._lock:
            return len(self._calls)

    def start(self, operations: CommandRunner) -> None:
        """Let ``operations`` perform what comes from now on; only the holder of the account's lease may do so.

        Raises:
            OSError: the socket cannot be made; the message says where.
        """
        listener = listen(self._path)
        listener.setblocking(False)  # a caller may be gone again by the time it is accepted
        self._waker, woken = socket.socketpair()
        self._stopping = False
        self._accepting = threading.Thread(
            target=self._take_calls, args=(listener, woken, operations), name="trading-bot-control", daemon=True
        )
        self._accepting.start()

    def stop(self) -> None:
        """Take no more calls, hang up on those that have sent nothing yet, and wait for work under way."""
        with self._lock:
            accepting, self._accepting = self._accepting, None
            self._stopping = True
            calls = dict(self._calls)
            idle = [channel for channel in calls if channel not in self._at_work]
        if accepting is None or self._waker is None:
            return
        self._waker.close()
        accepting.join()
        for channel in idle:
            channel.hang_up()
        deadline = self._clock.monotonic() + self._drain_s
        for thread in calls.values():
            thread.join(max(deadline - self._clock.monotonic(), 0.0))

    def let_watchers_go(self) -> None:
        """Wait a moment until those who watch have taken what is left of their feeds, then hang up on them."""
        with self._lock:
            watchers = dict(self._watchers)
        deadline = self._clock.monotonic() + self._farewell_s
        for channel, thread in watchers.items():
            thread.join(max(deadline - self._clock.monotonic(), 0.0))
            channel.hang_up()

    def _take_calls(self, listener: socket.socket, woken: socket.socket, operations: CommandRunner) -> None:
        with listener, woken, selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while all(key.fileobj is not woken for key, _ in selector.select()):
                self._take_call(listener, operations)
        with suppress(OSError):
            self._path.unlink()

    def _take_call(self, listener: socket.socket, operations: CommandRunner) -> None:
        try:
            connection, _ = listener.accept()
        except OSError as error:  # gone again, or too many open files: either passes
            _log.warning("control_call_lost", reason=error.strerror)
            self._clock.sleep(_PAUSE_S)
            return
        channel = Channel(connection, clock=self._clock)
        refusal = self._refusal(connection)
        if refusal is not None:
            channel.send({"error": error_json(refusal)}, timeout_s=self._patience_s)
            channel.close()
            return
        thread = threading.Thread(
            target=self._serve, args=(channel, operations), name="trading-bot-control-call", daemon=True
        )
        with self._lock:
            self._calls[channel] = thread
        thread.start()

    def _refusal(self, connection: socket.socket) -> OrderError | None:
        user = self._user_of(connection)
        if user not in (None, os.geteuid()):
            return TradingHaltedError(
                f"user {user} may not give orders here; use the account of the user who runs the bot",
                code="not_allowed",
            )
        with self._lock:
            if len(self._calls) >= MOST_AT_ONCE:
                return OrderNotSentError(
                    f"{MOST_AT_ONCE} requests are being worked on and nothing was done about this one; try again",
                    code=CallRefusal.BUSY,
                )
        return None

    def _serve(self, channel: Channel, operations: CommandRunner) -> None:
        try:
            channel.send(self._answered(channel, operations), timeout_s=self._patience_s)
        finally:
            with self._lock:
                self._calls.pop(channel, None)
                self._watchers.pop(channel, None)
                self._at_work.discard(channel)
            channel.close()

    def _answered(self, channel: Channel, operations: CommandRunner) -> JsonObject:
        try:
            command = read_command(self._request(channel))
            self._begin_work(channel, command)
            patience_s = _WATCHER_S if command.is_endless else self._patience_s

            # A caller who has gone away loses the news, not the work: sending never raises.
            def tell(part: JsonObject) -> bool:
                return channel.send({"progress": part}, timeout_s=patience_s)

            return {"reply": operations.perform(command, tell)}
        except OrderError as error:
            return {"error": error_json(error)}

    def _request(self, channel: Channel) -> bytes:
        try:
            return channel.read_line(longest=LONGEST_REQUEST, timeout_s=self._patience_s)
        except ChannelError as error:
            raise OrderValidationError(f"no request: {error}; send one line of JSON", code="bad_request") from error

    def _begin_work(self, channel: Channel, command: Command) -> None:
        with self._lock:
            if self._stopping:
                raise OrderNotSentError(
                    "the bot is stopping and did nothing; try again in a moment", code=CallRefusal.STOPPING
                )
            if not command.is_endless:
                self._at_work.add(channel)
            elif len(self._watchers) < MOST_WATCHING:
                self._watchers[channel] = self._calls.pop(channel)
            else:
                raise OrderNotSentError(
                    f"{MOST_WATCHING} others watch the bot already; end one of them and try again",
                    code=CallRefusal.BUSY,
                )
