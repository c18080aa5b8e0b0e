"""The four ways in which tokens are got, behind one face: a login and a renewal, at each of the broker's interfaces."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from tests.support import agent_login_bench, live_login_bench
from tests.support.agent_login_bench import AgentLoginBench
from tests.support.jumpy_clock import JumpyClock
from tests.support.live_login_bench import LoginBench
from tests.support.scripted_broker import MORNING, Answer, reply
from trading_bot.agent.endpoint import REGISTRATION_PATH, SERVER_METADATA_PATH
from trading_bot.agent.login.sign_in import BrowserPerson, BrowserSignIn
from trading_bot.files import FileSystem, LocalFiles
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.robinhood.session import BrokerSession

TOKEN = ("POST", "/oauth2/token/")
METADATA: dict[str, object] = {
    "authorization_endpoint": "https://robinhood.com/oauth",
    "code_challenge_methods_supported": ["S256"],
    "issuer": "https://agent.robinhood.com/mcp/trading",
    "registration_endpoint": "https://agent.robinhood.com/oauth/trading/register",
    "token_endpoint": "https://api.robinhood.com/oauth2/token/",
}


@dataclass
class PrivateLogin:
    """The password, at the private interface."""

    folder: Path
    files: FileSystem = field(default_factory=LocalFiles)
    time: JumpyClock = field(default_factory=lambda: JumpyClock(MORNING))
    connect: Callable[[str], BrokerSession] | None = None
    is_renewal: bool = False

    def __post_init__(self) -> None:
        self.bench = LoginBench(self.folder, files=self.files, time=self.time, connect=self.connect)
        self.broker = self.bench.broker

    least_needed: ClassVar[str] = "refresh_token"

    def good(self, number: int) -> Answer:
        """What the token endpoint answers when all is well; ``number`` tells the tokens apart."""
        return live_login_bench.tokens(number)

    def enter(self) -> str | None:
        """Ask for tokens once; return what was said where there are none."""
        try:
            self.bench.log_in()
        except AuthenticationError as error:
            return str(error)
        return None

    def saved_access(self) -> str | None:
        """The access token on the disk."""
        saved = self.bench.store.load()
        return None if saved is None or saved.access_token is None else saved.access_token.get_secret_value()

    def bearer(self) -> str | None:
        """The ``Authorization`` of the next request."""
        return self.bench.bearer()

    def look_after(self) -> None:
        """Do what a running bot does for its login once a minute: here nothing, only a refused session is renewed."""


@dataclass
class PrivateRenewal(PrivateLogin):
    """The refresh token, at the private interface."""

    is_renewal: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bench.store.load() is None:
            self.bench.logged_in()
        else:
            self.bench.login.resume()
        self.bench.answered_401()

    def enter(self) -> str | None:
        return None if self.bench.login.renew(20) else "not renewed"


@dataclass
class AgentRenewal:
    """The refresh token, at the agent interface."""

    folder: Path
    files: FileSystem = field(default_factory=LocalFiles)
    time: JumpyClock = field(default_factory=lambda: JumpyClock(MORNING))
    connect: Callable[[str], BrokerSession] | None = None
    is_renewal: bool = True

    def __post_init__(self) -> None:
        self.bench = AgentLoginBench(self.folder, files=self.files, time=self.time, connect=self.connect)
        self.broker = self.bench.broker
        if not self.is_renewal:
            return
        if self.bench.store.load() is None:
            self.bench.logged_in()
        else:
            self.bench.login.resume()
        self.bench.answered_401()

    least_needed: ClassVar[str] = "access_token"
    """Without a refresh token a login is good for its days, and a renewal keeps the one before."""

    def good(self, number: int) -> Answer:
        return agent_login_bench.tokens(number)

    def enter(self) -> str | None:
        return None if self.bench.login.renew(20) else "not renewed"

    def saved_access(self) -> str | None:
        saved = self.bench.store.load()
        return None if saved is None else saved.access_token.get_secret_value()

    def bearer(self) -> str | None:
        return self.bench.bearer()

    def look_after(self) -> None:
        self.bench.login.care()


@dataclass
class AgentLoginDoor(AgentRenewal):
    """The code that a browser comes back with, at the agent interface."""

    is_renewal: bool = False
    comes_back_with: str = "code=canary-code"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.broker.always("GET", SERVER_METADATA_PATH, reply(200, METADATA))
        self.broker.always("POST", REGISTRATION_PATH, reply(201, {"client_id": "shared-client"}))
        self._ids = iter(f"{number:032x}" for number in range(1, 1000))
        self._shown = ""

    def enter(self) -> str | None:
        bench = self.bench
        sign_in = BrowserSignIn(http=bench.http, grants=bench.grants, clock=bench.time, new_id=lambda: next(self._ids))
        person = BrowserPerson(show=self._see, notify=lambda _: None, pasted=self._came_back)
        try:
            bench.login.prepare()
            bench.login.adopt(sign_in.tokens(person))
        except AuthenticationError as error:
            return str(error)
        return None

    def _see(self, address: str) -> None:
        self._shown = address

    def _came_back(self, within_s: float) -> str:
        self.time.sleep(within_s)
        asked = dict(parse_qsl(urlsplit(self._shown).query))
        return f"{asked['redirect_uri']}?{self.comes_back_with}&state={asked['state']}"


Door: TypeAlias = PrivateLogin | AgentRenewal
"""A way to tokens, with a session from before where it is a renewal."""

DOORS: Sequence[type[PrivateLogin] | type[AgentRenewal]] = (
    PrivateLogin,
    PrivateRenewal,
    AgentLoginDoor,
    AgentRenewal,
)

_UNREADABLE = frozenset({"F23", "F24", "F25", "F26", "F27", "F28", "F30", "F31"})
ENDED: Mapping[type, Collection[str]] = {
    PrivateRenewal: {"F11", "F12", "F13"} | _UNREADABLE,
    AgentRenewal: {"F11", "F12"},
}
"""After these a refresh token is not sent again, and a person has to log in.

At the agent interface a 403 is that of a gateway before it, and a token whose answer was lost may be sent again."""


def spoilt(answer: Answer, **changes: object) -> Answer:
    """Return a good answer with other fields; one that is None is left out."""
    body = json.loads(answer.body) | changes
    return reply(200, {name: value for name, value in body.items() if value is not None})


def access_of(answer: Answer) -> str:
    """Return the access token in an answer of the token endpoint."""
    return str(json.loads(answer.body)["access_token"])
