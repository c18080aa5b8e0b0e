"""Which kind of message an event is. Pure."""

import enum

from trading_bot.bot_events import Alert, AlertCode, BotEvent, OrderEnded, OrderFilled, TradingHalted, TradingResumed
from trading_bot.halt_watch import Condition
from trading_bot.order_management.book.freezes import Cause
from trading_bot.order_management.models import OrderState


class Kind(enum.StrEnum):
    """The kinds of messages; each has a rule in ``notify.rules``."""

    FILLS = "fills"
    ENDS = "ends"  # cancelled, or never taken; a fill says of itself what is left
    REFUSALS = "refusals"  # the broker refused the order, or it could not be sent
    HALTS = "halts"
    UNKNOWN_OUTCOMES = "unknown_outcomes"
    DRIFT = "drift"
    LOGIN_NEEDED = "login_needed"
    TIE_OUT = "tie_out"
    PROTECTION = "protection"
    ALERTS = "alerts"  # every other alert
    SUMMARY = "summary"  # of the day, at the close


_ENDINGS = {
    OrderState.REJECTED: Kind.REFUSALS,
    OrderState.NOT_SENT: Kind.REFUSALS,
    OrderState.CANCELLED: Kind.ENDS,
    OrderState.NEVER_ACCEPTED: Kind.ENDS,
}
_ALERTS = {
    AlertCode.OUTCOME_UNKNOWN: Kind.UNKNOWN_OUTCOMES,
    AlertCode.PRESUMED_ABSENT: Kind.UNKNOWN_OUTCOMES,
    AlertCode.LOGIN_ENDS: Kind.LOGIN_NEEDED,
}
_CAUSES: dict[str | None, Kind | None] = {
    Cause.DRIFT: Kind.DRIFT,
    Cause.NEGATIVE_POSITION: Kind.DRIFT,
    Condition.LOGIN_NEEDED: Kind.LOGIN_NEEDED,
    "cash_missing": Kind.TIE_OUT,
    Cause.REENTRY: None,  # ends by itself within a minute of an exit
}
_PROTECTION = "protection_"
"""What the codes of all alerts about protection plans begin with."""


def kind_of(event: BotEvent) -> Kind | None:
    """Return the kind of message that tells of an event; None where another event tells the same, or it is no news."""
    match event:
        case OrderFilled():
            return Kind.FILLS
        case OrderEnded():
            return _ENDINGS.get(event.ending)
        case Alert():
            other = Kind.PROTECTION if event.code.value.startswith(_PROTECTION) else Kind.ALERTS
            return _ALERTS.get(event.code, other)
        case TradingHalted() | TradingResumed():
            return _CAUSES.get(event.cause, Kind.HALTS)
        case _:
            return None
