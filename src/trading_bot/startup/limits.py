"""The limits of an account as they hold: by its settings, and by whether a canary has passed on it."""

from trading_bot.clock import Clock
from trading_bot.config import Config
from trading_bot.files import FileSystem
from trading_bot.order_management.models import ExecutionMode
from trading_bot.risk.canary_pass import CanaryFile
from trading_bot.risk.in_force import LimitsInForce, limits_in_force
from trading_bot.startup.account_number import configured_account
from trading_bot.state_folder import StateFolder, account_key


def canary_file(config: Config, *, clock: Clock, files: FileSystem) -> CanaryFile:
    """Return the note of whether a canary has passed on the configured account.

    Raises:
        ConfigError: live mode without an account number, or no folder to keep state in.
    """
    mode = config.trading.mode
    key = account_key(mode, configured_account(config))
    state = StateFolder(root=config.resolve_state_dir() / f"{mode}-{key}", files=files)
    return CanaryFile(path=state.canary, account_key=key, clock=clock, files=files)


def account_limits(config: Config, *, clock: Clock, files: FileSystem) -> LimitsInForce:
    """Return the limits that hold for the configured account.

    Raises:
        ConfigError: as `canary_file`.
    """
    return limits_in_force(
        config.risk_management,
        is_live=config.trading.mode is ExecutionMode.LIVE,
        canary=canary_file(config, clock=clock, files=files).passed(),
    )
