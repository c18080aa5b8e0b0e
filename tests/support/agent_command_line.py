"""The command line inside this process, on a live account of the agent interface that sockets on loopback answer."""

import io
import re
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from tests.support.agent_server import AgentServer
from tests.support.agent_server.sockets import socket_front, trust_both_hosts
from tests.support.command_line import CommandResult
from tests.support.command_line_bench import CommandLineBench, own_process_settings
from tests.support.loopback_broker.bench import authority
from tests.support.loopback_broker.own_connections import as_the_broker
from trading_bot.cli.app import run_command_line
from trading_bot.clock import SystemClock

_ADDRESS = re.compile(r"https://robinhood\.com/oauth\?\S+(?=\s)")


class Person(io.StringIO):
    """What a command prints, read by somebody who opens the address in it and signs in."""

    def __init__(self, server: AgentServer) -> None:
        super().__init__()
        self._server = server
        self._browsers: list[threading.Thread] = []

    def write(self, text: str) -> int:
        written = super().write(text)
        found = _ADDRESS.search(self.getvalue())
        if found is not None and not self._browsers:
            self._browsers.append(threading.Thread(target=self._browse, args=(found[0],)))
            self._browsers[0].start()
        return written

    def leave(self) -> None:
        for browser in self._browsers:
            browser.join()

    def _browse(self, address: str) -> None:
        with urllib.request.urlopen(self._server.grants.browse(address), timeout=10) as page:
            page.read()


class AgentCommandLine(CommandLineBench):
    """Commands of the account that the server's agent may trade; nobody is logged in yet."""

    def __init__(self, home: Path, server: AgentServer) -> None:
        settings = {
            "gateway": "agent",
            "account_number": server.book.account_number,
            "trading": {"mode": "live", "calendar": "always_open"},
            "order_management": {"request_timeout_s": 3},
        }
        super().__init__(home, settings)
        self.server = server

    def log_in(self) -> CommandResult:
        person = Person(self.server)
        with own_process_settings(), redirect_stdout(person), redirect_stderr(person):
            code = run_command_line(["-c", str(self.config), "login"])
        person.leave()
        return CommandResult(returncode=int(code), stdout=person.getvalue(), stderr="")


@contextmanager
def agent_command_line(home: Path, *, seed: int) -> Iterator[AgentCommandLine]:
    """A running server whose replies vary by ``seed``, with a market for AAPL."""
    server = AgentServer(SystemClock())
    server.book.quote("AAPL", bid="99.98", ask="100.00")
    server.vary(seed)
    with socket_front(server, trust_both_hosts(authority()), keeps_streams_open=True) as front, as_the_broker(front):
        yield AgentCommandLine(home, server)
