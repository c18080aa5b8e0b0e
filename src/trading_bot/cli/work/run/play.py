"""Puts a run together: settings, signals, clock, bot, view and session."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import click

from trading_bot.bot import TradingBot
from trading_bot.cli.account_place import place_of
from trading_bot.cli.errors import notice
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.log_output import send_logs_to_stderr
from trading_bot.cli.session import show_live_banner
from trading_bot.cli.work.run.announced_start import AnnouncedStart, Start
from trading_bot.cli.work.run.compared_view import ComparedView
from trading_bot.cli.work.run.event_log import log_event, logs_to_file
from trading_bot.cli.work.run.every_run import run_every_account
from trading_bot.cli.work.run.fresh import put_account_aside
from trading_bot.cli.work.run.own_folder import emptied, holds, kept_in
from trading_bot.cli.work.run.patient_start import PatientStart, answers_at
from trading_bot.cli.work.run.replay_results import ReplayResults, replay_input
from trading_bot.cli.work.run.session import ReplayPlan, Session, choose_view, plan_replay
from trading_bot.cli.work.run.signal_input import is_fifo, lines_of, no_lines, open_fifo, open_signals
from trading_bot.cli.work.run.standby_start import StandbyStart
from trading_bot.clock import Seconds, SystemClock, VirtualClock
from trading_bot.config import Config, QuotesFrom
from trading_bot.files import LocalFiles
from trading_bot.signals import SignalLine
from trading_bot.startup import Surroundings, create_bot, default_surroundings, repeatable_surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPlace:
    """Where a replay keeps its account until the next one, and its figures for ever."""

    folder: AbstractContextManager[None]
    """Entered once signals and quotes were read, so that a mistake in them changes nothing."""
    results: Path
    asked: Config
    """The settings as they were given, before they were changed for this place."""


def run(
    invocation: Invocation,
    *,
    source: str | None,
    quotes: Path | None,
    replay: bool,
    settle_s: Seconds | None,
    standby: bool,
    daemon_friendly: bool,
    everything: bool,
    fresh: bool,
    yes: bool,
) -> int:
    """Run the signals of ``source``, a file or ``-``, on the configured account; without one, until it is stopped."""
    if everything:
        if invocation.account is not None or quotes is not None or replay or standby or settle_s is not None or fresh:
            raise click.UsageError("--all takes --signals and --daemon-friendly alone")
        return run_every_account(invocation, source=source, daemon_friendly=daemon_friendly)
    if source is None and (replay or settle_s is not None):
        raise click.UsageError("--replay and --settle are about signals; give them with --signals")
    config = _with_quotes(Config.from_env_and_json(invocation.config, account=invocation.account), quotes)
    _refuse_paper_options_in_live(config, quotes=quotes, replay=replay)
    if standby and (replay or config.journal_url is None):
        raise click.UsageError(
            "--standby takes over an account from another machine: it needs journal_url, and no --replay; see "
            "docs/two-machines.md"
        )
    if daemon_friendly and replay:
        raise click.UsageError("--daemon-friendly is for a bot that stays, and a replay ends; leave one of them out")
    if not replay:
        if fresh:
            put_account_aside(invocation, config, yes=yes, clock=SystemClock())
        return play(invocation, config=config, source=source, settle_s=settle_s, standby=standby, stays=daemon_friendly)
    if config.paper.has_live_quotes:
        raise click.UsageError(
            "a replay cannot trade at live quotes; name a day of recorded ones, such as those in "
            f"{config.logs_dir / 'quotes'}, with --quotes"
        )
    folder = config.logs_dir / "replay"
    _refuse_input_within(folder, source, config.paper.quotes_file)
    place = ReplayPlace(folder=emptied(folder), results=config.logs_dir / "replays.jsonl", asked=config)
    own = kept_in(folder, config)
    return play(invocation, config=own, source=source, replay=True, settle_s=settle_s, place=place)


def play(
    invocation: Invocation,
    *,
    config: Config,
    source: str | None,
    replay: bool = False,
    settle_s: Seconds | None = None,
    linger_s: Seconds = 0,
    standby: bool = False,
    stays: bool = False,
    place: ReplayPlace | None = None,
) -> ExitCode:
    """Run the signals of ``source``, or none, on a bot made from ``config``; a replay loses its account in a crash.

    A run that ``stays`` goes on after the last signal, and after its terminal, until it is stopped.
    """
    send_logs_to_stderr(invocation, config)
    show_live_banner(invocation, config)
    with ExitStack() as stack:
        lines = _lines(source, stack, stays=stays)
        # A replay starts its clock at the first signal, so it reads them all before anything else.
        day = [line for line in lines if line is not None] if replay else None
        plan = plan_replay(day, config=config, settle_s=settle_s) if day is not None else None
        bot = create_bot(config, surroundings=_surroundings(config, plan), background_sync=plan is None)
        if plan is None and config.log.to_file:
            stack.enter_context(logs_to_file(config, SystemClock()))
            bot.subscribe(log_event)
        view = choose_view(invocation, zone=config.trading.hours.timezone, plan=plan, linger_s=linger_s)
        at_end = None
        if place is not None:
            results = _results(place, source=source or "", lines=day or (), settle_s=settle_s)
            view, at_end = ComparedView(view, results=results, invocation=invocation), results.read
            stack.enter_context(place.folder)
        start = _start(invocation, bot=bot, config=config, source=source, standby=standby)
        session = Session(bot=bot, view=view, invocation=invocation, start=start, at_end=at_end, is_unattended=stays)
        return session.run(lines if day is None else day, plan=plan, settle_s=settle_s)


def _surroundings(config: Config, plan: ReplayPlan | None) -> Surroundings:
    if plan is None:
        return default_surroundings(SystemClock())
    return repeatable_surroundings(VirtualClock(plan.start), seed=config.paper.seed)


def _results(
    place: ReplayPlace, *, source: str, lines: Iterable[SignalLine], settle_s: Seconds | None
) -> ReplayResults:
    files = LocalFiles()
    given = replay_input(place.asked, source=source, lines=lines, settle_s=settle_s, files=files)
    return ReplayResults(place.results, given=given, clock=SystemClock(), files=files)


def _start(invocation: Invocation, *, bot: TradingBot, config: Config, source: str | None, standby: bool) -> Start:
    where, real = place_of(config), SystemClock()
    say = partial(notice, invocation=invocation)
    start: Start = StandbyStart(bot, clock=real, say=say)
    if not standby:
        socket = where.state.control_socket
        start = PatientStart(bot, is_served=lambda: answers_at(socket, real), clock=real, say=say)
    if source is None and not invocation.quiet:
        start = AnnouncedStart(start, bot=bot, account_suffix=where.suffix, say=say)
    return start


def _lines(source: str | None, stack: ExitStack, *, stays: bool) -> Iterator[SignalLine | None]:
    if source is None:
        return no_lines(SystemClock())
    if stays and is_fifo(source):
        return lines_of(stack.enter_context(open_fifo(Path(source))))
    lines = lines_of(stack.enter_context(open_signals(source)))
    return chain(lines, no_lines(SystemClock())) if stays else lines


def _with_quotes(config: Config, quotes: Path | None) -> Config:
    if quotes is None:
        return config
    recorded = {"quotes": QuotesFrom.GENERATED, "quotes_file": quotes.absolute()}
    return config.model_copy(update={"paper": config.paper.model_copy(update=recorded)})


def _refuse_input_within(folder: Path, source: str | None, quotes: Path | None) -> None:
    named = [file for file in (source, quotes) if file not in (None, "-")]
    inside = [str(file) for file in named if Path(file).resolve().is_relative_to(folder.resolve())]
    if source == "-" and sys.stdin is not None and holds(folder, sys.stdin.fileno()):
        inside.append("the file that stdin reads")
    if inside:
        raise click.UsageError(f"{inside[0]} is in {folder}, which each replay empties; move it out of there")


def _refuse_paper_options_in_live(config: Config, *, quotes: Path | None, replay: bool) -> None:
    if config.trading.mode == "live" and (quotes is not None or replay):
        raise click.UsageError("--quotes and --replay are for paper trading; leave them out in live mode")
