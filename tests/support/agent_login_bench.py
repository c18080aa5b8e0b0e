"""A login to the agent interface over real sessions, with scripted hosts at their far end and its file in a folder."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from tests.support.scripted_broker import Answer, ScriptedBroker, clock, reply
from trading_bot.agent.endpoint import AGENT_BASE_URL, ENDPOINT_PATH, GRANTS_BASE_URL
from trading_bot.agent.login.agent_login import AgentLogin
from trading_bot.agent.login.saved_login import LoginStore, SavedLogin
from trading_bot.clock import VirtualClock
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.robinhood.session import BrokerSession, WireRequest

TOKEN = ("POST", "/oauth2/token/")
CALL = ("POST", ENDPOINT_PATH)
CLIENT = "shared-client"
LIFE = timedelta(seconds=665_712)


def tokens(number: int = 2, **changes: object) -> Answer:
    body: dict[str, object] = {
        "access_token": f"canary-access-token-{number}",
        "refresh_token": f"canary-refresh-token-{number}",
        "token_type": "Bearer",
        "expires_in": 665_712,
        "scope": "internal",
    }
    return reply(200, {name: value for name, value in (body | changes).items() if value is not None})


@dataclass
class AgentLoginBench:
    """One process with a login; two of them on one folder are two processes."""

    folder: Path
    broker: ScriptedBroker = field(default_factory=ScriptedBroker)
    time: VirtualClock = field(default_factory=clock)
    files: FileSystem = field(default_factory=LocalFiles)
    pid: int = 4711
    connect: Callable[[str], BrokerSession] | None = None
    """Makes the session to an address, where it does not lead to ``broker``."""

    def __post_init__(self) -> None:
        self.http, self.grants = map(self.connect or self._scripted, (AGENT_BASE_URL, GRANTS_BASE_URL))
        self.store = LoginStore(path=self.folder / "agent-session.json", account="live-canary", files=self.files)
        self.login = AgentLogin(http=self.http, grants=self.grants, store=self.store, clock=self.time, files=self.files)

    def first_login(self, **changes: object) -> SavedLogin:
        now = self.time.now()
        login = SavedLogin(
            client_id=CLIENT,
            access_token=SecretStr("canary-access-token-1"),
            refresh_token=SecretStr("canary-refresh-token-1"),
            obtained_at=now,
            expires_at=now + LIFE,
        )
        return login.model_copy(update=changes)

    def logged_in(self, **changes: object) -> "AgentLoginBench":
        self.login.adopt(self.first_login(**changes))
        return self

    def another_process(self) -> "AgentLoginBench":
        other = AgentLoginBench(self.folder, time=self.time)
        other.login.resume()
        return other

    def answered_401(self) -> "AgentLoginBench":
        self.broker.on(*CALL, reply(401, b"JWT verification failed"))
        self._call()
        self.broker.seen.clear()
        return self

    def bearer(self) -> str | None:
        self.broker.on(*CALL, reply())
        self._call()
        return self.broker.seen.pop().headers.get("Authorization")

    def saved(self) -> SavedLogin:
        found = self.store.load()
        assert found is not None
        return found

    def is_refused(self) -> bool:
        self._call()
        return self.http.bearer_is_refused

    def _scripted(self, base_url: str) -> BrokerSession:
        return BrokerSession(adapter=self.broker, clock=self.time, base_url=base_url, process_id=lambda: self.pid)

    def _call(self) -> None:
        self.http.exchange(WireRequest(method="POST", path=ENDPOINT_PATH, body=b"{}"), timeout_s=10)
