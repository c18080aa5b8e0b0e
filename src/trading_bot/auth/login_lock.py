"""The one lock of an account's login: whoever renews or replaces a session holds it, in any process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from trading_bot.clock import Seconds
from trading_bot.files import PRIVATE_FILE, FileSystem
from trading_bot.order_management.exceptions import STORAGE_FAILED, AuthenticationError

LOCK_PATIENCE_S: Seconds = 20.0
"""How long to wait at most for another process that is renewing; longer than a renewal takes."""


@contextmanager
def login_locked(path: Path, files: FileSystem, within_s: Seconds = LOCK_PATIENCE_S) -> Iterator[None]:
    """Hold the lock at ``path``, having waited for it no longer than ``within_s`` and `LOCK_PATIENCE_S`.

    Raises:
        AuthenticationError: another process kept it that long, or it cannot be used.
    """
    lock = FileLock(path, mode=PRIVATE_FILE, thread_local=False, fallback_to_soft=False, preserve_lock_file=True)
    try:
        files.make_folder(path.parent)
        lock.acquire(timeout=max(min(within_s, LOCK_PATIENCE_S), 0))
    except Timeout as error:
        raise AuthenticationError("another process is logging in to this account; try again in a moment") from error
    except OSError as error:
        raise AuthenticationError(
            f"cannot lock {path}: {error.strerror}; repair the state folder", code=STORAGE_FAILED
        ) from error
    try:
        yield
    finally:
        lock.release()
