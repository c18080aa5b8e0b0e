"""The account of a simulation: how a bot of it is built, in either mode, and what a person does to it by hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from pydantic import SecretStr

from trading_bot.agent.login.saved_login import LoginStore, SavedLogin
from trading_bot.auth.token_store import SavedSession, TokenStore
from trading_bot.clock import Clock, SystemClock
from trading_bot.config import Config, PaperWire
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.latch import Latch
from trading_bot.order_management.models import ExecutionMode
from trading_bot.risk.canary_pass import CanaryPass
from trading_bot.robinhood.session import Transport
from trading_bot.startup.account import AccountParts
from trading_bot.startup.account_latch import trades_by_agent
from trading_bot.startup.journal import JournalParts
from trading_bot.startup.limits import canary_file
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder, account_key

ACCOUNT = "5QR12345"
ARMED_HOURS = 24 * 7

_NO_LIMITS = {
    "max_order_notional": None,
    "max_position_notional": None,
    "max_daily_loss": None,
    "max_consecutive_losses": None,
    "max_trades_per_day": None,
    "max_open_orders": None,
    "max_entries_per_minute": None,
}


@dataclass(frozen=True, kw_only=True)
class SimAccount:
    """One account in one mode."""

    folder: Path
    mode: ExecutionMode = ExecutionMode.PAPER
    order_management: dict[str, object] = field(default_factory=dict)
    wire: PaperWire = PaperWire.PRIVATE
    """Which of the broker's interfaces is spoken, in either mode."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """The limits in force, see `sim_limits`; of what is not named there is none."""

    @cached_property
    def config(self) -> Config:
        return Config.model_validate(
            {
                "logs_dir": str(self.folder / "logs"),
                "state_dir": str(self.folder / "state"),
                "account_number": ACCOUNT,
                "trading": {"calendar": "NYSE", "mode": self.mode.value},
                "risk_management": {**_NO_LIMITS, **self.limits},
                "order_management": self.order_management,
                "gateway": self.wire.value if self.mode is ExecutionMode.LIVE else "private",
                "paper": {"wire": self.wire.value},
            }
        )

    def state(self, files: FileSystem) -> StateFolder:
        root = self.config.resolve_state_dir() / f"{self.mode}-{account_key(self.mode, ACCOUNT)}"
        return StateFolder(root=root, files=files)

    def parts(self, around: Surroundings, transport: Transport, journal: JournalParts | None) -> AccountParts:
        """Build a bot's parts."""
        return AccountParts(
            self.config, around, account_number=ACCOUNT, transport=transport, quotes=None, journal=journal
        )

    def latch(self, clock: Clock, new_id: Callable[[], str], files: FileSystem) -> Latch:
        """The latch as another process of the account has it."""
        pinned = account_key(self.mode, ACCOUNT) if trades_by_agent(self.config) else None
        return Latch(path=self.state(files).latch, clock=clock, new_id=new_id, files=files, agent_account=pinned)

    def log_in(self) -> None:
        """Leave what a login leaves."""
        files = LocalFiles()
        if self.wire is PaperWire.AGENT:
            self._log_in_to_agent(files)
        else:
            self._log_in_to_private_wire(files)
        # And what a canary leaves that passed long ago: the limits are those of the life.
        passed = CanaryPass(at=datetime(2020, 1, 6, tzinfo=UTC), version="0.2.0", symbols=("F",))
        canary_file(self.config, clock=SystemClock(), files=files).note(passed)

    def _log_in_to_private_wire(self, files: FileSystem) -> None:
        store = TokenStore(
            path=self.state(files).session, username=None, account_number=SecretStr(ACCOUNT), files=files
        )
        saved = SavedSession(
            device_token=SecretStr("device"),
            access_token=SecretStr("access-0"),
            refresh_token=SecretStr("refresh-0"),
        )
        store.save(saved)

    def _log_in_to_agent(self, files: FileSystem) -> None:
        state = self.state(files)
        store = LoginStore(path=state.agent_session, account=state.root.name, files=files)
        begun = datetime(2026, 11, 20, tzinfo=UTC)
        saved = SavedLogin(
            client_id="client",
            access_token=SecretStr("access-0"),
            refresh_token=SecretStr("refresh-0"),
            obtained_at=begun,
            expires_at=begun + timedelta(days=9),
        )
        store.save(saved)
