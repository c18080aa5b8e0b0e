"""Looking at the journal in its database from the command line, beside the bot that writes it and without one."""

import json

import pytest

from tests.support.command_line_bench import CommandLineBench
from tests.support.order_story import intended, now_in, order_id_of
from tests.support.stored_journal import StoredJournal
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.work.audit import _Pages
from trading_bot.order_management.models import OrderState

STORY = (intended("first"), now_in(OrderState.CONFIRMED, order_id=order_id_of("first")), intended("second"))


@pytest.fixture
def cli(tmp_path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


@pytest.fixture
def journal(cli):
    """A journal that a bot has open."""
    journal = StoredJournal.of_paper_account(cli.home).tell(*STORY)
    yield journal
    journal.close()


class TestExplainARequest:
    STOP = ("cancel", "first", "--correlation-id", "stop-7")

    def test_a_request_is_told_with_every_order_it_concerns(self, cli):
        cli.buy("first", "--correlation-id", "rebalance-7")
        cli(*self.STOP)
        heading, *told = cli("audit", "explain", "rebalance-7").stdout.splitlines()
        assert heading == f"request rebalance-7: {len(told) - 1} records"
        assert told[0] == "order first: cancelled as of the last record"
        assert "order first: decided to buy 10 AAPL" in told[1]
        assert told[-1].endswith("order first: the broker reports it cancelled")

    def test_the_cancel_of_another_requests_order_is_told_as_such(self, cli):
        cli.buy("first", "--correlation-id", "rebalance-7")
        cli(*self.STOP)
        heading, order, asked, answered = cli("audit", "explain", "stop-7").stdout.splitlines()
        assert heading == "request stop-7: 2 records"
        assert order == "order first, which another request made: cancelled as of the last record"
        assert asked.endswith("order first: a cancel was asked for")
        assert "order first: the cancel was answered" in answered

    def test_under_json_it_is_one_object(self, cli):
        cli.buy("first", "--correlation-id", "rebalance-7")
        answer = cli.json("audit", "explain", "rebalance-7")
        assert (answer["v"], answer["correlation_id"]) == (1, "rebalance-7")
        (order,) = answer["orders"]
        assert (order["client_order_id"], order["correlation_id"]) == ("first", "rebalance-7")
        assert answer["sentences"][0]["event"] == "order_intended"

    def test_an_id_of_both_is_the_orders_and_the_way_to_the_request_is_said(self, cli):
        cli.buy("first", "--correlation-id", "first")
        heading, request, hint, *_ = cli("audit", "explain", "first").stdout.splitlines()
        assert (heading.split(":")[0], request) == ("order first", "request first made it")
        assert hint == "a request has the same id: 'trading-bot audit explain --request first' tells it"
        assert cli("audit", "explain", "--request", "first").stdout.startswith("request first: ")

    def test_the_way_to_the_request_has_the_id_that_was_asked_for(self, cli):
        """An order has three ids, and a request may have the name of any of them."""
        cli.buy("first")
        order_id = cli.json("status", "first")["order_id"]
        cli("cancel", "first", "--correlation-id", order_id)
        heading, _, hint, *_ = cli("audit", "explain", order_id).stdout.splitlines()
        assert heading.startswith("order first: ")
        assert hint == f"a request has the same id: 'trading-bot audit explain --request {order_id}' tells it"

    def test_a_wrong_correlation_id_of_an_order_is_exit_code_2_and_opens_nothing(self, cli):
        for side in ("buy", "sell"):
            done = cli(side, "AAPL", "10", "--reference-price", "100", "--correlation-id", "tab\t")
            assert (done.returncode, done.stdout) == (2, "")
            assert "correlation_id must be 1 to 64 printable characters" in done.stderr
        assert not (cli.home / "state").exists()

    def test_a_wrong_correlation_id_holds_up_no_cancel_and_no_exit(self, cli):
        """A script's empty variable must not keep anybody in a position."""
        cli.buy("first")
        done = cli("--json", "cancel", "first", "--correlation-id", "")
        answer = json.loads(done.stdout)
        assert (done.returncode, answer["verdict"]) == (0, "cancelled")
        assert answer["correlation_id"]
        for words in (("exit", "AAPL"), ("flatten", "--yes"), ("cancel-all", "--yes")):
            usual, named = (cli(*words, *more).returncode for more in ((), ("--correlation-id", "tab\t")))
            assert named == usual != 2


class TestVerify:
    def test_both_are_proven_and_the_head_is_told(self, cli, journal):
        done = cli("audit", "verify")
        last = journal.records[-1].record
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [
            f"4 records, each follows from the one before it: {journal.database}",
            f"head {last.hash}",
            f"its records 1 to 4 are the same in the audit log: {journal.log_path}",
        ]
        answer = cli.json("audit", "verify")
        assert (answer["ok"], answer["records"], answer["head"], answer["problem"]) == (True, 4, last.hash, None)
        assert answer["audit_log"] == {"path": str(journal.log_path), "first": 1, "last": 4}

    def test_a_damaged_database_is_exit_code_11_and_the_record_is_named(self, cli, journal):
        journal.close()
        journal.sql("UPDATE record SET body = replace(body, '100.00', '100.01') WHERE seq = 2")
        done = cli("audit", "verify")
        assert (done.returncode, done.stdout) == (11, "")
        assert "does not verify after record 1: the database is wrong from record 2 on: its hash" in done.stderr
        assert done.stderr.count("\n") == 1
        assert cli.json("audit", "verify")["ok"] is False

    def test_a_damaged_audit_log_is_exit_code_11_and_the_record_is_named(self, cli, journal):
        journal.rewrite(b"second", b"decond")
        done = cli("audit", "verify")
        assert (done.returncode, done.stdout) == (11, "")
        assert "the audit log is wrong from record 4 on" in done.stderr

    def test_an_audit_log_that_is_gone_is_said_and_no_fault(self, cli, journal):
        journal.log_path.unlink()
        done = cli("audit", "verify")
        assert (done.returncode, done.stderr) == (0, "")
        assert "there is no audit log" in done.stdout.splitlines()[2]

    def test_a_file_that_is_no_database_is_one_readable_line(self, cli, journal):
        journal.close()
        journal.database.write_bytes(b"rubbish" * 1000)
        done = cli("audit", "verify")
        assert done.returncode == 11
        assert done.stderr.count("\n") == 1
        assert str(journal.database) in done.stderr

    @pytest.mark.parametrize("command", [("audit", "verify"), ("audit", "tail"), ("audit", "explain", "first")])
    def test_a_database_that_is_gone_is_exit_code_11_although_its_log_is_there(self, cli, journal, command):
        _Pages(Invocation(config=cli.config)).place.state.remember_journal(journal.database)
        journal.close()
        journal.database.unlink()
        done = cli(*command)
        assert (done.returncode, done.stdout) == (11, "")
        assert f"the journal {journal.database} is gone; put it back" in done.stderr
        assert cli("doctor").returncode == 11


class TestTail:
    def test_the_newest_records_are_told_beside_the_bot(self, cli, journal):
        shown = cli("audit", "tail", "-n", "2").stdout.splitlines()
        assert [line.split()[0] for line in shown] == ["#3", "#4"]
        assert "order second: decided to buy 10 AAPL" in shown[-1]

    def test_a_damaged_record_is_one_readable_line_with_a_remedy(self, cli, journal):
        journal.close()
        journal.sql("UPDATE record SET body = replace(body, '100.00', '100.01') WHERE seq = 4")
        done = cli("audit", "tail")
        assert done.returncode == 11
        assert "record 4" in done.stderr
        assert "audit verify" in done.stderr

    def test_a_follower_is_told_of_what_comes_and_of_a_journal_that_is_begun_meanwhile(self, cli):
        pages = _Pages(Invocation(config=cli.config))
        assert pages.new_records(1) == ()
        journal = StoredJournal.of_paper_account(cli.home)
        assert [record.seq for record in pages.new_records(9)] == [1]
        journal.tell(intended("first"))
        assert [record.seq for record in pages.new_records(9)] == [2]
        assert pages.new_records(9) == ()
        journal.close()

    def test_a_database_that_is_being_made_is_waited_for(self, cli):
        pages = _Pages(Invocation(config=cli.config))
        pages.place.state.root.mkdir(parents=True)
        pages.place.state.database.touch(mode=0o600)
        assert pages.new_records(1) == ()
        journal = StoredJournal.of_paper_account(cli.home)
        assert [record.seq for record in pages.new_records(1)] == [1]
        journal.close()


class TestExplain:
    @pytest.mark.parametrize("name", ["first", order_id_of("first")])
    def test_one_orders_life_is_told(self, cli, journal, name):
        heading, *sentences = cli("audit", "explain", name).stdout.splitlines()
        assert heading == "order first: confirmed as of the last record"
        assert [sentence.split()[0] for sentence in sentences] == ["#2", "#3"]
        assert json.loads(cli("--json", "audit", "explain", name).stdout)["order"]["client_order_id"] == "first"

    def test_an_unknown_order_is_exit_code_2(self, cli, journal):
        done = cli("audit", "explain", "nobody")
        assert (done.returncode, done.stdout) == (2, "")
        assert "orders --all" in done.stderr
