"""Measures the store over its database: ``python -m tests.benchmarks.journal_speed [FOLDER [ENDED_ORDERS]]``."""

import sys
import tempfile
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from tests.support.journal_bench import UnflushedFiles
from tests.support.manager_bench import IDENTITY
from tests.support.order_story import MONDAY, TERMS, intended, now_in, order_id_of, ref_of
from trading_bot.clock import VirtualClock
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.order_management.housekeeping import Housekeeping, nothing_needed
from trading_bot.order_management.journal.identity import first_record
from trading_bot.order_management.journal.sqlite import SqliteJournal
from trading_bot.order_management.models import ClientOrderId, OrderState, OrderTerms, Side
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.outcomes import PreparedOrder

INTENTS = 2_000
ENDED_ORDERS = 20_000
OPEN_ORDERS = 20
DAY_S = 86_400


def opened(path: Path, clock: VirtualClock, files: FileSystem) -> tuple[OrderStore, SqliteJournal]:
    journal = SqliteJournal(
        path,
        identity=IDENTITY,
        first_record=lambda: first_record(IDENTITY, clock=clock, session_id="s"),
        files=files,
    )
    store = OrderStore(journal=journal, clock=clock, session_id="s")
    store.load(journal.open())
    return store, journal


def prepared(name: str) -> PreparedOrder:
    terms = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("100.00"))
    return PreparedOrder(ref_id=ref_of(name), terms=terms, body=name.encode())


def intents(folder: Path) -> str:
    store, journal = opened(folder / "intents.sqlite3", VirtualClock(MONDAY), LocalFiles())
    begun = time.perf_counter()
    for number in range(INTENTS):
        order = prepared(f"order-{number}")
        details = {**TERMS, "body_sha256": order.digest}
        store.record_intent(intended(f"order-{number}", details=details), order)
    took = time.perf_counter() - begun
    journal.close()
    return f"{took / INTENTS * 1e6:,.0f} us"


def grow(path: Path, clock: VirtualClock, ended: int) -> None:
    store, journal = opened(path, clock, UnflushedFiles())
    with store.one_commit():
        for number in range(ended):
            name = f"order-{number}"
            store.record_fact(intended(name))
            store.record_fact(replace(now_in(OrderState.CANCELLED, name), order_id=order_id_of(name)))
    clock.sleep(2 * DAY_S)
    for number in range(OPEN_ORDERS):
        store.record_fact(intended(f"open-{number}"))
    housekeeping = Housekeeping(journal=journal, store=store, needed=nothing_needed, clock=clock)
    begun = time.perf_counter()
    left = housekeeping.let_old_orders_go()
    sys.stdout.write(f"let {left:,} old orders go: {(time.perf_counter() - begun) * 1000:.1f} ms\n")
    journal.close()


def started(folder: Path, ended: int) -> None:
    clock, path = VirtualClock(MONDAY), folder / f"grown-{ended}.sqlite3"
    grow(path, clock, ended)
    begun = time.perf_counter()
    store, journal = opened(path, clock, LocalFiles())
    took = time.perf_counter() - begun
    sys.stdout.write(f"start beside {ended:,} ended orders and {OPEN_ORDERS} open ones: {took * 1000:.1f} ms\n")
    for name in ("order-1", "nobody"):
        begun = time.perf_counter()
        with store.open_book() as book:
            found = book.get(ClientOrderId(name)) is not None
        sys.stdout.write(f"look for {name} (found: {found}): {(time.perf_counter() - begun) * 1000:.2f} ms\n")
    journal.close()


def main(folder: Path, ended: int) -> None:
    sys.stdout.write(f"an intent, durable: {intents(folder)}\n")
    for number in (500, ended):
        started(folder, number)


if __name__ == "__main__":
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else ENDED_ORDERS
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]), wanted)
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary), wanted)
