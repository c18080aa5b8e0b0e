import threading
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
import requests
from pydantic import SecretStr

from tests.support.scripted_broker import Answer, ScriptedBroker, clock, lost, reply, unreachable
from tests.support.taken_lock import TakenLock
from trading_bot.auth.renewal_time import LEAST_REQUEST_S
from trading_bot.auth.robinhood_auth import RENEW_PAUSE_S, RobinhoodAuth
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.robinhood.session import MAX_CONNECT_S, BrokerSession, WireRequest

TOKEN = ("POST", "/oauth2/token/")
REVOKE = ("POST", "/oauth2/revoke_token/")
READ = WireRequest(method="GET", path="/orders/")
SECRETS = ("hunter2", "someone@example.com", "device-1234", "access-1", "refresh-1")


def tokens(number: int = 1, **changes: object) -> Answer:
    body = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}", "token_type": "Bearer"}
    return reply(200, body | {"expires_in": 86400} | changes)


class Bench:
    def __init__(self, mfa_code=None) -> None:
        self.broker = ScriptedBroker()
        self.time = clock()
        self.session = BrokerSession(adapter=self.broker, clock=self.time)
        self.auth = RobinhoodAuth(
            session=self.session,
            username=SecretStr("someone@example.com"),
            password=SecretStr("hunter2"),
            clock=self.time,
            device_token="device-1234",
            mfa_code=mfa_code,
        )

    def logged_in(self) -> "Bench":
        self.broker.on(*TOKEN, tokens())
        self.auth.login()
        self.broker.seen.clear()
        return self

    def answered_401(self) -> "Bench":
        self.broker.on("GET", "/orders/", reply(401))
        self.session.exchange(READ, timeout_s=10)
        self.broker.seen.clear()
        return self

    def form(self, index: int = 0) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.broker.seen[index].body.decode()).items()}

    def bearer(self) -> str | None:
        self.broker.on("GET", "/orders/", reply())
        self.session.exchange(READ, timeout_s=10)
        return self.broker.seen[-1].headers.get("Authorization")


@pytest.fixture
def bench():
    return Bench()


def test_a_login_posts_the_password_grant_and_uses_the_token(bench):
    bench.session.set_bearer("stale")
    bench.broker.on(*TOKEN, tokens())
    bench.auth.login()
    form = bench.form()
    assert (form["grant_type"], form["username"], form["password"]) == ("password", "someone@example.com", "hunter2")
    assert (form["device_token"], form["scope"], "mfa_code" in form) == ("device-1234", "internal", False)
    assert "Authorization" not in bench.broker.seen[0].headers
    assert bench.bearer() == "Bearer access-1"


def test_a_second_factor_is_asked_for_at_each_login():
    bench = Bench(mfa_code=lambda: "123456")
    bench.broker.on(*TOKEN, tokens())
    bench.auth.login()
    assert bench.form()["mfa_code"] == "123456"


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (reply(400, {"detail": "Unable to log in with provided credentials."}), "check username"),
        (reply(401), "check username"),
        (reply(403), "check username"),
        (reply(403, {"verification_workflow": {"id": "w"}}), "approve this device"),
        (reply(429, {"detail": "throttled"}), "five minutes"),
        (reply(500, b"<html>"), "wait a minute"),
        (reply(302, None, Location="https://evil.example/"), "stand between"),
        (lost(), "check the network"),
        (unreachable(requests.exceptions.SSLError("bad")), "stand between"),
    ],
)
def test_a_login_that_reached_the_broker_is_never_repeated_and_says_what_to_do(bench, answer, remedy):
    bench.broker.on(*TOKEN, answer)
    with pytest.raises(AuthenticationError, match=remedy):
        bench.auth.login()
    assert len(bench.broker.seen) == 1
    assert bench.session.bearer_is_refused


def test_a_login_that_never_left_is_tried_three_times_in_all(bench):
    bench.broker.on(*TOKEN, unreachable(), unreachable(), tokens())
    bench.auth.login()
    assert bench.bearer() == "Bearer access-1"


def test_a_network_that_stays_down_ends_the_login(bench):
    bench.broker.always(*TOKEN, unreachable())
    with pytest.raises(AuthenticationError, match="check the network"):
        bench.auth.login()
    assert len(bench.broker.seen) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": ""},
        {"access_token": None},
        {"access_token": "a b"},
        {"access_token": "a\r\nX-Evil: 1"},
        {"access_token": "\u00e4"},
        {"access_token": "x" * 4097},
        {"refresh_token": None},
        {"token_type": "mac"},
    ],
    ids=repr,
)
def test_a_token_that_makes_no_sense_is_no_session(bench, changes):
    bench.broker.on(*TOKEN, tokens(**changes))
    with pytest.raises(AuthenticationError, match="no usable token"):
        bench.auth.login()
    assert bench.session.bearer_is_refused
    assert not bench.auth.renew(20)


@pytest.mark.parametrize(
    "changes",
    [{"token_type": None}, {"token_type": " BEARER"}, {"expires_in": "soon"}, {"scope": 7, "x": {}}],
    ids=repr,
)
def test_what_no_decision_needs_of_a_token_reply_is_not_judged(bench, changes):
    bench.broker.on(*TOKEN, tokens(**changes))
    bench.auth.login()
    assert not bench.session.bearer_is_refused


@pytest.mark.parametrize("body", [b"<html>", b"", {"mfa_required": True}, []])
def test_a_reply_without_tokens_is_no_session(bench, body):
    bench.broker.on(*TOKEN, reply(200, body))
    with pytest.raises(AuthenticationError, match="no usable token"):
        bench.auth.login()


def test_a_renewal_uses_the_refresh_token_on_the_same_device(bench):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, tokens(2))
    assert bench.auth.renew(20)
    form = bench.form()
    assert (form["grant_type"], form["refresh_token"], form["device_token"]) == (
        "refresh_token",
        "refresh-1",
        "device-1234",
    )
    assert "password" not in form
    assert "Authorization" not in bench.broker.seen[0].headers
    assert bench.bearer() == "Bearer access-2"


def test_the_refresh_token_rotates(bench):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, tokens(2))
    bench.auth.renew(20)
    bench.answered_401()
    bench.broker.on(*TOKEN, tokens(3))
    assert bench.auth.renew(20)
    assert bench.form()["refresh_token"] == "refresh-2"


def test_a_session_that_was_not_refused_is_not_renewed(bench):
    bench.logged_in()
    assert bench.auth.renew(20)
    assert bench.broker.seen == []


def test_without_a_login_there_is_nothing_to_renew(bench):
    assert not bench.auth.renew(20)
    assert bench.broker.seen == []


def test_many_threads_that_saw_a_401_cause_one_request(bench):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, tokens(2))
    together = threading.Barrier(8)
    results = []

    def work() -> None:
        together.wait()
        results.append(bench.auth.renew(20))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (results, len(bench.broker.seen)) == ([True] * 8, 1)


@pytest.mark.parametrize(("within_s", "request_s"), [(60, 16), (16, 16), (9, 9), (1, LEAST_REQUEST_S)])
def test_a_renewal_takes_what_its_caller_has_left_but_is_not_cut_short(bench, within_s, request_s):
    """Its answer may hold the only refresh token that still works."""
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, tokens(2))
    assert bench.auth.renew(within_s)
    assert bench.broker.seen[0].timeout == (MAX_CONNECT_S, request_s)


def test_a_renewal_answered_after_its_callers_time_is_kept(bench):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, replace(tokens(2), then=lambda: bench.time.sleep(3)))
    assert bench.auth.renew(1)
    assert bench.bearer() == "Bearer access-2"


@pytest.mark.parametrize(("within_s", "waited_s"), [(7, 7), (0, 0), (-1, 0)])
def test_the_renewal_of_another_thread_is_waited_for_no_longer_than_asked(bench, monkeypatch, within_s, waited_s):
    """Whoever has a deadline answers by it; less than no time must not mean for ever."""
    bench.logged_in().answered_401()
    lock = TakenLock()
    monkeypatch.setattr(bench.auth, "_lock", lock)
    assert not bench.auth.renew(within_s)
    assert (lock.waited_for, bench.broker.seen) == ([waited_s], [])


@pytest.mark.parametrize("within_s", [0, -1])
def test_a_renewal_without_time_sends_nothing(bench, within_s):
    bench.logged_in().answered_401()
    assert not bench.auth.renew(within_s)
    assert bench.broker.seen == []


def test_waiting_for_the_renewal_of_another_thread_ends_in_time(bench):
    bench.logged_in().answered_401()
    answers = []
    late = threading.Thread(target=lambda: answers.append(bench.auth.renew(0)))

    def ask_meanwhile():
        late.start()
        late.join(10)

    bench.broker.on(*TOKEN, replace(tokens(2), then=ask_meanwhile))
    assert bench.auth.renew(20)
    assert (answers, len(bench.broker.seen)) == ([False], 1)


def test_a_login_with_little_time_is_not_repeated(bench):
    bench.broker.on(*TOKEN, unreachable())
    with pytest.raises(AuthenticationError, match="check the network"):
        bench.auth.login(within_s=0.5)
    assert bench.time.monotonic() <= 0.5


@pytest.mark.parametrize("answer", [reply(400), reply(401), reply(403), reply(200, b"<html>")])
def test_a_refused_renewal_is_never_tried_again(bench, answer):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, answer)
    assert not bench.auth.renew(20)
    bench.time.sleep(RENEW_PAUSE_S + 1)
    assert not bench.auth.renew(20)
    assert len(bench.broker.seen) == 1


@pytest.mark.parametrize("answer", [reply(500), reply(429), lost(), unreachable()])
def test_a_renewal_that_failed_in_passing_waits_before_the_next(bench, answer):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, answer, tokens(2))
    assert not bench.auth.renew(20)
    assert not bench.auth.renew(20)
    assert len(bench.broker.seen) == 1
    bench.time.sleep(RENEW_PAUSE_S)
    assert bench.auth.renew(20)
    assert len(bench.broker.seen) == 2


def test_a_login_ends_the_pause(bench):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, reply(500))
    bench.auth.renew(20)
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, tokens(2))
    assert bench.auth.renew(20)


def test_a_logout_revokes_and_forgets(bench):
    bench.logged_in()
    bench.broker.on(*REVOKE, reply())
    assert bench.auth.logout()
    assert bench.form()["token"] == "refresh-1"
    assert bench.bearer() is None
    assert not bench.auth.renew(20)


@pytest.mark.parametrize("answer", [reply(500), lost(), unreachable()])
def test_a_logout_that_is_not_confirmed_forgets_all_the_same(bench, answer):
    bench.logged_in()
    bench.broker.on(*REVOKE, answer)
    assert not bench.auth.logout()
    assert bench.bearer() is None


def test_a_logout_without_a_session_asks_nothing(bench):
    assert bench.auth.logout()
    assert bench.broker.seen == []


def test_no_repr_and_no_message_shows_a_secret(bench):
    bench.logged_in()
    bench.broker.on(*TOKEN, tokens(access_token="access-1 broken"))
    with pytest.raises(AuthenticationError) as caught:
        bench.auth.login()
    shown = "".join([repr(bench.auth), str(vars(bench.auth)), repr(bench.session), str(caught.value)])
    assert [secret for secret in SECRETS if secret in shown] == []


def test_a_broker_that_echoes_the_login_is_not_quoted():
    bench = Bench()
    bench.broker.on(*TOKEN, reply(400, {"detail": "bad: SOMEONE@example.com hunter2 device-1234"}))
    with pytest.raises(AuthenticationError, match=r"bad: \*\*\* \*\*\* \*\*\*"):
        bench.auth.login()
