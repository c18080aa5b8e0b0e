"""The journal as it is on record: read without lease, bot or record, whoever writes it."""

from dataclasses import dataclass
from pathlib import Path

from trading_bot.audit.stored_rows import StoredRows
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.order_management.journal.port import JournalReader
from trading_bot.order_management.journal.sqlite import SqliteReader
from trading_bot.state_folder import StateFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalOnRecord:
    """One account's database, and the audit log that is made from it."""

    name: str
    """What the database is called in messages."""
    reader: JournalReader
    rows: StoredRows
    log: Path


def journal_on_record(
    state: StateFolder, *, account_key: str, log: Path, files: FileSystem | None = None
) -> JournalOnRecord | None:
    """Return the journal of the account that keeps its state in ``state``; None where no bot has begun one there.

    Nothing is opened before it is read.
    """
    database = state.journal_database
    if (files or LocalFiles()).facts_at(database) is None:
        return None
    reader = SqliteReader(database, account_key=account_key)
    return JournalOnRecord(name=str(database), reader=reader, rows=StoredRows(account_key, read=reader.query), log=log)
