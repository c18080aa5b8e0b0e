"""Begins and ends the session of a live account."""

import sys
from collections.abc import Callable, Iterable
from typing import TypeAlias

from pydantic import SecretStr

from trading_bot.cli.error_codes import code_of, exit_code_of
from trading_bot.cli.errors import CommandError, notice
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.log_output import send_logs_to_stderr
from trading_bot.cli.prompts import ask_for_code, ask_for_login, can_ask
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.clock import Seconds
from trading_bot.config import Config
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.startup.login import LiveDoor, open_live_door

OpenDoor: TypeAlias = Callable[[Config, SecretStr | None], LiveDoor]


def login(invocation: Invocation) -> None:
    """Log in to the configured account; see `log_in`."""
    log_in(invocation, _settings(invocation), _open_door)


def logout(invocation: Invocation) -> None:
    """End the session of the configured account; see `log_out`."""
    log_out(invocation, _settings(invocation), _open_door)


def log_in(invocation: Invocation, config: Config, open_door: OpenDoor) -> None:
    """Log in with what the environment tells and a person adds, then see whether the account can be read.

    Raises:
        CommandError: nobody can be asked for what is missing, or the account cannot be read.
        ConfigError, AuthenticationError: as `LiveDoor.log_in`.
    """
    if config.trading.mode == "paper":
        _say(invocation, "paper mode: there is nothing to log in to", logged_in=False)
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


def log_out(invocation: Invocation, config: Config, open_door: OpenDoor) -> None:
    """Forget the session and revoke it.

    Raises:
        CommandError: the broker did not confirm.
        ConfigError, AuthenticationError: as `LiveDoor.log_out`.
    """
    if config.trading.mode == "paper":
        _say(invocation, "paper mode: there is nothing to log out of", logged_in=False)
        return
    if not open_door(config, None).log_out():
        raise CommandError(
            "the session is forgotten here, but the broker did not confirm that it has ended; end it in the broker's "
            "app, under its list of devices",
            exit_code=ExitCode.OUTCOME_UNKNOWN,
            code="logout_not_confirmed",
        )
    _say(invocation, "logged out: no session is left here or at the broker", logged_in=False)


def _settings(invocation: Invocation) -> Config:
    config = Config.from_env_and_json(invocation.config)
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
