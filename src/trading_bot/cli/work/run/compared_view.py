"""Shows at the end of a replay what it came to beside the earlier replays of the same input."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from decimal import Decimal, InvalidOperation

from trading_bot.bot_events import BotListener
from trading_bot.cli.errors import notice
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.cli.render.summary import RunSummary
from trading_bot.cli.render.table import print_table
from trading_bot.cli.render.views import RunView
from trading_bot.cli.work.run.replay_results import ReplayResults
from trading_bot.event_json import REPLAY_COMPARED
from trading_bot.order_management.models import OrderEnvelope
from trading_bot.signals import RESULT_VERSION, SignalResult

SHOWN_EARLIER = 9
"""How many earlier replays of the input are shown, the latest ones. Chosen."""

_HEADINGS = ("replay", "signals", "orders", "fills", "filled %", "realised", "unrealised", "equity", "settings")
_CENT = Decimal("0.01")


class ComparedView:
    """Does what ``view`` does; at the end it keeps the figures of the run, and shows them beside earlier ones."""

    def __init__(self, view: RunView, *, results: ReplayResults, invocation: Invocation) -> None:
        self._view = view
        self._results = results
        self._invocation = invocation

    @property
    def listener(self) -> BotListener | None:
        """What the view hears events with."""
        return self._view.listener

    def showing(self) -> AbstractContextManager[object]:
        """Show the run as the view does."""
        return self._view.showing()

    def took(self, result: SignalResult, now: datetime) -> None:
        """Tell the view."""
        self._view.took(result, now)

    def changed(self, order: OrderEnvelope, now: datetime) -> None:
        """Tell the view."""
        self._view.changed(order, now)

    def looked(self, orders: Sequence[OrderEnvelope], now: datetime) -> None:
        """Tell the view."""
        self._view.looked(orders, now)

    def finished(self, summary: RunSummary) -> None:
        """Let the view finish, and show the comparison: before it as JSON, where the summary is the last line."""
        try:
            run, earlier = self._results.kept(summary)
        except OSError as error:
            self._view.finished(summary)
            reason = error.strerror or error
            notice(f"the result of this replay was not kept ({reason}); free or repair the disk", self._invocation)
            return
        shown = earlier[-SHOWN_EARLIER:]
        if self._invocation.json:
            print_json({"v": RESULT_VERSION, "event": REPLAY_COMPARED, "run": run, "earlier": list(shown)})
            self._view.finished(summary)
            return
        self._view.finished(summary)
        if not self._invocation.quiet:
            _show(run, shown, invocation=self._invocation)


def _show(run: Mapping[str, object], earlier: Sequence[Mapping[str, object]], *, invocation: Invocation) -> None:
    print_line("")
    if not earlier:
        print_line(f"the first replay of this input ({run['input']}); the next one is compared with it")
    rows = [*(_cells(each, name=f"{str(each.get('at'))[:19]}Z") for each in earlier), _cells(run, name="this one")]
    print_table(_HEADINGS, rows, invocation=invocation)


def _cells(row: Mapping[str, object], *, name: str) -> tuple[str, ...]:
    settings = row.get("settings")
    told = ", ".join(f"{key}={value}" for key, value in settings.items()) if isinstance(settings, dict) else ""
    ratio = _number(row.get("fill_ratio"))
    return (
        name,
        *(str(row.get(key)) for key in ("signals", "orders", "fills")),
        "-" if ratio is None else f"{ratio * 100:.1f}",
        *(_cents(_number(row.get(key))) for key in ("realised", "unrealised", "equity")),
        told or "defaults",
    )


def _cents(amount: Decimal | None) -> str:
    return "not known" if amount is None else f"{amount.quantize(_CENT):,f}"


def _number(text: object) -> Decimal | None:
    try:
        return None if text is None else Decimal(str(text))
    except InvalidOperation:
        return None
