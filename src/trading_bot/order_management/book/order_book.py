"""The orders as the journal tells them: a fold over its records, and the questions asked of it.

1. Nothing else is state. Replaying the same records gives the same book, so a restart forgets nothing.
2. A record that cannot follow from what the book holds is refused before it changes anything.
3. Refolding the standing records alone gives an equal book: see `pointers`. Orders that ended long ago leave the book
   by `forget`, together with a record that notes the positions, so that no quantity rests on their fills any more.
4. An order that has left is found in the past, and brought back before anything more is said of it.
"""

from bisect import insort
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from trading_bot.order_management.book.acceptances import Acceptance, Acceptances
from trading_bot.order_management.book.carrying import carried_order
from trading_bot.order_management.book.exit_facts import ExitFacts
from trading_bot.order_management.book.freezes import Cause, Freeze, cause_of
from trading_bot.order_management.book.past_orders import NoPast, PastOrders
from trading_bot.order_management.book.pointers import StandingKind, StandingPointers, pointer
from trading_bot.order_management.book.position_book import PositionBook
from trading_bot.order_management.book.position_watch import WAS
from trading_bot.order_management.book.standing import StandingFacts
from trading_bot.order_management.book.tracked_order import TrackedOrder, fold
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError
from trading_bot.order_management.journal.port import OrderKeyKind, Pointer
from trading_bot.order_management.models import (
    EXACT,
    ClientOrderId,
    OrderEnvelope,
    OrderId,
    OrderState,
    OrderTerms,
    RefId,
    Side,
    exact_sum,
)

__all__ = ["OrderBook", "PastOrders", "TrackedOrder"]


class OrderBook:
    """Every order of one journal. Not thread-safe: the store guards it.

    What is asked for by a name that the records at hand do not know is looked for in ``past``.
    """

    def __init__(self, *, past: PastOrders | None = None) -> None:
        self._past: PastOrders = past or NoPast()
        self._orders: dict[ClientOrderId, TrackedOrder] = {}
        self._by_order_id: dict[OrderId, ClientOrderId] = {}
        self._by_ref_id: dict[RefId, ClientOrderId] = {}
        self._active: dict[ClientOrderId, None] = {}
        self._filled: list[ClientOrderId] = []
        self.pointers = StandingPointers()
        self._told_by: dict[ClientOrderId, list[Pointer]] = {}
        self._standing = StandingFacts(self.pointers)
        self.exits = ExitFacts(self.pointers)
        self.positions = PositionBook(self.pointers)
        self._acceptances = Acceptances(self.pointers)
        self._unbacked: dict[ClientOrderId, None] = {}

    def clear(self) -> None:
        """Forget everything but where the past is asked for."""
        self._orders.clear()
        self._by_order_id.clear()
        self._by_ref_id.clear()
        self._active.clear()
        self._filled.clear()
        self._standing.clear()
        self.exits.clear()
        self.positions = PositionBook(self.pointers)
        self._acceptances.clear()
        self._unbacked.clear()
        self._told_by.clear()
        self.pointers.clear()

    @classmethod
    def replayed(cls, records: Iterable[JournalRecord]) -> "OrderBook":
        """Fold the records of a journal into a new book.

        Raises:
            OrderLogDamagedError: the records tell an impossible story.
        """
        book = cls()
        for record in records:
            book.apply(record)
        return book

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OrderBook):
            return NotImplemented
        return self._compared() == other._compared()

    __hash__ = None  # type: ignore[assignment]  # a book changes, so it is no key

    def _compared(self) -> tuple[object, ...]:
        exits = {each.exit_id: each for each in self.exits.all()}
        return self._orders, self._standing.facts(), exits, self.acceptances(), self.positions, set(self._filled)

    def apply(self, record: JournalRecord) -> TrackedOrder | None:
        """Fold one record in and return the order it concerns, if any.

        Raises:
            OrderLogDamagedError: the record cannot follow from what the book holds, and nothing of it was folded in.
        """
        fact = record.fact
        order = self.check(record)
        self._acceptances.note(record, before=self.positions.quantity(fact.symbol))
        self._standing.note(record)
        self.exits.note(record)
        is_renamed = self.positions.note(record)
        if is_renamed or fact.event is EventKind.INSTRUMENT_NAMED:
            self._rename(fact)
        if order is None:
            return None
        known = self._orders.get(order.client_order_id)
        self._store(order)
        self._told_by.setdefault(order.client_order_id, []).append(self.pointer_of(record))
        self.pointers.add(self.pointer_of(record))
        is_carried = fact.event is EventKind.ORDER_CARRIED
        if is_carried and known is None:
            self._note_filled_before(order)
        elif known is not None and not is_carried:
            self.positions.note_fill(known, order)
        return self._orders[order.client_order_id]

    def check(self, record: JournalRecord) -> TrackedOrder | None:
        """Return the order that a record would leave, if it concerns one; nothing is folded in.

        Raises:
            OrderLogDamagedError: it cannot follow from what the book holds.
        """
        fact = record.fact
        if fact.client_order_id is None:
            return None
        known = self._orders.get(fact.client_order_id)
        order = carried_order(known, record) if fact.event is EventKind.ORDER_CARRIED else fold(known, record)
        if order is not None and self._by_ref_id.get(order.envelope.ref_id, fact.client_order_id) != (
            fact.client_order_id
        ):
            raise OrderLogDamagedError(
                f"two orders of the journal have the ref_id {order.envelope.ref_id}; run 'trading-bot audit verify'",
                client_order_id=fact.client_order_id,
            )
        return order

    @staticmethod
    def pointer_of(record: JournalRecord) -> Pointer:
        """Return the pointer that a record of an order stands by."""
        return pointer(StandingKind.ORDER, record.fact.client_order_id or "", record.seq)

    def forget(self, kept: Collection[ClientOrderId]) -> None:
        """Hold only the ``kept`` orders from now on: the others are looked for in the past.

        Note the positions in the same commit, or what is left does not explain them.
        """
        for key in self._orders.keys() - set(kept):
            envelope = self._orders.pop(key).envelope
            self._active.pop(key, None)
            del self._by_ref_id[envelope.ref_id]
            if envelope.order_id is not None:
                self._by_order_id.pop(envelope.order_id, None)
            self._unbacked.pop(key, None)
            self.pointers.end(self._told_by.pop(key))
        numbers = ((order.envelope.symbol, order.number) for order in self._orders.values())
        self._acceptances.forget_unneeded(orders=numbers, held=self.expected_positions())
        self._filled = [key for key in self._filled if key in self._orders]

    def bring_back(self, records: Iterable[JournalRecord]) -> None:
        """Take an order of the past in again, from all its records; the positions have its fills already.

        Raises:
            OrderLogDamagedError: the records tell an impossible story.
        """
        told = OrderBook.replayed(records)
        for order in told.orders():
            self._store(order)
            self._note_filled_before(order)
            self._told_by[order.client_order_id] = told._told_by[order.client_order_id]
            for one in self._told_by[order.client_order_id]:
                self.pointers.add(one)
        self._orders = dict(sorted(self._orders.items(), key=lambda each: self._told_by[each[0]][0].seq))

    def _store(self, told: TrackedOrder) -> None:
        order = self.positions.named(told)
        key = order.client_order_id
        self._by_ref_id[order.envelope.ref_id] = key
        self._orders[key] = order
        if order.unbacked_quantity:
            self._unbacked[key] = None
        else:
            self._unbacked.pop(key, None)
        if order.envelope.order_id is not None:
            self._by_order_id[order.envelope.order_id] = key
        if order.state.is_terminal:
            if key in self._active and order.state is OrderState.FILLED:
                self._filled.append(key)
            self._active.pop(key, None)
        else:
            self._active[key] = None

    def _rename(self, fact: OrderEvent) -> None:
        for order in tuple(self._orders.values()):
            self._orders[order.client_order_id] = self.positions.named(order)
        if fact.event is not EventKind.INSTRUMENT_NAMED:
            return
        self._acceptances.rename(fact.details.get(WAS), fact.symbol)
        if WAS in fact.details and fact.symbol is not None:
            self._standing.rename(fact.details[WAS], fact.symbol)

    def _note_filled_before(self, order: TrackedOrder) -> None:
        if order.state is OrderState.FILLED:
            insort(self._filled, order.client_order_id, key=self._filled_at)

    def _filled_at(self, client_order_id: ClientOrderId) -> datetime:
        order = self._orders[client_order_id]
        return order.filled_at or order.envelope.created_at

    def standing_facts(self) -> tuple[OrderEvent, ...]:
        """Return the freezes, halts and kills taken over that still hold, oldest first."""
        return self._standing.facts()

    def acceptances(self) -> tuple[Acceptance, ...]:
        """Return the positions accepted in place of others on which orders at hand still rest, oldest first."""
        return self._acceptances.all()

    def unbacked(self) -> tuple[TrackedOrder, ...]:
        """Return the orders whose fills are not all backed by executions yet."""
        return tuple(self._orders[key] for key in self._unbacked)

    def holds(self, client_order_id: ClientOrderId) -> bool:
        """Whether the order is here, and not in the past."""
        return client_order_id in self._orders

    def names_given(self, fact: OrderEvent) -> Iterator[tuple[OrderKeyKind, str]]:
        """Yield the names that a record gives to an order for the first time; ask before it is folded in."""
        if fact.client_order_id is None:
            return
        known = self._orders.get(fact.client_order_id)
        if known is None and fact.ref_id is not None:
            yield OrderKeyKind.CLIENT_ORDER_ID, fact.client_order_id
            yield OrderKeyKind.REF_ID, fact.ref_id
        if fact.order_id is not None and (known is None or known.envelope.order_id != fact.order_id):
            yield OrderKeyKind.ORDER_ID, fact.order_id

    def get(self, client_order_id: ClientOrderId) -> TrackedOrder | None:
        """Find by client order id."""
        known = self._orders.get(client_order_id)
        if known is not None:
            return known
        past = self._past.find(OrderKeyKind.CLIENT_ORDER_ID, client_order_id)
        return self._orders.get(client_order_id) or past

    def by_ref_id(self, ref_id: str) -> TrackedOrder | None:
        """Find by the broker's idempotency key."""
        key = self._by_ref_id.get(RefId(ref_id))
        return self._orders[key] if key is not None else self._past.find(OrderKeyKind.REF_ID, ref_id)

    def by_order_id(self, order_id: str) -> TrackedOrder | None:
        """Find by the broker's order id."""
        key = self._by_order_id.get(OrderId(order_id))
        return self._orders[key] if key is not None else self._past.find(OrderKeyKind.ORDER_ID, order_id)

    def by_either_id(self, identifier: str) -> TrackedOrder | None:
        """Find by client order id or by the broker's order id."""
        return self.get(ClientOrderId(identifier)) or self.by_order_id(identifier)

    def orders(self) -> tuple[TrackedOrder, ...]:
        """Return every order that still counts for something, oldest first; those that ended long ago have left."""
        return tuple(self._orders.values())

    def active(self) -> tuple[TrackedOrder, ...]:
        """Return the orders that are not terminal, oldest first."""
        return tuple(self._orders[key] for key in self._active)

    def working(self) -> tuple[TrackedOrder, ...]:
        """Return the orders that the broker holds and that may still trade."""
        return tuple(order for order in self.active() if order.state.is_working)

    def unresolved(self) -> tuple[TrackedOrder, ...]:
        """Return the orders of which nobody knows whether the broker has them."""
        return tuple(order for order in self.active() if order.state.is_unresolved)

    def pending_on(self, symbol: str, side: Side) -> tuple[TrackedOrder, ...]:
        """Return the orders that hold back another one on this symbol and side: not terminal, not presumed absent."""
        return tuple(order for order in self._on(symbol, side) if order.state is not OrderState.PRESUMED_ABSENT)

    def _on(self, symbol: str, side: Side) -> Iterator[TrackedOrder]:
        return (order for order in self.active() if (order.envelope.symbol, order.envelope.side) == (symbol, side))

    def standing_for(self, terms: OrderTerms, *, now: datetime, window: timedelta) -> TrackedOrder | None:
        """Return an order of the same symbol, side, quantity and price, pending or filled within ``window``."""
        return next(
            (order for order in self._standing_by(terms, now - window) if _has_terms(order.envelope, terms)), None
        )

    def has_standing(self, terms: OrderTerms, *, now: datetime, window: timedelta) -> bool:
        """Whether `standing_for` might find an order at some limit price."""
        wanted = (terms.symbol, terms.side, terms.quantity)
        orders = (order.envelope for order in self._standing_by(terms, now - window))
        return any((order.symbol, order.side, order.quantity) == wanted for order in orders)

    def _standing_by(self, terms: OrderTerms, moment: datetime) -> Iterator[TrackedOrder]:
        yield from self.pending_on(terms.symbol, terms.side)
        yield from self._filled_since(moment)

    def _filled_since(self, moment: datetime) -> Iterator[TrackedOrder]:
        for key in reversed(self._filled):
            order = self._orders[key]
            if order.filled_at is None or order.filled_at <= moment:
                return
            yield order

    @property
    def halt(self) -> str | None:
        """Why all entries are halted until a person decides, if they are."""
        halt = self.halt_fact
        return (halt.reason or "halted") if halt is not None else None

    @property
    def halt_fact(self) -> OrderEvent | None:
        """The oldest record behind `halt`."""
        return next(self._standing.halt_facts(), None)

    def is_halted_for(self, cause: Cause) -> bool:
        """Whether all entries are halted for that cause, whatever else they are halted for."""
        return any(cause_of(fact) is cause for fact in self._standing.halt_facts())

    def freeze_fact(self, symbol: str, cause: Cause | None = None) -> OrderEvent | None:
        """Return the record that froze a symbol, for that cause or else the first that does not end by itself."""
        found = (fact for fact in self._standing.freeze_facts(symbol) if cause_of(fact) not in _TIMED)
        return next((fact for fact in found if cause is None or cause_of(fact) is cause), None)

    def freezes(self, *, now: datetime | None = None, symbol: str | None = None) -> tuple[Freeze, ...]:
        """Return what stops entries at ``now``, oldest first: in ``symbol`` and the account, or everywhere.

        Without a moment, the freezes whose own end has come are among them.
        """
        standing = (freeze for freeze in self._standing.freezes() if now is None or not freeze.is_over(now))
        return tuple(freeze for freeze in standing if symbol is None or freeze.symbol in (None, symbol))

    @property
    def knows_positions(self) -> bool:
        """Whether a first complete look at the broker's positions is on record."""
        return self.positions.are_known

    def expected_positions(self) -> Mapping[str, Decimal]:
        """Return the shares held as far as our records explain: what was accepted, and every fill booked since."""
        return self.positions.quantities()

    def frozen_symbols(self) -> Mapping[str, str]:
        """Return the symbols that are frozen on record, with the first reason of each."""
        found: dict[str, str] = {}
        for freeze in self._standing.freezes():
            if freeze.symbol is not None:
                found.setdefault(freeze.symbol, freeze.reason)
        return found

    def reserved_cash(self, orders: Iterable[TrackedOrder] | None = None) -> Decimal:
        """Return the dollars that open and unresolved buys may still cost, at their limits."""
        return exact_sum(
            EXACT.multiply(order.envelope.limit_price, order.remaining_quantity)
            for order in (self.active() if orders is None else orders)
            if order.envelope.side is Side.BUY
        )

    def reserved_shares(self, symbol: str) -> Decimal:
        """Return the shares that open and unresolved sells may still take."""
        return exact_sum(order.remaining_quantity for order in self._on(symbol, Side.SELL))

    def __iter__(self) -> Iterator[TrackedOrder]:
        return iter(self.orders())

    def __len__(self) -> int:
        return len(self._orders)


_TIMED = frozenset({Cause.REFUSED, Cause.REENTRY})


def _has_terms(envelope: OrderEnvelope, terms: OrderTerms) -> bool:
    ours = (envelope.symbol, envelope.side, envelope.quantity, envelope.limit_price)
    return ours == (terms.symbol, terms.side, terms.quantity, terms.limit_price)
