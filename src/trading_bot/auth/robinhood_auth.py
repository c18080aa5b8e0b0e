"""Log in, renew and log out over the broker session. Secrets live in memory and in no message."""

import threading
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlencode

from pydantic import SecretStr, StringConstraints

from trading_bot.clock import Clock, Seconds
from trading_bot.error_handling.policies import LOGIN_POLICY
from trading_bot.error_handling.retry import Jitter, no_jitter, with_retry
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.robinhood.classify import error_text
from trading_bot.robinhood.fields import Payload, parse_payload
from trading_bot.robinhood.session import FORM, BrokerSession, UnreadableReplyError, WireFailure, WireReply, WireRequest

CLIENT_ID = "c82SH0WZOsabOXGP2sxqcj34FxkvfnWRZBKlBjFS"
"""The broker's own public application id: an identifier, not a secret."""

LOGIN_PATH = "/oauth2/token/"
REVOKE_PATH = "/oauth2/revoke_token/"
TOKEN_LIFE_S = 86_400
RENEW_PAUSE_S: Seconds = 5.0
"""After a renewal that failed in passing, none is tried for this long, however many threads ask."""

_REFUSED = frozenset({400, 401, 403})
_SUCCESS = range(200, 300)
_THROTTLED = 429

Token = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,4096}$")]


class _TokenPayload(Payload):
    access_token: Token
    refresh_token: Token
    token_type: Annotated[str, StringConstraints(pattern=r"^[Bb]earer$")]


class _NeverLeftError(Exception):
    def __init__(self, failure: WireFailure) -> None:
        super().__init__(failure.cause)
        self.failure = failure


class RobinhoodAuth:
    """The login of one user on one device. Safe to share between threads; its repr shows no secret.

    ``device_token`` must stay the same from login to login, or the broker asks for an approval each time. ``mfa_code``
    yields the current one-time code where the login has a second factor.
    """

    def __init__(
        self,
        *,
        session: BrokerSession,
        username: SecretStr,
        password: SecretStr,
        clock: Clock,
        device_token: str,
        mfa_code: Callable[[], str] | None = None,
        timeout_s: Seconds = 16.0,
        jitter: Jitter = no_jitter,
    ) -> None:
        self._session = session
        self._username = username
        self._password = password
        self._clock = clock
        self._device_token = SecretStr(device_token)
        self._mfa_code = mfa_code
        self._timeout_s = timeout_s
        self._jitter = jitter
        self._lock = threading.Lock()
        self._refresh_token: SecretStr | None = None
        self._no_renewal_before: Seconds | None = None

    def login(self) -> None:
        """Ask for tokens with the password. Only what never left is repeated: failed logins lock accounts.

        Raises:
            AuthenticationError: there is no session; the message says what to do.
        """
        with self._lock:
            result = self._post_patiently(self._password_grant())
            if isinstance(result, WireFailure):
                raise AuthenticationError(f"the login did not finish: {result.cause}; {_failure_remedy(result)}")
            if result.status not in _SUCCESS:
                raise AuthenticationError(_refusal(result))
            try:
                self._adopt(result)
            except UnreadableReplyError as error:
                raise AuthenticationError(
                    f"the login's reply holds no usable token ({error}); {_IN_THE_APP}"
                ) from error

    def renew(self) -> bool:
        """Exchange the refresh token for a new session; whether there is a session to work with now.

        One request serves every thread that was answered 401: later ones find the new token and send nothing.
        """
        with self._lock:
            if not self._session.bearer_is_refused:
                return True
            if self._refresh_token is None or self._is_pausing():
                return False
            return self._renewed(self._post(LOGIN_PATH, self._refresh_grant(self._refresh_token)))

    def logout(self) -> bool:
        """Forget the session here, whatever happens, and revoke it; whether the broker confirmed that."""
        with self._lock:
            token, self._refresh_token = self._refresh_token, None
            self._session.set_bearer(None)
            if token is None:
                return True
            form = (("client_id", CLIENT_ID), ("token", token.get_secret_value()))
            result = self._post(REVOKE_PATH, form)
            return isinstance(result, WireReply) and result.status in _SUCCESS

    def _renewed(self, result: WireReply | WireFailure) -> bool:
        if isinstance(result, WireReply) and result.status in _SUCCESS:
            try:
                self._adopt(result)
            except UnreadableReplyError:
                self._refresh_token = None  # it may have been used up
            return self._refresh_token is not None
        if isinstance(result, WireReply) and result.status in _REFUSED:
            self._refresh_token = None
        self._no_renewal_before = self._clock.monotonic() + RENEW_PAUSE_S
        return False

    def _is_pausing(self) -> bool:
        return self._no_renewal_before is not None and self._clock.monotonic() < self._no_renewal_before

    def _adopt(self, reply: WireReply) -> None:
        tokens = parse_payload(_TokenPayload, reply.json())
        self._refresh_token = SecretStr(tokens.refresh_token)
        self._no_renewal_before = None
        self._session.set_bearer(tokens.access_token)

    def _password_grant(self) -> tuple[tuple[str, str], ...]:
        grant = (
            ("client_id", CLIENT_ID),
            ("expires_in", str(TOKEN_LIFE_S)),
            ("grant_type", "password"),
            ("password", self._password.get_secret_value()),
            ("scope", "internal"),
            ("username", self._username.get_secret_value()),
            ("device_token", self._device_token.get_secret_value()),
            ("try_passkeys", "False"),
            ("token_request_path", "/login"),
            ("create_read_only_secondary_token", "True"),
        )
        return grant if self._mfa_code is None else (*grant, ("mfa_code", self._mfa_code()))

    def _refresh_grant(self, token: SecretStr) -> tuple[tuple[str, str], ...]:
        return (
            ("client_id", CLIENT_ID),
            ("expires_in", str(TOKEN_LIFE_S)),
            ("grant_type", "refresh_token"),
            ("refresh_token", token.get_secret_value()),
            ("scope", "internal"),
            ("device_token", self._device_token.get_secret_value()),
        )

    def _post_patiently(self, form: tuple[tuple[str, str], ...]) -> WireReply | WireFailure:
        try:
            return with_retry(
                lambda: self._post_or_raise(form),
                policy=LOGIN_POLICY,
                clock=self._clock,
                should_retry=lambda error: isinstance(error, _NeverLeftError),
                jitter=self._jitter,
            )
        except _NeverLeftError as error:
            return error.failure

    def _post_or_raise(self, form: tuple[tuple[str, str], ...]) -> WireReply | WireFailure:
        result = self._post(LOGIN_PATH, form)
        if isinstance(result, WireFailure) and not result.first_byte_written and not result.security_alert:
            raise _NeverLeftError(result)
        return result

    def _post(self, path: str, form: tuple[tuple[str, str], ...]) -> WireReply | WireFailure:
        request = WireRequest(
            method="POST", path=path, body=urlencode(form).encode("ascii"), content_type=FORM, authenticated=False
        )
        return self._session.exchange(request, timeout_s=self._timeout_s)


_IN_THE_APP = "log in with the broker's app once to see whether the account needs attention, then try again"


def _failure_remedy(failure: WireFailure) -> str:
    if failure.security_alert:
        return "something may stand between you and the broker: check the network before any further login"
    return "check the network, wait a minute and log in again"


def _refusal(reply: WireReply) -> str:
    said = f"the broker refused the login (HTTP {reply.status}: {error_text(reply.body)})"
    if b"verification_workflow" in reply.body:
        return f"{said}; approve this device in the broker's app, then log in again"
    if reply.status == _THROTTLED:
        return f"{said}; wait at least five minutes before the next login"
    if reply.status in _REFUSED:
        return (
            f"{said}; check username, password and one-time code first: repeated failures lock the account for minutes"
        )
    return f"{said}; wait a minute, then log in again"
