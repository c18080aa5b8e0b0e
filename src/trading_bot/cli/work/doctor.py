"""Looks at machine, settings and account, changes nothing, and says what is wrong first."""

from collections.abc import Mapping, Sequence

from trading_bot.checkup import Check, first_failure
from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.output import print_json
from trading_bot.cli.render.table import print_table
from trading_bot.cli.work.doctor_checks import examine
from trading_bot.clock import SystemClock

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


def doctor(invocation: Invocation) -> None:
    """Show every check; under ``--quiet`` only the first failure.

    Raises:
        CommandError: a check failed; it has the exit code of the first failure.
    """
    checks = examine(invocation.config, SystemClock(), account=invocation.account)
    failure = first_failure(checks)
    _show(invocation, checks, ok=failure is None)
    if failure is not None:
        raise CommandError(
            f"{failure.name}: {failure.detail}",
            exit_code=_EXIT_CODES[failure.trouble],
            code=f"{failure.trouble.value}_trouble",
        )


def _show(invocation: Invocation, checks: Sequence[Check], *, ok: bool) -> None:
    if invocation.json:
        listed = [{"name": each.name, "finding": each.result.value, "detail": each.detail} for each in checks]
        print_json({"v": 1, "ok": ok, "checks": listed})
    elif not invocation.quiet:
        rows = [(each.name, each.result.value, each.detail) for each in checks]
        print_table(("check", "finding", "detail"), rows, invocation=invocation)
