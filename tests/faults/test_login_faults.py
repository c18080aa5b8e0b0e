"""Getting tokens, struck by each fault: no login storm, nothing half stored, and no order while nobody is logged in.

Both interfaces have two ways to tokens: a login by a person and a renewal by itself. Each cell strikes all four.
"""

import errno
import os
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

import pytest
import requests
import urllib3

from tests.faults.grid import calls_for
from tests.faults.steps import FaultBench
from tests.faults.test_machine_faults import read_only
from tests.support.broker_stand_in import Act, Route
from tests.support.live_login_bench import LoginBench
from tests.support.login_doors import (
    DOORS,
    TOKEN,
    AgentLoginDoor,
    AgentRenewal,
    Door,
    PrivateLogin,
    PrivateRenewal,
    access_of,
    spoilt,
)
from tests.support.mortal import DiedError, Disk, Life, MortalFiles
from tests.support.scripted_broker import Answer, lost, reply, unreachable
from tests.support.sim_journal import Fate
from tests.support.sim_world import SimWorld
from trading_bot.agent.login.sign_in import SIGN_IN_PATIENCE_S
from trading_bot.auth.login_budget import PAUSE
from trading_bot.auth.login_lock import login_locked
from trading_bot.config import PaperWire
from trading_bot.files import LocalFiles
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.order_management.models import ExecutionMode
from trading_bot.robinhood.interactive_login import APPROVAL_PATIENCE_S

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
    before = door.saved_access()
    door.broker.always("POST", "/pathfinder/user_machine/", reply(500))
    door.broker.on(*TOKEN, strike(door))
    assert door.enter() is not None, "there are no tokens that can be used"
    assert door.saved_access() == before, "nothing partial is stored"
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
    door.time.sleep(PAUSE.total_seconds() if calls_for(f"LOG-{fault}") != "X" else 3600)
    door.broker.on(*TOKEN, door.good(3), door.good(3))
    said = door.enter()
    assert grants(door) <= 2
    is_over = door.is_renewal and calls_for(f"LOG-{fault}") in ("D", "X")
    if said is not None:
        assert is_over, "what has passed is tried again"
    else:
        assert door.bearer() is not None


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
        pytest.param(fault, life, id=f"LOG-{fault}-says-{repr(life)[:7]}")
        for fault in ODD_LIVES
        for life in ODD_LIVES[fault]
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


# Clocks, deaths and interrupts.


@each_renewal
@pytest.mark.parametrize(
    "seconds", [pytest.param(-30 * 86_400, id="LOG-F38-back"), pytest.param(30 * 86_400, id="LOG-F38-forth")]
)
def test_a_clock_that_jumps_ends_no_session_that_the_broker_accepts(seconds, kind, tmp_path):
    """A 401 decides. What a clock makes due is renewed beside the session, which works on whatever becomes of that."""
    door: Door = kind(tmp_path / "state")
    door.broker.on(*TOKEN, door.good(2))
    assert door.enter() is None
    door.time.jump(seconds)
    door.broker.always(*TOKEN, lost())
    door.look_after()
    assert str(door.bearer()).endswith("-2")
    door.broker.always(*TOKEN, door.good(3))
    door.bench.answered_401()
    door.time.sleep(600)
    assert door.bench.login.renew(20), "and a session that is refused is renewed, whatever the time is"


@cell("F38")
def test_a_wrong_code_is_put_down_to_the_clock_too(fault, tmp_path):
    door = PrivateLogin(tmp_path / "state")
    door.broker.on(*TOKEN, reply(400, {"detail": "Please enter a valid code."}))
    assert "this machine's clock" in str(door.enter())


def struck_at(
    kind: Callable[..., Door], folder, effects: int, end: Callable[[], None] | None = None
) -> tuple[Door, Life]:
    """Return a door whose process ends at one of the effects of the next login."""
    life = Life(end=end)
    door = kind(folder, files=MortalFiles(life, Disk()))
    life.die_in(effects)
    door.broker.on(*TOKEN, replace(door.good(2), then=lambda: life.moment("sent")))
    return door, life


@each_door
@cell("F39")
def test_death_at_every_effect_of_a_login(fault, kind, tmp_path_factory):
    """What is on the disk is one whole session or the other, private; a login after that works."""
    for effects in range(1, 60):
        folder = tmp_path_factory.mktemp("login") / "state"
        door, life = struck_at(kind, folder, effects)
        before = door.saved_access()
        with suppress(DiedError):
            door.enter()
        if not life.is_over:
            assert effects > 3
            return
        check_whole(door, before)
        check_next_process(kind, folder)
    pytest.fail("more effects than the bound")


@each_door
@cell("F47", "F48")
def test_an_interrupt_at_every_effect_of_a_login(fault, kind, tmp_path_factory):
    """It ends at once, and nothing partial is stored."""
    error = SystemExit if fault == "F47" else KeyboardInterrupt

    def interrupt() -> NoReturn:
        raise error

    for effects in range(1, 60):
        folder = tmp_path_factory.mktemp("login") / "state"
        door, life = struck_at(kind, folder, effects, interrupt)
        before = door.saved_access()
        try:
            door.enter()
        except error:
            check_whole(door, before)
            check_next_process(kind, folder)
        else:
            assert not life.is_over
            return
    pytest.fail("more effects than the bound")


def check_whole(door: Door, before: str | None) -> None:
    assert door.saved_access() in (before, access_of(door.good(2)))
    for path in door.folder.glob("*session*.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def check_next_process(kind: Callable[..., Door], folder) -> None:
    """The next process logs in or renews, at once or after the pause that an attempt in doubt costs."""
    after = kind(folder)
    after.time.sleep(PAUSE.total_seconds())
    after.broker.on(*TOKEN, after.good(3))
    assert after.enter() is None
    assert after.saved_access() is not None


@each_door
@cell("F40")
def test_a_torn_session_file_is_ignored_and_replaced(fault, kind, tmp_path):
    """It is never trusted in part: whoever needs it is told to log in, and a login replaces it."""
    door: Door = kind(tmp_path / "state")
    door.broker.on(*TOKEN, door.good(2))
    assert door.enter() is None
    (path,) = door.folder.glob("*session*.json")
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(AuthenticationError):
            type(door.bench)(door.folder).login.resume()
    login = PrivateLogin if isinstance(door.bench, LoginBench) else AgentLoginDoor
    again = login(door.folder)
    again.broker.on(*TOKEN, again.good(4))
    assert again.enter() is None
    assert again.saved_access() == access_of(again.good(4))


# The disk.


class Stuck(LocalFiles):
    """A disk that takes nothing any more once it is stuck."""

    number: int | None = None

    def replace(self, path, data):
        if self.number is not None:
            raise OSError(self.number, os.strerror(self.number))
        super().replace(path, data)


@each_renewal
@cell("F41")
def test_a_renewal_on_a_full_disk_lives_in_memory(fault, kind, tmp_path, caplog):
    """It says so, once for each renewal."""
    files = Stuck()
    door: Door = kind(tmp_path / "state", files=files)
    before = door.saved_access()
    files.number = errno.ENOSPC
    door.broker.on(*TOKEN, door.good(2))
    assert door.enter() is None
    assert str(door.bearer()).endswith("-2")
    assert door.saved_access() == before
    told = [record for record in caplog.records if "session_not_saved" in str(record.msg)]
    assert 1 <= len(told) <= 2, "the note before a renewal, and its tokens after it"


@pytest.mark.parametrize("kind", [PrivateLogin, AgentLoginDoor], ids=lambda kind: kind.__name__)
@cell("F41")
def test_a_person_is_told_of_a_full_disk_before_anything_is_sent(fault, kind, tmp_path):
    """A login that could not be counted, or that ends with the command, would cost an attempt for nothing."""
    files = Stuck()
    files.number = errno.ENOSPC
    door: Door = kind(tmp_path / "state", files=files)
    assert "No space left" in str(door.enter())
    assert grants(door) == 0


@each_renewal
@cell("F42")
def test_whoever_only_cancels_may_renew_with_a_folder_that_is_read_only(fault, kind, tmp_path):
    files = Stuck()
    door: Door = kind(tmp_path / "state", files=files)
    files.number = errno.EROFS
    door.broker.on(*TOKEN, door.good(2))
    assert door.enter() is None
    assert str(door.bearer()).endswith("-2")


# Others: processes, threads, a fork.


@each_renewal
@cell("F45")
def test_a_second_process_uses_what_the_first_has_renewed(fault, kind, tmp_path):
    first: Door = kind(tmp_path / "state")
    second: Door = kind(tmp_path / "state")
    first.broker.on(*TOKEN, first.good(2))
    assert first.enter() is None
    assert second.enter() is None
    assert grants(second) == 0, "a second refresh could end the first one's session"
    assert second.bearer() == first.bearer()


@each_renewal
@cell("F45")
def test_a_second_process_sends_nothing_while_the_first_renews(fault, kind, tmp_path):
    door: Door = kind(tmp_path / "state")
    with login_locked(door.bench.store.lock_path, LocalFiles()):
        assert not door.bench.login.renew(0.05)
    assert door.broker.seen == []
    door.broker.on(*TOKEN, door.good(2))
    assert door.enter() is None


@each_renewal
@cell("F46")
def test_many_threads_make_one_request(fault, kind, tmp_path):
    door: Door = kind(tmp_path / "state")
    door.broker.on(*TOKEN, door.good(2))
    answers: list[str | None] = []
    threads = [threading.Thread(target=lambda: answers.append(door.enter())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [None] * 16
    assert grants(door) == 1


@each_renewal
@cell("F49")
def test_a_forked_child_neither_uses_nor_renews_the_session(fault, kind, tmp_path):
    door: Door = kind(tmp_path / "state")
    before = door.saved_access()
    door.bench.pid += 1
    assert door.enter() is not None
    assert door.broker.seen == []
    assert door.saved_access() == before
    door.bench.pid -= 1
    door.time.sleep(600)
    door.broker.on(*TOKEN, door.good(2))
    assert door.enter() is None, "and the parent's session is as it was"


# The whole bot, live.


each_wire = pytest.mark.parametrize("wire", list(PaperWire))


@each_wire
@cell("F42")
def test_a_bot_that_can_record_nothing_does_not_start_and_asks_the_broker_for_nothing(fault, wire, tmp_path):
    world = SimWorld(tmp_path, mode=ExecutionMode.LIVE, wire=wire)
    world.trouble, world.usual_fate = read_only, Fate.REFUSED
    assert not world.boot()
    assert world.broker.seen == []


@each_wire
@cell("F45")
def test_a_second_bot_renews_nothing(fault, wire, tmp_path):
    """The account's lease is taken before any request."""
    bench = FaultBench(tmp_path, "SUB", mode=ExecutionMode.LIVE, wire=wire)
    heard = len(bench.world.broker.seen)
    bench.world.broker.acts[Route.ACCOUNT].append(Act.UNAUTHORIZED)
    bench.world.intrude()
    assert bench.world.second_holders == 0
    assert len(bench.world.broker.seen) == heard


@each_wire
@cell("F50")
def test_after_a_sleep_the_session_is_proven_by_a_read_before_any_write(fault, wire, tmp_path):
    bench = FaultBench(tmp_path, "SUB", mode=ExecutionMode.LIVE, wire=wire)
    bench.world.wait(60)  # the start itself may have renewed the session
    broker, heard = bench.world.broker, len(bench.world.broker.seen)
    bench.clock.jump(3600)
    broker.acts[Route.LIST].append(Act.UNAUTHORIZED)
    bench.act()
    routes = [request.route for request in broker.seen[heard:]]
    assert routes.count(Route.SUBMIT) == bench.sent == 1
    before = routes[: routes.index(Route.SUBMIT)]
    assert before.count(Route.LIST) >= 2, "a list was refused, and then one was read under the new session"
    bench.afterwards()
