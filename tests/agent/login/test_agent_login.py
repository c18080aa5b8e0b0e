"""Tokens that work once: on the disk before they are used, renewed by one process for all, and never twice in doubt."""

import errno
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl

import pytest
from filelock import FileLock
from pydantic import SecretStr

from tests.support.agent_login_bench import LIFE, TOKEN, AgentLoginBench, tokens
from tests.support.faulty_files import FaultyFiles
from tests.support.scripted_broker import Answer, ScriptedBroker, lost, reply, unreachable
from tests.support.taken_lock import TakenLock
from trading_bot.agent.login.agent_login import FRESH_PAUSE_S, LONG_PAUSE_S, MOST_IN_DOUBT, PAUSE_S, SESSION_ENDED
from trading_bot.auth.secret_file import TokenFileError
from trading_bot.order_management.exceptions import AuthenticationError

GATEWAY_PAGE = reply(403, b"<html>blocked</html>")


@pytest.fixture
def bench(tmp_path):
    return AgentLoginBench(tmp_path / "state")


def full_disk() -> FaultyFiles:
    files = FaultyFiles()
    files.fail("replace", errno.ENOSPC)
    return files


def half_a_life_later(bench: AgentLoginBench) -> AgentLoginBench:
    bench.time.sleep(LIFE.total_seconds() / 2)
    return bench


# Saved


def test_a_login_is_saved_for_its_owner_alone_and_taken_up_by_the_next_process(bench):
    bench.logged_in()
    assert bench.bearer() == "Bearer canary-access-token-1"
    assert (bench.folder / "agent-session.json").stat().st_mode & 0o777 == 0o600
    assert bench.another_process().bearer() == "Bearer canary-access-token-1"


def test_nobody_is_logged_in_where_nothing_is_saved(bench):
    with pytest.raises(AuthenticationError, match="trading-bot login"):
        bench.login.resume()
    assert bench.login.standing() is None


def test_a_login_that_cannot_be_saved_is_not_used(tmp_path):
    bench = AgentLoginBench(tmp_path / "state", files=full_disk())
    with pytest.raises(TokenFileError):
        bench.logged_in()
    assert bench.http.bearer_is_refused


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is damaged; run `trading-bot login`"),
        ({"v": 1, "account": "live-other", "login": None}, "is of another account; run `trading-bot login`"),
        ({"v": 2, "account": "live-canary", "login": None}, "is damaged; run `trading-bot login`"),
    ],
)
def test_a_file_that_is_not_ours_is_refused(bench, content, message):
    bench.logged_in()
    text = content if isinstance(content, str) else json.dumps(content)
    (bench.folder / "agent-session.json").write_text(text)
    with pytest.raises(TokenFileError, match=message):
        bench.login.resume()


def test_a_file_that_others_may_open_is_refused(bench):
    bench.logged_in()
    (bench.folder / "agent-session.json").chmod(0o640)
    with pytest.raises(TokenFileError, match="open to other users"):
        bench.login.resume()


def test_no_repr_shows_a_token(bench):
    bench.logged_in()
    assert "canary" not in repr((bench.login, bench.saved(), bench.login.standing()))


def test_a_logout_forgets_on_the_disk_too(bench):
    bench.logged_in()
    forgotten = bench.login.forget()
    assert forgotten is not None
    assert forgotten.refresh_token == SecretStr("canary-refresh-token-1")
    assert bench.store.load() is None
    assert bench.login.forget() is None
    with pytest.raises(AuthenticationError):
        bench.login.resume()


# Renewed after a refusal


def test_a_refused_session_is_renewed_with_the_refresh_token_and_no_bearer(bench):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, tokens())
    assert bench.login.renew(10)
    (sent,) = bench.broker.seen
    assert sent.headers["host"] == "api.robinhood.com"
    assert "Authorization" not in sent.headers
    assert parse_qs(sent.body.decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["canary-refresh-token-1"],
        "client_id": ["shared-client"],
        "resource": ["https://agent.robinhood.com/mcp/trading"],
    }
    assert bench.bearer() == "Bearer canary-access-token-2"


class WatchedFiles(FaultyFiles):
    """Notes at each write whether the session in use is still the refused one."""

    bench: AgentLoginBench

    def replace(self, path: Path, data: bytes) -> None:
        super().replace(path, data)
        self.calls.append(f"refused: {self.bench.http.bearer_is_refused}, has new: {b'token-2' in data}")


def test_new_tokens_are_on_the_disk_before_they_are_used(tmp_path):
    files = WatchedFiles()
    bench = files.bench = AgentLoginBench(tmp_path / "state", files=files)
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, tokens())
    files.calls.clear()
    assert bench.login.renew(10)
    noted = [call for call in files.calls if call.startswith("refused")]
    assert noted == ["refused: True, has new: False", "refused: True, has new: True"]
    assert not bench.http.bearer_is_refused
    assert bench.saved().refresh_token == SecretStr("canary-refresh-token-2")
    assert bench.saved().expires_at == bench.time.now() + LIFE


def test_new_tokens_that_are_refused_too_are_not_renewed_at_once(bench):
    """A server that refuses every token for a while must not use up a refresh token for each call."""
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, tokens(), tokens(3))
    assert bench.login.renew(10)
    assert not bench.answered_401().login.renew(10)
    assert bench.broker.seen == []
    bench.time.sleep(FRESH_PAUSE_S)
    assert bench.login.renew(10)
    assert bench.bearer() == "Bearer canary-access-token-3"


def test_a_session_that_works_is_not_renewed(bench):
    assert bench.logged_in().login.renew(10)
    assert bench.broker.seen == []


def test_two_processes_never_use_one_refresh_token_twice(bench):
    """The first renews; the second finds what the first has saved and sends nothing."""
    bench.logged_in()
    other = bench.another_process().answered_401()
    bench.answered_401()
    bench.broker.on(*TOKEN, tokens())
    assert bench.login.renew(10)
    assert other.login.renew(10)
    assert other.broker.seen == []
    assert other.bearer() == "Bearer canary-access-token-2"
    other.answered_401()
    other.broker.on(*TOKEN, tokens(3))
    assert other.login.renew(10)
    assert b"canary-refresh-token-2" in other.broker.seen[0].body


def test_while_another_process_renews_nobody_else_does(bench):
    bench.logged_in().answered_401()
    with FileLock(bench.store.lock_path, thread_local=False):
        assert not bench.login.renew(0)
    assert bench.broker.seen == []


def test_while_another_thread_renews_nobody_waits_beyond_its_time(bench):
    bench.logged_in().answered_401()
    lock = bench.login._threads = TakenLock()
    assert not bench.login.renew(3)
    assert lock.waited_for == [3]


def test_a_renewal_that_another_process_tried_in_vain_is_counted_here_too(bench):
    bench.logged_in()
    other = half_a_life_later(bench.another_process())
    other.broker.on(*TOKEN, lost())
    other.login.renew_ahead()
    bench.login.renew_ahead()
    assert bench.broker.seen == []
    assert bench.login.standing() == other.login.standing()


def test_a_reply_without_a_refresh_token_leaves_the_old_one_in_use(bench):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, tokens(refresh_token=None, expires_in=None))
    assert bench.login.renew(10)
    assert bench.saved().refresh_token == SecretStr("canary-refresh-token-1")
    assert bench.saved().expires_at is None


def test_a_refused_renewal_takes_a_person_and_is_not_repeated(bench):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, reply(401, {"error": "invalid_grant"}))
    assert not bench.login.renew(10)
    assert not bench.login.renew(10)
    assert len(bench.broker.seen) == 1
    assert bench.login.problem() == SESSION_ENDED
    assert not bench.another_process().answered_401().login.renew(10)


def test_a_running_process_takes_up_the_login_of_a_person(bench):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, reply(400, {"error": "invalid_grant"}))
    assert not bench.login.renew(10)
    AgentLoginBench(bench.folder, time=bench.time).logged_in(access_token=SecretStr("canary-access-token-9"))
    assert bench.login.renew(10)
    assert bench.login.problem() is None
    assert bench.bearer() == "Bearer canary-access-token-9"


def test_a_logout_in_another_process_ends_this_one(bench):
    bench.logged_in()
    other = bench.another_process()
    other.login.forget()
    bench.answered_401()
    assert not bench.login.renew(10)
    assert bench.login.problem() == SESSION_ENDED
    assert bench.broker.seen == []


@pytest.mark.parametrize("passing", [unreachable(), reply(429, {}), reply(429, {}, Retry_After="2")])
def test_a_renewal_that_was_not_taken_is_tried_again_after_a_pause(bench, passing):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, passing, tokens())
    assert not bench.login.renew(10)
    assert not bench.login.renew(10)
    assert len(bench.broker.seen) == 1
    assert bench.saved().renewals_in_doubt == 0
    bench.time.sleep(LONG_PAUSE_S)
    assert bench.login.renew(10)


# Renewals whose answers are lost


BLOCKED = reply(403, {"message": "Forbidden"})
OTHER_KIND = reply(200, {"token_type": "mac", "access_token": "x"})
IN_DOUBT = [lost(), reply(502, b"<html>"), GATEWAY_PAGE, BLOCKED, OTHER_KIND]


@pytest.mark.parametrize("answer", IN_DOUBT, ids=["lost", "gateway", "page", "blocked", "unreadable"])
def test_a_lost_answer_is_told_and_its_token_not_used_again_while_the_session_works(bench, answer):
    half_a_life_later(bench.logged_in())
    bench.broker.on(*TOKEN, answer)
    for _ in range(3):
        bench.login.renew_ahead()
        bench.time.sleep(LONG_PAUSE_S)
    assert len(bench.broker.seen) == 1
    assert bench.login.problem() is None
    for login in (bench.login, bench.another_process().login):
        standing = login.standing()
        assert standing is not None
        assert "run `trading-bot login` at a terminal before that" in str(standing.warning)


def test_after_a_lost_answer_a_refused_session_is_tried_a_few_times_and_no_more(bench):
    half_a_life_later(bench.logged_in())
    bench.broker.always(*TOKEN, lost())
    bench.login.renew_ahead()
    bench.broker.on("POST", "/mcp/trading", reply(401))
    bench.bearer()
    bench.time.sleep(PAUSE_S)
    for _ in range(10):
        assert not bench.login.renew(20)
        bench.time.sleep(LONG_PAUSE_S)
    assert bench.broker.paths().count("POST /oauth2/token/") == MOST_IN_DOUBT
    assert bench.login.problem() == SESSION_ENDED


def test_a_process_that_died_while_it_renewed_leaves_word_of_it(bench):
    class DiedError(Exception):
        pass

    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, lost(DiedError()))
    with pytest.raises(DiedError):
        bench.login.renew(10)
    assert bench.saved().renewals_in_doubt == 1
    assert bench.saved().renews_itself is False


# Renewed ahead


@pytest.mark.parametrize(
    ("life", "due_after"), [(LIFE, timedelta(days=2)), (timedelta(days=3), timedelta(days=1.5))], ids=["week", "short"]
)
def test_tokens_are_renewed_at_half_of_their_life_and_after_two_days_at_the_latest(bench, life, due_after):
    """A token that was good for nine days by its reply is said to have ended after three or four."""
    bench.logged_in(expires_at=bench.time.now() + life)
    bench.time.sleep(due_after.total_seconds() - 1)
    bench.login.renew_ahead()
    assert bench.broker.seen == []
    bench.time.sleep(1)
    bench.broker.on(*TOKEN, tokens())
    bench.login.renew_ahead()
    bench.login.renew_ahead()
    assert len(bench.broker.seen) == 1
    assert bench.bearer() == "Bearer canary-access-token-2"


def test_tokens_that_were_refused_in_passing_are_renewed_ahead_all_the_same(bench):
    """Nothing says that the server takes them again: the session may work until its end, and find nothing renewed."""
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, unreachable(), tokens())
    assert not bench.login.renew(10)
    half_a_life_later(bench).login.renew_ahead()
    assert bench.bearer() == "Bearer canary-access-token-2"


def test_a_renewal_ahead_takes_up_what_another_process_has_renewed(bench):
    bench.logged_in()
    other = half_a_life_later(bench.another_process())
    other.broker.on(*TOKEN, tokens())
    other.login.renew_ahead()
    bench.login.renew_ahead()
    assert bench.broker.seen == []
    assert bench.bearer() == "Bearer canary-access-token-2"


def test_a_refusal_ahead_leaves_the_session_in_use_and_says_by_when_to_log_in(bench):
    half_a_life_later(bench.logged_in())
    bench.broker.on(*TOKEN, reply(400, {"error": "invalid_grant"}))
    bench.login.renew_ahead()
    assert bench.login.problem() is None
    assert bench.bearer() == "Bearer canary-access-token-1"
    standing = bench.login.standing()
    assert standing is not None
    assert "ends at 2026-12-01 07:55 UTC" in str(standing.warning)


def test_a_full_disk_holds_back_a_renewal_that_can_wait(bench):
    half_a_life_later(bench.logged_in())
    full = AgentLoginBench(bench.folder, time=bench.time, files=full_disk())
    full.login.resume()
    full.login.renew_ahead()
    assert full.broker.seen == []
    standing = full.login.standing()
    assert standing is not None
    assert standing.renews_itself


def test_a_full_disk_does_not_hold_back_a_renewal_that_is_needed_now(bench):
    """A kill may depend on it. Once the disk takes it, what is in memory is saved."""
    bench.logged_in()
    files = full_disk()
    full = AgentLoginBench(bench.folder, time=bench.time, files=files)
    full.login.resume()
    full.answered_401()
    full.broker.on(*TOKEN, tokens())
    assert full.login.renew(10)
    assert full.bearer() == "Bearer canary-access-token-2"
    assert bench.saved().access_token == SecretStr("canary-access-token-1")
    files.heal()
    full.login.renew_ahead()
    assert bench.saved().access_token == SecretStr("canary-access-token-2")


def test_tokens_that_could_not_be_saved_are_not_given_up_for_older_ones(bench):
    """Another process tries the refresh token that this one has used up, and leaves word of that in the file."""
    bench.logged_in()
    files = full_disk()
    full = AgentLoginBench(bench.folder, time=bench.time, files=files)
    full.login.resume()
    full.answered_401()
    full.broker.on(*TOKEN, tokens())
    assert full.login.renew(10)
    bench.answered_401().broker.on(*TOKEN, reply(400, {"error": "invalid_grant"}))
    assert not bench.login.renew(10)
    files.heal()
    full.login.renew_ahead()
    assert full.bearer() == "Bearer canary-access-token-2"
    assert bench.saved().refresh_token == SecretStr("canary-refresh-token-2")
    assert bench.login.renew(10)


# What is told of it


def test_a_login_that_was_not_renewed_is_warned_of_days_ahead(bench):
    bench.logged_in()
    bench.time.sleep((LIFE - timedelta(days=2, hours=14)).total_seconds())
    standing = bench.login.standing()
    assert standing is not None
    assert standing.warning is None
    assert standing.summary == "a login is saved, good until 2026-12-01 07:55 UTC; a running bot renews it by itself"
    bench.time.sleep(timedelta(hours=1).total_seconds())
    later = bench.login.standing()
    assert later is not None
    assert "runs out at 2026-12-01 07:55 UTC and was not renewed yet" in str(later.warning)


def test_a_login_of_a_day_is_not_warned_of_from_its_first_hour(bench):
    bench.logged_in(expires_at=bench.time.now() + timedelta(days=1))
    standing = bench.login.standing()
    assert standing is not None
    assert standing.warning is None


def test_an_end_that_the_server_did_not_name_is_said_to_be_unknown(bench):
    bench.logged_in(expires_at=None)
    bench.time.sleep(10 * LIFE.total_seconds())
    bench.login.renew_ahead()
    standing = bench.login.standing()
    assert standing is not None
    assert standing.warning is None
    assert "did not say how long" in standing.summary
    bench.logged_in(expires_at=None, refresh_token=None)
    assert "ends at any time" in str(bench.login.standing().warning)


def test_a_start_renews_what_is_due_and_says_what_only_a_person_can_do(bench, caplog):
    half_a_life_later(bench.logged_in())
    bench.broker.on(*TOKEN, tokens(), reply(400, {"error": "invalid_grant"}))
    bench.login.log_in()
    assert bench.bearer() == "Bearer canary-access-token-2"
    assert "login_ends" not in caplog.text
    half_a_life_later(bench)
    bench.login.log_in()
    assert "login_ends" in caplog.text


def test_a_login_that_cannot_be_renewed_is_replaced_by_that_of_a_person_unasked(bench):
    bench.logged_in(renewals_in_doubt=1)
    assert bench.login.care() is not None
    AgentLoginBench(bench.folder, time=bench.time).logged_in(access_token=SecretStr("canary-access-token-9"))
    assert bench.login.care() is None
    assert bench.bearer() == "Bearer canary-access-token-9"
    assert bench.broker.seen == []


def test_nobody_is_sent_to_a_browser_for_a_login_that_could_not_be_saved(tmp_path):
    bench = AgentLoginBench(tmp_path / "state", files=full_disk())
    with pytest.raises(TokenFileError, match="cannot save the session"):
        bench.login.prepare()


@pytest.mark.parametrize("damaged", [False, True])
def test_what_is_saved_stays_until_the_new_login_is_there(bench, damaged):
    """Whoever gives up in the browser has lost nothing, not even where the file has to be repaired."""
    bench.logged_in()
    file = bench.folder / "agent-session.json"
    if damaged:
        file.write_text("{")
    before = file.read_bytes()
    bench.login.prepare()
    assert file.read_bytes() == before
    assert {each.name for each in bench.folder.iterdir()} == {file.name, bench.store.lock_path.name}


def test_a_folder_that_others_may_open_is_refused_before_a_person_is_sent_to_a_browser(bench):
    bench.logged_in().folder.chmod(0o755)
    with pytest.raises(TokenFileError, match="chmod 700"):
        bench.login.prepare()


class RotatingServer:
    """Takes each refresh token once; a second use is an offence."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.good = "canary-refresh-token-1"
        self.number = 1
        self.offences: list[str] = []

    def answer(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        with self.lock:
            if form["refresh_token"] != self.good:
                self.offences.append(form["refresh_token"])
                return 400, {"error": "invalid_grant"}
            self.number += 1
            self.good = f"canary-refresh-token-{self.number}"
            access = f"canary-access-token-{self.number}"
            return 200, {"access_token": access, "refresh_token": self.good, "expires_in": 600}


class RotatingBroker(ScriptedBroker):
    """Refuses every token but the newest one."""

    def __init__(self, server: RotatingServer) -> None:
        super().__init__()
        self.server = server

    def _next(self, method: str, path: str) -> Answer:
        sent = self.seen[-1]
        if (method, path) == TOKEN:
            return reply(*self.server.answer(dict(parse_qsl(sent.body.decode()))))
        is_good = sent.headers.get("Authorization") == f"Bearer canary-access-token-{self.server.number}"
        return reply(200 if is_good else 401)


def test_many_processes_that_are_refused_together_strand_nobody(bench):
    """Each has its own connection and memory; the file and its lock are all they share."""
    bench.logged_in()
    server = RotatingServer()
    processes = [AgentLoginBench(bench.folder, broker=RotatingBroker(server), time=bench.time) for _ in range(4)]
    for process in processes:
        process.login.resume()
    for _ in range(3):
        bench.time.sleep(FRESH_PAUSE_S)
        server.number += 1  # the server ends the session; only the refresh token still works
        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(lambda process: process.is_refused() and process.login.renew(20), processes))
        assert not any(process.is_refused() for process in processes)
    assert server.offences == []
