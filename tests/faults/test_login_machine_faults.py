"""What happens to the machine while tokens are got: no half session, one request for all, no order without one."""

import errno
import os
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

import pytest

from tests.faults.steps import FaultBench
from tests.faults.test_login_faults import cell, each_door, each_renewal, grants
from tests.faults.test_machine_faults import read_only
from tests.support.broker_stand_in import Act, Route
from tests.support.live_login_bench import LoginBench
from tests.support.login_doors import (
    TOKEN,
    AgentLoginDoor,
    Door,
    PrivateLogin,
    access_of,
)
from tests.support.mortal import DiedError, Disk, Life, MortalFiles
from tests.support.scripted_broker import lost, reply
from tests.support.sim_journal import Fate
from tests.support.sim_world import SimWorld
from trading_bot.auth.login_budget import PAUSE
from trading_bot.auth.login_lock import login_locked
from trading_bot.config import PaperWire
from trading_bot.files import LocalFiles
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.order_management.models import ExecutionMode

pytestmark = pytest.mark.no_cover  # tracing makes it three times as slow, and each line has a test of its own

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
            assert effects > 3
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
