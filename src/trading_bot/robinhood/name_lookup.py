"""Look names up in bounded time: the operating system's own look-up takes no time limit and cannot be called off."""

import queue
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from trading_bot.clock import Seconds

MAX_UNFINISHED = 16
"""A resolver that answers nothing may hold this many threads, and no more. Cancels go out eight at once, beside reads,
and while none of their connections exists each asks for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One place to connect to, as `socket.connect` takes it."""

    family: socket.AddressFamily
    endpoint: tuple[object, ...]


Lookup: TypeAlias = Callable[[str, int], Sequence[Address]]


def system_lookup(host: str, port: int) -> Sequence[Address]:
    """Ask the operating system, for as long as it takes.

    Raises:
        OSError: it knows no address.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [Address(family=family, endpoint=tuple(endpoint)) for family, _, _, _, endpoint in found]


class BoundedLookup:
    """A look-up with a time limit. Safe to share between threads; what comes too late is thrown away."""

    def __init__(self, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._slots = threading.BoundedSemaphore(MAX_UNFINISHED)

    def addresses(self, host: str, port: int, *, timeout_s: Seconds) -> Sequence[Address]:
        """Return every address of ``host``, the preferred ones first.

        Raises:
            socket.gaierror: there is none, or none was found in time.
        """
        if not self._slots.acquire(blocking=False):
            raise socket.gaierror(socket.EAI_AGAIN, "earlier look-ups are still unanswered")
        answer: queue.SimpleQueue[Sequence[Address] | OSError] = queue.SimpleQueue()
        # A daemon, so that a resolver that never answers cannot keep the process from ending.
        threading.Thread(target=self._look_up, args=(host, port, answer), name="name-lookup", daemon=True).start()
        try:
            found = answer.get(timeout=timeout_s)
        except queue.Empty as error:
            raise socket.gaierror(socket.EAI_AGAIN, "the look-up took too long") from error
        if isinstance(found, OSError):
            raise socket.gaierror(socket.EAI_FAIL, "the look-up failed") from found
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        return found

    def _look_up(self, host: str, port: int, answer: queue.SimpleQueue[Sequence[Address] | OSError]) -> None:
        try:
            answer.put(self._lookup(host, port))
        except OSError as error:
            answer.put(error)
        finally:
            self._slots.release()
