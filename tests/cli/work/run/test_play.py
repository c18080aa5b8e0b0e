"""`trading-bot run` as a child process: the ways it ends, and what it leaves on which stream."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import child_environment, run_cli
from tests.support.damaged_database import alter
from tests.support.terminal import at_terminal

pytestmark = pytest.mark.subprocess

GOOD = {"symbol": "TSLA", "action": "buy", "shares": 10, "price": "250.30", "reason": "because"}
TIMED = GOOD | {"at": "2026-11-20T09:31:00-05:00"}
QUOTES = [
    {"at": f"2026-11-20T14:{minute}:00Z", "symbol": "TSLA", "bid": bid, "ask": ask, "bid_size": 6, "ask_size": 6}
    for minute, bid, ask in ((30, "250.25", "250.35"), (32, "249.80", "249.90"), (34, "249.80", "249.90"))
]


def lines(*objects: object) -> str:
    return "".join(f"{json.dumps(each)}\n" for each in objects)


@pytest.fixture
def replay(tmp_path) -> list[str]:
    (tmp_path / "day.jsonl").write_text(lines(TIMED), encoding="utf-8")
    (tmp_path / "quotes.jsonl").write_text(lines(*QUOTES), encoding="utf-8")
    return ["run", "--signals", "day.jsonl", "--quotes", "quotes.jsonl", "--replay", "--settle", "300"]


def test_signals_from_a_pipe_are_traded_and_bad_lines_reported(tmp_path):
    done = run_cli(["run", "--signals", "-", "--json"], home=tmp_path, stdin=f"nonsense\n{lines(GOOD)}")
    bad, *told, good, last = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, done.stderr) == (0, "")
    assert (bad["line"], bad["status"]) == (1, "invalid")
    assert (good["line"], good["status"], good["limit_price"]) == (2, "submitted", "249.93")
    assert [line["event"] for line in told][:1] == ["order_submitted"]
    assert {line["client_order_id"] for line in told} == {good["client_order_id"]}
    assert (bad["event"], good["event"], last["event"]) == ("signal_result", "signal_result", "run_ended")
    assert last["summary"]["refused"] == {"invalid_signal": 1}


def test_a_replay_trades_at_the_times_of_the_signals_and_tells_of_fills(tmp_path, replay):
    done = run_cli(replay, home=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    shown = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert shown[0] == "09:31:00 EST submitted buy 10 TSLA limit 249.93 reference 250.30 [manual]"
    assert shown[1].endswith("partly filled buy 10 TSLA limit 249.93: 6 of 10 filled at 249.90 on average")
    assert shown[2].endswith("filled buy 10 TSLA limit 249.93: 10 of 10 filled at 249.90 on average")
    assert "positions 10 TSLA at 249.90" in shown
    assert "cash $97,501.00" in shown


def test_a_replay_has_an_account_of_its_own_and_repeats_byte_for_byte(tmp_path, replay):
    """Nothing of it is in the account of every day. The same input gives the same lines and the same journal."""
    shown, logs = [], []
    for _ in range(2):
        done = run_cli([*replay, "--json"], home=tmp_path)
        shown.append(done.stdout.splitlines())
        logs.append((tmp_path / "logs" / "replay" / "orders.jsonl").read_bytes())
    (*first, compared, ended), (*second, again, ended_again) = shown
    assert (first, ended, logs[0]) == (second, ended_again, logs[1])
    assert json.loads(compared)["earlier"] == []
    assert json.loads(again)["earlier"] == [json.loads(compared)["run"]]
    summary = json.loads(ended)["summary"]
    assert summary["logs"] == str(tmp_path / "logs" / "replay")
    assert summary["journal"]["path"].startswith(summary["logs"])
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["replay", "replays.jsonl"]
    assert list(tmp_path.rglob("journal.sqlite3")) == [Path(summary["journal"]["path"])]


def test_a_replay_does_not_delete_the_file_that_stdin_reads(tmp_path, replay):
    kept = tmp_path / "logs" / "replay"
    kept.mkdir(parents=True)
    (kept / ".trading-bot-replay").touch()
    (tmp_path / "day.jsonl").rename(kept / "day.jsonl")
    replay[replay.index("day.jsonl")] = "-"
    with (kept / "day.jsonl").open() as signals:
        done = subprocess.run(
            [sys.executable, "-m", "trading_bot", *replay],
            cwd=tmp_path,
            env=child_environment(tmp_path),
            stdin=signals,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert "the file that stdin reads is in" in done.stderr
    assert (kept / "day.jsonl").is_file()


@pytest.mark.parametrize(
    ("option", "file"),
    [
        ("--signals", "missing.jsonl"),
        ("--quotes", "day.jsonl"),
        ("--signals", "logs/replay/day.jsonl"),
        ("--quotes", "logs/replay/quotes.jsonl"),
    ],
)
def test_a_replay_that_cannot_read_its_input_leaves_the_last_one_as_it_is(tmp_path, replay, option, file):
    kept = tmp_path / "logs" / "replay"
    kept.mkdir(parents=True)
    for name in (".trading-bot-replay", "orders.jsonl", "day.jsonl", "quotes.jsonl"):
        (kept / name).touch()
    replay[replay.index(option) + 1] = file
    done = run_cli(replay, home=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert len(list(kept.iterdir())) == 4


def test_quiet_leaves_the_summary(tmp_path, replay):
    done = run_cli(["--quiet", *replay], home=tmp_path)
    assert done.stdout.split()[:2] == ["signals", "1"]


def test_the_text_of_a_signal_reaches_no_terminal_unmasked(tmp_path):
    hostile = GOOD | {"strategy_name": "\u001b[2J\u202eevil"}
    done = run_cli(["run", "--signals", "-"], home=tmp_path, stdin=lines(hostile))
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
    assert "evil" in done.stdout


@pytest.mark.parametrize(
    ("settings", "signal_and_options", "code", "said"),
    [
        ({"trading": {"mode": "live"}}, (GOOD, []), 3, "account_number is not set"),
        ({"trading": {"mode": "LIVE"}}, (GOOD, []), 3, "trading.mode"),
        ({"trading": {"mode": "live"}}, (TIMED, ["--replay"]), 2, "are for paper trading"),
        ({}, (GOOD, ["--replay"]), 2, "add times or leave --replay out"),
        ({"paper": {"quotes": "live"}}, (TIMED, ["--replay"]), 2, "cannot trade at live quotes"),
        ({}, (GOOD, ["--standby"]), 2, "it needs journal_url"),
        ({}, (GOOD, ["--quotes", "missing.jsonl"]), 2, "missing.jsonl"),
        ({}, (GOOD, ["--quotes", "signals.jsonl"]), 2, "signals.jsonl, line 1"),
    ],
)
def test_what_cannot_start_says_why_in_one_line(tmp_path, settings, signal_and_options, code, said):
    wanted, options = signal_and_options
    (tmp_path / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    (tmp_path / "signals.jsonl").write_text(lines(wanted), encoding="utf-8")
    done = run_cli(["run", "--signals", "signals.jsonl", *options], home=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_damaged_journal_refuses_to_start(tmp_path):
    run_cli(["run", "--signals", "-"], home=tmp_path, stdin=lines(GOOD))
    (database,) = tmp_path.rglob("journal.sqlite3")
    alter(database, '"249.93"', '"249.94"')
    done = run_cli(["run", "--signals", "-"], home=tmp_path, stdin=lines(GOOD))
    assert done.returncode == 11
    assert "Traceback" not in done.stderr


class Running:
    """A run that has answered its first signal and waits for the next one."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "trading_bot", "run", "--signals", "-"],
            cwd=home,
            env=child_environment(home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        if self.process.stdin is None or self.process.stdout is None:
            raise AssertionError("the pipes were asked for")
        self.process.stdin.write(lines(GOOD))
        self.process.stdin.flush()
        self.first_line = self.process.stdout.readline()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=30)

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@pytest.fixture
def running(tmp_path) -> Iterator[Running]:
    run = Running(tmp_path)
    yield run
    if run.process.poll() is None:
        run.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_signal_ends_a_waiting_run_cleanly(running, number, code):
    assert "submitted" in running.first_line
    running.process.send_signal(number)
    returncode, out, err = running.end()
    assert returncode == code
    assert "verified" in out
    assert re.fullmatch(rf"trading-bot: stopped by {number.name}; orders still open: [01]\n", err)


def test_a_second_run_on_the_account_is_refused_with_the_first_ones_pid(tmp_path, running):
    second = run_cli(["run", "--signals", "-"], home=tmp_path, stdin=lines(GOOD))
    assert second.returncode == 9
    assert str(running.process.pid) in second.stderr
    assert running.end()[0] == 0


class TestAtATerminal:
    def test_the_run_is_drawn_in_colour(self, tmp_path, replay):
        code, drawn = at_terminal(replay, home=tmp_path)
        assert code == 0
        assert "\x1b[32mfilled" in drawn

    @pytest.mark.parametrize(("options", "environment"), [(["--no-color"], {}), ([], {"NO_COLOR": "1"})])
    def test_colours_can_be_refused(self, tmp_path, replay, options, environment):
        code, drawn = at_terminal([*replay, *options], home=tmp_path, environment=environment)
        assert code == 0
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", drawn)

    def test_somebody_who_types_signals_is_told_how(self, tmp_path):
        code, drawn = at_terminal(["run", "--signals", "-", "--no-color"], home=tmp_path, typed=f"{lines(GOOD)}\x04")
        assert code == 0
        assert "end with Ctrl-D" in drawn
        assert re.search(r"submitted .*\b1\b", drawn)

    def test_a_dumb_terminal_gets_plain_lines(self, tmp_path, replay):
        _, drawn = at_terminal(replay, home=tmp_path, environment={"TERM": "dumb"})
        assert "\x1b" not in drawn
        assert "09:31:00 EST  submitted" in drawn
