"""``trading-bot run``: signals in, orders out."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation, common_options, pass_invocation
from trading_bot.cli.number_options import FiniteRange

if TYPE_CHECKING:
    from trading_bot.clock import Seconds
    from trading_bot.config import Config

_EPILOG = """\b
Examples:
  trading-bot run --signals signals.jsonl
  my-strategy | trading-bot --json run --signals -
  trading-bot run --signals day.jsonl --quotes quotes.jsonl --replay"""


@click.command(short_help="Trade signals from a file or a pipe.", epilog=_EPILOG)
@click.option("--signals", "source", required=True, metavar="FILE|-", help="JSON Lines of signals; - is stdin.")
@click.option(
    "--quotes",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Paper: take quotes from this JSON Lines file.",
)
@click.option("--replay", is_flag=True, help="Paper: a virtual clock follows the times of the signals.")
@click.option(
    "--settle",
    type=FiniteRange(min=0, max=86_400),
    metavar="SECONDS",
    help="Wait so long for open orders after the last signal [replay: to the close; else 0].",
)
@click.option(
    "--standby", is_flag=True, help="Wait until the machine that holds the account is silent, then take over."
)
@pass_invocation
def run(
    invocation: Invocation, *, source: str, quotes: Path | None, replay: bool, settle: "Seconds | None", standby: bool
) -> ExitCode:
    """Trade every signal as it comes and print what became of it.

    A signal is one JSON object a line, with symbol, action, shares, price and reason; the action "exit" leaves a
    position and needs neither shares nor price. A line that is no signal is reported and the run goes on. Ctrl-C ends
    the run cleanly and says which orders are still open.
    """
    from trading_bot.config import Config

    config = _with_quotes(Config.from_env_and_json(invocation.config), quotes)
    _refuse_paper_options_in_live(config, quotes=quotes, replay=replay)
    if standby and (replay or config.journal_url is None):
        raise click.UsageError(
            "--standby takes over an account from another machine: it needs journal_url, and no --replay; see "
            "docs/two-machines.md"
        )
    return play(invocation, config=config, source=source, replay=replay, settle_s=settle, standby=standby)


def play(
    invocation: Invocation,
    *,
    config: "Config",
    source: str,
    replay: bool,
    settle_s: "Seconds | None" = None,
    linger_s: "Seconds" = 0,
    standby: bool = False,
) -> ExitCode:
    """Run the signals of ``source`` on a bot made from ``config``."""
    from trading_bot.cli.account_place import place_of
    from trading_bot.cli.errors import notice
    from trading_bot.cli.live_banner import show_live_banner
    from trading_bot.cli.log_output import send_logs_to_stderr
    from trading_bot.cli.patient_start import PatientStart, answers_at
    from trading_bot.cli.session import Session, choose_view, plan_replay
    from trading_bot.cli.signal_input import lines_of, open_signals
    from trading_bot.cli.standby_start import StandbyStart
    from trading_bot.clock import SystemClock, VirtualClock
    from trading_bot.startup import create_bot

    send_logs_to_stderr(invocation, config)
    show_live_banner(invocation, config)
    with ExitStack() as stack:
        lines = lines_of(stack.enter_context(open_signals(source)))
        # A replay starts its clock at the first signal, so it reads them all before anything else.
        day = [line for line in lines if line is not None] if replay else None
        plan = plan_replay(day, config=config, settle_s=settle_s) if day is not None else None
        clock = VirtualClock(plan.start) if plan else SystemClock()
        bot = create_bot(config, clock=clock, background_sync=plan is None)
        view = choose_view(invocation, zone=config.trading.hours.timezone, plan=plan, linger_s=linger_s)
        socket, real = place_of(config).state.control_socket, SystemClock()
        say = partial(notice, invocation=invocation)
        start: StandbyStart | PatientStart = StandbyStart(bot, clock=real, say=say)
        if not standby:
            start = PatientStart(bot, is_served=lambda: answers_at(socket, real), clock=real, say=say)
        session = Session(bot=bot, view=view, invocation=invocation, start=start)
        return session.run(lines if day is None else day, plan=plan, settle_s=settle_s)


def _with_quotes(config: "Config", quotes: Path | None) -> "Config":
    if quotes is None:
        return config
    return config.model_copy(update={"paper": config.paper.model_copy(update={"quotes_file": quotes.absolute()})})


def _refuse_paper_options_in_live(config: "Config", *, quotes: Path | None, replay: bool) -> None:
    if config.trading.mode == "live" and (quotes is not None or replay):
        raise click.UsageError("--quotes and --replay are for paper trading; leave them out in live mode")


common_options(run)
