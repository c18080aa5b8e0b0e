"""The composition of a live account's connection: our own transport, the budgets, and the login kept between runs."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import SecretStr

from trading_bot.auth.live_login import LiveLogin
from trading_bot.auth.login_budget import LoginBudget
from trading_bot.auth.token_store import TokenStore
from trading_bot.order_management.exceptions import OrderNotSentError
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.send_horizon import Carrier, slowest_carrier
from trading_bot.robinhood.live_transport import THIS_PLATFORM, build_live_transport
from trading_bot.robinhood.order_socket import order_socket_carrier
from trading_bot.robinhood.rate_budget import BudgetedWire, RateBudget
from trading_bot.robinhood.session import BrokerSession, Transport
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveConnection:
    """A way to a live account, and the login whose session it uses."""

    wire: BudgetedWire
    login: LiveLogin


def live_connection(
    around: Surroundings,
    *,
    account_number: str,
    state: StateFolder,
    username: SecretStr | None = None,
    transport: Transport | None = None,
    tolerate: Callable[[str], None] | None = None,
) -> LiveConnection:
    """Build the connection; nothing is read or sent before it is used, apart from the certificate authorities.

    Without ``username`` the saved session may be of any user of the account. ``transport`` replaces our own.
    ``tolerate`` is told of a saved session that other users may open, which is refused otherwise.

    Raises:
        OrderNotSentError: the certificate authorities cannot be read.
    """
    session = live_session(around, transport=transport)
    login = LiveLogin(
        session=session,
        store=token_store(around, account_number=account_number, state=state, username=username, tolerate=tolerate),
        budget=LoginBudget(path=state.failed_logins, clock=around.clock, files=around.files),
        clock=around.clock,
        files=around.files,
        new_device_token=lambda: str(uuid.UUID(around.new_id())),
    )
    return LiveConnection(wire=budgeted(session, around), login=login)


def token_store(
    around: Surroundings,
    *,
    account_number: str,
    state: StateFolder,
    username: SecretStr | None = None,
    tolerate: Callable[[str], None] | None = None,
) -> TokenStore:
    """Build the store of the saved session; its arguments are those of `live_connection`."""
    return TokenStore(
        path=state.session,
        username=username,
        account_number=SecretStr(account_number),
        files=around.files,
        tolerate=tolerate,
    )


def live_session(around: Surroundings, *, transport: Transport | None = None) -> BrokerSession:
    """Build the conversation with the broker over our own connections, or over ``transport``; nobody is logged in.

    Raises:
        OrderNotSentError: the certificate authorities cannot be read.
    """
    adapter = transport or own_transport(around)
    return BrokerSession(adapter=adapter, clock=around.clock, process_id=around.process_id)


def budgeted(session: BrokerSession, around: Surroundings) -> BudgetedWire:
    """Return the way over ``session`` that keeps to the rates the broker bears."""
    return BudgetedWire(wire=session, budget=RateBudget(clock=around.clock), clock=around.clock)


def carrier_of(mode: ExecutionMode, transport: Transport | None) -> Carrier:
    """Return what carries a submit's bytes in this mode; ``transport`` None stands for our own.

    A caller's transport may say so in an attribute ``carrier``; without one it is taken for sockets without a limit.
    """
    if mode is ExecutionMode.PAPER:
        return Carrier.IN_PROCESS
    if transport is None:
        return order_socket_carrier(THIS_PLATFORM)
    named = getattr(transport, "carrier", None)
    return named if isinstance(named, Carrier) else slowest_carrier(mode)


def own_transport(around: Surroundings) -> Transport:
    """Build our own connections; none is made before it is needed.

    Raises:
        OrderNotSentError: the certificate authorities cannot be read.
    """
    try:
        return build_live_transport(clock=around.clock, process_id=around.process_id)
    except OSError as error:
        raise OrderNotSentError(
            f"the certificate authorities that come with certifi cannot be read ({error.strerror}); install "
            "trading-bot again",
            code="no_certificate_authorities",
        ) from error
