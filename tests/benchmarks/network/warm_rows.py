"""Orders of a bot that runs: a warm one, the first one in a symbol, and twenty at once."""

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.builds import Builds
from tests.benchmarks.network.broker_book import SYMBOLS
from tests.benchmarks.network.exchanges import counted, in_turn, requests_in
from tests.benchmarks.network.stage import (
    Build,
    ClientFailedError,
    Speaker,
    Stage,
    old_build,
    stage,
    this_build,
)
from tests.benchmarks.table import Asked, Row

ROUND_TRIPS_MS = (0, 20, 50, 100)
ROUNDS = 9
BURST_MS = 50
FULL_AGAIN_S = 22.0
"""After twenty orders, our own budget allows twenty at once again."""

PACE_S = 1.0
"""From one order of a client to its next: the rate that our own budget allows for long."""

KNOWN = SYMBOLS[:2]
AT_ONCE = SYMBOLS[40:60]
_OF_ROBIN_STOCKS = 0.25
_INSTRUMENT = "https://api.robinhood.com/instruments/00000000-0000-0005-0000-000000000001/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One order: how long the client took, and what of it crossed the line."""

    took_s: float
    requests: int
    in_turn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client with a broker of its own, so that what it asks can be counted."""

    stage: Stage
    speaker: Speaker
    names: str
    """What its orders are named by: ``symbols`` or ``instruments``."""

    def place(self, symbol: str) -> Placed:
        self.stage.exchanges()
        name = symbol if self.names == "symbols" else _INSTRUMENT
        (done,) = self.speaker.ask("trade", **{self.names: [name]})
        if done["status"] != "submitted":
            raise ClientFailedError(f"an order was not taken: {done}")
        until = done["began"] + done["took_s"]
        heard = [each for each in self.stage.exchanges() if each.began >= done["began"] - 0.002 and each.ended <= until]
        return Placed(took_s=done["took_s"], requests=requests_in(heard), in_turn=in_turn(heard))


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """Everybody who takes turns."""

    ours: Client
    post: Client
    robin_stocks: Client
    old: Client | None

    @property
    def named(self) -> dict[str, Client]:
        return {"ours": self.ours, "post": self.post, **self.beside}

    @property
    def beside(self) -> dict[str, Client]:
        named = {"robin_stocks": self.robin_stocks, "0.1": self.old}
        return {name: client for name, client in named.items() if client is not None}


def clients(stack: ExitStack, builds: Builds, *, held: int = 0) -> Clients:
    """Start everybody; the bots hold so many positions, and poll in the background, as a bot that runs does."""
    old = old_build(builds)
    return Clients(
        ours=_bot(stack, this_build(builds), held),
        post=_other(stack, "drive_post.py", "instruments"),
        robin_stocks=_other(stack, "drive_robin_stocks.py", "symbols"),
        old=None if old is None else _bot(stack, old, held),
    )


def durable_commit_s() -> float:
    """Return the median time of one durable transaction of one row, as short as sqlite3 makes it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, closing(sqlite3.connect(f"{folder}/rows")) as database:
        database.isolation_level = None
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE rows (row TEXT)")
        took = []
        for _ in range(99):
            began = time.perf_counter()
            database.execute("INSERT INTO rows VALUES (?)", ("x" * 700,))
            took.append(time.perf_counter() - began)
        return statistics.median(took)


def warm_rows(asked: Asked) -> Iterator[Row]:
    """Yield what an order in a known symbol takes, beside a bare POST of the same run and one durable commit."""
    with ExitStack() as stack:
        everybody = clients(stack, asked.builds)
        for symbol in KNOWN * 2:
            _round(everybody, symbol)
        for round_trip_ms in ROUND_TRIPS_MS:
            commit_s = durable_commit_s()
            placed = _rounds(everybody, round_trip_ms, [KNOWN[number % 2] for number in range(ROUNDS)])
            yield from _warm(placed, round_trip_ms, commit_s)


def new_symbol_rows(asked: Asked) -> Iterator[Row]:
    """Yield how many round trips in turn the first order in a symbol takes."""
    with ExitStack() as stack:
        everybody = clients(stack, asked.builds)
        _round(everybody, SYMBOLS[0])
        for round_trip_ms in (50, 100):
            symbols = SYMBOLS[2 + round_trip_ms // 5 :][:5]
            placed = _rounds(everybody, round_trip_ms, symbols)
            floor = _median(placed["post"])
            for name, orders in placed.items():
                if name != "post":
                    yield _new_symbol(name, orders, floor, round_trip_ms)


def burst_rows(asked: Asked) -> Iterator[Row]:
    """Yield how long twenty signals of twenty symbols take that come at once: of new symbols, then of known ones."""
    with ExitStack() as stack:
        everybody = clients(stack, asked.builds, held=60)
        for client in everybody.named.values():
            client.stage.line(BURST_MS)
        new = [(symbol, "buy") for symbol in AT_ONCE]
        ours, began = _at_once(everybody.ours, new), time.monotonic()
        theirs_s = _one_after_the_other_s(everybody.robin_stocks)
        yield _burst("20 buys of new symbols", ours, theirs_s, is_aimed=True)
        if everybody.old is not None:
            yield _burst("the same, 0.1", _at_once(everybody.old, new), theirs_s)
        time.sleep(max(0.0, began + FULL_AGAIN_S - time.monotonic()))
        mixed = [(symbol, "sell" if symbol in AT_ONCE[-5:] else "buy") for symbol in AT_ONCE]
        yield _burst("15 buys, 5 sells, known", _at_once(everybody.ours, mixed), theirs_s, is_aimed=True)


def _bot(stack: ExitStack, build: Build, held: int) -> Client:
    made = stack.enter_context(stage())
    made.book("hold", count=held)
    return Client(stage=made, speaker=stack.enter_context(made.bot(build, background_sync=True)), names="symbols")


def _other(stack: ExitStack, driver: str, names: str) -> Client:
    made = stack.enter_context(stage())
    return Client(stage=made, speaker=stack.enter_context(made.other(driver)), names=names)


def _round(everybody: Clients, symbol: str) -> dict[str, Placed]:
    began = time.monotonic()
    placed = {name: client.place(symbol) for name, client in everybody.named.items()}
    time.sleep(max(0.0, PACE_S - (time.monotonic() - began)))
    return placed


def _rounds(everybody: Clients, round_trip_ms: int, symbols: "list[str] | tuple[str, ...]") -> dict[str, list[Placed]]:
    for client in everybody.named.values():
        client.stage.line(round_trip_ms)
    rounds = [_round(everybody, symbol) for symbol in symbols]
    return {name: [each[name] for each in rounds] for name in rounds[0]}


def _median(orders: list[Placed], what: Callable[[Placed], float] = lambda order: order.took_s) -> float:
    return statistics.median(map(what, orders))


def _requests(orders: list[Placed]) -> str:
    return counted(round(_median(orders, lambda order: order.requests)))


def _warm(placed: dict[str, list[Placed]], round_trip_ms: int, commit_s: float) -> Iterator[Row]:
    floor_s = _median(placed["post"])
    for name, orders in placed.items():
        if name == "post":
            continue
        is_ours = name == "ours"
        least_s = floor_s + commit_s if is_ours else floor_s
        ratio = _median(orders) / least_s
        is_aimed = is_ours and round_trip_ms >= 50
        yield Row(
            what=f"{round_trip_ms} ms: " + ("this build beside POST and commit" if is_ours else f"{name} beside POST"),
            figure=f"{_median(orders) * 1000:.1f} ms, {_requests(orders)}",
            beside=f"{least_s * 1000:.1f} ms",
            ratio=f"{ratio:.2f}",
            target="1 request, 1.10" if is_aimed else "",
            met=ratio <= 1.1 and all(order.requests == 1 for order in orders) if is_aimed else None,
        )


def _new_symbol(name: str, orders: list[Placed], floor_s: float, round_trip_ms: int) -> Row:
    trips = round(_median(orders, lambda order: order.in_turn))
    is_ours = name == "ours"
    return Row(
        what=f"{round_trip_ms} ms: {'this build' if is_ours else name}",
        figure=f"{_median(orders) * 1000:.0f} ms, {trips} in turn",
        beside=f"{floor_s * 1000:.0f} ms",
        ratio=f"{_median(orders) / floor_s:.2f}",
        target="2 in turn" if is_ours else "",
        met=trips <= 2 if is_ours else None,
    )


def _at_once(client: Client, orders: list[tuple[str, str]]) -> dict[str, Any]:
    done: dict[str, Any] = client.speaker.ask("trade_at_once", orders=orders)
    return done


def _one_after_the_other_s(client: Client) -> float:
    client.place(SYMBOLS[0])  # connects
    began = time.monotonic()
    client.speaker.ask("trade", symbols=list(AT_ONCE))
    return time.monotonic() - began


def _burst(what: str, done: dict[str, Any], theirs_s: float, *, is_aimed: bool = False) -> Row:
    lost = [each["action"] for each in done["results"] if each["status"] != "submitted"]
    exits = f", {lost.count('sell')} of them exits" if "sell" in lost else ""
    ratio = done["took_s"] / theirs_s
    return Row(
        what=f"{BURST_MS} ms: {what}; {len(lost)} lost{exits}",
        figure=f"{done['took_s']:.2f} s",
        beside=f"{theirs_s:.2f} s",
        ratio=f"{ratio:.2f}",
        target="0.25, none lost" if is_aimed else "",
        met=ratio <= _OF_ROBIN_STOCKS and not lost if is_aimed else None,
    )
