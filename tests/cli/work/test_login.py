"""Logging in and out at the command line: who is asked, what is said, and that no secret is ever shown."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.command_line import run_cli
from tests.support.command_line_bench import CommandLineBench
from tests.support.live_account import NUMBER, REVOKE, TOKEN, LiveAccount, live_account
from tests.support.loopback_broker import acts
from tests.support.stand_in_book import http_date
from tests.support.terminal import at_terminal
from trading_bot.checkup import Check
from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.prompts import ask_for_code, ask_for_login
from trading_bot.cli.work.doctor_checks import live_access
from trading_bot.cli.work.login import log_in, log_out
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.startup.login import open_live_door

USERNAME, PASSWORD, SEED = "canary.user@example.com", "canary-password-hunter2", "JBSWY3DPEHPK3PXP"
LIVE = {"trading": {"mode": "live"}, "account_number": NUMBER}
TOKENS = {"access_token": "canary-access", "refresh_token": "canary-refresh", "token_type": "Bearer"}
COMMANDS = (["login"], ["logout"], ["doctor"], ["buy", "AAPL", "1", "--reference-price", "100"], ["orders"])


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveAccount]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROBINHOOD_USERNAME", USERNAME)
    monkeypatch.setenv("ROBINHOOD_PASSWORD", PASSWORD)
    monkeypatch.setenv("ROBINHOOD_MFA_SECRET", SEED)
    with live_account(tmp_path) as account:
        account.book.bearers = {"canary-access"}
        yield account


class Person:
    """One who calls the two commands; the broker is the loopback stand-in."""

    def __init__(self, account: LiveAccount, *, as_json: bool = False) -> None:
        self.account, self.invocation = account, Invocation(json=as_json)

    def logs_in(self) -> None:
        log_in(self.invocation, self.account.config, self._door)

    def logs_out(self) -> None:
        log_out(self.invocation, self.account.config, self._door)

    def _door(self, config, username):
        return open_live_door(
            config, username=username, transport=self.account.transport, surroundings=self.account.around
        )


def test_a_login_from_the_environment_asks_nobody_and_reads_the_account(account, capsys):
    account.server.on(*TOKEN, acts.reply(200, TOKENS))
    Person(account).logs_in()
    said = capsys.readouterr()
    assert said.out.startswith(f"logged in: live account ...{NUMBER[-4:]} can be read")
    assert "trading-bot arm" in said.out
    (form,) = (heard.form for heard in account.server.heard if heard.path == TOKEN[1])
    assert (form["username"], form["password"], len(form["mfa_code"])) == (USERNAME, PASSWORD, 6)
    assert f"GET /accounts/{NUMBER}/" in account.server.paths()


def test_under_json_the_answer_is_one_object(account, capsys):
    account.server.on(*TOKEN, acts.reply(200, TOKENS))
    Person(account, as_json=True).logs_in()
    assert json.loads(capsys.readouterr().out) == {"v": 1, "logged_in": True, "account": f"...{NUMBER[-4:]}"}


def test_the_approval_of_a_device_is_asked_for_on_stderr(account, capsys):
    account.server.on(*TOKEN, acts.reply(403, {"verification_workflow": {"id": "w"}}))
    account.server.on("POST", "/pathfinder/user_machine/", acts.reply(200, {"id": "m"}))
    with pytest.raises(AuthenticationError):
        Person(account).logs_in()
    said = capsys.readouterr()
    assert "approve this device" in said.err
    assert said.out == ""


def test_a_login_that_is_not_of_this_account_says_so_and_leaves_the_session(account):
    account.server.on(*TOKEN, acts.reply(200, TOKENS))
    account.book.account_number = "5QR19999"
    with pytest.raises(CommandError, match="account_number") as refused:
        Person(account).logs_in()
    assert refused.value.exit_code is not ExitCode.DONE
    assert account.state().session.exists()


def test_a_session_that_is_refused_at_once_asks_for_a_login(account):
    account.server.on(*TOKEN, acts.reply(200, TOKENS | {"access_token": "useless"}), acts.reply(401))
    with pytest.raises(CommandError) as refused:
        Person(account).logs_in()
    assert (refused.value.exit_code, refused.value.code) == (ExitCode.LOGIN_NEEDED, "login_needed")


def test_a_logout_is_confirmed_by_the_broker_or_reported(account, capsys):
    account.log_in()
    account.server.on(*REVOKE, acts.reply(200), acts.reply(500))
    Person(account).logs_out()
    assert capsys.readouterr().out.startswith("logged out")
    Person(account).logs_out()
    assert capsys.readouterr().out.startswith("nobody is logged in here")
    account.log_in()
    with pytest.raises(CommandError, match="end it in the broker's app") as refused:
        Person(account).logs_out()
    assert refused.value.exit_code is ExitCode.OUTCOME_UNKNOWN


def test_no_secret_is_shown_by_any_of_it(account, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    shown = []

    def attempt(step) -> None:
        try:
            shown.append(repr(step()))
        except (CommandError, AuthenticationError) as error:
            shown.append(repr(error))
        account.clock.sleep(3 * 86_400)  # failed logins are forgotten

    echo = {"detail": f"no: account {NUMBER}"}
    loud = {"detail": f"no: {NUMBER} of {USERNAME.upper()}, {PASSWORD}"}
    account.server.on(*TOKEN, acts.reply(400, loud), acts.close, acts.reply(200, TOKENS), acts.reply(401, echo))
    account.server.on(*REVOKE, acts.reply(500, echo))
    account.server.on("GET", f"/accounts/{NUMBER}/", acts.reply(404, echo))
    person = Person(account)
    for step in (person.logs_in, person.logs_in, person.logs_in):
        attempt(step)
    shown += map(repr, live_access(lambda: person._door(account.config, None)))
    account.book.revoke_all()
    shown += map(repr, live_access(lambda: person._door(account.config, None)))
    attempt(person.logs_out)
    shown.append(repr(vars(person._door(account.config, None))))
    said = capfd.readouterr()
    seen = "\n".join([*shown, said.out, said.err, caplog.text])
    device = account.store.load().device_token.get_secret_value()
    secrets = (NUMBER, USERNAME, PASSWORD, SEED, device, *TOKENS.values())
    assert [secret for secret in secrets if secret != "Bearer" and secret.lower() in seen.lower()] == []
    assert len(shown) >= 7


def clock_checks(account: LiveAccount) -> list[Check]:
    checks = live_access(lambda: Person(account)._door(account.config, None))
    return [check for check in checks if check.name == "broker clock"]


class TestDoctor:
    def test_a_saved_login_and_a_readable_account_are_well(self, account):
        account.log_in("canary-access")
        checks = list(live_access(lambda: Person(account)._door(account.config, None)))
        assert [(check.name, check.result) for check in checks] == [
            ("session", "ok"),
            ("account", "ok"),
            ("broker clock", "ok"),
            ("broker's data", "ok"),
        ]

    @pytest.mark.parametrize(
        ("ahead_s", "result", "said"),
        [
            (0, "ok", "+0 s off the broker's"),
            (-40, "warning", "-40 s off the broker's; set it"),
            (400, "failed", "+400 s off the broker's, so no entry is sent"),
        ],
    )
    def test_our_clock_is_compared_with_the_brokers(self, account, ahead_s, result, said):
        account.log_in("canary-access")
        theirs = http_date(account.clock.now() - timedelta(seconds=ahead_s))
        account.server.on("GET", f"/accounts/{NUMBER}/", acts.reply(200, account.book._account(), Date=theirs))
        [check] = clock_checks(account)
        assert check.result == result
        assert said in check.detail

    def test_a_refused_read_tells_the_brokers_time_too(self, account):
        account.log_in("canary-access")
        theirs = http_date(account.clock.now() - timedelta(seconds=400))
        account.server.on("GET", f"/accounts/{NUMBER}/", acts.reply(404, Date=theirs))
        [check] = clock_checks(account)
        assert check.result == "failed"

    def test_what_was_not_understood_is_listed(self, account):
        account.log_in("canary-access")
        row = {"instrument_id": "7a2f7d2c-1f0e-4a57-9f0b-2f2d8a0c1b11", "quantity": None, "symbol": "SCLXZZZ"}
        account.server.on("GET", "/positions/", acts.reply(200, {"results": [row], "next": None}))
        account.server.on("GET", "/orders/", acts.reply(200, {"results": [None], "next": None}))
        checks = list(live_access(lambda: Person(account)._door(account.config, None)))
        assert [check.result for check in checks] == ["ok", "ok", "ok", "warning"]
        assert "position SCLXZZZ: cannot be read: quantity" in checks[-1].detail
        assert "a row of the order list is no order at all" in checks[-1].detail

    @pytest.mark.parametrize("path", ["/positions/", "/orders/"])
    def test_a_list_that_cannot_be_read_is_said(self, account, path):
        account.log_in("canary-access")
        account.server.on("GET", path, acts.reply(400, {"detail": "no"}))
        checks = list(live_access(lambda: Person(account)._door(account.config, None)))
        assert [(check.name, check.result) for check in checks[1:]] == [
            ("account", "ok"),
            ("broker clock", "ok"),
            ("broker's data", "failed"),
        ]

    @pytest.mark.parametrize(("status", "trouble"), [(401, "login"), (404, "broker"), (400, "broker")])
    def test_an_account_that_cannot_be_read_says_what_it_takes(self, account, status, trouble):
        account.log_in("canary-access")
        account.server.on("GET", f"/accounts/{NUMBER}/", acts.reply(status))
        account.server.on(*TOKEN, acts.reply(401))
        (_, check, clock) = live_access(lambda: Person(account)._door(account.config, None))
        assert (check.name, check.result, check.trouble) == ("account", "failed", trouble)
        assert (clock.name, clock.result) == ("broker clock", "skipped")  # these replies bear no date

    def test_without_a_login_it_looks_on_and_ends_with_4(self, tmp_path):
        cli = CommandLineBench(tmp_path, LIVE)
        cli("arm", "--confirm", f"LIVE {NUMBER[-4:]}")
        done = cli("--json", "doctor")
        found = {check["name"]: check["finding"] for check in json.loads(done.stdout)["checks"]}
        assert done.returncode == ExitCode.LOGIN_NEEDED
        assert json.loads(done.stderr)["error"]["message"].startswith("session: nobody is logged in")
        assert (found["session"], found["account"]) == ("failed", "skipped")
        assert (found["latch"], found["arming ends"]) == ("ok", "ok")
        assert "login" not in found

    def test_it_looks_at_the_latch_of_the_live_account(self, tmp_path):
        done = CommandLineBench(tmp_path, LIVE)("--json", "doctor")
        found = {check["name"]: check["finding"] for check in json.loads(done.stdout)["checks"]}
        assert (found["latch"], found["arming ends"]) == ("failed", "skipped")


@pytest.mark.parametrize("command", ["login", "logout"])
def test_on_paper_there_is_no_login(tmp_path, command):
    cli = CommandLineBench(tmp_path)
    done = cli(command)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("paper mode: there is nothing to log")
    assert cli.json(command) == {"v": 1, "logged_in": False}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_live_account_has_to_be_named(tmp_path, command, monkeypatch):
    monkeypatch.setenv("ROBINHOOD_USERNAME", USERNAME)
    monkeypatch.setenv("ROBINHOOD_PASSWORD", PASSWORD)
    done = CommandLineBench(tmp_path, {"trading": {"mode": "live"}})(*command)
    assert done.returncode == ExitCode.CONFIGURATION
    assert "account_number is not set" in done.stderr
    assert done.stderr.count("\n") == 1


class TestWithoutAnybodyToAsk:
    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        CommandLineBench(tmp_path, LIVE)
        return tmp_path

    @pytest.mark.subprocess
    @pytest.mark.parametrize(
        ("environment", "missing"),
        [
            ({}, "ROBINHOOD_USERNAME and ROBINHOOD_PASSWORD"),
            ({"ROBINHOOD_USERNAME": USERNAME}, "ROBINHOOD_PASSWORD"),
            ({"ROBINHOOD_PASSWORD": PASSWORD}, "ROBINHOOD_USERNAME"),
        ],
    )
    def test_a_login_names_what_is_missing_and_ends_with_4(self, home, environment, missing):
        done = run_cli(["login"], home=home, environment=environment)
        assert (done.returncode, done.stdout) == (ExitCode.LOGIN_NEEDED, "")
        assert f"set {missing}, or run `trading-bot login` at a terminal" in done.stderr
        assert done.stderr.count("\n") == 1
        assert USERNAME not in done.stderr

    @pytest.mark.subprocess
    def test_the_doctor_ends_with_4(self, home):
        done = run_cli(["doctor"], home=home)
        assert done.returncode == ExitCode.LOGIN_NEEDED
        assert "trading-bot login" in done.stderr
        assert done.stderr.count("\n") == 1

    @pytest.mark.subprocess
    def test_a_logout_of_nobody_is_done_at_once(self, home):
        done = run_cli(["logout"], home=home)
        assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.subprocess
    @pytest.mark.parametrize("command", ["doctor", "logout"])
    def test_a_session_that_others_could_read_is_refused(self, home, command):
        config = CommandLineBench(home, LIVE)
        config("arm", "--confirm", f"LIVE {NUMBER[-4:]}")
        (home / "state").chmod(0o700)
        session = config.state / "session.json"
        session.write_text("{}")
        session.chmod(0o644)
        done = run_cli([command], home=home)
        assert done.returncode == ExitCode.LOGIN_NEEDED
        assert "chmod 600" in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.subprocess
class TestAtATerminal:
    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        CommandLineBench(tmp_path, LIVE)
        return tmp_path

    def test_no_user_name_logs_nobody_in(self, home):
        code, drawn = at_terminal(["login"], home=home, typed="\n")
        assert code == ExitCode.LOGIN_NEEDED
        assert "no user name was typed" in drawn

    def test_no_input_asks_nothing_even_here(self, home):
        code, drawn = at_terminal(["login", "--no-input"], home=home, typed=f"{USERNAME}\n")
        assert code == ExitCode.LOGIN_NEEDED
        assert "nobody can be asked here" in drawn


@pytest.mark.parametrize("set_before", [(), ("ROBINHOOD_USERNAME",), ("ROBINHOOD_PASSWORD",)])
def test_at_a_terminal_only_what_is_not_set_is_asked_for(account, monkeypatch, set_before):
    typed = {"ROBINHOOD_USERNAME": USERNAME, "ROBINHOOD_PASSWORD": PASSWORD}
    for name in typed.keys() - {*set_before}:
        monkeypatch.delenv(name)
    lines = "".join(f"{text}\n" for name, text in typed.items() if name not in set_before)
    account.server.on(*TOKEN, acts.reply(200, TOKENS))
    with CliRunner().isolation(input=lines):
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        Person(account).logs_in()
        assert sys.stdin.read() == ""
    (form,) = (heard.form for heard in account.server.heard if heard.path == TOKEN[1])
    assert (form["username"], form["password"]) == (USERNAME, PASSWORD)


def test_what_is_typed_is_taken_without_the_spaces_around_it():
    with CliRunner().isolation(input=f" {USERNAME} \n 123456 \n"):
        assert ask_for_login("user name").get_secret_value() == USERNAME
        assert ask_for_code("Please enter the code: ") == "123456"


def test_an_interrupted_question_ends_the_login_and_is_no_answer(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(KeyboardInterrupt):
        ask_for_code("Please enter the code: ")


def _interrupted(**_wishes: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupted_login_says_that_nobody_is_logged_in(account):
    def interrupted(_config: object, _username: object) -> Any:
        return SimpleNamespace(log_in=_interrupted)

    with pytest.raises(CommandError, match="interrupted: nobody was logged in; run `trading-bot login` again") as ended:
        log_in(Invocation(), account.config, interrupted)
    assert ended.value.exit_code is ExitCode.INTERRUPTED


def test_a_password_is_taken_as_it_is():
    with CliRunner().isolation(input=" pass word \n"):
        assert ask_for_login("password", hidden=True).get_secret_value() == " pass word "


def test_a_password_is_not_echoed():
    with CliRunner().isolation(input=f"{PASSWORD}\n") as streams:
        ask_for_login("password", hidden=True)
        drawn = b"".join(stream.getvalue() for stream in filter(None, streams))
    assert PASSWORD.encode() not in drawn


def test_on_paper_at_live_quotes_it_is_said_whose_login_reads_them(tmp_path):
    done = CommandLineBench(tmp_path, {"paper": {"quotes": "live"}})("login")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the login of a live account in the same state_dir" in done.stdout
