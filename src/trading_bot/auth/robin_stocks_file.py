"""Reads the login that robin_stocks keeps on disk: a pickle of four texts, or a program if somebody has planted one.

Nothing of the file is run, and it takes no more memory than its size explains. An unpickler that refuses every global
builds the dict. Before that, each operation of the pickle is looked at, and only those pass that build a dict of texts:
a pickle without any global can still cost an unpickler far more memory than its own size.
"""

import errno
import io
import os
import pickle
import pickletools
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from trading_bot.auth.own_file import is_plain, read_checked, this_user
from trading_bot.auth.token_grants import Token
from trading_bot.auth.token_store import LARGEST_FILE, SavedSession, TokenFileError

_FOLDER, _NAME = ".tokens", "robinhood{}.pickle"
_TEXTS = frozenset({"UNICODE", "SHORT_BINUNICODE", "BINUNICODE"})
_DICTS = frozenset({"MARK", "DICT", "EMPTY_DICT", "SETITEM", "SETITEMS"})
_MEMO = frozenset({"PUT", "BINPUT", "MEMOIZE", "GET", "BINGET"})
_HARMLESS = _TEXTS | _DICTS | _MEMO | {"PROTO", "FRAME", "NONE", "STOP"}
"""The operations that protocols 0 to 5 need for a dict of texts, by the names of `pickletools`."""

_OPEN_TO_WRITERS = stat.S_IWGRP | stat.S_IWOTH
_OPEN_TO_READERS = stat.S_IRGRP | stat.S_IROTH


@dataclass(frozen=True, slots=True, kw_only=True)
class RobinStocksLogin:
    """What the file holds, and whether other users of this machine may read it. Its repr shows no secret."""

    session: SavedSession
    is_open_to_readers: bool


class _Login(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    token_type: Token
    access_token: Token
    refresh_token: Token
    device_token: Token


class NoGlobals(pickle.Unpickler):
    """An unpickler for which no class and no function exists."""

    def find_class(self, module_name: str, global_name: str, /) -> NoReturn:
        """Raise `pickle.UnpicklingError`, whatever is asked for."""
        del module_name, global_name
        raise pickle.UnpicklingError("it names a class or a function")


def usual_file() -> Path:
    """Return where robin_stocks keeps its login unless it is told otherwise.

    Raises:
        TokenFileError: there is no home folder.
    """
    try:
        return Path.home() / _FOLDER / _NAME.format("")
    except RuntimeError as error:
        raise TokenFileError("there is no home folder with a login of robin_stocks; name its file") from error


def read_robin_stocks_file(path: Path, *, user_id: Callable[[], int] = this_user) -> RobinStocksLogin:
    """Read the token file of robin_stocks 3.4; nothing in it is run.

    Raises:
        TokenFileError: it is not there, not ours, open to other writers, or holds anything else.
    """
    modes: list[int] = []

    def check(status: os.stat_result) -> None:
        modes.append(status.st_mode)
        if not is_plain(status, largest=LARGEST_FILE):
            raise _refusal(path, "it is no plain file, has a second name, or is too large")
        if os.name == "posix" and status.st_uid != user_id():
            raise _refusal(path, "it belongs to another user of this machine")
        if os.name == "posix" and status.st_mode & _OPEN_TO_WRITERS:
            raise _refusal(path, f"other users of this machine may write it: run chmod 600 {path}")

    try:
        content = read_checked(path, largest=LARGEST_FILE, check=check)
    except FileNotFoundError as error:
        raise TokenFileError(f"there is no login of robin_stocks at {path}{_others(path)}") from error
    except OSError as error:
        why = "it is a symbolic link" if error.errno == errno.ELOOP else str(error.strerror)
        raise _refusal(path, why) from error
    is_open = os.name == "posix" and bool(modes[0] & _OPEN_TO_READERS)
    return RobinStocksLogin(session=_session(path, content), is_open_to_readers=is_open)


def _session(path: Path, content: bytes) -> SavedSession:
    try:
        login = _Login.model_validate(_unpickled(content))
    except ValidationError as error:
        named = {part for problem in error.errors() for part in problem["loc"]}
        names = ", ".join(name for name in _Login.model_fields if name in named) or "no dict of texts"
        raise _refusal(path, f"it is not what robin_stocks 3.4 writes ({names})") from error
    except (pickle.UnpicklingError, ValueError, TypeError) as error:
        raise _refusal(path, "it is not what robin_stocks 3.4 writes") from error
    if login.token_type.lower() != "bearer":
        raise _refusal(path, "its token is of a kind that cannot be used (token_type)")
    return SavedSession(
        device_token=SecretStr(login.device_token),
        access_token=SecretStr(login.access_token),
        refresh_token=SecretStr(login.refresh_token),
    )


def _unpickled(content: bytes) -> object:
    for operation, argument, _ in pickletools.genops(content):
        if operation.name not in _HARMLESS or (isinstance(argument, int) and argument > LARGEST_FILE):
            raise pickle.UnpicklingError("it is no dict of texts")
    return NoGlobals(io.BytesIO(content)).load()


def _others(path: Path) -> str:
    found = sorted(each.name for each in path.parent.glob(_NAME.format("*")))
    if found:
        return f", but there is {', '.join(found)}: name the file that is meant"
    return "; log in once with robin_stocks, name the file that it keeps, or run plain `trading-bot login`"


def _refusal(path: Path, reason: str) -> TokenFileError:
    return TokenFileError(
        f"the login of robin_stocks at {path} is refused: {reason}; log in once more with robin_stocks to replace it, "
        "or get a login of your own with plain `trading-bot login`"
    )
