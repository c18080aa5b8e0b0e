"""Reading the configuration file: JSON with comments, exact numbers, and nothing that is not a plain file."""

import os
import re
import stat
from decimal import Decimal
from pathlib import Path

import json5

from trading_bot.config.problems import ConfigError, shown
from trading_bot.wrong_values import named

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_DIGITS = 32

_TOKENS = re.compile(
    r"""(?P<literal> "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' ) | (?P<comment> //[^\n]* | /\*.*?\*/ )
        | (?P<opens> [\[{]) | (?P<closes> [\]}])""",
    re.VERBOSE | re.DOTALL,
)

_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{0,4}|.)", re.DOTALL)
_JSON_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|[\"\\/bfnrt])")
"""The nine escapes of RFC 8259, section 7."""

_JSON5_PLACE = re.compile(r"^<string>:(\d+) ")


def read_settings(path: Path) -> dict[str, object]:
    """Return the object in a configuration file.

    Raises:
        ConfigError: the file cannot be read safely, or is not one JSON object with unique keys and finite numbers.
    """
    text = read_text(path)
    if not text.strip():
        raise ConfigError([f"{path} is empty; start from config.example.json."])
    _check_depth(path, text)
    _check_escapes(path, text)
    try:
        value = json5.loads(
            text,
            parse_float=_number,
            parse_int=_whole_number,
            parse_constant=_refuse_constant,
            allow_duplicate_keys=False,
        )
    except ValueError as error:
        said = named(_JSON5_PLACE.sub(r"line \1: ", str(error)))
        raise ConfigError([f"{path} is not valid JSON with comments: {said}; correct the file."]) from error
    if not isinstance(value, dict):
        raise ConfigError([f"{path} must hold one object in braces; start from config.example.json."])
    return value


def read_text(path: Path) -> str:
    """Return the UTF-8 text of a plain file of at most ``MAX_BYTES``; a byte order mark is dropped.

    Raises:
        ConfigError: not a plain file, too large, not UTF-8, unreadable, or open to changes by other users.
    """
    try:
        data = _read_plain_file(path)
    except OSError as error:
        raise ConfigError([f"{path} cannot be read ({error.strerror}); check its name and permissions."]) from error
    if len(data) > MAX_BYTES:
        raise ConfigError([f"{path} is larger than {MAX_BYTES} bytes; a configuration is a few kilobytes."])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8."]) from error


def _read_plain_file(path: Path) -> bytes:
    # Without O_NONBLOCK, opening a FIFO would wait for a writer that may never come.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(descriptor, "rb") as handle:
        _check_file(path, os.fstat(descriptor))
        return handle.read(MAX_BYTES + 1)


def _check_file(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError([f"{path} is not a plain file; give the path of the file itself."])
    if os.name == "posix" and status.st_mode & stat.S_IWOTH:
        raise ConfigError([f"{path} can be changed by every user of this machine; run chmod o-w on it."])


def _check_depth(path: Path, text: str) -> None:
    depth = 0
    for token in _TOKENS.finditer(text):
        depth += {"opens": 1, "closes": -1}.get(token.lastgroup or "", 0)
        if depth > MAX_DEPTH:
            raise ConfigError([f"{path} is nested more than {MAX_DEPTH} levels deep; a configuration needs five."])


def _check_escapes(path: Path, text: str) -> None:
    # JSON5 takes any letter after a backslash for that letter, and so makes another folder of D:\data.
    for token in _TOKENS.finditer(text):
        if (literal := token["literal"]) is None:
            continue
        for escape in _ESCAPE.finditer(literal):
            if not _JSON_ESCAPE.fullmatch(escape.group()):
                line = text.count("\n", 0, token.start() + escape.start()) + 1
                what = f"{path}, line {line}: {shown(escape.group())[1:-1]} is no escape that JSON has"
                raise ConfigError([f"{what}; double each backslash that is meant (D:\\\\data), or write / instead."])


def _number(text: str) -> Decimal:
    _check_digits(text)
    return Decimal(text)


def _whole_number(text: str, base: int = 10) -> int:
    _check_digits(text)
    return int(text, base)


def _check_digits(text: str) -> None:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number has more than {MAX_DIGITS} digits")


def _refuse_constant(text: str) -> object:
    raise ValueError(f"{shown(text)} is not a number")
