"""Which position a person means to accept, and when a reading of it cannot be accepted."""

from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.position_watch import NOTHING, Look
from trading_bot.order_management.calculator import validate_symbol
from trading_bot.order_management.exceptions import OrderStatusError, OrderValidationError


def position_named(name: str, look: Look, book: OrderBook) -> str:
    """Return the symbol that a person means by a symbol, an odd name of the broker's, or an instrument id.

    Raises:
        OrderValidationError: that is no symbol, or the position cannot be read.
    """
    by_id = {instrument_id: symbol for symbol, instrument_id in look.instruments.items()}
    symbol = by_id.get(name, name)
    here = look.unread_row(symbol, look.instruments.get(symbol) or book.positions.instrument_of(symbol))
    row = here or next((row for row in look.unread if name in (row.name, row.symbol, row.instrument_id)), None)
    if row is not None:
        raise OrderValidationError(
            f"the broker's position in {row.name} cannot be read ({row.problem}), so there is nothing to accept; it is "
            "neither bought nor sold here",
            symbol=symbol,
        )
    is_known = symbol in look.held or symbol in look.expected or book.freeze_fact(symbol) is not None
    return symbol if is_known else validate_symbol(symbol)


def refuse_if_moved(book: OrderBook, symbol: str, look: Look) -> None:
    """Refuse a reading during which or since which shares were booked.

    Raises:
        OrderStatusError: with the remedy.
    """
    expected = book.expected_positions().get(symbol, NOTHING)
    if symbol in look.moved or expected != look.expected.get(symbol, NOTHING):
        raise OrderStatusError(
            f"{symbol}: shares were booked while the position was being read, and could count twice; nothing was "
            "accepted: look at the position and try again",
            symbol=symbol,
        )
