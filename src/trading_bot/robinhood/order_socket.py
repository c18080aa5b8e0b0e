"""How a socket keeps the bytes of a submit from outliving it: an age at which the kernel gives up, and a reset at last.

Two options work together, and both are set before the first byte of a submit is written:

1. The kernel drops the connection once written bytes have been unacknowledged for the rest of the attempt. This holds
   also for a process that is stopped, or that handed its socket to a child.
2. Closing resets. What was not delivered by then is thrown away by whoever closes, and the kernel closes for a process
   that is killed. A graceful close would go on delivering. Once the whole answer is there, closing is graceful again.

Run on Linux in a network namespace (`tests/real`). The option of macOS is taken from Apple's headers and was not run.
"""

import socket
import struct
import sys
from dataclasses import dataclass

from trading_bot.clock import Seconds
from trading_bot.order_management.send_horizon import Carrier

_LINGER = struct.Struct("HH" if sys.platform == "win32" else "ii")  # as each platform's socket headers have it
_RESETS = _LINGER.pack(1, 0)
_CLOSES_GRACEFULLY = _LINGER.pack(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryOption:
    """The TCP option that bounds how long written bytes may stay unacknowledged; 0 is the system's own, long time."""

    number: int
    units_per_second: int

    def value(self, seconds: Seconds) -> int:
        """Return the time in the option's unit, rounded down, but never to 0."""
        return max(int(seconds * self.units_per_second), 1)


_BY_PLATFORM = {
    "linux": ExpiryOption(number=18, units_per_second=1000),  # TCP_USER_TIMEOUT, tcp(7)
    "darwin": ExpiryOption(number=0x80, units_per_second=1),  # TCP_RXT_CONNDROPTIME, netinet/tcp.h
}


def expiry_option(platform: str = sys.platform) -> ExpiryOption | None:
    """Return the platform's option, or None where none is known."""
    return _BY_PLATFORM.get(platform)


def bind_to_attempt(sock: socket.socket, left_s: Seconds, option: ExpiryOption | None) -> None:
    """Let nothing written from now on outlive ``left_s`` seconds or this socket.

    Raises:
        OSError: the kernel refuses; nothing may be written then.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS)
    if option is not None:
        sock.setsockopt(socket.IPPROTO_TCP, option.number, option.value(left_s))


def release(sock: socket.socket, option: ExpiryOption | None) -> None:
    """Undo `bind_to_attempt`: what is written may take its time, and closing is graceful.

    Raises:
        OSError: the kernel refuses.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSES_GRACEFULLY)
    if option is not None:
        sock.setsockopt(socket.IPPROTO_TCP, option.number, 0)


def order_socket_carrier(option: ExpiryOption | None) -> Carrier:
    """Try the option on a socket of this machine, and say what may be relied on."""
    if option is None:
        return Carrier.LINGERING_SOCKET
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, option.number, option.value(1))
            is_kept = sock.getsockopt(socket.IPPROTO_TCP, option.number) == option.value(1)
    except OSError:
        return Carrier.LINGERING_SOCKET
    return Carrier.EXPIRING_SOCKET if is_kept else Carrier.LINGERING_SOCKET
