"""Builds one command's way to the account."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from trading_bot.clock import Clock, Seconds
from trading_bot.config import Config, OnStop
from trading_bot.control.command_client import CommandClient
from trading_bot.lease import this_process
from trading_bot.operations import CommandRunner
from trading_bot.paper.quotes import QuoteSource
from trading_bot.robinhood.session import Transport
from trading_bot.startup.bot_building import parts_of
from trading_bot.startup.journal_on_record import recorded_answers
from trading_bot.startup.look_up import answer_timeout_s
from trading_bot.startup.surroundings import Surroundings, default_surroundings
from trading_bot.startup.without_effect import tell_without_effect

_HOLDER_PATIENCE_S: Seconds = 10.0


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
    tell_without_effect(config)
    settings = config.order_management.model_copy(update={"on_stop": OnStop.LEAVE})
    ours = config.model_copy(update={"order_management": settings})
    parts = parts_of(ours, around, transport=transport, quotes=quotes)
    client = CommandClient(
        bot=parts.bot(background_sync=False),
        recorded=lambda: recorded_answers(ours, around),
        on_record=lambda: parts_of(ours, around, transport=transport, quotes=quotes).on_record(),
        holder=this_process(),
        control_socket=parts.control_socket,
        clock=around.clock,
        patience_s=patience_s,
        timeout_s=answer_timeout_s(config),
    )
    with closing(client):
        yield client
