"""``trading-bot doctor``: look at machine, settings and account, change nothing, and say what is wrong first."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation, common_options, pass_invocation
from trading_bot.cli.render.output import print_json, print_table

if TYPE_CHECKING:
    from trading_bot.checkup import Check

_EXIT_CODES: Mapping[str, ExitCode] = {
    "machine": ExitCode.UNEXPECTED,
    "configuration": ExitCode.CONFIGURATION,
    "login": ExitCode.LOGIN_NEEDED,
    "broker": ExitCode.NOT_SENT,
    "halt": ExitCode.REFUSED_BY_RULE,
    "holder": ExitCode.ACCOUNT_IN_USE,
    "storage": ExitCode.JOURNAL,
}
"""The exit code of each kind of trouble."""


@click.command(short_help="Check machine, settings and account.")
@pass_invocation
def doctor(invocation: Invocation) -> None:
    """Check everything that trading needs; nothing is traded, locked or recorded.

    The exit code is that of the first failure; 0 if there is none. A closed market is no failure.
    """
    from trading_bot.checkup import first_failure
    from trading_bot.cli.doctor_checks import examine
    from trading_bot.clock import SystemClock

    checks = examine(invocation.config, SystemClock())
    failure = first_failure(checks)
    _show(invocation, checks, ok=failure is None)
    if failure is not None:
        raise CommandError(
            f"{failure.name}: {failure.detail}",
            exit_code=_EXIT_CODES[failure.trouble],
            code=f"{failure.trouble.value}_trouble",
        )


def _show(invocation: Invocation, checks: "Sequence[Check]", *, ok: bool) -> None:
    if invocation.json:
        listed = [{"name": each.name, "finding": each.result.value, "detail": each.detail} for each in checks]
        print_json({"v": 1, "ok": ok, "checks": listed})
    else:
        rows = [(each.name, each.result.value, each.detail) for each in checks]
        print_table(("check", "finding", "detail"), rows, invocation=invocation)


common_options(doctor)
