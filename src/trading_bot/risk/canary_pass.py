"""That a canary has passed on an account: one small file in its state folder.

A file that is missing, unreadable, of another account or from the future is no pass: then the small limits hold.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from trading_bot.clock import Clock
from trading_bot.files import FileSystem

_SCHEMA_VERSION = 1
_LONGEST = 200
_LARGEST_FILE = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryPass:
    """When a canary passed, by which version of this program, and with which symbols."""

    at: datetime
    version: str
    symbols: tuple[str, ...]


class _PassFile(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    v: int = Field(ge=_SCHEMA_VERSION, le=_SCHEMA_VERSION)
    account: str
    at: AwareDatetime
    version: str = Field(max_length=_LONGEST)
    symbols: list[str]


class CanaryFile:
    """The note of one account."""

    def __init__(self, *, path: Path, account_key: str, clock: Clock, files: FileSystem) -> None:
        self._path = path
        self._account_key = account_key
        self._clock = clock
        self._files = files

    def passed(self) -> CanaryPass | None:
        """Return the latest pass on record; None where there is none that can be relied on."""
        try:
            facts = self._files.facts_at(self._path)
            if facts is None or not facts.is_regular or facts.links != 1 or facts.size > _LARGEST_FILE:
                return None
            found = _PassFile.model_validate_json(self._files.read(self._path))
        except (OSError, ValidationError):
            return None
        if found.account != self._account_key or found.at > self._clock.now():
            return None
        return CanaryPass(at=found.at, version=found.version, symbols=tuple(found.symbols))

    def note(self, passed: CanaryPass) -> None:
        """Put a pass on record.

        Raises:
            OSError: it could not be written.
        """
        content = _PassFile(
            v=_SCHEMA_VERSION,
            account=self._account_key,
            at=passed.at,
            version=passed.version,
            symbols=list(passed.symbols),
        )
        self._files.make_folder(self._path.parent)
        self._files.replace(self._path, content.model_dump_json().encode() + b"\n")
