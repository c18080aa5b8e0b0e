"""Rows for people: a table at a terminal, and aligned columns anywhere else."""

from collections.abc import Sequence

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.text import printable

_FIGURES = frozenset({"quantity", "filled", "limit", "average", "held", "free", "cost"})
"""Headings of columns that are read as figures, and so stand to the right."""
_GAP = "  "


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, invocation: Invocation) -> None:
    """Write rows under their headings: a table at a terminal, aligned columns anywhere else."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    needed = sum(widths) + len(_GAP) * len(widths)
    # Too narrow a terminal would fold an id into pieces that nobody can copy; whole lines wrap and stay whole.
    if (console := terminal(invocation)) is not None and needed <= console.width:
        _print_rich(console, headings, cells)
        return
    for row in ([*headings], *cells):
        shown = (_aligned(cell, heading, width) for cell, heading, width in zip(row, headings, widths, strict=True))
        click.echo(_GAP.join(shown).rstrip())


def terminal(invocation: Invocation, *, stderr: bool = False) -> Console | None:
    """Return a console where people watch the stream and can see more than plain lines; None anywhere else."""
    if invocation.json or invocation.quiet:
        return None
    console = Console(stderr=stderr, no_color=invocation.no_color or None, highlight=False)
    return console if console.is_terminal and not console.is_dumb_terminal else None


def _print_rich(console: Console, headings: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in _FIGURES else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def _aligned(cell: str, heading: str, width: int) -> str:
    return cell.rjust(width) if heading in _FIGURES else cell.ljust(width)
