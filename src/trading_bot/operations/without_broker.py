"""What the journal alone can answer, for when the broker cannot be read."""

from trading_bot.operations.command import Command
from trading_bot.operations.order_commands import ListOrders, PlaceOrder, ShowStatus
from trading_bot.order_json import JsonObject, orders_json, status_json, trade_result_json
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.models import ClientOrderId, OrderState
from trading_bot.order_management.order_store import OrderStore
from trading_bot.trades import duplicate_trade


def answer_on_record(command: Command, store: OrderStore, *, problem: str) -> JsonObject | None:
    """Return the journal's answer, with ``problem``: why it is not the broker's. None where the journal has none.

    The order of a known id is what a repeated request for it is answered with; an order that was provably not sent is
    none, since the same id may be sent again.
    """
    with store.open_book() as book:
        match command:
            case ListOrders(all=everything):
                listed = book.orders() if everything else book.active()
                known = orders_json(order.envelope for order in listed)
                return {**known, "complete": False, "journal_ok": store.failure is None, "problem": problem}
            case ShowStatus(id=name):
                order = book.by_either_id(name)
                return None if order is None else {**status_json(order.status()), "problem": problem}
            case PlaceOrder():
                return _standing(command, book)
            case _:
                return None


def _standing(command: PlaceOrder, book: OrderBook) -> JsonObject | None:
    order = None if command.client_order_id is None else book.get(ClientOrderId(command.client_order_id))
    if order is None or order.state is OrderState.NOT_SENT:
        return None
    ours = order.envelope
    is_same = (ours.symbol, ours.side, ours.quantity) == (command.symbol, command.side, command.quantity)
    return trade_result_json(duplicate_trade(ours)) if is_same else None
