"""Refuse every socket that would leave the machine, in this process and for as long as it lives.

An audit hook sees each connect and each name look-up whatever library makes it, and nothing can take it off again.
"""

import ipaddress
import socket
import sys

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


def _check_address(sock: socket.socket, address: object) -> None:
    if sock.family == getattr(socket, "AF_UNIX", None) or address is None:
        return
    if not (isinstance(address, tuple) and is_local_host(address[0])):
        raise NetworkForbiddenError(f"connecting to {address!r} is forbidden; {_REMEDY}")


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if not event.startswith("socket."):
        return
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        sock, address = arguments
        if isinstance(sock, socket.socket):
            _check_address(sock, address)
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr") and not is_local_host(
        arguments[0]
    ):
        raise NetworkForbiddenError(f"looking up {arguments[0]!r} is forbidden; {_REMEDY}")


def install() -> None:
    """Guard this process; a second guard changes nothing but time."""
    sys.addaudithook(_audit)
