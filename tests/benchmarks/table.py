"""The tables that the benchmarks print and write: what was measured, beside what, and what is asked of the ratio."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.builds import Builds

_LINE = "{:<58}{:>22}{:>22}{:>10}  {:<18} {}\n".format


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure beside the one it is compared with. ``target`` is what is asked of ``ratio``; empty where nothing is.

    ``ratio`` is a quotient, or what one has more than the other where its unit stands with it.
    """

    what: str
    figure: str
    beside: str
    ratio: str
    target: str = ""
    met: bool | None = None
    """Whether the target is met; None where there is none, or where a person has to judge."""

    @property
    def verdict(self) -> str:
        return "" if self.met is None else "met" if self.met else "missed"

    @property
    def cells(self) -> tuple[str, ...]:
        return self.what, self.figure, self.beside, self.ratio, self.target, self.verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a run measures: the builds, how much of it, and a folder for what it makes."""

    folder: Path
    builds: Builds = field(default_factory=Builds)
    is_long: bool = False
    """Whether a journal of a million records and a replay of 10,000 signals are wanted."""

    @property
    def records(self) -> int:
        return 1_000_000 if self.is_long else 20_000

    @property
    def signals(self) -> int:
        return 10_000 if self.is_long else 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table by its name, which is also that of its place on the page; columns may need what was asked."""

    title: str
    figure: str
    beside: str
    rows: Callable[[Asked], Iterator[Row]]
    only_when_long: bool = False
    """Whether a whole run of a few minutes leaves it out."""

    @property
    def heads(self) -> tuple[str, ...]:
        return self.title, self.figure, self.beside, "ratio", "target", ""


def measured(table: Table, asked: Asked, failures: tuple[type[Exception], ...]) -> list[Row]:
    """Print a table as its rows come, and return them; one that fails ends it with a row that says so."""
    heading(table.title, table.figure, table.beside)
    rows: list[Row] = []
    try:
        for row in table.rows(asked):
            show([row])
            rows.append(row)
    except failures as error:
        sys.stdout.write(f"not measured: {error}\n")
        rows.append(Row(what=f"not measured: {type(error).__name__}", figure="", beside="", ratio=""))
    return rows


def heading(title: str, figure: str, beside: str) -> None:
    """Print what the columns of the next rows hold."""
    sys.stdout.write("\n" + _LINE(title, figure, beside, "ratio", "target", ""))
    sys.stdout.flush()


def show(rows: Iterable[Row]) -> None:
    """Print the rows as they come."""
    for row in rows:
        sys.stdout.write(_LINE(*row.cells))
        sys.stdout.flush()


def as_markdown(table: Table, rows: Sequence[Row]) -> str:
    """Return a table as the page has it."""
    rule = ("---",) * len(table.heads)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (table.heads, rule, *(row.cells for row in rows)))


def with_figures(page: str, figures: Mapping[str, str]) -> str:
    """Return the page with each text in place of what stands between the two marks of its name.

    Raises:
        ValueError: the page has no place for one of them.
    """
    for name, text in figures.items():
        begin, end = f"<!-- figures: {name} -->\n", f"\n<!-- end: {name} -->"
        before, began, rest = page.partition(begin)
        _, ended, after = rest.partition(end)
        if not (began and ended):
            raise ValueError(f"the page has no place for {name}: it needs the lines {begin.strip()} and {end.strip()}")
        page = f"{before}{begin}{text}{end}{after}"
    return page
