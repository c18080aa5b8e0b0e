"""robin_stocks at the login: it may speak to the broker, and to nobody else."""

import builtins
import io
import json
import pickle
import sys
import time as real_time
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr
from robin_stocks.robinhood import authentication, helper

from tests.support.live_login_bench import DEVICE, PASSWORD, SEED, TOKEN, USERNAME, tokens
from tests.support.scripted_broker import MORNING, Answer, ScriptedBroker, clock, lost, reply, unreachable
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.robinhood import interactive_login
from trading_bot.robinhood.interactive_login import (
    APPROVAL_PATIENCE_S,
    InteractiveLogin,
    LoginSecrets,
    Person,
    _private_session,
    one_time_code,
)
from trading_bot.robinhood.session import BrokerSession, WireFailure, WireReply

WORKFLOW = reply(
    403, {"verification_workflow": {"id": "workflow-1", "workflow_status": "workflow_status_internal_pending"}}
)
MACHINE = ("POST", "/pathfinder/user_machine/")
VIEW = "/pathfinder/inquiries/machine-1/user_view/"
PROMPT = ("GET", "/push/challenge-1/get_prompts_status/")
RESPOND = ("POST", "/challenge/challenge-1/respond/")
APPROVED = reply(200, {"type_context": {"result": "workflow_status_approved"}})


def challenge(kind: str, status: str = "issued"):
    return reply(200, {"context": {"sheriff_challenge": {"type": kind, "status": status, "id": "challenge-1"}}})


class Bench:
    def __init__(self) -> None:
        self.broker, self.time = ScriptedBroker(), clock()
        self.told: list[str] = []
        session = BrokerSession(adapter=self.broker, clock=self.time)
        self.interactive = InteractiveLogin(wire=session, clock=self.time)

    def attempt(self, *, ask=None, mfa_secret=None):
        secrets = LoginSecrets(
            username=USERNAME, password=PASSWORD, device_token=SecretStr(DEVICE), mfa_secret=mfa_secret
        )
        return self.interactive.attempt(secrets, Person(notify=self.told.append, ask=ask))

    def needs_approval(self, kind: str) -> None:
        self.broker.on(*TOKEN, WORKFLOW, tokens())
        self.broker.on(*MACHINE, reply(200, {"id": "machine-1"}))
        self.broker.on("GET", VIEW, challenge(kind))
        self.broker.on("POST", VIEW, APPROVED)

    def forms(self) -> list[dict[str, str]]:
        sent = [seen.body.decode() for seen in self.broker.seen if seen.path == TOKEN[1]]
        return [{name: values[0] for name, values in parse_qs(body).items()} for body in sent]


@pytest.fixture
def bench():
    return Bench()


def test_a_known_device_logs_in_with_one_request(bench):
    bench.broker.on(*TOKEN, tokens())
    attempt = bench.attempt()
    assert isinstance(attempt.last, WireReply)
    assert attempt.last.status == 200
    [form] = bench.forms()
    assert (form["username"], form["password"]) == (USERNAME.get_secret_value(), PASSWORD.get_secret_value())
    assert (form["device_token"], form["grant_type"], "mfa_code" in form) == (DEVICE, "password", False)


def test_the_one_time_code_is_the_one_of_this_moment(bench):
    bench.broker.on(*TOKEN, tokens())
    bench.attempt(mfa_secret=SEED)
    [form] = bench.forms()
    assert form["mfa_code"] == one_time_code(SEED, MORNING)


def test_one_time_codes_follow_the_standard():
    seed_of_rfc_6238 = SecretStr("GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ")
    assert one_time_code(seed_of_rfc_6238, MORNING.fromtimestamp(1111111109, tz=MORNING.tzinfo)) == "081804"


@pytest.mark.parametrize("seed", ["canary-1!", "A", "=", " "])
def test_a_seed_that_is_none_is_refused_unquoted_and_nothing_is_sent(bench, seed):
    with pytest.raises(AuthenticationError, match="ROBINHOOD_MFA_SECRET") as refused:
        bench.attempt(mfa_secret=SecretStr(seed))
    assert bench.broker.seen == []
    assert (refused.value.__cause__, refused.value.__context__) == (None, None)


def test_a_new_device_is_approved_in_the_app_and_logs_in_as_the_same_device(bench):
    bench.needs_approval("prompt")
    bench.broker.on(*PROMPT, reply(200, {"challenge_status": "issued"}), reply(200, {"challenge_status": "validated"}))
    attempt = bench.attempt()
    assert isinstance(attempt.last, WireReply)
    assert attempt.last.status == 200
    assert [form["device_token"] for form in bench.forms()] == [DEVICE, DEVICE]
    assert json.loads(bench.broker.seen[1].body)["device_id"] == DEVICE
    assert bench.told == [
        "approve this device in the broker's app, or have the code at hand that it sends; waiting 180 seconds at most"
    ]


def test_an_approval_that_takes_longer_than_robin_stocks_waits_still_logs_in(bench):
    """It gives up after two minutes of its own, in the middle of the approval."""
    bench.needs_approval("prompt")
    issued = reply(200, {"challenge_status": "issued"})
    bench.broker.on(*PROMPT, *[issued] * 30, reply(200, {"challenge_status": "redeemed"}))
    attempt = bench.attempt()
    assert bench.time.monotonic() > 120
    assert (attempt.last.status, attempt.end) == (200, None)


def test_whoever_watches_is_told_how_long_is_left(bench):
    bench.needs_approval("prompt")
    bench.broker.always(*PROMPT, reply(200, {"challenge_status": "issued"}))
    left: list[float] = []
    secrets = LoginSecrets(username=USERNAME, password=PASSWORD, device_token=SecretStr(DEVICE))
    bench.interactive.attempt(secrets, Person(notify=bench.told.append, ask=None, waiting=left.append))
    assert left == [165, 150, 135, 120, 105, 90, 75, 60, 45, 30, 15]


@pytest.mark.parametrize("failing", [reply(429), reply(503), lost(), unreachable()])
def test_a_look_at_the_approval_that_fails_in_passing_is_made_again(bench, failing):
    bench.broker.on(*TOKEN, WORKFLOW, tokens())
    bench.broker.on(*MACHINE, reply(200, {"id": "machine-1"}))
    bench.broker.on("GET", VIEW, failing, challenge("prompt"))
    bench.broker.on(*PROMPT, failing, reply(200, {"challenge_status": "validated"}))
    bench.broker.on("POST", VIEW, failing, APPROVED)
    assert bench.attempt().last.status == 200


@pytest.mark.parametrize(
    ("view", "finished"),
    [
        (
            {
                "type_context": {
                    "context": {"sheriff_challenge": {"type": "prompt", "status": "issued", "id": "challenge-1"}}
                }
            },
            {"verification_workflow": {"id": "w", "workflow_status": "workflow_status_approved"}},
        ),
        (
            {"context": {"sheriff_challenge": {"type": "prompt", "id": None, "status": "validated"}}},
            {"route": {"exit": {"status": "WORKFLOW_STATUS_APPROVED"}}},
        ),
        (
            {"type_context": {"result": "workflow_status_approved"}},
            {"type_context": {"result": "workflow_status_approved"}},
        ),
        (
            {"context": {"sheriff_challenge": {"type": "PROMPT", "status": "Issued", "id": "challenge-1"}}},
            {"type_context": {"result": "WORKFLOW_STATUS_APPROVED"}},
        ),
    ],
    ids=["nested", "no id once validated", "approved already", "capitals"],
)
def test_every_published_shape_of_an_approval_is_read(bench, view, finished):
    bench.broker.on(*TOKEN, WORKFLOW, tokens())
    bench.broker.on(*MACHINE, reply(200, {"type_context": {"id": "machine-1"}}))
    bench.broker.on("GET", VIEW, reply(200, view))
    bench.broker.on(*PROMPT, reply(200, {"challenge_status": "validated"}))
    bench.broker.on("POST", VIEW, reply(200, finished))
    assert bench.attempt().last.status == 200


@pytest.mark.parametrize(
    ("answers", "ending", "detail"),
    [
        (
            {"view": reply(200, {"context": {"sheriff_challenge": {"type": "passkey", "status": "issued"}}})},
            "unsupported",
            "passkey",
        ),
        (
            {"view": reply(200, {"context": {"sheriff_challenge": {"type": "sms", "status": "issued"}}})},
            "not_understood",
            "a sms without an id",
        ),
        ({"view": reply(200, {"context": None})}, "not_understood", "no challenge is named"),
        ({"view": reply(200, [])}, "not_understood", "no JSON object"),
        ({"view": reply(200, b"<html>")}, "not_understood", "no JSON object"),
        ({"view": reply(404)}, "not_understood", "HTTP 404"),
        ({"machine": reply(500)}, "not_understood", "HTTP 500"),
        ({"machine": reply(200, {})}, "not_understood", "no id for this device"),
        ({"prompt": reply(200, {"challenge_status": "denied"})}, "not_approved", "denied"),
        (
            {"finished": reply(200, {"verification_workflow": {"workflow_status": "workflow_status_denied"}})},
            "not_approved",
            "denied",
        ),
        ({"finished": reply(200, {"type_context": {}})}, "not_understood", "no state of the approval"),
        (
            {"finished": reply(200, {"type_context": {"result": "workflow_status_surprise"}})},
            "not_understood",
            "surprise",
        ),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else str(value),
)
def test_what_leads_nowhere_ends_at_once_and_says_what_it_was(bench, answers, ending, detail):
    bench.broker.on(*TOKEN, WORKFLOW)
    bench.broker.on(*MACHINE, answers.get("machine", reply(200, {"id": "machine-1"})))
    bench.broker.on("GET", VIEW, answers.get("view", challenge("prompt")))
    bench.broker.on(*PROMPT, answers.get("prompt", reply(200, {"challenge_status": "validated"})))
    bench.broker.on("POST", VIEW, answers.get("finished", APPROVED))
    end = bench.attempt().end
    assert end is not None
    assert (end.ending, end.detail) == (ending, detail)
    assert bench.time.monotonic() <= 15


def test_a_connection_that_is_not_what_it_should_be_ends_the_approval(bench):
    bench.needs_approval("prompt")
    bench.broker._queues["GET", VIEW].clear()
    bench.broker.on("GET", VIEW, reply(307, None, Location="https://evil.example/"))
    end = bench.attempt().end
    assert end is not None
    assert end.ending == "not_understood"


@pytest.mark.parametrize("kind", ["sms", "email"])
def test_a_code_is_asked_of_the_person_and_sent(bench, kind):
    bench.needs_approval(kind)
    bench.broker.on(*RESPOND, reply(200, {"status": "validated"}))
    questions = []

    def ask(question):
        questions.append(question)
        return "123456"

    attempt = bench.attempt(ask=ask)
    assert attempt.last.status == 200
    assert (len(questions), kind in questions[0]) == (1, True)
    assert next(seen.body for seen in bench.broker.seen if seen.path == RESPOND[1]) == b"response=123456"


def test_without_a_terminal_a_code_is_never_asked_for(bench, monkeypatch):
    monkeypatch.setattr(builtins, "input", lambda *_: pytest.fail("asked"))
    bench.needs_approval("sms")
    attempt = bench.attempt(ask=None)
    assert attempt.lacked_a_terminal
    assert attempt.last.status == 403


def test_an_approval_that_never_comes_ends_in_bounded_time(bench):
    bench.needs_approval("prompt")
    bench.broker.always(*PROMPT, reply(200, {"challenge_status": "issued"}))
    attempt = bench.attempt()
    assert attempt.last.status == 403
    assert bench.time.monotonic() <= APPROVAL_PATIENCE_S


@pytest.mark.parametrize("word", ["workflow_status_denied", "workflow_status_surprise", ""])
def test_an_unknown_state_of_the_approval_is_no_approval_and_ends(bench, word):
    bench.needs_approval("prompt")
    bench.broker.on(*PROMPT, reply(200, {"challenge_status": "validated"}))
    bench.broker._queues["POST", VIEW].clear()
    bench.broker.always("POST", VIEW, reply(200, {"verification_workflow": {"workflow_status": word}}))
    assert bench.attempt().last.status == 403


@pytest.mark.parametrize("answer", [reply(200, []), reply(200, b"<html>"), reply(500), lost(), reply(200, {})])
def test_an_approval_that_breaks_down_leaves_the_first_refusal(bench, answer):
    bench.broker.on(*TOKEN, WORKFLOW)
    bench.broker.on(*MACHINE, answer)
    assert bench.attempt().last.status == 403


def test_an_id_that_would_lead_elsewhere_is_not_followed(bench):
    bench.broker.on(*TOKEN, WORKFLOW)
    bench.broker.on(*MACHINE, reply(200, {"id": "../../evil"}))
    assert bench.attempt().last.status == 403
    assert bench.broker.paths() == ["POST /oauth2/token/", "POST /pathfinder/user_machine/"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirected_login_sends_the_password_nowhere_else(bench, status):
    bench.broker.on(*TOKEN, reply(status, None, Location="https://evil.example/oauth2/token/"))
    attempt = bench.attempt()
    assert isinstance(attempt.last, WireFailure)
    assert attempt.last.security_alert
    assert len(bench.broker.seen) == 1


@pytest.mark.parametrize(("answer", "arrived"), [(unreachable(), False), (lost(), True), (reply(500), True)])
def test_it_is_known_whether_a_login_may_have_arrived(bench, answer, arrived):
    bench.broker.on(*TOKEN, answer)
    assert bench.attempt().may_have_arrived is arrived


def test_nothing_is_printed(bench, capfd):
    bench.needs_approval("prompt")
    bench.broker.on(*PROMPT, reply(200, {"challenge_status": "validated"}))
    bench.attempt()
    bench.broker.on(*TOKEN, reply(500))
    bench.attempt()
    assert capfd.readouterr() == ("", "")


def test_what_robin_stocks_reports_is_dropped(bench):
    output = io.StringIO()
    before = helper.get_output()
    helper.set_output(output)
    try:
        bench.broker.on(*TOKEN, reply(500))
        bench.attempt()
    finally:
        helper.set_output(before)
    assert output.getvalue() == ""


def test_one_login_runs_at_a_time(bench):
    locked = []
    bench.broker.on(*TOKEN, Answer(then=lambda: locked.append(interactive_login._one_at_a_time.locked())))
    bench.attempt()
    assert locked == [True]


def test_no_pickle_is_read_or_written(bench, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(pickle, "load", lambda *_: pytest.fail("read"))
    monkeypatch.setattr(pickle, "dump", lambda *_: pytest.fail("written"))
    bench.broker.on(*TOKEN, tokens())
    bench.attempt()
    assert list(tmp_path.rglob("*")) == []


def test_robin_stocks_is_left_as_it_was_found_without_a_token(bench):
    before = {name: vars(helper)[name] for name in ("SESSION", "OUTPUT", "LOGGED_IN")}
    bench.broker.on(*TOKEN, tokens())
    bench.attempt()
    assert {name: vars(helper)[name] for name in before} == before
    assert "Authorization" not in helper.SESSION.headers
    assert not {"print", "input"} & set(vars(authentication))
    assert vars(authentication)["time"] is real_time


def test_robin_stocks_is_left_as_it_was_found_after_an_interrupt(bench):
    def interrupt(_question):
        raise KeyboardInterrupt

    bench.needs_approval("sms")
    with pytest.raises(KeyboardInterrupt):
        bench.attempt(ask=interrupt)
    assert not {"print", "input"} & set(vars(authentication))


def test_environment_proxies_and_stdin_are_out_of_reach(bench, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setattr(sys, "stdin", None)
    bench.broker.on(*TOKEN, tokens())
    assert bench.attempt().last.status == 200


def test_the_session_lent_to_robin_stocks_serves_the_broker_alone():
    carrier = ScriptedBroker()
    with _private_session(carrier) as http:
        assert dict(http.adapters) == {"https://api.robinhood.com/": carrier}
        assert not http.trust_env


def test_secrets_have_no_repr():
    secrets = LoginSecrets(username=USERNAME, password=PASSWORD, device_token=SecretStr(DEVICE), mfa_secret=SEED)
    assert "canary" not in repr(secrets)
    assert SEED.get_secret_value() not in repr(secrets)
