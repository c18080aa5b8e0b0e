"""Which account a configuration means."""

from trading_bot.config import Config, ConfigError
from trading_bot.order_management.models import ExecutionMode

PAPER_ACCOUNT = "PAPER0001"
"""The account number on paper where the configuration names none."""


def configured_account(config: Config) -> str:
    """Return the number of the account that is meant.

    Raises:
        ConfigError: live mode, and the file does not name it.
    """
    if config.account_number is not None:
        return config.account_number.get_secret_value()
    if config.trading.mode is ExecutionMode.PAPER:
        return PAPER_ACCOUNT
    raise ConfigError(
        ["account_number is not set, so it cannot be told which live account is meant; set it in the config file."]
    )
