"""Measures `audit verify`: ``python -m tests.benchmarks.audit_verify [--records N] [FOLDER]``.

The floor is what nobody can do without: the standard library decodes each stored text and hashes it, read from the
same database in the same run. Each measurement is a process of its own, so that its memory is its own.
"""

import argparse
import hashlib
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from tests.benchmarks.memory import peak_bytes
from tests.benchmarks.table import Row, heading, show
from tests.support.order_story import MONDAY, booked, fill, intended, now_in, order_id_of, ref_of
from tests.support.stored_journal import ACCOUNT, IDENTITY
from trading_bot.audit.proof import prove
from trading_bot.audit.stored_rows import StoredRows
from trading_bot.files import LocalFiles
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.journal.audit_log import AuditLog
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord, head_at, seal
from trading_bot.order_management.journal.identity import opening
from trading_bot.order_management.journal.port import Commit, OrderKey, OrderKeyKind
from trading_bot.order_management.journal.sqlite import SqliteJournal
from trading_bot.order_management.journal.sqlite_reading import SqliteReader
from trading_bot.order_management.models import ClientOrderId, ExecutionId, OrderState

RECORDS = 1_000_000
_BATCH = 5_000
_FILE_BYTES = 16 * 1024**2


def story(number: int) -> Iterator[OrderEvent]:
    name = ClientOrderId(f"strategy-2026-11-23-{number:09d}")
    yield intended(name)
    for event in (
        now_in(OrderState.CONFIRMED, name),
        booked(fill(1, 10), name, execution_id=ExecutionId(f"fill-{number}")),
        now_in(OrderState.FILLED, name, filled_quantity=Decimal(10), average_price=Decimal("99.9")),
    ):
        yield replace(event, ref_id=ref_of(name), order_id=order_id_of(name), symbol="AAPL")


def sealed_record(event: OrderEvent, head: ChainHead) -> SealedRecord:
    return seal(event, head=head, ts=MONDAY, mono=Decimal("12345.678901"), session_id="5f0c1d6ae6b14a4c")


def build(folder: Path, records: int) -> None:
    """Write a journal of closed orders, and its audit log."""
    journal = SqliteJournal(folder / "journal.sqlite3", identity=IDENTITY)
    journal.open()
    log = AuditLog(path=folder / "logs" / "orders.jsonl", max_bytes=_FILE_BYTES, files=LocalFiles())
    log.compare(journal)
    batch, keys, number = [sealed_record(opening(IDENTITY), journal.head)], list[OrderKey](), 0
    head = head_at(batch[0].record)
    while head.seq < records:
        for event in story(number):
            sealed = sealed_record(event, head)
            head = head_at(sealed.record)
            batch.append(sealed)
            keys += keys_of(event, head.seq)
        number += 1
        if len(batch) >= _BATCH or head.seq >= records:
            journal.commit(Commit(records=tuple(batch), order_keys=tuple(keys)))
            log.append(batch)
            journal.checkpoint()
            batch, keys = [], []
    journal.close()


def keys_of(event: OrderEvent, seq: int) -> Iterator[OrderKey]:
    if event.event is EventKind.ORDER_INTENDED:
        yield OrderKey(kind=OrderKeyKind.CLIENT_ORDER_ID, key=str(event.client_order_id), seq=seq)
        yield OrderKey(kind=OrderKeyKind.REF_ID, key=str(event.ref_id), seq=seq)
    elif event.status is OrderState.CONFIRMED:
        yield OrderKey(kind=OrderKeyKind.ORDER_ID, key=str(event.order_id), seq=seq)


def floor(folder: Path) -> int:
    count = 0
    with closing(sqlite3.connect(folder / "journal.sqlite3")) as connection:
        for body, digest in connection.execute("SELECT body, hash FROM record ORDER BY seq"):
            json.loads(body)
            if hashlib.sha256(body.encode()).hexdigest() != digest:
                raise ValueError(count)
            count += 1
    return count


def verify(folder: Path) -> int:
    reader = SqliteReader(folder / "journal.sqlite3", account_key=ACCOUNT)
    found = prove(StoredRows(ACCOUNT, read=reader.query), folder / "logs" / "orders.jsonl")
    if not found.ok or found.notes:
        raise ValueError(f"{found.problem} {found.notes}")
    return found.database.seq


TASKS: Mapping[str, Callable[[Path], int]] = {"decode and hash": floor, "audit verify": verify}


def measured(task: str, folder: Path) -> tuple[int, float, int]:
    """Run one task in a process of its own: records, seconds, bytes of memory at most."""
    command = [sys.executable, "-m", "tests.benchmarks.audit_verify", "--task", task, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    count, seconds, peak = done.stdout.split()
    return int(count), float(seconds), int(peak)


def run_task(task: str, folder: Path) -> None:
    begun = time.perf_counter()
    count = TASKS[task](folder)
    took = time.perf_counter() - begun
    sys.stdout.write(f"{count} {took} {peak_bytes()}\n")


def rows(folder: Path, records: int) -> Iterator[Row]:
    """Yield how long the proof takes beside the floor, and its memory; each is the best of three runs."""
    if not (folder / "journal.sqlite3").exists():
        build(folder, records)
    (_, floor_s, floor_peak), (_, proof_s, proof_peak) = (
        min((measured(task, folder) for _ in range(3)), key=lambda each: each[1]) for task in TASKS
    )
    yield Row(
        what=f"audit verify, {records:,} records",
        figure=f"{proof_s:.2f} s",
        beside=f"{floor_s:.2f} s",
        ratio=f"{proof_s / floor_s:.2f}",
        target="3",
        met=proof_s <= 3 * floor_s,
    )
    yield Row(
        what="peak memory",
        figure=f"{proof_peak / 1e6:.0f} MB",
        beside=f"{floor_peak / 1e6:.0f} MB",
        ratio=f"{(proof_peak - floor_peak) / 1e6:+.0f} MB",
        target="200 MB in all",
        met=proof_peak <= 200e6,
    )


def main(folder: Path, records: int) -> None:
    """Print the table of the proof."""
    heading("audit verify", "audit verify", "decode, hash")
    show(rows(folder, records))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--task", choices=sorted(TASKS))
    asked = parser.parse_args()
    if asked.task:
        run_task(asked.task, asked.folder)
    elif asked.folder:
        main(asked.folder, asked.records)
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary), asked.records)
