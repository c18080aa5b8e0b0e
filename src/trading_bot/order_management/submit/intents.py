"""The intent of an order: what is written down before a byte of it leaves, and when it may be the same order again."""

from decimal import Decimal

from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.event_details import IntentDetails
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderValidationError
from trading_bot.order_management.models import ClientOrderId, ExecutionMode, OrderEnvelope, OrderState, OrderTerms
from trading_bot.order_management.outcomes import PreparedOrder
from trading_bot.order_management.ports import ArmingId
from trading_bot.values import Value, replace


class Replaced(Value, frozen=True, kw_only=True):
    """The order that a new one takes the place of."""

    client_order_id: ClientOrderId
    reprices: int = 0
    """How often the time-out of an entry has placed it anew, this time included."""


def intent_of(
    client_order_id: ClientOrderId,
    prepared: PreparedOrder,
    *,
    reference_price: Decimal,
    strategy_name: str | None,
    mode: ExecutionMode,
    correlation_id: str | None = None,
    replaces: Replaced | None = None,
    reason: str | None = None,
    review: str | None = None,
) -> OrderEvent:
    """Return the event that states everything about an order before it is sent; ``replaces`` is FIX tag 41.

    ``reason`` is why it was asked for, in the caller's words; ``review`` what the broker's review objected to.
    """
    terms = prepared.terms
    return OrderEvent(
        event=EventKind.ORDER_INTENDED,
        client_order_id=client_order_id,
        correlation_id=correlation_id,
        ref_id=prepared.ref_id,
        symbol=terms.symbol,
        side=terms.side,
        quantity=Decimal(terms.quantity),
        limit_price=terms.limit_price,
        execution_mode=mode,
        strategy_name=strategy_name,
        reason=reason,
        details=IntentDetails(
            reference_price=reference_price,
            time_in_force=terms.time_in_force,
            extended_hours=terms.extended_hours,
            body_sha256=prepared.digest,
            replaces=None if replaces is None else replaces.client_order_id,
            reprices=0 if replaces is None else replaces.reprices,
            instrument_id=prepared.instrument_id,
            stop_price=terms.stop_price,
            review=review,
        ).as_text(),
    )


def may_go_again(order: OrderEnvelope, terms: OrderTerms) -> bool:
    """Whether an order on record was provably not sent, and ``terms``, priced or not priced yet, are its own."""
    ours = (order.symbol, order.side, order.quantity, order.time_in_force, order.extended_hours)
    theirs = (terms.symbol, terms.side, terms.quantity, terms.time_in_force, terms.extended_hours)
    is_price = terms.limit_price in (order.limit_price, order.reference_price)
    is_price = is_price and (terms.stop_price is None) == (order.stop_price is None)
    return order.state is OrderState.NOT_SENT and ours == theirs and is_price


def is_to_go_again(order: OrderEnvelope, terms: OrderTerms) -> bool:
    """Whether these priced terms are to the cent those of an order on record that was provably not sent."""
    prices = (order.limit_price, order.stop_price)
    return may_go_again(order, terms) and (terms.limit_price, terms.stop_price) == prices


def again(intent: OrderEvent, order: OrderEnvelope) -> OrderEvent:
    """Return the intent as that of the order on record: who asks for it again changes nothing about it."""
    details = replace(IntentDetails.of(intent), reference_price=order.reference_price)
    return replace(intent, strategy_name=order.strategy_name, details=details.as_text())


def under_arming(intent: OrderEvent, arming: ArmingId | None) -> OrderEvent:
    """Return the intent with the arming under which it was decided, where there is one."""
    if arming is None:
        return intent
    return replace(intent, details=IntentDetails.under_arming(intent.details, arming))


def refuse_reuse(order: TrackedOrder, terms: OrderTerms) -> None:
    """Refuse an id that stands for an order of another symbol, side, quantity or type.

    Raises:
        OrderValidationError: it does.
    """
    ours = order.envelope
    is_stop = ours.stop_price is not None
    theirs = (terms.symbol, terms.side, terms.quantity, terms.stop_price is not None)
    if (ours.symbol, ours.side, ours.quantity, is_stop) == theirs:
        return
    stop = f" with a stop at {ours.stop_price}" if is_stop else ""
    raise OrderValidationError(
        f"client order id {ours.client_order_id} already stands for {ours.side} {ours.quantity} {ours.symbol}{stop}; "
        "use a new id for a new order",
        client_order_id=ours.client_order_id,
        symbol=terms.symbol,
        code="client_order_id_reused",
    )
