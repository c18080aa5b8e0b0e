"""The table that is drawn at a terminal, for which rich is loaded."""

from collections.abc import Collection, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trading_bot.cli.invocation import Invocation


def draw_table(
    headings: Sequence[str],
    cells: Sequence[Sequence[str]],
    *,
    figures: Collection[str],
    needed: int,
    invocation: Invocation,
) -> bool:
    """Draw the table and return True; False where nobody watches, or ``needed`` columns are more than there are.

    Columns headed by one of ``figures`` stand to the right.
    """
    # Too narrow a terminal would fold an id into pieces that nobody can copy; whole lines wrap and stay whole.
    if (console := terminal(invocation)) is None or needed > console.width:
        return False
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in figures else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
    return True


def terminal(invocation: Invocation) -> Console | None:
    """Return a console where people watch stdout and can see more than plain lines; None anywhere else."""
    if invocation.json or invocation.quiet:
        return None
    console = Console(no_color=invocation.no_color or None, highlight=False)
    return console if console.is_terminal and not console.is_dumb_terminal else None
