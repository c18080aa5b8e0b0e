"""One order from request to answer: price, check, write ahead, submit, record, answer."""

import threading
from collections.abc import Callable
from typing import TypeAlias

from trading_bot.clock import Moment, Seconds
from trading_bot.error_handling.retry import note_order
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.calculator import asked_terms
from trading_bot.order_management.cancel.canceller import CancelService
from trading_bot.order_management.client_ids import derive_ref_id, validate_client_order_id
from trading_bot.order_management.context import InFlight, OrderContext, order_on_record
from trading_bot.order_management.exceptions import TradeRefusedError, UnsupportedOrderTypeError
from trading_bot.order_management.models import (
    ClientOrderId,
    OrderEnvelope,
    OrderRequest,
    OrderState,
    OrderTerms,
    Side,
)
from trading_bot.order_management.outcomes import Accepted, PreparedOrder, SubmitOutcome, Unknown
from trading_bot.order_management.ports import BrokerGateway
from trading_bot.order_management.rounds import SyncService
from trading_bot.order_management.submit.admission import Admission, Admitted, Decided
from trading_bot.order_management.submit.endings import error_of
from trading_bot.order_management.submit.halts import TradingHalts
from trading_bot.order_management.submit.intents import Replaced, intent_of
from trading_bot.order_management.submit.pricing import OrderPricing, PricePreview
from trading_bot.order_management.submit.protocol import SubmitProtocol
from trading_bot.order_management.submit.recorder import OutcomeRecorder
from trading_bot.order_management.submit.same_refusal import SAME_REFUSAL, SameRefusals
from trading_bot.order_management.submit.stop_check import refuse_reached_stop
from trading_bot.values import Value

_log = get_logger(__name__)

Approval: TypeAlias = Callable[[OrderTerms], None]
"""Raises an `OrderError` where the caller's own rules refuse these terms."""


Gather: TypeAlias = Callable[[OrderTerms, Seconds, TrackedOrder | None], Approval]
"""Reads what the caller's own rules need, by a point on the clock, and returns the rules with it: they read no more.
With an order, the rules decide as if that one had been cancelled."""

Pricer: TypeAlias = Callable[[BrokerGateway], OrderTerms]
"""Returns the terms of an order, asking the gateway for the price step of its instrument."""

EXIT_CATCHES_UP_FOR_S: Seconds = 2.0
"""How long an exit tries to renew a view that is too old. It goes out either way, while its shares are free."""

_LAST_CANCEL_S: Seconds = 1.0
"""How long a cancel that was wanted during the submit is followed at the least, once its deadline is reached."""

_FORESEEN = "foreseen"


def approve_all(_terms: OrderTerms) -> None:
    """Refuse nothing."""


def already(approve: Approval) -> Gather:
    """Return rules that need to read nothing."""
    return lambda _terms, _by, _instead_of: approve


class Placed(Value, frozen=True, kw_only=True):
    """The envelope that stands for a request, and whether this very call submitted it."""

    envelope: OrderEnvelope
    is_new: bool
    review: str | None = None
    """What the broker's own review objected to, where it was asked and did not refuse the order."""


class SubmitService:
    """Places orders. Reads and submits run side by side; what decides and writes ahead runs one order at a time.

    No step that runs alone asks the broker anything, so no caller waits for another's slow read.
    """

    def __init__(
        self,
        context: OrderContext,
        *,
        sync: SyncService,
        cancel: CancelService,
        halts: TradingHalts,
        in_flight: InFlight,
    ) -> None:
        self._gateway = context.gateway
        self._account = context.account
        self._store = context.store
        self._settings = context.settings
        self._identity = context.identity
        self._latch = context.latch
        self._clock = context.clock
        self._new_id = context.new_id
        self._request = context.request
        self._check_market = context.check_market
        self._review = context.review
        self._sync = sync
        self._cancels = cancel
        self._in_flight = in_flight
        self.admission = Admission(context, sync=sync, halts=halts, in_flight=in_flight)
        self._protocol = SubmitProtocol(context)
        self._outcomes = OutcomeRecorder(context, synchronizer=sync.synchronizer, halts=halts)
        self._refusals = SameRefusals(clock=context.clock)
        self._pricing = OrderPricing(gateway=context.gateway, settings=context.settings)
        self._approving = threading.Lock()

    def preview(self, request: OrderRequest, *, by: Seconds | None = None) -> PricePreview:
        """Return the terms that `place` would send, and the step they are rounded to; ``by`` ends reading."""
        return self._pricing.preview(request, self.asked(request), by=self._preview_by(by))

    def asked(self, request: OrderRequest) -> OrderTerms:
        """Return what is asked for, checked and not priced yet; every way to an order begins here.

        Raises:
            OrderValidationError: as `asked_terms`.
            UnsupportedOrderTypeError: no limit order of a US equity. The attempt is logged, and nothing recorded.
        """
        try:
            return asked_terms(request)
        except UnsupportedOrderTypeError as error:
            _log.info(
                "unsupported_order_refused",
                symbol=request.symbol,
                side=request.side,
                quantity=request.quantity,
                order_type=request.order_type,
                strategy_name=request.strategy_name,
                client_order_id=request.client_order_id,
                message=str(error),
            )
            raise

    def refuse_unless_open_to(self, terms: OrderTerms, *, by: Seconds | None = None) -> None:
        """Refuse what `place` would refuse of these terms as things stand; nothing is sent or reserved."""
        self._refuse_if_refused_before(terms, probes=False)
        self._refuse_at_this_market(terms, by=self._preview_by(by))
        self.admission.refuse_unless_open_to(terms)

    def _preview_by(self, by: Seconds | None) -> Seconds:
        return self._clock.monotonic() + self._settings.intent_ttl_s if by is None else by

    def standing(self, request: OrderRequest, *, by: Seconds | None = None) -> OrderEnvelope | None:
        """Return the order that already stands for ``request``; priced only where its price can decide that."""
        asked = self.asked(request)
        if (earlier := self.admission.bearing(request.client_order_id, asked)) is not None:
            return earlier
        is_its_own = request.client_order_id is not None and self.admission.is_own_order(asked)
        if is_its_own or not self.admission.may_equal_another(asked):
            return None
        return self.admission.standing(None, self.preview(request, by=by).terms)

    def place(
        self,
        request: OrderRequest,
        *,
        gather: Gather,
        replaces: Replaced | None = None,
        pricer: Pricer | None = None,
    ) -> Placed:
        """Submit one order, at most once, within the submit deadline; see `OrderManager.place_limit_order`.

        ``pricer`` returns the terms in place of the configured rules; it is asked once.
        """
        with self._request(request.correlation_id) as correlation_id:
            return self._place(request, gather=gather, replaces=replaces, pricer=pricer, correlation_id=correlation_id)

    def _place(
        self,
        request: OrderRequest,
        *,
        gather: Gather,
        replaces: Replaced | None,
        pricer: Pricer | None,
        correlation_id: str,
    ) -> Placed:
        look = self._latch.look()
        decided = Decided(
            at=Moment.of(self._clock),
            arming=look.arming,
            is_named=request.client_order_id is not None,
        )
        asked = self.asked(request)
        client_order_id = self._named(request)
        if (earlier := self.admission.earlier(client_order_id, asked)) is not None:
            return Placed(envelope=earlier, is_new=False)
        self.admission.refuse_if_halted(asked, look=look)
        terms, approve, prepared = self._read(
            asked,
            client_order_id,
            pricer=pricer or self._pricer(request, asked),
            gather=gather,
            began=decided.at.mono,
        )
        said = self._reviewed(terms, by=decided.at.mono + self._settings.intent_ttl_s, replaces=replaces)
        intent = intent_of(
            client_order_id,
            prepared,
            reference_price=asked.limit_price,
            strategy_name=request.strategy_name,
            mode=self._identity.mode,
            correlation_id=correlation_id,
            replaces=replaces,
            reason=request.reason,
            review=said,
        )
        with self._store.telling_later(), self._approving:
            approve(terms)
            begun = self.admission.begin(intent, prepared, decided=decided)
        if isinstance(begun, Admitted):
            note_order()
            return Placed(envelope=self._submit(begun, began=decided.at.mono), is_new=True, review=said)
        return Placed(envelope=begun, is_new=False)

    def foresee(self, request: OrderRequest, *, gather: Gather, instead_of: TrackedOrder) -> None:
        """Refuse what `place` would refuse of this request now, once ``instead_of`` had been cancelled.

        Raises:
            OrderError: one of `place`'s; nothing was sent or reserved, and the order is as it was.
        """
        began = self._clock.monotonic()
        name = validate_client_order_id(request.client_order_id or _FORESEEN)
        asked = self.asked(request)
        terms, approve, _ = self._read(
            asked,
            name,
            pricer=self._pricer(request, asked),
            gather=gather,
            began=began,
            instead_of=instead_of,
        )
        self.admission.refuse_if_stale(terms)
        approve(terms)
        self.admission.refuse_unless_open_to(terms, instead_of=instead_of)

    def _read(
        self,
        asked: OrderTerms,
        client_order_id: ClientOrderId,
        *,
        pricer: Pricer,
        gather: Gather,
        began: Seconds,
        instead_of: TrackedOrder | None = None,
    ) -> tuple[OrderTerms, Approval, PreparedOrder]:
        """Ask the broker all that is asked before the intent; it is over before the price gets too old."""
        patience_s = self._settings.intent_ttl_s
        by = began + patience_s
        market = None
        if self.admission.reduces(asked):
            # Half the time is left for sending: no read that an exit can do without may cost it its price.
            by = began + patience_s / 2
            self._sync.catch_up(within_s=min(EXIT_CATCHES_UP_FOR_S, patience_s / 4), patience_s=0)
        else:
            market = self._check_market(asked, by)  # beside all that is read below
            self._sync.catch_up(within_s=patience_s)
        if asked.side is Side.SELL:
            self._sync.make_ready_to_sell(asked, by=by)
        in_time = self._gateway.by(by)
        terms = pricer(in_time)
        refuse_reached_stop(terms, self._account, by=by)
        self._refuse_if_refused_before(terms)
        approve = gather(terms, by, instead_of)
        ref_id = derive_ref_id(self._identity.account_key, client_order_id)
        prepared = in_time.prepare_order(terms, ref_id)
        self._refuse_at_this_market(terms, by=by, begun=market)
        return terms, approve, prepared

    def _reviewed(self, terms: OrderTerms, *, by: Seconds, replaces: Replaced | None) -> str | None:
        """Ask for the broker's review of an entry; what takes the place of an order that has ended is not refused."""
        if self.admission.reduces(terms):
            return None
        try:
            return self._review(terms, by)
        except TradeRefusedError as error:
            if replaces is None:
                raise
            return str(error)

    def _pricer(self, request: OrderRequest, asked: OrderTerms) -> Pricer:
        return lambda gateway: self._pricing.price(request, asked, gateway)

    def _named(self, request: OrderRequest) -> ClientOrderId:
        given = request.client_order_id
        return validate_client_order_id(self._new_id() if given is None else given)

    def _submit(self, admitted: Admitted, *, began: Seconds) -> OrderEnvelope:
        intent = admitted.intent
        envelope = order_on_record(self._store, intent.client_order_id).envelope
        outcome: SubmitOutcome = Unknown(cause="the submit was interrupted")
        with self._store.one_commit():
            try:
                outcome = self._protocol.run(
                    envelope, intent, arming=admitted.arming, reduces=self.admission.reduces(intent.terms), began=began
                )
            finally:
                # Whatever ended the call, an order that may have left is in doubt from here on, and said to be.
                self._conclude(envelope, outcome)
        latest = order_on_record(self._store, intent.client_order_id)
        self._note_refusal(intent.terms, outcome, latest)
        if latest.cancel_wanted and latest.state.is_working:
            left_s = began + self._settings.submit_deadline_s - self._clock.monotonic()
            with self._store.at_work.on_behalf_of(latest.cancel_of):
                self._cancels.cancel((latest,), within_s=max(left_s, _LAST_CANCEL_S))
            latest = order_on_record(self._store, intent.client_order_id)
        if (error := error_of(latest.envelope, outcome)) is not None:
            raise error
        return latest.envelope

    def _refuse_if_refused_before(self, terms: OrderTerms, *, probes: bool = True) -> None:
        held = None if self.admission.reduces(terms) else self._refusals.why_held(terms, probes=probes)
        if held is not None:
            raise TradeRefusedError(held, symbol=terms.symbol, code=SAME_REFUSAL)

    def _refuse_at_this_market(self, terms: OrderTerms, *, by: Seconds, begun: Approval | None = None) -> None:
        # There is always a way out: no missing quote and no distance from it keeps held shares from being sold.
        if not self.admission.reduces(terms):
            refuse = begun or self._check_market(terms, by)
            refuse(terms)

    def _note_refusal(self, terms: OrderTerms, outcome: SubmitOutcome, latest: TrackedOrder) -> None:
        if latest.state is OrderState.REJECTED:
            self._refusals.note_refusal(terms, latest.envelope.reason or "")
        elif isinstance(outcome, Accepted):
            self._refusals.note_acceptance(terms)

    def _conclude(self, envelope: OrderEnvelope, outcome: SubmitOutcome) -> None:
        try:
            self._outcomes.record(envelope, outcome)
        finally:
            self._in_flight.finish(envelope.client_order_id)
