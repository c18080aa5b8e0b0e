"""A live account at the loopback broker: our own connections, a saved login, and bots that may or may not trade."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

from pydantic import SecretStr

from tests.support.loopback_broker.bench import authority
from tests.support.loopback_broker.book import LoopbackBook
from tests.support.loopback_broker.server import LoopbackServer
from tests.support.paper_market import MONDAY
from trading_bot.auth.token_store import SavedSession, TokenStore
from trading_bot.bot import TradingBot
from trading_bot.clock import VirtualClock
from trading_bot.config import Config
from trading_bot.error_handling.retry import no_jitter
from trading_bot.files import LocalFiles
from trading_bot.latch import Latch
from trading_bot.order_management.models import ExecutionMode
from trading_bot.risk.canary_pass import CanaryPass
from trading_bot.robinhood.live_transport import build_live_transport
from trading_bot.startup import create_bot
from trading_bot.startup.limits import canary_file
from trading_bot.startup.surroundings import default_surroundings
from trading_bot.state_folder import StateFolder, account_key

NUMBER = "5QR10001"
SUBMIT = "POST /orders/"
TOKEN = ("POST", "/oauth2/token/")
REVOKE = ("POST", "/oauth2/revoke_token/")


class LiveAccount:
    """50 AAPL and $100,000, quoted at 100.00, on a Monday morning; logged in and armed unless told otherwise."""

    def __init__(self, folder: Path, server: LoopbackServer, book: LoopbackBook) -> None:
        self.folder, self.server, self.book = folder, server, book
        self.clock = book.clock = VirtualClock(MONDAY)
        self.files = LocalFiles()
        self.settings: dict[str, object] = {
            "trading": {"mode": "live"},
            "account_number": NUMBER,
            "risk_management": {"max_order_notional": 5000, "max_position_notional": 25_000},
            "logs_dir": str(folder / "logs"),
            "state_dir": str(folder / "state"),
        }
        ids = count(1)
        self.around = replace(
            default_surroundings(self.clock), new_id=lambda: f"{next(ids):032x}", jitter=no_jitter, files=self.files
        )
        self.transport = build_live_transport(clock=self.clock, ca_file=str(authority().ca_file), lookup=server.lookup)

    @property
    def config(self) -> Config:
        return Config.model_validate(self.settings)

    @property
    def submits(self) -> int:
        return self.server.paths().count(SUBMIT)

    @property
    def store(self) -> TokenStore:
        return self.store_of(None)

    def store_of(self, username: SecretStr | None) -> TokenStore:
        return TokenStore(
            path=self.state().session, username=username, account_number=SecretStr(NUMBER), files=self.files
        )

    def state(self, mode: ExecutionMode = ExecutionMode.LIVE, number: str = NUMBER) -> StateFolder:
        return StateFolder(root=self.folder / "state" / f"{mode}-{account_key(mode, number)}", files=self.files)

    def log_in(self, access: str = "first", *, username: str | None = None) -> None:
        saved = SavedSession(
            device_token=SecretStr("device"),
            access_token=SecretStr(access),
            refresh_token=SecretStr("first-refresh"),
        )
        self.store_of(None if username is None else SecretStr(username)).save(saved)
        self.note_canary()

    def arm(self, state: StateFolder | None = None, *, hours: int = 12) -> None:
        latch = Latch(path=(state or self.state()).latch, clock=self.clock, new_id=self.around.new_id)
        latch.arm(by="a test", hours=hours)
        self.note_canary()

    def note_canary(self) -> None:
        """Leave what a canary that passed a day ago leaves: the limits of the settings hold."""
        if self.config.account_number is None:
            return
        passed = CanaryPass(at=self.clock.now() - timedelta(days=1), version="0.2.0", symbols=("F",))
        canary_file(self.config, clock=self.clock, files=self.files).note(passed)

    def bot(self) -> TradingBot:
        return create_bot(self.config, transport=self.transport, surroundings=self.around, background_sync=False)


@contextmanager
def live_account(folder: Path) -> Iterator[LiveAccount]:
    book = LoopbackBook(account_number=NUMBER, shares=50)
    with LoopbackServer(authority().certify().server_context(), book) as server:
        account = LiveAccount(folder, server, book)
        yield account
        account.transport.close()
