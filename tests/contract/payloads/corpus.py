"""Published replies of the broker, 2016 to 2026, and every small way in which a field of one can be odd.

Shapes, spellings, decimals and nulls of the samples are as published; ids, names, amounts and times are invented.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "samples"
STRANGER_ID = "0badf00d-0000-4000-8000-00000000beef"
STRANGER_ACCOUNT = "9ZZ98765"
NO_ADDRESS = "http://["
MUST_BE_READ_FROM = 2021


@dataclass(frozen=True)
class Sample:
    """One published reply; ``is_captured`` tells a pasted reply from a documented or typed one."""

    name: str
    year: int
    is_captured: bool
    body: object

    @property
    def must_be_read(self) -> bool:
        """Whether it is one that the broker is known to have sent, in a form that it still sends."""
        return self.is_captured and self.year >= MUST_BE_READ_FROM

    @property
    def rows(self) -> list[object]:
        """The rows of a page, or the one row."""
        rows = self.body.get("results") if isinstance(self.body, dict) else None
        return rows if isinstance(rows, list) else [self.body]


@cache
def samples(endpoint: str) -> tuple[Sample, ...]:
    """Return the samples of one file."""
    content = json.loads((FOLDER / f"{endpoint}.json").read_text())
    return tuple(
        Sample(
            name=each["name"],
            year=int(each["seen"][:4]),
            is_captured=each["certainty"] == "captured",
            body=each["body"],
        )
        for each in content["samples"]
    )


def sample_row(endpoint: str, name: str) -> dict[str, object]:
    """Return one sample that is a row, as a copy to be changed."""
    [body] = (each.body for each in samples(endpoint) if each.name == name)
    assert isinstance(body, dict)
    return dict(json.loads(json.dumps(body)))


@dataclass(frozen=True)
class Change:
    """A row with one field changed; ``field`` is its path, ``how`` what was done to it."""

    field: str
    how: str
    row: dict[str, object]

    @property
    def top(self) -> str:
        """The field of the row itself that holds the changed one."""
        return self.field.partition(".")[0]

    def __str__(self) -> str:
        """Name the change in a test's id."""
        return f"{self.field}-{self.how}"


def changes(row: dict[str, object]) -> Iterator[Change]:
    """Yield the row with each field in turn removed, nulled, re-cased, as another type, with a unjournaled's value."""
    for path in _paths(row):
        field = ".".join(map(str, path))
        changed = json.loads(json.dumps(row))
        del _holder(changed, path)[path[-1]]
        yield Change(field, "removed", changed)
        for how, value in _values(_holder(row, path)[path[-1]]):
            changed = json.loads(json.dumps(row))
            _holder(changed, path)[path[-1]] = value
            yield Change(field, how, changed)


def _paths(value: object, start: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*start, key)
        yield from _paths(inner, (*start, key))


def _holder(row, path):
    for step in path[:-1]:
        row = row[step]
    return row


def _values(value: object) -> Iterator[tuple[str, object]]:
    yield "null", None
    if isinstance(value, str):
        yield "re-cased", f" {value.upper()} "
        yield "empty", ""
    yield "retyped", _retyped(value)
    yield "strange", _strange(value)
    if isinstance(value, str) and "://" in value:
        yield "no-address", NO_ADDRESS


def _retyped(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        number = _number(value)
        return 7 if number is None else float(number)
    return [] if isinstance(value, dict) else {}


def _strange(value: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 97
    return _strange_text(value) if isinstance(value, str) else "a unjournaled"


def _strange_text(value: str) -> str:
    if "/accounts/" in value:
        return f"https://api.robinhood.com/accounts/{STRANGER_ACCOUNT}/"
    if "://" in value:
        return f"{value.rstrip('/').rpartition('/')[0]}/{STRANGER_ID}/"
    if _number(value) is not None:
        return "987654.321"
    if _is_uuid(value):
        return STRANGER_ID
    return "1999-12-31T23:59:59Z" if value[:2] == "20" else "a_word_nobody_knows"


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
