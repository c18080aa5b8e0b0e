"""A program: kills a journal's writer at every effect in turn and prints what the next start finds, one JSON line each.

Usage: ``python -m tests.support.journal_killer FOLDER``. Each writer is a fork of this process, so a hundred of them
take little time; it dies by SIGKILL just before, just after, or (where bytes are written) half way through its k-th
call of the operating system. Flushes are counted and not made: a kill takes no page from the kernel.
"""

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.journal_bench import JournalBench
from tests.support.order_story import booked, fill, intended, now_in, order_id_of, told
from trading_bot.clock import VirtualClock
from trading_bot.files import LocalFiles
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.models import ClientOrderId, OrderState

EFFECTS = ("open", "write", "fsync", "link", "replace", "unlink", "ftruncate", "mkdir")
WAYS = ("before", "after", "half")
TWO_DAYS_S = 172_800.0


class Killer:
    """Counts the effects of this process and ends it at one of them."""

    def __init__(self, at: int, way: str) -> None:
        self._at = at
        self._way = way
        self.count = 0

    def install(self) -> None:
        for name in EFFECTS:
            setattr(os, name, self._wrapped(name, getattr(os, name)))
        sqlite3.connect = self._wrapped("connect", sqlite3.connect)

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def effect(*arguments, **options):
            self.count += 1
            if self.count == self._at and self._way == "before":
                self._die()
            if self.count == self._at and self._way == "half":
                if name == "write":
                    real(arguments[0], arguments[1][: len(arguments[1]) // 2])
                self._die()
            ours = self.count == self._at
            try:
                return None if name == "fsync" else real(*arguments, **options)
            finally:
                if ours:
                    self._die()

        return effect

    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def work(folder: Path, acknowledge: Callable[[int, str], object]) -> None:
    """Orders that end, stay open and grow old; two rotations, a restart, and a word about an order left behind."""
    desk = JournalBench(folder, files=LocalFiles())

    def tell(*events: OrderEvent) -> None:
        for event in events:
            desk.tell(event)
            acknowledge(desk.log.head.seq, desk.log.head.hash)

    filled = now_in(OrderState.FILLED, filled_quantity=Decimal(10), order_id=order_id_of("first"))
    tell(intended(), booked(fill(1, 10)), filled, intended("second"))
    desk.clock.sleep(TWO_DAYS_S)
    tell(now_in(OrderState.CONFIRMED, "second"))
    tell(OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol="MSFT", reason="terms differ"))
    desk.restart()
    tell(intended("third"), told(EventKind.ANOMALY_FOUND, reason="it turned up again"))
    desk.clock.sleep(TWO_DAYS_S)
    tell(now_in(OrderState.CANCELLED, "third"))
    desk.close()


def writer(folder: Path, number: int, way: str, pipe: int) -> None:
    """Run as a forked child: never returns."""
    write = os.write
    killer = Killer(number, way)
    killer.install()
    work(folder, lambda seq, digest: write(pipe, f"{seq} {digest}\n".encode()))
    write(pipe, b"done\n")
    os._exit(0)


def forked(folder: Path, number: int, way: str) -> list[str]:
    """Run one writer to its end and return what it acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        writer(folder, number, way, writing)
    os.close(writing)
    with os.fdopen(reading) as lines:
        told_of = lines.read().splitlines()
    os.waitpid(child, 0)
    return told_of


def verdict(folder: Path, acknowledged: list[str]) -> dict[str, object]:
    """Open what the writer left, as the next start does, and compare it with what had been acknowledged."""
    clock = VirtualClock(JournalBench(folder, opened=False).clock.now())
    desk = JournalBench(folder, clock=clock)
    records = desk.history.records()
    known = {f"{record.seq} {record.hash}" for record in records}
    whole = OrderBook.replayed(records)
    lost = [order.client_order_id for order in whole if desk.book.get(order.client_order_id) != order]
    active = desk.book.active() == whole.active() and desk.book.frozen_symbols() == whole.frozen_symbols()
    folder_names = sorted(path.name for path in desk.path.parent.iterdir())
    desk.tell(intended("afterwards"))
    again = desk.restart().history.verify()
    return {
        "missing": [line for line in acknowledged if line != "done" and line not in known],
        "lost": lost,
        "same": active,
        "torn": sum(".torn-" in name for name in folder_names),
        "left_over": [name for name in folder_names if name.endswith(".next")],
        "verifies": again.ok and desk.book.get(ClientOrderId("afterwards")) is not None,
        "private": all(path.stat().st_mode & 0o077 == 0 for path in desk.path.parent.iterdir()),
        "segments": again.segments,
    }


def main(folder: Path) -> None:
    for way in WAYS:
        number, finished = 1, False
        while not finished:
            place = folder / f"{way}-{number}"
            acknowledged = forked(place, number, way)
            finished = "done" in acknowledged
            line: dict[str, object] = {"way": way, "number": number, "finished": finished}
            try:
                line |= verdict(place, acknowledged)
            except OrderError as error:
                line["error"] = str(error)
            sys.stdout.write(f"{json.dumps(line)}\n")
            sys.stdout.flush()
            number += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
