"""A folder below the logs for one kind of throw-away run: emptied at its start, and kept until the next one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from stat import S_ISREG

from filelock import FileLock, Timeout

from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.config import Config


def kept_in(folder: Path, config: Config) -> Config:
    """Return the settings with every file of the account in ``folder``, and nothing in a database of others."""
    own = {"logs_dir": folder, "state_dir": folder / "state", "journal_url": None}
    return config.model_copy(update=own)


@contextmanager
def emptied(folder: Path) -> Iterator[None]:
    """Hold an emptied ``folder``, which is named after the run; one that no such run has made is left alone.

    Raises:
        CommandError: it cannot be made, is not such a folder, or another run holds it.
    """
    mark, run = f".trading-bot-{folder.name}", folder.name
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(
            f"the folder {folder.parent} cannot be made ({error.strerror}); set logs_dir to one that can",
            exit_code=ExitCode.JOURNAL,
        ) from error
    if folder.is_symlink() or (folder.exists() and not (folder / mark).is_file() and not _is_empty(folder)):
        raise CommandError(f"{folder} is not a folder of the {run}; move it away", exit_code=ExitCode.USAGE)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(folder / mark, timeout=0, fallback_to_soft=False):
            _empty(folder, but=mark)
            yield
    except Timeout as error:
        raise CommandError(
            f"another {run} is running in {folder}; wait for it to end", exit_code=ExitCode.ACCOUNT_IN_USE
        ) from error


def holds(folder: Path, descriptor: int) -> bool:
    """Whether the open file is one of those in ``folder``, under whatever name it was opened."""
    opened = os.fstat(descriptor)
    if not S_ISREG(opened.st_mode):
        return False
    return any(os.path.samestat(opened, path.lstat()) for path in folder.rglob("*"))


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _empty(folder: Path, *, but: str) -> None:
    for entry in folder.iterdir():
        if entry.name == but:
            continue
        if entry.is_dir() and not entry.is_symlink():
            rmtree(entry)
        else:
            entry.unlink()
