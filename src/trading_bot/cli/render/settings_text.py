"""Settings as flat text, safe to show."""

from collections.abc import Iterator, Mapping

from trading_bot.cli.render.text import printable
from trading_bot.config import Config, GatewayKind


def flat_settings(settings: Config) -> dict[str, str]:
    """Return each setting under its dotted key path; secrets as their last four characters at most."""
    shown = dict(_flat(settings.model_dump(mode="json")))
    if settings.account_suffix is not None:
        shown["account_number"] = f"...{settings.account_suffix}"
    return shown


def mode_words(settings: Config) -> str:
    """Say the mode, and the broker's interface where that is the official one."""
    over = " over the official interface" if settings.interface is GatewayKind.AGENT else ""
    return f"{settings.trading.mode} mode{over}"


def _flat(values: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{key}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            yield f"{above}{key}", "-" if value is None or value in ({}, []) else printable(text)
