"""``trading-bot kill`` and ``trading-bot arm``: stop trading, and allow it again."""

from decimal import Decimal
from typing import TYPE_CHECKING

import click

from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation, common_options, pass_invocation
from trading_bot.cli.prompts import ask_for_phrase, confirm
from trading_bot.cli.render.output import print_json, print_line

if TYPE_CHECKING:
    from trading_bot.cli.account_place import AccountPlace

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
_LIVE_HOURS = 12
_LONGEST_REASON = 200


@click.command(short_help="Stop all trading of the account and cancel its orders.", epilog=_KILL_EPILOG)
@click.option("--reason", default="asked for by an operator", metavar="TEXT", help="Why, for the record.")
@click.option("--all", "everything", is_flag=True, help="Cancel protective stop sells of ours too.")
@pass_invocation
def kill(invocation: Invocation, *, reason: str, everything: bool) -> ExitCode:
    """Switch trading off, cancel every order of ours, and verify that none is open. Asks nothing.

    Works while a bot runs, hangs or is dead. Exit 0 with NO OPEN ORDERS once that is proven; 8 with NOT CONFIRMED and
    the manual procedure otherwise. The verdict comes within the time that is stated; where more time may bring the
    proof, it goes on until you interrupt it. Shares stay held. The account stays killed until you arm it.
    """
    from trading_bot.cli.commands.kill import KillCall, run_kill

    return run_kill(invocation, KillCall(reason=reason[:_LONGEST_REASON], keeps_protective=not everything))


@click.command(short_help="Allow trading on the account again.", epilog=_ARM_EPILOG)
@click.option("--confirm", "phrase", metavar="PHRASE", help='"PAPER", or "LIVE" and the last four of the account.')
@click.option(
    "--hours",
    type=click.IntRange(min=1, max=8760),
    help=f"End the arming after so many hours, or at a restart of the machine [live: {_LIVE_HOURS}; paper: never].",
)
@click.option("--exits-only", is_flag=True, help="Allow the sale of held shares, and nothing else.")
@pass_invocation
def arm(invocation: Invocation, *, phrase: str | None, hours: int | None, exits_only: bool) -> None:
    """Allow trading after a kill or a risk halt; live, before the first trade of every session.

    Live asks for the word LIVE and the last four characters of the account number. A running bot sees it at its next
    order. Losses so far make no losing streak any more; a daily loss limit that was reached stays in force.
    """
    from trading_bot.cli.account_place import place_of
    from trading_bot.config import Config

    config = Config.from_env_and_json(invocation.config)
    place = place_of(config)
    _take_consent(invocation, place, phrase)
    lasting = hours or (_LIVE_HOURS if place.mode == "live" else None)
    by = "trading-bot arm" if phrase is None else "trading-bot arm --confirm"
    if not exits_only:
        # The latch comes last: whatever fails before it leaves the account as it was.
        place.breaker().rearm(by=by)
    place.latch().arm(by=by, hours=Decimal(lasting) if lasting else None, exits_only=exits_only)
    _say_armed(invocation, place, lasting, exits_only=exits_only)


def _take_consent(invocation: Invocation, place: "AccountPlace", phrase: str | None) -> None:
    wanted = f"LIVE {place.suffix}" if place.mode == "live" else "PAPER"
    if phrase is None and wanted == "PAPER":
        confirm(invocation, "allow trading on the paper account", option="--confirm PAPER")
        return
    if phrase is None:
        question = "type LIVE and the last four characters of the account number to allow trading with real money"
        phrase = ask_for_phrase(invocation, question, option='--confirm "LIVE ...."')
    if phrase.strip() != wanted:
        raise CommandError(
            f"nothing was changed: that is not the phrase for {place.mode} mode; see 'trading-bot arm --help', and "
            "'trading-bot doctor' for whether the account is armed",
            exit_code=ExitCode.REFUSED_BY_RULE,
        )


def _say_armed(invocation: Invocation, place: "AccountPlace", hours: int | None, *, exits_only: bool) -> None:
    if invocation.json:
        facts = {"mode": place.mode.value, "account": f"...{place.suffix}", "hours": hours, "exits_only": exits_only}
        print_json({"v": 1, "armed": True, **facts})
        return
    until = f" for {hours} hours of this boot" if hours else ""
    what = " for exits only" if exits_only else ""
    print_line(
        f"armed{what}{until}: {place.mode} account ...{place.suffix}; a bot that is running sees it at its next order, "
        "and one that still refuses has to be restarted"
    )


SAFETY_COMMANDS = tuple(map(common_options, (kill, arm)))
