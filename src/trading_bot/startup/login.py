"""Builds logins, which trade, lock and record nothing: a trial on paper, and the real one of a live account."""

from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from trading_bot.auth.renewal_time import RenewalInTime
from trading_bot.auth.robin_stocks_file import read_robin_stocks_file, usual_file
from trading_bot.clock import Clock, Seconds
from trading_bot.config import Config, ConfigError
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.portfolio import AccountSnapshot
from trading_bot.robinhood.interactive_login import Person
from trading_bot.robinhood.reads import Renew
from trading_bot.robinhood.session import Transport
from trading_bot.robinhood.symbols import SymbolTable
from trading_bot.startup.access import Destination, Reading
from trading_bot.startup.account_door import AccountDoor
from trading_bot.startup.account_number import configured_account
from trading_bot.startup.interfaces import interface_of
from trading_bot.startup.live import LiveConnection, live_connection
from trading_bot.startup.paper import paper_account
from trading_bot.startup.surroundings import Surroundings, default_surroundings
from trading_bot.state_folder import StateFolder, account_key


def try_paper_login(config: Config) -> AccountSnapshot:
    """Log in to the configured paper account, over the interface that it speaks, and read its balances.

    Raises:
        AuthenticationError: there is no session.
        OrderStatusError: the account cannot be read.
        ExchangeStateError, QuoteFileError, OSError: the paper exchange cannot be used.
    """
    around, number = default_surroundings(), configured_account(config)
    state = _state(config, around, number)
    exchange = paper_account(
        config,
        account_number=number,
        state=state,
        files=around.files,
        clock=around.clock,
        quotes=None,
        reference_for=lambda _ref_id: None,  # no order is placed
    )
    exchange.store.open()
    to = Destination(config=config, around=around, number=number, state=state, paper=exchange)
    access = interface_of(config).way(to)
    access.login.log_in()
    return access.gateway(Reading()).fetch_account()


class LiveDoor(AccountDoor):
    """Login, logout and a look at one live account. Its repr shows no secret."""

    def __init__(
        self,
        connection: LiveConnection,
        *,
        gateway: Callable[[Renew], RobinhoodGateway],
        clock: Clock,
        username: SecretStr | None,
    ) -> None:
        super().__init__(gateway=gateway(RenewalInTime(connection.login.renew)), clock=clock)
        self._login = connection.login
        self._proving = gateway(_renew_nothing)
        self._username = username

    def log_in(
        self,
        *,
        password: SecretStr,
        mfa_secret: SecretStr | None,
        notify: Callable[[str], None],
        ask: Callable[[str], str] | None,
        waiting: Callable[[Seconds], None] | None = None,
    ) -> None:
        """Log in once and save the session; ``ask`` puts the broker's questions to a person, None where nobody is.

        ``waiting`` is told from time to time how many seconds are left for the approval of a new device.

        Raises:
            ConfigError: the door was opened without a user name.
            AuthenticationError: there is no session, or it could not be saved; the message says what to do.
        """
        if self._username is None:
            raise ConfigError(["ROBINHOOD_USERNAME is not set, so it cannot be told who logs in; set it."])
        self._login.login(
            username=self._username,
            password=password,
            person=Person(notify=notify, ask=ask, waiting=waiting),
            mfa_secret=mfa_secret,
        )

    def take_over(self, file: Path | None, *, notify: Callable[[str], None]) -> AccountSnapshot:
        """Take the login over that robin_stocks keeps in ``file``, once the account could be read with it.

        Without ``file`` it is where robin_stocks keeps it usually. Nothing in the file is run, and it stays as it is.

        Raises:
            TokenFileError: the file cannot be used, or the session could not be saved.
            OrderStatusError: the account cannot be read with it; the saved session is as it was.
            AuthenticationError: another process is logging in.
        """
        path = usual_file() if file is None else file
        found = read_robin_stocks_file(path)
        if found.is_open_to_readers:
            notify(f"other users of this machine can read {path}: delete it when its program has ended for good")
        return self._login.take_over(found.session, prove=self._proving.fetch_account)

    def log_out(self) -> bool | None:
        """Forget the saved session and revoke it; whether the broker confirmed that, None where none was saved.

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


def open_live_door(
    config: Config,
    *,
    username: SecretStr | None = None,
    transport: Transport | None = None,
    surroundings: Surroundings | None = None,
) -> LiveDoor:
    """Build the way to the configured live account; nothing is sent before one of its methods is called.

    Raises:
        ConfigError: the configuration is not for live mode, or names no account.
        OrderNotSentError: no certificate authorities to trust.
    """
    if config.trading.mode is not ExecutionMode.LIVE:
        raise ConfigError(['trading.mode is not "live", and a paper account has no login; set it in the config file.'])
    around, number = surroundings or default_surroundings(), configured_account(config)
    state = _state(config, around, number)
    connection = live_connection(
        around,
        account_number=number,
        state=state,
        username=username,
        transport=transport,
    )
    symbols = SymbolTable(path=state.instruments, files=around.files)

    def gateway(renew: Renew) -> RobinhoodGateway:
        return RobinhoodGateway(
            session=connection.wire,
            clock=around.clock,
            account_number=number,
            renew=renew,
            jitter=around.jitter,
            symbols=symbols,
        )

    return LiveDoor(connection, gateway=gateway, clock=around.clock, username=username)


def _renew_nothing(_within_s: Seconds) -> bool:
    return False


def _state(config: Config, around: Surroundings, number: str) -> StateFolder:
    mode = config.trading.mode
    return StateFolder(root=config.resolve_state_dir() / f"{mode}-{account_key(mode, number)}", files=around.files)
