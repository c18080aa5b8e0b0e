"""The saved session of one user and account: a small JSON file that only its owner can read."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, field_serializer

from trading_bot.auth.own_file import this_user
from trading_bot.auth.secret_file import LARGEST_FILE, SecretFile, TokenFileError
from trading_bot.files import FileSystem

__all__ = ["LARGEST_FILE", "SavedSession", "TokenFileError", "TokenStore"]

_VERSION = 1


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
    account's, once it was loaded: to read prices, it is of no matter whose login it is. The rest is as `SecretFile`.
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
        self._file = SecretFile(path=path, files=files, user_id=user_id, tolerate=tolerate)

    @property
    def lock_path(self) -> Path:
        """The file that is locked while a session is renewed or replaced."""
        return self._file.lock_path

    def load(self) -> SavedSession | None:
        """Return what was saved last, or None if nothing ever was.

        Raises:
            TokenFileError: the file is not ours alone, is damaged, or belongs to another user or account.
        """
        content = self._file.read()
        if content is None:
            return None
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
            raise self._file.refusal("it has not been read, so it cannot be told whose it is")
        content = _File(v=_VERSION, account=self._account, user=self._user, session=session).model_dump_json()
        self._file.replace(content.encode())


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(("trading_bot.session", *parts)).encode()).hexdigest()
