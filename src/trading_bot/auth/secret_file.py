"""A small file of secrets: replaced whole, private, and read only while nobody else may have written it."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from trading_bot.auth.own_file import is_plain, read_checked, this_user
from trading_bot.files import FileSystem
from trading_bot.order_management.exceptions import STORAGE_FAILED, AuthenticationError

LARGEST_FILE = 64 * 1024

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class TokenFileError(AuthenticationError):
    """The saved session cannot be trusted or used; log in again once the cause is repaired."""

    code = "token_file_refused"


class SecretFile:
    """One file in a folder of our own. ``user_id`` gives the id that has to own both.

    A file or folder that other users may open is refused, unless ``tolerate`` is there to be told of it: a kill uses
    the session all the same.
    """

    def __init__(
        self,
        *,
        path: Path,
        files: FileSystem,
        user_id: Callable[[], int] = this_user,
        tolerate: Callable[[str], None] | None = None,
    ) -> None:
        self.path = path
        self._files = files
        self._user_id = user_id
        self._tolerate = tolerate

    @property
    def lock_path(self) -> Path:
        """The file that is locked while a session is renewed or replaced."""
        return self.path.with_name(f"{self.path.name}.lock")

    def read(self) -> bytes | None:
        """Return what was saved last, or None if nothing ever was.

        Raises:
            TokenFileError: the file is not ours alone, or cannot be read.
        """
        try:
            self._check_folder()
            return read_checked(self.path, largest=LARGEST_FILE, check=self._check_file)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TokenFileError(
                f"cannot read the saved session {self.path}: {error.strerror}; repair or delete it, then log in again"
            ) from error

    def replace(self, content: bytes) -> None:
        """Replace the file atomically, private and durable.

        Raises:
            TokenFileError: the folder is not ours alone, or the file cannot be written.
        """
        try:
            self._files.make_folder(self.path.parent)
            self._check_folder()
            self._files.replace(self.path, content)
        except OSError as error:
            raise TokenFileError(
                f"cannot save the session at {self.path}: {error.strerror}; repair the state folder, then log in again",
                code=STORAGE_FAILED,
            ) from error

    def refusal(self, reason: str) -> TokenFileError:
        """Return why the file is not used, with what to do."""
        return TokenFileError(
            f"the saved session {self.path} is refused: {reason}; delete it, change the password if others may have "
            "read it, and log in again"
        )

    def _check_folder(self) -> None:
        status = self.path.parent.lstat()
        if not stat.S_ISDIR(status.st_mode):
            raise self.refusal("its folder is a link or no folder")
        self._check_owner(status, what="its folder", remedy=f"run chmod 700 {self.path.parent}")

    def _check_file(self, status: os.stat_result) -> None:
        if not is_plain(status, largest=LARGEST_FILE):
            raise self.refusal("it is no plain file, has a second name, or is too large")
        self._check_owner(status, what="it", remedy=f"run chmod 600 {self.path}")

    def _check_owner(self, status: os.stat_result, *, what: str, remedy: str) -> None:
        if os.name != "posix":
            return
        if status.st_uid != self._user_id():
            raise self.refusal(f"{what} belongs to another user of this machine")
        if not status.st_mode & _OTHERS:
            return
        if self._tolerate is None:
            raise self.refusal(f"{what} is open to other users of this machine: {remedy}")
        self._tolerate(f"the saved session {self.path} was used although {what} is open to other users: {remedy}")
