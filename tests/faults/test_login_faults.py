"""Getting tokens, struck by each fault: no login storm, nothing half stored, and no order while nobody is logged in.

Both interfaces have two ways to tokens: a login by a person and a renewal by itself. Each cell strikes all four.
"""

from collections.abc import Callable

import pytest
import requests
import urllib3

from tests.support.login_doors import (
    DOORS,
    ENDED,
    TOKEN,
    AgentLoginDoor,
    AgentRenewal,
    Door,
    PrivateLogin,
    PrivateRenewal,
    access_of,
    spoilt,
)
from tests.support.scripted_broker import Answer, lost, reply, unreachable
from trading_bot.agent.login.sign_in import SIGN_IN_PATIENCE_S
from trading_bot.auth.login_budget import PAUSE
from trading_bot.robinhood.interactive_login import APPROVAL_PATIENCE_S

pytestmark = pytest.mark.no_cover  # tracing makes it three times as slow, and each line has a test of its own

LOGIN_PATHS = ("/oauth2/token/", "/pathfinder/", "/push/", "/challenge/", "/.well-known/", "/oauth/trading/register")
ELSEWHERE = "https://elsewhere.example/oauth2/token/"
DNS = urllib3.exceptions.NameResolutionError("api.robinhood.com", None, OSError("no such name"))  # type: ignore[arg-type]  # no connection was made

Strike = Callable[[Door], Answer]


def always(answer: Answer) -> Strike:
    return lambda _door: answer


def changed(**changes: object) -> Strike:
    return lambda door: spoilt(door.good(2), **changes)


STRIKES: dict[str, tuple[Strike, ...]] = {
    "F01": (always(unreachable(requests.exceptions.ConnectionError(DNS))),),
    "F02": (always(unreachable()),),
    "F03": (always(unreachable(requests.exceptions.ConnectTimeout("nobody answers"))),),
    "F04": (always(unreachable(requests.exceptions.SSLError("bad certificate"))),),
    "F05": (always(unreachable(requests.exceptions.ConnectionError(ConnectionResetError("reset")))),),
    "F06": (always(lost(requests.exceptions.ConnectionError(ConnectionResetError("reset")))),),
    "F07": (always(lost()),),
    "F08": (always(lost()),),
    "F09": (lambda door: Answer(error=requests.exceptions.ReadTimeout("slow"), then=lambda: door.time.sleep(16)),),
    "F10": (always(reply(307, {}, Location=ELSEWHERE)), always(reply(308, {}, Location=ELSEWHERE))),
    "F11": (always(reply(400, {"error": "invalid_grant"})),),
    "F12": (always(reply(401, {"detail": "Unable to log in with provided credentials."})),),
    "F13": (always(reply(403, {"detail": "no"})),),
    "F14": (always(reply(404, {"detail": "Not found."})),),
    "F15": (always(reply(409, {"detail": "conflict"})),),
    "F16": (always(reply(422, {"detail": "challenge needed"})),),
    "F17": (always(reply(429, {"detail": "Request was throttled."}, Retry_After="200")),),
    "F18": tuple(always(reply(429, b"no", **h)) for h in ({}, {"Retry_After": "-1"}, {"Retry_After": "31536000"})),
    "F19": (always(reply(500, b"<html>oops</html>")),),
    "F20": (always(reply(502, b"")),),
    "F21": (always(reply(503, b"<html>busy</html>")),),
    "F22": (always(reply(504, b"")),),
    "F23": (always(reply(200, b'{"access_token": "x", ')),),
    "F24": (always(reply(200, b"<html><body>maintenance</body></html>")),),
    "F25": (always(reply(200, b"")),),
    "F26": (lambda door: reply(200, door.good(2).body[:40]),),
    "F27": (
        changed(access_token=["x"]),
        changed(access_token=7),
        changed(access_token=""),
        changed(access_token="a b"),
        changed(access_token="a\r\nHost: elsewhere.example"),
        changed(access_token="x" * 100_000),
        changed(refresh_token=["x"]),
        changed(refresh_token="a b"),
        changed(token_type="mac"),
    ),
    "F28": (changed(access_token=None), lambda door: spoilt(door.good(2), **{door.least_needed: None})),
    "F30": (
        always(reply(200, b'{"access_token": "canary-2", "refresh_token": "canary-r", "expires_in": NaN}')),
        always(reply(200, b'{"access_token": "canary-2", "refresh_token": "canary-r", "expires_in": Infinity}')),
    ),
    "F31": (always(reply(200, b'{"access_token": "canary-2", "expires_in": 1' + b"0" * 5000 + b"}")),),
}
"""What the token endpoint does, or what happens on the way to it."""

NOTHING_LEFT = {"F01", "F02", "F03", "F04", "F05"}


def cells() -> list[object]:
    return [
        pytest.param(fault, strike, id=f"LOG-{fault}" + (f"-{number}" if len(strikes) > 1 else ""))
        for fault, strikes in STRIKES.items()
        for number, strike in enumerate(strikes)
    ]


each_door = pytest.mark.parametrize("kind", DOORS, ids=lambda kind: kind.__name__)
each_renewal = pytest.mark.parametrize("kind", [PrivateRenewal, AgentRenewal], ids=lambda kind: kind.__name__)


def cell(*faults: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fault", [pytest.param(fault, id=f"LOG-{fault}") for fault in faults])


@each_door
@pytest.mark.parametrize(("fault", "strike"), cells())
def test_a_login_that_is_struck(fault, strike, kind, tmp_path):
    door: Door = kind(tmp_path / "state")
    before, bearer = door.saved_access(), door.bearer()
    door.broker.always("POST", "/pathfinder/user_machine/", reply(500))
    door.broker.on(*TOKEN, strike(door))
    assert door.enter() is not None, "there are no tokens that can be used"
    assert door.saved_access() == before, "nothing partial is stored"
    assert door.bearer() == bearer, "nor used"
    assert (door.bench.login.problem() is not None) == is_over(door, fault), "the operator is told at once"
    check_requests(door, fault)
    check_again_at_once(door, fault)
    check_later(door, fault)


def grants(door: Door) -> int:
    return door.broker.paths().count("POST /oauth2/token/")


def check_requests(door: Door, fault: str) -> None:
    assert grants(door) == 1, "one request, and no more by itself"
    for seen in door.broker.seen:
        assert seen.path.startswith(LOGIN_PATHS), "the order side is untouched"
        assert seen.headers["host"] in {"api.robinhood.com", "agent.robinhood.com"}
        assert "Authorization" not in seen.headers


def check_again_at_once(door: Door, fault: str) -> None:
    """Whoever asks again at once, as each request that is refused does, makes no storm."""
    if fault in NOTHING_LEFT or not (door.is_renewal or isinstance(door, PrivateLogin)):
        return
    for _ in range(5):
        assert door.enter() is not None
        door.time.sleep(1)
    assert grants(door) == 1


def check_later(door: Door, fault: str) -> None:
    door.time.sleep(PAUSE.total_seconds())
    door.broker.on(*TOKEN, door.good(3), door.good(3))
    said = door.enter()
    if is_over(door, fault):
        assert said is not None
        check_over(door)
    else:
        assert said is None, "what has passed is tried again"
        assert grants(door) == 2
        assert door.saved_access() == access_of(door.good(3))
        assert str(door.bearer()).endswith(access_of(door.good(3)))


def is_over(door: Door, fault: str) -> bool:
    return fault in ENDED.get(type(door), ())


def check_over(door: Door) -> None:
    """Nothing tries by itself any more, here or in the next process, and only a person can log in."""
    assert grants(door) == 1
    assert "trading-bot login" in str(door.bench.login.problem())
    after = type(door)(door.folder)
    assert after.enter() is not None
    assert grants(after) == 0


@cell("F11", "F12", "F13", "F16")
@pytest.mark.parametrize("kind", [PrivateLogin, AgentLoginDoor], ids=lambda kind: kind.__name__)
def test_a_session_that_works_goes_on_when_another_login_is_refused(kind, fault, tmp_path):
    """It still serves cancels."""
    door: Door = kind(tmp_path / "state")
    door.broker.on(*TOKEN, door.good(2), STRIKES[fault][0](door))
    assert door.enter() is None
    works = door.bearer()
    assert door.enter() is not None
    assert door.bearer() == works


ODD_LIVES: dict[str, tuple[object, ...]] = {"F30": (-5, "-5", "NaN", "soon", 0), "F31": (10**30, "9" * 400, "1e999")}


@each_door
@pytest.mark.parametrize(
    ("fault", "life"),
    [
        pytest.param(fault, life, id=f"LOG-{fault}-life-{number}")
        for fault in ODD_LIVES
        for number, life in enumerate(ODD_LIVES[fault])
    ],
)
def test_an_odd_expiry_is_trusted_for_nothing(fault, life, kind, tmp_path):
    """No clock of ours says how long a token is good: it is used until the broker refuses it, and then renewed."""
    door: Door = kind(tmp_path / "state")
    door.broker.on(*TOKEN, spoilt(door.good(2), expires_in=life))
    assert door.enter() is None
    assert str(door.bearer()).endswith("-2")
    for _ in range(10):
        door.time.sleep(60)
        door.look_after()
    assert grants(door) == 1, "nor is it renewed without an end"
    door.bench.answered_401()
    door.broker.on(*TOKEN, door.good(3))
    assert door.bench.login.renew(20)


WORKFLOW = {"verification_workflow": {"id": "w", "workflow_status": "workflow_status_reticulating"}}


@pytest.mark.parametrize(
    "challenge",
    [
        pytest.param({"type": "prompt", "status": "reticulating", "id": "c"}, id="LOG-F29-status"),
        pytest.param({"type": "hologram", "status": "issued", "id": "c"}, id="LOG-F29-type"),
        pytest.param({"type": "sms", "status": "issued", "id": "c"}, id="LOG-F29-code-without-a-terminal"),
        pytest.param({"type": 7, "status": None}, id="LOG-F29-no-words"),
    ],
)
def test_an_approval_that_is_not_understood_is_none(challenge, tmp_path):
    """It ends, at the latest when the patience for it is over, and nobody is asked where nobody is there."""
    door = PrivateLogin(tmp_path / "state")
    door.broker.always(*TOKEN, reply(403, WORKFLOW))
    door.broker.always("POST", "/pathfinder/user_machine/", reply(200, {"id": "m"}))
    view = {"context": {"sheriff_challenge": challenge}}
    door.broker.always("GET", "/pathfinder/inquiries/m/user_view/", reply(200, view))
    door.broker.always("GET", "/push/c/get_prompts_status/", reply(200, {"challenge_status": "reticulating"}))
    began = door.time.monotonic()
    assert door.enter() is not None
    assert door.time.monotonic() - began <= APPROVAL_PATIENCE_S
    assert door.saved_access() is None
    assert (grants(door), door.bench.asked) == (1, [])


@cell("F29")
def test_a_browser_that_comes_back_with_other_words_brings_no_tokens(fault, tmp_path):
    door = AgentLoginDoor(tmp_path / "state", comes_back_with="status=reticulating")
    began = door.time.monotonic()
    assert door.enter() is not None
    assert door.time.monotonic() - began <= SIGN_IN_PATIENCE_S + 1
    assert door.saved_access() is None
    assert grants(door) == 0
