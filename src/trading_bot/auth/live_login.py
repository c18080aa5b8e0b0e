"""The session of a live account: saved between runs, renewed once for everybody, and replaced only by a person."""

import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TypeVar

from pydantic import SecretStr

from trading_bot.auth.login_answers import (
    IN_THE_APP,
    REFUSED,
    SUCCESS,
    THROTTLED,
    approval_text,
    codeless_text,
    failure_text,
    refusal_text,
)
from trading_bot.auth.login_budget import LoginBudget
from trading_bot.auth.login_lock import LOCK_PATIENCE_S, login_locked
from trading_bot.auth.renewal_pause import RenewalPause
from trading_bot.auth.renewal_time import held_within, request_time_s, throttled_pause_s
from trading_bot.auth.token_grants import Tokens, read_tokens, refresh_request, revoke_request
from trading_bot.auth.token_store import SavedSession, TokenFileError, TokenStore
from trading_bot.clock import Clock, Seconds
from trading_bot.files import FileSystem
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.robinhood.interactive_login import (
    ApprovalInterruptedError,
    InteractiveLogin,
    LoginAttempt,
    LoginSecrets,
    Person,
)
from trading_bot.robinhood.session import BrokerSession, UnreadableReplyError, WireFailure, WireReply, WireRequest

PAUSE_S: Seconds = 5.0
"""After a renewal of which nothing left this machine, none is tried for this long."""

TROUBLED_PAUSE_S: Seconds = 30.0
"""The same after one that the broker may have seen, or whose tokens it refuses too, as often as `MOST_TROUBLED`.

An order, an exit or a cancel never waits longer for the next one.
"""

LONG_PAUSE_S: Seconds = 300.0
"""The same from then on, and for everybody after one that another try cannot help: throttled, redirected, not found."""

MOST_TROUBLED = 2

WORKED_S: Seconds = 3600.0
"""A session that is refused sooner than this after its renewal was renewed in vain; the broker's last for days."""

SESSION_ENDED = (
    "the broker has ended the session and renews it no more, so no order is taken; run `trading-bot login` at a "
    "terminal: a bot that runs takes the new session up by itself"
)

_TIMEOUT_S: Seconds = 16.0
_SERVER_TROUBLE = 500
_T = TypeVar("_T")
_log = get_logger(__name__)


class LiveLogin:
    """The login of one user to one account. Safe to share between threads and processes; its repr shows no secret."""

    def __init__(
        self,
        *,
        session: BrokerSession,
        store: TokenStore,
        budget: LoginBudget,
        clock: Clock,
        files: FileSystem,
        new_device_token: Callable[[], str],
    ) -> None:
        self._session = session
        self._store = store
        self._budget = budget
        self._clock = clock
        self._files = files
        self._new_device_token = new_device_token
        self._threads = threading.Lock()
        self._current: SavedSession | None = None
        self._on_file: SavedSession | None = None
        self._pause = RenewalPause(clock)
        self._troubled = 0
        self._renewed_at: Seconds | None = None
        self._has_told_of_the_end = False

    def problem(self) -> str | None:
        """Return why only a person can log in again, if so."""
        return SESSION_ENDED if self._has_told_of_the_end else None

    def hurry(self) -> None:
        """Let a refused session be renewed sooner than for a read: an order, an exit or a cancel begins."""
        self._pause.hurry()

    def resume(self) -> None:
        """Take up the saved session. Nothing is sent: only a request can tell whether the broker still accepts it.

        Raises:
            AuthenticationError: there is none, or it cannot be trusted; only a person can log in.
        """
        with self._threads:
            saved = self._store.load()
            if saved is None or saved.access_token is None:
                raise AuthenticationError("nobody is logged in to this account; run `trading-bot login` at a terminal")
            self._take_up(saved)

    def login(
        self, *, username: SecretStr, password: SecretStr, person: Person, mfa_secret: SecretStr | None = None
    ) -> None:
        """Log in with the password, once. Needs a person where the broker asks to approve this device.

        Raises:
            LoginBudgetError: too many logins failed lately; nothing was sent.
            TokenFileError: the new session works, but could not be saved.
            AuthenticationError: there is no session; the message says what to do.
        """
        with self._threads, self._exclusively():
            device_token = self._device_token()
            secrets = LoginSecrets(
                username=username, password=password, device_token=device_token, mfa_secret=mfa_secret
            )
            tokens = _tokens(self._attempt(secrets, person), sent=(username, password, device_token))
            self._budget.succeeded()
            self._begin_with(_saved(device_token, tokens))
            self._keep()

    def take_over(self, found: SavedSession, *, prove: Callable[[], _T]) -> _T:
        """Use a session that another program got, and save it once ``prove`` has seen that the broker accepts it.

        Until then the saved session stays as it is. ``prove`` must not renew: it would prove another session, or use up
        the refresh token of the other program. Returns what ``prove`` returns, and raises what it raises.

        Raises:
            TokenFileError: the session works, but could not be saved.
            AuthenticationError: another process is logging in.
        """
        with self._threads:
            self._begin_with(found)
        proven = prove()
        with self._threads, self._exclusively():
            self._keep()
        return proven

    def renew(self, within_s: Seconds) -> bool:
        """Replace a session that the broker refused; whether there is one to work with now. Never asks anybody.

        One request serves all threads and processes: whoever comes later finds the new session and sends nothing, or
        has waited for it as long as it may. A request on its way is not given up before `LEAST_REQUEST_S`, even where
        ``within_s`` is over by then, and its answer is always kept.
        """
        deadline = self._clock.monotonic() + within_s
        with held_within(self._threads, within_s) as is_our_turn:
            if not is_our_turn:
                return False
            if not self._session.bearer_is_refused:
                return True
            return self._clock.monotonic() < deadline and self._renewed_by(deadline)

    def logout(self) -> bool | None:
        """Forget the session here, then revoke it; whether the broker confirmed that. The device stays known.

        None where no session was saved here, so that nobody was asked.

        Raises:
            TokenFileError: the saved session cannot be trusted or replaced.
        """
        with self._threads, self._exclusively():
            saved = self._store.load()
            self._session.set_bearer(None)
            self._current = self._on_file = None
            if saved is None:
                return None
            self._store.save(SavedSession(device_token=saved.device_token))
            token = saved.refresh_token or saved.access_token
            if token is None:
                return None
            result = self._send(revoke_request(token))
            return isinstance(result, WireReply) and result.status in SUCCESS

    def _attempt(self, secrets: LoginSecrets, person: Person) -> LoginAttempt:
        self._budget.begin()
        try:
            attempt = InteractiveLogin(wire=self._session, clock=self._clock).attempt(secrets, person)
        except (AuthenticationError, ApprovalInterruptedError):
            self._budget.take_back()
            raise
        if not attempt.may_have_arrived or attempt.end is not None or attempt.lacked_a_terminal:
            self._budget.take_back()
        return attempt

    def _renewed_by(self, deadline: Seconds) -> bool:
        try:
            with self._exclusively(deadline - self._clock.monotonic()):
                return self._found_renewed() or (self._pause.is_over and self._renewed(deadline))
        except AuthenticationError as error:
            _log.warning("session_not_renewed", problem=str(error))
            return False

    def _found_renewed(self) -> bool:
        saved = self._store.load()
        if saved == self._on_file:
            return False
        if saved is None or saved.access_token is None:
            self._current, self._on_file = None, saved  # another process has logged out
            return False
        self._take_up(saved)
        return True

    def _renewed(self, deadline: Seconds) -> bool:
        current = self._current
        if current is None or current.refresh_token is None:
            self._tell_of_the_end()
            return False
        self._pause.sending()
        if self._renewed_at is not None and self._clock.monotonic() - self._renewed_at >= WORKED_S:
            self._troubled, self._renewed_at = 0, None
        result = self._send(
            refresh_request(current.refresh_token, current.device_token),
            timeout_s=request_time_s(deadline - self._clock.monotonic(), longest_s=_TIMEOUT_S),
        )
        if isinstance(result, WireReply) and result.status in SUCCESS:
            return self._adopted(result, current)
        pause_s = self._pause_after(result)
        if isinstance(result, WireReply) and result.status in REFUSED:
            self._give_up_refreshing(current)
        else:
            said = result.cause if isinstance(result, WireFailure) else f"HTTP {result.status}"
            _log.warning("session_not_renewed", problem=said, delay_s=pause_s)
        return False

    def _adopted(self, reply: WireReply, current: SavedSession) -> bool:
        try:
            tokens = read_tokens(reply)
        except UnreadableReplyError:
            self._give_up_refreshing(current)  # the refresh token may have been used up
            return False
        self._use(_saved(current.device_token, tokens))
        self._keep_if_possible()
        # It is proven by use alone: one that is refused at once would be renewed anew by each call.
        self._troubled = 0 if self._renewed_at is None else self._troubled
        self._renewed_at = self._clock.monotonic()
        self._pause_as_troubled(is_passing=True)
        return True

    def _tell_of_the_end(self) -> None:
        if not self._has_told_of_the_end:
            self._has_told_of_the_end = True
            _log.error("session_ended", problem=SESSION_ENDED)

    def _give_up_refreshing(self, current: SavedSession) -> None:
        self._tell_of_the_end()
        self._current = current.model_copy(update={"refresh_token": None})
        self._keep_if_possible()

    def _pause_after(self, result: WireReply | WireFailure) -> Seconds:
        if isinstance(result, WireReply) and result.status == THROTTLED:
            told_s = throttled_pause_s(result, self._clock.now(), least_s=TROUBLED_PAUSE_S, untold_s=LONG_PAUSE_S)
            return self._pause.begin(told_s)
        if isinstance(result, WireFailure) and result.security_alert:
            return self._pause.begin(LONG_PAUSE_S)
        if isinstance(result, WireFailure) and not result.first_byte_written:
            return self._pause.begin(PAUSE_S)
        return self._pause_as_troubled(is_passing=isinstance(result, WireFailure) or result.status >= _SERVER_TROUBLE)

    def _pause_as_troubled(self, *, is_passing: bool) -> Seconds:
        self._troubled += 1
        if not is_passing:
            return self._pause.begin(LONG_PAUSE_S)
        pause_s = TROUBLED_PAUSE_S if self._troubled <= MOST_TROUBLED else LONG_PAUSE_S
        return self._pause.begin(pause_s, in_a_hurry_s=TROUBLED_PAUSE_S)

    def _take_up(self, saved: SavedSession) -> None:
        self._on_file = saved
        self._begin_with(saved)

    def _begin_with(self, current: SavedSession) -> None:
        """Use a session that was got elsewhere, or by a person: what was with the one before counts no more."""
        self._troubled, self._renewed_at = 0, None
        self._pause.end()
        self._use(current)

    def _use(self, current: SavedSession) -> None:
        self._current = current
        self._has_told_of_the_end = False
        self._session.set_bearer(None if current.access_token is None else current.access_token.get_secret_value())

    def _keep(self) -> None:
        if self._current is not None:
            self._store.save(self._current)
            self._on_file = self._current

    def _keep_if_possible(self) -> None:
        try:
            self._keep()
        except TokenFileError as error:
            # The session in memory goes on working; only the next start will need a person.
            _log.warning("session_not_saved", problem=str(error))

    def _device_token(self) -> SecretStr:
        try:
            saved = self._store.load()
        except TokenFileError:
            saved = None  # a login replaces a file that cannot be read, or fails to
        return SecretStr(self._new_device_token()) if saved is None else saved.device_token

    def _send(self, request: WireRequest, *, timeout_s: Seconds = _TIMEOUT_S) -> WireReply | WireFailure:
        return self._session.exchange(request, timeout_s=timeout_s)

    def _exclusively(self, within_s: Seconds = LOCK_PATIENCE_S) -> AbstractContextManager[None]:
        return login_locked(self._store.lock_path, self._files, within_s)


def _tokens(attempt: LoginAttempt, *, sent: Iterable[SecretStr]) -> Tokens:
    result = attempt.last
    if attempt.lacked_a_terminal:
        raise AuthenticationError("the broker asks for a code; run `trading-bot login` at a terminal")
    if attempt.end is not None:
        raise AuthenticationError(approval_text(attempt.end))
    if result is None:
        raise AuthenticationError("the login sent nothing; try again, and report this if it stays so")
    if isinstance(result, WireFailure):
        raise AuthenticationError(failure_text(result))
    if result.status not in SUCCESS:
        raise AuthenticationError(refusal_text(result, sent=sent))
    try:
        return read_tokens(result)
    except UnreadableReplyError as error:
        said = codeless_text(result) or f"the login's reply holds no usable token ({error}); {IN_THE_APP}"
        raise AuthenticationError(said) from error


def _saved(device_token: SecretStr, tokens: Tokens) -> SavedSession:
    return SavedSession(device_token=device_token, access_token=tokens.access, refresh_token=tokens.refresh)
