"""Runners that answer from a script, and socket ends that misbehave."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from tests.support.paper_market import MONDAY
from trading_bot.bot import TradingBot
from trading_bot.control.address import listen
from trading_bot.event_feeds import EventFeeds
from trading_bot.lease import ProcessInfo
from trading_bot.operations import Command, CommandContext, Progress, WatchEvents, no_progress
from trading_bot.order_json import JsonObject


class ScriptedRunner:
    """Notes what it performs; tells ``parts``, then answers ``reply`` or raises ``error``."""

    def __init__(self) -> None:
        self.performed: list[Command] = []
        self.parts: list[JsonObject] = []
        self.reply: JsonObject = {"v": 1}
        self.error: Exception | None = None

    def perform(self, command: Command, on_progress: Progress = no_progress) -> JsonObject:
        self.performed.append(command)
        for part in self.parts:
            on_progress(part)
        if self.error is not None:
            raise self.error
        return self.reply


class BusyRunner(ScriptedRunner):
    """Works until it is told to finish; ``begun`` counts the commands it has taken up."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Semaphore(0)
        self.finish = threading.Event()

    def perform(self, command: Command, on_progress: Progress = no_progress) -> JsonObject:
        reply = super().perform(command, on_progress)
        self.begun.release()
        self.finish.wait(10)
        return reply


class WatchedRunner(ScriptedRunner):
    """Performs a watch as a bot with these feeds would."""

    def __init__(self, feeds: EventFeeds) -> None:
        super().__init__()
        self._bot = SimpleNamespace(events=feeds)

    def perform(self, command: Command, on_progress: Progress = no_progress) -> JsonObject:
        if not isinstance(command, WatchEvents):
            return super().perform(command, on_progress)
        bot, holder = cast("TradingBot", self._bot), ProcessInfo(pid=4711, since=MONDAY)
        return command.perform(CommandContext(bot=bot, holder=holder, on_progress=on_progress))


@contextmanager
def strange_holder(path: Path, *talks: Callable[[socket.socket], object]) -> Iterator[None]:
    """Listen as a holder would, but give each caller in turn to one of ``talks`` and then hang up."""

    def take_calls() -> None:
        for talk in talks:
            connection, _ = listener.accept()
            with connection:
                talk(connection)

    with listen(path) as listener:
        thread = threading.Thread(target=take_calls, daemon=True)
        thread.start()
        yield
        thread.join(5)
    path.unlink(missing_ok=True)


def says(text: bytes) -> Callable[[socket.socket], object]:
    """Read the request, then answer ``text`` whatever it was."""

    def talk(connection: socket.socket) -> None:
        while not connection.recv(65536).endswith(b"\n"):
            pass
        connection.sendall(text)

    return talk


GREETS = says(b'{"reply":{"pid":4711}}\n')
