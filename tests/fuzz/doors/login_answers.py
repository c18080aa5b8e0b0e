"""What token endpoints and login pages answer, and the address that a browser comes back with.

The call of a case is one of `login`, `renew`, `agent_renew`, `server`, `register`, `code` and `browser`. Each
request of it gets the next body. The body of `browser` is the address.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import SecretStr

from tests.fuzz.bounds import misplaced, refuse_control, refuse_secrets
from tests.fuzz.doors.wire_case import HostileBroker, WireCase
from tests.support.agent_login_bench import CLIENT, LIFE
from tests.support.live_login_bench import ACCOUNT_NUMBER, PASSWORD, USERNAME
from tests.support.scripted_broker import Answer, clock
from trading_bot.agent.endpoint import AGENT_BASE_URL, GRANTS_BASE_URL
from trading_bot.agent.login.agent_login import AgentLogin
from trading_bot.agent.login.authorization import Authorization, Declined
from trading_bot.agent.login.grants import Exchange, code_request, read_login
from trading_bot.agent.login.metadata import read_server, registered_client
from trading_bot.agent.login.saved_login import LoginStore, SavedLogin
from trading_bot.auth.live_login import LiveLogin
from trading_bot.auth.login_budget import LoginBudget
from trading_bot.auth.token_store import SavedSession, TokenStore
from trading_bot.files import LocalFiles
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.robinhood.interactive_login import Person
from trading_bot.robinhood.session import BASE_URL, BrokerSession, UnreadableReplyError, WireReply

_HOSTS = (f"{BASE_URL}/", f"{AGENT_BASE_URL}/")
_PASSWORD_GRANTS = f"POST {BASE_URL}/oauth2/token/"
_MOST_GRANTS = 2
"""Two or three wrong passwords lock the account: one login asks with the password, and once more after an approval."""
_MOST_REQUESTS = 200
_LONGEST_MESSAGE = 2048
_LONGEST_LOGIN_S = 400
_TOKENS = {
    "canary-access-token-1": rb'"access_token"\s*:\s*"',
    "canary-refresh-token-1": rb'"refresh_token"\s*:\s*"',
    "canary-code": rb"code=",
}
_DEVICE = SecretStr("canary-device-token")


class _Unflushed(LocalFiles):
    def sync(self, descriptor: int) -> None:
        """Wait for nothing."""

    def sync_folder(self, path: Path) -> None:
        """Wait for nothing."""


class LoginAnswers:
    """A login that fails saves nothing; one that works has tokens that can be sent; none of it is shown."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o700)
        self._folder = folder
        self._files = _Unflushed()
        self._time = clock()
        self._broker = HostileBroker(self._answer)
        self._case = WireCase.read(b"")
        self._replies = 0
        self._told: list[str] = []
        self._calls: Mapping[str, Callable[[], str]] = {
            "login": self._login,
            "renew": self._renew,
            "agent_renew": self._agent_renew,
            "server": lambda: repr(read_server(self._wire(AGENT_BASE_URL))),
            "register": lambda: registered_client(self._wire(AGENT_BASE_URL), "http://127.0.0.1:45123/callback"),
            "code": self._code,
            "browser": self._browser,
        }

    def __call__(self, data: bytes) -> str:
        """Make the call of a case over its replies."""
        for path in self._folder.iterdir():
            path.unlink()
        self._case, self._replies, self._told = WireCase.read(data), 0, []
        self._time, self._broker = clock(), HostileBroker(self._answer)
        begun, but = self._time.monotonic(), misplaced(data, _TOKENS)
        try:
            said = self._calls.get(self._case.call, self._login)()
            ended = f"{self._case.call[:12]} done" if self._case.call in self._calls else "login done"
        except (AuthenticationError, UnreadableReplyError) as error:
            said, ended = str(error), f"refused {type(error).__name__}"
            refuse_control(said)
            assert len(said) <= _LONGEST_MESSAGE, "the message is as long as the broker liked it"
        refuse_secrets(said, *self._told, but=but)
        refuse_control(*self._told)
        assert self._time.monotonic() - begun <= _LONGEST_LOGIN_S, "it took longer than a login may"
        self._check_requests()
        return ended

    def _check_requests(self) -> None:
        asked = self._broker.asked
        assert len(asked) <= _MOST_REQUESTS, f"{len(asked)} requests for one login"
        assert asked.count(_PASSWORD_GRANTS) <= _MOST_GRANTS, "the password was sent again and again"
        for each in asked:
            assert each.partition(" ")[2].startswith(_HOSTS), f"it asked {each}"

    def _login(self) -> str:
        store, login = self._live()
        try:
            login.login(username=USERNAME, password=PASSWORD, person=Person(notify=self._told.append, ask=None))
        except AuthenticationError:
            assert store.load() is None, "a login that failed was saved"
            raise
        saved = store.load()
        assert saved is not None, "a login that worked was not saved"
        assert saved.access_token is not None, "a login without a token was saved"
        return repr(saved)

    def _renew(self) -> str:
        store, login = self._live()
        store.load()
        token = SecretStr("canary-access-token-1")
        before = SavedSession(
            device_token=_DEVICE, access_token=token, refresh_token=SecretStr("canary-refresh-token-1")
        )
        store.save(before)
        login.resume()
        is_renewed = login.renew(10)
        saved = store.load()
        assert saved is not None, "the device was forgotten"
        assert not is_renewed or (saved.access_token is not None), "renewed, and there is no token"
        return f"{is_renewed} {saved!r}"

    def _agent_renew(self) -> str:
        store = LoginStore(path=self._folder / "agent.json", account="live-canary", files=self._files)
        login = AgentLogin(
            http=self._wire(AGENT_BASE_URL),
            grants=self._wire(GRANTS_BASE_URL),
            store=store,
            clock=self._time,
            files=self._files,
        )
        now = self._time.now()
        saved = SavedLogin(
            client_id=CLIENT,
            access_token=SecretStr("canary-access-token-1"),
            refresh_token=SecretStr("canary-refresh-token-1"),
            obtained_at=now,
            expires_at=now + LIFE,
        )
        login.adopt(saved)
        is_renewed = login.renew(10)
        after = store.load()
        assert after is not None, "the login was forgotten"
        return f"{is_renewed} {after!r} {login.problem()} {login.care()} {login.standing()!r}"

    def _code(self) -> str:
        asked = Exchange(
            code=SecretStr("canary-code"),
            client_id=CLIENT,
            redirect_uri="http://127.0.0.1:45123/callback",
            verifier=SecretStr("canary-verifier"),
        )
        reply = self._wire(GRANTS_BASE_URL).exchange(code_request(asked), timeout_s=10)
        return repr(
            read_login(reply, client_id=CLIENT, now=self._time.now()) if isinstance(reply, WireReply) else reply
        )

    def _browser(self) -> str:
        asked = Authorization(
            client_id=CLIENT,
            redirect_uri="http://127.0.0.1:45123/callback",
            state="canary-state",
            verifier="canary-verifier" * 4,
            names_issuer=False,
        )
        address = self._case.bodies[0].decode("utf-8", errors="surrogateescape")
        answer = asked.answered(address)
        if isinstance(answer, Exchange):
            assert "canary-state" in address, "an answer to another login was taken"
        if isinstance(answer, Declined):
            refuse_control(answer.reason)
        return repr(answer)

    def _live(self) -> tuple[TokenStore, LiveLogin]:
        store = TokenStore(
            path=self._folder / "session.json", username=USERNAME, account_number=ACCOUNT_NUMBER, files=self._files
        )
        login = LiveLogin(
            session=self._wire(BASE_URL),
            store=store,
            budget=LoginBudget(path=self._folder / "logins.json", clock=self._time, files=self._files),
            clock=self._time,
            files=self._files,
            new_device_token=_DEVICE.get_secret_value,
        )
        return store, login

    def _wire(self, base_url: str) -> BrokerSession:
        return BrokerSession(adapter=self._broker, clock=self._time, base_url=base_url)

    def _answer(self, _method: str, _path: str, _body: bytes) -> Answer:
        self._replies += 1
        return self._case.answer(self._replies - 1)
