"""What is said over the control socket, at both ends: a request to the holder, and the holder's answer."""

import json
import socket
import threading
import zlib
from pathlib import Path
from typing import cast

from tests.fuzz.bounds import refuse_control, refuse_secrets
from tests.fuzz.doors.whole_bot import whole_bot
from tests.support.command_clients import ScriptedRunner
from tests.support.scripted_broker import clock
from trading_bot.control.client import HolderSilentError, _Call
from trading_bot.control.protocol import Channel
from trading_bot.control.server import ControlServer
from trading_bot.lease import ProcessInfo
from trading_bot.operations import Command, ListOrders, Operations, PlaceOrder, read_command
from trading_bot.order_json import JsonObject
from trading_bot.order_management.exceptions import OrderError
from trading_bot.testing import MONDAY_MORNING

_PIECE = 8192
_WHOLE_ONE_IN = 16
_LONGEST_MESSAGE = 4096
_HELD = 50
"""AAPL of the whole bot's account."""


class _Line:
    """The socket of one conversation: gives what the other side sent, then its end."""

    def __init__(self, data: bytes) -> None:
        self._rest = data
        self.sent = bytearray()
        self.is_closed = False

    def recv(self, size: int) -> bytes:
        """Give the next piece."""
        piece, self._rest = self._rest[: min(size, _PIECE)], self._rest[min(size, _PIECE) :]
        return piece

    def settimeout(self, _seconds: float) -> None:
        """Wait for nothing."""

    def sendall(self, data: bytes) -> None:
        """Keep what is answered."""
        self.sent += data

    def shutdown(self, _how: int) -> None:
        """There is nobody."""

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


class ControlRequests:
    """What reaches the holder: it is performed if it is one of the commands, and else nothing is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, data: bytes) -> str:
        """Let the holder's side answer it, then perform some of the good ones with a whole bot."""
        runner, line = ScriptedRunner(), _Line(data)
        server = ControlServer(path=self._folder / "control.sock", clock=clock())
        channel = Channel(cast("socket.socket", line), clock=clock())
        server._calls[channel] = threading.current_thread()
        server._serve(channel, runner)
        answer = json.loads(bytes(line.sent))
        assert line.is_closed, "the conversation was left open"
        assert server.calls == 0
        if not runner.performed:
            refuse_control(answer["error"]["message"])
            assert len(answer["error"]["message"]) <= _LONGEST_MESSAGE, "the message is as long as the request"
            return f"refused {answer['error']['code']}"
        [command] = runner.performed
        assert read_command(json.dumps(command.on_the_wire()).encode()) == command, "it reads back as another command"
        if not command.is_endless and zlib.crc32(data) % _WHOLE_ONE_IN == 0:
            self._perform(command)
        return "performed"

    def _perform(self, command: Command) -> None:
        with whole_bot(self._folder) as whole:
            operations = Operations(whole.bot, holder=ProcessInfo(pid=4711, since=MONDAY_MORNING))
            try:
                json.dumps(operations.perform(command, lambda _: None), allow_nan=False)
            except OrderError as error:
                refuse_control(str(error))
            if not command.may_change_orders:
                assert not whole.broker.orders, "a look made an order"
            orders = [(order.symbol, order.side.value, order.quantity) for order in whole.broker.orders]
        check_orders(command, orders)


def check_orders(command: Command, orders: list[tuple[str, str, int]]) -> None:
    """Refuse an order that the command did not ask for: one as it says, or sells of the 50 AAPL that are held."""
    if isinstance(command, PlaceOrder):
        asked = (command.symbol.upper(), command.side.value, command.quantity)
        assert orders in ([], [asked]), f"asked for {asked}, and sent {orders}"
    else:
        assert all((symbol, side) == ("AAPL", "sell") for symbol, side, _ in orders), f"nobody asked for {orders}"
        assert all(quantity <= _HELD for _, _, quantity in orders), f"more was sold than is held: {orders}"


class ControlAnswers:
    """What a holder may say to whoever sent it a command: an answer, or an error of ours."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "control.sock"

    def __call__(self, data: bytes) -> str:
        """Read the answer to a look."""
        call = _Call(self._path, pid=4711, clock=clock(), timeout_s=5)
        line, parts = _Line(data), list[JsonObject]()
        call._connected = lambda: Channel(cast("socket.socket", line), clock=clock())  # type: ignore[method-assign]  # no socket
        try:
            reply = call.answer(ListOrders(), parts.append)
        except HolderSilentError as error:
            refuse_secrets(str(error))
            return "silent"
        except OrderError as error:
            refuse_secrets(repr(error))
            return f"error {type(error).__name__}"
        finally:
            assert line.is_closed, "the conversation was left open"
        assert all(isinstance(part, dict) for part in (*parts, reply))
        return "answered"
