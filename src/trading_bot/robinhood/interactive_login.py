"""A person's login through robin_stocks, which knows the broker's device approval; everything it does obeys our rules.

Its requests go through our session, its clock and its prompts are ours, its prints are dropped, and no token it gets is
left in it or on the disk.
"""

import base64
import hmac
import io
import json
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import ModuleType, SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import requests
from pydantic import SecretStr

from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.robinhood.approval import ApprovalEnd, ApprovalError, Ending, in_known_shape
from trading_bot.robinhood.failures import WireFailure
from trading_bot.robinhood.reads import Wire
from trading_bot.robinhood.session import BASE_URL, WireReply, WireRequest
from trading_bot.robinhood.wire import printable

APPROVAL_PATIENCE_S: Seconds = 180.0
"""How long a person may take to approve a new device."""

WAITING_EVERY_S: Seconds = 15.0
"""How often somebody who watches hears that the approval is still waited for."""

_GRANT_PATH = "/oauth2/token/"
_APPROVAL_PATH = "/pathfinder/user_machine/"
_CODE_LIFE_S = 30
_CODE_DIGITS = 6
_LOGIN_PATHS = (_GRANT_PATH, "/pathfinder/", "/push/", "/challenge/")
_TIMEOUT_S: Seconds = 16.0

# robin_stocks keeps its session and its prompts in module globals, so one login runs at a time.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who logs in. ``ask`` shows a question and returns the answer; None where nobody can be asked.

    ``waiting`` is called from time to time with how many seconds are left for the approval; None where nobody watches.
    """

    notify: Callable[[str], None]
    ask: Callable[[str], str] | None
    waiting: Callable[[Seconds], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSecrets:
    """What a login needs; its repr shows none of it. ``mfa_secret`` is the seed of one-time codes."""

    username: SecretStr
    password: SecretStr
    device_token: SecretStr
    mfa_secret: SecretStr | None = None


@dataclass(slots=True, kw_only=True)
class LoginAttempt:
    """How a login went on the wire: the last answer of the token endpoint, and whether any request may have arrived."""

    last: WireReply | WireFailure | None = None
    may_have_arrived: bool = False
    asked_for_approval: bool = False
    lacked_a_terminal: bool = False
    typed_a_code: bool = False
    end: ApprovalEnd | None = None
    """Why the approval of this device came to nothing, if it did. The password was right then."""

    def note(self, result: WireReply | WireFailure) -> None:
        """Add one answer of the token endpoint."""
        self.last = result
        self.may_have_arrived |= isinstance(result, WireReply) or result.first_byte_written


class ApprovalInterruptedError(KeyboardInterrupt):
    """A person gave up waiting for the approval of this device: the password was right, and no code was wrong."""


def one_time_code(seed: SecretStr, now: datetime) -> str:
    """Compute the code an authenticator app shows now (RFC 6238), also from the short seeds that brokers give out.

    Raises:
        AuthenticationError: the seed is not base32 text.
    """
    counter = int(now.timestamp()) // _CODE_LIFE_S
    digest = hmac.new(_seed_bytes(seed), counter.to_bytes(8, "big"), "sha1").digest()
    start = digest[-1] & 0xF
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**_CODE_DIGITS:0{_CODE_DIGITS}}"


def _seed_bytes(seed: SecretStr) -> bytes:
    text = seed.get_secret_value().replace(" ", "").rstrip("=").upper()
    try:
        decoded = base64.b32decode(text + "=" * (-len(text) % 8))
    except ValueError:
        decoded = b""
    if not decoded:
        raise AuthenticationError("ROBINHOOD_MFA_SECRET is not the base32 text that the broker shows; set it again")
    return decoded


class InteractiveLogin:
    """Runs logins one at a time; the outcome is what the token endpoint said, never what robin_stocks makes of it."""

    def __init__(self, *, wire: Wire, clock: Clock, patience_s: Seconds = APPROVAL_PATIENCE_S) -> None:
        self._wire = wire
        self._clock = clock
        self._patience_s = patience_s

    def attempt(self, secrets: LoginSecrets, person: Person) -> LoginAttempt:
        """Log in once, with the approval of this device where the broker asks for one.

        Raises:
            AuthenticationError: the seed of the one-time codes cannot be used; nothing was sent.
            ApprovalInterruptedError: Ctrl-C after the broker had asked for the approval.
        """
        code = None if secrets.mfa_secret is None else one_time_code(secrets.mfa_secret, self._clock.now())
        attempt = LoginAttempt()
        with _one_at_a_time, self._contained(secrets, person, attempt) as login:
            try:
                login(
                    username=secrets.username.get_secret_value(),
                    password=secrets.password.get_secret_value(),
                    mfa_code=code,
                )
            except KeyboardInterrupt as interrupted:
                if attempt.asked_for_approval and not attempt.typed_a_code:
                    raise ApprovalInterruptedError from interrupted
                raise
        return attempt

    @contextmanager
    def _contained(
        self, secrets: LoginSecrets, person: Person, attempt: LoginAttempt
    ) -> Iterator[Callable[..., object]]:
        from robin_stocks.robinhood import authentication, helper

        with ExitStack() as stack:
            http = stack.enter_context(_private_session(_Carrier(wire=self._wire, person=person, attempt=attempt)))
            stack.enter_context(_replaced(helper, {"SESSION": http, "OUTPUT": io.StringIO(), "LOGGED_IN": False}))
            stack.enter_context(
                _replaced(
                    authentication,
                    {
                        "print": _drop,
                        "input": lambda question: _ask(question, person, attempt),
                        "time": self._bounded_time(person, attempt),
                        "generate_device_token": secrets.device_token.get_secret_value,
                    },
                )
            )
            # Without `store_session` it writes no file; the folder is there in case it ever does.
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="trading-bot-login-"))
            yield lambda **form: authentication.login(store_session=False, pickle_path=folder, **form)

    def _bounded_time(self, person: Person, attempt: LoginAttempt) -> SimpleNamespace:
        not_after = self._clock.monotonic() + self._patience_s
        told_at = self._clock.monotonic()

        def sleep(seconds: Seconds) -> None:
            nonlocal told_at
            now = self._clock.monotonic()
            if now + seconds > not_after:
                raise _given_up(attempt)
            if person.waiting is not None and attempt.asked_for_approval and now - told_at >= WAITING_EVERY_S:
                told_at = now
                person.waiting(not_after - now)
            self._clock.sleep(seconds)

        # Its own two minutes end in the middle of an approval, so its clock stands still and only the sleeps count.
        return SimpleNamespace(time=lambda: 0.0, sleep=sleep)


def _given_up(attempt: LoginAttempt) -> ApprovalError:
    # Codes that were typed and not accepted may count against the account; a prompt that nobody saw does not.
    error = ApprovalError(None if attempt.typed_a_code else ApprovalEnd(ending=Ending.NOT_APPROVED))
    attempt.end = error.end
    return error


@dataclass(slots=True, kw_only=True)
class _Carrier(requests.adapters.BaseAdapter):
    wire: Wire
    person: Person
    attempt: LoginAttempt
    timeout_s: Seconds = field(default=_TIMEOUT_S)

    def send(self, request: requests.PreparedRequest, *_socket: object, **_options: object) -> requests.Response:
        url = urlsplit(request.url or "")
        if not url.path.startswith(_LOGIN_PATHS):
            raise requests.exceptions.InvalidURL("a login does not go there; nothing was sent", request=request)
        body = request.body or b""
        result = self.wire.exchange(
            WireRequest(
                method=request.method or "",
                path=url.path,
                query=tuple(parse_qsl(url.query, keep_blank_values=True)),
                body=body.encode() if isinstance(body, str) else body,
                content_type=request.headers.get("Content-Type"),
                authenticated=False,
            ),
            timeout_s=self.timeout_s,
        )
        if url.path == _GRANT_PATH:
            self.attempt.note(result)
        if url.path == _APPROVAL_PATH and not self.attempt.asked_for_approval:
            self.attempt.asked_for_approval = True
            self.person.notify(
                "approve this device in the broker's app, or have the code at hand that it sends; "
                f"waiting {APPROVAL_PATIENCE_S:.0f} seconds at most"
            )
        result = self._understood(request.method or "", url.path, result)
        if isinstance(result, WireFailure):
            raise requests.exceptions.ConnectionError(result.cause)
        return _response(request, result)

    def _understood(self, method: str, path: str, result: WireReply | WireFailure) -> WireReply | WireFailure:
        try:
            known = in_known_shape(method, path, result)
        except ApprovalError as error:
            self.attempt.end = error.end
            raise
        return result if known is None else WireReply(status=200, headers={}, body=json.dumps(known).encode())

    def close(self) -> None:
        pass


def _response(request: requests.PreparedRequest, reply: WireReply) -> requests.Response:
    response = requests.Response()
    response.status_code = reply.status
    response.headers.update(reply.headers)
    response.url, response.request, response.encoding = request.url or "", request, "utf-8"
    response.raw = io.BytesIO(reply.body)
    return response


@contextmanager
def _private_session(carrier: requests.adapters.BaseAdapter) -> Iterator[requests.Session]:
    with requests.Session() as http:
        http.trust_env = False
        http.adapters.clear()
        http.mount(f"{BASE_URL}/", carrier)
        yield http


@contextmanager
def _replaced(module: ModuleType, names: Mapping[str, object]) -> Iterator[None]:
    space = vars(module)
    before = {name: space[name] for name in names if name in space}
    space.update(names)
    try:
        yield
    finally:
        for name in names:
            space.pop(name, None)
        space.update(before)


def _ask(question: str, person: Person, attempt: LoginAttempt) -> str:
    if person.ask is None:
        attempt.lacked_a_terminal = True
        raise ApprovalError
    code = person.ask(printable(question))
    attempt.typed_a_code = True
    return code


def _drop(*_texts: object, **_options: object) -> None:
    """Show nothing: what robin_stocks prints may quote a reply."""
