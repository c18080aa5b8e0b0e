"""Every table by its name, in the order in which they are measured."""

from collections.abc import Iterator, Mapping

from tests.benchmarks import audit_verify, journal_database, order_cpu, replay, rules_flat, soak, start_times
from tests.benchmarks.network import command_rows, hang_rows, list_rows, warm_rows
from tests.benchmarks.table import Asked, Row, Table

_STARTS = 5


def _order_cpu(asked: Asked) -> Iterator[Row]:
    if asked.builds.old is not None:
        yield from order_cpu.rows(asked.builds.old, asked.builds.this)


def _start_beside_old(asked: Asked) -> Iterator[Row]:
    if asked.builds.old is not None:
        yield from start_times.rows(asked.builds.old / "src", _STARTS)


def _history(asked: Asked) -> Iterator[Row]:
    few, many = (
        journal_database.grown(asked.folder / name, records)
        for name, records in (("few", journal_database.FEW), ("many", asked.records))
    )
    return journal_database.history_rows(few, many)


def _verify(asked: Asked) -> Iterator[Row]:
    folder = asked.folder / "proven"
    folder.mkdir(mode=0o700)
    return audit_verify.rows(folder, asked.records)


TABLES: Mapping[str, Table] = {
    "warm": Table(title="a warm order", figure="it", beside="the floor", rows=warm_rows.warm_rows),
    "new-symbol": Table(
        title="the first order in a symbol", figure="it", beside="a bare POST", rows=warm_rows.new_symbol_rows
    ),
    "burst": Table(title="20 signals at once", figure="it", beside="robin_stocks", rows=warm_rows.burst_rows),
    "cold": Table(title="`buy` at a terminal", figure="it", beside="only a POST", rows=command_rows.cold_rows),
    "positions": Table(
        title="a command, second run", figure="100 positions", beside="none", rows=command_rows.position_rows
    ),
    "lost-reply": Table(
        title="an order whose reply was lost", figure="known after", beside="aim", rows=list_rows.lost_reply_rows
    ),
    "cancel-all": Table(
        title="cancel-all of 25 behind 2,000 old orders",
        figure="it",
        beside="our pacing",
        rows=list_rows.cancel_all_rows,
    ),
    "sync": Table(title="a synchronisation", figure="it", beside="round trips", rows=list_rows.sync_rows),
    "hang": Table(title="a read that hangs", figure="ends after", beside="its deadline", rows=hang_rows.hang_rows),
    "order-cpu": Table(title="processor time", figure="this build", beside="0.1", rows=_order_cpu),
    "start": Table(
        title="processor time from start to end",
        figure="this build",
        beside="the import",
        rows=lambda _asked: start_times.floor_rows(_STARTS),
    ),
    "start-beside-0.1": Table(
        title="time from start to end", figure="this build", beside="0.1", rows=_start_beside_old
    ),
    "rules": Table(
        title="the rules of an order",
        figure="it",
        beside=f"after {rules_flat.LENGTHS[0]} orders",
        rows=lambda _asked: rules_flat.rows(rules_flat.LENGTHS),
    ),
    "replay": Table(
        title="a replay, processor time",
        figure="this build",
        beside="before",
        rows=lambda asked: replay.rows(asked.builds.before_replays, asked.signals),
    ),
    "soak": Table(
        title="one process, many orders",
        figure="at the end",
        beside="at first",
        rows=lambda _asked: soak.rows(),
        only_when_long=True,
    ),
    "commit": Table(
        title="one commit",
        figure="journal",
        beside="bare sqlite3",
        rows=lambda asked: journal_database.append_rows(asked.folder),
    ),
    "history": Table(title="a journal", figure="long", beside="of 1,000 records", rows=_history),
    "audit-verify": Table(title="the proof", figure="audit verify", beside="decode, hash", rows=_verify),
}
