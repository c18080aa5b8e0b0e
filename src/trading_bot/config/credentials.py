"""The broker's login, from the environment alone."""

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, SecretStr

from trading_bot.config.environment import read_env_file
from trading_bot.config.problems import ConfigError

_VARIABLES = {
    "username": "ROBINHOOD_USERNAME",
    "password": "ROBINHOOD_PASSWORD",
    "mfa_secret": "ROBINHOOD_MFA_SECRET",
}
_OPTIONAL = frozenset({"mfa_secret"})


class KnownCredentials(BaseModel):
    """As much of the login as the environment tells; a person may add the rest. None of it is ever shown."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    username: SecretStr | None = None
    password: SecretStr | None = None
    mfa_secret: SecretStr | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str], *, env_file: Path | None = None) -> Self:
        """Read the variables of `Credentials.from_env`, each of which may be missing.

        Raises:
            ConfigError: a variable has stray spaces, or the file's secrets can be read by other users.
        """
        texts = _texts(environ, env_file)
        if problems := tuple(_problems_with(texts, optional=frozenset(_VARIABLES))):
            raise ConfigError(problems)
        return cls(**{field: SecretStr(text) for field, text in texts.items() if text})


class Credentials(BaseModel):
    """User name, password and, where the account has one, the seed of its one-time codes. None is ever shown."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    username: SecretStr
    password: SecretStr
    mfa_secret: SecretStr | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str], *, env_file: Path | None = None) -> Self:
        """Read ``ROBINHOOD_USERNAME``, ``_PASSWORD`` and ``_MFA_SECRET``; ``environ`` beats ``env_file``.

        Raises:
            ConfigError: a variable is missing or has stray spaces, or the file's secrets can be read by other users.
        """
        texts = _texts(environ, env_file)
        problems = tuple(_problems_with(texts, optional=_OPTIONAL))
        if problems:
            raise ConfigError(problems)
        return cls(**{field: SecretStr(text) for field, text in texts.items() if text})


def _texts(environ: Mapping[str, str], env_file: Path | None) -> dict[str, str]:
    filed = _secrets_in(env_file) if env_file is not None else {}
    return {field: environ.get(name, filed.get(name, "")) for field, name in _VARIABLES.items()}


def _secrets_in(env_file: Path) -> dict[str, str]:
    secrets = {name: text for name, text in read_env_file(env_file).items() if name in _VARIABLES.values()}
    if secrets and os.name == "posix" and env_file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError([f"{env_file} holds a login that other users can read; run chmod 600 on it."])
    return secrets


def _problems_with(texts: Mapping[str, str], *, optional: Collection[str]) -> Iterator[str]:
    for field, text in texts.items():
        if not text and field not in optional:
            yield f"{_VARIABLES[field]} is not set; set it in the environment or in .env beside config.json."
        elif text != text.strip():
            yield f"{_VARIABLES[field]} begins or ends with a space or line break; remove it."
