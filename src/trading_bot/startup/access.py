"""The way to a broker: the wire, how a session comes about on it, and how that is renewed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trading_bot.robinhood.reads import Renew, Wire


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How a session at the broker comes about, and how it is doing."""

    log_in: Callable[[], None] = _nothing
    problem: Callable[[], str | None] = _nothing
    """Says why only a person can log in again, if so."""
    requests_left: Callable[[], Mapping[str, int]] = dict
    """How many requests of each purpose may leave now; empty where none are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAccess:
    """The way to the broker, and how a session comes about on it."""

    wire: Wire
    login: Login
    renew: Renew
