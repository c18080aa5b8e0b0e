"""What belongs to an account's journal besides its database: the journal of 0.1, side files and the audit log."""

from contextlib import suppress
from functools import partial
from pathlib import Path

from trading_bot.kill.records_v1 import imported_kills
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.order_book import OrderBook, pointers_to_standing
from trading_bot.order_management.book.pointers import StandingKind
from trading_bot.order_management.book.side_import import SideImport
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.audit_files import logged_records
from trading_bot.order_management.journal.audit_log import AuditLog
from trading_bot.order_management.journal.chain import BadRecordError, ChainHead, head_at
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.journal.port import Journal, Opened
from trading_bot.order_management.journal.side_files import SIDE_FOLDER, SideFile
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.order_store import OrderStore
from trading_bot.startup.import_v1 import V1Upgrade
from trading_bot.startup.journal import JournalParts
from trading_bot.startup.journal_home import JournalHome
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder, account_key, account_suffix


def journal_identity(mode: ExecutionMode, account_number: str) -> JournalIdentity:
    """Return whose journal that of an account is."""
    return JournalIdentity(
        mode=mode,
        account_key=account_key(mode, account_number),
        account_suffix=account_suffix(account_number),
        spellings={
            account_key(mode, account_number.upper()): "capital letters",
            account_key(mode, account_number.lower()): "small letters",
        },
    )


_log = get_logger(__name__)


def journal_parts(
    around: Surroundings,
    *,
    state: StateFolder,
    log: Path,
    log_max_bytes: int,
    identity: JournalIdentity,
    session_id: str,
    home: JournalHome | None = None,
) -> JournalParts:
    """Build the parts; nothing is read or written before the journal is opened. ``log`` is the audit log's file.

    A ``home`` is where the journal is if it is shared. All that is built here is of this machine alone.
    """
    side = SideFile(
        folder=state.root / SIDE_FOLDER,
        session_id=session_id,
        files=around.files,
        clock=around.clock,
        process_id=around.process_id,
    )
    upgrade = V1Upgrade(
        around,
        state=state,
        journal=log,
        identity=identity,
        session_id=session_id,
        pointers_for=pointers_to_standing,
        make_journal=lambda database: around.journal(database, identity, None) if home is None else home.journal(None),
        is_shared=home is not None,
    )
    importer = SideImport(
        folder=state.root / SIDE_FOLDER, files=around.files, clock=around.clock, own=lambda: side.path
    )
    return JournalParts(
        take_over_v1=upgrade.take_over,
        readable_v1=upgrade.readable,
        readable_log=lambda problem: open_orders_in(log, problem),
        side_file=side,
        import_side_files=partial(take_side_files, importer),
        audit_trail=AuditLog(path=log, max_bytes=log_max_bytes, files=around.files, identity=identity),
    )


def take_side_files(importer: SideImport, store: OrderStore, journal: Journal, opened: Opened) -> None:
    """Take the side files over into a journal that was opened, and into the book.

    Raises:
        OrderLogError: the journal takes nothing; the files are still there.
    """
    with store.importing() as book:
        importer.take_over(journal, book, kills=imported_kills(opened.standing))


def open_orders_in(log: Path, problem: OrderLogError) -> Opened:
    """Return what the audit log tells of the orders that have not ended, and of what else still counts.

    Its end may be missing or damaged: what comes before is told all the same.
    """
    book, head = OrderBook(), ChainHead.genesis()
    try:
        for record in logged_records(log):
            book.apply(record)
            head = head_at(record)
    except (OrderLogError, BadRecordError) as error:
        _log.error("audit_log_not_whole", problem=str(error))
    names = {order.client_order_id for order in book.active()}
    wanted = {one.seq for one in book.pointers.all() if one.kind != StandingKind.ORDER.value or one.key in names}
    standing: list[JournalRecord] = []
    with suppress(OrderLogError, BadRecordError):
        standing += (record for record in logged_records(log) if record.seq in wanted)
    return Opened(head=head, standing=tuple(standing), problem=str(problem))
