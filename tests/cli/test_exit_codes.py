"""What a script may do after a command is told by its exit code."""

import pytest

from trading_bot.bot import TradeStatus
from trading_bot.cli.exit_codes import ExitCode, exit_code_of_trade

EXPECTED = {
    TradeStatus.SUBMITTED: ExitCode.DONE,
    TradeStatus.DUPLICATE: ExitCode.REFUSED_BY_RULE,
    TradeStatus.BLOCKED: ExitCode.REFUSED_BY_RULE,
    TradeStatus.REJECTED: ExitCode.REFUSED_BY_BROKER,
    TradeStatus.NOT_SENT: ExitCode.NOT_SENT,
    TradeStatus.UNKNOWN: ExitCode.OUTCOME_UNKNOWN,
    TradeStatus.NOT_IMPLEMENTED: ExitCode.USAGE,
}


@pytest.mark.parametrize("status", TradeStatus)
def test_every_status_has_its_documented_exit_code(status):
    """A new status fails here until somebody decides what a script may do after it."""
    assert exit_code_of_trade(status=status, code="anything") is EXPECTED[status]


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("market_closed", ExitCode.MARKET_CLOSED),
        ("no_account_data", ExitCode.NOT_SENT),
        ("journal_failed", ExitCode.JOURNAL),
        ("journal_damaged", ExitCode.JOURNAL),
        ("bad_symbol", ExitCode.USAGE),
        ("bad_quantity", ExitCode.USAGE),
        ("bad_price", ExitCode.USAGE),
        ("client_order_id_reused", ExitCode.USAGE),
        ("slippage_guard", ExitCode.USAGE),
        ("insufficient_buying_power", ExitCode.REFUSED_BY_RULE),
        ("trading_halted", ExitCode.REFUSED_BY_RULE),
        ("risk_halt", ExitCode.REFUSED_BY_RULE),
    ],
)
def test_a_blocked_trade_tells_by_its_code_what_stood_in_the_way(code, exit_code):
    assert exit_code_of_trade(status="blocked", code=code) is exit_code


def test_a_login_that_is_needed_is_told_from_an_order_that_can_simply_be_repeated():
    assert exit_code_of_trade(status="not_sent", code="login_needed") is ExitCode.LOGIN_NEEDED


@pytest.mark.parametrize("code", ["market_closed", "journal_failed", "bad_symbol"])
@pytest.mark.parametrize("status", ["unknown", "submitted"])
def test_an_order_that_may_be_live_stays_that_whatever_its_code(status, code):
    assert exit_code_of_trade(status=status, code=code) is EXPECTED[TradeStatus(status)]


def test_a_status_nobody_knows_counts_as_an_unknown_outcome():
    assert exit_code_of_trade(status="novel", code="bad_symbol") is ExitCode.OUTCOME_UNKNOWN


def test_the_exit_codes_are_the_documented_ones():
    """Scripts are written against these figures: 7 may be tried again, 8 never."""
    assert {code.name: code.value for code in ExitCode} == {
        "DONE": 0,
        "UNEXPECTED": 1,
        "USAGE": 2,
        "CONFIGURATION": 3,
        "LOGIN_NEEDED": 4,
        "REFUSED_BY_RULE": 5,
        "REFUSED_BY_BROKER": 6,
        "NOT_SENT": 7,
        "OUTCOME_UNKNOWN": 8,
        "ACCOUNT_IN_USE": 9,
        "MARKET_CLOSED": 10,
        "JOURNAL": 11,
        "INTERRUPTED": 130,
        "TERMINATED": 143,
    }
