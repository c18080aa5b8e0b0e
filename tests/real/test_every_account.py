"""Several accounts of one config file, run by one command, in a process each."""

import io
import json
import os
import signal
import threading
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import cast

import pytest

from tests.support.command_line_bench import CommandLineBench
from tests.support.running_bot import SIGNAL, in_background
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.work.every_account import AccountProcesses

pytestmark = pytest.mark.subprocess

TWO: dict[str, object] = {"accounts": {"one": {}, "two": {}}}


def test_each_trades_signals_of_its_own_and_one_kill_ends_the_orders_of_all(tmp_path):
    cli = CommandLineBench(tmp_path, TWO)
    with in_background(
        cli.config, "--json", "run", "--all", "--daemon-friendly", "--signals", "{account}.fifo"
    ) as bots:
        for name in ("one", "two"):
            fifo = tmp_path / f"{name}.fifo"
            bots.wait_for(fifo)
            with fifo.open("w", encoding="utf-8") as writer:
                writer.write(json.dumps(SIGNAL | {"client_order_id": "same"}) + "\n")
        told = [json.loads(bots.read_line()) for _ in range(4)]
        assert sorted((line["account"], line["event"]) for line in told) == [
            (name, event) for name in ("one", "two") for event in ("order_submitted", "signal_result")
        ]
        several = cli("orders")
        assert (several.returncode, several.stderr) == (
            3,
            "trading-bot: there are 2 accounts, one, two; say which with --account NAME.\n",
        )
        with in_background(cli.config, "kill") as kill:
            code, out, err = kill.end()
        assert (code, err.count("switched off: ")) == (0, 2)
        assert [f"{name}: NO OPEN ORDERS" in out for name in ("one", "two")] == [True, True]
        code, _, _ = bots.end(signal.SIGTERM)
        assert code == 143
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["one", "two"]


def test_lines_of_each_are_named_and_its_exit_code_is_kept(capfd):
    program = ("/bin/sh", "-c", 'echo "$*"; echo complaint >&2; case "$*" in *two*) exit 5;; esac', "sh")
    processes = AccountProcesses(
        ["look", "at-{account}"], names=("one", "two"), invocation=Invocation(), program=program
    )
    assert processes.run() == {"one": 0, "two": 5}
    out, err = capfd.readouterr()
    assert sorted(out.splitlines()) == [
        f"{name}: --account {name} --no-input look at-{name}" for name in ("one", "two")
    ]
    assert sorted(err.splitlines()) == ["one: complaint", "two: complaint"]


def test_objects_get_the_name_as_a_key_and_options_are_handed_on(capfd):
    invocation = Invocation(config=Path("c.json"), json=True, verbose=1, quiet=True)
    program = ("/bin/sh", "-c", """echo '{"v": 1}'; echo "$*"; kill -9 $$""", "sh")
    assert AccountProcesses(["look"], names=("one",), invocation=invocation, program=program).run() == {"one": 137}
    first, second = capfd.readouterr().out.splitlines()
    assert json.loads(first) == {"v": 1, "account": "one"}
    assert second == "one: --config c.json --account one --json --quiet --no-input -v look"


def test_one_that_cannot_begin_is_said_and_the_others_go_on(capfd):
    too_long = "x" * 200_000  # longer than any word that a process can be given
    program = ("/bin/sh", "-c", "echo here", "sh")
    processes = AccountProcesses(["look"], names=("one", too_long), invocation=Invocation(), program=program)
    assert processes.run() == {"one": 0, too_long: 1}
    out, err = capfd.readouterr()
    assert out == "one: here\n"
    assert err == f"{too_long}: trading-bot: its process cannot begin (Argument list too long)\n"


class SignalOnTheWay(os.PathLike[str]):
    """A program at whose start this process gets a signal, once."""

    def __init__(self) -> None:
        self.to_come = [signal.SIGTERM]

    def __fspath__(self) -> str:
        while self.to_come:
            signal.raise_signal(self.to_come.pop())
        return "/bin/sh"


def test_a_signal_while_they_begin_reaches_each_of_them():
    program = cast("tuple[str, ...]", (SignalOnTheWay(), "-c", "exec sleep 60", "sh"))
    processes = AccountProcesses([], names=("one", "two"), invocation=Invocation(), program=program)
    assert processes.run() == {"one": 143, "two": 143}


def test_a_reader_of_answers_who_has_stopped_does_not_hold_up_the_log(tmp_path):
    freed = threading.Event()

    class Stopped(io.StringIO):
        def write(self, text: str) -> int:
            (tmp_path / "stopped").touch()
            assert freed.wait(20)
            return super().write(text)

    class Log(io.StringIO):
        def write(self, text: str) -> int:
            freed.set()
            return super().write(text)

    program = ("/bin/sh", "-c", f"echo answer; until [ -e {tmp_path}/stopped ]; do :; done; echo log >&2", "sh")
    with redirect_stdout(Stopped()) as out, redirect_stderr(Log()) as err:
        AccountProcesses([], names=("one",), invocation=Invocation(), program=program).run()
    assert (out.getvalue(), err.getvalue()) == ("one: answer\n", "one: log\n")


def test_files_of_the_working_folder_are_no_part_of_the_program(tmp_path, monkeypatch, capfd):
    (tmp_path / "json.py").write_text("raise SystemExit('theirs')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert AccountProcesses(["--version"], names=("one",), invocation=Invocation()).run() == {"one": 0}
    assert "theirs" not in capfd.readouterr().err
