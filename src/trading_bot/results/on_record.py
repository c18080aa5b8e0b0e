"""Reads the whole history of an account from its journal, page by page: without lease, bot or broker."""

from collections.abc import Iterator

from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.journal.port import JournalReader
from trading_bot.results.history import AccountHistory, history_of

_PAGE = 1_000


def every_record(reader: JournalReader) -> Iterator[JournalRecord]:
    """Yield every record of a journal, oldest first.

    Raises:
        OrderLogError: the database cannot be read.
        OrderLogDamagedError: a record's hash is wrong.
    """
    after = 0
    while page := reader.page(after=after, limit=_PAGE):
        yield from (sealed.record for sealed in page)
        after = page[-1].record.seq


def account_history(reader: JournalReader | None) -> AccountHistory:
    """Return the history of an account; that of one whose journal was never begun is empty.

    Raises:
        OrderLogError: the database cannot be read.
        OrderLogDamagedError: a hash is wrong, or the records tell an impossible story.
    """
    return AccountHistory() if reader is None else history_of(every_record(reader))
