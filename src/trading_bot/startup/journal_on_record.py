"""The journal as it is on record: read without lease, bot or record, whoever writes it."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trading_bot.audit.stored_rows import StoredRows
from trading_bot.config import Config
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.latch import Latch
from trading_bot.operations.recorded import RecordedAnswers
from trading_bot.order_management.journal.chain import ChainHead
from trading_bot.order_management.journal.import_v1 import is_unfinished
from trading_bot.order_management.journal.port import JournalMissingError, JournalReader
from trading_bot.order_management.journal.sqlite_alone import SharedOrAloneReader
from trading_bot.startup.paper import configured_account
from trading_bot.startup.shared_account import SharedAccount, shared_account
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder, account_key, journal_path

if TYPE_CHECKING:
    from trading_bot.shared_arming import SharedLatch


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
        OrderLogError: the ``shared`` journal does not answer.
    """
    if shared is not None:
        return _shared_on_record(shared, account_key=account_key, log=log)
    database = state.database
    if (files or LocalFiles()).facts_at(database) is None:
        return None
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


def recorded_answers(config: Config, around: Surroundings) -> RecordedAnswers | None:
    """Return what the database answers without a bot; None where a bot has to make it first, or to say what is wrong.

    An account that was never traded on has nothing on record, which is an answer too.

    Raises:
        ConfigError: live mode without an account number, or no folder to keep state in; or no driver for a shared
            journal.
        OrderLogError: a shared journal does not answer.
    """
    mode, number = config.trading.mode, configured_account(config)
    key, log = account_key(mode, number), journal_path(config.logs_dir, mode, number)
    state = StateFolder(root=config.resolve_state_dir() / f"{mode}-{key}", files=around.files)
    shared = shared_account(config, around, account_key=key)
    try:
        found = journal_on_record(state, account_key=key, log=log, files=around.files, shared=shared)
        if found is None and (state.has_known_a_journal() or around.files.facts_at(log) is not None):
            return None
    except OSError:
        return None
    if found is None:
        return RecordedAnswers(reader=None, clock=around.clock)
    latch = Latch(path=state.latch, clock=around.clock, new_id=around.new_id, files=around.files)
    halted = latch.reason_not_armed if shared is None else _asked_once(shared.latch(latch))
    return RecordedAnswers(reader=found.reader, clock=around.clock, halted=halted)


def _asked_once(latch: "SharedLatch") -> Callable[[], str | None]:
    def ask() -> str | None:
        with closing(latch):
            return latch.reason_not_armed()

    return ask
