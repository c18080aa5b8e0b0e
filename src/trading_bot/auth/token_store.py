"""The saved session of one user and account: a small JSON file that only its owner can read."""

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, field_serializer

from trading_bot.auth.own_file import is_plain, read_checked, this_user
from trading_bot.files import FileSystem
from trading_bot.order_management.exceptions import STORAGE_FAILED, AuthenticationError

LARGEST_FILE = 64 * 1024

_VERSION = 1
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class TokenFileError(AuthenticationError):
    """The saved session cannot be trusted or used; log in again once the cause is repaired."""

    code = "token_file_refused"


class SavedSession(BaseModel):
    """One device of one login. Its repr shows no secret; without tokens, the device is known but logged out."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    device_token: SecretStr
    access_token: SecretStr | None = None
    refresh_token: SecretStr | None = None

    @field_serializer("device_token", "access_token", "refresh_token", when_used="json")
    def _in_clear(self, secret: SecretStr | None) -> str | None:
        return None if secret is None else secret.get_secret_value()


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    v: Literal[1]
    account: str
    user: str | None
    session: SavedSession


class TokenStore:
    """Reads and replaces the file of one (user, account); one of another user or account is refused.

    Without ``username`` any user's file of the account will do, and stays that user's; without ``account_number`` any
    account's, once it was loaded: to read prices, it is of no matter whose login it is. ``user_id`` gives the id that
    has to own the file and its folder. A file or folder that other users may open is refused, unless ``tolerate`` is
    there to be told of it: a kill uses the session all the same.
    """

    def __init__(
        self,
        *,
        path: Path,
        username: SecretStr | None,
        account_number: SecretStr | None,
        files: FileSystem,
        user_id: Callable[[], int] = this_user,
        tolerate: Callable[[str], None] | None = None,
    ) -> None:
        self.path = path
        number = "" if account_number is None else account_number.get_secret_value()
        self._account = _digest("account", number) if number else None
        self._wanted_user = None if username is None else _digest("user", number, username.get_secret_value().lower())
        self._user = self._wanted_user
        self._files = files
        self._user_id = user_id
        self._tolerate = tolerate

    @property
    def lock_path(self) -> Path:
        """The file that is locked while a session is renewed or replaced."""
        return self.path.with_name(f"{self.path.name}.lock")

    def load(self) -> SavedSession | None:
        """Return what was saved last, or None if nothing ever was.

        Raises:
            TokenFileError: the file is not ours alone, is damaged, or belongs to another user or account.
        """
        try:
            content = self._read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TokenFileError(
                f"cannot read the saved session {self.path}: {error.strerror}; repair or delete it, then log in again"
            ) from error
        try:
            saved = _File.model_validate_json(content)
        except ValidationError as error:
            raise TokenFileError(f"the saved session {self.path} is damaged; log in again to replace it") from error
        if self._account not in (None, saved.account) or self._wanted_user not in (None, saved.user):
            raise TokenFileError(
                f"the saved session {self.path} is of another user or account; set state_dir to a folder of its "
                "own, or log out there first"
            )
        self._account, self._user = saved.account, saved.user
        return saved.session

    def save(self, session: SavedSession) -> None:
        """Replace the file atomically, private and durable.

        Raises:
            TokenFileError: the folder is not ours alone, the file cannot be written, or no account is known.
        """
        if self._account is None:
            raise self._refusal("it has not been read, so it cannot be told whose it is")
        content = _File(v=_VERSION, account=self._account, user=self._user, session=session).model_dump_json()
        try:
            self._files.make_folder(self.path.parent)
            self._check_folder()
            self._files.replace(self.path, content.encode())
        except OSError as error:
            raise TokenFileError(
                f"cannot save the session at {self.path}: {error.strerror}; repair the state folder, then log in again",
                code=STORAGE_FAILED,
            ) from error

    def _read(self) -> bytes:
        self._check_folder()
        return read_checked(self.path, largest=LARGEST_FILE, check=self._check_file)

    def _check_folder(self) -> None:
        status = self.path.parent.lstat()
        if not stat.S_ISDIR(status.st_mode):
            raise self._refusal("its folder is a link or no folder")
        self._check_owner(status, what="its folder", remedy=f"run chmod 700 {self.path.parent}")

    def _check_file(self, status: os.stat_result) -> None:
        if not is_plain(status, largest=LARGEST_FILE):
            raise self._refusal("it is no plain file, has a second name, or is too large")
        self._check_owner(status, what="it", remedy=f"run chmod 600 {self.path}")

    def _check_owner(self, status: os.stat_result, *, what: str, remedy: str) -> None:
        if os.name != "posix":
            return
        if status.st_uid != self._user_id():
            raise self._refusal(f"{what} belongs to another user of this machine")
        if not status.st_mode & _OTHERS:
            return
        if self._tolerate is None:
            raise self._refusal(f"{what} is open to other users of this machine: {remedy}")
        self._tolerate(f"the saved session {self.path} was used although {what} is open to other users: {remedy}")

    def _refusal(self, reason: str) -> TokenFileError:
        return TokenFileError(
            f"the saved session {self.path} is refused: {reason}; delete it, change the password if others may have "
            "read it, and log in again"
        )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(("trading_bot.session", *parts)).encode()).hexdigest()
