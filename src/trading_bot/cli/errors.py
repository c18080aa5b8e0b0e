"""Every error as one readable line on stderr and one exit code; never a traceback."""

import json
import sys
from types import TracebackType

import click

from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.text import printable

_BY_CODE = {
    "login_needed": ExitCode.LOGIN_NEEDED,  # a read finds out as well
    "storage_failed": ExitCode.JOURNAL,  # whoever needed the file: a login as well as an order
}
_LONGEST_REPORT = 4000
"""Characters of one report: enough for every problem of a bad config file."""


class CommandError(Exception):
    """A command cannot go on; ``exit_code`` says of which kind the reason is, and ``code`` is its word for programs."""

    def __init__(self, message: str, *, exit_code: ExitCode, code: str = "") -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.code = code or exit_code.name.lower()


def exit_codes_by_error() -> tuple[tuple[type[Exception], ExitCode], ...]:
    """Return the table of our errors, the narrower before the wider."""
    from trading_bot.config import ConfigError
    from trading_bot.latch import LatchError
    from trading_bot.lease import AccountInUseError, LeaseLostError
    from trading_bot.order_management import exceptions as orders
    from trading_bot.paper.quotes import QuoteFileError, QuoteFileUnreadableError
    from trading_bot.paper.state import ExchangeStateError
    from trading_bot.risk.breaker import RiskBreakerError
    from trading_bot.signals import SignalError

    return (
        (ConfigError, ExitCode.CONFIGURATION),
        (SignalError, ExitCode.USAGE),
        (QuoteFileUnreadableError, ExitCode.CONFIGURATION),
        (QuoteFileError, ExitCode.USAGE),
        (AccountInUseError, ExitCode.ACCOUNT_IN_USE),
        (LeaseLostError, ExitCode.ACCOUNT_IN_USE),
        (LatchError, ExitCode.REFUSED_BY_RULE),
        (RiskBreakerError, ExitCode.REFUSED_BY_RULE),
        (ExchangeStateError, ExitCode.JOURNAL),
        (orders.OrderValidationError, ExitCode.USAGE),
        (orders.UnsupportedOrderTypeError, ExitCode.USAGE),
        (orders.OrderNotFoundError, ExitCode.USAGE),
        (orders.TradingHaltedError, ExitCode.REFUSED_BY_RULE),
        (orders.DuplicateOrderError, ExitCode.REFUSED_BY_RULE),
        (orders.TradeRefusedError, ExitCode.REFUSED_BY_RULE),
        (orders.AuthenticationError, ExitCode.LOGIN_NEEDED),
        (orders.OrderRejectedError, ExitCode.REFUSED_BY_BROKER),
        (orders.OrderNotSentError, ExitCode.NOT_SENT),
        (orders.OrderOutcomeUnknownError, ExitCode.OUTCOME_UNKNOWN),
        (orders.OrderCancellationError, ExitCode.OUTCOME_UNKNOWN),
        (orders.OrderLogError, ExitCode.JOURNAL),
        (orders.OrderStatusError, ExitCode.NOT_SENT),
        (orders.OrderError, ExitCode.UNEXPECTED),
    )


def known_errors() -> tuple[type[Exception], ...]:
    """Return the types `exit_code_of` has a code for."""
    from trading_bot.bot import StartError

    return (CommandError, StartError, *(kind for kind, _ in exit_codes_by_error()))


def exit_code_of(error: Exception) -> ExitCode:
    """Return the code of one of our errors, a failed start having that of its cause; 1 for any other."""
    from trading_bot.bot import StartError
    from trading_bot.latch import LatchError
    from trading_bot.risk.breaker import RiskBreakerError

    if isinstance(error, CommandError):
        return error.exit_code
    if (known := _BY_CODE.get(getattr(error, "code", ""))) is not None:
        return known
    if isinstance(error, LatchError | RiskBreakerError) and isinstance(error.__cause__, OSError):
        return ExitCode.JOURNAL  # no rule refused: its file could not be written
    if isinstance(error, StartError):
        # What the operating system refuses at the start is a folder or file that everything later depends on.
        return ExitCode.JOURNAL if isinstance(error.cause, OSError) else exit_code_of(error.cause)
    return next((code for kind, code in exit_codes_by_error() if isinstance(error, kind)), ExitCode.UNEXPECTED)


def code_of(error: Exception) -> str:
    """Return the error's word for programs; a failed start has that of its cause."""
    from trading_bot.bot import StartError

    inner = error.cause if isinstance(error, StartError) else error
    return str(getattr(inner, "code", "") or type(inner).__name__)


def report(message: str, *, exit_code: ExitCode, code: str, invocation: Invocation) -> None:
    """Say on stderr what went wrong: one line, or one JSON object under ``--json``."""
    line = printable(message, longest=_LONGEST_REPORT)
    if invocation.json:
        line = json.dumps({"v": 1, "error": {"code": code, "exit_code": int(exit_code), "message": line}})
    click.echo(line if invocation.json else f"trading-bot: {line}", err=True)


def notice(message: str, invocation: Invocation) -> None:
    """Say on stderr what is no error."""
    report(message, exit_code=ExitCode.DONE, code="notice", invocation=invocation)


def install_last_resort(invocation: Invocation) -> None:
    """Report an error nobody expected in one line; Python itself then leaves with exit code 1.

    With ``-v`` the traceback comes after it, for a bug report.
    """

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        message = f"unexpected {kind.__name__}: {error}; run it again with -v for the details of a bug report"
        report(message, exit_code=ExitCode.UNEXPECTED, code="unexpected", invocation=invocation)
        if invocation.verbose:
            sys.__excepthook__(kind, error, trace)

    sys.excepthook = hook
