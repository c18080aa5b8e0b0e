"""Several accounts of one config file, run by one command, in a process each."""

import json
import signal
from pathlib import Path

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
            code, out, _ = kill.end()
        assert code == 0
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
