"""``trading-bot login`` and ``trading-bot logout``: begin and end the session of a live account."""

import click

from trading_bot.cli.invocation import common_options, examples
from trading_bot.cli.lazy import runs

_WORK = "trading_bot.cli.work.login"
_LOGIN_EPILOG = """\b
Examples:
  trading-bot login
  trading-bot --json --no-input login
  trading-bot login --no-browser
  trading-bot login --from-robin-stocks
  trading-bot login --from-robin-stocks ~/.tokens/robinhoodmine.pickle"""


@common_options
@click.command(epilog=_LOGIN_EPILOG)
@click.option(
    "--from-robin-stocks",
    metavar="[FILE]",
    is_flag=False,
    flag_value="",
    help="Take over the login that robin_stocks keeps in FILE [~/.tokens/robinhood.pickle].",
)
@click.option(
    "--browser/--no-browser",
    default=True,
    help="Open this machine's browser for a login to the agent interface, or only print the address.",
)
@runs(f"{_WORK}:login")
def login() -> None:
    """Log in to the live account of the config file and keep the session for later commands.

    ROBINHOOD_USERNAME, ROBINHOOD_PASSWORD and, where there is one, the seed of the one-time codes in
    ROBINHOOD_MFA_SECRET come from the environment or from .env; at a terminal you are asked for what is missing, and
    for the approval of a new device. Logging in allows no trading; that takes 'trading-bot arm'.

    With ``"gateway": "agent"`` no password is asked here: you log in on the broker's own page in a browser, and allow
    the access to your account for agents. Where there is no browser, the address is printed: open it anywhere, log in,
    and paste the address of the page that the browser ends on. Exit 3 if the account that the broker allows is not the
    configured one, 4 if nobody was logged in within 5 minutes.

    With --from-robin-stocks nobody is asked: the token of an existing robin_stocks login is read from its file, which
    can run nothing here, tried on the account, and kept. Exit 4 if the file or its token cannot be used; the session
    that was kept before stays then. Let only one of the two programs go on: whoever renews the login ends the other's.
    """


@common_options
@click.command(
    epilog=examples(
        "trading-bot logout",
    )
)
@runs(f"{_WORK}:logout")
def logout() -> None:
    """Forget the saved session of the live account and ask the broker to revoke it.

    Open orders stay open. Exit 8 if the broker did not confirm: the session is gone here, and you end it in its app.
    The agent interface offers no way to revoke; then the login is gone here, and you take the access back in its app. A
    bot that runs goes on with such a login until you stop it.
    """
