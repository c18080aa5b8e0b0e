"""What a finished submit leaves behind: its record, and the answer for the caller."""

from collections.abc import Mapping
from dataclasses import replace

from trading_bot.error_handling.circuit_breaker import CircuitBreaker
from trading_bot.order_management.book.anomalies import Anomaly, AnomalyKind
from trading_bot.order_management.book.freezes import REFUSAL_FREEZE, Cause, frozen, halted
from trading_bot.order_management.context import OrderContext
from trading_bot.order_management.event_details import DoubtDetails
from trading_bot.order_management.events import NO_DETAILS, EventKind, about
from trading_bot.order_management.exceptions import (
    AuthenticationError,
    OrderNotSentError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
    TradingHaltedError,
)
from trading_bot.order_management.models import OrderEnvelope, OrderState
from trading_bot.order_management.outcomes import Accepted, NotSent, Rejected, SubmitOutcome, Unknown
from trading_bot.order_management.submit.halts import TradingHalts
from trading_bot.order_management.submit.send_gate import LATCH
from trading_bot.order_management.sync.synchronizer import Synchronizer
from trading_bot.prose import clause

_CREATED = 201  # the broker took the request, and refused the order in the same breath
_REFUSALS_THAT_HALT = 3
_REFUSAL_WINDOW_S = 300
_REFUSAL_HALT = "the broker refused three orders with 403 or 404 within five minutes; check the account"


class OutcomeRecorder:
    """Records outcomes, and halts entries where one says more than "this order failed"."""

    def __init__(self, context: OrderContext, *, synchronizer: Synchronizer, halts: TradingHalts) -> None:
        self._store = context.store
        self._synchronizer = synchronizer
        self._clock = context.clock
        self._halts = halts
        self._refusals = CircuitBreaker(threshold=_REFUSALS_THAT_HALT, window_s=_REFUSAL_WINDOW_S, clock=context.clock)

    def record(self, envelope: OrderEnvelope, outcome: SubmitOutcome) -> None:
        """Write the outcome down; a journal that fails now hides nothing from the caller."""
        match outcome:
            case Accepted():
                self._record_acceptance(envelope, outcome)
            case Rejected():
                self._record_rejection(envelope, outcome)
            case NotSent():
                self._note_alert(alert=outcome.security_alert)
                self._end(envelope, EventKind.ORDER_NOT_SENT, OrderState.NOT_SENT, outcome.cause)
            case Unknown():
                self._note_alert(alert=outcome.security_alert)
                self._end(
                    envelope,
                    EventKind.ORDER_OUTCOME_UNKNOWN,
                    OrderState.UNKNOWN,
                    outcome.cause,
                    details=DoubtDetails(surely_there=outcome.surely_there).as_text(),
                )

    def raise_unless_accepted(self, envelope: OrderEnvelope, outcome: SubmitOutcome) -> None:
        """Turn an outcome into the caller's answer.

        Raises:
            OrderSubmissionError: rejected, not sent or unknown, each as its own class.
            TradingHaltedError: the latch was released between the intent and the first byte.
        """
        match outcome:
            case Rejected():
                raise _rejected(envelope, outcome)
            case NotSent(refused_by=gate, cause=cause) if gate == LATCH:
                raise TradingHaltedError(
                    f"{envelope.symbol}: not sent: {clause(cause)}",
                    client_order_id=envelope.client_order_id,
                    envelope=envelope,
                )
            case NotSent():
                raise _not_sent(envelope, outcome)
            case Unknown() if envelope.state.is_unresolved:
                raise _unknown(envelope, outcome)
            case Accepted(report=report) if envelope.state is OrderState.REJECTED:
                reason = report.reject_reason or report.broker_state
                raise _rejected(envelope, Rejected(reason=reason, status_code=_CREATED))
            case _:
                return

    def _record_acceptance(self, envelope: OrderEnvelope, outcome: Accepted) -> None:
        self._synchronizer.apply(envelope.client_order_id, outcome.report, found_as=EventKind.ORDER_ACCEPTED)
        if outcome.mismatch is not None:
            evidence = f"the broker's terms differ from ours: {outcome.mismatch}"
            self._store.record_fact(Anomaly(kind=AnomalyKind.TERMS_DIFFER, evidence=evidence).event(envelope))
            self._store.record_fact(frozen(envelope.symbol, Cause.TERMS_DIFFER, outcome.mismatch))

    def _record_rejection(self, envelope: OrderEnvelope, outcome: Rejected) -> None:
        self._end(envelope, EventKind.ORDER_REJECTED, OrderState.REJECTED, outcome.reason)
        if outcome.freezes_symbol:
            self._stop_after_refusal(envelope.symbol, f"the broker answered {outcome.status_code}: {outcome.reason}")

    def _end(
        self,
        envelope: OrderEnvelope,
        kind: EventKind,
        state: OrderState,
        reason: str,
        *,
        details: Mapping[str, str] = NO_DETAILS,
    ) -> None:
        with self._store.open_book() as book:
            order = book.get(envelope.client_order_id)
            if order is not None and order.state is OrderState.PENDING_SUBMIT:
                self._store.record_fact(replace(about(envelope, kind), status=state, reason=reason, details=details))

    def _stop_after_refusal(self, symbol: str, reason: str) -> None:
        until = self._clock.now() + REFUSAL_FREEZE
        self._store.record_fact(frozen(symbol, Cause.REFUSED, reason, until=until))
        self._refusals.record_failure()
        if not self._refusals.allows_call():
            # What is on record stops entries from here on, in the next process too; counting begins anew.
            self._refusals.reset()
            self._store.record_fact(halted(Cause.REFUSALS, _REFUSAL_HALT))

    def _note_alert(self, *, alert: bool) -> None:
        if alert:
            self._halts.note_security_alert()


def _rejected(envelope: OrderEnvelope, outcome: Rejected) -> OrderRejectedError:
    return OrderRejectedError(
        f"{envelope.symbol}: the broker refused the order: {clause(outcome.reason)}; change it before trying again",
        reason=outcome.reason,
        status_code=outcome.status_code,
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
