"""A progress bar on stderr for a replay whose lines go to a file or a pipe."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from trading_bot.bot_events import BotListener
from trading_bot.cli.render.summary import RunSummary
from trading_bot.cli.render.text import exchange_time
from trading_bot.cli.render.views import RunView
from trading_bot.order_management.models import OrderEnvelope
from trading_bot.signals import SignalResult


class WithProgress:
    """Does what ``view`` does, and shows on ``screen`` how much of the replayed time is over."""

    def __init__(self, view: RunView, *, screen: Console, zone: ZoneInfo, span: tuple[datetime, datetime]) -> None:
        self._view = view
        self._zone = zone
        self._begin = span[0]
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=screen,
            transient=True,
            expand=True,
        )
        self._task = self._progress.add_task("replay", total=(span[1] - span[0]).total_seconds())

    @property
    def listener(self) -> BotListener | None:
        """What the view hears events with."""
        return self._view.listener

    def showing(self) -> Progress:
        """Draw the bar; leave nothing behind. The view has to need no screen of its own."""
        return self._progress

    def took(self, result: SignalResult, now: datetime) -> None:
        """Tell the view, and move the bar."""
        self._view.took(result, now)
        self._move(now)

    def changed(self, order: OrderEnvelope, now: datetime) -> None:
        """Tell the view."""
        self._view.changed(order, now)

    def looked(self, orders: Sequence[OrderEnvelope], now: datetime) -> None:
        """Tell the view, and move the bar."""
        self._view.looked(orders, now)
        self._move(now)

    def finished(self, summary: RunSummary) -> None:
        """Tell the view."""
        self._view.finished(summary)

    def _move(self, now: datetime) -> None:
        done = (now - self._begin).total_seconds()
        self._progress.update(self._task, description=exchange_time(now, self._zone), completed=done)
