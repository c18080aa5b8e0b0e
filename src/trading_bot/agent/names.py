"""Names of instruments, as rows give them along with an instrument's id."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from trading_bot.market_hours import NYSE_ZONE
from trading_bot.robinhood.fields import shown_symbol
from trading_bot.robinhood.order_rows import order_instrument
from trading_bot.robinhood.symbols import KnownName, SymbolTable


def learn_names(table: SymbolTable, rows: Iterable[object], *, now: datetime) -> None:
    """Keep each name that rows of orders give to an instrument, where it is news. Never raises."""
    today = now.astimezone(ZoneInfo(NYSE_ZONE)).date()
    said = {
        instrument_id: symbol
        for row in rows
        if isinstance(row, dict)
        and (instrument_id := order_instrument(row)) is not None
        and (symbol := shown_symbol(row.get("symbol"))) is not None
    }
    news = {instrument_id: symbol for instrument_id, symbol in said.items() if table.get(instrument_id) != symbol}
    table.remember({each: KnownName(symbol=symbol, is_active=None, seen_on=today) for each, symbol in news.items()})
