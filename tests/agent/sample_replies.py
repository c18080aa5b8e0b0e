"""Good replies of the agent interface as it was seen, 2026-08 to 2026-10, and every odd way to say one field of them.

Shapes, keys, digits after the point and nulls are as seen or as the server's own schema allows; every id, account
number, time, price and amount is invented.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from trading_bot.robinhood.strict_json import listed_json

FOLDER = Path(__file__).parent / "samples"
ACCOUNT = "512340008"
_ODD = rb"""[null, "", " ", "?", "0", "-1", "1E400", "tradable", "2026-10-14", 0, -1, 1000000000000000000000000000000,
0.5, NaN, true, false, [], {}, [null], {"a": null}, "http://[", "\u0000", "\u202e", "512340001", "0E-8"]"""


@dataclass(frozen=True)
class Sample:
    """The ``data`` of one reply; ``is_captured`` tells a stored reply from a reported or documented one."""

    name: str
    is_captured: bool
    data: Any

    def __str__(self) -> str:
        """Name the sample in a test's id."""
        return self.name


@cache
def samples(tool: str) -> tuple[Sample, ...]:
    """Return the good replies of one tool."""
    content = json.loads((FOLDER / f"{tool}.json").read_text())
    return tuple(
        Sample(name=each["name"], is_captured=each["certainty"] == "captured", data=as_read(each["data"]))
        for each in content["samples"]
        if "data" in each
    )


def sample(tool: str, start: str) -> dict[str, Any]:
    """Return the data of the sample whose name starts so, as a copy to be changed."""
    [found] = (each.data for each in samples(tool) if each.name.startswith(start))
    assert isinstance(found, dict)
    return dict(as_read(found))


def as_read(data: object) -> dict[str, Any]:
    """Return data as the calls give it: its numbers decimal."""
    found = listed_json(json.dumps(data, default=str).encode())
    assert isinstance(found, dict)
    return found


@cache
def odd_values() -> tuple[object, ...]:
    """Return values of every kind that JSON can hold."""
    found = listed_json(_ODD)
    assert isinstance(found, list)
    return tuple(found)


def varied(data: object) -> Iterator[Any]:
    """Yield the data with one thing in it missing or odd, for each thing in it and each odd value."""
    yield from odd_values()
    if isinstance(data, dict):
        for key, value in data.items():
            yield {name: other for name, other in data.items() if name != key}
            for each in varied(value):
                yield {**data, key: each}
    elif isinstance(data, list):
        for at, value in enumerate(data[:2]):
            for each in varied(value):
                yield [*data[:at], each, *data[at + 1 :]]
