import json
from collections.abc import Iterator

import pytest

from trading_bot.account_in_use import AccountInUseError
from trading_bot.bot import StartError
from trading_bot.cli.error_codes import EXIT_CODES_BY_ERROR, code_of, exit_code_of, known_errors
from trading_bot.cli.errors import CommandError, report
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.config import ConfigError
from trading_bot.control.client import HolderSilentError, ReplyLostError
from trading_bot.order_management import exceptions as orders
from trading_bot.paper.state import ExchangeStateError
from trading_bot.risk.breaker import RiskBreakerError
from trading_bot.signals import SignalError

EXPECTED = {
    orders.OrderError: ExitCode.UNEXPECTED,
    orders.OrderValidationError: ExitCode.USAGE,
    orders.UnsupportedOrderTypeError: ExitCode.USAGE,
    orders.TradingHaltedError: ExitCode.REFUSED_BY_RULE,
    orders.TradeRefusedError: ExitCode.REFUSED_BY_RULE,
    orders.DuplicateOrderError: ExitCode.REFUSED_BY_RULE,
    orders.OrderSubmissionError: ExitCode.UNEXPECTED,
    orders.OrderRejectedError: ExitCode.REFUSED_BY_BROKER,
    orders.OrderNotSentError: ExitCode.NOT_SENT,
    orders.AuthenticationError: ExitCode.LOGIN_NEEDED,
    orders.OrderOutcomeUnknownError: ExitCode.OUTCOME_UNKNOWN,
    orders.OrderCancellationError: ExitCode.OUTCOME_UNKNOWN,
    orders.OrderStatusError: ExitCode.NOT_SENT,
    orders.OrderNotFoundError: ExitCode.USAGE,
    orders.OrderLogError: ExitCode.JOURNAL,
    orders.OrderLogDamagedError: ExitCode.JOURNAL,
}


def tree(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for below in kind.__subclasses__():
        yield from tree(below)


@pytest.mark.parametrize(
    "kind", sorted((each for each in tree(orders.OrderError) if each.__module__ == orders.__name__), key=str)
)
def test_every_error_of_the_order_tree_has_its_documented_exit_code(kind):
    """A new error fails here until somebody decides what a script may do after it."""
    error = kind.__new__(kind)
    assert exit_code_of(error) is EXPECTED[kind]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError(("x",)), ExitCode.CONFIGURATION),
        (SignalError("x", line=1), ExitCode.USAGE),
        (AccountInUseError(7), ExitCode.ACCOUNT_IN_USE),
        (HolderSilentError(7, "it hangs"), ExitCode.ACCOUNT_IN_USE),
        (ReplyLostError("x"), ExitCode.OUTCOME_UNKNOWN),
        (RiskBreakerError("x"), ExitCode.REFUSED_BY_RULE),
        (ExchangeStateError("x"), ExitCode.JOURNAL),
        (CommandError("x", exit_code=ExitCode.USAGE), ExitCode.USAGE),
        (StartError("lease", AccountInUseError(7)), ExitCode.ACCOUNT_IN_USE),
        (StartError("account", orders.OrderStatusError("x", code="login_needed")), ExitCode.LOGIN_NEEDED),
        (StartError("journal", PermissionError("logs")), ExitCode.JOURNAL),
    ],
)
def test_the_other_errors_have_theirs(error, code):
    assert exit_code_of(error) is code


def test_an_error_of_nobody_is_unexpected():
    assert exit_code_of(KeyError("x")) is ExitCode.UNEXPECTED
    assert KeyError not in known_errors()


def test_the_word_for_programs_is_that_of_the_cause():
    assert code_of(StartError("journal", orders.OrderLogError("x"))) == "journal_failed"
    assert code_of(StartError("lease", AccountInUseError(7))) == "AccountInUseError"


def test_a_report_has_room_for_many_problems(capsys):
    report("x" * 3000, exit_code=ExitCode.CONFIGURATION, code="c", invocation=Invocation())
    assert len(capsys.readouterr().err) > 3000


def test_a_narrower_error_stands_before_the_wider_one():
    table = [kind for kind, _ in EXIT_CODES_BY_ERROR]
    for place, kind in enumerate(table):
        assert not any(issubclass(later, kind) for later in table[place + 1 :])


def test_an_error_is_one_line_on_stderr(capsys):
    report("bad\nthing \x1b[31m", exit_code=ExitCode.USAGE, code="usage", invocation=Invocation())
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "trading-bot: bad thing [31m\n")


def test_under_json_an_error_is_one_object_on_stderr(capsys):
    report("bad", exit_code=ExitCode.NOT_SENT, code="not_sent", invocation=Invocation(json=True))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert json.loads(shown.err) == {"v": 1, "error": {"code": "not_sent", "exit_code": 7, "message": "bad"}}
