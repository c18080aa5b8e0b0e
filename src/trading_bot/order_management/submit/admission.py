"""Whether an order is new: same id, equal order, crowded side. Check, reservation and write-ahead are one step."""

from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from decimal import Decimal

from trading_bot.clock import Moment, Seconds
from trading_bot.order_management.book.order_book import OrderBook, TrackedOrder
from trading_bot.order_management.book.position_watch import in_words
from trading_bot.order_management.client_ids import validate_client_order_id
from trading_bot.order_management.context import InFlight, OrderContext
from trading_bot.order_management.events import EventKind, OrderEvent, about
from trading_bot.order_management.exceptions import (
    DuplicateOrderError,
    OrderNotSentError,
    OrderValidationError,
    TradeRefusedError,
    TradingHaltedError,
)
from trading_bot.order_management.models import (
    EXACT,
    ClientOrderId,
    OrderEnvelope,
    OrderState,
    OrderTerms,
    Side,
)
from trading_bot.order_management.outcomes import DurableIntent, PreparedOrder
from trading_bot.order_management.ports import ArmingId, LatchLook
from trading_bot.order_management.rounds import SyncService
from trading_bot.order_management.submit.crossing import WOULD_CROSS, crossed_orders, why_crossing
from trading_bot.order_management.submit.halts import TradingHalts
from trading_bot.order_management.submit.intents import again, is_to_go_again, may_go_again, refuse_reuse, under_arming
from trading_bot.order_management.sync.free_shares import Free
from trading_bot.values import Value, replace


class Decided(Value, frozen=True, kw_only=True):
    """When somebody asked for an order, with the price of that moment, under which arming, and by what name."""

    at: Moment
    arming: ArmingId | None
    is_named: bool = False
    """Whether the caller gave the order an id: then it is meant as an order of its own."""


class Admitted(Value, frozen=True, kw_only=True):
    """A new order: the proof of its intent, and the arming in force when that was written."""

    intent: DurableIntent
    arming: ArmingId | None


class Admission:
    """Lets each order in once.

    An **exit**, a sell of at most the free shares, is bound by what `_refuse_exit` names and by nothing else; all other
    rules are for entries, in `_refuse_entry`. What ``sync`` has read bounds sells; where it reads no positions, no sell
    counts as an exit. Its age, the halts and the arming are asked under the lock.
    """

    def __init__(self, context: OrderContext, *, sync: SyncService, halts: TradingHalts, in_flight: InFlight) -> None:
        self._store = context.store
        self._settings = context.settings
        self._duplicate_window = timedelta(seconds=context.settings.duplicate_window_s)
        self._clock = context.clock
        self._latch = context.latch
        self._sync = sync
        self._halts = halts
        self._holdings = sync.holdings
        self._in_flight = in_flight

    def earlier(self, client_order_id: ClientOrderId, terms: OrderTerms) -> OrderEnvelope | None:
        """Return the envelope that already has this id, once its own submit has ended; None if the id is new.

        None too where that order was provably not sent and these are its terms, priced or as first asked for: then it
        may be sent after all, as the same order.

        Raises:
            OrderValidationError: the id stands for an order of another symbol, side or quantity.
        """
        found = self._settled(client_order_id, terms)
        return None if found is None or may_go_again(found, terms) else found

    def _settled(
        self, client_order_id: ClientOrderId, terms: OrderTerms, *, waited_s: Seconds = 0
    ) -> OrderEnvelope | None:
        with self._store.open_book() as book:
            order, under_way = book.get(client_order_id), self._in_flight.end_of(client_order_id)
        if order is None:
            return None
        refuse_reuse(order, terms)
        if under_way is not None:
            under_way.wait(max(self._settings.submit_deadline_s - waited_s, 0))
            with self._store.open_book() as book:
                order = book.get(client_order_id) or order
        return order.envelope

    def standing(self, client_order_id: str | None, terms: OrderTerms) -> OrderEnvelope | None:
        """Return the order that has this id, or else equals these terms; None if there is none.

        Raises:
            OrderValidationError: the id stands for an order of another symbol, side or quantity.
        """
        if (earlier := self.bearing(client_order_id, terms)) is not None:
            return earlier
        with self._store.open_book() as book:
            return self._equal_order(book, terms, is_named=client_order_id is not None)

    def bearing(self, client_order_id: str | None, terms: OrderTerms) -> OrderEnvelope | None:
        """Return the order that has this id, as `earlier` does; None without an id.

        Raises:
            OrderValidationError: the id stands for an order of another symbol, side or quantity.
        """
        return None if client_order_id is None else self.earlier(validate_client_order_id(client_order_id), terms)

    def may_equal_another(self, terms: OrderTerms) -> bool:
        """Whether an order of this symbol, side and quantity is pending or newly filled, at whatever price."""
        with self._store.open_book() as book:
            return book.has_standing(terms, now=self._clock.now(), window=self._duplicate_window)

    def reduces(self, terms: OrderTerms) -> bool:
        """Whether an order of these terms, once let in, is an exit: it can only sell shares that are held and free."""
        holdings = self._holdings
        return terms.side is Side.SELL and holdings is not None and holdings.knows(terms.symbol)

    def free_to_sell(self, symbol: str) -> Decimal | None:
        """Return the shares of a symbol that an exit may sell now; None while the positions are not known."""
        free = self.free(symbol)
        return None if free is None else free.quantity

    def free(self, symbol: str) -> Free | None:
        """Return the same with the numbers that explain it."""
        holdings = self._holdings
        return holdings.free_to_sell(symbol) if holdings is not None and holdings.knows(symbol) else None

    def counted_by_hand(self, symbol: str, held: Decimal | None) -> AbstractContextManager[None]:
        """Let a person's count of the shares stand for a look; see `Holdings.counted_by_hand`."""
        holdings = self._holdings
        return nullcontext() if holdings is None else holdings.counted_by_hand(symbol, held)

    def refuse_if_halted(
        self, terms: OrderTerms, *, instrument_id: str | None = None, look: LatchLook | None = None
    ) -> None:
        """Refuse while trading is halted or the symbol is frozen; an exit passes both. ``look`` is one just taken.

        Raises:
            TradingHaltedError: with the reason, and the command that helps.
        """
        if (failure := self._store.failure) is not None:
            raise TradingHaltedError(f"{terms.symbol}: {failure}", symbol=terms.symbol, code=failure.code)
        # A sell opens nothing. Whether its shares are free, or can be known, is decided once all has been read for it.
        is_sell = terms.side is Side.SELL and self._holdings is not None
        reason = self._halts.beside_the_journal(terms.symbol, leaving=is_sell, look=look)
        if reason is None and terms.side is Side.BUY:
            reason = self._sync.entries_stopped(terms.symbol, instrument_id)
        if reason is not None:
            raise TradingHaltedError(f"{terms.symbol}: no order is taken: {reason}", symbol=terms.symbol)

    def refuse_unless_open_to(self, terms: OrderTerms, *, instead_of: TrackedOrder | None = None) -> None:
        """Refuse what `begin` would refuse of these terms as things stand, once ``instead_of`` had been cancelled.

        Raises:
            TradingHaltedError, DuplicateOrderError, TradeRefusedError: as there.
        """
        with self._store.open_book() as book:
            self.refuse_if_halted(terms)
            self._refuse(book, terms, instead_of=instead_of)

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
        with self._store.deciding() as book:
            known = book.get(client_order_id)
            if known is None or is_to_go_again(known.envelope, terms):
                intent = intent if known is None else again(intent, known.envelope)
                # Before the record: a kill from here on leaves an intent that no later arming lets out.
                look = self._latch.look()
                self.refuse_if_halted(terms, instrument_id=prepared.instrument_id, look=look)
                self.refuse_if_stale(terms)
                equal = self._equal_order(book, terms, is_named=decided.is_named)
                if equal is not None:
                    return equal
                self._refuse(book, terms, is_real=True)
                self._refuse_if_overtaken(terms, decided, look.arming)
                return self._admit(book, intent, prepared, arming=look.arming)
        earlier = self._settled(client_order_id, terms, waited_s=decided.at.age_s(self._clock))
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

    def refuse_if_stale(self, terms: OrderTerms) -> None:
        """Refuse while our view of the broker is too old for an entry; an exit needs only its own shares.

        Raises:
            TradingHaltedError: with the reason.
        """
        reason = None if self.reduces(terms) else self._sync.freshness.stale_because()
        if reason is not None:
            raise TradingHaltedError(
                f"{terms.symbol}: no order is taken: {reason}", symbol=terms.symbol, code="view_too_old"
            )

    def is_own_order(self, terms: OrderTerms) -> bool:
        """Whether an order under an id of its own may equal another: as an exit, or without a duplicate window."""
        return self.reduces(terms) or not self._settings.duplicate_window_s

    def _equal_order(self, book: OrderBook, terms: OrderTerms, *, is_named: bool) -> OrderEnvelope | None:
        if is_named and not self._settings.duplicate_window_s:
            return None
        leaving = self.reduces(terms)
        if leaving and is_named and terms.quantity <= (self.free_to_sell(terms.symbol) or 0):
            return None  # meant as an exit of its own, and its shares are there
        # An exit that has filled holds no other one up; one that rests unnamed still answers for its equal.
        window = timedelta() if leaving else self._duplicate_window
        standing = book.standing_for(terms, now=self._clock.now(), window=window)
        return replace(standing.envelope, duplicate_of=standing.client_order_id) if standing is not None else None

    def _admit(
        self, book: OrderBook, intent: OrderEvent, prepared: PreparedOrder, *, arming: ArmingId | None
    ) -> Admitted:
        proof = self._store.record_intent(under_arming(intent, arming), prepared)
        self._refuse_if_stopped_meanwhile(book, proof, instrument_id=prepared.instrument_id)
        self._in_flight.begin(proof.client_order_id)
        return Admitted(intent=proof, arming=arming)

    def _refuse_if_stopped_meanwhile(
        self, book: OrderBook, intent: DurableIntent, *, instrument_id: str | None
    ) -> None:
        """Send nothing if entries were stopped while the intent was being committed: whoever did could not see it."""
        try:
            self.refuse_if_halted(intent.terms, instrument_id=instrument_id)
        except TradingHaltedError as error:
            order = book.get(intent.client_order_id)
            if order is not None:
                plain = about(order.envelope, EventKind.ORDER_NOT_SENT)
                self._store.record_fact(replace(plain, status=OrderState.NOT_SENT, reason=str(error)))
            raise

    def _refuse(
        self, book: OrderBook, terms: OrderTerms, *, instead_of: TrackedOrder | None = None, is_real: bool = False
    ) -> None:
        if terms.side is Side.SELL and self._holdings is not None:
            self._refuse_exit(terms, instead_of=instead_of, is_real=is_real)
        else:
            self._refuse_entry(book, terms, instead_of=instead_of)
        self._refuse_if_crossing(book, terms)

    def _refuse_entry(self, book: OrderBook, terms: OrderTerms, *, instead_of: TrackedOrder | None) -> None:
        """Refuse what adds risk and should not. Every rule here leaves exits alone."""
        pending = [order for order in book.pending_on(terms.symbol, terms.side) if not _is_same(order, instead_of)]
        if len(pending) < self._settings.max_pending_per_side:
            return
        first, orders = pending[0], "order" if len(pending) == 1 else "orders"
        raise DuplicateOrderError(
            f"{terms.symbol}: {len(pending)} {terms.side} {orders} pending already, such as "
            f"{first.client_order_id} ({first.state}); wait for it or cancel it first",
            symbol=terms.symbol,
            client_order_id=first.client_order_id,
            envelope=first.envelope,
        )

    def _refuse_exit(self, terms: OrderTerms, *, instead_of: TrackedOrder | None, is_real: bool) -> None:
        """Refuse to sell what is not provably held and free.

        ``is_real``: a preview reads nothing anew, so old positions hold up only an order that is to be sent.
        """
        holdings = self._holdings
        if holdings is None or not holdings.knows(terms.symbol):
            raise TradingHaltedError(
                f"{terms.symbol}: nothing is sold while the positions have not been read; run 'trading-bot sync' and "
                f"try again, or run 'trading-bot exit {terms.symbol} --held N' with the shares that you see there",
                symbol=terms.symbol,
                code="positions_unknown",
            )
        free = holdings.free_to_sell(terms.symbol)
        quantity = free.quantity
        if instead_of is not None and instead_of.envelope.side is Side.SELL:
            quantity = EXACT.add(quantity, instead_of.remaining_quantity)
        if terms.quantity > quantity:
            raise TradeRefusedError(
                f"{terms.symbol}: {terms.quantity} shares are more than the {in_words(free.quantity)} held and free to "
                f"sell: {free.in_words()}",
                symbol=terms.symbol,
                code="insufficient_shares",
            )
        if is_real and free.not_sure_because is not None:
            raise TradingHaltedError(
                f"{terms.symbol}: nothing is sold while it is not certain what is held: {free.not_sure_because}; try "
                f"again once it can be read, or run 'trading-bot exit {terms.symbol} --held N'",
                symbol=terms.symbol,
                code="positions_unknown",
            )

    def _refuse_if_crossing(self, book: OrderBook, terms: OrderTerms) -> None:
        holdings, leaving = self._holdings, self.reduces(terms)
        # Held shares must be sellable beside what is in doubt, was placed elsewhere, or does not end for its cancel.
        ours = [order for order in book.working() if not order.cancel_wanted] if leaving else book.active()
        foreign = () if leaving or holdings is None else holdings.placed_elsewhere(terms.symbol)
        crossed = crossed_orders(terms, ours=ours, foreign=foreign)
        if crossed:
            way_out = f"; or run 'trading-bot exit {terms.symbol}', which cancels it" if leaving else ""
            why = f"{why_crossing(terms, crossed[0])}{way_out}"
            raise TradeRefusedError(why, symbol=terms.symbol, code=WOULD_CROSS)


def _is_same(order: TrackedOrder, other: TrackedOrder | None) -> bool:
    return other is not None and order.client_order_id == other.client_order_id
