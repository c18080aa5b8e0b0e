"""``trading-bot config``: check the settings, or show the ones in force."""

import click

from trading_bot.cli.invocation import common_options, examples
from trading_bot.cli.lazy import runs

_WORK = "trading_bot.cli.work.config"


@common_options
@click.group()
def config() -> None:
    """Check the settings, or show the ones in force."""


@common_options
@config.command(
    short_help="Read the settings and say whether they are good.",
    epilog=examples(
        "trading-bot config check",
        "trading-bot config check -c live.json",
    ),
)
@runs(f"{_WORK}:check")
def check() -> None:
    """Read config file, .env and environment; exit 0 if every setting is good, 3 with a line a problem if not.

    The quotes file of a paper account is read too.
    """


@common_options
@config.command(
    short_help="Show every setting in force.",
    epilog=examples(
        "trading-bot config show",
        "trading-bot config show --origin",
    ),
)
@click.option("--origin", is_flag=True, help="Say beside each setting where it came from.")
@runs(f"{_WORK}:show")
def show() -> None:
    """Show every setting in force, one a line, with account numbers and secrets masked."""


@common_options
@config.command(
    short_help="Print the JSON schema of the settings.",
    epilog=examples(
        "trading-bot config schema > config.schema.json",
    ),
)
@runs(f"{_WORK}:schema")
def schema() -> None:
    """Print the JSON schema of config.json, for editors that complete and check it."""
