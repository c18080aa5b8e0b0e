"""The paper market's bars as the broker writes them."""

from collections.abc import Iterable
from decimal import Decimal

from trading_bot.paper.bars import PaperBar
from trading_bot.paper.state import instrument_id_of
from trading_bot.paper.tickets import BASE_URL
from trading_bot.paper.wire_pages import instrument_url, wire_time


def history_page(symbol: str, bars: Iterable[PaperBar], *, interval: str, span: str) -> dict[str, object]:
    """Return the bars of a symbol; the exchange shows no trades of others, so there is no volume."""
    return {
        "quote": f"{BASE_URL}/quotes/{instrument_id_of(symbol)}/",
        "symbol": symbol,
        "interval": interval,
        "span": span,
        "bounds": "regular",
        "instrument": instrument_url(symbol),
        "InstrumentID": instrument_id_of(symbol),
        "historicals": [
            {
                "begins_at": f"{wire_time(bar.begins_at)[:19]}Z",
                "open_price": _price(bar.open),
                "close_price": _price(bar.close),
                "high_price": _price(bar.high),
                "low_price": _price(bar.low),
                "volume": None,
                "session": "reg",
                "interpolated": bar.interpolated,
            }
            for bar in bars
        ],
    }


def _price(dollars: Decimal) -> str:
    return f"{dollars:.6f}"
