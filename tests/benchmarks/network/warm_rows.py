"""Orders of a bot that runs: a warm one, the first one in a symbol, and twenty at once."""

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.network.broker_book import SYMBOLS
from tests.benchmarks.network.exchanges import in_turn, requests_in
from tests.benchmarks.network.stage import Build, ClientFailedError, Speaker, Stage, stage, this_build
from tests.benchmarks.table import Row

ROUND_TRIPS_MS = (0, 20, 50, 100)
ROUNDS = 9
PACE_S = 1.0
"""From one order of a client to its next: the rate that our own budget allows for long."""

KNOWN = SYMBOLS[:2]
AT_ONCE = SYMBOLS[40:60]
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
    def beside(self) -> dict[str, Client]:
        named = {"robin_stocks": self.robin_stocks, "0.1": self.old}
        return {name: client for name, client in named.items() if client is not None}


def clients(stack: ExitStack, old: Build | None) -> Clients:
    """Start everybody; the bots poll in the background, as a bot that runs does."""
    return Clients(
        ours=_bot(stack, this_build()),
        post=_other(stack, "drive_post.py", "instruments"),
        robin_stocks=_other(stack, "drive_robin_stocks.py", "symbols"),
        old=None if old is None else _bot(stack, old),
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


def warm_rows(old: Build | None) -> Iterator[Row]:
    """Yield what an order in a known symbol takes, beside a bare POST of the same run and one durable commit."""
    with ExitStack() as stack:
        everybody = clients(stack, old)
        for symbol in KNOWN * 2:
            _round(everybody, symbol)
        for round_trip_ms in ROUND_TRIPS_MS:
            commit_s = durable_commit_s()
            placed = _rounds(everybody, round_trip_ms, [KNOWN[number % 2] for number in range(ROUNDS)])
            yield from _warm(placed, round_trip_ms, commit_s)


def new_symbol_rows(old: Build | None) -> Iterator[Row]:
    """Yield how many round trips in turn the first order in a symbol takes."""
    with ExitStack() as stack:
        everybody = clients(stack, old)
        _round(everybody, SYMBOLS[0])
        for round_trip_ms in (50, 100):
            symbols = SYMBOLS[2 + round_trip_ms // 5 :][:5]
            placed = _rounds(everybody, round_trip_ms, symbols)
            floor = _median(placed["post"])
            for name, orders in placed.items():
                if name != "post":
                    yield _new_symbol(name, orders, floor, round_trip_ms)


def burst_rows(old: Build | None) -> Iterator[Row]:
    """Yield how long twenty signals of twenty symbols take that come at once: of new symbols, then of known ones."""
    with ExitStack() as stack:
        everybody = clients(stack, old)
        held = list(AT_ONCE[-5:])
        everybody.ours.stage.book("hold", count=60)
        for client in (everybody.ours, everybody.robin_stocks, everybody.old):
            if client is not None:
                client.stage.line(50)
        everybody.ours.speaker.ask("sync")
        everybody.robin_stocks.place(SYMBOLS[0])
        began = time.monotonic()
        everybody.robin_stocks.speaker.ask("trade", symbols=list(AT_ONCE))
        theirs_s = time.monotonic() - began
        new = [(symbol, "buy") for symbol in AT_ONCE]
        yield _burst("20 buys of 20 new symbols", everybody.ours, new, theirs_s, target=True)
        if everybody.old is not None:
            yield _burst("the same, 0.1", everybody.old, new, theirs_s, target=False)
        time.sleep(PACE_S * 6)  # our own budget fills up again
        mixed = [(symbol, "sell" if symbol in held else "buy") for symbol in AT_ONCE]
        yield _burst("15 buys and 5 sells of 20 known symbols", everybody.ours, mixed, theirs_s, target=True)


def _bot(stack: ExitStack, build: Build) -> Client:
    made = stack.enter_context(stage())
    return Client(stage=made, speaker=stack.enter_context(made.bot(build, background_sync=True)), names="symbols")


def _other(stack: ExitStack, driver: str, names: str) -> Client:
    made = stack.enter_context(stage())
    return Client(stage=made, speaker=stack.enter_context(made.other(driver)), names=names)


def _named(everybody: Clients) -> dict[str, Client]:
    return {"ours": everybody.ours, "post": everybody.post, **everybody.beside}


def _round(everybody: Clients, symbol: str) -> dict[str, Placed]:
    began = time.monotonic()
    placed = {name: client.place(symbol) for name, client in _named(everybody).items()}
    time.sleep(max(0.0, PACE_S - (time.monotonic() - began)))
    return placed


def _rounds(everybody: Clients, round_trip_ms: int, symbols: "list[str] | tuple[str, ...]") -> dict[str, list[Placed]]:
    for client in _named(everybody).values():
        client.stage.line(round_trip_ms)
    rounds = [_round(everybody, symbol) for symbol in symbols]
    return {name: [each[name] for each in rounds] for name in rounds[0]}


def _median(orders: list[Placed], what: Callable[[Placed], float] = lambda order: order.took_s) -> float:
    return statistics.median(map(what, orders))


def _requests(orders: list[Placed]) -> str:
    count = round(_median(orders, lambda order: order.requests))
    return f"{count} request{'' if count == 1 else 's'}"


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


def _burst(what: str, client: Client, orders: list[tuple[str, str]], theirs_s: float, *, target: bool) -> Row:
    client.stage.exchanges()
    done: dict[str, Any] = client.speaker.ask("trade_at_once", orders=orders)
    lost = sum(each["status"] != "submitted" for each in done["results"])
    ratio = done["took_s"] / theirs_s
    posts = sum(each.what == "POST /orders/" for each in client.stage.exchanges())
    return Row(
        what=f"50 ms: {what}, {posts} taken",
        figure=f"{done['took_s']:.2f} s, {lost} lost",
        beside=f"{theirs_s:.2f} s",
        ratio=f"{ratio:.2f}",
        target="0.25, none lost" if target else "",
        met=ratio <= 0.25 and not lost if target else None,
    )
