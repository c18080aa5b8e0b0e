"""Whether a person may say that an order in doubt is a certain order at the broker."""

from decimal import Decimal

from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.exceptions import OrderValidationError
from trading_bot.order_management.models import OrderReport
from trading_bot.order_management.sync.foreign import CREATED_BEFORE_FIRST_BYTE


def refuse_unless_found(order: TrackedOrder, report: OrderReport, *, holder: TrackedOrder | None) -> None:
    """Refuse another order than ours: it has our ``ref_id``, or it names none and has all our terms.

    ``holder`` is the order on record that has the broker's id already, if there is one.

    Raises:
        OrderValidationError: it is another one.
    """
    if report.ref_id == order.envelope.ref_id:
        return
    if report.ref_id is not None:
        problem = "it has another ref_id"
    elif holder is not None and holder.client_order_id != order.client_order_id:
        problem = f"it is order {holder.client_order_id}"
    elif not _has_our_terms(order, report):
        problem = "it names no ref_id, and differs in its terms or was made before"
    else:
        return
    raise OrderValidationError(
        f"the broker's order {report.order_id} is not {order.client_order_id}: {problem}; check the id",
        client_order_id=order.client_order_id,
        order_id=report.order_id,
    )


def _has_our_terms(order: TrackedOrder, report: OrderReport) -> bool:
    ours = order.envelope
    symbol = report.symbol if report.symbol_is_known else ours.symbol
    lasting = report.time_in_force or ours.time_in_force
    stop_price = report.stop_price_beside(ours.stop_price)
    shown = (symbol, report.side, report.quantity, report.limit_price, lasting, stop_price)
    wanted = (ours.symbol, ours.side, Decimal(ours.quantity), ours.limit_price, ours.time_in_force, ours.stop_price)
    made_at = report.created_at
    return shown == wanted and (made_at is None or made_at >= ours.created_at - CREATED_BEFORE_FIRST_BYTE)
