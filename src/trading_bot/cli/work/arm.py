"""Allows trading again: takes consent, ends a losing streak and arms the latch."""

from decimal import Decimal

from trading_bot.cli.account_place import AccountPlace, place_of
from trading_bot.cli.commands.safety import LIVE_HOURS
from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.prompts import ask_for_phrase, confirm
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.config import Config
from trading_bot.startup.account_latch import trades_by_agent


def arm(invocation: Invocation, *, phrase: str | None, hours: int | None, exits_only: bool) -> None:
    """Arm the account, after consent.

    Raises:
        CommandError: the phrase is not that of the account, or nobody can be asked for it; over the agent interface
            also where the account is not the one that agents may trade.
        ConfigError, AuthenticationError: nobody is logged in to the agent interface.
    """
    config = Config.from_env_and_json(invocation.config, account=invocation.account)
    place = place_of(config)
    _take_consent(invocation, place, phrase)
    lasting = hours or (LIVE_HOURS if place.mode == "live" else None)
    by = "trading-bot arm" if phrase is None else "trading-bot arm --confirm"
    if not exits_only:
        if trades_by_agent(config):
            _ask_for_the_account(config)
        # The latch comes last: whatever fails before it leaves the account as it was.
        place.breaker().rearm(by=by)
    with place.latch() as latch:
        latch.arm(by=by, hours=Decimal(lasting) if lasting else None, exits_only=exits_only)
    _say_armed(invocation, place, lasting, exits_only=exits_only)


def _ask_for_the_account(config: Config) -> None:
    from trading_bot.cli.work.agent_login import refuse_other_account
    from trading_bot.startup.agent_login import open_agent_door

    refuse_other_account(lambda: open_agent_door(config))


def _take_consent(invocation: Invocation, place: AccountPlace, phrase: str | None) -> None:
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


def _say_armed(invocation: Invocation, place: AccountPlace, hours: int | None, *, exits_only: bool) -> None:
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
