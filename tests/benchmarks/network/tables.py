"""The tables of the network's costs, by the names that the command line has for them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tests.benchmarks.network import command_rows, hang_rows, list_rows, warm_rows
from tests.benchmarks.network.stage import Build
from tests.benchmarks.table import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkTable:
    title: str
    figure: str
    beside: str
    rows: Callable[[Build | None], Iterator[Row]]


TABLES: Mapping[str, NetworkTable] = {
    "warm": NetworkTable(title="a warm order", figure="it", beside="the floor", rows=warm_rows.warm_rows),
    "new-symbol": NetworkTable(
        title="the first order in a symbol", figure="it", beside="a bare POST", rows=warm_rows.new_symbol_rows
    ),
    "burst": NetworkTable(title="20 signals at once", figure="it", beside="robin_stocks", rows=warm_rows.burst_rows),
    "cold": NetworkTable(
        title="`buy` at a terminal", figure="the process", beside="only a POST", rows=command_rows.cold_rows
    ),
    "positions": NetworkTable(
        title="commands, second run", figure="100 positions", beside="none", rows=command_rows.position_rows
    ),
    "lost-reply": NetworkTable(
        title="an order whose reply was lost", figure="known after", beside="aim", rows=list_rows.lost_reply_rows
    ),
    "cancel-all": NetworkTable(
        title="cancel-all behind 2,000 old orders", figure="it", beside="pacing", rows=list_rows.cancel_all_rows
    ),
    "sync": NetworkTable(title="a synchronisation", figure="it", beside="its depth", rows=list_rows.sync_rows),
    "hang": NetworkTable(title="a read that hangs", figure="ends after", beside="deadline", rows=hang_rows.hang_rows),
}
