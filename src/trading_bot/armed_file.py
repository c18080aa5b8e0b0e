"""What stands in an account's armed file, and when a file there does not count."""

import stat
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from trading_bot.clock import Seconds
from trading_bot.files import FileSystem
from trading_bot.wrong_values import in_words, named

SCHEMA_VERSION = 2
LONGEST_NAME = 200
_LONGEST_ID = 64
_LARGEST_FILE = 4096
_OTHER_VERSION = "other_version"
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Expiry(BaseModel):
    """When an arming ends: with this boot, or at the first of two clocks to get there."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    boot_id: str
    monotonic: Seconds
    at: AwareDatetime


class ArmedFile(BaseModel):
    """One arming, as it is written."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    v: int  # a strict int, where a Literal would take true
    id: str = Field(min_length=1, max_length=_LONGEST_ID)
    """Made anew at each arming, so that an order decided before a kill is not sent under the arming after it."""
    armed_at: AwareDatetime
    by: str = Field(min_length=1, max_length=LONGEST_NAME)
    expires: Expiry | None
    agent_account: str | None = Field(default=None, max_length=_LONGEST_ID)
    """The key of the account that the broker named as the one for agents at this arming; left out where none was asked.
    """
    exits_only: bool = False  # left out of the file where false: earlier builds take no other for a whole arming

    @field_validator("v")
    @classmethod
    def _is_ours(cls, version: int) -> int:
        if version != SCHEMA_VERSION:
            raise PydanticCustomError(_OTHER_VERSION, "it was written by another version of trading-bot")
        return version


def read_armed_file(path: Path, files: FileSystem) -> ArmedFile | None:
    """Return what the file says; None where there is none.

    Raises:
        OSError: it cannot be read, or is no private plain file of our own user.
        ValidationError: it is not of our schema.
    """
    facts = files.facts_at(path)
    if facts is None:
        return None
    if not facts.is_regular or facts.links != 1 or facts.size > _LARGEST_FILE:
        raise OSError("it is a link, not a plain file, or too long")
    if facts.owner != files.user() or facts.mode & _WRITABLE_BY_OTHERS:
        raise OSError("it belongs to another user of this machine, or others may write it")
    return ArmedFile.model_validate_json(files.read(path))


def fault_of(error: OSError | ValidationError) -> str:
    """Say in one line what is wrong with the file."""
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False)[0]
        place = named(".".join(str(part) for part in problem["loc"])) or "content"
        return problem["msg"] if problem["type"] == _OTHER_VERSION else f"{place} {in_words(problem)}"
    return str(error)
