"""The moving picture of a run at a terminal: a progress bar over the newest orders, then the full tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from trading_bot.bot_events import BotListener
from trading_bot.cli.render.summary import RunSummary
from trading_bot.cli.render.text import average, dollars, exchange_time, printable, shares
from trading_bot.cli.render.views import fate_word, result_text, summary_rows
from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.models import ClientOrderId, OrderEnvelope, OrderState, Side
from trading_bot.signals import SignalResult

_STYLES = {
    OrderState.FILLED: "green",
    OrderState.CANCELLED: "dim",
    OrderState.REJECTED: "red",
    OrderState.NOT_SENT: "red",
    OrderState.UNKNOWN: "bold red",
    OrderState.PARTIALLY_FILLED: "yellow",
}
_LINES_AROUND = 8
"""Terminal lines that the picture needs besides its order rows."""
_REFRESHES_PER_S = 12
_MOST_ROWS = 500
"""More than any terminal has: the picture needs no other orders."""

Span: TypeAlias = tuple[datetime, datetime]
"""The first and the last moment of a replay."""


class LiveView:
    """Draws on stderr while the run lasts; the final tables, being data, go to stdout."""

    listener: BotListener | None = None

    def __init__(
        self, *, screen: Console, out: Console, zone: ZoneInfo, span: Span | None, clock: Clock, linger_s: Seconds = 0
    ) -> None:
        self._screen = screen
        self._out = out
        self._zone = zone
        self._span = span
        self._clock = clock
        self._linger_s = linger_s
        self._orders: dict[ClientOrderId, OrderEnvelope] = {}
        self._latest = Text()
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=None), TextColumn("{task.fields[note]}"), expand=True
        )
        self._task = self._progress.add_task("waiting", total=_length(span), note="")
        self._signals = 0

    def showing(self) -> Live:
        """Draw a dozen times a second; leave nothing behind."""
        return Live(
            get_renderable=self._picture, console=self._screen, transient=True, refresh_per_second=_REFRESHES_PER_S
        )

    def took(self, result: SignalResult, now: datetime) -> None:
        """Show the result below the orders until the next one comes."""
        self._signals += 1
        self._latest = Text(f"{exchange_time(now, self._zone)}  {result.status:<12} {result_text(result)}")
        self._move(now)

    def changed(self, order: OrderEnvelope, now: datetime) -> None:
        """The table shows it with the next picture."""

    def looked(self, orders: Sequence[OrderEnvelope], now: datetime) -> None:
        """Take the orders for the next picture, and give people time to see it."""
        self._take(orders)
        self._move(now)
        self._clock.sleep(self._linger_s)

    def finished(self, summary: RunSummary) -> None:
        """Print every order of the run and the summary."""
        self._out.print(orders_table(summary.orders))
        self._out.print(summary_table(summary))

    def _take(self, orders: Sequence[OrderEnvelope]) -> None:
        held = self._orders | {order.client_order_id: order for order in orders}
        if len(held) > 2 * _MOST_ROWS:
            held = {order.client_order_id: order for order in newest(tuple(held.values()), _MOST_ROWS)}
        self._orders = held  # the thread that draws has the one before, or this one

    def _move(self, now: datetime) -> None:
        done = (now - self._span[0]).total_seconds() if self._span else None
        self._progress.update(
            self._task, description=exchange_time(now, self._zone), completed=done, note=f"signals {self._signals}"
        )

    def _picture(self) -> Group:
        room = max(1, self._screen.size.height - _LINES_AROUND)
        return Group(self._progress, orders_table(newest(tuple(self._orders.values()), room)), self._latest)


def _length(span: Span | None) -> Seconds | None:
    return (span[1] - span[0]).total_seconds() if span else None


def newest(orders: Sequence[OrderEnvelope], room: int) -> tuple[OrderEnvelope, ...]:
    """Return as many orders as there is room for: working ones before finished ones, newer before older."""
    numbered = sorted(enumerate(orders), key=lambda each: (each[1].state.is_terminal, -each[0]))
    return tuple(order for _, order in sorted(numbered[:room]))


def orders_table(orders: Sequence[OrderEnvelope]) -> Table:
    """Return the orders as a table, one row each."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Symbol", "Side", "State", "Strategy"):
        table.add_column(heading, no_wrap=True)
    for heading in ("Filled", "Limit", "Average"):
        table.add_column(heading, justify="right", no_wrap=True)
    for order in orders:
        table.add_row(
            Text(printable(order.symbol)),
            Text(order.side.value, style="cyan" if order.side is Side.BUY else "magenta"),
            Text(fate_word(order), style=_style(order)),
            Text(printable(order.strategy_name or "-")),
            f"{shares(order.filled_quantity)} / {order.quantity}",
            dollars(order.limit_price),
            average(order.average_price),
        )
    return table


def _style(order: OrderEnvelope) -> str:
    if order.state is OrderState.CANCELLED and order.filled_quantity > 0:
        return "yellow"
    return _STYLES.get(order.state, "")


def summary_table(summary: RunSummary) -> Table:
    """Return the summary as two columns."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for label, text in summary_rows(summary):
        table.add_row(label, Text(text))
    return table
