"""Rows of a live view in as many columns as there is room for: texts are cut, figures never.

A column without a single cell is left out. A column that is not needed goes next, the one of the highest rank before
the others; then texts give up what they can spare, the longest first. Figures stand to the right, on their decimal
point.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

GAP = "  "


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column; of ``rank`` 0 it is always shown. A text may be cut to ``least`` cells; None is a figure."""

    heading: str
    least: int | None = None
    rank: int = 0

    @property
    def is_figure(self) -> bool:
        """Whether it stands to the right and is never cut."""
        return self.least is None


def fitted(columns: Sequence[Column], rows: Sequence[Sequence[Text]], *, width: int) -> tuple[Text, tuple[Text, ...]]:
    """Return the line of headings and one line a row, no longer than ``width`` cells unless figures need more."""
    cells = [_on_the_point(column, [row[place] for row in rows]) for place, column in enumerate(columns)]
    natural = [_natural(column, those) for column, those in zip(columns, cells, strict=True)]
    shown = _shown(columns, natural, width)
    widths = _widths([columns[place] for place in shown], [natural[place] for place in shown], width)
    fit = [(columns[place], place, wide) for place, wide in zip(shown, widths, strict=True)]
    headings = _line([_padded(column, Text(column.heading), wide) for column, _, wide in fit])
    lines = (
        _line([_padded(column, cells[place][number], wide) for column, place, wide in fit])
        for number in range(len(rows))
    )
    return headings, tuple(lines)


def _natural(column: Column, cells: Sequence[Text]) -> int:
    longest = max(map(_len, cells), default=0)
    return max(len(column.heading), longest) if longest or not cells else 0


def _shown(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int]:
    shown = [place for place in range(len(columns)) if natural[place]]
    for place in sorted(shown, key=lambda place: columns[place].rank, reverse=True):
        if columns[place].rank == 0 or _needed([_least(columns[each], natural[each]) for each in shown]) <= width:
            break
        shown.remove(place)
    return shown


def _widths(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int]:
    widths, least = list(natural), [_least(column, wide) for column, wide in zip(columns, natural, strict=True)]
    while _needed(widths) > width:
        spare = [now - needed for now, needed in zip(widths, least, strict=True)]
        if not any(spare):
            break
        longest = max(range(len(widths)), key=lambda place: (spare[place] > 0, widths[place]))
        widths[longest] -= 1
    return widths


def _least(column: Column, natural: int) -> int:
    return natural if column.least is None else min(natural, max(column.least, len(column.heading)))


def _needed(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * max(0, len(widths) - 1)


def _on_the_point(column: Column, cells: Sequence[Text]) -> list[Text]:
    if not column.is_figure:
        return list(cells)
    places = [len(point) - 1 if (point := cell.plain[_point(cell.plain) :]) else 0 for cell in cells]
    most = max(places, default=0)
    behind = [
        Text(" " * (most - each + (not each))) if most and _is_number(cell.plain) else Text()
        for cell, each in zip(cells, places, strict=True)
    ]
    return [cell + blank for cell, blank in zip(cells, behind, strict=True)]


def _point(text: str) -> int:
    place = text.rfind(".")
    return len(text) if place < 0 else place


def _is_number(text: str) -> bool:
    return bool(text) and text[-1].isdigit()


def _padded(column: Column, cell: Text, width: int) -> Text:
    room = width - _len(cell)
    if room < 0:
        cut = cell.copy()
        cut.truncate(width, overflow="ellipsis")
        return cut
    blank = Text(" " * room)
    return blank + cell if column.is_figure else cell + blank


def _len(cell: Text) -> int:
    return cell_len(cell.plain)


def _line(cells: Sequence[Text]) -> Text:
    return Text(GAP).join(cells)
