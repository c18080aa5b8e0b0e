"""The process that reads the journal's database for a kill, which gives it up when its disk or its server hangs.

It writes one JSON object, then the lines of the records that a kill needs, then the word that says that this is all.
Nothing is locked for longer than a read, and nothing is written.

The records are those that stand, and those of the orders that the newest records are about: the newest order that the
broker has is the positive control of a kill's proof.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from trading_bot.clock import SystemClock
from trading_bot.kill.journal_process import GIVEN_UP_AFTER_S, SHARED, THE_END
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import encode
from trading_bot.order_management.journal.log_comparison import compare_with_database
from trading_bot.order_management.journal.port import JournalMissingError, OrderKeyKind
from trading_bot.order_management.journal.sql import Cursor, RowReader
from trading_bot.order_management.journal.sqlite_alone import SharedOrAloneReader
from trading_bot.order_management.journal.unfinished import is_unfinished
from trading_bot.order_management.models import ClientOrderId

_NEWEST = 500
"""Records before the end whose orders are read whole. Chosen: some hundred orders."""

_BUSY_S = 1.0
_RECENT = (
    "SELECT DISTINCT client_order_id FROM (SELECT client_order_id FROM record WHERE account = ? AND seq > ? - ?) AS n"
    " WHERE client_order_id IS NOT NULL"
)
_AT_BROKER = (
    "SELECT client_order_id FROM record WHERE account = ? AND order_id IS NOT NULL AND client_order_id IS NOT NULL"
    " ORDER BY seq DESC LIMIT 1"
)


def whole_orders(reader: RowReader, *, account_key: str, log: Path, mark: str = "?") -> Iterator[bytes]:
    """Yield what is to be written.

    Raises:
        OrderLogError: the database cannot be read.
    """
    if is_unfinished(reader):
        yield json.dumps({"problem": None, "is_unfinished": True}).encode() + b"\n"
        yield THE_END
        return
    found = compare_with_database(log, reader)
    problem = found.problem if found.is_damage else None
    records: dict[int, JournalRecord] = {record.seq: record for record in reader.read_standing()}
    for name in reader.query(lambda cursor: _recent_orders(cursor, account_key, found.database.seq, mark)):
        records |= {record.seq: record for record in reader.records_of(name)}
    yield json.dumps({"problem": problem, "is_unfinished": False}).encode() + b"\n"
    yield from (encode(records[seq]) for seq in sorted(records))
    yield THE_END


def names_on_record(reader: RowReader, names: Sequence[str]) -> Iterator[bytes]:
    """Yield which of these are the broker's names of orders on record.

    Raises:
        OrderLogError: the database cannot be read.
    """
    kinds = (OrderKeyKind.ORDER_ID, OrderKeyKind.REF_ID)
    known = [name for name in names if any(reader.find_order(kind, name) is not None for kind in kinds)]
    yield json.dumps({"known": known}).encode() + b"\n"
    yield THE_END


def _recent_orders(cursor: Cursor, account_key: str, end: int, mark: str) -> Sequence[ClientOrderId]:
    cursor.execute(_RECENT.replace("?", mark), (account_key, end, _NEWEST))
    recent = cursor.fetchall()
    cursor.execute(_AT_BROKER.replace("?", mark), (account_key,))
    return [ClientOrderId(row[0]) for row in (*recent, *cursor.fetchall())]


def answer(database: Path, account_key: str, log: Path, names: Sequence[str]) -> bytes:
    """Return the whole answer: the records, or which of ``names`` are on record if any are asked for.

    Raises:
        OrderLogError: the database cannot be read, whether shared or alone.
    """
    reader = SharedOrAloneReader(database, account_key=account_key, busy_timeout_s=_BUSY_S)
    return b"".join(names_on_record(reader, names) if names else whole_orders(reader, account_key=account_key, log=log))


def shared_answer(url: str, account_key: str, log: Path, names: Sequence[str]) -> bytes:
    """Do the same for a shared journal; one that nobody has begun is said to be unfinished.

    Raises:
        OrderLogError: the database cannot be read.
        ImportError: there is no driver for it.
    """
    from trading_bot.order_management.journal.postgres_connection import Database, DatabaseTimes
    from trading_bot.order_management.journal.postgres_reading import MARK, PostgresReader

    times = DatabaseTimes(call_s=GIVEN_UP_AFTER_S, lock_s=GIVEN_UP_AFTER_S)
    reader = PostgresReader(Database(url, clock=SystemClock(), times=times), account_key=account_key)
    try:
        if names:
            return b"".join(names_on_record(reader, names))
        return b"".join(whole_orders(reader, account_key=account_key, log=log, mark=MARK))
    except JournalMissingError:
        return json.dumps({"problem": None, "is_unfinished": True, "known": []}).encode() + b"\n" + THE_END


def main(arguments: Sequence[str]) -> int:
    """Answer on stdout; on stderr and with exit code 1 why there is no answer."""
    database, account_key, log, *names = arguments
    try:
        if database == SHARED:
            data = shared_answer(sys.stdin.read(), account_key, Path(log), names)
        else:
            data = answer(Path(database), account_key, Path(log), names)
    except (OrderLogError, ImportError) as error:
        sys.stderr.write(str(error))
        return 1
    sys.stdout.buffer.write(data)
    return 0
