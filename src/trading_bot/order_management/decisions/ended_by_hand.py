"""When a named person may say that an order has ended, and what is put on record then.

The broker is asked first. Only an order that it does not know any more, or that it shows under a word which we do not
understand, is ended on a person's word.
"""

from dataclasses import replace
from decimal import Decimal

from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.event_details import DecisionDetails
from trading_bot.order_management.events import EventKind, OrderEvent, about
from trading_bot.order_management.exceptions import OrderValidationError
from trading_bot.order_management.models import OrderReport, OrderState


def refuse_unless_working(order: TrackedOrder) -> None:
    """Raise where there is no order at the broker that could have ended.

    Raises:
        OrderValidationError: with the remedy.
    """
    if order.state.is_working and order.envelope.order_id is not None:
        return
    remedy = "it has ended already" if order.state.is_terminal else "resolve it as found or never_accepted"
    raise OrderValidationError(
        f"order {order.client_order_id} is {order.state}; {remedy}", client_order_id=order.client_order_id
    )


def refuse_unless_puzzling(order: TrackedOrder, report: OrderReport) -> None:
    """Raise where the broker says in a word that we know what has become of the order.

    Raises:
        OrderValidationError: with the broker's word.
    """
    if not report.state_is_known:
        return
    remedy = "cancel it" if report.state.is_working else "it is booked, nothing is to be resolved"
    raise OrderValidationError(
        f"the broker shows order {order.client_order_id} as {report.broker_state}; {remedy}",
        client_order_id=order.client_order_id,
        order_id=report.order_id,
    )


def ended_by_hand(order: TrackedOrder, state: OrderState, *, by: str, reason: str) -> OrderEvent:
    """Return the record of a person's decision that an order was filled, or cancelled with what it has filled."""
    filled = Decimal(order.envelope.quantity) if state is OrderState.FILLED else None
    return replace(
        about(order.envelope, EventKind.ORDER_RESOLVED),
        status=state,
        filled_quantity=filled,
        reason=reason,
        details=DecisionDetails(decision=state.value, by=by).as_text(),
    )
