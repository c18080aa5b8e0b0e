"""The files of the configured account, for commands that read them without a bot."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trading_bot.clock import SystemClock
from trading_bot.config import Config
from trading_bot.files import LocalFiles
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.journal.v1.on_record import V1Reader
from trading_bot.order_management.models import ExecutionMode
from trading_bot.risk.breaker import RiskBreaker
from trading_bot.startup.account_latch import account_latch
from trading_bot.startup.account_number import configured_account
from trading_bot.startup.journal_on_record import JournalOnRecord, journal_on_record, old_journal, recorded_answers
from trading_bot.startup.shared_account import SharedAccount, shared_account
from trading_bot.startup.surroundings import default_surroundings
from trading_bot.state_folder import StateFolder, account_key, account_suffix, journal_path

if TYPE_CHECKING:
    from trading_bot.latch import Latch
    from trading_bot.order_management.journal.port import JournalReader
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

    def on_record(self) -> JournalOnRecord | None:
        """Return the account's journal as it is on record; None where none was begun."""
        return journal_on_record(self.state, account_key=self.key, log=self.journal, shared=self._shared())

    def old_journal(self) -> V1Reader | None:
        """Return the journal of version 0.1 that the first start takes over; None where there is none.

        Raises:
            OrderLogError: the account's journal is gone, or not where it was last time; with the remedy.
        """
        identity = JournalIdentity(mode=self.mode, account_key=self.key, account_suffix=self.suffix)
        return old_journal(self.state, identity=identity, log=self.journal, shared=self._shared())

    @contextmanager
    def latch(self) -> Iterator["Latch | SharedLatch"]:
        """Lend the account's latch; with a shared journal it is armed there too.

        Raises:
            ConfigError, OrderLogError: as `shared_account`.
        """
        around = default_surroundings()
        local = account_latch(self.config, around, self.state)
        shared = self._shared()
        if shared is None:
            yield local
            return
        with closing(shared.latch(local)) as latch:
            yield latch

    def _shared(self) -> SharedAccount | None:
        return shared_account(self.config, default_surroundings(), account_key=self.key)

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


def recorded_reader(config: Config) -> "JournalReader | None":
    """Return what reads the journal of the configured account, one of 0.1 included; None where none was begun.

    Raises:
        ConfigError: live mode without an account number, or no folder to keep state in.
        OrderLogError: the journal cannot be read, or is gone.
    """
    return recorded_answers(config, default_surroundings()).reader
