"""The login that another library keeps in this process, such as robin_stocks: its token is used, its connection never.

The session is shared with its owner's code and is not safe between threads, so one header of it is read, and nothing is
changed in it or sent over it. It shows no refresh token, so nothing is renewed here, and nobody is logged in: once the
broker refuses the token, the header is read again, and a token that is new there is taken up.
"""

import re
import threading
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from pydantic import SecretStr

from trading_bot.auth.renewal_time import held_within
from trading_bot.clock import Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.robinhood.session import BrokerSession

NOT_LOGGED_IN = (
    "the session given to create_bot has no bearer token in its Authorization header; log in with it first, as "
    "robin_stocks.robinhood.login() does, or leave `session` out and run `trading-bot login`"
)
BORROWED_SESSION_ENDED = (
    "the broker refuses the token of the session given to create_bot, so no order is taken; log in again with it, as "
    "robin_stocks.robinhood.login() does: the bot takes the new token up by itself"
)

_BEARER = re.compile(r"Bearer ([!-~]{1,4096})", re.IGNORECASE)
_log = get_logger(__name__)


@runtime_checkable
class LoggedInSession(Protocol):
    """What keeps the login of another library: `robin_stocks.robinhood.helper.SESSION`, or any session of requests."""

    @property
    def headers(self) -> Mapping[str, object]:
        """The headers of each of its requests, the bearer token among them."""
        ...


class BorrowedLogin:
    """Gives ``session`` the token that ``source`` has. Safe to share between threads; its repr shows no secret."""

    def __init__(self, *, session: BrokerSession, source: LoggedInSession) -> None:
        self._session = session
        self._source = source
        self._lock = threading.Lock()
        self._current: SecretStr | None = None
        self._has_told_of_the_end = False

    def problem(self) -> str | None:
        """Return why only the owner of the session can log in again, if so."""
        return BORROWED_SESSION_ENDED if self._has_told_of_the_end else None

    def resume(self) -> None:
        """Take up the token. Nothing is sent: only a request can tell whether the broker accepts it.

        Raises:
            AuthenticationError: there is none; the owner of the session has to log in.
        """
        with self._lock:
            token = self._token()
            if token is None:
                raise AuthenticationError(NOT_LOGGED_IN)
            self._take_up(token)

    def renew(self, within_s: Seconds) -> bool:
        """Take up a token that is new in the session; whether there is one to work with now. Sends nothing.

        Whoever comes later finds the new token, or has waited ``within_s`` for it.
        """
        with held_within(self._lock, within_s) as is_our_turn:
            if not is_our_turn:
                return False
            return not self._session.bearer_is_refused or self._has_taken_up_a_new_one()

    def _has_taken_up_a_new_one(self) -> bool:
        token = self._token()
        if token is None or token == self._current:
            if not self._has_told_of_the_end:
                self._has_told_of_the_end = True
                _log.error("session_ended", problem=BORROWED_SESSION_ENDED)
            return False
        self._take_up(token)
        return True

    def _take_up(self, token: SecretStr) -> None:
        self._current = token
        self._has_told_of_the_end = False
        self._session.set_bearer(token.get_secret_value())

    def _token(self) -> SecretStr | None:
        # One look-up in robin_stocks' own spelling: its headers are a plain dict, which another thread may be changing.
        value = self._source.headers.get("Authorization")
        found = _BEARER.fullmatch(value) if isinstance(value, str) else None
        return None if found is None else SecretStr(found[1])
