"""Plays the bundled trading day on the paper exchange, in a folder of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from shutil import rmtree

import click
from filelock import FileLock, Timeout

from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.work.run.play import play
from trading_bot.clock import Seconds
from trading_bot.config import Config

_MARK = ".trading-bot-demo"
_LINGER_S: Seconds = 0.002
"""At a terminal the day's 1,600 looks are slowed to a pace that can be followed: some eight seconds in all."""


def demo(invocation: Invocation) -> ExitCode:
    """Trade the bundled day with its logs in ``demo`` of the logs folder, made anew each time."""
    folder = Config.from_env_and_json(invocation.config).logs_dir / "demo"
    with as_file(files("trading_bot.demo")) as bundled, _fresh(folder):
        config = demo_config(bundled, folder)
        if not (invocation.json or invocation.quiet):
            click.echo(f"Paper trading the bundled day of 2026-11-20. Logs: {folder}", err=True)
        signals = str(bundled / "signals.jsonl")
        return play(invocation, config=config, source=signals, replay=True, linger_s=_LINGER_S)


def demo_config(bundled: Path, folder: Path) -> Config:
    """Return the bundled settings with every file kept in ``folder``; the environment has no say."""
    config = Config.from_env_and_json(bundled / "config.json", environ={})
    paper = config.paper.model_copy(update={"quotes_file": bundled / "quotes.jsonl"})
    return config.model_copy(update={"paper": paper, "logs_dir": folder, "state_dir": folder / "state"})


@contextmanager
def _fresh(folder: Path) -> Iterator[None]:
    """Hold an emptied ``folder``; one that is not a demo's own is left alone."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{folder.parent} is no folder: {error.strerror}", exit_code=ExitCode.JOURNAL) from error
    if folder.is_symlink() or (folder.exists() and not (folder / _MARK).is_file() and any(folder.iterdir())):
        raise CommandError(f"{folder} is not a folder of the demo; move it away", exit_code=ExitCode.USAGE)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(folder / _MARK, timeout=0, fallback_to_soft=False)
        with lock:
            _empty(folder)
            yield
    except Timeout as error:
        raise CommandError(
            f"another demo is running in {folder}; wait for it to end", exit_code=ExitCode.ACCOUNT_IN_USE
        ) from error


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.name == _MARK:
            continue
        if entry.is_dir() and not entry.is_symlink():
            rmtree(entry)
        else:
            entry.unlink()
