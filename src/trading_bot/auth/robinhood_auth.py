"""Log in, renew and log out over the broker session. Secrets live in memory and in no message."""

import threading
from collections.abc import Callable

from pydantic import SecretStr

from trading_bot.auth.login_answers import IN_THE_APP, REFUSED, SUCCESS, failure_text, refusal_text
from trading_bot.auth.renewal_time import held_within, request_time_s
from trading_bot.auth.token_grants import (
    CLIENT_ID,
    LOGIN_PATH,
    TOKEN_LIFE_S,
    form_request,
    read_tokens,
    refresh_request,
    revoke_request,
)
from trading_bot.clock import Clock, Seconds
from trading_bot.error_handling.policies import LOGIN_POLICY
from trading_bot.error_handling.retry import Jitter, no_jitter, with_retry
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.robinhood.session import BrokerSession, UnreadableReplyError, WireFailure, WireReply, WireRequest

RENEW_PAUSE_S: Seconds = 5.0
"""After a renewal that failed in passing, none is tried for this long, however many threads ask."""


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

    def login(self, *, within_s: Seconds | None = None) -> None:
        """Ask for tokens with the password. Only what never left is repeated: failed logins lock accounts.

        No repetition begins later than ``within_s``.

        Raises:
            AuthenticationError: there is no session; the message says what to do.
        """
        with self._lock:
            result = self._post_patiently(self._password_grant(), within_s)
            if isinstance(result, WireFailure):
                raise AuthenticationError(failure_text(result))
            if result.status not in SUCCESS:
                raise AuthenticationError(
                    refusal_text(result, sent=(self._username, self._password, self._device_token))
                )
            try:
                self._adopt(result)
            except UnreadableReplyError as error:
                raise AuthenticationError(f"the login's reply holds no usable token ({error}); {IN_THE_APP}") from error

    def renew(self, within_s: Seconds) -> bool:
        """Exchange the refresh token for a new session; whether there is a session to work with now.

        One request serves every thread that was answered 401: later ones find the new token and send nothing, or have
        waited for it as long as they may. A request on its way is not given up before `LEAST_REQUEST_S`, even where
        ``within_s`` is over by then, and its answer is always kept.
        """
        deadline = self._clock.monotonic() + within_s
        with held_within(self._lock, within_s) as is_our_turn:
            if not is_our_turn:
                return False
            if not self._session.bearer_is_refused:
                return True
            left_s = deadline - self._clock.monotonic()
            if self._refresh_token is None or self._is_pausing() or left_s <= 0:
                return False
            request = refresh_request(self._refresh_token, self._device_token)
            return self._renewed(self._post(request, timeout_s=request_time_s(left_s, longest_s=self._timeout_s)))

    def logout(self) -> bool:
        """Forget the session here, whatever happens, and revoke it; whether the broker confirmed that."""
        with self._lock:
            token, self._refresh_token = self._refresh_token, None
            self._session.set_bearer(None)
            if token is None:
                return True
            result = self._post(revoke_request(token))
            return isinstance(result, WireReply) and result.status in SUCCESS

    def _renewed(self, result: WireReply | WireFailure) -> bool:
        if isinstance(result, WireReply) and result.status in SUCCESS:
            try:
                self._adopt(result)
            except UnreadableReplyError:
                self._refresh_token = None  # it may have been used up
            return self._refresh_token is not None
        if isinstance(result, WireReply) and result.status in REFUSED:
            self._refresh_token = None
        self._no_renewal_before = self._clock.monotonic() + RENEW_PAUSE_S
        return False

    def _is_pausing(self) -> bool:
        return self._no_renewal_before is not None and self._clock.monotonic() < self._no_renewal_before

    def _adopt(self, reply: WireReply) -> None:
        tokens = read_tokens(reply)
        self._refresh_token = tokens.refresh
        self._no_renewal_before = None
        self._session.set_bearer(tokens.access.get_secret_value())

    def _password_grant(self) -> WireRequest:
        grant: tuple[tuple[str, str], ...] = (
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
        if self._mfa_code is not None:
            grant = (*grant, ("mfa_code", self._mfa_code()))
        return form_request(LOGIN_PATH, grant)

    def _post_patiently(self, request: WireRequest, within_s: Seconds | None) -> WireReply | WireFailure:
        try:
            return with_retry(
                lambda: self._post_or_raise(request),
                policy=LOGIN_POLICY,
                clock=self._clock,
                should_retry=lambda error: isinstance(error, _NeverLeftError),
                deadline=None if within_s is None else self._clock.monotonic() + within_s,
                jitter=self._jitter,
            )
        except _NeverLeftError as error:
            return error.failure

    def _post_or_raise(self, request: WireRequest) -> WireReply | WireFailure:
        result = self._post(request)
        if isinstance(result, WireFailure) and not result.first_byte_written and not result.security_alert:
            raise _NeverLeftError(result)
        return result

    def _post(self, request: WireRequest, *, timeout_s: Seconds | None = None) -> WireReply | WireFailure:
        return self._session.exchange(request, timeout_s=self._timeout_s if timeout_s is None else timeout_s)
