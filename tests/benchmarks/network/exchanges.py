"""What a stand-in heard, as the client saw it in time, and how many of it came one after the other."""

from collections.abc import Iterable
from dataclasses import dataclass

CONNECT = "connect"
_ROUND_TRIPS = {CONNECT: 2}
"""A TCP handshake and one of TLS 1.3; anything else takes one."""

_TOUCHING_S = 0.002
"""How far two exchanges may overlap, by the coarseness of timers, and still be one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request with its answer, or the making of a connection.

    ``began`` is when the client sent it and ``ended`` when it had the answer, in seconds of the machine's monotonic
    clock; both are reckoned from the stand-in's times and the delay of the line.
    """

    what: str
    began: float
    ended: float

    @property
    def round_trips(self) -> int:
        return _ROUND_TRIPS.get(self.what, 1)


def requests_in(exchanges: Iterable[Exchange]) -> int:
    """Return how many requests there were."""
    return sum(exchange.what != CONNECT for exchange in exchanges)


def in_turn(exchanges: Iterable[Exchange]) -> int:
    """Return the round trips of the longest row of exchanges of which each began when the one before had ended."""
    longest: list[tuple[float, int]] = []
    """When a row ended, and how many round trips it took; in order of their ends."""
    for exchange in sorted(exchanges, key=lambda exchange: exchange.ended):
        before = max((trips for ended, trips in longest if ended <= exchange.began + _TOUCHING_S), default=0)
        longest.append((exchange.ended, before + exchange.round_trips))
    return max((trips for _, trips in longest), default=0)
