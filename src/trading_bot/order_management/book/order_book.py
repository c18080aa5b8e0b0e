"""The orders on record: a fold over the journal, and the questions that others ask of it.

1. Nothing else is state. Replaying the same records gives the same book, so a restart forgets nothing.
2. A record that cannot follow from what the book holds is refused before it changes anything.
3. Refolding the standing records alone gives an equal book: see `pointers`. Orders that ended long ago leave the book
   by `forget`, together with a record that notes the positions, so that no quantity rests on their fills any more.
4. An order that has left is found in the past, and brought back before anything more is said of it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from trading_bot.order_management.book.acceptances import Acceptance, Acceptances
from trading_bot.order_management.book.carrying import carried_order
from trading_bot.order_management.book.exit_facts import ExitFacts
from trading_bot.order_management.book.freezes import Cause, Freeze, cause_of
from trading_bot.order_management.book.order_shelf import OrderShelf
from trading_bot.order_management.book.past_orders import NoPast, PastOrders
from trading_bot.order_management.book.pointers import StandingKind, StandingPointers
from trading_bot.order_management.book.position_book import PositionBook
from trading_bot.order_management.book.position_watch import WAS
from trading_bot.order_management.book.protections import Protections
from trading_bot.order_management.book.standing import StandingFacts
from trading_bot.order_management.book.tracked_order import ORDER_KINDS, TrackedOrder, fold
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError
from trading_bot.order_management.journal.port import OrderKeyKind, Pointer
from trading_bot.order_management.models import ClientOrderId, OrderId, RefId

__all__ = ["OrderBook", "PastOrders", "TrackedOrder"]

_Name = TypeVar("_Name", bound=str)
_ORDER = StandingKind.ORDER.value


class OrderBook(OrderShelf):
    """Every order of one journal. Not thread-safe: the store guards it.

    What is asked for by a name that the records at hand do not know is looked for in ``past``.
    """

    def __init__(self, *, past: PastOrders | None = None) -> None:
        self._past: PastOrders = past or NoPast()
        super().__init__()
        self.pointers = StandingPointers()
        self._told_by: dict[ClientOrderId, list[Pointer]] = {}
        self._standing = StandingFacts(self.pointers)
        self.exits = ExitFacts(self.pointers)
        self.protections = Protections(self.pointers)
        self.positions = PositionBook(self.pointers)
        self._acceptances = Acceptances(self.pointers)

    def clear(self) -> None:
        """Forget everything but where the past is asked for."""
        super().clear()
        self._standing.clear()
        self.exits.clear()
        self.protections.clear()
        self.positions = PositionBook(self.pointers)
        self._acceptances.clear()
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

    @classmethod
    def replayed_order(cls, records: Iterable[JournalRecord]) -> TrackedOrder | None:
        """Fold the records of one order; None if they tell of none.

        Raises:
            OrderLogDamagedError: as `replayed`.
        """
        return next(iter(cls.replayed(records)), None)

    def refold(self, records: Iterable[JournalRecord]) -> None:
        """Begin anew with the records that stand; one that cannot be true spoils its own order only.

        Raises:
            OrderLogDamagedError: one could not be folded in; everything else was.
        """
        self.clear()
        broken: set[ClientOrderId] = set()
        first: OrderLogDamagedError | None = None
        for record in records:
            name = record.fact.client_order_id
            try:
                if name not in broken:
                    self.apply(record)
            except OrderLogDamagedError as error:
                first = first or error
                broken |= set() if name is None else {name}
        self.pointers.take_changes()
        if first is not None:
            raise first

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OrderBook):
            return NotImplemented
        return self._compared() == other._compared()

    __hash__ = None  # type: ignore[assignment]  # a book changes, so it is no key

    def _compared(self) -> tuple[object, ...]:
        exits, plans = {each.exit_id: each for each in self.exits.all()}, self.protections.all()
        return self._orders, self._standing.facts(), exits, plans, self.acceptances(), self.positions, set(self._filled)

    def apply(self, record: JournalRecord) -> TrackedOrder | None:
        """Fold one record in and return the order it concerns, if any.

        Raises:
            OrderLogDamagedError: the record cannot follow from what the book holds, and nothing of it was folded in.
        """
        return self._apply(record, self.check(record))

    def _apply(self, record: JournalRecord, order: TrackedOrder | None) -> TrackedOrder | None:
        fact = record.fact
        if fact.event not in _OF_ONE_ORDER:
            self._note_beside_orders(record)
        if order is None:
            return None
        known = self._orders.get(name := order.envelope.client_order_id)
        self._store(order)
        told_by = self.pointer_of(record)
        self._told_by.setdefault(name, []).append(told_by)
        self.pointers.add(told_by)
        is_carried = fact.event is EventKind.ORDER_CARRIED
        if is_carried and known is None:
            self._note_filled_before(self._orders[name])
        elif known is not None and not is_carried:
            self.positions.note_fill(known, order)
        return self._orders[name]

    def _note_beside_orders(self, record: JournalRecord) -> None:
        fact = record.fact
        self._acceptances.note(record, before=self.positions.quantity(fact.symbol))
        self._standing.note(record)
        self.exits.note(record)
        self.protections.note(record)
        if self.positions.note(record) or fact.event is EventKind.INSTRUMENT_NAMED:
            self._rename(fact)

    def apply_stored_intent(self, record: JournalRecord, checked: TrackedOrder | None) -> TrackedOrder | None:
        """Fold an intent in whose commit is over; its order may be here already, brought back by whoever looked for it.

        ``checked`` is what `check` made of it before: of an order that is not on record still, it makes the same again.

        Raises:
            OrderLogDamagedError: as `apply`.
        """
        if (at := self.pointer_of(record)) in self.pointers:
            return self.at_hand(record.fact.client_order_id)
        is_new = self.at_hand(record.fact.client_order_id) is None
        order = self._apply(record, self._of_its_own_ref_id(checked) if is_new else self.check(record))
        self.pointers.note_stored((at,))
        return order

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
        return self._of_its_own_ref_id(order)

    def _of_its_own_ref_id(self, order: TrackedOrder | None) -> TrackedOrder | None:
        if order is None:
            return None
        name, ref_id = order.envelope.client_order_id, order.envelope.ref_id
        if self._by_ref_id.get(ref_id, name) != name:
            raise OrderLogDamagedError(
                f"two orders of the journal have the ref_id {ref_id}; run 'trading-bot audit verify'",
                client_order_id=name,
            )
        return order

    @staticmethod
    def pointer_of(record: JournalRecord) -> Pointer:
        """Return the pointer that a record of an order stands by."""
        return Pointer(kind=_ORDER, key=record.fact.client_order_id or "", seq=record.seq)

    def forget(self, kept: Collection[ClientOrderId]) -> None:
        """Hold only the ``kept`` orders from now on: the others are looked for in the past.

        Note the positions in the same commit, or what is left does not explain them.
        """
        for key in self._orders.keys() - set(kept):
            self._take_away(key)
            self.pointers.end(self._told_by.pop(key))
        self._forget_filled()
        numbers = ((order.envelope.symbol, order.number) for order in self._orders.values())
        self._acceptances.forget_unneeded(orders=numbers, held=self.expected_positions())

    def bring_back(self, records: Iterable[JournalRecord]) -> None:
        """Take an order of the past in again, from all its records; the positions have its fills already.

        Raises:
            OrderLogDamagedError: the records tell an impossible story.
        """
        replayed = OrderBook.replayed(records)
        for order in replayed.orders():
            self._store(order)
            self._note_filled_before(self._orders[order.client_order_id])
            names = (one for one in replayed.pointers.all() if one.kind == _ORDER)
            self._told_by[order.client_order_id] = sorted(names, key=lambda one: one.seq)
            for one in self._told_by[order.client_order_id]:
                self.pointers.add(one)
        self._orders = dict(sorted(self._orders.items(), key=lambda each: self._told_by[each[0]][0].seq))

    def _store(self, order: TrackedOrder) -> None:
        self._put(self.positions.named(order))

    def _rename(self, fact: OrderEvent) -> None:
        for order in tuple(self._orders.values()):
            if (renamed := self.positions.named(order)) is not order:
                self._orders[order.client_order_id] = renamed
                self._changes.note(order.client_order_id)
        self._index_by_symbol()
        if fact.event is not EventKind.INSTRUMENT_NAMED:
            return
        self._acceptances.rename(fact.details.get(WAS), fact.symbol)
        if WAS in fact.details and fact.symbol is not None:
            self._standing.rename(fact.details[WAS], fact.symbol)
            self.protections.rename(fact.details[WAS], fact.symbol)

    def standing_facts(self) -> tuple[OrderEvent, ...]:
        """Return the freezes, halts and kills taken over that still hold, and the latest valuation, oldest first."""
        return self._standing.facts()

    def acceptances(self) -> tuple[Acceptance, ...]:
        """Return the positions accepted in place of others on which orders at hand still rest, oldest first."""
        return self._acceptances.all()

    def names_given(self, fact: OrderEvent) -> tuple[tuple[OrderKeyKind, str], ...]:
        """Return the names that a record gives to an order for the first time. Call it before the fold."""
        name, ref_id, order_id = fact.client_order_id, fact.ref_id, fact.order_id
        if name is None:
            return ()
        known = self._orders.get(name)
        given: tuple[tuple[OrderKeyKind, str], ...] = ()
        if known is None and ref_id is not None:
            given = (OrderKeyKind.CLIENT_ORDER_ID, name), (OrderKeyKind.REF_ID, ref_id)
        if order_id is not None and (known is None or known.envelope.order_id != order_id):
            given = *given, (OrderKeyKind.ORDER_ID, order_id)
        return given

    def get(self, client_order_id: ClientOrderId) -> TrackedOrder | None:
        """Find by client order id."""
        at_hand = self._orders.get(client_order_id)
        return at_hand or self._found(self._orders.get, client_order_id, OrderKeyKind.CLIENT_ORDER_ID)

    def by_ref_id(self, ref_id: str) -> TrackedOrder | None:
        """Find by the broker's idempotency key."""
        return self._found(self._with_ref_id, RefId(ref_id), OrderKeyKind.REF_ID)

    def by_order_id(self, order_id: str) -> TrackedOrder | None:
        """Find by the broker's order id."""
        return self._found(self._with_order_id, OrderId(order_id), OrderKeyKind.ORDER_ID)

    def _found(
        self, at_hand: Callable[[_Name], TrackedOrder | None], name: _Name, kind: OrderKeyKind
    ) -> TrackedOrder | None:
        if (known := at_hand(name)) is not None:
            return known
        past = self._past.find(kind, name)
        # The book was let go meanwhile: the order may be at hand by now. One of the past has its symbol of then.
        return at_hand(name) or (None if past is None else self.positions.named(past))

    def by_either_id(self, identifier: str) -> TrackedOrder | None:
        """Find by client order id or by the broker's order id."""
        return self.get(ClientOrderId(identifier)) or self.by_order_id(identifier)

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
        return tuple(freeze for freeze in self._standing.freezes(symbol) if now is None or not freeze.is_over(now))

    def frozen_for(self, cause: Cause) -> frozenset[str]:
        """Return the symbols that are frozen on record for a cause."""
        return self._standing.frozen_for(cause)

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


def pointers_to_standing(records: Iterable[JournalRecord]) -> frozenset[Pointer]:
    """Return the pointers to those of a whole journal's records that still count, for whoever imports one.

    Raises:
        OrderLogDamagedError: the records tell an impossible story.
    """
    return OrderBook.replayed(records).pointers.all()


_OF_ONE_ORDER = ORDER_KINDS - {EventKind.ORDER_INTENDED, EventKind.APPROVAL_AWAITED}
"""Kinds that change one order and, by its fills, positions; the two taken out tell of the symbol or the account too."""

_TIMED = frozenset({Cause.REFUSED, Cause.REENTRY})
