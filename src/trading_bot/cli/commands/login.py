"""``trading-bot login`` and ``trading-bot logout``: begin and end the session of a live account."""

import click

from trading_bot.cli.invocation import common_options
from trading_bot.cli.lazy import runs

_WORK = "trading_bot.cli.work.login"
_LOGIN_EPILOG = """\b
Examples:
  trading-bot login
  trading-bot --json --no-input login"""


@common_options
@click.command(epilog=_LOGIN_EPILOG)
@runs(f"{_WORK}:login")
def login() -> None:
    """Log in to the live account of the config file and keep the session for later commands.

    ROBINHOOD_USERNAME, ROBINHOOD_PASSWORD and, where there is one, the seed of the one-time codes in
    ROBINHOOD_MFA_SECRET come from the environment or from .env; at a terminal you are asked for what is missing, and
    for the approval of a new device. Logging in allows no trading; that takes 'trading-bot arm'.
    """


@common_options
@click.command()
@runs(f"{_WORK}:logout")
def logout() -> None:
    """Forget the saved session of the live account and ask the broker to revoke it.

    Open orders stay open. Exit 8 if the broker did not confirm: the session is gone here, and you end it in its app.
    """
