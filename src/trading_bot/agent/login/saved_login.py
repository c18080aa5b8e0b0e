"""The saved login to the agent interface: a small JSON file that only its owner can read."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_serializer

from trading_bot.auth.secret_file import LARGEST_FILE, SecretFile, TokenFileError
from trading_bot.files import FileSystem

RENEWED_AFTER = timedelta(days=2)
"""A token was reported that had ended after three to four days, and nobody has published a renewal after the end."""

_VERSION = 1


class SavedLogin(BaseModel):
    """What a login has got, and what became of its renewals. Its repr shows no secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    client_id: str
    access_token: SecretStr
    refresh_token: SecretStr | None = None
    """None where none was given, or where the broker refused it: only a person can log in again."""
    obtained_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    """When the access token runs out, by this machine's clock; None where the server did not say."""
    renewals_in_doubt: int = Field(default=0, ge=0)
    """How many renewals were sent whose answers are not known: the refresh token may be used up."""

    @field_serializer("access_token", "refresh_token", when_used="json")
    def _in_clear(self, secret: SecretStr | None) -> str | None:
        return None if secret is None else secret.get_secret_value()

    @property
    def renews_itself(self) -> bool:
        """Whether it can be renewed without a person and without a risk to the session that works."""
        return self.refresh_token is not None and self.renewals_in_doubt == 0

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to renew: at half of the session's life, after `RENEWED_AFTER` at the latest.

        That leaves days for a person if it fails.
        """
        if self.expires_at is None:
            return False
        return now >= self.obtained_at + min((self.expires_at - self.obtained_at) / 2, RENEWED_AFTER)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    v: Literal[1]
    account: str
    login: SavedLogin | None


class LoginStore:
    """Reads and replaces the file of one account, named by ``account``; one of another account is refused.

    The rest is as `SecretFile`.
    """

    def __init__(
        self, *, path: Path, account: str, files: FileSystem, tolerate: Callable[[str], None] | None = None
    ) -> None:
        self._file = SecretFile(path=path, files=files, tolerate=tolerate)
        self._trial = SecretFile(path=path.with_name(f"{path.name}.trial"), files=files)
        self._files = files
        self._account = account

    @property
    def lock_path(self) -> Path:
        """The file that is locked while tokens are renewed or replaced."""
        return self._file.lock_path

    def load(self) -> SavedLogin | None:
        """Return what was saved last; None where nobody is logged in.

        Raises:
            TokenFileError: the file is not ours alone, is damaged, or belongs to another account.
        """
        content = self._file.read()
        if content is None:
            return None
        try:
            saved = _File.model_validate_json(content)
        except ValidationError as error:
            raise TokenFileError(
                f"the saved login {self._file.path} is damaged; run `trading-bot login` to replace it"
            ) from error
        if saved.account != self._account:
            raise TokenFileError(
                f"the saved login {self._file.path} is of another account; run `trading-bot login` to replace it"
            )
        return saved.login

    def save(self, login: SavedLogin | None) -> None:
        """Replace the file atomically, private and durable; None stands for nobody.

        Raises:
            TokenFileError: the folder is not ours alone, or the file cannot be written.
        """
        content = _File(v=_VERSION, account=self._account, login=login).model_dump_json()
        self._file.replace(content.encode())

    def try_saving(self) -> None:
        """See that a login could be saved, by a file beside it; what is saved stays as it is, even if it is damaged.

        Raises:
            TokenFileError: as `save`.
        """
        self._trial.replace(bytes(LARGEST_FILE))
        with suppress(OSError):
            self._files.remove(self._trial.path)
