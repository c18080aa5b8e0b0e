"""``trading-bot kill`` and ``trading-bot arm``: stop trading, and allow it again."""

from decimal import Decimal
from typing import TYPE_CHECKING

import click

from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation, common_options, pass_invocation
from trading_bot.cli.output import print_json, print_line
from trading_bot.cli.prompts import ask_for_phrase, confirm

if TYPE_CHECKING:
    from trading_bot.cli.account_place import AccountPlace
    from trading_bot.config import Config

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
@pass_invocation
def kill(invocation: Invocation, *, reason: str) -> ExitCode:
    """Switch trading off, cancel every order of ours, and verify that none is live. Asks nothing.

    Works while a bot runs, hangs or is dead. Exit 0 once it is proven that nothing is live, 8 with the manual
    procedure if that could not be proven. The account stays killed until you arm it.
    """
    from trading_bot.cli.kill_text import kill_json, kill_lines
    from trading_bot.cli.log_output import send_logs_to_stderr
    from trading_bot.startup.kill import open_kill

    config = _config_to_kill(invocation)
    if invocation.verbose:  # the report says it all
        send_logs_to_stderr(invocation, config)
    if not (invocation.json or invocation.quiet):
        click.echo("trading-bot: switching trading off, cancelling and verifying; this takes a while", err=True)
    report = open_kill(config).run(by="trading-bot kill", reason=reason[:_LONGEST_REASON])
    if invocation.json:
        print_json(kill_json(report))
    else:
        for line in kill_lines(report):
            print_line(line)
    return ExitCode.DONE if report.is_flat else ExitCode.OUTCOME_UNKNOWN


def _config_to_kill(invocation: Invocation) -> "Config":
    from trading_bot.config import Config, ConfigError

    try:
        return Config.from_env_and_json(invocation.config)
    except ConfigError as error:
        raise CommandError(
            f"NOTHING WAS KILLED, because the settings that name the account cannot be read: {error} Name a good file "
            "with -c, or delete the file 'armed' in the account's state folder by hand and cancel in the broker's app",
            exit_code=ExitCode.CONFIGURATION,
        ) from error


@click.command(short_help="Allow trading on the account again.", epilog=_ARM_EPILOG)
@click.option("--confirm", "phrase", metavar="PHRASE", help='"PAPER", or "LIVE" and the last four of the account.')
@click.option(
    "--hours",
    type=click.IntRange(min=1, max=8760),
    help=f"End the arming after so many hours, or at a restart of the machine [live: {_LIVE_HOURS}; paper: never].",
)
@click.option(
    "--exits-only", is_flag=True, help="Allow the sale of held shares and nothing else; limits stay as they are."
)
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
