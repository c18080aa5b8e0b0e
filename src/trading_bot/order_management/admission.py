"""Whether an order is new: same id, equal order, crowded side. Judging, reserving and writing ahead are one step."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from trading_bot.clock import Clock, Moment
from trading_bot.order_management.causes import leaves_exits
from trading_bot.order_management.client_ids import validate_client_order_id
from trading_bot.order_management.crossing import WOULD_CROSS, crossed_orders, why_crossing
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import (
    DuplicateOrderError,
    OrderNotSentError,
    OrderValidationError,
    TradeRefusedError,
    TradingHaltedError,
)
from trading_bot.order_management.holdings import Holdings
from trading_bot.order_management.ledger import OrderLedger
from trading_bot.order_management.models import ClientOrderId, ExecutionMode, OrderEnvelope, OrderTerms, Side
from trading_bot.order_management.order_book import OrderBook, TrackedOrder
from trading_bot.order_management.outcomes import DurableIntent, PreparedOrder
from trading_bot.order_management.ports import ArmingId
from trading_bot.order_management.position_watch import INSTRUMENT_ID, in_words

if TYPE_CHECKING:
    from trading_bot.config import OrderManagementConfig


def intent_of(
    client_order_id: ClientOrderId,
    prepared: PreparedOrder,
    *,
    reference_price: Decimal,
    strategy_name: str | None,
    mode: ExecutionMode,
    replaces: ClientOrderId | None = None,
) -> OrderEvent:
    """Return the event that states everything about an order before it is sent; ``replaces`` is FIX tag 41."""
    terms = prepared.terms
    return OrderEvent(
        event=EventKind.ORDER_INTENDED,
        client_order_id=client_order_id,
        ref_id=prepared.ref_id,
        symbol=terms.symbol,
        side=terms.side,
        quantity=Decimal(terms.quantity),
        limit_price=terms.limit_price,
        execution_mode=mode,
        strategy_name=strategy_name,
        details={
            "reference_price": f"{reference_price:f}",
            "time_in_force": terms.time_in_force.value,
            "extended_hours": "true" if terms.extended_hours else "false",
            "body_sha256": prepared.digest,
            **({} if replaces is None else {"replaces": replaces}),
            **({} if prepared.instrument_id is None else {INSTRUMENT_ID: prepared.instrument_id}),
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """When somebody asked for an order, with the price of that moment, and under which arming."""

    at: Moment
    arming: ArmingId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A new order: the proof of its intent, and the arming in force when that was written."""

    intent: DurableIntent
    arming: ArmingId | None


class Admission:
    """Lets each order in once.

    ``halted_because`` says why no order is taken now, ``exits_halted_because`` why not even a sale of held shares, and
    ``stale_because`` why our view of the broker carries none; all are asked under the lock, as is ``arming``, the one
    in force. ``holdings`` bounds sells; without it no sell counts as a way out.
    """

    def __init__(
        self,
        *,
        ledger: OrderLedger,
        settings: "OrderManagementConfig",
        clock: Clock,
        halted_because: Callable[[], str | None],
        exits_halted_because: Callable[[], str | None],
        stale_because: Callable[[], str | None],
        arming: Callable[[], ArmingId | None],
        holdings: Callable[[], Holdings | None],
        entries_stopped: Callable[[str, str | None], str | None],
    ) -> None:
        self._ledger = ledger
        self._settings = settings
        self._clock = clock
        self._halted_because = halted_because
        self._exits_halted_because = exits_halted_because
        self._stale_because = stale_because
        self.arming = arming
        self._holdings = holdings
        self._entries_stopped = entries_stopped
        self._in_flight: dict[ClientOrderId, threading.Event] = {}

    def is_in_flight(self, client_order_id: ClientOrderId) -> bool:
        """Whether the order's submit is under way in this process."""
        return client_order_id in self._in_flight

    def earlier(self, client_order_id: ClientOrderId, terms: OrderTerms) -> OrderEnvelope | None:
        """Return the envelope that already bears this id, once its own submit has ended; None if the id is new.

        Raises:
            OrderValidationError: the id stands for an order of another symbol, side or quantity.
        """
        with self._ledger.open_book() as book:
            order, under_way = book.get(client_order_id), self._in_flight.get(client_order_id)
        if order is None:
            return None
        _refuse_reuse(order, terms)
        if under_way is not None:
            under_way.wait(self._settings.submit_deadline_s)
            with self._ledger.open_book() as book:
                order = book.get(client_order_id) or order
        return order.envelope

    def standing(self, client_order_id: str | None, terms: OrderTerms) -> OrderEnvelope | None:
        """Return the order that bears this id, or else equals these terms; None if there is none.

        Raises:
            OrderValidationError: the id stands for an order of another symbol, side or quantity.
        """
        if (earlier := self.bearing(client_order_id, terms)) is not None:
            return earlier
        with self._ledger.open_book() as book:
            return self._equal_order(book, terms)

    def bearing(self, client_order_id: str | None, terms: OrderTerms) -> OrderEnvelope | None:
        """Return the order that bears this id, as `earlier` does; None without an id.

        Raises:
            OrderValidationError: the id stands for an order of another symbol, side or quantity.
        """
        return None if client_order_id is None else self.earlier(validate_client_order_id(client_order_id), terms)

    def may_equal_another(self, terms: OrderTerms) -> bool:
        """Whether an order of this symbol, side and quantity is pending or newly filled, at whatever price."""
        with self._ledger.open_book() as book:
            return book.has_standing(terms, now=self._clock.now(), window=self._duplicate_window)

    def reduces(self, terms: OrderTerms) -> bool:
        """Whether an order of these terms, once let in, can only sell shares that are held and free."""
        holdings = self._holdings()
        return terms.side is Side.SELL and holdings is not None and holdings.are_known

    def refuse_if_halted(self, terms: OrderTerms, *, instrument_id: str | None = None) -> None:
        """Refuse while trading is halted or the symbol is frozen; a sale of held shares passes where that may be.

        Raises:
            TradingHaltedError: with the reason.
        """
        if (failure := self._ledger.failure) is not None:
            raise TradingHaltedError(f"{terms.symbol}: {failure}", symbol=terms.symbol, code=failure.code)
        leaving = self.reduces(terms)
        with self._ledger.open_book() as book:
            frozen = book.freeze_fact(terms.symbol)
        reason = self._exits_halted_because() if leaving else self._halted_because()
        if reason is None and frozen is not None and not (leaving and leaves_exits(frozen)):
            reason = f"the symbol is frozen: {frozen.reason or 'frozen'}"
        if reason is None and terms.side is Side.BUY:
            reason = self._entries_stopped(terms.symbol, instrument_id)
        if reason is not None:
            raise TradingHaltedError(f"{terms.symbol}: no order is taken: {reason}", symbol=terms.symbol)

    def refuse_unless_open_to(self, terms: OrderTerms) -> None:
        """Refuse what `begin` would refuse of these terms as things stand.

        Raises:
            TradingHaltedError, DuplicateOrderError, TradeRefusedError: as there.
        """
        with self._ledger.open_book() as book:
            self.refuse_if_halted(terms)
            self._refuse_if_crowded(book, terms)
            self._refuse_if_oversold(terms)
            self._refuse_if_crossing(book, terms)

    def begin(self, intent: OrderEvent, prepared: PreparedOrder, *, decided: Decided) -> Admitted | OrderEnvelope:
        """Write the intent and return its proof with the arming in force; or the order that already stands for it.

        Raises:
            TradingHaltedError: trading stopped in the meantime, even if it goes on again.
            OrderNotSentError: the price of the decision is older than an intent may become.
            DuplicateOrderError: too many orders are pending on this symbol and side.
            TradeRefusedError: it would sell more shares than are held and free, or trade with an order of our own.
            OrderLogError: the intent is not durable.
        """
        client_order_id = ClientOrderId(str(intent.client_order_id))
        terms = prepared.terms
        with self._ledger.open_book() as book:
            if book.get(client_order_id) is None:
                self.refuse_if_halted(terms, instrument_id=prepared.instrument_id)
                self._refuse_if_stale(terms)
                return self._equal_order(book, terms) or self._admit(book, intent, prepared, decided=decided)
        earlier = self.earlier(client_order_id, terms)
        if earlier is None:
            raise OrderValidationError(f"order {client_order_id} is gone from the book; use a new client order id")
        return earlier

    def _refuse_if_overtaken(self, terms: OrderTerms, decided: Decided, arming: ArmingId | None) -> None:
        if arming != decided.arming:
            raise TradingHaltedError(
                f"{terms.symbol}: the account was killed, or armed anew, after this order had been decided; decide it "
                "again if it is still wanted",
                symbol=terms.symbol,
                code="armed_anew",
            )
        if decided.at.age_s(self._clock) > self._settings.intent_ttl_s:
            raise OrderNotSentError(
                f"{terms.symbol}: nothing was sent: the checks took so long that the price is out of date; try again "
                "with a current one",
                symbol=terms.symbol,
                code="price_out_of_date",
            )

    def _refuse_if_stale(self, terms: OrderTerms) -> None:
        reason = self._stale_because()
        if reason is not None:
            raise TradingHaltedError(
                f"{terms.symbol}: no order is taken: {reason}", symbol=terms.symbol, code="view_too_old"
            )

    def finish(self, client_order_id: ClientOrderId) -> None:
        """Let everybody who waits for this order's outcome go on."""
        self._in_flight.pop(client_order_id).set()

    @property
    def _duplicate_window(self) -> timedelta:
        return timedelta(seconds=self._settings.duplicate_window_s)

    def _equal_order(self, book: OrderBook, terms: OrderTerms) -> OrderEnvelope | None:
        standing = book.standing_for(terms, now=self._clock.now(), window=self._duplicate_window)
        return replace(standing.envelope, duplicate_of=standing.client_order_id) if standing is not None else None

    def _admit(self, book: OrderBook, intent: OrderEvent, prepared: PreparedOrder, *, decided: Decided) -> Admitted:
        self._refuse_if_crowded(book, prepared.terms)
        self._refuse_if_oversold(prepared.terms, is_real=True)
        self._refuse_if_crossing(book, prepared.terms)
        # Before the record: a kill from here on leaves an intent that no later arming lets out.
        arming = self.arming()
        self._refuse_if_overtaken(prepared.terms, decided, arming)
        if arming is not None:
            intent = replace(intent, details={**intent.details, "arming": arming})
        proof = self._ledger.record_intent(intent, prepared)
        self._in_flight[proof.client_order_id] = threading.Event()
        return Admitted(intent=proof, arming=arming)

    def _refuse_if_crowded(self, book: OrderBook, terms: OrderTerms) -> None:
        pending = book.pending_on(terms.symbol, terms.side)
        if len(pending) < self._settings.max_pending_per_side:
            return
        first = pending[0]
        raise DuplicateOrderError(
            f"{terms.symbol}: {len(pending)} {terms.side} order(s) pending already, such as {first.client_order_id} "
            f"({first.state}); wait for it or cancel it first",
            symbol=terms.symbol,
            client_order_id=first.client_order_id,
            envelope=first.envelope,
        )

    def _refuse_if_oversold(self, terms: OrderTerms, *, is_real: bool = False) -> None:
        """``is_real``: a preview reads nothing anew, so old positions hold up only an order that is to be sent."""
        holdings = self._holdings()
        if holdings is None or not self.reduces(terms):
            return
        free = holdings.free_to_sell(terms.symbol)
        if terms.quantity > free.quantity:
            raise TradeRefusedError(
                f"{terms.symbol}: {terms.quantity} shares are more than the {in_words(free.quantity)} held and free to "
                f"sell: {free.in_words()}",
                symbol=terms.symbol,
                code="insufficient_shares",
            )
        if is_real and free.not_sure_because is not None:
            raise TradingHaltedError(
                f"{terms.symbol}: nothing is sold while it is not certain what is held: {free.not_sure_because}; try "
                "again once it can be read",
                symbol=terms.symbol,
                code="positions_unknown",
            )

    def _refuse_if_crossing(self, book: OrderBook, terms: OrderTerms) -> None:
        holdings, leaving = self._holdings(), self.reduces(terms)
        # Nobody can cancel at once what is in doubt or was placed elsewhere, and held shares must be sellable.
        ours = book.working() if leaving else book.active()
        foreign = () if leaving or holdings is None else holdings.placed_elsewhere(terms.symbol)
        crossed = crossed_orders(terms, ours=ours, foreign=foreign)
        if crossed:
            raise TradeRefusedError(why_crossing(terms, crossed[0]), symbol=terms.symbol, code=WOULD_CROSS)


def _refuse_reuse(order: TrackedOrder, terms: OrderTerms) -> None:
    ours = order.envelope
    if (ours.symbol, ours.side, ours.quantity) == (terms.symbol, terms.side, terms.quantity):
        return
    raise OrderValidationError(
        f"client order id {ours.client_order_id} already stands for {ours.side} {ours.quantity} {ours.symbol}; "
        "use a new id for a new order",
        client_order_id=ours.client_order_id,
        symbol=terms.symbol,
        code="client_order_id_reused",
    )
