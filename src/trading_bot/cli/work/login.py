"""Begins and ends the session of a live account."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from pydantic import SecretStr

from trading_bot.cli.error_codes import code_of, exit_code_of
from trading_bot.cli.errors import CommandError, notice
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.log_output import send_logs_to_stderr
from trading_bot.cli.prompts import ask_for_code, ask_for_login, can_ask
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.cli.work import agent_login
from trading_bot.clock import Seconds
from trading_bot.config import Config
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.startup.account_latch import trades_by_agent
from trading_bot.startup.agent_login import open_agent_door
from trading_bot.startup.login import LiveDoor, open_live_door

_PRICES = (
    "real prices are read with the login of a live account in the same state_dir; log in with the settings of that one"
)
OpenDoor: TypeAlias = Callable[[Config, SecretStr | None], LiveDoor]


def login(invocation: Invocation, *, from_robin_stocks: str | None = None, browser: bool = True) -> None:
    """Log in to the configured account; see `log_in`, and `take_over` where ``from_robin_stocks`` names a file.

    An empty name is that of the file that robin_stocks keeps usually. Over the agent interface see
    `agent_login.log_in`; ``browser`` says whether one may be opened.

    Raises:
        CommandError: a login of robin_stocks was named, which is none to the agent interface.
    """
    config = _settings(invocation)
    if trades_by_agent(config):
        if from_robin_stocks is not None:
            raise CommandError(
                "gateway is agent, and a login of robin_stocks is one to the private wire alone; run `trading-bot "
                "login` without --from-robin-stocks",
                exit_code=ExitCode.USAGE,
            )
        agent_login.log_in(
            invocation, config, open_agent_door, open_browser=agent_login.system_browser(invocation, wanted=browser)
        )
        return
    if from_robin_stocks is None:
        log_in(invocation, config, _open_door)
    else:
        take_over(invocation, config, _open_door, file=Path(from_robin_stocks) if from_robin_stocks else None)


def logout(invocation: Invocation) -> None:
    """End the session of the configured account; see `log_out`."""
    config = _settings(invocation)
    if trades_by_agent(config):
        agent_login.log_out(invocation, config, open_agent_door)
        return
    log_out(invocation, config, _open_door)


def log_in(invocation: Invocation, config: Config, open_door: OpenDoor) -> None:
    """Log in with what the environment tells and a person adds, then see whether the account can be read.

    Raises:
        CommandError: nobody can be asked for what is missing, or the account cannot be read.
        ConfigError, AuthenticationError: as `LiveDoor.log_in`.
    """
    if _is_on_paper(invocation, config):
        return
    known = config.known_credentials()
    _refuse_unknown(invocation, username=known.username, password=known.password)
    username = known.username or ask_for_login("user name")
    door = open_door(config, username)
    password = known.password or ask_for_login("password", hidden=True)
    try:
        door.log_in(
            password=password,
            mfa_secret=known.mfa_secret,
            notify=lambda message: notice(message, invocation),
            ask=ask_for_code if can_ask(invocation) else None,
            waiting=_waiting_notice(invocation),
        )
    except KeyboardInterrupt as interrupted:
        raise CommandError(
            "interrupted: nobody was logged in; run `trading-bot login` again",
            exit_code=ExitCode.INTERRUPTED,
            code="interrupted",
        ) from interrupted
    suffix = _read_account(door)
    _say(
        invocation,
        f"logged in: live account ...{suffix} can be read; the session is kept for later commands, and trading "
        "takes 'trading-bot arm'",
        logged_in=True,
        account=f"...{suffix}",
    )


def take_over(invocation: Invocation, config: Config, open_door: OpenDoor, *, file: Path | None) -> None:
    """Take over the login that robin_stocks keeps in ``file``, once the account could be read with it.

    Raises:
        CommandError: the account cannot be read with it.
        ConfigError, AuthenticationError: as `LiveDoor.take_over`.
    """
    if _is_on_paper(invocation, config):
        return
    door = open_door(config, config.known_credentials().username)
    try:
        suffix = door.take_over(file, notify=lambda message: notice(message, invocation)).account_suffix
    except OrderStatusError as error:
        raise CommandError(
            f"nothing was taken over, because the account cannot be read with that login: {error}; log in once more "
            "with robin_stocks or run `trading-bot login`, and see whether account_number is an account of this login",
            exit_code=exit_code_of(error),
            code=code_of(error),
        ) from error
    _say(
        invocation,
        f"logged in: live account ...{suffix} can be read with the login of robin_stocks; it is kept for later "
        "commands, and trading takes 'trading-bot arm'. Stop the program that it came from: whoever renews this login "
        "ends the other's",
        logged_in=True,
        account=f"...{suffix}",
    )


def log_out(invocation: Invocation, config: Config, open_door: OpenDoor) -> None:
    """Forget the session and revoke it.

    Raises:
        CommandError: the broker did not confirm.
        ConfigError, AuthenticationError: as `LiveDoor.log_out`.
    """
    if config.trading.mode == "paper":
        _say(invocation, "paper mode: there is nothing to log out of", logged_in=False)
        return
    is_confirmed = open_door(config, None).log_out()
    if is_confirmed is None:
        _say(invocation, "nobody is logged in here; the broker's app lists the devices that are", logged_in=False)
        return
    if not is_confirmed:
        raise CommandError(
            "the session is forgotten here, but the broker did not confirm that it has ended; end it in the broker's "
            "app, under its list of devices",
            exit_code=ExitCode.OUTCOME_UNKNOWN,
            code="logout_not_confirmed",
        )
    _say(invocation, "logged out: no session is left here or at the broker", logged_in=False)


def _is_on_paper(invocation: Invocation, config: Config) -> bool:
    if config.trading.mode != "paper":
        return False
    told = _PRICES if config.paper.has_live_quotes else "there is nothing to log in to"
    _say(invocation, f"paper mode: {told}", logged_in=False)
    return True


def _settings(invocation: Invocation) -> Config:
    config = Config.from_env_and_json(invocation.config, account=invocation.account)
    send_logs_to_stderr(invocation, config)
    return config


def _open_door(config: Config, username: SecretStr | None) -> LiveDoor:
    return open_live_door(config, username=username)


def _refuse_unknown(invocation: Invocation, **secrets: object) -> None:
    missing = _variables(name for name, secret in secrets.items() if secret is None)
    if missing and not can_ask(invocation):
        raise CommandError(
            f"nobody can be asked here for what a login needs; set {missing}, or run `trading-bot login` at a terminal",
            exit_code=ExitCode.LOGIN_NEEDED,
            code="login_needed",
        )


def _variables(names: Iterable[str]) -> str:
    return " and ".join(f"ROBINHOOD_{name.upper()}" for name in names)


def _read_account(door: LiveDoor) -> str:
    try:
        return door.read_account().account_suffix
    except OrderStatusError as error:
        raise CommandError(
            f"logged in and the session is saved, but the account cannot be read: {error}; if it stays so, see whether "
            "account_number is an account of this login",
            exit_code=exit_code_of(error),
            code=code_of(error),
        ) from error


def _waiting_notice(invocation: Invocation) -> Callable[[Seconds], None] | None:
    if invocation.json or not sys.stderr.isatty():
        return None
    return lambda left_s: notice(f"still waiting for the approval: {left_s:.0f} seconds are left", invocation)


def _say(invocation: Invocation, message: str, **facts: object) -> None:
    if invocation.json:
        print_json({"v": 1, **facts})
    else:
        print_line(message)
