"""The services that apprise knows, each sent to by itself, so that only what failed is sent again.

Of apprise 2.3 one would guess wrong: ``notify`` returns an object that is falsy also where a part arrived; an optional
service that failed counts as a success; and a time-out of its own leaves a thread behind that keeps the process from
ending. So the result is read attempt by attempt, and the time-outs are those of the sockets, four seconds each. It also
logs an address that it cannot use in clear, whatever ``secure_logging`` says; what it logs is kept from every handler.
"""

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import unquote

from apprise import Apprise, AppriseAsset, NotifyFormat
from apprise.logger import logger
from apprise.plugins import NotifyBase
from apprise.result import AppriseResult, AppriseResultStatus
from pydantic import SecretStr

from trading_bot.config import ConfigError
from trading_bot.logging.masking import SecretMasker
from trading_bot.notify.lane import Delivery, Sending, Service

_DELIVERIES = {
    AppriseResultStatus.SUCCESS: Delivery.DELIVERED,
    AppriseResultStatus.TIMEOUT: Delivery.TIMED_OUT,
}
_PARTS = re.compile(r"[^/?&=:@+,;#]+")
_SHORTEST_SECRET = 6
"""Characters; shorter parts of an address are words of the service, such as ``api``."""

_LONGEST_PROBLEM = 200


class AppriseService:
    """One address of apprise."""

    def __init__(self, url: SecretStr, *, name: str, plugin: NotifyBase, asset: AppriseAsset) -> None:
        self.name = name
        self._masker = SecretMasker(secrets=_secret_parts(url.get_secret_value()))
        self._one = Apprise(asset=asset)
        self._one.add(plugin)

    def send(self, title: str, body: str) -> Sending:
        """Send once. What the service said of a failure is in the result, without any part of the address."""
        with _kept_to_us() as said, self._one.notify(body=body, title=title, body_format=NotifyFormat.TEXT) as result:
            delivery = _delivery_of(result)
        problem = None if delivery is Delivery.DELIVERED else self._shown(said)
        return Sending(delivery=delivery, problem=problem)

    def _shown(self, said: Sequence[str]) -> str:
        text = said[-1] if said else "it did not say why"
        return self._masker.mask_text(" ".join(text.split()))[:_LONGEST_PROBLEM]


@contextmanager
def _kept_to_us() -> Iterator[list[str]]:
    """Keep what apprise logs on this thread from every handler: an address that it cannot use is logged in clear."""
    said: list[str] = []
    ours = threading.get_ident()

    def keep(record: logging.LogRecord) -> bool:
        if record.thread != ours:
            return True
        said.append(record.getMessage())
        return False

    logger.addFilter(keep)
    try:
        yield said
    finally:
        logger.removeFilter(keep)


def _delivery_of(result: AppriseResult) -> Delivery:
    attempts = [attempt for one in result.results for attempt in one.attempts]
    if not attempts:
        return Delivery.FAILED
    return _DELIVERIES.get(attempts[-1].status, Delivery.FAILED)


def apprise_services(urls: Sequence[SecretStr]) -> tuple[Service, ...]:
    """Return a service for each address; nothing is sent.

    Raises:
        ConfigError: apprise cannot use an address. The message shows its kind alone.
    """
    asset = AppriseAsset(service_timeout=0, storage_mode="memory", app_id="trading-bot", app_desc="trading-bot")
    made, problems = [], []
    for place, url in enumerate(urls, start=1):
        schema = url.get_secret_value().partition("://")[0].lower()
        with _kept_to_us():
            plugin = Apprise.instantiate(url.get_secret_value(), asset=asset)
        if plugin is None:
            problems.append(
                f"TRADING_BOT_NOTIFY_URLS: apprise cannot use address {place} ({schema}://...); correct it as the page "
                "of that service in apprise's documentation says."
            )
        else:
            name = f"{place} {schema} ({plugin.service_name})"
            made.append(AppriseService(url, name=name, plugin=plugin, asset=asset))
    if problems:
        raise ConfigError(problems)
    return tuple(made)


def _secret_parts(url: str) -> Iterator[str]:
    yield url
    _, _, address = url.partition("://")
    yield address
    login, has_login, _ = address.rpartition("@")
    if has_login:
        yield from login.split(":")
    parts = {form for part in _PARTS.findall(address) for form in (part, unquote(part))}
    yield from (part for part in parts if len(part) >= _SHORTEST_SECRET)
