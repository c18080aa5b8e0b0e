"""Refuse every socket that would leave the machine, in this process and for as long as it lives.

Each connect and each name look-up is checked whatever library makes it, in the class that all sockets are of.

No audit hook does it. Python calls one also while a thread begins to be traced, and lets other threads run meanwhile:
the next one that begins just then ends with an error, because two cannot begin to be traced at once.
"""

import _socket
import functools
import ipaddress
import socket
from collections.abc import Callable
from typing import Any

_REMEDY = "tests talk to a fake or to a loopback server"


class NetworkForbiddenError(RuntimeError):
    """A test tried to leave the machine. Not an `OSError`, so that no network error handling swallows it."""


def is_local_host(host: object) -> bool:
    """Whether a host name or address, as handed to the socket functions, stays on this machine."""
    text = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else host
    if text is None or text in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(text)).is_loopback
    except ValueError:
        return False


def _check(sock: socket.socket, address: object) -> None:
    if sock.family == getattr(socket, "AF_UNIX", None) or address is None:
        return
    if not (isinstance(address, tuple) and is_local_host(address[0])):
        raise NetworkForbiddenError(f"connecting to {address!r} is forbidden; {_REMEDY}")


def _checked(name: str, *, address_at: int) -> None:
    """Let a method of sockets check the address among its arguments first; one without an address is connected."""
    method: Callable[..., Any] = getattr(socket.socket, name)

    @functools.wraps(method)
    def checked(sock: socket.socket, *arguments: Any) -> Any:
        _check(sock, arguments[address_at] if -len(arguments) <= address_at < len(arguments) else None)
        return method(sock, *arguments)

    setattr(socket.socket, name, checked)


def _checked_look_up(name: str) -> None:
    look_up: Callable[..., Any] = getattr(_socket, name)

    @functools.wraps(look_up)
    def checked(host: object, *arguments: Any, **named: Any) -> Any:
        if not is_local_host(host):
            raise NetworkForbiddenError(f"looking up {host!r} is forbidden; {_REMEDY}")
        return look_up(host, *arguments, **named)

    setattr(_socket, name, checked)
    if name != "getaddrinfo":  # which `socket` wraps in a function of its own
        setattr(socket, name, checked)


def install() -> None:
    """Guard this process; a second guard changes nothing but time."""
    for name in ("connect", "connect_ex"):
        _checked(name, address_at=0)
    _checked("sendto", address_at=-1)
    _checked("sendmsg", address_at=3)
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
        _checked_look_up(name)
