"""Puts a run together: settings, signals, clock, bot, view and session."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from itertools import chain
from pathlib import Path

import click

from trading_bot.cli.account_place import place_of
from trading_bot.cli.errors import notice
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.log_output import send_logs_to_stderr
from trading_bot.cli.session import show_live_banner
from trading_bot.cli.work.run.announced_start import AnnouncedStart, Start
from trading_bot.cli.work.run.event_log import log_event, logs_to_file
from trading_bot.cli.work.run.every_run import run_every_account
from trading_bot.cli.work.run.own_folder import emptied, kept_in
from trading_bot.cli.work.run.patient_start import PatientStart, answers_at
from trading_bot.cli.work.run.session import Session, choose_view, plan_replay
from trading_bot.cli.work.run.signal_input import is_fifo, lines_of, no_lines, open_fifo, open_signals
from trading_bot.cli.work.run.standby_start import StandbyStart
from trading_bot.clock import Seconds, SystemClock, VirtualClock
from trading_bot.config import Config
from trading_bot.signals import SignalLine
from trading_bot.startup import create_bot, default_surroundings


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
) -> int:
    """Run the signals of ``source``, a file or ``-``, on the configured account; without one, until it is stopped."""
    if everything:
        if invocation.account is not None or quotes is not None or replay or standby or settle_s is not None:
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
        return play(invocation, config=config, source=source, settle_s=settle_s, standby=standby, stays=daemon_friendly)
    folder = config.logs_dir / "replay"
    _refuse_input_within(folder, None if source == "-" else source, config.paper.quotes_file)
    own, place = kept_in(folder, config), emptied(folder)
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
    place: AbstractContextManager[None] | None = None,
) -> ExitCode:
    """Run the signals of ``source``, or none, on a bot made from ``config``; a replay loses its account in a crash.

    A run that ``stays`` goes on after the last signal, and after its terminal, until it is stopped.

    ``place`` is entered once signals and quotes were read, so that a mistake in them changes nothing.
    """
    send_logs_to_stderr(invocation, config)
    show_live_banner(invocation, config)
    with ExitStack() as stack:
        lines = _lines(source, stack, stays=stays)
        # A replay starts its clock at the first signal, so it reads them all before anything else.
        day = [line for line in lines if line is not None] if replay else None
        plan = plan_replay(day, config=config, settle_s=settle_s) if day is not None else None
        clock = VirtualClock(plan.start) if plan else SystemClock()
        around = default_surroundings(clock, is_durable=plan is None)
        bot = create_bot(config, surroundings=around, background_sync=plan is None)
        if plan is None and config.log.to_file:
            stack.enter_context(logs_to_file(config, SystemClock()))
            bot.subscribe(log_event)
        stack.enter_context(place or nullcontext())
        view = choose_view(invocation, zone=config.trading.hours.timezone, plan=plan, linger_s=linger_s)
        socket, real = place_of(config).state.control_socket, SystemClock()
        say = partial(notice, invocation=invocation)
        start: Start = StandbyStart(bot, clock=real, say=say)
        if not standby:
            start = PatientStart(bot, is_served=lambda: answers_at(socket, real), clock=real, say=say)
        if source is None and not invocation.quiet:
            start = AnnouncedStart(start, bot=bot, account_suffix=place_of(config).suffix, say=say)
        session = Session(bot=bot, view=view, invocation=invocation, start=start, is_unattended=stays)
        return session.run(lines if day is None else day, plan=plan, settle_s=settle_s)


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
    return config.model_copy(update={"paper": config.paper.model_copy(update={"quotes_file": quotes.absolute()})})


def _refuse_input_within(folder: Path, *files: Path | str | None) -> None:
    for file in files:
        if file is not None and Path(file).resolve().is_relative_to(folder.resolve()):
            raise click.UsageError(f"{file} is in {folder}, which each replay empties; move it out of there")


def _refuse_paper_options_in_live(config: Config, *, quotes: Path | None, replay: bool) -> None:
    if config.trading.mode == "live" and (quotes is not None or replay):
        raise click.UsageError("--quotes and --replay are for paper trading; leave them out in live mode")
