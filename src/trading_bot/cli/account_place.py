"""Where the configured account keeps its things, for commands that look at them without a bot."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trading_bot.clock import SystemClock
from trading_bot.config import Config
from trading_bot.files import LocalFiles
from trading_bot.latch import Latch
from trading_bot.order_management.models import ExecutionMode
from trading_bot.risk.breaker import RiskBreaker
from trading_bot.startup.paper import configured_account
from trading_bot.startup.shared_account import shared_account
from trading_bot.startup.surroundings import default_surroundings
from trading_bot.state_folder import StateFolder, account_key, account_suffix, journal_path

if TYPE_CHECKING:
    from trading_bot.shared_arming import SharedLatch


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlace:
    """The files of one account in one mode."""

    mode: ExecutionMode
    key: str
    suffix: str
    """The last four characters of the account number."""
    state: StateFolder
    journal: Path
    config: Config

    def latch(self) -> "Latch | SharedLatch":
        """Return the account's latch; with a shared journal it is armed there too.

        Raises:
            ConfigError, OrderLogError: as `shared_account`.
        """
        around = default_surroundings()
        local = Latch(path=self.state.latch, clock=around.clock, new_id=around.new_id, files=self.state.files)
        shared = shared_account(self.config, around, account_key=self.key)
        return local if shared is None else shared.latch(local)

    def breaker(self) -> RiskBreaker:
        """Return the account's risk breaker."""
        return RiskBreaker(path=self.state.risk, account_key=self.key, clock=SystemClock(), files=self.state.files)


def place_of(config: Config) -> AccountPlace:
    """Return the place of the configured account.

    Raises:
        ConfigError: live mode without an account number, or no folder to keep state in.
    """
    mode = config.trading.mode
    number = configured_account(config)
    key = account_key(mode, number)
    return AccountPlace(
        mode=mode,
        key=key,
        suffix=account_suffix(number),
        state=StateFolder(root=config.resolve_state_dir() / f"{mode}-{key}", files=LocalFiles()),
        journal=journal_path(config.logs_dir, mode, number),
        config=config,
    )
