"""The orders as the journal tells them: a fold over its records, and the questions asked of it.

Nothing else is state. Replaying the same records gives the same book, so a restart forgets nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError
from trading_bot.order_management.lifecycle import is_legal
from trading_bot.order_management.models import (
    EXACT,
    ClientOrderId,
    Execution,
    OrderEnvelope,
    OrderId,
    OrderState,
    OrderStatus,
    OrderTerms,
    RefId,
    Side,
    TimeInForce,
)

_T = TypeVar("_T")
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedOrder:
    """One order with everything the journal knows of it."""

    envelope: OrderEnvelope
    executions: tuple[Execution, ...] = ()
    cancel_wanted: bool = False
    """A cancel was asked for; for an unresolved order it is fired as soon as the order is found."""
    last_transaction_at: datetime | None = None
    filled_at: datetime | None = None
    """When the journal learnt of the latest fill."""
    anomalies: frozenset[str] = frozenset()
    """What the broker said that does not fit; each is recorded once."""

    @property
    def client_order_id(self) -> ClientOrderId:
        """FIX tag 11."""
        return self.envelope.client_order_id

    @property
    def state(self) -> OrderState:
        """FIX tag 39."""
        return self.envelope.state

    @property
    def remaining_quantity(self) -> Decimal:
        """FIX tag 151: shares that may still trade; zero once terminal."""
        if self.state.is_terminal:
            return _NOTHING
        return Decimal(self.envelope.quantity) - self.envelope.filled_quantity

    @property
    def executed_quantity(self) -> Decimal:
        """The sum of the booked executions."""
        return sum((fill.quantity for fill in self.executions), _NOTHING)

    def status(self, broker_state: str | None = None) -> OrderStatus:
        """Return the public view."""
        envelope = self.envelope
        return OrderStatus(
            client_order_id=envelope.client_order_id,
            order_id=envelope.order_id,
            symbol=envelope.symbol,
            side=envelope.side,
            state=envelope.state,
            quantity=Decimal(envelope.quantity),
            filled_quantity=envelope.filled_quantity,
            remaining_quantity=self.remaining_quantity,
            average_price=envelope.average_price,
            limit_price=envelope.limit_price,
            reason=envelope.reason,
            last_transaction_at=self.last_transaction_at,
            executions=self.executions,
            broker_state=broker_state,
        )


class OrderBook:
    """Every order of one journal. Not thread-safe: the ledger guards it."""

    def __init__(self) -> None:
        self._orders: dict[ClientOrderId, TrackedOrder] = {}
        self._by_order_id: dict[OrderId, ClientOrderId] = {}
        self._by_ref_id: dict[RefId, ClientOrderId] = {}
        self._active: dict[ClientOrderId, None] = {}
        self._filled: list[ClientOrderId] = []
        self._frozen: dict[str, str] = {}

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
        return (self._orders, self._frozen) == (other._orders, other._frozen)

    __hash__ = None  # type: ignore[assignment]  # a book changes, so it is no key

    def apply(self, record: JournalRecord) -> TrackedOrder | None:
        """Fold one record in and return the order it concerns, if any.

        Raises:
            OrderLogDamagedError: the record cannot follow from what the book holds.
        """
        fact = record.fact
        if fact.event is EventKind.SYMBOL_FROZEN and fact.symbol is not None:
            self._frozen[fact.symbol] = fact.reason or "frozen"
        if fact.event is EventKind.SYMBOL_RELEASED and fact.symbol is not None:
            self._frozen.pop(fact.symbol, None)
        fold = _FOLDS.get(fact.event)
        if fold is None or fact.client_order_id is None:
            return None
        order = fold(self._orders.get(fact.client_order_id), record)
        self._store(order)
        return order

    def _store(self, order: TrackedOrder) -> None:
        key = order.client_order_id
        self._orders[key] = order
        self._by_ref_id[order.envelope.ref_id] = key
        if order.envelope.order_id is not None:
            self._by_order_id[order.envelope.order_id] = key
        if order.state.is_terminal:
            if key in self._active and order.state is OrderState.FILLED:
                self._filled.append(key)
            self._active.pop(key, None)
        else:
            self._active[key] = None

    def get(self, client_order_id: ClientOrderId) -> TrackedOrder | None:
        """Find by client order id."""
        return self._orders.get(client_order_id)

    def by_ref_id(self, ref_id: str) -> TrackedOrder | None:
        """Find by the broker's idempotency key."""
        key = self._by_ref_id.get(RefId(ref_id))
        return self._orders[key] if key is not None else None

    def by_order_id(self, order_id: str) -> TrackedOrder | None:
        """Find by the broker's order id."""
        key = self._by_order_id.get(OrderId(order_id))
        return self._orders[key] if key is not None else None

    def by_either_id(self, identifier: str) -> TrackedOrder | None:
        """Find by client order id or by the broker's order id."""
        return self.get(ClientOrderId(identifier)) or self.by_order_id(identifier)

    def orders(self) -> tuple[TrackedOrder, ...]:
        """Return every order, oldest first."""
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
        """Return the orders on a symbol and side that are not terminal."""
        return tuple(order for order in self.active() if (order.envelope.symbol, order.envelope.side) == (symbol, side))

    def standing_for(self, terms: OrderTerms, *, now: datetime, window: timedelta) -> TrackedOrder | None:
        """Return an order with the same symbol, side, quantity and price, pending or filled less than ``window`` ago."""
        candidates = (*self.pending_on(terms.symbol, terms.side), *self._filled_since(now - window))
        return next((order for order in candidates if _has_terms(order.envelope, terms)), None)

    def _filled_since(self, moment: datetime) -> Iterator[TrackedOrder]:
        for key in reversed(self._filled):
            order = self._orders[key]
            if order.filled_at is None or order.filled_at <= moment:
                return
            yield order

    def frozen_symbols(self) -> Mapping[str, str]:
        """Return the symbols on which no order may be opened, with the reason."""
        return dict(self._frozen)

    def reserved_cash(self, orders: Iterable[TrackedOrder] | None = None) -> Decimal:
        """Return the dollars that open and unresolved buys may still cost, at their limits."""
        return sum(
            (
                EXACT.multiply(order.envelope.limit_price, order.remaining_quantity)
                for order in (self.active() if orders is None else orders)
                if order.envelope.side is Side.BUY
            ),
            _NOTHING,
        )

    def reserved_shares(self, symbol: str) -> Decimal:
        """Return the shares that open and unresolved sells may still take."""
        return sum((order.remaining_quantity for order in self.pending_on(symbol, Side.SELL)), _NOTHING)

    def __iter__(self) -> Iterator[TrackedOrder]:
        return iter(self.orders())

    def __len__(self) -> int:
        return len(self._orders)


def _has_terms(envelope: OrderEnvelope, terms: OrderTerms) -> bool:
    ours = (envelope.symbol, envelope.side, envelope.quantity, envelope.limit_price)
    return ours == (terms.symbol, terms.side, terms.quantity, terms.limit_price)


_Fold = Callable[[TrackedOrder | None, JournalRecord], TrackedOrder]


def _intended(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder:
    fact = record.fact
    if known is not None:
        raise _impossible(record, "the client order id was used before")
    try:
        envelope = OrderEnvelope(
            client_order_id=_need(fact.client_order_id, "client_order_id"),
            ref_id=_need(fact.ref_id, "ref_id"),
            order_id=fact.order_id,
            symbol=_need(fact.symbol, "symbol"),
            side=_need(fact.side, "side"),
            quantity=int(_need(fact.quantity, "quantity")),
            limit_price=_need(fact.limit_price, "limit_price"),
            reference_price=Decimal(fact.details["reference_price"]),
            time_in_force=TimeInForce(fact.details["time_in_force"]),
            extended_hours=fact.details["extended_hours"] == "true",
            state=OrderState.PENDING_SUBMIT,
            execution_mode=_need(fact.execution_mode, "execution_mode"),
            strategy_name=fact.strategy_name,
            created_at=record.ts,
        )
    except (KeyError, ValueError, ArithmeticError) as error:
        raise _impossible(record, f"a field is missing or wrong: {error}") from error
    return TrackedOrder(envelope=envelope)


def _need(value: _T | None, name: str) -> _T:
    if value is None:
        raise KeyError(name)
    return value


def _changed(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder:
    order, fact = _existing(known, record), record.fact
    state = order.state if fact.status is None else fact.status
    if state is not order.state and not is_legal(order.state, state):
        raise _impossible(record, f"an order cannot go from {order.state} to {state}")
    envelope = replace(
        order.envelope,
        order_id=fact.order_id or order.envelope.order_id,
        state=state,
        filled_quantity=_filled(order, fact, record),
        average_price=fact.average_price or order.envelope.average_price,
        reason=fact.reason or order.envelope.reason,
        latency_ms=fact.latency_ms or order.envelope.latency_ms,
    )
    return replace(
        order,
        envelope=envelope,
        last_transaction_at=fact.occurred_at or order.last_transaction_at,
        filled_at=record.ts if envelope.filled_quantity > order.envelope.filled_quantity else order.filled_at,
    )


def _filled(order: TrackedOrder, fact: OrderEvent, record: JournalRecord) -> Decimal:
    filled = order.envelope.filled_quantity if fact.filled_quantity is None else fact.filled_quantity
    if filled < order.envelope.filled_quantity and fact.event is not EventKind.EXECUTION_BUSTED:
        raise _impossible(record, "a filled quantity falls only by a bust")
    return filled


def _executed(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder:
    order, fact = _existing(known, record), record.fact
    try:
        fill = Execution(
            execution_id=_need(fact.execution_id, "execution_id"),
            quantity=_need(fact.last_quantity, "last_quantity"),
            price=_need(fact.last_price, "last_price"),
            executed_at=_need(fact.occurred_at, "occurred_at"),
        )
    except (KeyError, ValueError) as error:
        raise _impossible(record, f"a field is missing or wrong: {error}") from error
    if any(fill.execution_id == booked.execution_id for booked in order.executions):
        raise _impossible(record, "the execution was booked before")
    return replace(order, executions=(*order.executions, fill))


def _busted(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder:
    order = _changed(known, record)
    return replace(
        order, executions=tuple(fill for fill in order.executions if fill.execution_id != record.fact.execution_id)
    )


def _cancel_requested(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder:
    return replace(_changed(known, record), cancel_wanted=True)


def _puzzled(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder:
    order = _existing(known, record)
    return replace(order, anomalies=order.anomalies | {record.fact.reason or ""})


def _existing(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder:
    if known is None:
        raise _impossible(record, "no intent of this order stands before it")
    return known


def _impossible(record: JournalRecord, why: str) -> OrderLogDamagedError:
    return OrderLogDamagedError(
        f"journal record {record.seq} ({record.fact.event}) cannot be true: {why}; run 'trading-bot audit verify'",
        client_order_id=record.fact.client_order_id,
    )


_FOLDS: Mapping[EventKind, _Fold] = {
    EventKind.ORDER_INTENDED: _intended,
    EventKind.SUBMIT_ATTEMPTED: _changed,
    EventKind.ORDER_ACCEPTED: _changed,
    EventKind.ORDER_REJECTED: _changed,
    EventKind.ORDER_NOT_SENT: _changed,
    EventKind.ORDER_OUTCOME_UNKNOWN: _changed,
    EventKind.ORDER_ADOPTED: _changed,
    EventKind.ORDER_PRESUMED_ABSENT: _changed,
    EventKind.ORDER_NEVER_ACCEPTED: _changed,
    EventKind.ORDER_RESOLVED: _changed,
    EventKind.ORDER_UPDATED: _changed,
    EventKind.EXECUTION_BOOKED: _executed,
    EventKind.EXECUTION_BUSTED: _busted,
    EventKind.CANCEL_REQUESTED: _cancel_requested,
    EventKind.CANCEL_ANSWERED: _changed,
    EventKind.ANOMALY_FOUND: _puzzled,
}
