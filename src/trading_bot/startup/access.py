"""The way to a broker: the wire, how a session comes about on it, and how that is renewed."""

from collections.abc import Callable
from dataclasses import dataclass

from trading_bot.robinhood.reads import Renew, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAccess:
    """The way to the broker, and how a session comes about on it."""

    wire: Wire
    log_in: Callable[[], None]
    renew: Renew
