"""Waits on this machine's loopback for the browser to come back from a login (RFC 8252, section 7.3).

It listens on 127.0.0.1 alone, on a port of the system's choice, for one login. Whoever else finds the port gets a page
and no effect: an answer counts only with the `state` of the login. Browsers open connections that they never use, so
each connection has a thread of its own, and little time. Nothing that was sent is shown or logged.
"""

import queue
import socketserver
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Self

from trading_bot.agent.login.authorization import BrowserAnswer, Declined, NotOurs
from trading_bot.agent.login.grants import Exchange

LOOPBACK = "127.0.0.1"
PATH = "/callback"
_SOCKET_TIMEOUT_S = 5.0
_LOOK_EVERY_S = 0.05
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>trading-bot</title></head>
<body><h1>{title}</h1><p>{text}</p></body></html>
"""
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Connection": "close",
}


class CallbackServer:
    """Gives each answer that comes to ``check``, and keeps the first that ends the login. Use it as a context."""

    def __init__(self) -> None:
        self._server = _Server(self._taken)
        self._check: Callable[[str], BrowserAnswer] = _nobody_waits
        self._answers: queue.SimpleQueue[Exchange | Declined] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_LOOK_EVERY_S,), name="login-callback", daemon=True
        )

    @property
    def redirect_uri(self) -> str:
        """Where the browser is to come back to."""
        return f"http://{LOOPBACK}:{self._server.server_address[1]}{PATH}"

    def check_with(self, check: Callable[[str], BrowserAnswer]) -> None:
        """Judge what comes from now on by ``check``."""
        self._check = check

    def answer(self) -> Exchange | Declined | None:
        """Return the answer that came, if one did."""
        try:
            return self._answers.get_nowait()
        except queue.Empty:
            return None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _taken(self, address: str) -> BrowserAnswer:
        answer = self._check(address)
        if not isinstance(answer, NotOurs):
            self._answers.put(answer)
        return answer


def _nobody_waits(_address: str) -> BrowserAnswer:
    return NotOurs(because="no login is waiting")


class _Server(socketserver.ThreadingTCPServer):
    # Not the HTTPServer of the standard library: that one asks the name server for this machine's name first.
    daemon_threads = True
    block_on_close = False

    def __init__(self, take: Callable[[str], BrowserAnswer]) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.take = take

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a browser that hangs up is no error, and a traceback could show what it sent."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _SOCKET_TIMEOUT_S
    server_version = "trading-bot"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != PATH:
            self._show(HTTPStatus.NOT_FOUND, "Nothing here", "This page is not part of the login.")
            return
        match self.server.take(self.path):
            case Exchange():
                self._show(HTTPStatus.OK, "Almost done", "Close this page and look at the terminal: it says the rest.")
            case Declined():
                self._show(HTTPStatus.OK, "Not logged in", "The login was declined; the terminal says what to do.")
            case NotOurs(because=reason):
                self._show(HTTPStatus.BAD_REQUEST, "Not accepted", f"This is not the answer awaited: {reason}.")

    def log_message(self, *_details: object) -> None:
        """Write nothing: the address has the code in it."""

    def _show(self, status: HTTPStatus, title: str, text: str) -> None:
        page = _PAGE.format(title=title, text=text).encode()
        self.send_response_only(status)
        for name, value in (_HEADERS | {"Content-Length": str(len(page))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page)
