"""Begins and ends the login of a live account to the broker's agent interface."""

import os
import sys
import webbrowser
from collections.abc import Callable
from typing import TypeAlias

from trading_bot.cli.error_codes import code_of, exit_code_of
from trading_bot.cli.errors import CommandError, notice, show
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.prompts import can_ask, line_within
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.config import Config
from trading_bot.config.environment import shows_windows
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.startup.agent_login import AgentDoor, BrowserPerson, Revoked

OpenAgentDoor: TypeAlias = Callable[[Config], AgentDoor]
OpenBrowser: TypeAlias = Callable[[str], bool]

_A_BOT = "a bot that runs goes on with it until you stop it"
_IN_THE_APP = (
    "it ends with its last token, or in the broker's app, where you take the access of agents back: that ends the "
    "logins of all of them"
)


def log_in(
    invocation: Invocation, config: Config, open_door: OpenAgentDoor, *, open_browser: OpenBrowser | None
) -> None:
    """Log a person in by a browser, then see which account may be traded and whether it can be read.

    Raises:
        CommandError: nobody can be asked, or the configured account is not the one for agents, or cannot be read.
        ConfigError, AuthenticationError: as `AgentDoor.log_in`.
    """
    if invocation.no_input:
        raise CommandError(
            "a login to the agent interface takes a person and a browser; run `trading-bot login` without --no-input",
            exit_code=ExitCode.LOGIN_NEEDED,
            code="login_needed",
        )
    door = open_door(config)
    try:
        door.log_in(_person(invocation, open_browser))
    except KeyboardInterrupt as interrupted:
        raise CommandError(
            "interrupted: nobody was logged in; run `trading-bot login` again",
            exit_code=ExitCode.INTERRUPTED,
            code="interrupted",
        ) from interrupted
    suffix, standing = _read_account(door), door.standing()
    ends_at = None if standing is None else standing.expires_at
    until = "" if ends_at is None else f", good until {ends_at:%Y-%m-%d %H:%M} UTC and renewed before that while used"
    _say(
        invocation,
        f"logged in: live account ...{suffix} can be read over the agent interface; the login is kept for later "
        f"commands{until}. Trading takes 'trading-bot arm'",
        logged_in=True,
        account=f"...{suffix}",
        expires_at=None if ends_at is None else ends_at.isoformat(),
    )


def log_out(invocation: Invocation, config: Config, open_door: OpenAgentDoor) -> None:
    """Forget the login, and end it at the broker where that is offered.

    Raises:
        CommandError: it is offered, and the broker did not confirm.
        ConfigError, AuthenticationError: as `AgentDoor.log_out`.
    """
    match open_door(config).log_out():
        case Revoked.YES:
            _say(invocation, "logged out: no login is left here or at the broker", logged_in=False, revoked=True)
        case Revoked.NONE_HERE:
            said = f"no login was kept here. An earlier one may still count at the broker: {_IN_THE_APP}"
            _say(invocation, said, logged_in=False, revoked=False)
        case Revoked.NOT_OFFERED:
            said = (
                f"logged out: no login is left here, but {_A_BOT}. The agent interface offers no way to end it there: "
                f"{_IN_THE_APP}"
            )
            _say(invocation, said, logged_in=False, revoked=False)
        case Revoked.NOT_CONFIRMED:
            raise CommandError(
                f"the login is forgotten here, but the broker did not confirm that it has ended, and {_A_BOT}; "
                f"{_IN_THE_APP}",
                exit_code=ExitCode.OUTCOME_UNKNOWN,
                code="logout_not_confirmed",
            )


def refuse_other_account(open_door: Callable[[], AgentDoor]) -> None:
    """Ask the broker which account agents may trade; nothing is to be armed unless it is the configured one.

    Raises:
        CommandError: it is another one, or that cannot be told.
        ConfigError, AuthenticationError: nobody is logged in.
    """
    door = open_door()
    door.resume()
    try:
        problem = door.account_problem()
    except OrderStatusError as error:
        raise CommandError(
            f"nothing was changed, because it cannot be told which account the agent interface may trade: {error}",
            exit_code=exit_code_of(error),
            code=code_of(error),
        ) from error
    if problem is not None:
        raise _other_account(f"nothing was changed: {problem}")


def system_browser(invocation: Invocation, *, wanted: bool) -> OpenBrowser | None:
    """Return what opens this machine's browser for the person at this terminal; None where there is none to open."""
    return webbrowser.open if wanted and can_ask(invocation) and shows_windows(sys.platform) else None


def _person(invocation: Invocation, open_browser: OpenBrowser | None) -> BrowserPerson:
    return BrowserPerson(
        show=lambda address: show(address, invocation),
        notify=lambda message: notice(message, invocation),
        open_browser=open_browser,
        pasted=line_within if can_ask(invocation) and os.name == "posix" else None,
    )


def _read_account(door: AgentDoor) -> str:
    try:
        problem = door.account_problem()
        if problem is not None:
            raise _other_account(f"logged in and the login is saved, but {problem}")
        return door.read_account().account_suffix
    except OrderStatusError as error:
        raise CommandError(
            f"logged in and the login is saved, but the account cannot be read: {error}",
            exit_code=exit_code_of(error),
            code=code_of(error),
        ) from error


def _other_account(message: str) -> CommandError:
    return CommandError(message, exit_code=ExitCode.CONFIGURATION, code="not_the_agent_account")


def _say(invocation: Invocation, message: str, **facts: object) -> None:
    if invocation.json:
        print_json({"v": 1, **facts})
    else:
        print_line(message)
