"""Sessions that come about with the first request: for a kill, which must not wait for a login that it may not need."""

import threading
from collections.abc import Callable

from trading_bot.auth.renewal_time import held_within
from trading_bot.auth.robinhood_auth import RobinhoodAuth
from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.order_management.ports import SendPermit
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.reads import Wire
from trading_bot.robinhood.sending import SendPhase
from trading_bot.robinhood.session import WireReply, WireRequest

_MOST_LOGINS = 3


class ResumingWire:
    """A wire that takes up the saved session before its first request; without one, nothing is sent.

    ``resume`` raises `AuthenticationError` where there is no session that can be used.
    """

    def __init__(self, wire: Wire, *, resume: Callable[[], object]) -> None:
        self._wire = wire
        self._resume_session = resume
        self._lock = threading.Lock()
        self._has_resumed = False

    def exchange(
        self, request: WireRequest, *, timeout_s: Seconds, permit: SendPermit | None = None
    ) -> WireReply | WireFailure:
        """Send once, in the saved session."""
        try:
            self._resume()
        except AuthenticationError as error:
            return WireFailure(
                phase=SendPhase.BEGUN, first_byte_written=False, cause=str(error), kind=FailureKind.OTHER
            )
        return self._wire.exchange(request, timeout_s=timeout_s, permit=permit)

    def _resume(self) -> None:
        with self._lock:
            if not self._has_resumed:
                self._resume_session()
                self._has_resumed = True


class FirstLogin:
    """Renews a session by logging in, then by its refresh token. Logins are few: failed ones lock accounts."""

    def __init__(self, auth: RobinhoodAuth, clock: Clock) -> None:
        self._auth = auth
        self._clock = clock
        self._lock = threading.Lock()
        self._logins_left = _MOST_LOGINS
        self._is_logged_in = False

    def renew(self, within_s: Seconds) -> bool:
        """Whether there is a session to work with now, having waited no longer than this for another thread's login."""
        deadline = self._clock.monotonic() + within_s
        with held_within(self._lock, within_s) as is_our_turn:
            if not is_our_turn:
                return False
            if not self._is_logged_in:
                self._log_in(deadline - self._clock.monotonic())
                return self._is_logged_in
        return self._auth.renew(deadline - self._clock.monotonic())

    def _log_in(self, within_s: Seconds) -> None:
        if self._logins_left == 0 or within_s <= 0:
            return
        self._logins_left -= 1
        try:
            self._auth.login(within_s=within_s)
        except AuthenticationError:
            return
        self._is_logged_in = True
