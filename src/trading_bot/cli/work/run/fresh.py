"""Begins the paper account of every day anew: the one of now is put aside, whole, and nothing of it is deleted.

The logs are moved before the state folder: if that is interrupted, the journal is still there with its database, and
the audit log is made again from it.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import click

from trading_bot.cli.account_place import AccountPlace, place_of
from trading_bot.cli.errors import CommandError, notice
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.prompts import confirm
from trading_bot.clock import Clock
from trading_bot.config import Config
from trading_bot.lease import Lease
from trading_bot.order_management.journal.audit_files import log_files
from trading_bot.order_management.models import ExecutionMode


def put_account_aside(invocation: Invocation, config: Config, *, yes: bool, clock: Clock) -> None:
    """Move journal, exchange and logs of the paper account into a folder of the logs, once a person agrees.

    Raises:
        CommandError: the answer was no, nobody can be asked, or something could not be moved.
        AccountInUseError: another process holds the account.
    """
    if config.trading.mode is ExecutionMode.LIVE or config.journal_url is not None:
        raise click.UsageError("--fresh begins a paper account of this machine anew; leave it out here")
    place = place_of(config)
    if not place.state.root.exists():
        return
    aside = config.logs_dir / f"before-{clock.now():%Y%m%dT%H%M%SZ}"
    if not yes:
        confirm(invocation, f"Begin a new paper account, and put this one aside in {aside}?", option="--yes")
    lease = Lease(path=place.state.lease, files=place.state.files)
    lease.acquire()
    try:
        _move(place, aside)
    except OSError as error:
        raise CommandError(
            f"the paper account could not be put aside in {aside} ({error.strerror or error}); repair the disk or its "
            "permissions, and run it again",
            exit_code=ExitCode.JOURNAL,
        ) from error
    finally:
        lease.release()
    if not invocation.quiet:
        notice(f"a new paper account begins; the one before is in {aside}", invocation)


def _move(place: AccountPlace, aside: Path) -> None:
    aside.mkdir(parents=True, mode=0o700)
    for path in _logs(place):
        shutil.move(path, aside / path.name)
    shutil.move(place.state.root, aside / "state")


def _logs(place: AccountPlace) -> Iterator[Path]:
    yield from log_files(place.journal)
    yield from place.config.logs_dir.glob("trades.jsonl*")
