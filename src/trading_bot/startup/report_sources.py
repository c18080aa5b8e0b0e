"""Reads what a report is made of: the journal, the trade log and recorded quotes. Nothing is locked or written."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

from trading_bot.clock import Clock
from trading_bot.config import Config
from trading_bot.logging.last_refusals import TRADES_FILE
from trading_bot.logging.rotated_file import EARLIER_FILES
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.journal.port import JournalReader
from trading_bot.paper.quotes import QuoteFileError, QuoteFileUnreadableError, ReplayQuotes
from trading_bot.report.figures import Sources
from trading_bot.report.history import History, history_of
from trading_bot.report.prices import Quote, RecordedPrices
from trading_bot.report.trade_log import trade_log_of
from trading_bot.results.on_record import every_record

_QUOTES_FOLDER = "quotes"
"""Where a paper account that trades at live quotes records them, a file a day."""

_log = get_logger(__name__)
_MOST_ODD_LINES = 20
"""So many lines of a day may be of no use. Chosen: each makes the day be read again."""

_BEGIN, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def report_sources(
    config: Config, reader: JournalReader, *, quotes_file: Path | None, since: datetime | None, clock: Clock
) -> Sources:
    """Return the sources of the account's report: quotes of ``quotes_file``, else those recorded in the logs folder.

    Raises:
        OrderLogError: the journal cannot be read.
        OrderLogDamagedError: a record's hash is wrong, or the records tell an impossible story.
        QuoteFileError: the recorded quotes cannot be used.
    """
    history = history_of(every_record(reader))
    hours = config.trading.market_hours
    symbols = {order.envelope.symbol for order in history.tracked}
    if quotes_file is not None:
        markets = [ReplayQuotes.from_file(quotes_file)]
    else:
        markets = list(_recorded(config.logs_dir / _QUOTES_FOLDER, _days(history, since), symbols))
    return Sources(
        history=history,
        quotes=_prices(markets, symbols),
        trades=trade_log_of(_lines(config.logs_dir / TRADES_FILE), mode=config.trading.mode),
        close_of=lambda moment, extended: hours.close_after(moment, extended_hours=extended),
        now=clock.now(),
    )


def _days(history: History, since: datetime | None) -> tuple[date, date]:
    """Return the first and the last day of the period, in UTC."""
    first, last = since or history.first_at or _END, history.last_at or _BEGIN
    return first.astimezone(UTC).date(), last.astimezone(UTC).date()


def _recorded(folder: Path, days: tuple[date, date], symbols: Collection[str]) -> Iterator[ReplayQuotes]:
    """Yield what was recorded on each day of the period; an account that records none has no such folder."""
    marks = tuple(f'"symbol":"{symbol}"' for symbol in symbols)
    for file in sorted(folder.glob("????-??-??.jsonl")):
        if days[0].isoformat() <= file.stem <= days[1].isoformat() and (lines := list(_whole_lines(file, marks))):
            yield from _usable(lines, file.name)


def _usable(lines: list[str], name: str) -> Iterator[ReplayQuotes]:
    """Yield a day without the few lines that cannot be used: what a crash left is no reason for no report."""
    for _ in range(_MOST_ODD_LINES):
        try:
            market = ReplayQuotes(lines, name=name)
        except QuoteFileError as error:
            odd = max(0, error.line_number - 1)
            _log.warning(
                "recorded_quote_left_out", problem=f"a line of {name} cannot be used: {ascii(lines[odd])[:80]}"
            )
            del lines[odd]
            if not lines:
                return
        else:
            yield market
            return
    _log.error("recorded_quotes_left_out", problem=f"{name}: too many such lines: its day is left out")


def _whole_lines(file: Path, marks: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines with one of the marks; the last one may be in the course of being written."""
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            yield from (line for line in lines if line.endswith("\n") and any(mark in line for mark in marks))
    except OSError as error:
        raise QuoteFileUnreadableError(file, error.strerror or str(error)) from error


def _prices(markets: Iterable[ReplayQuotes], symbols: Iterable[str]) -> RecordedPrices:
    found: dict[str, list[Quote]] = {symbol: [] for symbol in symbols}
    for market in markets:
        for symbol, quotes in found.items():
            quotes.extend(
                Quote(at=each.at, bid=each.bid, ask=each.ask, halted=each.halted)
                for each in market.updates(symbol, _BEGIN, _END)
            )
    return RecordedPrices(found)


def _lines(log: Path) -> Iterator[str]:
    """Yield the lines of the trade log, those of its earlier files first; a file that is not there has none."""
    earlier = (log.with_name(f"{log.name}.{number}") for number in range(EARLIER_FILES, 0, -1))
    for file in (*earlier, log):
        with suppress(FileNotFoundError), file.open(encoding="utf-8", errors="replace") as lines:
            yield from lines
