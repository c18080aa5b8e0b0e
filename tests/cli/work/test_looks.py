"""Orders, one order, positions and freezes at the command line without a bot: what is on record, and how old it is."""

import json
from decimal import Decimal

import pytest

from tests.support.command_line_bench import CommandLineBench
from tests.support.order_story import intended, now_in
from tests.support.stored_journal import StoredJournal
from trading_bot.order_management.book.acceptances import acceptance_event
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import OrderState

NOTE = "no bot was asked: this is what was on record at 2026-11-23 10:00:00 EST; 'trading-bot sync' asks the broker"


@pytest.fixture
def cli(tmp_path) -> CommandLineBench:
    cli = CommandLineBench(tmp_path)
    StoredJournal.of_paper_account(cli.home).tell(intended("first")).close()
    return cli


@pytest.mark.parametrize(
    "command", [("orders",), ("status", "first"), ("positions",), ("frozen",), ("risk", "show")], ids=" ".join
)
def test_how_old_the_answer_is_stands_on_stderr_and_in_the_object(cli, command):
    done = cli(*command)
    assert (done.returncode, NOTE in done.stderr) == (0, True)
    shown = cli("--json", *command)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert json.loads(shown.stdout)["recorded_until"] == "2026-11-23T15:00:00.000000Z"


def test_whoever_wants_quiet_is_not_told(cli):
    assert cli("--quiet", "orders").stderr == ""


def test_the_listed_orders_are_those_on_record(cli):
    (_, row) = cli("orders").stdout.splitlines()
    assert row.split()[0] == "first"


def test_positions_that_were_never_looked_at_are_not_said_to_be_none(cli):
    shown = cli("positions").stdout
    assert "run 'trading-bot sync'" in shown
    assert "no positions" not in shown


def test_a_damaged_database_is_never_no_open_orders(cli):
    journal = StoredJournal.of_paper_account(cli.home).close()
    journal.sql("UPDATE record SET body = replace(body, 'order_intended', 'order_inteded') WHERE seq = 2")
    done = cli("orders")
    assert (done.returncode, done.stdout) == (11, "")
    assert "audit verify" in done.stderr


class TestDoctor:
    @pytest.mark.parametrize(
        ("event", "result", "said"),
        [
            (
                acceptance_event("AAPL", Decimal(7), before=Decimal(0), ratio=None, by="ada", reason="a gift"),
                "warning",
                "the cost of AAPL is unknown since a person accepted the position",
            ),
            (
                now_in(OrderState.PARTIALLY_FILLED, "first", filled_quantity=Decimal(5)),
                "warning",
                "1 orders have fills whose executions are not listed yet",
            ),
            (now_in(OrderState.FILLED, "nobody"), "failed", "cannot be true"),
        ],
    )
    def test_what_no_limit_counts_and_what_cannot_be_true_is_told_though_all_is_proven(self, cli, event, result, said):
        journal = StoredJournal.of_paper_account(cli.home)
        journal.tell(event, is_possible=result != "failed").close()
        found = self.checks(cli)
        assert (found["journal"][0], found["results"][0]) == ("ok", result)
        assert said in found["results"][1]

    def checks(self, cli: CommandLineBench) -> dict[str, tuple[str, str]]:
        return {each["name"]: (each["finding"], each["detail"]) for each in cli.json("doctor")["checks"]}

    def test_database_and_audit_log_are_proven_and_freezes_told(self, cli):
        halt = OrderEvent(event=EventKind.TRADING_HALTED, reason="another writer")
        StoredJournal.of_paper_account(cli.home).tell(halt).close()
        found = self.checks(cli)
        assert found["journal"][0] == "ok"
        assert found["journal"][1].startswith("3 records verify: ")
        assert (found["audit log"][0], found["results"][0]) == ("ok", "ok")
        assert found["entries"][0] == "warning"
        assert "another writer" in found["entries"][1]

    def test_an_audit_log_that_is_gone_is_a_warning(self, cli):
        cli.journal.unlink()
        result, detail = self.checks(cli)["audit log"]
        assert result == "warning"
        assert "there is no audit log" in detail

    def test_a_damaged_database_is_a_failure_that_names_the_record(self, cli):
        journal = StoredJournal.of_paper_account(cli.home).close()
        journal.sql("UPDATE record SET body = replace(body, '100.00', '100.01') WHERE seq = 2")
        done = cli("doctor")
        assert done.returncode == 11
        assert "the database is wrong from record 2 on" in done.stdout
        assert "audit log" not in self.checks(cli)

    def test_a_file_that_is_no_database_is_a_failure(self, cli):
        StoredJournal.of_paper_account(cli.home).close().database.write_bytes(b"rubbish" * 999)
        assert cli("doctor").returncode == 11
