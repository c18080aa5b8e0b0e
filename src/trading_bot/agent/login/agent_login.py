"""The login of one account to the agent interface: saved between runs, and renewed once for everybody."""

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from trading_bot.agent.login.grants import read_login, refresh_request
from trading_bot.agent.login.saved_login import LoginStore, SavedLogin
from trading_bot.agent.login.standing import LoginStanding, standing_of
from trading_bot.auth.login_answers import SUCCESS, THROTTLED
from trading_bot.auth.login_lock import LOCK_PATIENCE_S, login_locked
from trading_bot.auth.renewal_pause import RenewalPause
from trading_bot.auth.renewal_time import held_within, request_time_s, throttled_pause_s
from trading_bot.auth.secret_file import TokenFileError
from trading_bot.clock import Clock, Seconds
from trading_bot.files import FileSystem
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.robinhood.session import BrokerSession, UnreadableReplyError, WireFailure, WireReply

PAUSE_S: Seconds = 5.0
"""After a renewal that failed in passing, none is tried for this long."""

LONG_PAUSE_S: Seconds = 300.0
"""The same after one whose answer is not known, and after being throttled where the server does not say how long."""

FRESH_PAUSE_S: Seconds = 30.0
"""The same after one that brought tokens: where those are refused too, more of them would not help."""

HURRIED_PAUSE_S: Seconds = 30.0
"""The same after a first answer that is not known, for an order, an exit or a cancel. The last try is not hurried."""

MOST_IN_DOUBT = 3
"""As often is a refresh token used whose answers were all lost; then only a person can log in."""

RENEWAL_TIMEOUT_S: Seconds = 16.0

_REFUSED = frozenset({400, 401})
"""How a token endpoint refuses (RFC 6749, section 5.2); a 403 is that of a gateway before it, even in JSON."""

SESSION_ENDED = (
    "the agent interface refuses this login and renews it no more, so no order is taken; run `trading-bot login` at a "
    "terminal: a bot that runs takes the new login up by itself"
)
NOT_LOGGED_IN = "nobody is logged in to the agent interface for this account; run `trading-bot login` at a terminal"

_log = get_logger(__name__)


class AgentLogin:
    """Gives ``http`` its bearer token. Safe to share between threads and processes; its repr shows no secret.

    ``grants`` is the way to the token endpoint, which is on another host; no bearer goes there.
    """

    def __init__(
        self, *, http: BrokerSession, grants: BrokerSession, store: LoginStore, clock: Clock, files: FileSystem
    ) -> None:
        self._http = http
        self._grants = grants
        self._store = store
        self._clock = clock
        self._files = files
        self._threads = threading.Lock()
        self._current: SavedLogin | None = None
        self._on_file: SavedLogin | None = None
        self._pause = RenewalPause(clock)
        self._has_told_of_the_end = False

    def problem(self) -> str | None:
        """Return why only a person can log in again, if so."""
        return SESSION_ENDED if self._has_told_of_the_end else None

    def hurry(self) -> None:
        """Let refused tokens be renewed sooner than for a read: an order, an exit or a cancel begins."""
        self._pause.hurry()

    def resume(self) -> None:
        """Take up the saved login. Nothing is sent: only a request can tell whether the server still accepts it.

        Raises:
            AuthenticationError: there is none, or it cannot be trusted; only a person can log in.
        """
        with self._threads:
            saved = self._store.load()
            if saved is None:
                raise AuthenticationError(NOT_LOGGED_IN)
            self._take_up(saved)

    def log_in(self) -> None:
        """Take up the saved login, renew it if that is due, and log by when a person has to log in again, if so.

        Raises:
            AuthenticationError: as `resume`.
        """
        self.resume()
        if (warning := self.care()) is not None:
            _log.warning("login_ends", problem=warning)

    def care(self) -> str | None:
        """Renew the login if that is due, and say by when a person has to log in again, where that is near."""
        self.renew_ahead()
        standing = self.standing()
        return None if standing is None else standing.warning

    def standing(self) -> LoginStanding | None:
        """Say how long the login is good for; None where nobody is logged in. Sends and reads nothing."""
        current = self._current
        return None if current is None else standing_of(current, self._clock.now())

    def renew(self, within_s: Seconds) -> bool:
        """Replace tokens that the server refused; whether there is a session to work with now. Never asks anybody.

        One request serves all threads and processes: whoever comes later finds the new tokens and sends nothing, or has
        waited for them as long as it may. A request on its way is not given up before `LEAST_REQUEST_S`, even where
        ``within_s`` is over by then, and its answer is always kept.
        """
        deadline = self._clock.monotonic() + within_s
        with held_within(self._threads, within_s) as is_our_turn:
            if not is_our_turn:
                return False
            return not self._http.bearer_is_refused or self._has_another_session(deadline)

    def renew_ahead(self) -> None:
        """Renew tokens that are due (`SavedLogin.is_due`) while they work. Any failure leaves the session as it is.

        Tokens that cannot be renewed here any more are replaced by those of a person who has logged in meanwhile.
        """
        deadline = self._clock.monotonic() + RENEWAL_TIMEOUT_S
        with held_within(self._threads, RENEWAL_TIMEOUT_S) as is_our_turn:
            if is_our_turn and self._needs_care():
                self._locked(deadline, lambda: self._renewed_ahead(deadline))

    def prepare(self) -> None:
        """See that a login can be saved, before a person is sent to make one. The one that is saved stays.

        Raises:
            TokenFileError: it cannot be.
            AuthenticationError: another process is logging in.
        """
        with self._threads, self._exclusively():
            self._store.try_saving()

    def adopt(self, login: SavedLogin) -> None:
        """Save a login that a person has just made, then use it.

        Raises:
            TokenFileError: it could not be saved, and is not used.
            AuthenticationError: another process is logging in.
        """
        with self._threads, self._exclusively():
            self._store.save(login)
            self._take_up(login)

    def forget(self) -> SavedLogin | None:
        """Forget the login here, on the disk too; return what it was.

        Raises:
            TokenFileError: the file cannot be trusted or replaced.
            AuthenticationError: another process is logging in.
        """
        with self._threads, self._exclusively():
            saved = self._store.load()
            self._drop()
            if saved is not None:
                self._store.save(None)
            return saved

    def _needs_care(self) -> bool:
        current = self._current
        if current is None:
            return False
        return current != self._on_file or not current.renews_itself or self._wants_renewal()

    def _wants_renewal(self) -> bool:
        current = self._current
        return (
            current is not None and current.renews_itself and current.is_due(self._clock.now()) and self._pause.is_over
        )

    def _has_another_session(self, deadline: Seconds) -> bool:
        if not self._pause.is_over or self._clock.monotonic() >= deadline:
            return self._locked(deadline, self._found_renewed)
        return self._locked(deadline, lambda: self._found_renewed() or self._renewed(deadline))

    def _renewed_ahead(self, deadline: Seconds) -> bool:
        if self._found_renewed():
            return True
        if self._current is not None and self._current != self._on_file:
            self._keep_if_possible(self._current)
        return self._wants_renewal() and self._renewed(deadline)

    def _locked(self, deadline: Seconds, work: Callable[[], bool]) -> bool:
        try:
            with self._exclusively(deadline - self._clock.monotonic()):
                return work()
        except AuthenticationError as error:
            _log.warning("session_not_renewed", problem=str(error))
            return False

    def _found_renewed(self) -> bool:
        """Take up what another process has saved; whether its access token is another one."""
        saved, known = self._store.load(), self._on_file
        if saved == known:
            return False
        if saved is None:  # another process has logged out
            self._drop()
            return False
        if known is not None and saved.access_token == known.access_token:  # it was renewed there in vain
            self._current = saved if self._current == known else self._current
            self._on_file = saved
            return False
        self._take_up(saved)
        return True

    def _renewed(self, deadline: Seconds) -> bool:
        current = self._current
        if current is None or current.refresh_token is None or current.renewals_in_doubt >= MOST_IN_DOUBT:
            self._tell_of_the_end()
            return False
        if not self._is_noted(current):
            return False
        self._pause.sending()
        result = self._grants.exchange(
            refresh_request(current.refresh_token, current.client_id),
            timeout_s=request_time_s(deadline - self._clock.monotonic(), longest_s=RENEWAL_TIMEOUT_S),
        )
        if isinstance(result, WireReply) and result.status in SUCCESS:
            return self._adopted(result, current)
        self._learn(result, current)
        return False

    def _is_noted(self, current: SavedLogin) -> bool:
        """Note on the disk that a renewal is sent; one that can wait is not sent without that."""
        noted = current.model_copy(update={"renewals_in_doubt": current.renewals_in_doubt + 1})
        if self._keep_if_possible(noted) or self._http.bearer_is_refused:
            return True
        self._current = current
        return False

    def _adopted(self, reply: WireReply, current: SavedLogin) -> bool:
        try:
            new = read_login(reply, client_id=current.client_id, now=self._clock.now(), kept=current.refresh_token)
        except UnreadableReplyError as error:
            self._doubt(current, f"the answer to a renewal cannot be read ({error})")
            return False
        self._keep_if_possible(new)
        self._use(new)
        self._pause.begin(FRESH_PAUSE_S)
        _log.info("session_renewed", expires_at=new.expires_at)
        return True

    def _learn(self, result: WireReply | WireFailure, current: SavedLogin) -> None:
        """Keep what became of a renewal that brought nothing."""
        if isinstance(result, WireReply) and _is_refusal(result):
            self._keep_if_possible(current.model_copy(update={"refresh_token": None}))
            _log.error("session_cannot_be_renewed", problem="the broker refuses to renew the login")
            if self._http.bearer_is_refused:
                self._tell_of_the_end()
        elif isinstance(result, WireReply) and result.status == THROTTLED:
            self._keep_if_possible(current)
            told_s = throttled_pause_s(result, self._clock.now(), least_s=FRESH_PAUSE_S, untold_s=LONG_PAUSE_S)
            self._pause.begin(told_s)
        elif isinstance(result, WireFailure) and not result.first_byte_written:
            self._keep_if_possible(current)
            self._pause.begin(PAUSE_S)
        else:
            said = result.cause if isinstance(result, WireFailure) else f"HTTP {result.status}"
            self._doubt(current, f"the answer to a renewal is not known ({said})")

    def _doubt(self, current: SavedLogin, problem: str) -> None:
        in_doubt = current.renewals_in_doubt + 1
        self._current = current.model_copy(update={"renewals_in_doubt": in_doubt})
        _log.error("session_may_not_be_renewed", problem=problem, works_until=current.expires_at)
        # A session that works is not renewed any more; one that is refused from now on is, at once.
        if not self._http.bearer_is_refused:
            self._pause.begin(PAUSE_S)
        else:
            self._pause.begin(LONG_PAUSE_S, in_a_hurry_s=HURRIED_PAUSE_S if in_doubt < MOST_IN_DOUBT - 1 else None)

    def _tell_of_the_end(self) -> None:
        if not self._has_told_of_the_end:
            self._has_told_of_the_end = True
            _log.error("session_ended", problem=SESSION_ENDED)

    def _take_up(self, saved: SavedLogin) -> None:
        self._on_file = saved
        self._use(saved)

    def _use(self, current: SavedLogin) -> None:
        self._current = current
        self._has_told_of_the_end = False
        self._http.set_bearer(current.access_token.get_secret_value())

    def _drop(self) -> None:
        self._current = self._on_file = None
        self._http.set_bearer(None)

    def _keep_if_possible(self, login: SavedLogin) -> bool:
        self._current = login
        try:
            self._store.save(login)
        except TokenFileError as error:
            # What is in memory goes on working; other processes and the next start will need a person.
            _log.error("session_not_saved", problem=str(error))
            return False
        self._on_file = login
        return True

    def _exclusively(self, within_s: Seconds = LOCK_PATIENCE_S) -> AbstractContextManager[None]:
        return login_locked(self._store.lock_path, self._files, within_s)


def _is_refusal(reply: WireReply) -> bool:
    """Whether the token endpoint itself refused; what somebody in between says tells nothing of the refresh token."""
    if reply.status not in _REFUSED:
        return False
    try:
        return isinstance(reply.json(), Mapping)
    except UnreadableReplyError:
        return False
