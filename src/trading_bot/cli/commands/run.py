"""``trading-bot run`` and ``trading-bot demo``: signals in, orders out."""

from pathlib import Path

import click

from trading_bot.cli.commands.options import FiniteRange
from trading_bot.cli.invocation import common_options, examples
from trading_bot.cli.lazy import runs

_EPILOG = """\b
Examples:
  trading-bot run --signals signals.jsonl
  my-strategy | trading-bot --json run --signals -
  trading-bot run --signals day.jsonl --quotes quotes.jsonl --replay
  trading-bot run --fresh --signals day.jsonl
  trading-bot run
  trading-bot run --daemon-friendly --signals ~/signals.fifo
  trading-bot run --all --daemon-friendly --signals 'signals-{account}.fifo'"""


@common_options
@click.command(epilog=_EPILOG)
@click.option("--signals", "source", metavar="FILE|-", help="JSON Lines of signals; - is stdin [default: none].")
@click.option("--all", "everything", is_flag=True, help="Every account of the config file, in a process each.")
@click.option(
    "--quotes",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Paper: take quotes from this JSON Lines file.",
)
@click.option("--fresh", is_flag=True, help="Paper: put the account aside and begin a new one; a replay always does.")
@click.option("--yes", is_flag=True, help="Do not ask whether to begin a new account.")
@click.option("--replay", is_flag=True, help="Paper: a new account, on a clock that follows the signals.")
@click.option(
    "--settle",
    "settle_s",
    type=FiniteRange(min=0, max=86_400),
    metavar="SECONDS",
    help="Wait so long for open orders after the last signal [replay: to the close; else 0].",
)
@click.option(
    "--standby", is_flag=True, help="Wait until the machine that holds the account is silent, then take over."
)
@click.option(
    "--daemon-friendly",
    is_flag=True,
    help="Stay when the signals end or the terminal closes; a --signals that is no file yet is made as a FIFO.",
)
@runs("trading_bot.cli.work.run.play:run")
def run() -> None:
    """Trade every signal as it comes and print what became of it.

    A signal is one JSON object a line, with symbol, action, shares, price and reason; the action "exit" leaves a
    position and needs neither shares nor price. A line that is no signal is reported and the run goes on. Ctrl-C ends
    the run cleanly and says which orders are still open.

    With --all, {account} in --signals stands for each account's name, and each line of output begins with it. Ctrl-C
    ends all of them; 'trading-bot stop --account NAME' ends one.

    A replay never trades the account of every day. Its journal and logs are in logs/replay until the next replay, which
    makes them anew; copy the folder to keep them. The same input gives the same bytes, and the end shows the figures
    beside those of earlier replays of the same signals and quotes.

    With --fresh the paper account of every day begins anew: journal, exchange and logs of the one before are put aside
    in the logs folder, once you agree. Real prices with paper fills are "paper.quotes": "live" in the config file.

    Without --signals the bot runs until it is stopped: it follows the open orders and takes other commands. So does
    --daemon-friendly once the signals have ended; if every signal was refused, its exit code is that of the last
    refusal. docs/running-it.md has the rest of running it unattended.
    """


@common_options
@click.command(
    epilog=examples(
        "trading-bot demo",
        "trading-bot --json demo",
    )
)
@runs("trading_bot.cli.work.run.demo:demo")
def demo() -> None:
    """Trade the bundled day (Friday, 20 November 2026) on the paper exchange.

    Three strategies trade six symbols from the open to the close: fills, partial fills, refusals and orders that end
    unfilled at the close. Nothing leaves this machine. The logs are in logs/demo, made anew each time.
    """
