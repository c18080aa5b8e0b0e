"""A program: lets a version of trading-bot before the database write a journal, and says what that version makes of it.

Usage: ``PYTHONPATH=<checkout>/src python -m tests.support.make_v1_folder TARGET continued|torn``, where the checkout is
one of version 0.1.0 (the last commit that says so in ``_version.py``) or the last one before the journal went into a
database. TARGET gets ``logs/``, ``state/`` and ``expected.json``. What is stored under ``tests/order_management/
journal/v1_folders`` was made so. Time stands still but for the steps of the story, so the bytes are always the same.
"""

import errno
import importlib
import json
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.book_in_plain import book_in_plain, order_in_plain
from trading_bot.files import LocalFiles

MONDAY = datetime(2026, 11, 23, 15, tzinfo=UTC)
TWO_DAYS_S = 172_800
SESSION = "session-1"
TERMS = {"reference_price": "100.15", "time_in_force": "gfd", "extended_hours": "false", "body_sha256": "0" * 64}


def module(old: str, new: str | None = None) -> Any:
    """Import a module by its name in 0.1.0, or by the one it had last."""
    for name in (new, old):
        if name is not None:
            try:
                return importlib.import_module(f"trading_bot.{name}")
            except ModuleNotFoundError:
                continue
    raise SystemExit(f"this version has no {old}")


om = "order_management"
clock_module = module("clock")
events = module(f"{om}.events")
models = module(f"{om}.models")
log_module = module(f"{om}.order_log", f"{om}.journal.order_log")
anchor_module = module(f"{om}.anchor", f"{om}.journal.anchor")
history_module = module(f"{om}.history", f"{om}.journal.history")
index_module = module(f"{om}.id_index")
keeper_module = module(f"{om}.journal_keeper")
book_module = module(f"{om}.order_book", f"{om}.book.order_book")
store_module = module(f"{om}.ledger", f"{om}.order_store")
kill_records = module("kill.records")
kill_intake = module("kill.intake")
Kind = events.EventKind
State = models.OrderState
HAS_STORE = hasattr(store_module, "OrderStore")


class Disk(LocalFiles):
    """Fails every flush once it is broken."""

    is_broken = False

    def sync(self, descriptor: Any) -> None:
        if self.is_broken:
            raise OSError(errno.EIO, "Input/output error")

    def sync_folder(self, path: Path) -> None:
        del path


class Bot:
    """The journal of one process with everything around it, as that version composes it."""

    def __init__(self, target: Path, clock: Any, disk: Disk) -> None:
        path, self.clock = target / "logs" / "orders.jsonl", clock
        identity = log_module.JournalIdentity(
            mode=models.ExecutionMode.PAPER, account_key="0123456789abcdef", account_suffix="4321"
        )
        self.log = log_module.OrderLog(
            path=path,
            identity=identity,
            session_id=SESSION,
            files=disk,
            clock=clock,
            process_id=lambda: 1,
            anchor=anchor_module.HeadAnchor(path=target / "state" / "anchor.json", files=disk),
        )
        self.history = history_module.JournalHistory(journal=path, files=disk)
        self.index = index_module.IdIndex(history=self.history, files=disk)
        self.book = book_module.OrderBook(past=self.index)
        store = store_module.OrderStore if HAS_STORE else store_module.OrderLedger
        self.store = store(journal=self.log, book=self.book, clock=clock, session_id=SESSION)
        self.keeper = keeper_module.JournalKeeper(
            log=self.log,
            **{"store" if HAS_STORE else "ledger": self.store},
            index=self.index,
            rules=keeper_module.RotationRules(max_bytes=1_000_000),
            needed=keeper_module.nothing_needed,
            clock=clock,
        )
        found = self.log.open()
        self.keeper.begin(found)
        for record in found.records:
            self.book.apply(record)

    def tell(self, *told: Any) -> None:
        for event in told:
            self.store.record_fact(event)
            self.clock.sleep(1)


def intended(name: str, symbol: str = "AAPL", side: str = "buy") -> Any:
    return events.OrderEvent(
        event=Kind.ORDER_INTENDED,
        client_order_id=models.ClientOrderId(name),
        ref_id=models.RefId(f"ref-of-{name}"),
        symbol=symbol,
        side=models.Side(side),
        quantity=Decimal(10),
        limit_price=Decimal("100.00"),
        execution_mode=models.ExecutionMode.PAPER,
        strategy_name="momentum",
        details=TERMS,
    )


def of(name: str, kind: str, **facts: Any) -> Any:
    return events.OrderEvent(event=Kind(kind), client_order_id=models.ClientOrderId(name), **facts)


def accepted(name: str) -> Any:
    return of(
        name, "order_accepted", order_id=models.OrderId(f"broker-id-of-{name}"), status=State.CONFIRMED,
        latency_ms=Decimal("12.5"),
    )  # fmt: skip


def executed(name: str, number: int, shares: int) -> Any:
    return of(
        name,
        "execution_booked",
        execution_id=models.ExecutionId(f"{name}-{number}"),
        last_quantity=Decimal(shares),
        last_price=Decimal("99.90"),
        occurred_at=MONDAY + timedelta(seconds=number),
    )


def updated(name: str, state: str, shares: int) -> Any:
    return of(
        name, "order_updated", status=State(state), filled_quantity=Decimal(shares), average_price=Decimal("99.90")
    )


def filled(name: str) -> tuple[Any, ...]:
    return (intended(name), accepted(name), executed(name, 1, 10), updated(name, "filled", 10))


def plain(kind: str, **facts: Any) -> Any:
    return events.OrderEvent(event=Kind(kind), **facts)


def first_day(bot: Bot) -> None:
    bot.tell(
        plain("session_started", details={"version": "0.1.0"}),
        plain("position_accepted", symbol="AAPL", quantity=Decimal(100), reason="held when this journal first looked"),
        plain("position_accepted", symbol="TSLA", quantity=Decimal(3), reason="held when this journal first looked"),
        plain("position_accepted", occurred_at=MONDAY),
        *filled("old"),
        intended("open"),
        of("open", "submit_attempted", attempt=1, details={"outcome": "accepted"}),
        accepted("open"),
        executed("open", 1, 3),
        updated("open", "partially_filled", 3),
        intended("unknown", "NVDA"),
        of("unknown", "order_outcome_unknown", status=State.UNKNOWN, details={"surely_there": "true"}),
        intended("unsent", "AMD"),
        of("unsent", "order_not_sent", status=State.NOT_SENT, reason="no route"),
        intended("crashed", "INTC"),
        plain(
            "position_accepted",
            symbol="TSLA",
            quantity=Decimal(30),
            reason="split",
            details={"by": "ann", "before": "3", "ratio": "10:1"},
        ),
        plain(
            "position_accepted",
            symbol="GE",
            quantity=Decimal(7),
            reason="bought by hand",
            details={"by": "ann", "before": "0"},
        ),
        plain("symbol_frozen", symbol="MSFT", reason="the broker's terms differ"),
    )


def second_day(bot: Bot, target: Path, disk: Disk) -> None:
    bot.tell(intended("killed", "KO"), accepted("killed"), plain("trading_halted", reason="two writers are suspected"))
    leave_kill(bot, target, disk, "ann", "killed")
    intake = kill_intake.KillIntake(
        folder=target / "state" / "kills", files=disk, **{"store" if HAS_STORE else "ledger": bot.store}
    )
    intake.take_over()
    bot.tell(*filled("second-old"), executed("open", 2, 2), updated("open", "partially_filled", 5))


def leave_kill(bot: Bot, target: Path, disk: Disk, by: str, *orders: str) -> None:
    kill = kill_records.KillFile(
        folder=target / "state" / "kills", files=disk, clock=bot.clock, process_id=lambda: 4711
    )
    kill.begin(by=by, reason="enough", orders=[models.ClientOrderId(name) for name in orders])
    kill.note("kill_ended", {"confirmed": True, "problems": []})
    bot.clock.sleep(1)


def third_day(bot: Bot) -> None:
    bot.tell(
        of("old", "anomaly_found", reason="it turned up again"),
        intended("absent", "F"),
        of("absent", "order_outcome_unknown", status=State.UNKNOWN),
        of("absent", "absence_noted", occurred_at=MONDAY + timedelta(days=4)),
        of("absent", "order_presumed_absent", status=State.PRESUMED_ABSENT),
    )
    if hasattr(Kind, "EXIT_BEGUN"):
        bot.tell(
            plain(
                "exit_begun",
                symbol="AAPL",
                reason="enough",
                details={"exit_id": "exit-1", "origin": "person", "by": "ann"},
            ),
            plain("exit_leg_placed", symbol="AAPL", details={"exit_id": "exit-1", "leg": "leg-1"}),
            intended("leg-1", side="sell"),
            plain("instrument_named", symbol="FBX", details={"instrument_id": "instrument-1"}),
            plain("instrument_named", symbol="METX", details={"instrument_id": "instrument-1", "was": "FBX"}),
            plain("position_differed", symbol="METX", occurred_at=MONDAY, details={"broker": "4", "expected": "0"}),
        )


def failing_disk(bot: Bot, disk: Disk) -> None:
    """An attempt that waits for the next flush; an intent whose flush fails; facts that go on beside the file."""
    bot.tell(of("open", "submit_attempted", attempt=2, details={"outcome": "accepted"}))
    disk.is_broken = True
    try:
        bot.store.record(intended("refused", "PFE"))
    except Exception as error:  # noqa: BLE001 - of the version at hand
        sys.stderr.write(f"refused: {error}\n")
    disk.is_broken = False
    bot.tell(executed("open", 3, 5), updated("open", "filled", 10))


def main(target: Path, end: str) -> None:
    clock, disk = clock_module.VirtualClock(MONDAY), Disk()
    bot = Bot(target, clock, disk)
    first_day(bot)
    clock.sleep(TWO_DAYS_S)
    bot.keeper.rotate()
    second_day(bot, target, disk)
    clock.sleep(TWO_DAYS_S)
    bot.keeper.rotate()
    third_day(bot)
    if end == "continued":
        failing_disk(bot, disk)
    expected = book_in_plain(bot.book)
    ended = {name: order_in_plain(bot.book.get(name)) for name in ("old", "second-old", "unsent", "open")}
    leave_kill(bot, target, disk, "bob", "unknown")
    bot.log.close()
    bot.index.path.unlink()  # it makes itself anew, and is no text
    if end == "torn":
        with (target / "logs" / "orders.jsonl").open("ab") as file:
            file.write(b'{"v":1,"seq":')
    records = bot.history.records()
    head = {"seq": records[-1].seq, "hash": records[-1].hash}
    text = json.dumps({"head": head, "ended": ended, "book": expected}, indent=1, sort_keys=True)
    (target / "expected.json").write_text(f"{text}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
