"""Which exit code each of our errors has. It knows every error of the program, so it is loaded when one was raised."""

from trading_bot.account_in_use import AccountInUseError
from trading_bot.bot import StartError
from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.config import ConfigError
from trading_bot.latch import LatchError
from trading_bot.lease import LeaseLostError
from trading_bot.order_management import exceptions as orders
from trading_bot.paper.quotes import QuoteFileError, QuoteFileUnreadableError
from trading_bot.paper.state import ExchangeStateError
from trading_bot.risk.breaker import RiskBreakerError
from trading_bot.signals import SignalError

_BY_CODE = {
    "login_needed": ExitCode.LOGIN_NEEDED,  # a read finds out as well
    "storage_failed": ExitCode.JOURNAL,  # whoever needed the file: a login as well as an order
}


EXIT_CODES_BY_ERROR: tuple[tuple[type[Exception], ExitCode], ...] = (
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
"""Our errors, the narrower before the wider."""


def known_errors() -> tuple[type[Exception], ...]:
    """Return the types `exit_code_of` has a code for."""
    return (CommandError, StartError, *(kind for kind, _ in EXIT_CODES_BY_ERROR))


def exit_code_of(error: Exception) -> ExitCode:
    """Return the code of one of our errors, a failed start having that of its cause; 1 for any other."""
    if isinstance(error, CommandError):
        return error.exit_code
    if (known := _BY_CODE.get(getattr(error, "code", ""))) is not None:
        return known
    if isinstance(error, LatchError | RiskBreakerError) and isinstance(error.__cause__, OSError):
        return ExitCode.JOURNAL  # no rule refused: its file could not be written
    if isinstance(error, StartError):
        # What the operating system refuses at the start is a folder or file that everything later depends on.
        return ExitCode.JOURNAL if isinstance(error.cause, OSError) else exit_code_of(error.cause)
    return next((code for kind, code in EXIT_CODES_BY_ERROR if isinstance(error, kind)), ExitCode.UNEXPECTED)


def code_of(error: Exception) -> str:
    """Return the error's word for programs; a failed start has that of its cause."""
    inner = error.cause if isinstance(error, StartError) else error
    return str(getattr(inner, "code", "") or type(inner).__name__)
