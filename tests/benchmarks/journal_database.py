"""Measures the journal's database beside bare sqlite3: ``python -m tests.benchmarks.journal_database [RECORDS]``.

Both sides of a ratio run in turns in one process and write the same rows in the same transactions. What the medium
takes is shown apart: the same loops with ``synchronous = OFF``.
"""

import gc
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from tests.benchmarks.table import Row, heading, show
from tests.support.journal_engines import OURS, SESSION, sealed
from tests.support.order_story import MONDAY, intended, now_in, order_id_of
from trading_bot.audit.on_record import life_on_record
from trading_bot.audit.stored_rows import StoredRows
from trading_bot.clock import VirtualClock
from trading_bot.operations import ListFreezes, ListOrders, ListPositions, ShowStatus
from trading_bot.operations.without_bot import RecordedAnswers
from trading_bot.order_management.journal.chain import ChainHead, head_at
from trading_bot.order_management.journal.identity import first_record
from trading_bot.order_management.journal.port import Commit, OrderKey, OrderKeyKind, Pointer
from trading_bot.order_management.journal.sql import row_of
from trading_bot.order_management.journal.sqlite import CHECKPOINT_EVERY, SqliteJournal, SqliteReader
from trading_bot.order_management.journal.sqlite_reading import connect
from trading_bot.order_management.journal.tables import Statements
from trading_bot.order_management.models import OrderState

Rows: TypeAlias = tuple[list[Any], list[Any], list[Any]]
INTENTS = 8_000
ROUND = CHECKPOINT_EVERY
OPEN_ORDERS = 20
FEW, MANY = 1_000, 1_000_000
STARTS = 15
READS = 50
ENDED = "order-101"
"""An order that ended long ago."""
NAME = "journal.sqlite3"

_START = """
import sys, time
from pathlib import Path
from tests.benchmarks.memory import peak_bytes
from tests.benchmarks.table import Row, heading, show
from tests.support.journal_engines import OURS
from trading_bot.order_management.journal.sqlite import SqliteJournal
journal = SqliteJournal(Path(sys.argv[1]), identity=OURS)
begun = time.perf_counter()
opened = journal.open()
took = time.perf_counter() - begun
if opened.problem or len(opened.standing) != int(sys.argv[2]):
    raise SystemExit(f"not as expected: {opened.problem}, {len(opened.standing)} standing")
print(took, peak_bytes())
"""


class Unflushed(sqlite3.Connection):
    """A connection that never waits for the medium."""

    def execute(self, statement: str, parameters: Any = (), /) -> sqlite3.Cursor:
        return super().execute(statement.replace("synchronous = FULL", "synchronous = OFF"), parameters)


def unflushed(path: Path, mode: str, busy_timeout_s: float) -> sqlite3.Connection:
    return connect(path, mode, busy_timeout_s, factory=Unflushed)


def journal_in(folder: Path, *, connector: Any = connect) -> SqliteJournal:
    clock = VirtualClock(start=MONDAY)
    journal = SqliteJournal(
        folder / NAME,
        identity=OURS,
        first_record=lambda: first_record(OURS, clock=clock, session_id=SESSION),
        connector=connector,
    )
    journal.open()
    return journal


def intents(head: ChainHead, *, begin: int = 0) -> Iterator[Commit]:
    """Intents without end, each with its two names and its pointer."""
    number = begin
    while True:
        number += 1
        name = f"order-{number}"
        (record,) = sealed(head, intended(name))
        head = head_at(record.record)
        keys = (
            OrderKey(kind=OrderKeyKind.CLIENT_ORDER_ID, key=name, seq=head.seq),
            OrderKey(kind=OrderKeyKind.REF_ID, key=str(record.record.fact.ref_id), seq=head.seq),
        )
        pointer = Pointer(kind="order", key=name, seq=head.seq)
        yield Commit(records=(record,), order_keys=keys, standing=(pointer,))


class BareLoop:
    """The same rows in the same transactions, and nothing else."""

    def __init__(self, folder: Path, *, like: Path, connector: Callable[..., sqlite3.Connection]) -> None:
        (folder / NAME).touch()
        self.database = connector(folder / NAME, "rw", 5.0)
        pragmas = ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0")
        for pragma in pragmas:
            self.database.execute(f"PRAGMA {pragma}")
        with closing(sqlite3.connect(like)) as journal:
            made = journal.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid").fetchall()
        for (statement,) in made:
            self.database.execute(statement)

    def rows(self, commits: list[Commit]) -> list[Rows]:
        return [
            (
                [(OURS.account_key, key.kind.value, key.key, key.seq) for key in commit.order_keys],
                [(OURS.account_key, *row_of(record)) for record in commit.records],
                [(OURS.account_key, one.kind, one.key, one.seq) for one in commit.standing],
            )
            for commit in commits
        ]

    def write(self, rows: list[Rows]) -> None:
        statements, cursor = Statements(), self.database.cursor()
        for keys, records, pointers in rows:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.executemany(statements.add_key, keys)
            cursor.executemany(statements.add_record, records)
            cursor.executemany(statements.add_pointer, pointers)
            cursor.execute("COMMIT")


def append_times(folder: Path, *, connector: Any) -> tuple[list[float], list[float]]:
    """Return seconds a commit of each round: the journal's, and the bare loop's."""
    (folder / "journal").mkdir(parents=True, mode=0o700)
    (folder / "bare").mkdir()
    journal = journal_in(folder / "journal", connector=connector)
    bare = BareLoop(folder / "bare", like=journal.path, connector=connector)
    coming = intents(journal.head)
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(INTENTS // ROUND):
        commits = list(islice(coming, ROUND))
        rows = bare.rows(commits)

        turns = [(partial(commit_all, journal, commits), ours), (partial(bare.write, rows), theirs)]
        for write, times in turns if number % 2 else reversed(turns):
            times.append(timed(write) / ROUND)
        bare.database.execute("PRAGMA wal_checkpoint(PASSIVE)")
        journal.checkpoint()
    journal.close()
    bare.database.close()
    return ours, theirs


def commit_all(journal: SqliteJournal, commits: list[Commit]) -> None:
    for commit in commits:
        journal.commit(commit)


def timed(do: Callable[[], object]) -> float:
    gc.disable()
    begun = time.perf_counter()
    do()
    took = time.perf_counter() - begun
    gc.enable()
    return took


def grown(folder: Path, records: int) -> Path:
    """Make a journal of so many records, all but the last orders ended."""
    folder.mkdir(parents=True, mode=0o700)
    journal = journal_in(folder, connector=unflushed)
    coming = intents(journal.head)
    while journal.head.seq + OPEN_ORDERS < records:
        number, head, many = journal.head.seq, journal.head, []
        for commit in islice(intents(head, begin=number), min(2_500, (records - OPEN_ORDERS - number + 1) // 2)):
            name = str(commit.records[0].record.fact.client_order_id)
            (intent,) = sealed(head, intended(name))
            ended = replace(now_in(OrderState.CANCELLED, name), order_id=order_id_of(name))
            (end,) = sealed(head_at(intent.record), ended)
            keys = (
                replace(commit.order_keys[0], seq=intent.record.seq),
                replace(commit.order_keys[1], seq=intent.record.seq),
                OrderKey(kind=OrderKeyKind.ORDER_ID, key=order_id_of(name), seq=end.record.seq),
            )
            many.append(Commit(records=(intent, end), order_keys=keys))
            head = head_at(end.record)
        journal.commit(joined(many))
        journal.checkpoint()
    coming = intents(journal.head, begin=10 * records)
    for commit in islice(coming, OPEN_ORDERS):
        journal.commit(commit)
    journal.close()
    return folder / NAME


def joined(commits: list[Commit]) -> Commit:
    return Commit(
        records=tuple(record for commit in commits for record in commit.records),
        order_keys=tuple(key for commit in commits for key in commit.order_keys),
    )


def started(path: Path) -> tuple[float, float]:
    """Return the seconds and the peak MB of a start in a process of its own."""
    command = [sys.executable, "-c", _START, str(path), str(OPEN_ORDERS)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(told[0]), int(told[1]) / 1e6


def starts(*paths: Path) -> list[tuple[float, float]]:
    """Start each in turns; return the median of each one's seconds and MB."""
    runs: list[list[tuple[float, float]]] = [[] for _ in paths]
    for _ in range(STARTS):
        for path, run in zip(paths, runs, strict=True):
            run.append(started(path))
    return [(statistics.median(took for took, _ in run), statistics.median(size for _, size in run)) for run in runs]


def reads(path: Path) -> dict[str, float]:
    """Return the median seconds of what the commands that start no bot ask of a journal."""
    reader = SqliteReader(path, account_key=OURS.account_key)
    answers = RecordedAnswers(reader=reader, clock=VirtualClock(start=MONDAY))
    symbols = StoredRows(OURS.account_key, read=reader.query)
    asked: dict[str, Callable[[], object]] = {
        "orders": lambda: answers.answer(ListOrders(), problem=None),
        "status ID": lambda: answers.answer(ShowStatus(id=ENDED), problem=None),
        "positions": lambda: answers.answer(ListPositions(), problem=None),
        "frozen": lambda: answers.answer(ListFreezes(), problem=None),
        "audit explain ID": lambda: life_on_record(reader, ENDED, symbols=symbols),
        "find an order by its ref_id": lambda: reader.find_order(OrderKeyKind.REF_ID, f"ref-of-{ENDED}"),
    }
    return {what: statistics.median(timed(ask) for _ in range(READS)) for what, ask in asked.items()}


def append_rows(folder: Path) -> Iterator[Row]:
    """Yield what committing an intent takes, with and without the medium."""
    for what, connector in (("intent, durable", connect), ("intent, without fsync", unflushed)):
        ours, theirs = append_times(folder / connector.__name__, connector=connector)
        mine, bare = statistics.median(ours), statistics.median(theirs)
        yield compared(what, mine, bare, most=1.3 if connector is connect else None)


def history_rows(few_path: Path, many_path: Path) -> Iterator[Row]:
    """Yield what grows with history, if anything does: starting, and what commands read."""
    (few_s, few_mb), (many_s, many_mb) = starts(few_path, many_path)
    yield compared(f"start, {OPEN_ORDERS} open orders", many_s, few_s, most=1.2)
    yield Row(
        what="peak memory of a start",
        figure=f"{many_mb:.1f} MB",
        beside=f"{few_mb:.1f} MB",
        ratio=f"{many_mb - few_mb:+.1f} MB",
        target="+64 MB",
        met=many_mb - few_mb <= 64,
    )
    for (what, small), (_, large) in zip(reads(few_path).items(), reads(many_path).items(), strict=True):
        yield compared(what, large, small, target="flat")


def compared(what: str, figure_s: float, beside_s: float, *, target: str = "", most: float | None = None) -> Row:
    """Return a row of two times, whose ratio is to be ``most``."""
    return Row(
        what=what,
        figure=f"{figure_s * 1e6:,.0f} us",
        beside=f"{beside_s * 1e6:,.0f} us",
        ratio=f"{figure_s / beside_s:.2f}",
        target=target if most is None else f"{most}",
        met=None if most is None else figure_s / beside_s <= most,
    )


def main(many: int) -> None:
    """Print the tables of the journal's database."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        heading("one commit", "journal", "bare sqlite3")
        show(append_rows(folder))
        few_path, many_path = grown(folder / "few", FEW), grown(folder / "many", many)
        heading("a journal of so many records", f"{many:,}", f"{FEW:,}")
        show(history_rows(few_path, many_path))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MANY)
