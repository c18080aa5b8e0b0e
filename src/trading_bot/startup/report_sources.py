"""Reads what a report is made of: the journal, the trade log and recorded quotes. Nothing is locked or written."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from trading_bot.clock import Clock
from trading_bot.config import Config
from trading_bot.logging.rotated_file import EARLIER_FILES
from trading_bot.order_management.journal.port import JournalReader
from trading_bot.paper.quotes import ReplayQuotes
from trading_bot.report.figures import Sources
from trading_bot.report.history import History, history_of
from trading_bot.report.prices import Quote, RecordedPrices
from trading_bot.report.trade_log import trade_log_of
from trading_bot.results.on_record import every_record

_TRADES_FILE = "trades.jsonl"
_BEGIN, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def report_sources(config: Config, reader: JournalReader, *, quotes_file: Path | None, clock: Clock) -> Sources:
    """Return the sources of the account's report.

    Raises:
        OrderLogError: the journal cannot be read.
        OrderLogDamagedError: a record's hash is wrong, or the records tell an impossible story.
        QuoteFileError: the recorded quotes cannot be used.
    """
    history = history_of(every_record(reader))
    hours = config.trading.market_hours
    return Sources(
        history=history,
        quotes=_recorded(quotes_file, history) if quotes_file is not None else RecordedPrices(),
        trades=trade_log_of(_lines(config.logs_dir / _TRADES_FILE), mode=config.trading.mode),
        close_of=lambda moment, extended: hours.close_after(moment, extended_hours=extended),
        now=clock.now(),
    )


def _recorded(file: Path, history: History) -> RecordedPrices:
    market = ReplayQuotes.from_file(file)
    symbols = {order.envelope.symbol for order in history.tracked}
    return RecordedPrices(
        {
            symbol: [
                Quote(at=each.at, bid=each.bid, ask=each.ask, halted=each.halted)
                for each in market.updates(symbol, _BEGIN, _END)
            ]
            for symbol in symbols
        }
    )


def _lines(log: Path) -> Iterator[str]:
    """Yield the lines of the trade log, those of its earlier files first; a file that is not there has none."""
    earlier = (log.with_name(f"{log.name}.{number}") for number in range(EARLIER_FILES, 0, -1))
    for file in (*earlier, log):
        with suppress(FileNotFoundError), file.open(encoding="utf-8", errors="replace") as lines:
            yield from lines
