"""One order from request to answer: price, judge, write ahead, submit, record, answer."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from trading_bot.clock import Clock, Moment, Seconds
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.calculator import asked_terms, parse_price
from trading_bot.order_management.cancel.canceller import Canceller
from trading_bot.order_management.client_ids import derive_ref_id, validate_client_order_id
from trading_bot.order_management.exceptions import OrderNotFoundError, TradeRefusedError
from trading_bot.order_management.models import (
    ClientOrderId,
    ExecutionMode,
    OrderEnvelope,
    OrderRequest,
    OrderState,
    OrderTerms,
    Side,
)
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.outcomes import Accepted, PreparedOrder, SubmitOutcome, Unknown
from trading_bot.order_management.ports import BrokerGateway
from trading_bot.order_management.submit.admission import Admission, Admitted, Decided
from trading_bot.order_management.submit.intents import intent_of
from trading_bot.order_management.submit.market_quotes import MarketCheck
from trading_bot.order_management.submit.pricing import OrderPricing, PricePreview
from trading_bot.order_management.submit.protocol import SubmitProtocol
from trading_bot.order_management.submit.recorder import OutcomeRecorder
from trading_bot.order_management.submit.same_refusal import SAME_REFUSAL, SameRefusals

if TYPE_CHECKING:
    from trading_bot.config import OrderManagementConfig

Approval: TypeAlias = Callable[[OrderTerms], None]
"""Raises an `OrderError` where the caller's own rules refuse these terms."""


Gather: TypeAlias = Callable[[OrderTerms, Seconds, TrackedOrder | None], Approval]
"""Reads what the caller's own rules need, by a point on the clock, and returns the rules with it: they read no more.
With an order, the rules judge as if that one had been cancelled."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerIdentity:
    """Whose orders these are: the mode, and a key that stands for the account without naming it.

    An account that ``is_shared`` may have had a holder on another machine, who was stopped and may go on.
    """

    mode: ExecutionMode
    account_key: str
    is_shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The envelope that stands for a request, and whether this very call submitted it."""

    envelope: OrderEnvelope
    is_new: bool


class Placement:
    """Places orders. Reads and submits run side by side; what judges and writes ahead runs one order at a time.

    No step that runs alone asks the broker anything, so no caller waits for another's slow read. ``catch_up`` renews a
    view of the broker that is too old to carry an entry: within the seconds it is given first, waiting for somebody
    who is at it already for the second ones. ``ready_to_sell`` reads the positions anew where a sell cannot rest on
    what is known, by a point on the clock. ``check_market`` judges entries by the visible market.
    """

    def __init__(
        self,
        *,
        gateway: BrokerGateway,
        store: OrderStore,
        settings: "OrderManagementConfig",
        identity: ManagerIdentity,
        admission: Admission,
        protocol: SubmitProtocol,
        outcomes: OutcomeRecorder,
        canceller: Canceller,
        catch_up: Callable[[Seconds, Seconds], None],
        ready_to_sell: Callable[[OrderTerms, Seconds], None],
        check_market: MarketCheck,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._gateway = gateway
        self._store = store
        self._settings = settings
        self._identity = identity
        self._admission = admission
        self._protocol = protocol
        self._outcomes = outcomes
        self._canceller = canceller
        self._catch_up = catch_up
        self._ready_to_sell = ready_to_sell
        self._check_market = check_market
        self._clock = clock
        self._new_id = new_id
        self._refusals = SameRefusals(clock=clock)
        self._pricing = OrderPricing(gateway=gateway, settings=settings, clock=clock)
        self._approving = threading.Lock()

    def preview(self, request: OrderRequest, *, strategy_name: str | None) -> PricePreview:
        """Return the terms that `place` would send, and the step they are rounded to."""
        return self._pricing.preview(request, strategy_name=strategy_name)

    def refuse_unless_open_to(self, terms: OrderTerms) -> None:
        """Refuse what `place` would refuse of these terms as things stand; nothing is sent or reserved."""
        self._refuse_if_refused_before(terms, probes=False)
        self._refuse_at_this_market(terms, by=self._clock.monotonic() + self._settings.intent_ttl_s)
        self._admission.refuse_unless_open_to(terms)

    def standing(self, request: OrderRequest, *, strategy_name: str | None) -> OrderEnvelope | None:
        """Return the order that already stands for ``request``; priced only where its price can decide that."""
        asked = asked_terms(request)
        if (earlier := self._admission.bearing(request.client_order_id, asked)) is not None:
            return earlier
        is_its_own = request.client_order_id is not None and self._admission.is_own_order(asked)
        if is_its_own or not self._admission.may_equal_another(asked):
            return None
        return self._admission.standing(None, self.preview(request, strategy_name=strategy_name).terms)

    def place(
        self,
        request: OrderRequest,
        *,
        strategy_name: str | None,
        gather: Gather,
        replaces: ClientOrderId | None = None,
        pricer: Pricer | None = None,
    ) -> Placed:
        """Submit one order, at most once, within the submit deadline; see `OrderManager.place_limit_order`.

        ``pricer`` returns the terms in place of the configured rules; it is asked once.
        """
        decided = Decided(
            at=Moment.of(self._clock),
            arming=self._admission.arming(),
            is_named=request.client_order_id is not None,
        )
        asked = asked_terms(request)
        client_order_id = self._named(request)
        if (earlier := self._admission.earlier(client_order_id, asked)) is not None:
            return Placed(envelope=earlier, is_new=False)
        self._admission.refuse_if_halted(asked)
        terms, approve, prepared = self._read(
            request,
            client_order_id,
            pricer=pricer or self._pricer(request, strategy_name),
            gather=gather,
            began=decided.at.mono,
        )
        intent = intent_of(
            client_order_id,
            prepared,
            reference_price=parse_price(request.reference_price, symbol=terms.symbol),
            strategy_name=strategy_name,
            mode=self._identity.mode,
            replaces=replaces,
        )
        with self._store.telling_later(), self._approving:
            approve(terms)
            begun = self._admission.begin(intent, prepared, decided=decided)
        if isinstance(begun, Admitted):
            return Placed(envelope=self._submit(begun, began=decided.at.mono), is_new=True)
        return Placed(envelope=begun, is_new=False)

    def foresee(
        self, request: OrderRequest, *, strategy_name: str | None, gather: Gather, instead_of: TrackedOrder
    ) -> None:
        """Refuse what `place` would refuse of this request now, once ``instead_of`` had been cancelled.

        Raises:
            OrderError: one of `place`'s; nothing was sent or reserved, and the order is as it was.
        """
        began = self._clock.monotonic()
        name = validate_client_order_id(request.client_order_id or _FORESEEN)
        terms, approve, _ = self._read(
            request,
            name,
            pricer=self._pricer(request, strategy_name),
            gather=gather,
            began=began,
            instead_of=instead_of,
        )
        self._admission.refuse_if_stale(terms)
        approve(terms)
        self._admission.refuse_unless_open_to(terms, instead_of=instead_of)

    def _read(
        self,
        request: OrderRequest,
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
        if self._admission.reduces(asked_terms(request)):
            # Half the time is left for sending: no read that an exit can do without may cost it its price.
            by = began + patience_s / 2
            self._catch_up(min(EXIT_CATCHES_UP_FOR_S, patience_s / 4), 0)
        else:
            self._catch_up(patience_s, patience_s)
        if request.side is Side.SELL:
            self._ready_to_sell(asked_terms(request), by)
        in_time = self._gateway.by(by)
        terms = pricer(in_time)
        self._refuse_if_refused_before(terms)
        approve = gather(terms, by, instead_of)
        ref_id = derive_ref_id(self._identity.account_key, client_order_id)
        prepared = in_time.prepare_order(terms, ref_id)
        self._refuse_at_this_market(terms, by=by)
        return terms, approve, prepared

    def _pricer(self, request: OrderRequest, strategy_name: str | None) -> Pricer:
        return lambda gateway: self._pricing.price(request, strategy_name=strategy_name, gateway=gateway)

    def _named(self, request: OrderRequest) -> ClientOrderId:
        given = request.client_order_id
        return validate_client_order_id(self._new_id() if given is None else given)

    def _submit(self, admitted: Admitted, *, began: Seconds) -> OrderEnvelope:
        intent = admitted.intent
        envelope = self._tracked(intent.client_order_id).envelope
        outcome: SubmitOutcome = Unknown(cause="the submit was interrupted")
        try:
            outcome = self._protocol.run(
                envelope, intent, arming=admitted.arming, reduces=self._admission.reduces(intent.terms), began=began
            )
        finally:
            # Whatever ended the call, an order that may have left is in doubt from here on, and said to be.
            self._conclude(envelope, outcome)
        latest = self._tracked(intent.client_order_id)
        self._note_refusal(intent.terms, outcome, latest)
        if latest.cancel_wanted and latest.state.is_working:
            left_s = began + self._settings.submit_deadline_s - self._clock.monotonic()
            self._canceller.cancel((latest,), within_s=max(left_s, _LAST_CANCEL_S))
            latest = self._tracked(intent.client_order_id)
        self._outcomes.raise_unless_accepted(latest.envelope, outcome)
        return latest.envelope

    def _refuse_if_refused_before(self, terms: OrderTerms, *, probes: bool = True) -> None:
        held = None if self._admission.reduces(terms) else self._refusals.why_held(terms, probes=probes)
        if held is not None:
            raise TradeRefusedError(held, symbol=terms.symbol, code=SAME_REFUSAL)

    def _refuse_at_this_market(self, terms: OrderTerms, *, by: Seconds) -> None:
        # There is always a way out: no missing quote and no distance from it keeps held shares from being sold.
        if not self._admission.reduces(terms):
            self._check_market(terms, by)

    def _note_refusal(self, terms: OrderTerms, outcome: SubmitOutcome, latest: TrackedOrder) -> None:
        if latest.state is OrderState.REJECTED:
            self._refusals.note_refusal(terms, latest.envelope.reason or "")
        elif isinstance(outcome, Accepted):
            self._refusals.note_acceptance(terms)

    def _conclude(self, envelope: OrderEnvelope, outcome: SubmitOutcome) -> None:
        try:
            self._outcomes.record(envelope, outcome)
        finally:
            self._admission.finish(envelope.client_order_id)

    def _tracked(self, client_order_id: ClientOrderId) -> TrackedOrder:
        with self._store.open_book() as book:
            order = book.get(client_order_id)
        if order is None:
            raise OrderNotFoundError(
                f"no order {client_order_id} is in the journal; check the id", client_order_id=client_order_id
            )
        return order
