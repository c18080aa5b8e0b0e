"""What the doctor says of a machine and an account, and what the script that called it is told."""

import json
from pathlib import Path

import pytest

from tests.support.command_line_bench import CommandLineBench
from trading_bot.checkup import Trouble
from trading_bot.cli.work.doctor import _EXIT_CODES
from trading_bot.cli.work.doctor_checks import folder_facts
from trading_bot.files import LocalFiles


@pytest.fixture
def cli(tmp_path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


def findings(cli: CommandLineBench) -> dict[str, str]:
    return {check["name"]: check["finding"] for check in cli.json("doctor")["checks"]}


def test_every_trouble_has_its_exit_code():
    assert set(_EXIT_CODES) == set(Trouble)


def test_a_new_machine_is_well_and_nothing_is_made(cli):
    done = cli("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert findings(cli) == {
        "python": "ok",
        "packages": "ok",
        "time zones": "ok",
        "config": "ok",
        "state folder": "ok",
        "logs folder": "ok",
        "disk space": "ok",
        "journal": "ok",
        "entries": "ok",
        "clock": "ok",
        "calendar": "ok",
        "latch": "ok",
        "risk limits": "ok",
        "holder": "ok",
        "login": "skipped",
        "messages": "ok",
        "heartbeat": "ok",
        "figures": "ok",
    }
    assert sorted(path.name for path in cli.home.iterdir()) == ["config.json", "quotes.jsonl"]


@pytest.mark.parametrize("command", [("config", "check"), ("doctor",)], ids=" ".join)
def test_a_missing_quotes_file_of_a_new_paper_account_is_noticed(cli, command):
    (cli.home / "quotes.jsonl").unlink()
    done = cli(*command)
    assert done.returncode == 3
    assert "quotes.jsonl cannot be read" in done.stderr
    assert "correct its name or remove it" in done.stderr


def test_the_quotes_file_of_a_live_account_is_not_read(tmp_path):
    settings = {"trading": {"mode": "live"}, "account_number": "5QR10001", "paper": {"quotes_file": "none.jsonl"}}
    assert CommandLineBench(tmp_path, settings)("config", "check").returncode == 0


def test_an_account_in_use_is_read_and_its_journal_left_alone(cli):
    cli.buy("first")
    before = cli.journal.read_bytes()
    found = findings(cli)
    assert (found["login"], found["results"]) == ("ok", "ok")
    assert cli.journal.read_bytes() == before


def test_under_json_the_findings_are_one_object_and_the_failure_an_error(cli):
    cli("sync")
    (cli.state / "armed").unlink()
    done = cli("--json", "doctor")
    answer, error = json.loads(done.stdout), json.loads(done.stderr)["error"]
    assert (answer["v"], answer["ok"]) == (1, False)
    assert (done.returncode, error["code"]) == (5, "halt_trouble")


def unlinked_journal(cli: CommandLineBench) -> None:
    cli.database.unlink()


def changed_journal(cli: CommandLineBench) -> None:
    cli.journal.write_bytes(cli.journal.read_bytes().replace(b'"99.85"', b'"99.95"', 1))


def torn_breaker(cli: CommandLineBench) -> None:
    (cli.state / "risk.json").write_text("torn", encoding="utf-8")


def bad_setting(cli: CommandLineBench) -> None:
    cli.config.write_text('{"trading": {"mode": "papr"}}', encoding="utf-8")


def damaged_exchange(cli: CommandLineBench) -> None:
    (cli.state / "paper.sqlite3").write_bytes(b"no database" * 1000)


@pytest.mark.parametrize(
    ("break_it", "name", "exit_code"),
    [
        (bad_setting, "config", 3),
        (unlinked_journal, "journal", 11),
        (changed_journal, "journal", 11),
        (torn_breaker, "risk limits", 5),
        (damaged_exchange, "login", 11),
    ],
)
def test_the_first_failure_gives_the_exit_code(cli, break_it, name, exit_code):
    cli.buy("first")
    break_it(cli)
    done = cli("doctor")
    assert done.returncode == exit_code
    assert done.stderr.startswith(f"trading-bot: {name}: ")
    assert findings(cli)[name] == "failed"


def test_a_folder_below_a_file_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    facts = folder_facts(tmp_path / "file" / "logs", LocalFiles())
    assert (facts.exists, facts.problem) == (False, f"cannot be made below {tmp_path / 'file'}")


def test_a_folder_of_the_kernel_cannot_be_written():
    facts = folder_facts(Path("/proc"), LocalFiles())
    assert str(facts.problem).startswith("cannot be written")


def test_the_probe_leaves_nothing_behind(tmp_path):
    facts = folder_facts(tmp_path, LocalFiles())
    assert (facts.exists, facts.problem, facts.is_ours) == (True, None, True)
    assert list(tmp_path.iterdir()) == []


def test_what_stops_entries_is_named_with_the_command_that_helps(cli):
    cli("exit", "AAPL", "--reason", "news")
    (entries,) = [check for check in cli.json("doctor")["checks"] if check["name"] == "entries"]
    assert entries["finding"] == "warning"
    assert "AAPL: it was left: news; run 'trading-bot resume AAPL'" in json.dumps(entries)
