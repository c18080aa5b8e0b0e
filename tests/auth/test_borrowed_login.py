"""A token that another library keeps: read from one header, used, and read again once the broker refuses it."""

import logging
import threading
from types import MappingProxyType, SimpleNamespace

import pytest
import requests

from tests.support.scripted_broker import ScriptedBroker, clock, reply
from trading_bot.auth.borrowed_login import BORROWED_SESSION_ENDED, NOT_LOGGED_IN, BorrowedLogin, LoggedInSession
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.robinhood.session import BrokerSession, WireRequest

READ = WireRequest(method="GET", path="/orders/")


class Bench:
    """A login over a session that shows nothing but headers, which nobody can write."""

    def __init__(self, authorization: object = "Bearer first") -> None:
        self.broker = ScriptedBroker()
        self.session = BrokerSession(adapter=self.broker, clock=clock())
        self.source = SimpleNamespace(headers=self._headers(authorization))
        self.login = BorrowedLogin(session=self.session, source=self.source)

    def logs_in_again(self, authorization: object) -> None:
        self.source.headers = self._headers(authorization)

    def refused(self) -> "Bench":
        self.login.resume()
        self.broker.on("GET", "/orders/", reply(401))
        self.session.exchange(READ, timeout_s=10)
        self.broker.seen.clear()
        return self

    def bearer(self) -> str | None:
        self.broker.on("GET", "/orders/", reply())
        self.session.exchange(READ, timeout_s=10)
        return self.broker.seen.pop().headers.get("Authorization")

    @staticmethod
    def _headers(authorization: object) -> MappingProxyType[str, object]:
        return MappingProxyType({"Accept": "*/*", "Authorization": authorization})


@pytest.fixture
def refused() -> Bench:
    return Bench().refused()


def ends_told(caplog) -> list[tuple[int, str]]:
    told = [record for record in caplog.records if isinstance(record.msg, dict)]
    return [(record.levelno, record.msg["problem"]) for record in told if record.msg["event"] == "session_ended"]


def test_its_token_is_used_and_nothing_is_sent_for_it():
    bench = Bench()
    bench.login.resume()
    assert bench.broker.seen == []
    assert bench.bearer() == "Bearer first"


def test_the_word_bearer_may_be_in_any_letters():
    bench = Bench("bearer first")
    bench.login.resume()
    assert bench.bearer() == "Bearer first"


def test_any_session_of_requests_will_do():
    http = requests.Session()
    http.headers["authorization"] = "Bearer first"
    session = BrokerSession(adapter=ScriptedBroker(), clock=clock())
    BorrowedLogin(session=session, source=http).resume()
    assert not session.bearer_is_refused


@pytest.mark.parametrize(
    "authorization",
    [None, "", "first", "Basic first", "Bearer", "Bearer ", "Bearer a b", "Bearer a\r\nX: b", b"Bearer first", 7],
)
def test_a_session_without_a_usable_token_says_who_has_to_log_in(authorization):
    bench = Bench(authorization)
    with pytest.raises(AuthenticationError) as refused:
        bench.login.resume()
    assert str(refused.value) == NOT_LOGGED_IN
    assert bench.session.bearer_is_refused


def test_a_session_whose_owner_never_logged_in_says_so():
    bench = Bench()
    bench.source.headers = {}
    with pytest.raises(AuthenticationError, match="robin_stocks"):
        bench.login.resume()


def test_what_has_no_headers_is_no_session():
    assert isinstance(requests.Session(), LoggedInSession)
    assert not isinstance({"access_token": "first"}, LoggedInSession)


def test_an_accepted_token_needs_no_look_at_the_session():
    bench = Bench()
    bench.login.resume()
    bench.source.headers = None
    assert bench.login.renew(10)


def test_a_refused_token_is_replaced_by_the_one_that_its_owner_got_since(refused):
    refused.logs_in_again("Bearer second")
    assert refused.login.renew(10)
    assert refused.broker.seen == []
    assert refused.bearer() == "Bearer second"


def test_the_refused_token_itself_is_not_tried_again(refused):
    assert not refused.login.renew(10)
    assert refused.session.bearer_is_refused
    assert refused.broker.seen == []


def test_a_session_that_was_logged_out_keeps_the_old_token_refused(refused):
    refused.logs_in_again(None)
    assert not refused.login.renew(10)


def test_the_end_is_told_once_with_the_remedy_and_again_after_another_login(refused, caplog):
    assert refused.login.problem() is None
    refused.login.renew(10)
    refused.login.renew(10)
    assert ends_told(caplog) == [(logging.ERROR, BORROWED_SESSION_ENDED)]
    assert refused.login.problem() == BORROWED_SESSION_ENDED
    refused.logs_in_again("Bearer second")
    refused.login.renew(10)
    assert refused.login.problem() is None
    refused.refused().login.renew(10)
    assert len(ends_told(caplog)) == 2


def test_nobody_waits_for_another_thread_longer_than_it_may(refused):
    refused.logs_in_again("Bearer second")
    refused.login._lock.acquire()
    waited: list[bool] = []
    thread = threading.Thread(target=lambda: waited.append(refused.login.renew(0)))
    thread.start()
    thread.join(timeout=10)
    assert waited == [False]
    refused.login._lock.release()
    assert refused.login.renew(0)


def test_no_token_is_shown(refused, caplog):
    caplog.set_level(logging.DEBUG)
    refused.login.renew(10)
    refused.logs_in_again("Bearer canary-second")
    refused.login.renew(10)
    shown = [repr(refused.login), str(vars(refused.login)), caplog.text]
    assert "canary" not in "".join(shown).replace(repr(refused.source), "")
