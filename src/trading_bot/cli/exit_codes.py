"""What the process tells the one that started it."""

import enum
from collections.abc import Mapping


class ExitCode(enum.IntEnum):
    """Stable exit codes. A script may try again after 7, never after 8."""

    DONE = 0
    UNEXPECTED = 1  # also: output was lost, a reader who went away not counting
    USAGE = 2
    CONFIGURATION = 3
    LOGIN_NEEDED = 4
    REFUSED_BY_RULE = 5  # a rule of ours, a halt, or a missing live confirmation
    REFUSED_BY_BROKER = 6
    NOT_SENT = 7  # broker unreachable or throttled: safe to retry
    OUTCOME_UNKNOWN = 8  # reconcile first
    ACCOUNT_IN_USE = 9
    MARKET_CLOSED = 10
    JOURNAL = 11  # the journal, or another file of the account, is unwritable or damaged
    INTERRUPTED = 130
    TERMINATED = 143


_BY_CODE: Mapping[str, ExitCode] = {
    "market_closed": ExitCode.MARKET_CLOSED,
    "login_needed": ExitCode.LOGIN_NEEDED,
    "no_account_data": ExitCode.NOT_SENT,
    "no_quote": ExitCode.NOT_SENT,
    "rejected": ExitCode.REFUSED_BY_BROKER,
    "not_sent": ExitCode.NOT_SENT,
    "journal_failed": ExitCode.JOURNAL,
    "journal_damaged": ExitCode.JOURNAL,
    **dict.fromkeys(
        (
            *("bad_symbol", "bad_quantity", "bad_price", "bad_time_in_force", "bad_extended_hours", "bad_action"),
            *("bad_pricing", "bad_client_order_id", "bad_correlation_id", "bad_request", "client_order_id_reused"),
            *("bad_strategy_name", "bad_reason", "invalid_order", "price_not_positive", "slippage_guard"),
            "unsupported_order_type",
        ),
        ExitCode.USAGE,
    ),
}
"""What is known more exactly than the status tells."""

_BY_STATUS: Mapping[str, ExitCode] = {
    "submitted": ExitCode.DONE,
    "duplicate": ExitCode.REFUSED_BY_RULE,
    "blocked": ExitCode.REFUSED_BY_RULE,
    "rejected": ExitCode.REFUSED_BY_BROKER,
    "not_sent": ExitCode.NOT_SENT,
    "unknown": ExitCode.OUTCOME_UNKNOWN,
    "not_implemented": ExitCode.USAGE,
}


def exit_code_of_trade(*, status: str, code: str) -> ExitCode:
    """Return what the process ends with after a trade; an unknown status counts as an unknown outcome."""
    by_status = _BY_STATUS.get(status, ExitCode.OUTCOME_UNKNOWN)
    # A submitted or perhaps live order stays that, whatever its code says.
    if by_status in (ExitCode.DONE, ExitCode.OUTCOME_UNKNOWN):
        return by_status
    return _BY_CODE.get(code, by_status)
