"""What the process tells the one that started it."""

import enum


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
