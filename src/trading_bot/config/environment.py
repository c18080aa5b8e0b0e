"""Settings from the environment and the ``.env`` file."""

import io
import os
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from trading_bot.config.file import read_text
from trading_bot.config.problems import ConfigError, KeyPath, fields_of, suggestion
from trading_bot.wrong_values import named

PREFIX = "TRADING_BOT_"
NESTING = "__"
NOTIFY_URLS = f"{PREFIX}NOTIFY_URLS"
HEARTBEAT_URL = f"{PREFIX}HEARTBEAT_URL"
_SECRETS = (NOTIFY_URLS, HEARTBEAT_URL)
"""Names with our prefix that are no settings; `secret_urls` reads them."""

_NO_NAME = re.compile(r"\W", re.ASCII)
"""A line of ``.env`` that lacks its ``=`` is one long name with a secret in it, so no more is shown."""

_FILE_ONLY: Mapping[KeyPath, str] = {
    ("trading", "mode"): "where orders go",
    ("account_number",): "whose money is used",
    ("accounts",): "which accounts there are",
    ("order_management", "strategy_overrides"): "how each strategy prices",
}


def may_force_a_terminal() -> bool:
    """Whether the environment may have a stream taken for a terminal that is none; rich reads what exactly it says."""
    return "FORCE_COLOR" in os.environ or "TTY_COMPATIBLE" in os.environ


def shows_windows(platform: str, environ: Mapping[str, str] | None = None) -> bool:
    """Whether whoever sits at this terminal would see a browser that is opened on this machine."""
    environ = os.environ if environ is None else environ
    if "SSH_CONNECTION" in environ:
        return False
    return platform in {"darwin", "win32"} or "DISPLAY" in environ or "WAYLAND_DISPLAY" in environ


def variable_name(path: KeyPath) -> str:
    """Return the environment variable of a setting: ``TRADING_BOT_PAPER__SEED`` for ``("paper", "seed")``."""
    return PREFIX + NESTING.join(path).upper()


def read_env_file(path: Path) -> dict[str, str]:
    """Return the variables of a ``.env`` file, nothing expanded; a missing file has none.

    Raises:
        ConfigError: the file cannot be read safely, or a line of it makes no sense.
    """
    if not path.exists():
        return {}
    from dotenv.parser import parse_stream

    bindings = tuple(parse_stream(io.StringIO(read_text(path))))
    problems = [f"{path} line {line.original.line} is no NAME=value; correct it." for line in bindings if line.error]
    if problems:
        raise ConfigError(problems)
    return {line.key: line.value or "" for line in bindings if line.key is not None}


def settings_in(variables: Mapping[str, str], *, model: type[BaseModel], source: str) -> dict[KeyPath, str | None]:
    """Pick the settings of ``model`` out of environment variables; the word ``null`` means null.

    Raises:
        ConfigError: a name with our prefix that is no setting, or one that only the configuration file may give.
            ``source`` says in the message where the name was found.
    """
    paths = {variable_name(path): path for path, _ in fields_of(model)}
    ours = {name: text for name, text in variables.items() if name.upper().startswith(PREFIX) and name not in _SECRETS}
    problems = [problem for name in sorted(ours) if (problem := _problem_with(name, paths, source))]
    if problems:
        raise ConfigError(problems)
    return {paths[name]: None if text == "null" else text for name, text in ours.items()}


def _problem_with(name: str, paths: Mapping[str, KeyPath], source: str) -> str | None:
    for path, subject in _FILE_ONLY.items():
        file_only = variable_name(path)
        if name.upper() == file_only or name.upper().startswith(file_only + NESTING):
            return f"{_shown(name)} is set in {source}, but only the configuration file says {subject}; unset it."
    if name in paths:
        return None
    # The prefix alone would make every name resemble every other.
    guess = suggestion(name.upper().removeprefix(PREFIX), (known.removeprefix(PREFIX) for known in (*paths, *_SECRETS)))
    remedy = f"did you mean {PREFIX}{guess}?" if guess else "unset it."
    return f"{_shown(name)} in {source} is not a setting; {remedy}"


def _shown(name: str) -> str:
    plain = _NO_NAME.split(name, 1)[0]
    return named(plain if plain == name else f"{plain}...")
