"""Tells of settings that do nothing any more."""

from trading_bot.config import Config, OrderManagementConfig
from trading_bot.logging.setup import get_logger

_log = get_logger("trading_bot.startup")


def tell_without_effect(config: Config) -> None:
    """Log the settings that are given and do nothing any more, in a file or as a value."""
    size = config.order_management.journal_max_bytes
    given = () if size == OrderManagementConfig().journal_max_bytes else ("order_management.journal_max_bytes",)
    for key in config.without_effect or given:
        _log.warning("setting_without_effect", reason=f"{key} does nothing any more; leave it out")
