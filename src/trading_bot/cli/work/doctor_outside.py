"""What the doctor says of whoever is told of a running bot: messages, heartbeat, figures. Nothing is sent."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from trading_bot import checkup
from trading_bot.checkup import Check
from trading_bot.config import Config, ConfigError
from trading_bot.startup.tell_somebody import notify_services


def outside_checks(config: Config) -> Iterator[Check]:
    """Say what is set up; what cannot work is a warning, because the bot trades without it."""
    yield _messages(config)
    yield _heartbeat(config)
    yield _figures(config)


def _messages(config: Config) -> Check:
    try:
        services = notify_services(config)
    except ConfigError as error:
        return checkup.warned("messages", str(error).rstrip("."))
    if not services:
        return checkup.passed("messages", "not set up: TRADING_BOT_NOTIFY_URLS would say where they go")
    names = ", ".join(service.name for service in services)
    return checkup.passed("messages", f"{names}; try them with 'trading-bot notify test'")


def _heartbeat(config: Config) -> Check:
    try:
        url = config.secret_urls().heartbeat
    except ConfigError as error:
        return checkup.warned("heartbeat", str(error).rstrip("."))
    if url is None:
        return checkup.passed("heartbeat", "not set up: TRADING_BOT_HEARTBEAT_URL would say where it goes")
    return checkup.passed("heartbeat", f"every {config.heartbeat.interval_s:g} s while a running bot is well")


def _figures(config: Config) -> Check:
    port = config.metrics.port
    if port is None:
        return checkup.passed("figures", "not set up: metrics.port would say where Prometheus finds them")
    try:
        version("prometheus-client")
    except PackageNotFoundError:
        return checkup.warned("figures", "a package is missing; run: pip install 'trading-bot[metrics]'")
    return checkup.passed("figures", f"a running bot shows them at http://127.0.0.1:{port}/metrics")
