"""Looking at the journal in its database from the command line, beside the bot that writes it and without one."""

import json

import pytest

from tests.support.command_line_bench import CommandLineBench
from tests.support.order_story import intended, now_in, order_id_of
from tests.support.stored_journal import StoredJournal
from trading_bot.cli.commands.audit import _Pages
from trading_bot.cli.invocation import Invocation
from trading_bot.order_management.models import OrderState

STORY = (intended("first"), now_in(OrderState.CONFIRMED, order_id=order_id_of("first")), intended("second"))


@pytest.fixture
def desk(tmp_path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


@pytest.fixture
def journal(desk):
    """A journal that a bot has open."""
    journal = StoredJournal.of_paper_account(desk.home).tell(*STORY)
    yield journal
    journal.close()


class TestVerify:
    def test_both_are_proven_and_the_head_is_told(self, desk, journal):
        done = desk("audit", "verify")
        last = journal.records[-1].record
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [
            f"4 records, each follows from the one before it: {journal.database}",
            f"head {last.hash}",
            f"its records 1 to 4 are the same in the audit log: {journal.log_path}",
        ]
        answer = desk.json("audit", "verify")
        assert (answer["ok"], answer["records"], answer["head"], answer["problem"]) == (True, 4, last.hash, None)
        assert answer["audit_log"] == {"path": str(journal.log_path), "first": 1, "last": 4}

    def test_a_damaged_database_is_exit_code_11_and_the_record_is_named(self, desk, journal):
        journal.close()
        journal.sql("UPDATE record SET body = replace(body, '100.00', '100.01') WHERE seq = 2")
        done = desk("audit", "verify")
        assert (done.returncode, done.stdout) == (11, "")
        assert "does not verify after record 1: the database is wrong from record 2 on: its hash" in done.stderr
        assert done.stderr.count("\n") == 1
        assert desk.json("audit", "verify")["ok"] is False

    def test_a_damaged_audit_log_is_exit_code_11_and_the_record_is_named(self, desk, journal):
        journal.rewrite(b"second", b"decond")
        done = desk("audit", "verify")
        assert (done.returncode, done.stdout) == (11, "")
        assert "the audit log is wrong from record 4 on" in done.stderr

    def test_an_audit_log_that_is_gone_is_said_and_no_fault(self, desk, journal):
        journal.log_path.unlink()
        done = desk("audit", "verify")
        assert (done.returncode, done.stderr) == (0, "")
        assert "there is no audit log" in done.stdout.splitlines()[2]

    def test_a_file_that_is_no_database_is_one_readable_line(self, desk, journal):
        journal.close()
        journal.database.write_bytes(b"rubbish" * 1000)
        done = desk("audit", "verify")
        assert done.returncode == 11
        assert done.stderr.count("\n") == 1
        assert str(journal.database) in done.stderr


class TestTail:
    def test_the_newest_records_are_told_beside_the_bot(self, desk, journal):
        shown = desk("audit", "tail", "-n", "2").stdout.splitlines()
        assert [line.split()[0] for line in shown] == ["#3", "#4"]
        assert "order second: decided to buy 10 AAPL" in shown[-1]

    def test_a_damaged_record_is_one_readable_line_with_a_remedy(self, desk, journal):
        journal.close()
        journal.sql("UPDATE record SET body = replace(body, '100.00', '100.01') WHERE seq = 4")
        done = desk("audit", "tail")
        assert done.returncode == 11
        assert "record 4" in done.stderr
        assert "audit verify" in done.stderr

    def test_a_follower_is_told_of_what_comes_and_of_a_journal_that_is_begun_meanwhile(self, desk):
        pages = _Pages(Invocation(config=desk.config))
        assert pages.new_records(1) == ()
        journal = StoredJournal.of_paper_account(desk.home)
        assert [record.seq for record in pages.new_records(9)] == [1]
        journal.tell(intended("first"))
        assert [record.seq for record in pages.new_records(9)] == [2]
        assert pages.new_records(9) == ()
        journal.close()

    def test_a_database_that_is_being_made_is_waited_for(self, desk):
        pages = _Pages(Invocation(config=desk.config))
        pages.place.state.root.mkdir(parents=True)
        pages.place.state.journal_database.touch(mode=0o600)
        assert pages.new_records(1) == ()
        journal = StoredJournal.of_paper_account(desk.home)
        assert [record.seq for record in pages.new_records(1)] == [1]
        journal.close()


class TestExplain:
    @pytest.mark.parametrize("name", ["first", order_id_of("first")])
    def test_one_orders_life_is_told(self, desk, journal, name):
        heading, *sentences = desk("audit", "explain", name).stdout.splitlines()
        assert heading == "order first: confirmed as of the last record"
        assert [sentence.split()[0] for sentence in sentences] == ["#2", "#3"]
        assert json.loads(desk("--json", "audit", "explain", name).stdout)["order"]["client_order_id"] == "first"

    def test_an_unknown_order_is_exit_code_2(self, desk, journal):
        done = desk("audit", "explain", "nobody")
        assert (done.returncode, done.stdout) == (2, "")
        assert "orders --all" in done.stderr
