"""The journal as it is on record: read without lease, bot or record, whoever writes it."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trading_bot.audit.stored_rows import StoredRows
from trading_bot.config import Config
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.operations.without_bot import RecordedAnswers
from trading_bot.order_json import JsonObject
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import ChainHead
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.journal.port import JournalMissingError, JournalReader
from trading_bot.order_management.journal.sqlite_alone import SharedOrAloneReader
from trading_bot.order_management.journal.unfinished import is_unfinished
from trading_bot.startup.account_number import configured_account
from trading_bot.startup.shared_account import SharedAccount, shared_account
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder, account_key, account_suffix, journal_path

if TYPE_CHECKING:
    from trading_bot.order_management.journal.v1.on_record import V1Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalOnRecord:
    """One account's database, and the audit log that is made from it."""

    name: str
    """What the database is called in messages."""
    reader: JournalReader
    rows: StoredRows
    log: Path


def journal_on_record(
    state: StateFolder,
    *,
    account_key: str,
    log: Path,
    files: FileSystem | None = None,
    shared: SharedAccount | None = None,
) -> JournalOnRecord | None:
    """Return the journal of the account that keeps its state in ``state``; None where no bot has begun one there.

    A journal of version 0.1 that was taken over in part only is not one yet: the next bot goes on with it.

    Raises:
        OrderLogError: the database cannot be read.
    """
    if shared is not None:
        return _shared_on_record(shared, account_key=account_key, log=log)
    database = state.database
    try:
        if (files or LocalFiles()).facts_at(database) is None:
            return None
    except OSError as error:
        raise OrderLogError(
            f"cannot read {database}: {error.strerror or error}; repair the account's folder"
        ) from error
    reader = SharedOrAloneReader(database, account_key=account_key)
    if is_unfinished(reader):
        return None
    return JournalOnRecord(name=str(database), reader=reader, rows=StoredRows(account_key, read=reader.query), log=log)


def _shared_on_record(shared: SharedAccount, *, account_key: str, log: Path) -> JournalOnRecord | None:
    reader = shared.reader()
    try:
        if reader.read_head() == ChainHead.genesis() or is_unfinished(reader):
            return None
    except JournalMissingError:
        return None
    return JournalOnRecord(
        name=shared.name, reader=reader, rows=StoredRows(account_key, read=reader.query, mark=shared.mark), log=log
    )


def old_journal(
    state: StateFolder,
    *,
    identity: JournalIdentity,
    log: Path,
    files: FileSystem | None = None,
    shared: SharedAccount | None = None,
) -> "V1Reader | None":
    """Return the journal of version 0.1 at ``log`` that the first start will take over; None where there is none.

    Raises:
        OrderLogError: the account's journal is gone, or is not where it was noted.
    """
    from trading_bot.order_management.journal.v1.on_record import V1Reader
    from trading_bot.order_management.journal.v1.reader import V1Files

    noted = state.noted_journal()
    is_database = noted is not None and noted.name == state.database.name
    try:
        if shared is not None:
            state.check_shared(shared.name, v1_journal=log)
        else:
            state.check_journal(state.database if is_database else log)
    except OSError as error:
        raise OrderLogError(f"cannot read the journal {log}: {error.strerror or error}; check its folder") from error
    old = V1Files(journal=log, noted_head=state.anchor, files=files or LocalFiles())
    return V1Reader(old, identity=identity) if old.exist() else None


def recorded_answers(config: Config, around: Surroundings) -> RecordedAnswers:
    """Return what the journal answers without a bot: the database, or the journal of 0.1 that will become one.

    An account that was never traded on has nothing on record, which is an answer too.

    Raises:
        ConfigError: live mode without an account number, or no folder to keep state in.
        OrderLogError: the journal cannot be read, or is gone.
    """
    mode, number = config.trading.mode, configured_account(config)
    key, log = account_key(mode, number), journal_path(config.logs_dir, mode, number)
    identity = JournalIdentity(mode=mode, account_key=key, account_suffix=account_suffix(number))
    state = StateFolder(root=config.resolve_state_dir() / f"{mode}-{key}", files=around.files)
    shared = shared_account(config, around, account_key=key)
    found = journal_on_record(state, account_key=key, log=log, files=around.files, shared=shared)
    old = None if found else old_journal(state, identity=identity, log=log, files=around.files, shared=shared)
    reader = found.reader if found else old

    def risk(book: OrderBook) -> JsonObject:
        from trading_bot.startup.risk_on_record import RiskOnRecord

        place = RiskOnRecord(config=config, around=around, state=state, account_key=key, shared=shared)
        return place.answer(book)

    if reader is None:
        return RecordedAnswers(reader=None, clock=around.clock, risk=risk)
    return RecordedAnswers(
        reader=reader, clock=around.clock, halted=lambda: _reason_not_armed(config, around, state, shared), risk=risk
    )


def _reason_not_armed(
    config: Config, around: Surroundings, state: StateFolder, shared: SharedAccount | None
) -> str | None:
    from trading_bot.startup.account_latch import account_latch

    latch = account_latch(config, around, state)
    if shared is None:
        return latch.reason_not_armed()
    with closing(shared.latch(latch)) as both:
        return both.reason_not_armed()
