"""Orders, one order, positions and freezes at the command line without a bot: what is on record, and how old it is."""

import json

import pytest

from tests.support.command_line_bench import CommandLineBench
from tests.support.order_story import intended
from tests.support.stored_journal import StoredJournal
from trading_bot.order_management.events import EventKind, OrderEvent

NOTE = "no bot was asked: this is what was on record at 2026-11-23 10:00:00 EST; 'trading-bot sync' asks the broker"


@pytest.fixture
def desk(tmp_path) -> CommandLineBench:
    desk = CommandLineBench(tmp_path)
    StoredJournal.of_paper_account(desk.home).tell(intended("first")).close()
    return desk


@pytest.mark.parametrize("command", [("orders",), ("status", "first"), ("positions",), ("frozen",)], ids=" ".join)
def test_how_old_the_answer_is_stands_on_stderr_and_in_the_object(desk, command):
    done = desk(*command)
    assert (done.returncode, NOTE in done.stderr) == (0, True)
    shown = desk("--json", *command)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert json.loads(shown.stdout)["recorded_until"] == "2026-11-23T15:00:00.000000Z"


def test_whoever_wants_quiet_is_not_told(desk):
    assert desk("--quiet", "orders").stderr == ""


def test_the_listed_orders_are_those_on_record(desk):
    (_, row) = desk("orders").stdout.splitlines()
    assert row.split()[0] == "first"


def test_positions_that_were_never_looked_at_are_not_said_to_be_none(desk):
    shown = desk("positions").stdout
    assert "run 'trading-bot sync'" in shown
    assert "no positions" not in shown


class TestDoctor:
    def checks(self, desk: CommandLineBench) -> dict[str, tuple[str, str]]:
        return {each["name"]: (each["result"], each["detail"]) for each in desk.json("doctor")["checks"]}

    def test_database_and_audit_log_are_proven_and_freezes_told(self, desk):
        halt = OrderEvent(event=EventKind.TRADING_HALTED, reason="another writer")
        StoredJournal.of_paper_account(desk.home).tell(halt).close()
        found = self.checks(desk)
        assert found["journal"][0] == "ok"
        assert found["journal"][1].startswith("3 records verify: ")
        assert (found["audit log"][0], found["results"][0]) == ("ok", "ok")
        assert found["entries"][0] == "warning"
        assert "another writer" in found["entries"][1]

    def test_an_audit_log_that_is_gone_is_a_warning(self, desk):
        desk.journal.unlink()
        result, detail = self.checks(desk)["audit log"]
        assert result == "warning"
        assert "there is no audit log" in detail

    def test_a_damaged_database_is_a_failure_that_names_the_record(self, desk):
        journal = StoredJournal.of_paper_account(desk.home).close()
        journal.sql("UPDATE record SET body = replace(body, '100.00', '100.01') WHERE seq = 2")
        done = desk("doctor")
        assert done.returncode == 11
        assert "the database is wrong from record 2 on" in done.stdout
        assert "audit log" not in self.checks(desk)

    def test_a_file_that_is_no_database_is_a_failure(self, desk):
        StoredJournal.of_paper_account(desk.home).close().database.write_bytes(b"rubbish" * 999)
        assert desk("doctor").returncode == 11
