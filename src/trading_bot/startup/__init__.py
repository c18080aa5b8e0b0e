"""The composition root: the only place that builds concrete parts and joins them.

What it guarantees: each part is built once and gets what it needs through its constructor; building opens, locks and
sends nothing. The steps of a start and of a stop are put together here, in the order that keeps the promises: lease
before journal, journal before broker, the comparison with the broker before any command or poller.

How: `account` joins an account's parts and `journal` its journal; `paper` and `live` make the transport, the one object
in which the modes differ; `kill` and `login` build what needs no bot; `surroundings` has the effects of this machine
(clock, ids, files, jitter), each of which a test replaces.

What it does not: it decides nothing while the bot runs.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from trading_bot.auth.borrowed_login import LoggedInSession
from trading_bot.bot import TradingBot
from trading_bot.clock import Clock, Seconds
from trading_bot.config import Config, ConfigError, OnStop, OrderManagementConfig
from trading_bot.control.command_client import CommandClient
from trading_bot.lease import this_process
from trading_bot.logging.setup import get_logger
from trading_bot.operations import CommandRunner
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.ports import Gateway
from trading_bot.paper.quotes import QuoteSource
from trading_bot.robinhood.session import Transport
from trading_bot.startup.account import AccountParts
from trading_bot.startup.journal_on_record import recorded_answers
from trading_bot.startup.paper import configured_account
from trading_bot.startup.surroundings import Surroundings, default_surroundings

__all__ = ["Surroundings", "create_bot", "default_surroundings", "open_command_client"]

_HOLDER_PATIENCE_S: Seconds = 10.0
_HOLDER_SLACK_S: Seconds = 30.0
"""What a holder may need beyond its own deadlines before it is taken to be silent."""

_log = get_logger(__name__)


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
    broker refuses the token. Nothing is sent over it or changed in it. On paper there is no login, and it is not
    looked at.

    Raises:
        ConfigError: live mode without an account number or with a ``gateway``, or a login in the environment that
            cannot be used.
        ValueError: a ``gateway`` beside a ``transport`` or ``quotes``, or a ``session`` beside a ``transport``: one of
            them would not be used.
        TypeError: a ``session`` without headers.
        OrderNotSentError: live mode, and no certificate authorities to trust.
        QuoteFileError: the quotes file cannot be used.
    """
    around = surroundings or default_surroundings(clock)
    _tell_without_effect(config)
    login = None if session is None else _usable(session, config, transport=transport)
    if gateway is not None:
        _refuse_beside_gateway(config, transport, quotes)
    parts = _parts_of(config, around, transport=transport, quotes=quotes, session=login, gateway=gateway)
    return parts.bot(background_sync=background_sync)


@contextmanager
def open_command_client(
    config: Config,
    *,
    transport: Transport | None = None,
    clock: Clock | None = None,
    quotes: QuoteSource | None = None,
    surroundings: Surroundings | None = None,
    patience_s: Seconds = _HOLDER_PATIENCE_S,
) -> Iterator[CommandRunner]:
    """Give one command its way to the account: a bot of its own, or the process that holds the account.

    Nothing happens before the first command. The bot leaves open orders as they are when the command ends, whatever
    ``on_stop`` says. ``patience_s`` is how long to wait for a holder that is coming up or going away.

    Raises:
        ConfigError, OrderNotSentError, QuoteFileError: as `create_bot`; for what a command raises see
            `CommandClient.perform`.
    """
    around = surroundings or default_surroundings(clock)
    _tell_without_effect(config)
    settings = config.order_management.model_copy(update={"on_stop": OnStop.LEAVE})
    ours = config.model_copy(update={"order_management": settings})
    parts = _parts_of(ours, around, transport=transport, quotes=quotes)
    client = CommandClient(
        bot=parts.bot(background_sync=False),
        recorded=lambda: recorded_answers(ours, around),
        on_record=lambda: _parts_of(ours, around, transport=transport, quotes=quotes).on_record(),
        holder=this_process(),
        control_socket=parts.control_socket,
        clock=around.clock,
        patience_s=patience_s,
        timeout_s=settings.submit_deadline_s + settings.cancel_deadline_s + _HOLDER_SLACK_S,
    )
    with closing(client):
        yield client


def _tell_without_effect(config: Config) -> None:
    """Log the settings that are given and do nothing any more, in a file or as a value."""
    size = config.order_management.journal_max_bytes
    given = () if size == OrderManagementConfig().journal_max_bytes else ("order_management.journal_max_bytes",)
    for key in config.without_effect or given:
        _log.warning("setting_without_effect", reason=f"{key} does nothing any more; leave it out")


def _usable(session: LoggedInSession, config: Config, *, transport: Transport | None) -> LoggedInSession | None:
    if transport is not None:
        raise ValueError("a session lends its token to connections of our own; leave transport or session out")
    if not isinstance(session, LoggedInSession):
        raise TypeError("session has no headers; pass robin_stocks.robinhood.helper.SESSION or a requests.Session")
    if config.trading.mode is ExecutionMode.LIVE:
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


def _parts_of(
    config: Config,
    around: Surroundings,
    *,
    transport: Transport | None,
    quotes: QuoteSource | None,
    session: LoggedInSession | None = None,
    gateway: Gateway | None = None,
) -> AccountParts:
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
