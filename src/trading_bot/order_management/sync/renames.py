"""A symbol that changed its name: the broker's instrument id says that it is the same instrument."""

from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.position_watch import instrument_named
from trading_bot.order_management.order_store import OrderStore


def can_be_renamed(book: OrderBook, instrument_id: str, symbol: str) -> bool:
    """Whether no other instrument goes by this symbol on record, whose shares would be mixed with these."""
    return book.positions.instrument_of(symbol) in (None, instrument_id)


def note_name(
    store: OrderStore, book: OrderBook, *, instrument_id: str | None, symbol: str, was: str | None = None
) -> None:
    """Record what an instrument is called now, where that is news; ``was`` is its name on record, if it has none yet.

    Position, cost, orders and freezes of the old name go on under the new one. ``book`` is the store's, opened.
    """
    if instrument_id is None:
        return
    on_record = book.positions.symbol_of(instrument_id)
    known = on_record or was
    if on_record != symbol and can_be_renamed(book, instrument_id, symbol):
        store.record_fact(instrument_named(symbol, instrument_id, was=None if known == symbol else known))
