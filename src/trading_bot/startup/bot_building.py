"""Builds a bot from a configuration."""

from trading_bot.auth.borrowed_login import LoggedInSession
from trading_bot.bot import TradingBot
from trading_bot.clock import Clock
from trading_bot.config import Config, ConfigError, GatewayKind
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.ports import Gateway
from trading_bot.paper.quotes import QuoteSource
from trading_bot.robinhood.session import Transport
from trading_bot.startup.account import AccountParts
from trading_bot.startup.account_number import configured_account
from trading_bot.startup.surroundings import Surroundings, default_surroundings
from trading_bot.startup.without_effect import tell_without_effect

_NO_SESSION_FOR_AGENTS = (
    "gateway is agent, and a session that robin_stocks logged in opens the private wire alone; leave session out and "
    'run `trading-bot login` once, or set gateway to "private".'
)
_log = get_logger("trading_bot.startup")


def create_bot(
    config: Config,
    *,
    transport: Transport | None = None,
    session: LoggedInSession | None = None,
    gateway: Gateway | None = None,
    clock: Clock | None = None,
    quotes: QuoteSource | None = None,
    surroundings: Surroundings | None = None,
    background_sync: bool = True,
) -> TradingBot:
    """Build a bot from a configuration; nothing is opened, locked or sent before `TradingBot.start`.

    ``transport`` carries the broker's HTTP requests. Without one, live mode makes its own connections, and paper mode
    answers from a paper exchange that takes its quotes from ``quotes``, else from ``paper.quotes_file``, else from a
    seeded walk. ``gateway``, for paper mode alone, is a broker of the caller's own in place of login, transport and
    paper exchange; it needs a ``state_dir`` of its own, whose journal knows no orders of another broker. Without
    ``background_sync`` the caller synchronises by itself, as a replay on a virtual clock does, and no other command is
    served meanwhile.

    ``session`` is one that somebody has logged in already, such as `robin_stocks.robinhood.helper.SESSION`. Live mode
    uses its bearer token over connections of its own, in place of a saved login, and reads the header again when the
    broker refuses the token. Nothing is sent over it or changed in it. On paper its token reads the prices where
    ``paper.quotes`` is live; else it is not looked at.

    Raises:
        ConfigError: live mode without an account number or with a ``gateway``, a login in the environment that cannot
            be used, or a ``session`` where the setting ``gateway`` is ``agent``: it belongs to the private wire.
        ValueError: a ``gateway`` beside a ``transport`` or ``quotes``, or a ``session`` beside a ``transport``: one of
            them would not be used.
        TypeError: a ``session`` without headers.
        OrderNotSentError: live mode, and no certificate authorities to trust.
        QuoteFileError: the quotes file cannot be used.
    """
    around = surroundings or default_surroundings(clock)
    tell_without_effect(config)
    login = None if session is None else _usable(session, config, transport=transport)
    if gateway is not None:
        _refuse_beside_gateway(config, transport, quotes)
    parts = parts_of(config, around, transport=transport, quotes=quotes, session=login, gateway=gateway)
    return parts.bot(background_sync=background_sync)


def _usable(session: LoggedInSession, config: Config, *, transport: Transport | None) -> LoggedInSession | None:
    if transport is not None:
        raise ValueError("a session lends its token to connections of our own; leave transport or session out")
    if not isinstance(session, LoggedInSession):
        raise TypeError("session has no headers; pass robin_stocks.robinhood.helper.SESSION or a requests.Session")
    if config.trading.mode is ExecutionMode.LIVE or config.paper.has_live_quotes:
        if config.gateway is GatewayKind.AGENT:
            raise ConfigError([_NO_SESSION_FOR_AGENTS])
        return session
    _log.warning("session_not_used", reason="a paper account has no login; session is used in live mode alone")
    return None


def _refuse_beside_gateway(config: Config, transport: Transport | None, quotes: QuoteSource | None) -> None:
    if config.trading.mode is not ExecutionMode.PAPER:
        raise ConfigError(
            ["a gateway of your own takes no live orders; set trading.mode to paper, or leave the gateway out."]
        )
    if transport is not None or quotes is not None:
        raise ValueError("a gateway has its own way to the broker and its own quotes; leave transport and quotes out")


def parts_of(
    config: Config,
    around: Surroundings,
    *,
    transport: Transport | None,
    quotes: QuoteSource | None,
    session: LoggedInSession | None = None,
    gateway: Gateway | None = None,
) -> AccountParts:
    """Build the parts of the configured account.

    Raises:
        ConfigError, OrderNotSentError, QuoteFileError: as `create_bot`.
    """
    number = configured_account(config)
    return AccountParts(
        config,
        around,
        account_number=number,
        transport=transport,
        quotes=quotes,
        session=session,
        gateway=gateway,
    )
