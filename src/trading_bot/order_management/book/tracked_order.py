"""One order, folded from its records: the value, and how each record changes it.

A record that cannot follow from the ones before it is an error: such a journal is damaged.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from trading_bot.order_management.book.anomalies import Anomaly, anomaly_of
from trading_bot.order_management.event_details import DoubtDetails, IntentDetails, ReportDetails
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError
from trading_bot.order_management.lifecycle import is_legal
from trading_bot.order_management.models import (
    EXACT,
    ClientOrderId,
    Execution,
    OrderEnvelope,
    OrderState,
    OrderStatus,
    exact_sum,
)
from trading_bot.values import Value, replace

NOTHING = Decimal(0)
_T = TypeVar("_T")


class TrackedOrder(Value, frozen=True, kw_only=True):
    """One order with everything the journal knows of it."""

    envelope: OrderEnvelope
    executions: tuple[Execution, ...] = ()
    cancel_wanted: bool = False
    """A cancel was asked for; for an unresolved order it is fired as soon as the order is found."""
    cancel_of: str | None = None
    """The correlation id of the request that asked for it last."""
    last_transaction_at: datetime | None = None
    filled_at: datetime | None = None
    """When the journal learnt of the latest fill."""
    absent_since: datetime | None = None
    """When the first complete listing began that did not show an unresolved order."""
    surely_there: bool = False
    """The broker said that it has this ``ref_id``: no listing can disprove that."""
    sender_may_live: bool = False
    """A former holder of a shared account recorded no end of the submit, and may be stopped, not dead."""
    anomalies: frozenset[Anomaly] = frozenset()
    """What the broker said that does not fit; each is recorded once."""
    number: int = 0
    """The number of the first journal record of it."""
    instrument_id: str | None = None
    """The broker's id of the instrument: the identity, where a symbol can change."""
    reprices: int = 0
    """How often its time-out has placed it anew."""

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
            return NOTHING
        return max(NOTHING, EXACT.subtract(Decimal(self.envelope.quantity), self.envelope.filled_quantity))

    @property
    def executed_quantity(self) -> Decimal:
        """The sum of the booked executions."""
        return exact_sum(fill.quantity for fill in self.executions)

    @property
    def unbacked_quantity(self) -> Decimal:
        """Shares reported filled whose executions the broker has not listed yet."""
        filled = self.envelope.filled_quantity
        return max(NOTHING, EXACT.subtract(filled, self.executed_quantity)) if filled else NOTHING

    def status(self) -> OrderStatus:
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
            executions_outstanding=self.unbacked_quantity,
            stop_price=envelope.stop_price,
            waits_for_stop=envelope.waits_for_stop,
            awaits_approval=envelope.awaits_approval,
            broker_state=envelope.broker_state,
            state_is_known=envelope.state_is_known,
        )


def fold(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder | None:
    """Return the order after ``record``; None where the record changes no order.

    Raises:
        OrderLogDamagedError: the record cannot follow from what is known.
    """
    change = _FOLDS.get(record.fact.event)
    return change(known, record) if change is not None else None


_Fold = Callable[[TrackedOrder | None, JournalRecord], TrackedOrder | None]


def _intended(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder:
    fact = record.fact
    if known is not None and not is_legal(known.state, OrderState.PENDING_SUBMIT):
        raise _impossible(record, "the client order id was used before")
    try:
        details = IntentDetails.of(fact)
        envelope = OrderEnvelope(
            client_order_id=needed(fact.client_order_id, "client_order_id"),
            ref_id=needed(fact.ref_id, "ref_id"),
            order_id=fact.order_id,
            symbol=needed(fact.symbol, "symbol"),
            side=needed(fact.side, "side"),
            quantity=_whole_shares(needed(fact.quantity, "quantity")),
            limit_price=_positive(needed(fact.limit_price, "limit_price")),
            reference_price=_positive(details.reference_price),
            time_in_force=details.time_in_force,
            extended_hours=details.extended_hours,
            state=OrderState.PENDING_SUBMIT,
            execution_mode=needed(fact.execution_mode, "execution_mode"),
            strategy_name=fact.strategy_name,
            created_at=record.ts,
            correlation_id=fact.correlation_id,
            stop_price=details.stop_price,
        )
    except (KeyError, ValueError, ArithmeticError) as error:
        raise _impossible(record, f"a field is missing or wrong: {error}") from error
    if known is not None and not _is_same_intent(known.envelope, envelope):
        raise _impossible(record, "an order that was not sent is sent again with the same terms or not at all")
    return TrackedOrder(
        envelope=envelope, number=record.seq, instrument_id=details.instrument_id, reprices=details.reprices
    )


def _is_same_intent(before: OrderEnvelope, after: OrderEnvelope) -> bool:
    """Whether both ask for the same order: all but when and by which request, and what became of it."""
    unsent = replace(before, created_at=after.created_at, state=after.state, reason=None, latency_ms=None)
    return after == replace(unsent, symbol_was=after.symbol_was, correlation_id=after.correlation_id)


def _whole_shares(quantity: Decimal) -> int:
    if quantity != quantity.to_integral_value() or quantity < 1:
        raise ValueError(f"{quantity} is no whole number of shares")
    return int(quantity)


def _positive(price: Decimal) -> Decimal:
    if not price > 0:
        raise ValueError(f"{price} is no price")
    return price


def needed(value: _T | None, name: str) -> _T:
    """Return a fact that a record must have.

    Raises:
        KeyError: it has none; the name of the fact.
    """
    if value is None:
        raise KeyError(name)
    return value


def _changed(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder:
    order, fact = _existing(known, record), record.fact
    report = ReportDetails.of(fact)
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
        latency_ms=order.envelope.latency_ms if fact.latency_ms is None else fact.latency_ms,
        broker_state=order.envelope.broker_state if report.broker_state is None else report.broker_state,
        state_is_known=order.envelope.state_is_known if report.broker_state is None else report.state_is_known,
        stop_triggered_at=order.envelope.stop_triggered_at or report.stop_triggered_at,
        approval_awaited_since=None
        if report.ends_approval or state.is_terminal
        else order.envelope.approval_awaited_since,
    )
    return replace(
        order,
        envelope=envelope,
        instrument_id=order.instrument_id or report.instrument_id,
        last_transaction_at=fact.occurred_at or order.last_transaction_at,
        filled_at=record.ts if _is_news_of_a_fill(order.envelope, envelope) else order.filled_at,
    )


def _is_news_of_a_fill(before: OrderEnvelope, after: OrderEnvelope) -> bool:
    ended_filled = after.state is OrderState.FILLED and before.state is not OrderState.FILLED
    return ended_filled or after.filled_quantity > before.filled_quantity


def _filled(order: TrackedOrder, fact: OrderEvent, record: JournalRecord) -> Decimal:
    filled = order.envelope.filled_quantity if fact.filled_quantity is None else fact.filled_quantity
    if filled < order.envelope.filled_quantity and fact.event is not EventKind.EXECUTION_BUSTED:
        raise _impossible(record, "a filled quantity falls only by a bust")
    return filled


def _awaited(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder | None:
    if known is None:
        return None  # the order has left the book; that the account was asked for an approval stays in it
    return replace(known, envelope=replace(known.envelope, approval_awaited_since=record.ts))


def _executed(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder:
    order, fact = _existing(known, record), record.fact
    try:
        fill = Execution(
            execution_id=needed(fact.execution_id, "execution_id"),
            quantity=needed(fact.last_quantity, "last_quantity"),
            price=needed(fact.last_price, "last_price"),
            executed_at=needed(fact.occurred_at, "occurred_at"),
        )
    except (KeyError, ValueError) as error:
        raise _impossible(record, f"a field is missing or wrong: {error}") from error
    if any(fill.execution_id == booked.execution_id for booked in order.executions):
        raise _impossible(record, "the execution was booked before")
    return replace(order, executions=(*order.executions, fill))


def _doubted(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder:
    order = _changed(known, record)
    doubt = DoubtDetails.of(record.fact)
    return replace(
        order,
        surely_there=order.surely_there or doubt.surely_there,
        sender_may_live=order.sender_may_live or doubt.sender_may_live,
    )


def _missed(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder:
    order = _existing(known, record)
    return replace(order, absent_since=order.absent_since or record.fact.occurred_at)


def _busted(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder:
    order = _changed(known, record)
    return replace(
        order, executions=tuple(fill for fill in order.executions if fill.execution_id != record.fact.execution_id)
    )


def _cancel_requested(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder:
    return replace(_changed(known, record), cancel_wanted=True, cancel_of=record.fact.correlation_id)


def _puzzled(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder:
    order = _existing(known, record)
    return replace(order, anomalies=order.anomalies | {anomaly_of(record.fact)})


def _existing(known: TrackedOrder | None, record: JournalRecord) -> TrackedOrder:
    if known is None:
        raise _impossible(record, "no intent of this order stands before it")
    return known


def state_without_cancel(order: TrackedOrder) -> OrderState:
    """Return the state that an order is in once no cancel of it is under way."""
    if order.state is not OrderState.PENDING_CANCEL:
        return order.state
    return OrderState.PARTIALLY_FILLED if order.envelope.filled_quantity else OrderState.CONFIRMED


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
    EventKind.ORDER_OUTCOME_UNKNOWN: _doubted,
    EventKind.ABSENCE_NOTED: _missed,
    EventKind.ORDER_ADOPTED: _changed,
    EventKind.ORDER_PRESUMED_ABSENT: _changed,
    EventKind.ORDER_NEVER_ACCEPTED: _changed,
    EventKind.ORDER_RESOLVED: _changed,
    EventKind.ORDER_UPDATED: _changed,
    EventKind.APPROVAL_AWAITED: _awaited,
    EventKind.EXECUTION_BOOKED: _executed,
    EventKind.EXECUTION_BUSTED: _busted,
    EventKind.CANCEL_REQUESTED: _cancel_requested,
    EventKind.CANCEL_ANSWERED: _changed,
    EventKind.ANOMALY_FOUND: _puzzled,
}

ORDER_KINDS = frozenset(_FOLDS)
"""The kinds of records that change an order."""
