"""``trading-bot kill`` and ``trading-bot arm``: stop trading, and allow it again."""

import click

from trading_bot.cli.invocation import common_options
from trading_bot.cli.lazy import runs

LIVE_HOURS = 12
"""How long a live account stays armed where nothing else is said."""

_KILL_EPILOG = """\b
Examples:
  trading-bot kill
  trading-bot --json kill --reason "prices look wrong" """
_ARM_EPILOG = """\b
Examples:
  trading-bot arm
  trading-bot arm --confirm PAPER
  trading-bot arm --confirm "LIVE 0001" --hours 7
  trading-bot arm --exits-only"""


@common_options
@click.command(epilog=_KILL_EPILOG)
@click.option("--reason", default="asked for by an operator", metavar="TEXT", help="Why, for the record.")
@click.option("--all", "everything", is_flag=True, help="Cancel protective stop sells of ours too.")
@runs("trading_bot.cli.work.kill.call:kill")
def kill() -> None:
    """Switch trading off, cancel every order of ours, and verify that none is open. Asks nothing.

    Works while a bot runs, hangs or is dead. Exit 0 with NO OPEN ORDERS once that is proven; 8 with NOT CONFIRMED and
    the manual procedure otherwise. The verdict comes within the time that is stated; where more time may bring the
    proof, it goes on until you interrupt it. Shares stay held. The account stays killed until you arm it.
    """


@common_options
@click.command(epilog=_ARM_EPILOG)
@click.option("--confirm", "phrase", metavar="PHRASE", help='"PAPER", or "LIVE" and the last four of the account.')
@click.option(
    "--hours",
    type=click.IntRange(min=1, max=8760),
    help=f"End the arming after so many hours, or at a restart of the machine [live: {LIVE_HOURS}; paper: never].",
)
@click.option("--exits-only", is_flag=True, help="Allow the sale of held shares, and nothing else.")
@runs("trading_bot.cli.work.arm:arm")
def arm() -> None:
    """Allow trading after a kill or a risk halt; live, before the first trade of every session.

    Live asks for the word LIVE and the last four characters of the account number. A running bot sees it at its next
    order. Losses so far make no losing streak any more; a daily loss limit that was reached stays in force.

    With ``"gateway": "agent"`` the broker is asked first which account its agent interface may trade. Nothing is armed
    unless that is the configured one; with --exits-only nobody is asked.
    """
