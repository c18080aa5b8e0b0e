"""One run from the first signal to the summary: what `run` and `demo` have in common."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rich.console import Console

from trading_bot.cli.errors import CommandError, report
from trading_bot.cli.exit_codes import ExitCode, exit_code_of_trade
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.live_view import LiveView
from trading_bot.cli.render.replay_progress import WithProgress
from trading_bot.cli.render.summary import RunSummary, Tally, holdings_of, summarize
from trading_bot.cli.render.views import JsonView, PlainView, RunView, fate_text
from trading_bot.cli.work.run.order_watch import OrderWatch
from trading_bot.cli.work.stop_request import StopRequest, stop_on_signals
from trading_bot.clock import Seconds, SystemClock
from trading_bot.config import Config, OnStop
from trading_bot.order_management.results import CancelResult, SyncSummary
from trading_bot.prose import clause
from trading_bot.signals import Replay, SignalError, SignalLine, SignalResult, SignalRunner, parse_signal

if TYPE_CHECKING:
    from trading_bot.bot import TradingBot

_LOOK_EVERY_S: Seconds = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPlan:
    """The stretch of virtual time a replay covers."""

    start: datetime
    until: datetime


def plan_replay(lines: Iterable[SignalLine], *, config: Config, settle_s: Seconds | None) -> ReplayPlan:
    """Begin at the first signal's time; end ``settle_s`` after the last, or else at the close of its session.

    Raises:
        CommandError: no signal has a time.
    """
    times = [signal_time for line in lines if (signal_time := _time_of(line))]
    if not times:
        raise CommandError(
            "a replay follows the 'at' of the signals and none has one; add times or leave --replay out",
            exit_code=ExitCode.USAGE,
        )
    first, last = min(times), max(times)
    if settle_s is not None:
        return ReplayPlan(start=first, until=last + timedelta(seconds=settle_s))
    hours = config.trading.market_hours
    end = hours.close_after(last) if hours.is_open(last) else last
    # Two more polls, so that what the close did to the orders is read.
    return ReplayPlan(start=first, until=end + 2 * timedelta(seconds=config.order_management.poll_interval_seconds))


def _time_of(line: SignalLine) -> datetime | None:
    try:
        signal = parse_signal(line)
    except SignalError:
        return None  # the run reports the line
    return signal.at if signal else None


def choose_view(invocation: Invocation, *, zone: ZoneInfo, plan: ReplayPlan | None, linger_s: Seconds = 0) -> RunView:
    """Return JSON under ``--json``, the moving picture at a terminal, and plain lines anywhere else.

    A replay whose lines go elsewhere has a progress bar if stderr is a terminal. ``linger_s`` is how long the moving
    picture rests after each look at the orders.
    """
    out, screen = _console(invocation, stderr=False), _console(invocation, stderr=True)
    span = (plan.start, plan.until) if plan else None
    if invocation.json or invocation.quiet or not (_is_terminal(out) and _is_terminal(screen)):
        view = JsonView() if invocation.json else PlainView(zone=zone, quiet=invocation.quiet)
        has_bar = span is not None and _is_terminal(screen) and not (invocation.quiet or _is_terminal(out))
        return WithProgress(view, screen=screen, zone=zone, span=span) if span is not None and has_bar else view
    return LiveView(screen=screen, out=out, zone=zone, span=span, clock=SystemClock(), linger_s=linger_s)


def _console(invocation: Invocation, *, stderr: bool) -> Console:
    return Console(stderr=stderr, no_color=invocation.no_color or None, highlight=False)


def _is_terminal(console: Console) -> bool:
    return console.is_terminal and not console.is_dumb_terminal


class Session:
    """Runs signals through a bot and shows what happens; always stops the bot in the end.

    ``start`` starts the bot and says whether it did; without it the bot is started at once or not at all. ``at_end``
    is called with the bot before it is stopped. A run that ``is_unattended`` answers a SIGHUP, by which others read
    their settings anew, with what to do instead, and fails if every signal was refused.
    """

    def __init__(
        self,
        *,
        bot: "TradingBot",
        view: RunView,
        invocation: Invocation,
        start: Callable[[StopRequest], bool] | None = None,
        at_end: Callable[["TradingBot"], object] | None = None,
        is_unattended: bool = False,
    ) -> None:
        self._bot = bot
        self._start = start or self._start_now
        self._at_end = at_end
        self._view = view
        self._invocation = invocation
        self._tally = Tally()
        self._watch = OrderWatch()
        self._problem: str | None = None
        self._is_unattended = is_unattended
        self._was_hung_up = False

    def run(self, lines: Iterable[SignalLine | None], *, plan: ReplayPlan | None, settle_s: Seconds | None) -> ExitCode:
        """Run to the end or to a stop signal, show the summary, and return the exit code."""
        on_hangup = self._hung_up if self._is_unattended else None
        with stop_on_signals(also=self._bot.is_asked_to_stop, on_hangup=on_hangup) as stop, self._listening():
            try:
                if not self._start(stop):
                    return stop.exit_code
                self._bot.manager.subscribe(self._watch.note)
                with self._view.showing():
                    self._drive(lines, plan=plan, settle_s=settle_s, stop=stop)
                holdings = holdings_of(self._bot)
                if self._at_end is not None:
                    self._at_end(self._bot)
            finally:
                cancels = self._bot.stop()
            self._say_cancelled(cancels)
            summary = summarize(self._tally, self._bot, holdings=holdings)
            self._view.finished(summary)
        return self._ending(summary, stop)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Let the view hear every event of the run, what the start finds included."""
        if self._view.listener is None:
            yield
            return
        unsubscribe = self._bot.subscribe(self._view.listener)
        try:
            yield
        finally:
            unsubscribe()

    def _start_now(self, _stop: StopRequest) -> bool:
        self._bot.start()
        return True

    def _drive(
        self,
        lines: Iterable[SignalLine | None],
        *,
        plan: ReplayPlan | None,
        settle_s: Seconds | None,
        stop: StopRequest,
    ) -> None:
        replay = self._replay(stop) if plan else None
        runner = SignalRunner(bot=self._bot, on_result=self._took, on_idle=self._look, should_stop=stop, replay=replay)
        runner.run(lines)
        if plan and replay:
            replay.advance_to(plan.until)
        elif settle_s:
            self._settle(settle_s, stop)
        self._look()

    def _replay(self, stop: StopRequest) -> Replay:
        return Replay(
            bot=self._bot,
            clock=self._bot.clock,
            poll_interval_s=self._bot.config.order_management.poll_interval_seconds,
            on_sync=self._synchronized,
            should_stop=stop,
        )

    def _settle(self, settle_s: Seconds, stop: StopRequest) -> None:
        end = self._bot.clock.monotonic() + settle_s
        while self._bot.open_orders() and self._bot.clock.monotonic() < end and not stop():
            self._bot.clock.sleep(_LOOK_EVERY_S)
            self._look()

    def _took(self, result: SignalResult) -> None:
        self._tally.count(result)
        self._bot.wait_for_listeners()  # so that what the signal did at once stands before its result
        self._view.took(result, self._bot.clock.now())
        self._look()

    def _synchronized(self, summary: SyncSummary) -> None:
        if summary.problem != self._problem:
            self._problem = summary.problem
            if summary.problem:
                self._say(f"orders could not be read in full ({summary.problem}); they are read again")
        self._look()

    def _hung_up(self) -> None:
        self._was_hung_up = True

    def _look(self) -> None:
        if self._was_hung_up:
            self._was_hung_up = False
            self._say("settings are read once, at the start; to use others, 'trading-bot stop' and start it again")
        self._bot.wait_for_listeners()
        changes, now = self._watch.changes(), self._bot.clock.now()
        for change in changes:
            if change.is_news:
                self._view.changed(change.order, now)
        self._view.looked(self._tally.orders_of(change.order for change in changes), now)

    def _ending(self, summary: RunSummary, stop: StopRequest) -> ExitCode:
        if not summary.journal.ok:
            message = f"the journal does not verify: {summary.journal.problem}; keep it and do not trade on"
            report(message, exit_code=ExitCode.JOURNAL, code="journal_damaged", invocation=self._invocation)
            return ExitCode.JOURNAL
        if stop.received is not None:
            self._say(f"stopped by {stop.received.name}; orders still open: {len(summary.open_orders)}")
        elif self._bot.is_asked_to_stop():
            self._say(f"stopped by 'trading-bot stop'; orders still open: {len(summary.open_orders)}")
        if stop.received is not None:
            return stop.exit_code
        if self._tally.is_all_unusable:
            none = "the line was no" if summary.signals == 1 else f"none of the {summary.signals} lines was a"
            message = f"{none} signal, so nothing was traded; correct {'it' if summary.signals == 1 else 'them'}"
            report(message, exit_code=ExitCode.USAGE, code="no_signal", invocation=self._invocation)
            return ExitCode.USAGE
        refused = self._tally.refused_for_good if self._is_unattended else None
        if refused is not None:
            message = f"every signal was refused, the last one because {clause(refused.message)}; nothing was traded"
            code = exit_code_of_trade(status=refused.status, code=refused.code)
            report(message, exit_code=code, code="all_refused", invocation=self._invocation)
            return code
        return ExitCode.DONE

    def _say_cancelled(self, cancels: Sequence[CancelResult]) -> None:
        if cancels:
            closed = sum(result.is_proven_closed for result in cancels)
            self._say(f"on_stop is cancel: {closed} of {len(cancels)} open orders cannot trade any more")
        if self._bot.config.order_management.on_stop is OnStop.CANCEL:
            for order in self._bot.manager.stops():
                self._say(f"a stop stays at the broker: {fate_text(order)} ({order.client_order_id})")

    def _say(self, message: str) -> None:
        report(message, exit_code=ExitCode.DONE, code="notice", invocation=self._invocation)
