"""Sends the bot's log events to stderr, where they cannot be taken for data."""

import logging
import sys
from contextlib import AbstractContextManager

from trading_bot.cli.invocation import Invocation
from trading_bot.clock import Clock
from trading_bot.config import Config
from trading_bot.logging.log_file import LogFile
from trading_bot.logging.masking import SecretMasker
from trading_bot.logging.setup import configure_logging, logging_to

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


def send_logs_to_stderr(invocation: Invocation, config: Config) -> None:
    """Write warnings, more with each ``-v`` and errors alone under ``--quiet``; the account number is masked."""
    configure_logging(stream=sys.stderr, level=level_of(invocation), json=invocation.json, masker=_masker_of(config))


def logs_to_file(config: Config, clock: Clock) -> AbstractContextManager[None]:
    """Write the events to the log file too while inside."""
    name = f"trading-bot-live-{config.account_suffix}.log" if config.trading.mode == "live" else "trading-bot.log"
    file = LogFile(config.logs_dir / name, max_bytes=config.log.max_bytes)
    return logging_to(file, level=config.log.level.upper(), masker=_masker_of(config), clock=clock)


def _masker_of(config: Config) -> SecretMasker:
    number = config.account_number
    return SecretMasker(secrets=(number.get_secret_value(),) if number else ())


def level_of(invocation: Invocation) -> int:
    """Return the lowest level that is written."""
    if invocation.quiet:
        return logging.ERROR
    return _LEVELS[min(invocation.verbose, len(_LEVELS) - 1)]
