"""Sends the bot's log events to stderr, where they cannot be taken for data."""

import logging
import sys

from trading_bot.cli.invocation import Invocation
from trading_bot.config import Config
from trading_bot.logging.masking import SecretMasker
from trading_bot.logging.setup import configure_logging

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


def send_logs_to_stderr(invocation: Invocation, config: Config) -> None:
    """Write warnings, more with each ``-v`` and errors alone under ``--quiet``; the account number is masked."""
    configure_logging(stream=sys.stderr, level=level_of(invocation), json=invocation.json, masker=masker_of(config))


def masker_of(config: Config) -> SecretMasker:
    """Return what masks the account number of the settings, and whatever looks like a secret."""
    number = config.account_number
    return SecretMasker(secrets=(number.get_secret_value(),) if number else ())


def level_of(invocation: Invocation) -> int:
    """Return the lowest level that is written."""
    if invocation.quiet:
        return logging.ERROR
    return _LEVELS[min(invocation.verbose, len(_LEVELS) - 1)]
