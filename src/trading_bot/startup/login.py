"""The composition of logins, which trade, lock and record nothing: a trial on paper, the real one live."""

from collections.abc import Callable

from pydantic import SecretStr

from trading_bot.auth.robinhood_auth import RobinhoodAuth
from trading_bot.config import Config, ConfigError
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.outcomes import Listing
from trading_bot.order_management.portfolio import AccountSnapshot, PositionListing
from trading_bot.robinhood.interactive_login import Person
from trading_bot.robinhood.session import BrokerSession, Transport
from trading_bot.startup.live import LiveConnection, live_connection
from trading_bot.startup.paper import PAPER_LOGIN, configured_account, paper_account
from trading_bot.startup.surroundings import Surroundings, default_surroundings
from trading_bot.state_folder import StateFolder, account_key


def try_paper_login(config: Config) -> AccountSnapshot:
    """Log in to the configured paper account, read its balances, and log out.

    Raises:
        AuthenticationError: there is no session.
        OrderStatusError: the account cannot be read.
        ExchangeStateError, QuoteFileError, OSError: the paper exchange cannot be used.
    """
    around, number = default_surroundings(), configured_account(config)
    exchange = paper_account(
        config,
        account_number=number,
        state=_state(config, around, number),
        files=around.files,
        clock=around.clock,
        quotes=None,
        reference_for=lambda _ref_id: None,  # no order is placed
    )
    exchange.store.open()
    session = BrokerSession(adapter=exchange.transport, clock=around.clock, process_id=around.process_id)
    auth = RobinhoodAuth(
        session=session,
        username=SecretStr(PAPER_LOGIN),
        password=SecretStr(PAPER_LOGIN),
        clock=around.clock,
        device_token=account_key(ExecutionMode.PAPER, number),
        jitter=around.jitter,
    )
    auth.login()
    try:
        return RobinhoodGateway(
            session=session, clock=around.clock, account_number=number, renew=auth.renew, jitter=around.jitter
        ).fetch_account()
    finally:
        auth.logout()


class LiveDoor:
    """Login, logout and a look at one live account. Its repr shows no secret."""

    def __init__(self, connection: LiveConnection, *, gateway: RobinhoodGateway, username: SecretStr | None) -> None:
        self._login = connection.login
        self._gateway = gateway
        self._username = username

    def log_in(
        self,
        *,
        password: SecretStr,
        mfa_secret: SecretStr | None,
        notify: Callable[[str], None],
        ask: Callable[[str], str] | None,
    ) -> None:
        """Log in once and save the session; ``ask`` puts the broker's questions to a person, None where nobody is.

        Raises:
            ConfigError: the door was opened without a user name.
            AuthenticationError: there is no session, or it could not be saved; the message says what to do.
        """
        if self._username is None:
            raise ConfigError(["ROBINHOOD_USERNAME is not set, so it cannot be told who logs in; set it."])
        self._login.login(
            username=self._username,
            password=password,
            person=Person(notify=notify, ask=ask),
            mfa_secret=mfa_secret,
        )

    def log_out(self) -> bool:
        """Forget the saved session and revoke it; whether the broker confirmed that.

        Raises:
            AuthenticationError: the saved session cannot be trusted or replaced.
        """
        return self._login.logout()

    def resume(self) -> None:
        """Take up the saved session; nothing is sent.

        Raises:
            AuthenticationError: there is none, or it cannot be trusted.
        """
        self._login.resume()

    def read_account(self) -> AccountSnapshot:
        """Read the balances; a session the broker refuses is renewed once.

        Raises:
            OrderStatusError: they cannot be read.
        """
        return self._gateway.fetch_account()

    def read_positions(self) -> PositionListing:
        """Read the positions, row by row.

        Raises:
            OrderStatusError: they cannot be read.
        """
        return self._gateway.fetch_positions()

    def read_open_orders(self) -> Listing:
        """Read the open orders, row by row; a list that is not whole says why."""
        return self._gateway.list_open_orders()


def open_live_door(
    config: Config,
    *,
    username: SecretStr | None = None,
    transport: Transport | None = None,
    surroundings: Surroundings | None = None,
) -> LiveDoor:
    """Build the way to the configured live account; nothing is sent before it is asked.

    Raises:
        ConfigError: the configuration is not for live mode, or names no account.
        OrderNotSentError: no certificate authorities to trust.
    """
    if config.trading.mode is not ExecutionMode.LIVE:
        raise ConfigError(['trading.mode is not "live", and a paper account has no login; set it in the config file.'])
    around, number = surroundings or default_surroundings(), configured_account(config)
    connection = live_connection(
        around,
        account_number=number,
        state=_state(config, around, number),
        username=username,
        transport=transport,
    )
    gateway = RobinhoodGateway(
        session=connection.wire,
        clock=around.clock,
        account_number=number,
        renew=connection.login.renew,
        jitter=around.jitter,
    )
    return LiveDoor(connection, gateway=gateway, username=username)


def _state(config: Config, around: Surroundings, number: str) -> StateFolder:
    mode = config.trading.mode
    return StateFolder(root=config.resolve_state_dir() / f"{mode}-{account_key(mode, number)}", files=around.files)
