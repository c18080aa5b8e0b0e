"""How one intent is submitted: attempts while provably nothing was sent, then look-ups while the outcome is unknown.

A request that provably created no order is repeated, with the same bytes. An unknown outcome is looked up by ``ref_id``
until the deadline and left unknown after it. Only where the broker is known to make one order of one ``ref_id`` do the
same bytes ask again first; what comes back then can show the order, but never that there is none: the request in doubt
may still arrive.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from trading_bot.clock import Seconds
from trading_bot.error_handling.policies import SUBMIT_POLICY, RetryPolicy
from trading_bot.error_handling.retry import with_retry
from trading_bot.order_management.context import OrderContext
from trading_bot.order_management.event_details import AttemptDetails
from trading_bot.order_management.events import EventKind, about
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.models import OrderEnvelope, OrderState, Side
from trading_bot.order_management.outcomes import Accepted, DurableIntent, NotSent, Rejected, SubmitOutcome, Unknown
from trading_bot.order_management.ports import ArmingId
from trading_bot.order_management.submit.endings import ENDINGS
from trading_bot.order_management.submit.send_gate import SendGate
from trading_bot.order_management.sync.foreign import CREATED_BEFORE_FIRST_BYTE
from trading_bot.values import Value

if TYPE_CHECKING:
    from trading_bot.config import OrderManagementConfig

_LOOK_BACK = timedelta(hours=24)
"""How far back an order is looked for that is surely there: it may have an older one's ``ref_id``."""

_MILLISECOND = Decimal("0.001")
_ENDLESS = 1000


class SubmitRules(Value, frozen=True, kw_only=True):
    """Bounds of one submit, in seconds and in total requests; whether an unknown outcome may be sent again."""

    intent_ttl_s: Seconds
    submit_deadline_s: Seconds
    request_timeout_s: Seconds
    retry: RetryPolicy
    resends_unknown: bool

    @classmethod
    def of(cls, settings: "OrderManagementConfig") -> "SubmitRules":
        """Take the bounds from the configuration."""
        return cls(
            intent_ttl_s=settings.intent_ttl_s,
            submit_deadline_s=settings.submit_deadline_s,
            request_timeout_s=settings.request_timeout_s,
            retry=replace(
                SUBMIT_POLICY,
                max_attempts=settings.max_attempts,
                initial_delay_s=settings.retry_initial_delay_s,
                max_delay_s=settings.retry_max_delay_s,
            ),
            resends_unknown=settings.broker_dedupes_ref_id,
        )

    @property
    def look_up(self) -> RetryPolicy:
        """Look-ups share the delays; the deadline alone ends them."""
        return replace(self.retry, max_attempts=_ENDLESS)


class _AgainError(Exception):
    """The same bytes may go out again; without that, ``outcome`` is the end."""

    def __init__(self, outcome: SubmitOutcome, *, delay_s: Seconds | None) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.delay_s = delay_s


class _NotFoundYetError(Exception):
    pass


@dataclass(slots=True)
class SubmitAttempt:
    """The state of one submit under way."""

    envelope: OrderEnvelope
    intent: DurableIntent
    arming: ArmingId | None
    not_after: Seconds
    deadline: Seconds
    reduces: bool
    tries: int = 0
    renewed: bool = False
    doubt: Unknown | None = None
    """What is known since an attempt may have left an order at the broker."""


class SubmitProtocol:
    """Runs the protocol for one intent at a time; threads may run several intents at once."""

    def __init__(self, context: OrderContext) -> None:
        self._gateway = context.gateway
        self._store = context.store
        self._lock = context.send_lock
        self._latch = context.latch
        self._rules = SubmitRules.of(context.settings)
        self._clock = context.clock
        self._jitter = context.jitter

    def run(
        self,
        envelope: OrderEnvelope,
        intent: DurableIntent,
        *,
        arming: ArmingId | None,
        reduces: bool = False,
        began: Seconds | None = None,
    ) -> SubmitOutcome:
        """Send the intent and return how that ended, by the submit deadline, which counts from when the call ``began``.

        ``arming`` is the one under which the intent was made, and the only one under which it is sent. ``reduces`` says
        that it sells shares which are held and free, so that an expired latch lets it pass.
        """
        now = self._clock.monotonic()
        deadline = (now if began is None else began) + self._rules.submit_deadline_s
        attempt = SubmitAttempt(
            envelope=envelope,
            intent=intent,
            arming=arming,
            not_after=min(now + self._rules.intent_ttl_s, deadline),
            deadline=deadline,
            reduces=reduces,
        )
        outcome = self._send(attempt)
        return self._look_up(attempt, outcome) if ENDINGS[outcome.ending].is_looked_for else outcome

    def _send(self, attempt: SubmitAttempt) -> SubmitOutcome:
        try:
            return with_retry(
                lambda: self._attempt(attempt),
                policy=self._rules.retry,
                clock=self._clock,
                should_retry=lambda error: isinstance(error, _AgainError),
                delay_hint=_hinted_delay,
                deadline=attempt.not_after,
                jitter=self._jitter,
            )
        except _AgainError as error:
            return error.outcome

    def _attempt(self, attempt: SubmitAttempt) -> SubmitOutcome:
        if attempt.doubt is not None and (ended := self._ended_meanwhile(attempt, attempt.doubt)) is not None:
            return ended
        outcome = self._with_login(attempt, self._post(attempt))
        known = _with_doubt(outcome, attempt.doubt)
        if isinstance(known, Unknown):
            attempt.doubt = known
        if self._may_go_again(outcome):
            raise _AgainError(known, delay_s=outcome.retry_after_s if isinstance(outcome, NotSent) else None)
        return known

    def _may_go_again(self, outcome: SubmitOutcome) -> bool:
        match outcome:
            case NotSent():
                return outcome.may_retry
            case Unknown():
                may_be_sent = self._rules.resends_unknown and self._gateway.capabilities.may_dedupe_ref_ids
                return may_be_sent and not (outcome.surely_there or outcome.security_alert)
            case _:
                return False

    def _ended_meanwhile(self, attempt: SubmitAttempt, doubt: Unknown) -> SubmitOutcome | None:
        try:
            return self._find(attempt, doubt)
        except _NotFoundYetError:
            return doubt if self._is_on_record(attempt.intent) else None

    def _is_on_record(self, intent: DurableIntent) -> bool:
        # A synchronisation may have seen the order at the broker, and even its end, while this submit waited.
        with self._store.open_book() as book:
            order = book.get(intent.client_order_id)
        return order is None or order.state is not OrderState.PENDING_SUBMIT

    def _with_login(self, attempt: SubmitAttempt, outcome: SubmitOutcome) -> SubmitOutcome:
        if not isinstance(outcome, NotSent) or not (outcome.may_retry and outcome.needs_login):
            return outcome
        left_s = attempt.deadline - self._clock.monotonic()
        if attempt.renewed or not self._gateway.renew_session(within_s=left_s):
            return replace(outcome, may_retry=False)
        attempt.renewed = True
        return replace(outcome, retry_after_s=0)

    def _post(self, attempt: SubmitAttempt) -> SubmitOutcome:
        attempt.tries += 1
        begun = self._clock.monotonic()
        answered = self._submit(attempt, timeout_s=min(self._rules.request_timeout_s, attempt.deadline - begun))
        outcome = self._doubted(attempt, answered)
        self._record_attempt(attempt, outcome, latency_s=self._clock.monotonic() - begun)
        return outcome

    def _submit(self, attempt: SubmitAttempt, *, timeout_s: Seconds) -> SubmitOutcome:
        permit = SendGate(
            lock=self._lock,
            latch=self._latch,
            clock=self._clock,
            arming=attempt.arming,
            not_after=attempt.not_after,
            reduces=attempt.reduces,
            created_at=attempt.envelope.created_at,
            intent_ttl_s=self._rules.intent_ttl_s,
            cancel_wanted=lambda: self._cancel_wanted(attempt.intent),
        )
        is_buy = attempt.intent.terms.side is Side.BUY
        submit = self._gateway.submit_limit_buy if is_buy else self._gateway.submit_limit_sell
        return submit(attempt.intent, permit=permit, timeout_s=timeout_s)

    def _doubted(self, attempt: SubmitAttempt, outcome: SubmitOutcome) -> SubmitOutcome:
        """Take no older order for ours where the broker's answer names no ``ref_id``, whatever its terms are."""
        if not isinstance(outcome, Accepted) or outcome.report.ref_id is not None:
            return outcome
        made_at = outcome.report.created_at
        is_older = made_at is not None and made_at < attempt.envelope.created_at - CREATED_BEFORE_FIRST_BYTE
        try:
            with self._store.open_book() as book:
                holder = book.by_order_id(outcome.report.order_id)
        except OrderLogError as error:
            return Unknown(cause=f"whether the broker answered with an older order is not known: {error}")
        if not is_older and (holder is None or holder.client_order_id == attempt.intent.client_order_id):
            return outcome
        return Unknown(cause=f"the broker answered with order {outcome.report.order_id}, which is an older one")

    def _cancel_wanted(self, intent: DurableIntent) -> bool:
        with self._store.open_book() as book:
            order = book.get(intent.client_order_id)
        return order is None or order.cancel_wanted

    def _record_attempt(self, attempt: SubmitAttempt, outcome: SubmitOutcome, *, latency_s: Seconds) -> None:
        self._store.record_fact(
            about(
                attempt.envelope,
                EventKind.SUBMIT_ATTEMPTED,
                attempt=attempt.tries,
                latency_ms=(Decimal(latency_s) * 1000).quantize(_MILLISECOND),
                details=AttemptDetails.of_outcome(outcome).as_text(),
            )
        )

    def _look_up(self, attempt: SubmitAttempt, outcome: SubmitOutcome) -> SubmitOutcome:
        try:
            return with_retry(
                lambda: self._find(attempt, outcome),
                policy=self._rules.look_up,
                clock=self._clock,
                should_retry=lambda error: isinstance(error, _NotFoundYetError),
                deadline=attempt.deadline,
                jitter=self._jitter,
            )
        except _NotFoundYetError:
            return outcome

    def _find(self, attempt: SubmitAttempt, outcome: SubmitOutcome) -> Accepted:
        # A look-up proves no absence: so it asks for the orders that this one can be, and not for those of the day.
        is_surely_there = isinstance(outcome, Unknown) and outcome.surely_there
        look_back = _LOOK_BACK if is_surely_there else CREATED_BEFORE_FIRST_BYTE
        listing = self._gateway.by(attempt.deadline).find_by_client_order_id(
            attempt.intent.client_order_id,
            ref_id=attempt.intent.ref_id,
            created_after=attempt.envelope.created_at - look_back,
        )
        if not listing.reports:
            raise _NotFoundYetError
        return Accepted(report=listing.reports[0])


def _hinted_delay(error: Exception) -> Seconds | None:
    return error.delay_s if isinstance(error, _AgainError) else None


def _with_doubt(outcome: SubmitOutcome, doubt: Unknown | None) -> SubmitOutcome:
    """Return what is known after this request and the one in doubt before it, which only the order itself ends."""
    if doubt is None or isinstance(outcome, Accepted):
        return outcome
    return Unknown(
        cause=f"{doubt.cause}; the next attempt: {outcome.cause}",
        surely_there=isinstance(outcome, Unknown) and outcome.surely_there,
        security_alert=not isinstance(outcome, Rejected) and outcome.security_alert,
    )
