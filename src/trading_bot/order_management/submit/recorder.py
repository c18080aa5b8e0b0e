"""The records of a finished submit, and what they say of more than the one order."""

from trading_bot.error_handling.circuit_breaker import CircuitBreaker
from trading_bot.order_management.book.anomalies import Anomaly, AnomalyKind
from trading_bot.order_management.book.freezes import REFUSAL_FREEZE, Cause, frozen, halted
from trading_bot.order_management.context import OrderContext
from trading_bot.order_management.event_details import DoubtDetails
from trading_bot.order_management.events import about
from trading_bot.order_management.models import OrderEnvelope, OrderState
from trading_bot.order_management.outcomes import Accepted, NotSent, Rejected, SubmitOutcome, Unknown
from trading_bot.order_management.submit.endings import ENDINGS
from trading_bot.order_management.submit.halts import TradingHalts
from trading_bot.order_management.sync.synchronizer import Synchronizer
from trading_bot.values import replace

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
        if isinstance(outcome, Accepted):
            self._record_acceptance(envelope, outcome)
            return
        if isinstance(outcome, NotSent | Unknown) and outcome.security_alert:
            self._halts.note_security_alert()
        self._end(envelope, outcome)
        if isinstance(outcome, Rejected) and outcome.freezes_symbol:
            self._stop_after_refusal(envelope.symbol, f"the broker answered {outcome.status_code}: {outcome.reason}")

    def _record_acceptance(self, envelope: OrderEnvelope, outcome: Accepted) -> None:
        self._synchronizer.apply(envelope.client_order_id, outcome.report, found_as=ENDINGS[outcome.ending].event)
        if outcome.mismatch is not None:
            evidence = f"the broker's terms differ from ours: {outcome.mismatch}"
            self._store.record_fact(Anomaly(kind=AnomalyKind.TERMS_DIFFER, evidence=evidence).event(envelope))
            self._store.record_fact(frozen(envelope.symbol, Cause.TERMS_DIFFER, outcome.mismatch))

    def _end(self, envelope: OrderEnvelope, outcome: Rejected | NotSent | Unknown) -> None:
        rule = ENDINGS[outcome.ending]
        details = DoubtDetails(surely_there=isinstance(outcome, Unknown) and outcome.surely_there)
        with self._store.open_book() as book:
            order = book.get(envelope.client_order_id)
            if order is not None and order.state is OrderState.PENDING_SUBMIT:
                ended = replace(about(envelope, rule.event), status=rule.state, reason=outcome.cause)
                self._store.record_fact(replace(ended, details=details.as_text()))

    def _stop_after_refusal(self, symbol: str, reason: str) -> None:
        until = self._clock.now() + REFUSAL_FREEZE
        self._store.record_fact(frozen(symbol, Cause.REFUSED, reason, until=until))
        self._refusals.record_failure()
        if not self._refusals.allows_call():
            # What is on record stops entries from here on, in the next process too; counting begins anew.
            self._refusals.reset()
            self._store.record_fact(halted(Cause.REFUSALS, _REFUSAL_HALT))
