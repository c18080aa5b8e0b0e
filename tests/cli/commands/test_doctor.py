"""What the doctor says of a machine and an account, and what the script that called it is told."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.command_line_bench import CommandLineBench
from trading_bot.checkup import Trouble
from trading_bot.cli.commands.doctor import _EXIT_CODES
from trading_bot.cli.doctor_checks import folder_facts
from trading_bot.files import LocalFiles
from trading_bot.order_management.book.acceptances import acceptance_event
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.journal.chain import chain_record, decode_alone, encode, head_at
from trading_bot.order_management.models import ClientOrderId, OrderState


@pytest.fixture
def desk(tmp_path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


def findings(desk: CommandLineBench) -> dict[str, str]:
    return {check["name"]: check["result"] for check in desk.json("doctor")["checks"]}


def test_every_trouble_has_its_exit_code():
    assert set(_EXIT_CODES) == set(Trouble)


def test_a_new_machine_is_well_and_nothing_is_made(desk):
    done = desk("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert findings(desk) == {
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
    }
    assert sorted(path.name for path in desk.home.iterdir()) == ["config.json", "quotes.jsonl"]


@pytest.mark.parametrize("command", [("config", "check"), ("doctor",)], ids=" ".join)
def test_a_missing_quotes_file_of_a_new_paper_account_is_noticed(desk, command):
    (desk.home / "quotes.jsonl").unlink()
    done = desk(*command)
    assert done.returncode == 3
    assert "quotes.jsonl cannot be read" in done.stderr
    assert "correct its name or remove it" in done.stderr


def test_the_quotes_file_of_a_live_account_is_not_read(tmp_path):
    settings = {"trading": {"mode": "live"}, "account_number": "5QR10001", "paper": {"quotes_file": "none.jsonl"}}
    assert CommandLineBench(tmp_path, settings)("config", "check").returncode == 0


def test_an_account_in_use_is_read_and_its_journal_left_alone(desk):
    desk.buy("first")
    before = desk.journal.read_bytes()
    found = findings(desk)
    assert (found["login"], found["results"]) == ("ok", "ok")
    assert desk.journal.read_bytes() == before


def test_under_json_the_findings_are_one_object_and_the_failure_an_error(desk):
    desk("sync")
    (desk.state / "armed").unlink()
    done = desk("--json", "doctor")
    answer, error = json.loads(done.stdout), json.loads(done.stderr)["error"]
    assert (answer["v"], answer["ok"]) == (1, False)
    assert (done.returncode, error["code"]) == (5, "halt_trouble")


def unlinked_journal(desk: CommandLineBench) -> None:
    desk.journal.unlink()


def changed_journal(desk: CommandLineBench) -> None:
    desk.journal.write_bytes(desk.journal.read_bytes().replace(b'"99.85"', b'"99.95"', 1))


def torn_breaker(desk: CommandLineBench) -> None:
    (desk.state / "risk.json").write_text("torn", encoding="utf-8")


def bad_setting(desk: CommandLineBench) -> None:
    desk.config.write_text('{"trading": {"mode": "papr"}}', encoding="utf-8")


def damaged_exchange(desk: CommandLineBench) -> None:
    (desk.state / "paper.sqlite3").write_bytes(b"no database" * 1000)


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
def test_the_first_failure_gives_the_exit_code(desk, break_it, name, exit_code):
    desk.buy("first")
    break_it(desk)
    done = desk("doctor")
    assert done.returncode == exit_code
    assert done.stderr.startswith(f"trading-bot: {name}: ")
    assert findings(desk)[name] == "failed"


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


def told(desk: CommandLineBench, event: OrderEvent) -> None:
    """Write one more record, chained as it has to be."""
    last = decode_alone(desk.journal.read_bytes().splitlines()[-1])
    record = chain_record(event, head=head_at(last), ts=last.ts, mono=Decimal(0), session_id="later")
    with desk.journal.open("ab") as journal:
        journal.write(encode(record))


def check_of(desk: CommandLineBench, name: str) -> dict[str, str]:
    return next(check for check in desk.json("doctor")["checks"] if check["name"] == name)


def test_costs_that_are_unknown_are_told(desk):
    desk.buy("first")
    told(desk, acceptance_event("AAPL", Decimal(7), before=Decimal(0), ratio=None, by="ada", reason="a gift"))
    found = check_of(desk, "results")
    assert found["result"] == "warning"
    assert "the cost of AAPL is unknown since a person accepted the position" in found["detail"]


def test_fills_without_executions_are_told(desk):
    desk.buy("first")
    done = OrderEvent(event=EventKind.ORDER_UPDATED, status=OrderState.FILLED, filled_quantity=Decimal(10))
    told(desk, replace(done, client_order_id=ClientOrderId("first")))
    assert check_of(desk, "results")["detail"].startswith("1 orders have fills whose executions are not listed yet")


def test_a_story_that_cannot_be_true_is_told_though_its_records_verify(desk):
    desk.buy("first")
    told(desk, OrderEvent(event=EventKind.ORDER_UPDATED, client_order_id=ClientOrderId("nobody")))
    assert (check_of(desk, "journal")["result"], check_of(desk, "results")["result"]) == ("ok", "failed")


def test_what_stops_entries_is_named_with_the_command_that_helps(desk):
    desk("exit", "AAPL", "--reason", "news")
    (entries,) = [check for check in desk.json("doctor")["checks"] if check["name"] == "entries"]
    assert entries["result"] == "warning"
    assert "AAPL: it was left: news; run 'trading-bot resume AAPL'" in json.dumps(entries)
