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


class Desk:
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

    def logged_in(self) -> "Desk":
        self.broker.on(*TOKEN, tokens())
        self.auth.login()
        self.broker.seen.clear()
        return self

    def answered_401(self) -> "Desk":
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
def desk():
    return Desk()


def test_a_login_posts_the_password_grant_and_uses_the_token(desk):
    desk.session.set_bearer("stale")
    desk.broker.on(*TOKEN, tokens())
    desk.auth.login()
    form = desk.form()
    assert (form["grant_type"], form["username"], form["password"]) == ("password", "someone@example.com", "hunter2")
    assert (form["device_token"], form["scope"], "mfa_code" in form) == ("device-1234", "internal", False)
    assert "Authorization" not in desk.broker.seen[0].headers
    assert desk.bearer() == "Bearer access-1"


def test_a_second_factor_is_asked_for_at_each_login():
    desk = Desk(mfa_code=lambda: "123456")
    desk.broker.on(*TOKEN, tokens())
    desk.auth.login()
    assert desk.form()["mfa_code"] == "123456"


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
def test_a_login_that_reached_the_broker_is_never_repeated_and_says_what_to_do(desk, answer, remedy):
    desk.broker.on(*TOKEN, answer)
    with pytest.raises(AuthenticationError, match=remedy):
        desk.auth.login()
    assert len(desk.broker.seen) == 1
    assert desk.session.bearer_is_refused


def test_a_login_that_never_left_is_tried_three_times_in_all(desk):
    desk.broker.on(*TOKEN, unreachable(), unreachable(), tokens())
    desk.auth.login()
    assert desk.bearer() == "Bearer access-1"


def test_a_network_that_stays_down_ends_the_login(desk):
    desk.broker.always(*TOKEN, unreachable())
    with pytest.raises(AuthenticationError, match="check the network"):
        desk.auth.login()
    assert len(desk.broker.seen) == 3


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
def test_a_token_that_makes_no_sense_is_no_session(desk, changes):
    desk.broker.on(*TOKEN, tokens(**changes))
    with pytest.raises(AuthenticationError, match="no usable token"):
        desk.auth.login()
    assert desk.session.bearer_is_refused
    assert not desk.auth.renew(20)


@pytest.mark.parametrize(
    "changes",
    [{"token_type": None}, {"token_type": " BEARER"}, {"expires_in": "soon"}, {"scope": 7, "x": {}}],
    ids=repr,
)
def test_what_no_decision_needs_of_a_token_reply_is_not_judged(desk, changes):
    desk.broker.on(*TOKEN, tokens(**changes))
    desk.auth.login()
    assert not desk.session.bearer_is_refused


@pytest.mark.parametrize("body", [b"<html>", b"", {"mfa_required": True}, []])
def test_a_reply_without_tokens_is_no_session(desk, body):
    desk.broker.on(*TOKEN, reply(200, body))
    with pytest.raises(AuthenticationError, match="no usable token"):
        desk.auth.login()


def test_a_renewal_uses_the_refresh_token_on_the_same_device(desk):
    desk.logged_in().answered_401()
    desk.broker.on(*TOKEN, tokens(2))
    assert desk.auth.renew(20)
    form = desk.form()
    assert (form["grant_type"], form["refresh_token"], form["device_token"]) == (
        "refresh_token",
        "refresh-1",
        "device-1234",
    )
    assert "password" not in form
    assert "Authorization" not in desk.broker.seen[0].headers
    assert desk.bearer() == "Bearer access-2"


def test_the_refresh_token_rotates(desk):
    desk.logged_in().answered_401()
    desk.broker.on(*TOKEN, tokens(2))
    desk.auth.renew(20)
    desk.answered_401()
    desk.broker.on(*TOKEN, tokens(3))
    assert desk.auth.renew(20)
    assert desk.form()["refresh_token"] == "refresh-2"


def test_a_session_that_was_not_refused_is_not_renewed(desk):
    desk.logged_in()
    assert desk.auth.renew(20)
    assert desk.broker.seen == []


def test_without_a_login_there_is_nothing_to_renew(desk):
    assert not desk.auth.renew(20)
    assert desk.broker.seen == []


def test_many_threads_that_saw_a_401_cause_one_request(desk):
    desk.logged_in().answered_401()
    desk.broker.on(*TOKEN, tokens(2))
    together = threading.Barrier(8)
    results = []

    def work() -> None:
        together.wait()
        results.append(desk.auth.renew(20))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (results, len(desk.broker.seen)) == ([True] * 8, 1)


@pytest.mark.parametrize(("within_s", "request_s"), [(60, 16), (16, 16), (9, 9), (1, LEAST_REQUEST_S)])
def test_a_renewal_takes_what_its_caller_has_left_but_is_not_cut_short(desk, within_s, request_s):
    """Its answer may hold the only refresh token that still works."""
    desk.logged_in().answered_401()
    desk.broker.on(*TOKEN, tokens(2))
    assert desk.auth.renew(within_s)
    assert desk.broker.seen[0].timeout == (MAX_CONNECT_S, request_s)


def test_a_renewal_answered_after_its_callers_time_is_kept(desk):
    desk.logged_in().answered_401()
    desk.broker.on(*TOKEN, replace(tokens(2), then=lambda: desk.time.sleep(3)))
    assert desk.auth.renew(1)
    assert desk.bearer() == "Bearer access-2"


@pytest.mark.parametrize(("within_s", "waited_s"), [(7, 7), (0, 0), (-1, 0)])
def test_the_renewal_of_another_thread_is_waited_for_no_longer_than_asked(desk, monkeypatch, within_s, waited_s):
    """Whoever has a deadline answers by it; less than no time must not mean for ever."""
    desk.logged_in().answered_401()
    lock = TakenLock()
    monkeypatch.setattr(desk.auth, "_lock", lock)
    assert not desk.auth.renew(within_s)
    assert (lock.waited_for, desk.broker.seen) == ([waited_s], [])


@pytest.mark.parametrize("within_s", [0, -1])
def test_a_renewal_without_time_sends_nothing(desk, within_s):
    desk.logged_in().answered_401()
    assert not desk.auth.renew(within_s)
    assert desk.broker.seen == []


def test_waiting_for_the_renewal_of_another_thread_ends_in_time(desk):
    desk.logged_in().answered_401()
    answers = []
    late = threading.Thread(target=lambda: answers.append(desk.auth.renew(0)))

    def ask_meanwhile():
        late.start()
        late.join(10)

    desk.broker.on(*TOKEN, replace(tokens(2), then=ask_meanwhile))
    assert desk.auth.renew(20)
    assert (answers, len(desk.broker.seen)) == ([False], 1)


def test_a_login_with_little_time_is_not_repeated(desk):
    desk.broker.on(*TOKEN, unreachable())
    with pytest.raises(AuthenticationError, match="check the network"):
        desk.auth.login(within_s=0.5)
    assert desk.time.monotonic() <= 0.5


@pytest.mark.parametrize("answer", [reply(400), reply(401), reply(403), reply(200, b"<html>")])
def test_a_refused_renewal_is_never_tried_again(desk, answer):
    desk.logged_in().answered_401()
    desk.broker.on(*TOKEN, answer)
    assert not desk.auth.renew(20)
    desk.time.sleep(RENEW_PAUSE_S + 1)
    assert not desk.auth.renew(20)
    assert len(desk.broker.seen) == 1


@pytest.mark.parametrize("answer", [reply(500), reply(429), lost(), unreachable()])
def test_a_renewal_that_failed_in_passing_waits_before_the_next(desk, answer):
    desk.logged_in().answered_401()
    desk.broker.on(*TOKEN, answer, tokens(2))
    assert not desk.auth.renew(20)
    assert not desk.auth.renew(20)
    assert len(desk.broker.seen) == 1
    desk.time.sleep(RENEW_PAUSE_S)
    assert desk.auth.renew(20)
    assert len(desk.broker.seen) == 2


def test_a_login_ends_the_pause(desk):
    desk.logged_in().answered_401()
    desk.broker.on(*TOKEN, reply(500))
    desk.auth.renew(20)
    desk.logged_in().answered_401()
    desk.broker.on(*TOKEN, tokens(2))
    assert desk.auth.renew(20)


def test_a_logout_revokes_and_forgets(desk):
    desk.logged_in()
    desk.broker.on(*REVOKE, reply())
    assert desk.auth.logout()
    assert desk.form()["token"] == "refresh-1"
    assert desk.bearer() is None
    assert not desk.auth.renew(20)


@pytest.mark.parametrize("answer", [reply(500), lost(), unreachable()])
def test_a_logout_that_is_not_confirmed_forgets_all_the_same(desk, answer):
    desk.logged_in()
    desk.broker.on(*REVOKE, answer)
    assert not desk.auth.logout()
    assert desk.bearer() is None


def test_a_logout_without_a_session_asks_nothing(desk):
    assert desk.auth.logout()
    assert desk.broker.seen == []


def test_no_repr_and_no_message_shows_a_secret(desk):
    desk.logged_in()
    desk.broker.on(*TOKEN, tokens(access_token="access-1 broken"))
    with pytest.raises(AuthenticationError) as caught:
        desk.auth.login()
    shown = "".join([repr(desk.auth), str(vars(desk.auth)), repr(desk.session), str(caught.value)])
    assert [secret for secret in SECRETS if secret in shown] == []


def test_a_broker_that_echoes_the_login_is_not_quoted():
    desk = Desk()
    desk.broker.on(*TOKEN, reply(400, {"detail": "bad: SOMEONE@example.com hunter2 device-1234"}))
    with pytest.raises(AuthenticationError, match=r"bad: \*\*\* \*\*\* \*\*\*"):
        desk.auth.login()
