"""The composition of a trial login: a connection of its own that trades nothing, locks nothing and records nothing."""

from pydantic import SecretStr

from trading_bot.auth.robinhood_auth import RobinhoodAuth
from trading_bot.config import Config
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.portfolio import AccountSnapshot
from trading_bot.robinhood.session import BrokerSession
from trading_bot.startup_paper import PAPER_ACCOUNT, PAPER_LOGIN, paper_account
from trading_bot.state_folder import StateFolder, account_key
from trading_bot.surroundings import default_surroundings


def try_login(config: Config) -> AccountSnapshot:
    """Log in to the configured account, read its balances, and log out.

    Raises:
        AuthenticationError: there is no session; live accounts have none in this version.
        OrderStatusError: the account cannot be read.
        ExchangeStateError, QuoteFileError, OSError: the paper exchange cannot be used.
    """
    mode, around = config.trading.mode, default_surroundings()
    if mode is not ExecutionMode.PAPER:
        raise AuthenticationError('this version logs in to no live account; set trading.mode to "paper"')
    number = config.account_number.get_secret_value() if config.account_number else PAPER_ACCOUNT
    key = account_key(mode, number)
    exchange = paper_account(
        config,
        account_number=number,
        state=StateFolder(root=config.resolve_state_dir() / f"{mode}-{key}", files=around.files),
        files=around.files,
        clock=around.clock,
        quotes=None,
        reference_for=lambda _ref_id: None,  # no order is placed
    )
    exchange.store.open()
    session = BrokerSession(adapter=exchange.transport, clock=around.clock)
    auth = RobinhoodAuth(
        session=session,
        username=SecretStr(PAPER_LOGIN),
        password=SecretStr(PAPER_LOGIN),
        clock=around.clock,
        device_token=key,
        jitter=around.jitter,
    )
    auth.login()
    try:
        return RobinhoodGateway(
            session=session, clock=around.clock, account_number=number, renew=auth.renew, jitter=around.jitter
        ).fetch_account()
    finally:
        auth.logout()
