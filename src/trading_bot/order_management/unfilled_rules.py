"""What becomes of an entry that nobody fills, after every override."""

import enum

from trading_bot.clock import Seconds
from trading_bot.values import Value


class UnfilledAction(enum.StrEnum):
    """What is done with it."""

    CANCEL = "cancel"
    REPRICE = "reprice"


class UnfilledRule(Value, frozen=True, kw_only=True):
    """The time-out of one entry. ``timeout_s`` counts from when the broker began to work it, or from its last fill."""

    timeout_s: Seconds
    action: UnfilledAction
    max_reprices: int
    """How often it is placed anew, before it is cancelled."""
