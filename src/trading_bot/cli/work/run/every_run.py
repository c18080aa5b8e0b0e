"""Runs a bot for every account of the config file."""

import click

from trading_bot.cli.invocation import Invocation
from trading_bot.cli.work.every_account import AccountProcesses
from trading_bot.config import Config


def run_every_account(invocation: Invocation, *, source: str | None, daemon_friendly: bool) -> int:
    """Run each in a process of its own until all have ended; return the highest of their exit codes."""
    names = Config.account_names(invocation.config)
    if not names:
        raise click.UsageError("the config file names no accounts; add them as 'accounts', or leave --all out")
    if source is not None and "{account}" not in source:
        raise click.UsageError(
            "every account trades signals of its own; write {account} where its name belongs, as in "
            "--signals 'signals-{account}.fifo'"
        )
    signals = [] if source is None else ["--signals", source]
    stays = ["--daemon-friendly"] if daemon_friendly else []
    done = AccountProcesses(["run", *stays, *signals], names=names, invocation=invocation).run()
    return max(done.values())
