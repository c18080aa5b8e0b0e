"""``trading-bot kill``: which account it turns to, and that it always ends in a verdict."""

import io
import json
import os
import signal
import threading
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.render.test_kill_text import OPEN
from tests.support.command_line_bench import CommandLineBench
from trading_bot.cli.app import run_command_line
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.work.kill.aim import aim_at, aim_within, read_settings
from trading_bot.cli.work.kill.call import KillCall, kill_each, run_kill, verdict_of
from trading_bot.cli.work.kill.overdue import OVERDUE_AFTER_S, VerdictWatch
from trading_bot.cli.work.kill.reporter import KillReporter
from trading_bot.cli.work.kill.signals import KillSignals
from trading_bot.cli.work.kill.terminal import KillTerminal
from trading_bot.clock import VirtualClock
from trading_bot.config.kill_settings import KillSettings, unread_settings
from trading_bot.kill.accounts import SwitchedOff
from trading_bot.kill.progress import KillProgress, Stage
from trading_bot.kill.report import KillReport
from trading_bot.order_management.models import ExecutionMode
from trading_bot.state_folder import account_key

NUMBER = "5QR10001"
LIVE_FOLDER = f"live-{account_key(ExecutionMode.LIVE, NUMBER)}"


@pytest.fixture
def cli(tmp_path: Path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


@pytest.fixture
def live_folder(cli: CommandLineBench) -> Path:
    """An armed live account in the same state folder, with a journal on record."""
    folder = cli.home / "state" / LIVE_FOLDER
    folder.mkdir(parents=True)
    (folder / "armed").touch()
    journal = cli.home / "logs" / "orders-live-0001.jsonl"
    (folder / "journal.json").write_text(json.dumps({"v": 1, "journal": str(journal)}), encoding="utf-8")
    return folder


def paper_folder(cli: CommandLineBench) -> Path:
    return cli.home / "state" / f"paper-{account_key(ExecutionMode.PAPER, 'PAPER0001')}"


WRONG = ['{"trading": ', '{"tradin": {}}', '{"trading": {"mode": "papr"}}', '{"paper": {"seed": NaN}}', "[]", ""]


@pytest.mark.parametrize("text", WRONG)
def test_a_config_file_that_is_wrong_leaves_no_account_of_its_folder_armed(cli, live_folder, text):
    cli("arm", "--confirm", "PAPER")
    cli.config.write_text(text, encoding="utf-8")
    done = cli("kill")
    assert done.returncode == ExitCode.OUTCOME_UNKNOWN
    assert done.stdout.startswith("NOT CONFIRMED: trading is off for the armed accounts of")
    assert "no order was looked for" in done.stdout
    assert str(cli.config) in done.stdout
    assert f"switched off: {live_folder / 'armed'}" in done.stdout
    assert f"switched off: {paper_folder(cli) / 'armed'}" in done.stdout
    assert "the live account ...0001" in done.stdout
    assert list((cli.home / "state").glob("*/armed")) == []
    assert not (cli.home / "logs" / "orders.jsonl").exists()


def test_a_misspelt_key_that_says_nothing_of_the_account_lets_it_be_killed_and_not_confirmed(cli, live_folder):
    settings = json.loads(cli.config.read_text()) | {"trading": {"mode": "paper"}}
    cli.config.write_text(json.dumps(settings))
    cli.buy("first")
    cli.config.write_text(json.dumps(settings | {"risk_managment": {}}))
    answer = cli.json("kill")
    assert answer["verdict"] == "not_confirmed"
    assert [order["proven_ended"] for order in answer["orders"]] == [True]
    assert len(answer["problems"]) == 1
    assert "risk_managment is not a setting" in answer["problems"][0]
    assert not (live_folder / "armed").exists()


def test_a_bad_variable_is_named_and_leaves_nothing_armed(cli, live_folder, monkeypatch):
    monkeypatch.setenv("TRADING_BOT_PAPER__SEDE", "8")
    done = cli("kill")
    assert done.returncode == ExitCode.OUTCOME_UNKNOWN
    assert "TRADING_BOT_PAPER__SEDE" in done.stdout
    assert not (live_folder / "armed").exists()


def test_with_good_settings_another_account_of_the_folder_is_left_alone_and_named(cli, live_folder):
    done = cli("kill")
    assert done.returncode == ExitCode.DONE
    assert f"another account of this state folder stays armed: {live_folder / 'armed'}" in done.stdout
    assert (live_folder / "armed").exists()


@pytest.mark.parametrize(
    ("problems", "code"), [((), ExitCode.DONE), (("/state/x may trade on",), ExitCode.OUTCOME_UNKNOWN)]
)
def test_a_kill_of_all_accounts_says_what_it_switched_off_and_what_may_trade_on(capfd, problems, code):
    off = SwitchedOff(removed=(Path("/state/y/armed"),), problems=problems)
    call = KillCall(reason="a test", keeps_protective=True)
    assert kill_each((), Invocation(), call, off=off) == code
    told = capfd.readouterr().err.splitlines()
    assert told == [f"trading-bot: {each}" for each in (*problems, "switched off: /state/y/armed")]


class TestWithoutConfig:
    @pytest.fixture
    def bare(self, cli: CommandLineBench, monkeypatch, tmp_path: Path):
        """A folder without a config file, in the environment of the bot."""
        (tmp_path / "bare").mkdir()
        monkeypatch.chdir(tmp_path / "bare")
        monkeypatch.setenv("TRADING_BOT_STATE_DIR", str(cli.home / "state"))
        return tmp_path / "bare"

    def kill(self) -> tuple[int, str]:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run_command_line(["kill"])
        return code, out.getvalue()

    def test_the_live_accounts_are_named_and_paper_is_not_taken_for_the_one_that_is_meant(self, bare, live_folder):
        code, out = self.kill()
        assert code == ExitCode.OUTCOME_UNKNOWN
        assert "there is no config.json in" in out
        assert "the live account ...0001" in out
        assert not (live_folder / "armed").exists()
        assert not (bare / "logs").exists()

    def test_the_journal_of_a_live_account_is_trace_enough(self, bare):
        (bare / "logs").mkdir()
        (bare / "logs" / "orders-live-0002.jsonl").touch()
        code, out = self.kill()
        assert code == ExitCode.OUTCOME_UNKNOWN
        assert "the live account ...0002: journal" in out

    def test_a_note_that_never_answers_is_read_after_the_latches(self, bare, live_folder):
        note = live_folder / "journal.json"
        note.unlink()
        os.mkfifo(note)
        code, out = self.kill()
        os.close(os.open(note, os.O_WRONLY))  # lets the reader go
        assert code == ExitCode.OUTCOME_UNKNOWN
        assert "it does not answer within 5 s" in out
        assert not (live_folder / "armed").exists()

    def test_a_working_folder_that_was_deleted_keeps_nothing_armed(self, bare, live_folder):
        bare.rmdir()
        code, out = self.kill()
        assert code == ExitCode.OUTCOME_UNKNOWN
        assert out.startswith("NOT CONFIRMED: trading is off for the armed accounts of")
        assert not (live_folder / "armed").exists()

    def test_where_no_live_account_was_ever_seen_paper_is_meant(self, bare, monkeypatch):
        monkeypatch.setenv("TRADING_BOT_ORDER_MANAGEMENT__INTENT_TTL_S", "1")
        monkeypatch.setenv("TRADING_BOT_ORDER_MANAGEMENT__REQUEST_TIMEOUT_S", "1")
        monkeypatch.setenv("TRADING_BOT_ORDER_MANAGEMENT__CANCEL_DEADLINE_S", "5")
        code, out = self.kill()
        assert code == ExitCode.DONE
        assert "the paper account ...0001" in out


def test_a_live_file_that_names_no_account_switches_all_of_them_off(tmp_path, live_folder):
    cli = CommandLineBench(tmp_path, {"trading": {"mode": "live"}})
    done = cli("kill")
    assert done.returncode == ExitCode.OUTCOME_UNKNOWN
    assert "does not say which account is meant; set account_number" in done.stdout
    assert not (live_folder / "armed").exists()


def test_a_configuration_that_hangs_is_given_up_and_every_account_that_can_be_seen_is_switched_off(
    cli, live_folder, monkeypatch
):
    monkeypatch.setenv("TRADING_BOT_STATE_DIR", str(cli.home / "state"))
    goes_on = threading.Event()

    def hangs(path):
        goes_on.wait(10)
        return unread_settings(path, problem="it came too late")

    settings = read_settings(cli.config, read=hangs, within_s=0.05)
    goes_on.set()
    assert settings.problem == "the configuration could not be read within 0 s; look at its disk"
    aim = aim_at(settings)
    assert aim.config is None
    assert live_folder / "armed" in aim.off.removed
    assert not (live_folder / "armed").exists()


def test_a_configuration_whose_reading_fails_unforeseen_is_told(cli):
    def fails(_path):
        raise MemoryError("too long")

    assert read_settings(cli.config, read=fails, within_s=10).problem == "too long; correct it"


def test_an_account_that_cannot_be_switched_off_is_never_said_to_be(cli, live_folder):
    (live_folder / "armed").unlink()
    (live_folder / "armed").mkdir()  # a folder cannot be unlinked, whoever asks
    cli.config.write_text("{", encoding="utf-8")
    done = cli("kill")
    assert done.stdout.startswith("NOT CONFIRMED: TRADING MAY STILL BE ON")
    assert "delete it by hand" in done.stdout


def test_a_kill_that_fails_unforeseen_ends_in_a_verdict_too(cli):
    told: list[str] = []

    def fails():
        raise KeyError("odd")

    def give_up(problem):
        told.append(problem)

    verdict_of(fails, give_up=give_up, meanwhile=lambda: None, is_overdue=lambda: False)
    assert told == ["the kill itself failed (KeyError: 'odd'); report this, and kill again"]


def test_the_account_number_is_masked_in_the_reason_and_in_what_the_kill_failed_of(cli, capsys):
    settings = json.loads(cli.config.read_text()) | {"trading": {"mode": "live"}, "account_number": NUMBER}
    cli.config.write_text(json.dumps(settings), encoding="utf-8")
    reasons = []

    class Failing:
        def run_until_confirmed(self, by, reason, *, on_verdict):
            reasons.append(reason)
            raise ValueError(f"no such account: {NUMBER}")

    def open_failing(config, *, wishes) -> Any:
        return Failing()

    run_kill(
        Invocation(config=cli.config),
        KillCall(reason=f"{NUMBER} looks wrong", keeps_protective=True),
        open_account=open_failing,
    )
    said = capsys.readouterr()
    assert reasons == ["*** looks wrong"]
    assert "the kill itself failed (ValueError: no such account: ***)" in said.out
    assert NUMBER not in said.out + said.err


def test_a_verdict_that_is_due_is_told_and_the_kill_goes_on(cli, capsys):
    class Unconfirmed:
        def run_until_confirmed(self, by, reason, *, on_verdict):
            on_verdict(OPEN)
            return OPEN

    def open_unconfirmed(config, *, wishes) -> Any:
        return Unconfirmed()

    call = KillCall(reason="a test", keeps_protective=True)
    code = run_kill(Invocation(config=cli.config), call, open_account=open_unconfirmed)
    said = capsys.readouterr()
    assert code == ExitCode.OUTCOME_UNKNOWN
    assert said.out.count("NOT CONFIRMED: ") == 2
    assert "not confirmed yet: this goes on until it is" in said.err


def test_while_a_kill_works_the_signals_are_looked_at():
    looked = threading.Event()
    report = object.__new__(KillReport)

    def work():
        assert looked.wait(10)
        return report

    ended = verdict_of(work, give_up=lambda problem: report, meanwhile=looked.set, is_overdue=lambda: False)
    assert ended is report


def test_a_kill_that_hangs_is_given_up_once_its_verdict_is_overdue():
    goes_on, told = threading.Event(), []

    def give_up(problem):
        told.append(problem)

    def hangs() -> Any:
        goes_on.wait(10)

    verdict_of(hangs, give_up=give_up, meanwhile=lambda: None, is_overdue=lambda: True)
    goes_on.set()
    assert told == ["the kill hangs, most likely at a disk; repair or unmount it, and kill again"]


class TestOverdue:
    """Each with the clock and the flag that the watch looks at."""

    @pytest.fixture
    def clock(self):
        return VirtualClock(datetime(2026, 11, 23, 15, tzinfo=UTC))

    @pytest.fixture
    def signals(self):
        return KillSignals()

    @pytest.fixture
    def watch(self, clock, signals):
        return VerdictWatch(clock=clock, signals=signals)

    def is_overdue_after(self, seconds, watch, clock):
        clock.sleep(seconds)
        assert not watch.is_overdue()
        clock.sleep(1)
        return watch.is_overdue()

    def test_a_kill_that_never_states_a_time_is_overdue_after_a_minute(self, watch, clock):
        assert self.is_overdue_after(OVERDUE_AFTER_S, watch, clock)

    def test_a_time_that_is_stated_counts_from_when_it_is(self, watch, clock):
        clock.sleep(5)
        watch.progress(KillProgress(stage=Stage.ASKING, verdict_within_s=130))
        watch.progress(KillProgress(stage=Stage.OPEN))
        assert self.is_overdue_after(130 + OVERDUE_AFTER_S, watch, clock)

    def test_a_kill_that_has_told_a_verdict_goes_on_until_a_signal_and_a_minute(self, watch, clock, signals):
        watch.told()
        clock.sleep(100_000)
        assert not watch.is_overdue()
        signals.note(signal.SIGINT)
        assert not watch.is_overdue()
        assert self.is_overdue_after(OVERDUE_AFTER_S, watch, clock)

    def test_a_signal_takes_nothing_of_the_time_that_was_stated(self, watch, clock, signals):
        watch.progress(KillProgress(stage=Stage.ASKING, verdict_within_s=130))
        signals.note(signal.SIGINT)
        assert not watch.is_overdue()
        assert self.is_overdue_after(130 + OVERDUE_AFTER_S, watch, clock)


def settings_of(folder: Path) -> KillSettings:
    return KillSettings(config=None, file=None, problem="it is gone", state_dirs=(folder,))


def test_a_state_folder_that_fails_is_named_and_may_trade_on(tmp_path):
    def aim(settings):
        raise OSError("the disk is gone")

    aimed = aim_within(settings_of(tmp_path), aim=aim)
    assert aimed.config is None
    (problem,) = aimed.off.problems
    assert problem.startswith(f"trading may be on: {tmp_path}: the disk is gone")


def test_a_state_folder_that_hangs_is_given_up(tmp_path):
    goes_on = threading.Event()

    def hangs(settings) -> Any:
        goes_on.wait(10)

    aimed = aim_within(settings_of(tmp_path), aim=hangs, within_s=0.01)
    goes_on.set()
    assert "it does not answer within" in aimed.off.problems[0]


class TestTeller:
    def test_a_signal_is_told_once(self, capsys):
        signals = KillSignals()
        reporter = KillReporter(Invocation(), KillTerminal())
        reporter.interrupted(signals)
        signals.note(signal.SIGHUP)
        reporter.interrupted(signals)
        reporter.interrupted(signals)
        reporter.close(lambda: False)
        assert capsys.readouterr().err.count("SIGHUP: trading is off") == 1

    def test_a_verdict_that_is_not_the_last_one_says_that_the_kill_goes_on(self, capsys):
        reporter = KillReporter(Invocation(), KillTerminal())
        reporter.first_verdict(OPEN)
        reporter.close(lambda: False)
        said = capsys.readouterr()
        assert said.out.startswith("NOT CONFIRMED")
        assert "this goes on until it is" in said.err


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_progress_is_for_people_alone(cli, option):
    done = cli(option, "kill")
    assert (done.returncode, done.stderr) == (ExitCode.DONE, "")


def test_with_v_the_log_is_on_stderr(cli):
    assert "kill_engaged" in cli("-v", "kill").stderr
