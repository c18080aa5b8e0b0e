"""The login by a browser, from the server's description of it to the first tokens."""

from collections.abc import Callable
from dataclasses import dataclass

from trading_bot.agent.login.authorization import Authorization, BrowserAnswer, Declined, NotOurs
from trading_bot.agent.login.callback_server import CallbackServer
from trading_bot.agent.login.grants import Exchange, code_request, read_login
from trading_bot.agent.login.metadata import TIMEOUT_S, LoginWire, read_server, registered_client
from trading_bot.agent.login.saved_login import SavedLogin
from trading_bot.auth.login_answers import SUCCESS, failure_text
from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.prose import clause
from trading_bot.robinhood.classify import error_text
from trading_bot.robinhood.session import UnreadableReplyError, WireFailure, WireReply

SIGN_IN_PATIENCE_S: Seconds = 300.0
"""How long a person has for the browser and the approval in the app."""

_LOOK_EVERY_S: Seconds = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserPerson:
    """Who logs in."""

    show: Callable[[str], None]
    """Told the address to open."""
    notify: Callable[[str], None]
    """Told what else there is to know."""
    open_browser: Callable[[str], bool] | None = None
    """Opens an address, and says whether a browser took it; None where there is none."""
    pasted: Callable[[Seconds], str | None] | None = None
    """Waits so many seconds for a line that is typed or pasted; None where nobody can."""


class BrowserSignIn:
    """Logs a person in by a browser, on this machine or another. Its repr shows no secret.

    ``http`` and ``grants`` lead to the two hosts; ``new_id`` gives 32 letters and digits that nobody can guess.
    """

    def __init__(self, *, http: LoginWire, grants: LoginWire, clock: Clock, new_id: Callable[[], str]) -> None:
        self._http = http
        self._grants = grants
        self._clock = clock
        self._new_id = new_id

    def tokens(self, person: BrowserPerson) -> SavedLogin:
        """Return the tokens of a new login, which is not saved yet.

        Raises:
            AuthenticationError: there are none; the message says what to do.
        """
        server = read_server(self._http)
        with CallbackServer() as callback:
            asked = Authorization(
                client_id=registered_client(self._http, callback.redirect_uri),
                redirect_uri=callback.redirect_uri,
                state=self._new_id(),
                verifier=self._new_id() + self._new_id(),
                names_issuer=server.names_issuer,
            )
            callback.check_with(asked.answered)
            _invite(person, asked.address)
            answer = self._awaited(asked, callback, person)
        if isinstance(answer, Declined):
            raise AuthenticationError(
                f"nobody was logged in: the broker says {clause(answer.reason)}; run `trading-bot login` again, and "
                "allow it in the browser and in the app"
            )
        return self._exchanged(answer)

    def _awaited(self, asked: Authorization, callback: CallbackServer, person: BrowserPerson) -> Exchange | Declined:
        until = self._clock.monotonic() + SIGN_IN_PATIENCE_S
        while self._clock.monotonic() < until:
            answer: BrowserAnswer | None = callback.answer() or self._pasted(asked, person)
            if isinstance(answer, NotOurs):
                person.notify(f"that was not taken, because {answer.because}; paste the whole address once more")
            elif answer is not None:
                return answer
        raise AuthenticationError(
            f"nobody was logged in within {SIGN_IN_PATIENCE_S:.0f} seconds; run `trading-bot login` again. An account "
            "without access to the agent interface never comes back from the broker's page: see its app"
        )

    def _pasted(self, asked: Authorization, person: BrowserPerson) -> BrowserAnswer | None:
        if person.pasted is None:
            self._clock.sleep(_LOOK_EVERY_S)
            return None
        line = (person.pasted(_LOOK_EVERY_S) or "").strip()
        return asked.answered(line) if line else None

    def _exchanged(self, code: Exchange) -> SavedLogin:
        result = self._grants.exchange(code_request(code), timeout_s=TIMEOUT_S)
        if isinstance(result, WireFailure):
            raise AuthenticationError(failure_text(result))
        if result.status not in SUCCESS:
            raise AuthenticationError(_refusal(result, code))
        try:
            return read_login(result, client_id=code.client_id, now=self._clock.now())
        except UnreadableReplyError as error:
            raise AuthenticationError(
                f"nobody was logged in, because the broker's answer has no usable token ({error}); run `trading-bot "
                "login` again, and see whether there is a newer trading-bot if it stays so"
            ) from error


def _invite(person: BrowserPerson, address: str) -> None:
    if person.open_browser is not None and person.open_browser(address):
        person.notify("a browser opens the broker's page; if it does not, open this address in a browser:")
    else:
        person.notify("open this address in a browser on a computer (a phone opens its app instead):")
    person.show(address)
    person.notify("log in there and allow the access; the broker's app may ask you to approve it")
    if person.pasted is not None:
        person.notify(
            "if the browser is on another machine, it ends on a page at 127.0.0.1 that it cannot show: copy the whole "
            "address of that page and paste it here"
        )


def _refusal(reply: WireReply, code: Exchange) -> str:
    known = [code.code.get_secret_value(), code.verifier.get_secret_value()]
    said = clause(error_text(reply.body, known=known))
    return f"the broker refused the login (HTTP {reply.status}: {said}); run `trading-bot login` again"
