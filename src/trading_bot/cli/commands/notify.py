"""``trading-bot notify``: messages to a phone."""

import click

from trading_bot.cli.invocation import common_options
from trading_bot.cli.lazy import runs

_EPILOG = """\b
Examples:
  export TRADING_BOT_NOTIFY_URLS="ntfy://my-own-topic"
  trading-bot notify test
  trading-bot run --signals -"""

_TEST_EPILOG = """\b
Examples:
  trading-bot notify test
  trading-bot --json notify test"""


@common_options
@click.group(epilog=_EPILOG)
def notify() -> None:
    """Messages to a phone about a running bot: fills, refusals, halts, unknown outcomes, the day's summary.

    They go to the addresses in TRADING_BOT_NOTIFY_URLS, in the environment or in the .env beside the config file, as
    apprise writes them, with spaces between several. They are secrets and never stand in the config file. Which kinds
    are sent, and when, is the section "notify" of the settings. docs/notifications.md has the rest.
    """


@common_options
@notify.command(short_help="Send one message to every service.", epilog=_TEST_EPILOG)
@runs("trading_bot.cli.work.notify:test")
def test() -> None:
    """Send one message to every service, now, and say of each what became of it.

    Rules and quiet hours do not count. A running bot is not disturbed, and none is needed. Exit code 0 if every service
    took it, 3 if none is set up or an address cannot be used, 7 if one did not take it: try again later.
    """
