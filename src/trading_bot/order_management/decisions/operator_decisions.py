"""What a named person may decide where evidence does not. A decision is checked as far as possible, and recorded."""

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal

from trading_bot.order_management.book.acceptances import acceptance_event, parse_ratio, refuse_unlike
from trading_bot.order_management.book.carrying import carried_events
from trading_bot.order_management.book.freezes import Cause, ended
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.position_watch import NOTHING, in_words, with_instrument
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.client_ids import bears_our_mark
from trading_bot.order_management.context import InFlight, OrderContext, order_on_record
from trading_bot.order_management.decisions.accepting import position_named, refuse_if_moved
from trading_bot.order_management.decisions.ended_by_hand import (
    ended_by_hand,
    refuse_unless_puzzling,
    refuse_unless_working,
)
from trading_bot.order_management.decisions.found_order import refuse_unless_found
from trading_bot.order_management.decisions.freeze_decisions import THE_ACCOUNT, FreezeDecisions
from trading_bot.order_management.event_details import DecisionDetails
from trading_bot.order_management.events import EventKind, OrderEvent, about
from trading_bot.order_management.exceptions import OrderNotFoundError, OrderStatusError, OrderValidationError
from trading_bot.order_management.models import (
    ClientOrderId,
    OrderEnvelope,
    OrderId,
    OrderReport,
    OrderState,
)
from trading_bot.order_management.sync.alarms import shows_unjournaled
from trading_bot.order_management.sync.positions import Holdings
from trading_bot.order_management.sync.round import problem_of
from trading_bot.order_management.sync.synchronizer import Synchronizer

LONGEST_REASON = 500
_LONGEST_NAME = 64


class Resolution(enum.StrEnum):
    """How a person ends the doubt about an order."""

    NEVER_ACCEPTED = "never_accepted"  # the broker does not have it and never will
    FOUND = "found"  # the broker has it under this order id
    CANCELLED = "cancelled"  # it ended at the broker, with what it has filled
    FILLED = "filled"  # it ended at the broker, with every share filled


_ENDS = {Resolution.CANCELLED: OrderState.CANCELLED, Resolution.FILLED: OrderState.FILLED}


class OperatorDecisions:
    """Takes decisions of people. Every method needs who decided (``by``) and why (``reason``)."""

    def __init__(
        self, context: OrderContext, *, synchronizer: Synchronizer, holdings: Holdings | None, in_flight: InFlight
    ) -> None:
        self._gateway = context.gateway
        self._store = context.store
        self._request = context.request
        self._mode = context.identity.mode
        self._freezes = FreezeDecisions(store=context.store, clock=context.clock)
        self._synchronizer = synchronizer
        self._holdings = holdings
        self._in_flight = in_flight

    def resolve(
        self, client_order_id: str, *, as_: Resolution, by: str, reason: str, order_id: str | None = None
    ) -> OrderEnvelope:
        """End the doubt about an unresolved order.

        ``never_accepted`` still asks the broker first and holds only where a complete listing does not show the order;
        ``found`` names the broker's ``order_id``, which must have the order's own ``ref_id``, or none and its terms.
        ``cancelled`` and ``filled`` end an order that the broker does not know any more, or shows under a word that is
        not understood.

        Raises:
            OrderNotFoundError: no order of that id is in the journal, or the broker has none of ``order_id``.
            OrderValidationError: the order is not in doubt, or the broker says otherwise.
            OrderStatusError: the broker could not be read, so nothing was decided.
        """
        with self._decided(by, reason):
            if as_ in _ENDS:
                return self._resolve_ended(client_order_id, _ENDS[as_], by=by, reason=reason)
            order = self._in_doubt(client_order_id)
            if as_ is Resolution.FOUND:
                self._resolve_found(order, order_id, by=by, reason=reason)
            else:
                self._resolve_absent(order, by=by, reason=reason)
            with self._store.open_book() as book:
                return (book.get(order.client_order_id) or order).envelope

    def adopt(self, order_id: str, *, by: str, reason: str) -> OrderEnvelope:
        """Track an order of ours that the journal does not know; trading resumes once no other is open.

        What had filled before is taken as part of the positions: the difference, if any, freezes the symbol.

        Raises:
            OrderValidationError: it is known, is not ours, or says too little to be tracked.
            OrderNotFoundError, OrderStatusError: the broker could not show it.
        """
        with self._decided(by, reason):
            report = self._gateway.fetch_order_status(OrderId(order_id))
            with self._store.open_book() as book:
                unjournaled = self._as_tracked(book, report)
                self._store.record_facts(carried_events(unjournaled))
                self._store.record_fact(_decision(unjournaled.envelope, "adopted", by=by, reason=reason))
            self._resume_without_unjournaled(by=by, reason=reason)
            return unjournaled.envelope

    def release(self, symbol: str, *, by: str, reason: str) -> None:
        """Trade a frozen symbol again; a halt because of two orders for one of this symbol ends with it.

        Raises:
            OrderValidationError: it is not frozen, or it is for its position, which has to be accepted instead.
        """
        with self._decided(by, reason):
            self._freezes.release(symbol, by=by, reason=reason)

    def resume(self, symbol: str | None, *, by: str, reason: str) -> tuple[str, ...]:
        """Take entries again after an exit: of ``symbol``, or with None everywhere; return what was resumed.

        With None and nothing else to resume, a halt over an order that has our mark and is not in the journal ends,
        once the broker's list shows no such order any more.

        Raises:
            OrderValidationError: nothing there waits for it.
        """
        with self._decided(by, reason):
            try:
                return self._freezes.resume(symbol, by=by, reason=reason)
            except OrderValidationError:
                if symbol is None and self._resume_without_unjournaled(by=by, reason=reason):
                    return (THE_ACCOUNT,)
                raise

    def accept_position(self, symbol: str, *, by: str, reason: str, ratio: str | None = None) -> Decimal:
        """Take the broker's position of a symbol as ours from now on, and return it.

        ``ratio`` says that a split made it, as ``10:1`` or ``1:8``: the total cost stays. Without one, the cost of the
        shares is unknown from there on where their number is another one.

        Raises:
            OrderValidationError: that is no symbol; an order on it has not ended, whose fills could count twice; the
                position is short; or the ratio does not lead to it within less than one share.
            OrderStatusError: the positions could not be read.
        """
        with self._decided(by, reason):
            holdings = self._holdings
            if holdings is None:
                raise OrderStatusError("this manager reads no positions; give it the account to read them from")
            split = None if ratio is None else parse_ratio(ratio, symbol=symbol)
            look = holdings.look()
            with self._store.open_book() as book:
                symbol = position_named(symbol, look, book)
            self._refuse_while_open(symbol)
            quantity = look.held.get(symbol, NOTHING)
            if quantity < 0:
                raise OrderValidationError(
                    f"{symbol}: the account is {in_words(quantity.copy_negate())} shares short; "
                    "cover that at the broker first",
                    symbol=symbol,
                )
            with self._store.open_book() as book:
                self._refuse_while_open(symbol)
                refuse_if_moved(book, symbol, look)
                before = book.expected_positions().get(symbol, NOTHING)
                if split is not None:
                    refuse_unlike(split, symbol=symbol, before=before, held=quantity)
                accepted = acceptance_event(symbol, quantity, before=before, ratio=split, by=by, reason=reason)
                instrument_id = look.instruments.get(symbol)
                self._store.record_fact(with_instrument(accepted, instrument_id))
                self._end_what_the_position_caused(book, symbol, by=by, reason=reason)
                holdings.accept(symbol, quantity)
            return quantity

    @contextmanager
    def _decided(self, by: str, reason: str) -> Iterator[None]:
        _refuse_nameless(by, reason)
        with self._request():
            yield

    def _resolve_ended(self, client_order_id: str, state: OrderState, *, by: str, reason: str) -> OrderEnvelope:
        order = self._on_record(client_order_id)
        refuse_unless_working(order)
        try:
            report = self._gateway.fetch_order_status(OrderId(str(order.envelope.order_id)))
        except OrderNotFoundError:
            self._synchronizer.note_vanished(order)
        else:
            self._synchronizer.apply(order.client_order_id, report)
            refuse_unless_puzzling(order, report)
        with self._store.open_book():
            order = self._on_record(order.client_order_id)
            refuse_unless_working(order)
            self._store.record_fact(ended_by_hand(order, state, by=by, reason=reason))
            return self._on_record(order.client_order_id).envelope

    def _on_record(self, identifier: str) -> TrackedOrder:
        return order_on_record(self._store, identifier)

    def _in_doubt(self, client_order_id: str) -> TrackedOrder:
        order = self._on_record(client_order_id)
        is_settling = order.state is OrderState.PENDING_SUBMIT or order.client_order_id in self._in_flight
        if order.state.is_unresolved and not is_settling:
            return order
        remedy = "wait for its answer" if is_settling else "there is no doubt to end"
        raise OrderValidationError(
            f"order {order.client_order_id} is {order.state}; {remedy}", client_order_id=order.client_order_id
        )

    def _resolve_found(self, order: TrackedOrder, order_id: str | None, *, by: str, reason: str) -> None:
        if order_id is None:
            raise OrderValidationError("name the broker's order id under which it was found")
        report = self._gateway.fetch_order_status(OrderId(order_id))
        with self._store.open_book() as book:
            refuse_unless_found(order, report, holder=book.by_order_id(report.order_id))
            decision = _decision(order.envelope, Resolution.FOUND.value, by=by, reason=reason)
            self._store.record_fact(replace(decision, order_id=report.order_id))
            self._synchronizer.apply(order.client_order_id, report)

    def _resolve_absent(self, order: TrackedOrder, *, by: str, reason: str) -> None:
        if (until := self._synchronizer.may_be_on_its_way(order)) is not None:
            raise OrderStatusError(
                f"order {order.client_order_id} may still be on its way to the broker; nothing was decided: look again "
                f"after {until:%H:%M:%S} UTC",
                client_order_id=order.client_order_id,
            )
        problem = self._synchronizer.search(order)
        found = self._on_record(order.client_order_id)
        if found.envelope.order_id is not None:
            raise OrderValidationError(
                f"the broker has order {order.client_order_id} as {found.envelope.order_id}; it is tracked from now on",
                client_order_id=order.client_order_id,
                order_id=found.envelope.order_id,
            )
        if problem is not None:
            raise OrderValidationError(
                f"{problem}; look at it in the broker's app, then resolve order {order.client_order_id} as found with "
                "its order id, or end it there",
                client_order_id=order.client_order_id,
            )
        with self._store.open_book():
            self._in_doubt(order.client_order_id)
            decision = _decision(order.envelope, Resolution.NEVER_ACCEPTED.value, by=by, reason=reason)
            self._store.record_fact(replace(decision, status=OrderState.NEVER_ACCEPTED))

    def _as_tracked(self, book: OrderBook, report: OrderReport) -> TrackedOrder:
        ref_id = report.ref_id
        if ref_id is None or not bears_our_mark(ref_id):
            raise OrderValidationError(
                f"order {report.order_id} does not have our mark, so it is not ours to track", order_id=report.order_id
            )
        known = book.by_ref_id(ref_id) or book.by_order_id(report.order_id)
        if known is not None:
            raise OrderValidationError(
                f"order {report.order_id} is in the journal as {known.client_order_id}; nothing is to be adopted",
                client_order_id=known.client_order_id,
                order_id=report.order_id,
            )
        whole = report.quantity == report.quantity.to_integral_value()
        if report.limit_price is None or report.time_in_force is None or report.created_at is None or not whole:
            raise OrderValidationError(
                f"order {report.order_id} is no limit order of whole shares; end it at the broker",
                order_id=report.order_id,
            )
        return TrackedOrder(
            envelope=OrderEnvelope(
                client_order_id=ClientOrderId(f"adopted-{report.order_id}"),
                ref_id=ref_id,
                order_id=report.order_id,
                symbol=report.symbol,
                side=report.side,
                quantity=int(report.quantity),
                limit_price=report.limit_price,
                reference_price=report.limit_price,
                time_in_force=report.time_in_force,
                extended_hours=False,
                state=report.state,
                execution_mode=self._mode,
                strategy_name=None,
                created_at=report.created_at,
                filled_quantity=report.cumulative_quantity,
                average_price=report.average_price,
                stop_price=report.stop_price,
                stop_triggered_at=report.stop_triggered_at,
            ),
            executions=report.executions,
            last_transaction_at=report.last_transaction_at,
        )

    def _resume_without_unjournaled(self, *, by: str, reason: str) -> bool:
        """End the halt over orders that the journal does not know, if none is open; whether that was done."""
        with self._store.open_book() as book:
            if not book.is_halted_for(Cause.UNJOURNALED):
                return False
        listing = self._gateway.list_open_orders()
        with self._store.open_book() as book:
            halts = [freeze for freeze in book.freezes() if freeze.cause is Cause.UNJOURNALED]
            if problem_of(listing) is not None or shows_unjournaled(book, listing):
                return False
            self._store.record_facts(ended(halt, by=by, reason=reason) for halt in halts)
        return bool(halts)

    def _refuse_while_open(self, symbol: str) -> None:
        with self._store.open_book() as book:
            pending = next((order for order in book.active() if order.envelope.symbol == symbol), None)
        if pending is not None:
            raise OrderValidationError(
                f"{symbol}: order {pending.client_order_id} is {pending.state} and may move the position; cancel it or "
                "wait for its end, then accept the position",
                symbol=symbol,
                client_order_id=pending.client_order_id,
            )

    def _end_what_the_position_caused(self, book: OrderBook, symbol: str, *, by: str, reason: str) -> None:
        caused = (
            freeze
            for freeze in book.freezes(symbol=symbol)
            if freeze.symbol is not None and freeze.cause in {Cause.DRIFT, Cause.NEGATIVE_POSITION}
        )
        self._store.record_facts(ended(freeze, by=by, reason=reason) for freeze in tuple(caused))


def _refuse_nameless(by: str, reason: str) -> None:
    for name, text, longest in (("by", by, _LONGEST_NAME), ("reason", reason, LONGEST_REASON)):
        if not text.strip() or len(text) > longest or not text.isprintable():
            raise OrderValidationError(
                f"{name} is 1 to {longest} printable characters: a decision needs a name and a reason",
                code="nameless_decision",
            )


def _decision(envelope: OrderEnvelope, word: str, *, by: str, reason: str) -> OrderEvent:
    return replace(
        about(envelope, EventKind.ORDER_RESOLVED),
        reason=reason,
        details=DecisionDetails(decision=word, by=by).as_text(),
    )
