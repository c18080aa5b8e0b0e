"""Commands typed at a terminal: whole processes, with their imports, their connection and their journal."""

import itertools
import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.network.broker_book import SYMBOLS
from tests.benchmarks.network.exchanges import in_turn, requests_in
from tests.benchmarks.network.stage import Build, Ran, Stage, stage, this_build
from tests.benchmarks.table import Row

ROUND_TRIPS_MS = (0, 50, 100)
RUNS = 3
SYMBOL = SYMBOLS[0]
POSITIONS = 100
_INSTRUMENT = "https://api.robinhood.com/instruments/00000000-0000-0005-0000-000000000001/"
_STEPS = itertools.count()
"""Each order has a price of its own, so that none stands for another."""

_MOST_ABOVE_FLOOR = 3
_MOST_FOR_POSITIONS = 1.2


def cold_rows(old: Build | None) -> Iterator[Row]:
    """Yield how many round trips in turn a `buy` takes more than a process that only posts, and how long."""
    builds = [this_build()] if old is None else [this_build(), old]
    with ExitStack() as stack:
        # A broker for each: an order of one build would be an unknown one to the other.
        stages = {build: stack.enter_context(stage()) for build in builds}
        bare = stack.enter_context(stage())
        homes = {build: made.home(build) for build, made in stages.items()}
        for build, made in stages.items():
            _buy(made, build, homes[build])  # begins the journal, and learns the symbol
        for round_trip_ms in ROUND_TRIPS_MS:
            floor: list[Ran] = []
            runs: dict[str, list[Ran]] = {build.name: [] for build in builds}
            for _ in range(RUNS):
                for build, made in stages.items():
                    made.line(round_trip_ms)
                    runs[build.name].append(_buy(made, build, homes[build]))
                bare.line(round_trip_ms)
                floor.append(bare.run_floor(_INSTRUMENT))
            for name, ran in runs.items():
                yield _cold(name, ran, floor, round_trip_ms)


def position_rows(_old: Build | None) -> Iterator[Row]:
    """Yield what commands take on an account with a hundred positions, beside one with none, from the second run on."""
    ours = this_build()
    with stage() as poor, stage() as rich:
        homes = {poor: poor.home(ours), rich: rich.home(ours)}
        rich.book("hold", count=POSITIONS)
        for made, home in homes.items():
            made.line(50)
            _buy(made, ours, home)
        commands = {
            "orders": ["orders"],
            "positions": ["positions"],
            "sync": ["sync"],
            "buy": [],
        }
        for name, arguments in commands.items():
            runs: dict[Stage, list[Ran]] = {poor: [], rich: []}
            for _ in range(RUNS):
                for made, home in homes.items():
                    ran = made.run(ours, home, *arguments) if arguments else _buy(made, ours, home)
                    runs[made].append(ran)
            yield _beside(name, runs[rich], runs[poor])


def _buy(made: Stage, build: Build, home: Path) -> Ran:
    price = f"{100 - next(_STEPS) / 20:.2f}"
    return made.run(build, home, "buy", SYMBOL, "1", "--reference-price", price)


def _took(ran: list[Ran]) -> float:
    return statistics.median(each.took_s for each in ran)


def _trips(ran: list[Ran]) -> int:
    return round(statistics.median(in_turn(each.exchanges) for each in ran))


def _cold(name: str, ran: list[Ran], floor: list[Ran], round_trip_ms: int) -> Row:
    requests = round(statistics.median(requests_in(each.exchanges) for each in ran))
    is_aimed = name == "this build" and round_trip_ms > 0
    above = _trips(ran) - _trips(floor)
    trips = f", {_trips(ran)} in turn" if round_trip_ms else ""
    return Row(
        what=f"{round_trip_ms} ms: {name}, {requests} requests",
        figure=f"{_took(ran) * 1000:,.0f} ms{trips}",
        beside=f"{_took(floor) * 1000:,.0f} ms{f', {_trips(floor)}' if round_trip_ms else ''}",
        ratio=f"{above:+d}" if round_trip_ms else f"{_took(ran) / _took(floor):.2f}",
        target=f"+{_MOST_ABOVE_FLOOR} in turn" if is_aimed else "",
        met=above <= _MOST_ABOVE_FLOOR if is_aimed else None,
    )


def _beside(name: str, rich: list[Ran], poor: list[Ran]) -> Row:
    ratio = _took(rich) / _took(poor)
    is_aimed = name != "sync"
    counts = [round(statistics.median(requests_in(each.exchanges) for each in ran)) for ran in (rich, poor)]
    return Row(
        what=f"50 ms: `{name}`",
        figure=f"{_took(rich):.2f} s, {counts[0]} requests",
        beside=f"{_took(poor):.2f} s, {counts[1]} requests",
        ratio=f"{ratio:.2f}",
        target=f"{_MOST_FOR_POSITIONS}" if is_aimed else "",
        met=ratio <= _MOST_FOR_POSITIONS if is_aimed else None,
    )
