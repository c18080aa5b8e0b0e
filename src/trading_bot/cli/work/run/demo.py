"""Plays the bundled trading day on the paper exchange, in a folder of its own."""

from importlib.resources import as_file, files
from pathlib import Path

import click

from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.work.run.own_folder import emptied, kept_in
from trading_bot.cli.work.run.play import play
from trading_bot.clock import Seconds
from trading_bot.config import Config

_LINGER_S: Seconds = 0.002
"""At a terminal the day's 1,600 looks are slowed to a pace that can be followed: some eight seconds in all."""


def demo(invocation: Invocation) -> ExitCode:
    """Trade the bundled day with its logs in ``demo`` of the logs folder, made anew each time."""
    folder = Config.from_env_and_json(invocation.config, account=invocation.account).logs_dir / "demo"
    with as_file(files("trading_bot.demo")) as bundled, emptied(folder):
        config = demo_config(bundled, folder)
        if not (invocation.json or invocation.quiet):
            click.echo(f"Paper trading the bundled day of 2026-11-20. Logs: {folder}", err=True)
        signals = str(bundled / "signals.jsonl")
        return play(invocation, config=config, source=signals, replay=True, linger_s=_LINGER_S)


def demo_config(bundled: Path, folder: Path) -> Config:
    """Return the bundled settings with every file kept in ``folder``; the environment has no say."""
    config = Config.from_env_and_json(bundled / "config.json", environ={})
    paper = config.paper.model_copy(update={"quotes_file": bundled / "quotes.jsonl"})
    return kept_in(folder, config.model_copy(update={"paper": paper}))
