"""A recorded quotes file of the paper market, one JSON object a line."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.fuzz.bounds import check_message
from trading_bot.paper.quotes import QuoteFileError, ReplayQuotes


class QuoteFile:
    """Each quote that is taken is one that a market can show."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "quotes.jsonl"

    def __call__(self, data: bytes) -> str:
        """Read the file as a paper start does."""
        self._file.write_bytes(data)
        try:
            quotes = ReplayQuotes.from_file(self._file)
        except QuoteFileError as error:
            check_message(str(error))
            return "refused"
        end = datetime.max.replace(tzinfo=UTC)
        for quote in quotes.updates("AAPL", quotes.first_at - timedelta(0), end):
            assert 0 < quote.bid <= quote.ask, "an impossible market"
            assert quote.bid.is_finite()
            assert quote.ask.is_finite()
            assert abs(quote.bid.adjusted()) + abs(quote.ask.adjusted()) <= 64, "a price without bounds"
        return "read"
