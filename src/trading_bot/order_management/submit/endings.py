"""The one table of how a submit ends: what follows, what is recorded, and what the caller gets.

Each request and each submit ends in exactly one of four ways (`Ending`). What depends on which one it was stands in
`ENDINGS`; nobody else maps an ending to an event, a state or an error. Whether the same bytes may go out once more is
not a matter of the ending alone: each outcome says it, and `SubmitProtocol` asks it.
"""

from collections.abc import Mapping

from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import (
    AuthenticationError,
    OrderError,
    OrderNotSentError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
    OrderSubmissionError,
    TradingHaltedError,
)
from trading_bot.order_management.models import OrderEnvelope, OrderState
from trading_bot.order_management.outcomes import Accepted, Ending, NotSent, Rejected, SubmitOutcome, Unknown
from trading_bot.order_management.submit.send_gate import LATCH
from trading_bot.prose import clause
from trading_bot.values import Value

_CREATED = 201  # the broker took the request, and refused the order in the same breath


class EndingRule(Value, frozen=True, kw_only=True):
    """One row of the table."""

    is_looked_for: bool
    """Whether the order may be there, so that it is looked for before the submit ends so."""
    event: EventKind
    state: OrderState | None
    """The state after it; None where the broker's report says which."""
    error: type[OrderSubmissionError] | None
    """What the caller gets; None where the order stands."""


ENDINGS: Mapping[Ending, EndingRule] = {
    Ending.ACCEPTED: EndingRule(is_looked_for=False, event=EventKind.ORDER_ACCEPTED, state=None, error=None),
    Ending.REJECTED: EndingRule(
        is_looked_for=False, event=EventKind.ORDER_REJECTED, state=OrderState.REJECTED, error=OrderRejectedError
    ),
    Ending.NOT_SENT: EndingRule(
        is_looked_for=False, event=EventKind.ORDER_NOT_SENT, state=OrderState.NOT_SENT, error=OrderNotSentError
    ),
    Ending.UNKNOWN: EndingRule(
        is_looked_for=True,
        event=EventKind.ORDER_OUTCOME_UNKNOWN,
        state=OrderState.UNKNOWN,
        error=OrderOutcomeUnknownError,
    ),
}


def error_of(envelope: OrderEnvelope, outcome: SubmitOutcome) -> OrderError | None:
    """Return the error that tells the caller how the submit ended; None where the order stands.

    ``envelope`` is the order as it is on record by now: a synchronisation may have found it, or the broker may have
    refused it in the report that accepted it.
    """
    match outcome:
        case Rejected():
            return _rejected(envelope, outcome)
        case NotSent(refused_by=gate) if gate == LATCH:
            return _halted(envelope, outcome)
        case NotSent():
            return _not_sent(envelope, outcome)
        case Unknown():
            return _unknown(envelope, outcome) if envelope.state.is_unresolved else None
        case Accepted(report=report):
            reason = report.reject_reason or report.broker_state
            is_refused = envelope.state is OrderState.REJECTED
            return _rejected(envelope, Rejected(reason=reason, status_code=_CREATED)) if is_refused else None


def _rejected(envelope: OrderEnvelope, outcome: Rejected) -> OrderRejectedError:
    return OrderRejectedError(
        f"{envelope.symbol}: the broker refused the order: {clause(outcome.reason)}; change it before trying again",
        reason=outcome.reason,
        status_code=outcome.status_code,
        client_order_id=envelope.client_order_id,
        symbol=envelope.symbol,
        envelope=envelope,
    )


def _halted(envelope: OrderEnvelope, outcome: NotSent) -> TradingHaltedError:
    return TradingHaltedError(
        f"{envelope.symbol}: not sent: {clause(outcome.cause)}",
        client_order_id=envelope.client_order_id,
        symbol=envelope.symbol,
        envelope=envelope,
    )


def _not_sent(envelope: OrderEnvelope, outcome: NotSent) -> OrderNotSentError:
    kind = AuthenticationError if outcome.needs_login else OrderNotSentError
    again = "log in again, then try again" if outcome.needs_login else "it is safe to try again"
    remedy = f"{again} with the same client order id and terms"
    return kind(
        f"{envelope.symbol}: nothing was sent: {clause(outcome.cause)}; {remedy}",
        client_order_id=envelope.client_order_id,
        symbol=envelope.symbol,
        envelope=envelope,
    )


def _unknown(envelope: OrderEnvelope, outcome: Unknown) -> OrderOutcomeUnknownError:
    return OrderOutcomeUnknownError(
        f"{envelope.symbol}: it is not known whether the broker has order {envelope.client_order_id}: "
        f"{clause(outcome.cause)}; do not send it again, it is being looked for",
        client_order_id=envelope.client_order_id,
        symbol=envelope.symbol,
        envelope=envelope,
    )
