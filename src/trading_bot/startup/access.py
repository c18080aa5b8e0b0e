"""The way to a broker: how a session comes about on it, how that is renewed, and the gateways that speak over it.

Two interfaces lead to one broker (`GatewayKind`). Each is an `Interface`, and `startup/interfaces.py` alone decides
which of them an account is traded over; whoever needs the broker asks it for a `BrokerAccess` and knows no more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from trading_bot.auth.borrowed_login import LoggedInSession
from trading_bot.clock import Seconds
from trading_bot.config import Config
from trading_bot.error_handling.policies import READ_POLICY, RetryPolicy
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.ports import Gateway
from trading_bot.robinhood.reads import Renew, Wire
from trading_bot.robinhood.session import Transport
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder

if TYPE_CHECKING:
    from trading_bot.startup.paper import MakeFeed, PaperAccount


def _nothing() -> None:
    return None


def _no_problem() -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How a session at the broker comes about, and how it is doing."""

    log_in: Callable[[], None] = _nothing
    problem: Callable[[], str | None] = _no_problem
    """Says why only a person can log in again, if so."""
    requests_left: Callable[[], Mapping[str, int]] = dict
    """How many requests of each purpose may leave now; empty where none are counted."""
    care: Callable[[], str | None] | None = None
    """Renews the session ahead of its end, and says by when a person has to log in again, where that is near.

    None where sessions need no care.
    """
    hurry: Callable[[], None] = _nothing
    """Called as an order, an exit or a cancel begins: a session that is refused is renewed sooner for it."""
    halts_entries: Callable[[], str | None] = _no_problem
    """Says why no entry may be sent over this interface, while cancels and exits may, if so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How patiently a gateway reads, and how much."""

    policy: RetryPolicy = READ_POLICY
    timeout_s: Seconds = 10.0
    asks_symbols: bool = True
    """Whether the names of instruments are asked for, where the broker does not say them unasked."""


MakeGateway: TypeAlias = Callable[[Reading], Gateway]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAccess:
    """The way to the broker: how a session comes about on it, and the gateways over it, all in that one session."""

    login: Login
    renew: Renew
    gateway: MakeGateway


@dataclass(frozen=True, slots=True, kw_only=True)
class WireAccess:
    """The private wire, and how a session comes about on it."""

    wire: Wire
    login: Login
    renew: Renew


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """The account that a way leads to, and what stands in for a part of the way."""

    config: Config
    around: Surroundings
    number: str
    state: StateFolder
    transport: Transport | None = None
    """Carries the requests in place of our own connections, or of the paper exchange."""
    session: LoggedInSession | None = None
    """Lends its token in place of the saved login."""
    paper: "PaperAccount | None" = None
    tolerate: Callable[[str], None] | None = None
    """Is told of a saved login that other users may open, which is refused otherwise."""

    @property
    def is_live(self) -> bool:
        """Whether it is a live account."""
        return self.config.trading.mode is ExecutionMode.LIVE


class Interface(Protocol):
    """One of the broker's interfaces. Nothing is read or sent before what it returns is used."""

    def way(self, to: Destination) -> BrokerAccess:
        """Return the way of a bot.

        Raises:
            OrderNotSentError: the certificate authorities cannot be read.
            TradingHaltedError: a paper account without an exchange or a transport.
        """
        ...

    def way_of_kill(self, to: Destination) -> BrokerAccess:
        """Return the way of a kill, which nobody logs in on: its first request takes up the login that there is.

        Raises:
            OrderNotSentError, TradingHaltedError: as `way`.
        """
        ...

    def way_to_prices(
        self, config: Config, around: Surroundings, *, transport: Transport | None = None
    ) -> BrokerAccess:
        """Return a way that can read prices and nothing else, on a login that is there already.

        ``transport`` replaces our own connections.

        Raises:
            OrderNotSentError: the certificate authorities cannot be read.
        """
        ...

    def feed(self, config: Config, around: Surroundings, *, session: LoggedInSession | None = None) -> "MakeFeed":
        """Return what makes the feed of a paper account at real prices; ``session`` lends its token, where it can.

        Raises:
            OrderNotSentError: the certificate authorities cannot be read.
        """
        ...
