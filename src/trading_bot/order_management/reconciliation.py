"""What a broker's report means for an order on record: evidence in, events out. Pure; a report repeated adds nothing.

Fills come first, then the state: a fill that won a race is never hidden by the cancel that lost it. Filled quantities
fall only by a bust. Whatever does not fit becomes an anomaly with both pieces of evidence, and never a transition.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from trading_bot.order_management.book.anomalies import Anomaly, AnomalyKind
from trading_bot.order_management.book.approvals import begins_to_wait, ends_wait
from trading_bot.order_management.book.freezes import Cause, frozen
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.event_details import FeesDetails, ReportDetails
from trading_bot.order_management.events import EventKind, OrderEvent, about
from trading_bot.order_management.lifecycle import Move, MoveKind, classify
from trading_bot.order_management.models import EXACT, Execution, OrderEnvelope, OrderReport, OrderState, exact_sum
from trading_bot.values import Value, replace

FREEZING: Mapping[AnomalyKind, Cause] = {
    AnomalyKind.TWO_ORDERS: Cause.DUPLICATE_REF_ID,
    AnomalyKind.TERMS_DIFFER: Cause.TERMS_DIFFER,
    AnomalyKind.OVERFILLED: Cause.OVERFILLED,
}
"""The anomalies after which entries in the symbol wait for a person. An exit needs free shares and nothing more."""


def reconcile(
    order: TrackedOrder, report: OrderReport, *, found_as: EventKind = EventKind.ORDER_ADOPTED
) -> tuple[OrderEvent, ...]:
    """Return the events that bring ``order`` up to ``report``, in the order in which they are to be recorded.

    ``found_as`` is the event that ends an unresolved order's doubt: adopted, or accepted where the submit itself was
    answered.
    """
    if (other := _another_order(order, report)) is not None:
        return tuple(_anomalies(order, (other,)))
    found = _Found(
        filled=(filled := filled_quantity(order, report)),
        move=classify(order.state, _consistent_state(order, report, filled)),
        busts=tuple(_busts(order, report)),
    )
    update = _update(order, report, found, found_as)
    problems = [Anomaly(kind=kind, evidence=evidence) for kind, evidence in _oddities(order, report, found)]
    return (
        *(_booking(order, fill, fees=report.fees) for fill in _new_fills(order, report)),
        *found.busts,
        *((update,) if update is not None else ()),
        *begins_to_wait(order, report, has_filled=bool(found.filled)),
        *_anomalies(order, problems),
    )


class _Found(Value, frozen=True, kw_only=True):
    """What one report comes to, worked out once: the shares filled, where the order goes, what was annulled."""

    filled: Decimal
    move: Move
    busts: tuple[OrderEvent, ...]


def overfills(order: TrackedOrder) -> tuple[OrderEvent, ...]:
    """Return what to record of an order that has more fills on record than it has shares, if nothing says so yet.

    A report of them would have said so with them: the record was written by somebody else, or was changed.
    """
    filled = max(order.envelope.filled_quantity, order.executed_quantity)
    if filled <= order.envelope.quantity or any(known.kind is AnomalyKind.OVERFILLED for known in order.anomalies):
        return ()
    return tuple(_anomalies(order, (_overfilled(order, filled),)))


def _overfilled(order: TrackedOrder, filled: Decimal) -> Anomaly:
    evidence = f"more was filled ({filled:f}) than ordered ({order.envelope.quantity})"
    return Anomaly(kind=AnomalyKind.OVERFILLED, evidence=evidence)


def filled_quantity(order: TrackedOrder, report: OrderReport) -> Decimal:
    """Return the shares filled by all the evidence: it never falls, and executions count even where the total lags."""
    if not (order.executions or report.executions):
        return max(order.envelope.filled_quantity, report.cumulative_quantity)
    new_fills = exact_sum(fill.quantity for fill in _new_fills(order, report))
    executed = EXACT.add(order.executed_quantity, new_fills)
    return max(order.envelope.filled_quantity, report.cumulative_quantity, executed)


def reported_state(order: TrackedOrder, report: OrderReport) -> OrderState:
    """Return the report's state, made consistent with its own fills."""
    return _consistent_state(order, report, filled_quantity(order, report))


def _consistent_state(order: TrackedOrder, report: OrderReport, filled: Decimal) -> OrderState:
    if report.state is OrderState.FILLED and filled < order.envelope.quantity:
        return OrderState.PARTIALLY_FILLED if filled else OrderState.CONFIRMED
    if report.state in (OrderState.QUEUED, OrderState.CONFIRMED) and filled:
        return OrderState.PARTIALLY_FILLED if filled < order.envelope.quantity else OrderState.FILLED
    if report.state is OrderState.CONFIRMED and report.awaits_approval:
        return OrderState.QUEUED
    return report.state


def is_duplicate_ref_id(order: TrackedOrder, report: OrderReport) -> bool:
    """Whether the report is of a second order under the ``ref_id`` of one whose broker id is known."""
    known = order.envelope.order_id
    return known is not None and report.order_id != known and report.ref_id == order.envelope.ref_id


def two_orders(order: TrackedOrder, report: OrderReport) -> str:
    """Return what to tell a person about a second order under our ``ref_id``."""
    return (
        f"the broker holds two orders for client order id {order.client_order_id}: {order.envelope.order_id}, which is "
        f"on record, and {report.order_id}, which is cancelled where it still works; compare both and the "
        f"{order.envelope.symbol} position at the broker, then release"
    )


def _is_another_order(order: TrackedOrder, report: OrderReport) -> bool:
    known = order.envelope.order_id
    wrong_id = known is not None and report.order_id != known
    wrong_name = report.ref_id is not None and report.ref_id != order.envelope.ref_id
    return wrong_id or wrong_name


def _new_fills(order: TrackedOrder, report: OrderReport) -> Iterator[Execution]:
    booked = {fill.execution_id for fill in order.executions}
    named_once = {fill.execution_id: fill for fill in report.executions}
    return (fill for execution_id, fill in named_once.items() if execution_id not in booked)


def _booking(order: TrackedOrder, fill: Execution, *, fees: Decimal | None = None) -> OrderEvent:
    return about(
        order.envelope,
        EventKind.EXECUTION_BOOKED,
        execution_id=fill.execution_id,
        last_quantity=fill.quantity,
        last_price=fill.price,
        occurred_at=fill.executed_at,
        details=FeesDetails(fees=fees).as_text(),
    )


def _busts(order: TrackedOrder, report: OrderReport) -> Iterator[OrderEvent]:
    if not report.voided or report.cumulative_quantity >= order.envelope.filled_quantity:
        return
    still_there = {fill.execution_id for fill in report.executions}
    for fill in order.executions:
        if fill.execution_id not in still_there:
            yield replace(
                _booking(order, fill),
                event=EventKind.EXECUTION_BUSTED,
                filled_quantity=report.cumulative_quantity,
                reason="the broker annulled this execution",
            )


def _update(order: TrackedOrder, report: OrderReport, found: _Found, found_as: EventKind) -> OrderEvent | None:
    envelope = order.envelope
    state = found.move.state
    filled = report.cumulative_quantity if found.busts else found.filled
    average = report.average_price or envelope.average_price
    after = (state, filled, average, report.order_id)
    is_news = after != (envelope.state, envelope.filled_quantity, envelope.average_price, envelope.order_id)
    is_news = is_news or (report.stop_triggered_at is not None and envelope.waits_for_stop)
    is_news = is_news or ends_wait(order, report)
    if not is_news and not _is_word_news(envelope, report):
        return None
    kind = found_as if envelope.state.is_unresolved else EventKind.ORDER_UPDATED
    return about(
        envelope,
        kind,
        order_id=report.order_id,
        status=state,
        filled_quantity=filled if filled >= envelope.filled_quantity else None,
        average_price=average,
        occurred_at=report.last_transaction_at,
        reason=report.reject_reason,
        details=_wording(order, report).as_text() | FeesDetails(fees=report.fees if filled else None).as_text(),
    )


def _is_word_news(envelope: OrderEnvelope, report: OrderReport) -> bool:
    # A word that is not understood is on record as it changes: a person decides what it means.
    if envelope.state.is_terminal or (report.state_is_known and envelope.state_is_known):
        return False
    return (report.broker_state, report.state_is_known) != (envelope.broker_state, envelope.state_is_known)


def _wording(order: TrackedOrder, report: OrderReport) -> ReportDetails:
    is_news = order.instrument_id is None and report.symbol == order.envelope.symbol
    return ReportDetails.of_report(report, names_instrument=is_news, ends_approval=ends_wait(order, report))


def _another_order(order: TrackedOrder, report: OrderReport) -> Anomaly | None:
    if is_duplicate_ref_id(order, report):
        return Anomaly(kind=AnomalyKind.TWO_ORDERS, evidence=two_orders(order, report))
    if _is_another_order(order, report):
        evidence = f"the broker answered with another order ({report.order_id}); it was ignored"
        return Anomaly(kind=AnomalyKind.ANOTHER_ORDER, evidence=evidence)
    return None


def _oddities(order: TrackedOrder, report: OrderReport, found: _Found) -> Iterator[tuple[AnomalyKind, str]]:
    envelope = order.envelope
    lasting = report.time_in_force or envelope.time_in_force
    keeps_name = _is_same_instrument(order, report) or not report.symbol_is_known
    symbol = envelope.symbol if keeps_name else report.symbol
    stop_price = report.stop_price_beside(envelope.stop_price)
    terms = (symbol, report.side, report.quantity, report.limit_price, lasting, stop_price)
    quantity = Decimal(envelope.quantity)
    ours = (envelope.symbol, envelope.side, quantity, envelope.limit_price, envelope.time_in_force, envelope.stop_price)
    if terms != ours:
        stop = "" if terms[-1] == ours[-1] else f" with a stop at {stop_price}"
        shown = f"{' '.join(str(term) for term in terms[:-1])}{stop}"
        yield AnomalyKind.TERMS_DIFFER, f"the broker's terms differ from ours: {shown}"
    reported, filled, known = report.cumulative_quantity, found.filled, envelope.filled_quantity
    most = max(reported, exact_sum(fill.quantity for fill in report.executions))
    if most < known and not found.busts:
        yield AnomalyKind.FILLED_WENT_BACK, f"the filled quantity went back from {known:f} to {reported:f}"
    if filled > envelope.quantity:
        overfilled = _overfilled(order, filled)
        yield overfilled.kind, overfilled.evidence
    if report.state is OrderState.FILLED and filled < envelope.quantity:
        yield AnomalyKind.FILLED_WITHOUT_SHARES, f"reported as filled with {reported:f} of {envelope.quantity} shares"
    if not report.state_is_known:
        yield AnomalyKind.UNKNOWN_WORD, f"the broker uses a state word we do not know: {report.broker_state}"
    if report.state_is_known and found.move.kind is MoveKind.CONTRADICTION:
        yield AnomalyKind.AFTER_ITS_END, f"reported as {report.broker_state} after it had ended as {envelope.state}"


def _is_same_instrument(order: TrackedOrder, report: OrderReport) -> bool:
    return order.instrument_id is not None and order.instrument_id == report.instrument_id


def _anomalies(order: TrackedOrder, problems: Iterable[Anomaly]) -> Iterator[OrderEvent]:
    for problem in problems:
        if problem in order.anomalies:
            continue
        yield problem.event(order.envelope)
        cause = FREEZING.get(problem.kind)
        if cause is not None:
            yield frozen(order.envelope.symbol, cause, problem.evidence)
