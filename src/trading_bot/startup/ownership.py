"""Who may trade an account and where that is on record: on this machine alone, or shared with others.

With ``journal_url`` the lease, the latch and the journal each get a part in the shared database beside this machine's
own; without it, this machine's own are all there is. What else belongs to a journal (audit log, side files, the journal
of 0.1) is always this machine's.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from trading_bot.clock import Seconds
from trading_bot.config import Config
from trading_bot.kill.intake import KillIntake
from trading_bot.lease import Holding, Lease
from trading_bot.order_management.journal.side_files import SIDE_FOLDER
from trading_bot.order_management.manager import ManagerIdentity
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.ports import TradingLatch
from trading_bot.startup.account_latch import account_latch
from trading_bot.startup.journal import AccountJournal, JournalParts
from trading_bot.startup.journal_home import SharedHome
from trading_bot.startup.journal_parts import journal_identity, journal_parts
from trading_bot.startup.shared_account import shared_account
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder, account_key, journal_path


class AccountLatch(TradingLatch, Protocol):
    """The account's latch, as a start needs it."""

    def initialise_paper(self) -> bool:
        """Arm a paper account the first time it is ever used; raises LatchError."""
        ...


def _nothing() -> None:
    """Close nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """The parts that say whose turn it is, and what they write."""

    state: StateFolder
    log: Path
    """The audit log's live file."""
    session_id: str
    identity: ManagerIdentity
    lease: Holding
    latch: AccountLatch
    close_latch: Callable[[], None]
    journal: AccountJournal
    kills: KillIntake

    def open_journal(self) -> None:
        """Open the journal, and learn which kills are in it; raises as `AccountJournal.open`."""
        self.kills.remember(self.journal.open().standing)

    @contextmanager
    def on_record(self) -> Iterator[OrderStore]:
        """Open the account's journal and nothing else, for answers that need no broker.

        Raises:
            AccountInUseError: another process holds the account.
            OrderLogError: the journal cannot be opened.
        """
        with ExitStack() as stack:
            self.lease.acquire()
            stack.callback(self.lease.release)
            stack.callback(self.journal.close)
            self.open_journal()
            yield self.journal.store


def ownership_of(
    config: Config,
    around: Surroundings,
    *,
    account_number: str,
    send_horizon_s: Seconds,
    parts: JournalParts | None = None,
) -> Ownership:
    """Build them; nothing is opened, locked or connected. ``send_horizon_s`` is counted from this machine's last write.

    Raises:
        ConfigError, OrderLogError: ``journal_url`` cannot be used.
    """
    mode, settings = config.trading.mode, config.order_management
    key, log = account_key(mode, account_number), journal_path(config.logs_dir, mode, account_number)
    state = StateFolder(root=config.resolve_state_dir() / f"{mode}-{key}", files=around.files)
    whose, session_id = journal_identity(mode, account_number), around.new_id()
    shared = shared_account(config, around, account_key=key)
    lease = Lease(path=state.lease, files=around.files)
    latch = account_latch(config, around, state)
    # The lease first: the journal writes under its epoch.
    holding = lease if shared is None else shared.holding(lease, horizon_s=send_horizon_s)
    shared_latch = None if shared is None else shared.latch(latch)
    home = None if shared is None else SharedHome(shared, state=state, identity=whose, v1_journal=log)
    parts = parts or journal_parts(
        around,
        state=state,
        log=log,
        log_max_bytes=settings.trades_max_bytes,
        identity=whose,
        session_id=session_id,
        home=home,
    )
    journal = AccountJournal(around, state=state, identity=whose, session_id=session_id, home=home, parts=parts)
    return Ownership(
        state=state,
        log=log,
        session_id=session_id,
        identity=ManagerIdentity(mode=mode, account_key=key, is_shared=shared is not None),
        lease=holding,
        latch=shared_latch or latch,
        close_latch=_nothing if shared_latch is None else shared_latch.close,
        journal=journal,
        kills=KillIntake(folder=state.root / SIDE_FOLDER, files=around.files, store=journal.store),
    )
