"""A live login over the real session, with a scripted broker at its far end and its files in a folder of the test."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from tests.support.scripted_broker import Answer, ScriptedBroker, clock, reply
from trading_bot.auth.live_login import LiveLogin
from trading_bot.auth.login_budget import LoginBudget
from trading_bot.auth.token_store import SavedSession, TokenStore
from trading_bot.clock import VirtualClock
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.robinhood.interactive_login import Person
from trading_bot.robinhood.session import BASE_URL, BrokerSession, WireRequest

TOKEN = ("POST", "/oauth2/token/")
REVOKE = ("POST", "/oauth2/revoke_token/")
READ = WireRequest(method="GET", path="/orders/")
USERNAME = SecretStr("canary-user@example.com")
PASSWORD = SecretStr("canary-password")
ACCOUNT_NUMBER = SecretStr("CANARY5QR12345")
DEVICE = "canary-device-token"
SEED = SecretStr("JBSWY3DPEHPK3PXP")


def tokens(number: int = 1, **changes: object) -> Answer:
    body = {
        "access_token": f"canary-access-{number}",
        "refresh_token": f"canary-refresh-{number}",
        "token_type": "Bearer",
        "expires_in": 86400,
    }
    return reply(200, body | changes)


def store_at(folder: Path, files: FileSystem | None = None) -> TokenStore:
    return TokenStore(
        path=folder / "session.json", username=USERNAME, account_number=ACCOUNT_NUMBER, files=files or LocalFiles()
    )


@dataclass
class LoginBench:
    """One process with a live login; two of them on one folder are two processes."""

    folder: Path
    broker: ScriptedBroker = field(default_factory=ScriptedBroker)
    time: VirtualClock = field(default_factory=clock)
    files: FileSystem = field(default_factory=LocalFiles)
    told: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    answer: str | None = None
    pid: int = 4711
    connect: Callable[[str], BrokerSession] | None = None
    """Makes the session to an address, where it does not lead to ``broker``."""

    def __post_init__(self) -> None:
        scripted = BrokerSession(adapter=self.broker, clock=self.time, process_id=lambda: self.pid)
        self.session = scripted if self.connect is None else self.connect(BASE_URL)
        self.store = store_at(self.folder, self.files)
        self.budget = LoginBudget(path=self.folder / "logins.json", clock=self.time, files=self.files)
        self.login = LiveLogin(
            session=self.session,
            store=self.store,
            budget=self.budget,
            clock=self.time,
            files=self.files,
            new_device_token=lambda: DEVICE,
        )

    @property
    def person(self) -> Person:
        return Person(notify=self.told.append, ask=None if self.answer is None else self._ask)

    def log_in(self, *, mfa_secret: SecretStr | None = None) -> None:
        self.login.login(username=USERNAME, password=PASSWORD, person=self.person, mfa_secret=mfa_secret)

    def logged_in(self) -> "LoginBench":
        self.broker.on(*TOKEN, tokens())
        self.log_in()
        self.broker.seen.clear()
        return self

    def answered_401(self) -> "LoginBench":
        self.broker.on("GET", "/orders/", reply(401))
        self.session.exchange(READ, timeout_s=10)
        self.broker.seen.clear()
        return self

    def bearer(self) -> str | None:
        self.broker.on("GET", "/orders/", reply())
        self.session.exchange(READ, timeout_s=10)
        return self.broker.seen.pop().headers.get("Authorization")

    def saved(self) -> SavedSession:
        found = self.store.load()
        assert found is not None
        return found

    def _ask(self, question: str) -> str:
        self.asked.append(question)
        return self.answer or ""
