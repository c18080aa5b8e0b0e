"""Measures the journal: ``python -m tests.benchmarks.journal_speed [FOLDER]``."""

import sys
import tempfile
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from tests.support.journal_bench import JournalBench, UnflushedFiles
from tests.support.order_story import intended, now_in, order_id_of
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.order_management.models import ClientOrderId, OrderState

RECORDS = 2_000
CLOSED_ORDERS = 100_000
DAY_S = 86_400


def appended(folder: Path, files: FileSystem) -> str:
    desk = JournalBench(folder, files=files)
    begun = time.perf_counter()
    for number in range(RECORDS):
        desk.log.append(intended(f"order-{number}"))
    took = time.perf_counter() - begun
    desk.close()
    return f"{RECORDS / took:,.0f} records/s"


def grown(folder: Path) -> JournalBench:
    desk = JournalBench(folder, max_bytes=16 * 1024 * 1024)
    desk.tell(intended("open"), now_in(OrderState.CONFIRMED, "open"))
    for number in range(CLOSED_ORDERS):
        name = f"order-{number}"
        desk.store.record(intended(name))
        desk.store.record(
            replace(now_in(OrderState.CANCELLED, name), order_id=order_id_of(name), filled_quantity=Decimal(0))
        )
        desk.clock.sleep(60)
    desk.clock.sleep(2 * DAY_S)
    desk.keeper.rotate()
    desk.close()
    return desk


def main(folder: Path) -> None:
    say = sys.stdout.write
    say(f"append with fsync: {appended(folder / 'flushed', LocalFiles())}\n")
    say(f"append without fsync: {appended(folder / 'unflushed', UnflushedFiles())}\n")
    desk = grown(folder / "grown")
    begun = time.perf_counter()
    again = JournalBench(folder / "grown", clock=desk.clock)
    say(f"open beside {len(desk.segments()) - 1} segments: {(time.perf_counter() - begun) * 1000:.1f} ms\n")
    begun = time.perf_counter()
    found = again.book.get(ClientOrderId("order-1"))
    say(f"find an old order by its id ({found is not None}): {(time.perf_counter() - begun) * 1000:.1f} ms\n")
    begun = time.perf_counter()
    again.book.get(ClientOrderId("nobody"))
    say(f"find that an id is new: {(time.perf_counter() - begun) * 1000:.1f} ms\n")
    begun = time.perf_counter()
    again.keeper.rotate()
    say(f"rotate with one open order: {(time.perf_counter() - begun) * 1000:.1f} ms\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
