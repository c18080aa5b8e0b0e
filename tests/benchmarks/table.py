"""The table that every benchmark prints: what was measured, beside what, and what is asked of the ratio."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass

_LINE = "{:<58}{:>22}{:>22}{:>10}  {:<34} {}\n".format


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


def heading(title: str, figure: str, beside: str) -> None:
    """Print what the columns of the next rows hold."""
    sys.stdout.write("\n" + _LINE(title, figure, beside, "ratio", "target", ""))
    sys.stdout.flush()


def show(rows: Iterable[Row]) -> None:
    """Print the rows as they come."""
    for row in rows:
        sys.stdout.write(_LINE(row.what, row.figure, row.beside, row.ratio, row.target, row.verdict))
        sys.stdout.flush()
