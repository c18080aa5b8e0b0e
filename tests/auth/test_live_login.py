"""One session for all threads and processes of an account, and never a login that nobody asked for."""

import logging
import threading
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.live_login_bench import DEVICE, PASSWORD, READ, REVOKE, SEED, TOKEN, USERNAME, LoginBench, tokens
from tests.support.scripted_broker import Answer, lost, reply, unreachable
from tests.support.taken_lock import TakenLock
from trading_bot.auth.live_login import LONG_PAUSE_S, PAUSE_S, SESSION_ENDED, TROUBLED_PAUSE_S, WORKED_S
from trading_bot.auth.login_budget import LoginBudgetError
from trading_bot.auth.renewal_time import LEAST_REQUEST_S, RenewalInTime
from trading_bot.auth.token_store import SavedSession, TokenFileError
from trading_bot.cli.error_codes import exit_code_of
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.files import LocalFiles
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.robinhood.interactive_login import Person
from trading_bot.robinhood.session import MAX_CONNECT_S


@pytest.fixture
def bench(tmp_path):
    return LoginBench(tmp_path / "state")


def another_process(bench: LoginBench) -> LoginBench:
    other = LoginBench(bench.folder)
    other.login.resume()
    return other


# Logging in


def test_a_login_is_saved_and_used(bench):
    bench.broker.on(*TOKEN, tokens())
    bench.log_in()
    assert bench.bearer() == "Bearer canary-access-1"
    saved = bench.saved()
    assert saved.refresh_token == SecretStr("canary-refresh-1")
    assert saved.device_token == SecretStr(DEVICE)


def test_the_device_stays_the_same_from_login_to_login(bench):
    bench.logged_in()
    other = LoginBench(bench.folder)
    other.login._new_device_token = lambda: pytest.fail("a new device")
    other.logged_in()
    assert other.saved().device_token == SecretStr(DEVICE)


def test_a_second_factor_is_sent_where_there_is_a_seed(bench):
    bench.broker.on(*TOKEN, tokens())
    bench.log_in(mfa_secret=SEED)
    assert b"mfa_code=" in bench.broker.seen[0].body


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (reply(400, {"detail": "Unable to log in with provided credentials."}), "check username, password"),
        (reply(401, {"detail": "no"}), "check username, password"),
        (reply(400, {"detail": "Challenge type is invalid", "accept_challenge_types": {"sms": "SMS"}}), "text message"),
        (reply(400, {"detail": "Request blocked, challenge issued.", "challenge": {"type": "email"}}), "code by email"),
        (reply(200, {"mfa_required": True, "mfa_type": "app"}), "set ROBINHOOD_MFA_SECRET to the seed"),
        (reply(200, {"mfa_required": False}), "no usable token"),
        (reply(400, {"error": {"code": None, "why": ["a", "b"]}}), r"error: code null, why a, b\)"),
        (reply(429, {"detail": "no"}), "five minutes"),
        (reply(404, {"detail": "Not found."}), "a newer trading-bot"),
        (reply(500, b"<html>"), "wait a minute"),
        (reply(200, {"access_token": "x"}), "no usable token"),
        (reply(200, b""), "no usable token"),
        (lost(), "did not finish"),
        (reply(307, None, Location="https://evil.example/"), "check the network before any further login"),
    ],
)
def test_a_login_that_fails_says_what_to_do_saves_nothing_and_is_counted(bench, answer, message):
    bench.broker.on(*TOKEN, answer)
    bench.broker.always("POST", "/pathfinder/user_machine/", reply(500))
    with pytest.raises(AuthenticationError, match=message):
        bench.log_in()
    assert bench.store.load() is None
    assert bench.session.bearer_is_refused
    with pytest.raises(LoginBudgetError):
        bench.log_in()


WORKFLOW = {"id": "w", "workflow_status": "workflow_status_internal_pending"}
PROMPT = {"type": "prompt", "status": "issued", "id": "c"}


@pytest.mark.parametrize(
    ("views", "message"),
    [
        (
            [{"context": {"sheriff_challenge": PROMPT}}],
            r"not approved within 180 seconds; open or update the broker's app",
        ),
        ([{"context": {"sheriff_challenge": PROMPT | {"status": "denied"}}}], "the broker says denied; log in again"),
        (
            [{"context": {"sheriff_challenge": PROMPT | {"type": "passkey"}}}],
            "asks for a passkey, which cannot be answered",
        ),
        ([{"context": {}}], r"not understood \(no challenge is named\); log in with the broker's app"),
        ([], r"not understood \(HTTP 404\)"),
    ],
    ids=["no approval", "declined", "passkey", "no challenge", "no page"],
)
def test_an_approval_that_fails_ends_with_its_remedy_and_locks_nobody_out(bench, views, message):
    """No password was wrong, so the next login is not refused for five minutes."""
    bench.broker.always(*TOKEN, reply(403, {"verification_workflow": WORKFLOW}))
    bench.broker.always("POST", "/pathfinder/user_machine/", reply(200, {"id": "m"}))
    answers = [reply(200, view) for view in views] or [reply(404, {})]
    bench.broker.always("GET", "/pathfinder/inquiries/m/user_view/", *answers)
    bench.broker.always("GET", "/push/c/get_prompts_status/", reply(200, {"challenge_status": "issued"}))
    for _ in range(2):
        with pytest.raises(AuthenticationError, match=message) as refused:
            bench.log_in()
        assert "{" not in str(refused.value)
        assert exit_code_of(refused.value) == ExitCode.LOGIN_NEEDED


def test_codes_that_are_typed_and_not_accepted_are_counted(bench):
    bench.answer = "000000"
    bench.broker.always(*TOKEN, reply(403, {"verification_workflow": WORKFLOW}))
    bench.broker.always("POST", "/pathfinder/user_machine/", reply(200, {"id": "m"}))
    view = reply(200, {"context": {"sheriff_challenge": PROMPT | {"type": "sms"}}})
    bench.broker.always("GET", "/pathfinder/inquiries/m/user_view/", view)
    bench.broker.always("POST", "/challenge/c/respond/", reply(400, {"challenge": {"remaining_attempts": 2}}))
    with pytest.raises(AuthenticationError):
        bench.log_in()
    with pytest.raises(LoginBudgetError):
        bench.log_in()


def interrupted(_what: object) -> Any:
    raise KeyboardInterrupt


def waits_for_approval(bench: LoginBench, kind: str) -> None:
    bench.broker.always(*TOKEN, reply(403, {"verification_workflow": WORKFLOW}))
    bench.broker.always("POST", "/pathfinder/user_machine/", reply(200, {"id": "m"}))
    view = reply(200, {"context": {"sheriff_challenge": PROMPT | {"type": kind}}})
    bench.broker.always("GET", "/pathfinder/inquiries/m/user_view/", view)
    bench.broker.always("GET", "/push/c/get_prompts_status/", reply(200, {"challenge_status": "issued"}))
    bench.broker.always("POST", "/challenge/c/respond/", reply(400, {}))


@pytest.mark.parametrize("kind", ["prompt", "sms"])
def test_giving_up_the_wait_for_an_approval_counts_as_no_failed_login(bench, kind):
    """The password was right: the next login is not refused for five minutes."""
    waits_for_approval(bench, kind)
    person = Person(notify=bench.told.append, ask=interrupted, waiting=interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            bench.login.login(username=USERNAME, password=PASSWORD, person=person)


def test_giving_up_after_a_wrong_code_is_counted(bench):
    waits_for_approval(bench, "sms")
    answers = iter(["000000"])
    person = Person(notify=bench.told.append, ask=lambda question: next(answers, None) or interrupted(question))
    with pytest.raises(KeyboardInterrupt):
        bench.login.login(username=USERNAME, password=PASSWORD, person=person)
    with pytest.raises(LoginBudgetError):
        bench.log_in()


def test_a_login_that_never_left_is_not_counted(bench):
    bench.broker.on(*TOKEN, unreachable(), tokens())
    with pytest.raises(AuthenticationError, match="did not finish"):
        bench.log_in()
    bench.log_in()
    assert bench.bearer() == "Bearer canary-access-1"


def test_a_seed_that_is_none_is_not_counted(bench):
    with pytest.raises(AuthenticationError, match="ROBINHOOD_MFA_SECRET"):
        bench.log_in(mfa_secret=SecretStr("!"))
    bench.logged_in()


def test_a_spent_budget_sends_nothing(bench):
    bench.broker.on(*TOKEN, reply(400))
    for _ in range(3):
        with pytest.raises(AuthenticationError):
            bench.log_in()
    assert len(bench.broker.seen) == 1


def test_a_headless_host_is_told_to_use_a_terminal(bench):
    bench.broker.on(*TOKEN, reply(403, {"verification_workflow": {"id": "w"}}))
    bench.broker.on("POST", "/pathfinder/user_machine/", reply(200, {"id": "m"}))
    challenge = {"type": "sms", "status": "issued", "id": "c"}
    bench.broker.on(
        "GET", "/pathfinder/inquiries/m/user_view/", reply(200, {"context": {"sheriff_challenge": challenge}})
    )
    with pytest.raises(AuthenticationError, match="at a terminal") as refused:
        bench.log_in()
    assert exit_code_of(refused.value) == ExitCode.LOGIN_NEEDED


def test_a_session_that_cannot_be_saved_says_so_but_works(tmp_path):
    class NoSession(LocalFiles):
        def replace(self, path, data):
            if path.name == "session.json":
                raise OSError(28, "No space left on device")
            super().replace(path, data)

    bench = LoginBench(tmp_path / "state", files=NoSession())
    bench.broker.on(*TOKEN, tokens())
    with pytest.raises(TokenFileError, match="No space left"):
        bench.log_in()
    assert bench.bearer() == "Bearer canary-access-1"


@pytest.mark.parametrize("name", ["session.json", "logins.json"])
def test_a_file_that_cannot_be_written_is_storage_trouble_and_no_missing_login(tmp_path, name):
    class Full(LocalFiles):
        def replace(self, path, data):
            if path.name == name:
                raise OSError(28, "No space left on device")
            super().replace(path, data)

    bench = LoginBench(tmp_path / "state", files=Full())
    bench.broker.on(*TOKEN, tokens())
    with pytest.raises(AuthenticationError) as refused:
        bench.log_in()
    assert exit_code_of(refused.value) == ExitCode.JOURNAL


# Taking up a saved session


def test_a_saved_session_is_taken_up_without_a_request(bench):
    bench.logged_in()
    other = another_process(bench)
    assert other.broker.seen == []
    assert other.bearer() == "Bearer canary-access-1"


@pytest.mark.parametrize("saved", [None, SavedSession(device_token=SecretStr("d"))], ids=["never", "logged out"])
def test_without_a_saved_session_a_person_is_needed(bench, saved):
    if saved is not None:
        bench.store.save(saved)
    with pytest.raises(AuthenticationError, match="trading-bot login") as refused:
        bench.login.resume()
    assert exit_code_of(refused.value) == ExitCode.LOGIN_NEEDED


def test_a_session_that_cannot_be_trusted_needs_a_person(bench):
    bench.logged_in()
    bench.store.path.chmod(0o644)
    with pytest.raises(TokenFileError):
        LoginBench(bench.folder).login.resume()


# Renewing


def test_an_accepted_session_is_not_renewed(bench):
    assert bench.logged_in().login.renew(20)
    assert bench.broker.seen == []


def test_a_refused_session_is_renewed_with_the_refresh_token_and_saved(bench):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, tokens(2))
    assert bench.login.renew(20)
    [seen] = bench.broker.seen
    assert b"grant_type=refresh_token" in seen.body
    assert b"refresh_token=canary-refresh-1" in seen.body
    assert b"device_token=canary-device-token" in seen.body
    assert "Authorization" not in seen.headers
    assert bench.saved().refresh_token == SecretStr("canary-refresh-2")
    assert bench.bearer() == "Bearer canary-access-2"


def test_many_threads_share_one_renewal(bench):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, tokens(2))
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(bench.login.renew(20))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 8
    assert len(bench.broker.seen) == 1


def test_a_process_uses_what_another_has_renewed(bench):
    bench.logged_in()
    other = another_process(bench)
    bench.answered_401()
    bench.broker.on(*TOKEN, tokens(2))
    assert bench.login.renew(20)
    other.answered_401()
    assert other.login.renew(20)
    assert other.broker.seen == []
    assert other.bearer() == "Bearer canary-access-2"


def test_a_process_that_comes_during_a_renewal_waits_for_it(bench):
    bench.logged_in()
    other = another_process(bench)
    other.answered_401()
    begun, waiting = threading.Event(), []

    def renew_elsewhere():
        begun.set()
        waiting.append(other.login.renew(20))

    thread = threading.Thread(target=renew_elsewhere)

    def start_the_other():
        thread.start()
        begun.wait(5)

    bench.answered_401()
    bench.broker.on(*TOKEN, Answer(body=tokens(2).body, then=start_the_other))
    assert bench.login.renew(20)
    thread.join(5)
    assert waiting == [True]
    assert other.broker.seen == []


@pytest.mark.parametrize(("within_s", "request_s"), [(60, 16), (16, 16), (9, 9), (1, LEAST_REQUEST_S)])
def test_a_renewal_takes_what_its_caller_has_left_but_is_not_cut_short(bench, within_s, request_s):
    """Its answer may hold the only refresh token that still works."""
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, tokens(2))
    assert bench.login.renew(within_s)
    assert bench.broker.seen[0].timeout == (MAX_CONNECT_S, request_s)


def test_a_renewal_answered_after_its_callers_time_is_kept(bench):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, replace(tokens(2), then=lambda: bench.time.sleep(3)))
    assert bench.login.renew(1)
    assert bench.bearer() == "Bearer canary-access-2"
    assert bench.saved().refresh_token == SecretStr("canary-refresh-2")


@pytest.mark.parametrize(("within_s", "waited_s"), [(7, 7), (0, 0), (-1, 0)])
def test_the_renewal_of_another_thread_is_waited_for_no_longer_than_asked(bench, monkeypatch, within_s, waited_s):
    """Whoever has a deadline answers by it; less than no time must not mean for ever."""
    bench.logged_in().answered_401()
    lock = TakenLock()
    monkeypatch.setattr(bench.login, "_threads", lock)
    assert not bench.login.renew(within_s)
    assert (lock.waited_for, bench.broker.seen) == ([waited_s], [])


@pytest.mark.parametrize("within_s", [0, -1])
def test_a_renewal_without_time_sends_nothing(bench, within_s):
    bench.logged_in().answered_401()
    assert not bench.login.renew(within_s)
    assert bench.broker.seen == []


@pytest.mark.parametrize("process", ["this", "another"])
def test_waiting_for_a_renewal_by_somebody_else_ends_in_time(bench, process):
    """Whoever has a deadline answers by it, however long the other takes."""
    bench.logged_in()
    late = bench if process == "this" else another_process(bench).answered_401()
    bench.answered_401()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(late.login.renew(0.01)))

    def ask_meanwhile():
        thread.start()
        thread.join(10)

    bench.broker.on(*TOKEN, Answer(body=tokens(2).body, then=ask_meanwhile))
    assert bench.login.renew(20)
    assert (answers, len(bench.broker.seen)) == ([False], 1)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_refresh_token_is_never_sent_again_by_anybody(bench, status):
    bench.logged_in()
    other = another_process(bench)
    bench.answered_401()
    bench.broker.on(*TOKEN, reply(status, {"detail": "invalid_grant"}))
    assert not bench.login.renew(20)
    bench.time.sleep(PAUSE_S)
    assert not bench.login.renew(20)
    assert len(bench.broker.seen) == 1
    other.answered_401()
    assert other.login.renew(20)  # it finds a file that changed, and tries what is in it
    other.answered_401()
    assert not other.login.renew(20)
    assert other.broker.seen == []


@pytest.mark.parametrize("body", [{"access_token": "x"}, b"<html>"])
def test_a_renewal_without_usable_tokens_uses_the_refresh_token_up(bench, body):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, reply(200, body))
    assert not bench.login.renew(20)
    assert bench.saved().refresh_token is None


@pytest.mark.parametrize(
    ("answer", "pause_s"),
    [
        (unreachable(), PAUSE_S),
        (lost(), TROUBLED_PAUSE_S),
        (reply(503), TROUBLED_PAUSE_S),
        (reply(404), LONG_PAUSE_S),
        (reply(307, None, Location="https://elsewhere.example/"), LONG_PAUSE_S),
        (reply(429), LONG_PAUSE_S),
        (reply(429, None, Retry_After="-31536000"), LONG_PAUSE_S),
        (reply(429, None, Retry_After="nan"), LONG_PAUSE_S),
        (reply(429, None, Retry_After="99999"), LONG_PAUSE_S),
        (reply(429, {"detail": "Request was throttled. Expected available in 1 second."}), TROUBLED_PAUSE_S),
        (reply(429, None, Retry_After="40"), 40),
    ],
)
def test_a_renewal_that_fails_in_passing_is_tried_again_after_a_pause_that_is_logged_once(
    bench, answer, pause_s, caplog
):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, answer, tokens(2))
    assert not bench.login.renew(20)
    bench.time.sleep(pause_s - 0.5)
    assert not bench.login.renew(20)
    assert len(bench.broker.seen) == 1
    told = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    assert [(fact["event"], fact["delay_s"]) for fact in told] == [("session_not_renewed", pause_s)]
    bench.time.sleep(0.5)
    assert bench.login.renew(20)


def test_a_session_that_another_process_got_is_taken_up_during_a_pause(bench):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, reply(429))
    assert not bench.login.renew(20)
    other = LoginBench(bench.folder)
    other.broker.on(*TOKEN, tokens(5))
    other.log_in()
    assert bench.login.renew(20)
    assert len(bench.broker.seen) == 1


def test_renewals_that_go_on_failing_become_rare_until_one_succeeds(bench):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, *[reply(503)] * 4, tokens(2), reply(503), tokens(3))
    for pause_s in (TROUBLED_PAUSE_S, TROUBLED_PAUSE_S, LONG_PAUSE_S, LONG_PAUSE_S):
        sent = len(bench.broker.seen)
        assert not bench.login.renew(20)
        bench.time.sleep(pause_s - 0.5)
        assert not bench.login.renew(20)
        assert len(bench.broker.seen) == sent + 1
        bench.time.sleep(0.5)
    assert bench.login.renew(20)
    bench.time.sleep(WORKED_S)
    bench.answered_401()
    assert not bench.login.renew(20)
    bench.time.sleep(TROUBLED_PAUSE_S)
    assert bench.login.renew(20)


def test_a_renewed_session_that_cannot_be_saved_goes_on_in_memory(tmp_path):
    class FullDisk(LocalFiles):
        full = False

        def replace(self, path, data):
            if self.full:
                raise OSError(28, "No space left on device")
            super().replace(path, data)

    files = FullDisk()
    bench = LoginBench(tmp_path / "state", files=files).logged_in().answered_401()
    files.full = True
    bench.broker.on(*TOKEN, tokens(2), tokens(3))
    assert bench.login.renew(20)
    bench.time.sleep(WORKED_S)
    bench.answered_401()
    assert bench.login.renew(20)
    assert bench.bearer() == "Bearer canary-access-3"


def test_a_file_that_cannot_be_trusted_renews_nothing(bench):
    bench.logged_in().answered_401()
    bench.store.path.chmod(0o666)
    assert not bench.login.renew(20)
    assert bench.broker.seen == []


def test_without_a_login_there_is_nothing_to_renew(bench):
    assert not bench.login.renew(20)
    assert bench.broker.seen == []


# Logging out


def test_a_logout_forgets_then_revokes_and_keeps_the_device(bench):
    bench.logged_in()
    at_revocation = []
    bench.broker.on(*REVOKE, Answer(then=lambda: at_revocation.append(bench.saved())))
    assert bench.login.logout()
    assert b"token=canary-refresh-1" in bench.broker.seen[0].body
    assert at_revocation == [SavedSession(device_token=SecretStr(DEVICE))]
    assert bench.bearer() is None
    assert bench.login._current is None


@pytest.mark.parametrize("answer", [lost(), reply(500), unreachable()])
def test_a_revocation_that_is_not_confirmed_is_said_and_forgotten_all_the_same(bench, answer):
    bench.logged_in()
    bench.broker.on(*REVOKE, answer)
    assert bench.login.logout() is False
    assert bench.saved().access_token is None


def test_a_logout_works_from_a_process_that_never_took_the_session_up(bench):
    bench.logged_in()
    other = LoginBench(bench.folder)
    other.broker.on(*REVOKE, reply())
    assert other.login.logout()
    assert other.saved().refresh_token is None


def test_a_second_logout_sends_nothing(bench):
    bench.logged_in()
    bench.broker.on(*REVOKE, reply())
    assert bench.login.logout()
    assert bench.login.logout() is None
    assert len(bench.broker.seen) == 1


def test_a_logout_of_nobody_is_done_and_claims_nothing_of_the_broker(bench):
    assert bench.login.logout() is None
    assert bench.broker.seen == []


def test_after_a_logout_nothing_is_renewed(bench):
    bench.logged_in()
    bench.broker.on(*REVOKE, reply())
    bench.login.logout()
    assert not bench.login.renew(20)
    assert bench.broker.paths() == ["POST /oauth2/revoke_token/"]


def test_a_token_revoked_in_the_middle_of_work_is_renewed_once(bench):
    bench.logged_in()
    bench.broker.on("GET", "/orders/", reply(401))
    bench.session.exchange(READ, timeout_s=5)
    bench.broker.on(*TOKEN, tokens(2))
    assert bench.login.renew(20)
    assert bench.login.renew(20)
    assert bench.broker.paths().count("POST /oauth2/token/") == 1


@pytest.mark.parametrize("by", ["logging out", "deleting the file"])
def test_a_logout_by_another_process_ends_the_session_here_too(bench, by):
    bench.logged_in()
    other = another_process(bench)
    other.broker.on(*REVOKE, reply())
    assert other.login.logout() if by == "logging out" else bench.store.path.unlink() is None
    bench.answered_401()
    assert not bench.login.renew(20)
    assert bench.broker.seen == []


# A session that ends while a bot runs


def ends_told(caplog) -> list[tuple[int, str]]:
    told = [record for record in caplog.records if isinstance(record.msg, dict)]
    return [(record.levelno, record.msg["problem"]) for record in told if record.msg["event"] == "session_ended"]


def test_a_session_that_ends_for_good_is_told_of_once_with_the_remedy(bench, caplog):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, reply(401, {"detail": "no"}))
    for _ in range(3):
        assert not bench.login.renew(20)
        bench.time.sleep(60)
    assert ends_told(caplog) == [(logging.ERROR, SESSION_ENDED)]
    assert bench.login.problem() == SESSION_ENDED
    assert "run `trading-bot login` at a terminal" in SESSION_ENDED


def test_a_session_that_cannot_be_renewed_just_now_has_not_ended(bench, caplog):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, reply(503))
    assert not bench.login.renew(20)
    assert ends_told(caplog) == []


def test_a_login_elsewhere_is_taken_up_and_its_end_is_told_anew(bench, caplog):
    bench.logged_in().answered_401()
    bench.broker.on(*TOKEN, reply(401, {"detail": "no"}))
    assert not bench.login.renew(20)
    LoginBench(bench.folder, broker=bench.broker).logged_in()
    bench.time.sleep(60)
    assert bench.login.renew(20)
    assert bench.login.problem() is None
    bench.answered_401()
    bench.broker.on(*TOKEN, reply(401, {"detail": "no"}))
    assert not bench.login.renew(20)
    assert len(ends_told(caplog)) == 2


def test_a_caller_with_less_time_than_a_renewal_goes_on_in_time_and_the_answer_is_kept(bench):
    """Its answer may hold the only refresh token that still works."""
    bench.logged_in().answered_401()
    answer, adopted = threading.Event(), threading.Event()
    bench.broker.on(*TOKEN, Answer(body=tokens(2).body, then=lambda: answer.wait(5)))

    def renew(within_s):
        try:
            return bench.login.renew(within_s)
        finally:
            adopted.set()

    in_time = RenewalInTime(renew)
    assert not in_time(0.01)
    answer.set()
    assert adopted.wait(5)
    assert bench.saved().refresh_token == SecretStr("canary-refresh-2")
    assert in_time(0.5)
    assert in_time(LEAST_REQUEST_S)
    assert len(bench.broker.seen) == 1
