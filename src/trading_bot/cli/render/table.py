"""Rows for people: a table at a terminal, and aligned columns anywhere else."""

import sys
from collections.abc import Sequence

import click

from trading_bot.cli.invocation import Invocation
from trading_bot.cli.lazy import load
from trading_bot.cli.render.text import printable
from trading_bot.config.environment import may_force_a_terminal

_DRAWN = "trading_bot.cli.render.terminal_table:draw_table"
_FIGURES = frozenset(
    {
        *("quantity", "filled", "limit", "average", "held", "free", "cost", "price", "amount", "proceeds", "result"),
        *("value", "open", "cash", "today"),
        *("signals", "orders", "fills", "filled %", "realised", "unrealised", "equity"),
    }
)
"""Headings of columns that are read as figures, and so stand to the right."""
_GAP = "  "


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, invocation: Invocation) -> None:
    """Write rows under their headings: a table at a terminal, aligned columns anywhere else."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    needed = sum(widths) + len(_GAP) * len(widths)
    may_be_watched = sys.stdout.isatty() or may_force_a_terminal()
    if may_be_watched and load(_DRAWN)(headings, cells, figures=_FIGURES, needed=needed, invocation=invocation):
        return
    for row in ([*headings], *cells):
        shown = (_aligned(cell, heading, width) for cell, heading, width in zip(row, headings, widths, strict=True))
        click.echo(_GAP.join(shown).rstrip())


def _aligned(cell: str, heading: str, width: int) -> str:
    return cell.rjust(width) if heading in _FIGURES else cell.ljust(width)
