"""Addresses that are secrets: who knows one can write to the phone behind it. They stand in no configuration file."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from trading_bot.config.environment import HEARTBEAT_URL, NOTIFY_URLS, read_env_file
from trading_bot.config.problems import ConfigError

_HTTP = ("http", "https")


class SecretUrls(BaseModel):
    """Where messages and heartbeats go. None of it is ever shown."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    notify: tuple[SecretStr, ...] = ()
    """Addresses as apprise writes them."""
    heartbeat: SecretStr | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str], *, env_file: Path) -> Self:
        """Read ``TRADING_BOT_NOTIFY_URLS`` and ``TRADING_BOT_HEARTBEAT_URL``; ``environ`` beats ``env_file``.

        Several addresses of messages have spaces or line breaks between them.

        Raises:
            ConfigError: an address is none, or the file's secrets can be read by other users.
        """
        filed = _secrets_in(env_file)
        notify, heartbeat = (environ.get(name, filed.get(name, "")).split() for name in (NOTIFY_URLS, HEARTBEAT_URL))
        if problems := (*_problems_with_messages(notify), *_problems_with_heartbeat(heartbeat)):
            raise ConfigError(problems)
        return cls(
            notify=tuple(SecretStr(url) for url in dict.fromkeys(notify)),
            heartbeat=SecretStr(heartbeat[0]) if heartbeat else None,
        )


def _secrets_in(env_file: Path) -> dict[str, str]:
    secrets = {name: text for name, text in read_env_file(env_file).items() if name in (NOTIFY_URLS, HEARTBEAT_URL)}
    if secrets and os.name == "posix" and env_file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError([f"{env_file} holds addresses that other users can read; run chmod 600 on it."])
    return secrets


def _problems_with_messages(urls: list[str]) -> Iterator[str]:
    for place, url in enumerate(urls, start=1):
        schema, mark, _ = url.partition("://")
        if not mark or not schema.isalnum():
            yield (
                f"{NOTIFY_URLS}: address {place} is none; write it as apprise does, such as ntfy://topic, with spaces "
                "between several."
            )


def _problems_with_heartbeat(urls: list[str]) -> Iterator[str]:
    if len(urls) > 1:
        yield f"{HEARTBEAT_URL} has more than one address; leave one."
    elif urls and not _is_http(urls[0]):
        yield f"{HEARTBEAT_URL} is no address; write it as the service shows it, such as https://hc.example/ping/ID."


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # refuses one that is none
    except ValueError:
        return False
    return parts.scheme in _HTTP and bool(parts.hostname) and url.isascii() and url.isprintable()
