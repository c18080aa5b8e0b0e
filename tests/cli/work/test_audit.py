"""Looking at the journal from the command line."""

import json

import pytest

from tests.support.command_line_bench import CommandLineBench


@pytest.fixture
def cli(tmp_path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


class TestTail:
    def test_it_shows_the_newest_records_by_number(self, cli):
        cli.buy("first")
        shown = cli("audit", "tail", "-n", "2").stdout.splitlines()
        records = cli.journal.read_text(encoding="utf-8").count("\n")
        assert [line.split()[0] for line in shown] == [f"#{records - 1}", f"#{records}"]
        assert shown[-1].endswith("the session ended cleanly")

    def test_an_order_is_named_and_times_have_their_zone(self, cli):
        cli.buy("first")
        intent = cli("audit", "tail", "-n", "50").stdout
        intent = next(line for line in intent.splitlines() if "decided" in line)
        assert "order first: decided to buy 10 AAPL" in intent
        assert intent.split()[3] in {"EST", "EDT"}

    def test_under_json_each_record_is_an_object(self, cli):
        cli.buy("first")
        (last,) = map(json.loads, cli("--json", "audit", "tail", "-n", "1").stdout.splitlines())
        assert (last["v"], last["event"]) == (1, "session_stopped")
        assert last["at"].endswith("Z")

    def test_none_can_be_asked_for(self, cli):
        cli.buy("first")
        assert cli("audit", "tail", "-n", "0").stdout == ""


class TestVerify:
    def test_a_whole_journal_verifies_and_its_head_is_told(self, cli):
        cli.buy("first")
        last = json.loads(cli.journal.read_text(encoding="utf-8").splitlines()[-1])
        done = cli("audit", "verify")
        assert done.returncode == 0
        assert done.stdout.splitlines()[1] == f"head {last['hash']}"
        answer = cli.json("audit", "verify")
        assert (answer["ok"], answer["records"], answer["head"]) == (True, last["seq"], last["hash"])

    def test_a_changed_record_is_exit_code_11(self, cli):
        cli.buy("first")
        cli.journal.write_bytes(cli.journal.read_bytes().replace(b'"99.85"', b'"99.95"', 1))
        done = cli("audit", "verify")
        assert (done.returncode, done.stdout) == (11, "")
        assert "after record" in done.stderr
        assert cli.json("audit", "verify")["ok"] is False

    def test_a_journal_that_has_gone_is_exit_code_11(self, cli):
        cli.buy("first")
        cli.database.unlink()
        done = cli("audit", "verify")
        assert (done.returncode, done.stdout) == (11, "")
        assert "is gone" in done.stderr

    def test_an_account_that_never_traded_has_nothing_to_verify(self, cli):
        assert cli.json("audit", "verify")["records"] == 0


class TestExplain:
    def test_an_orders_life_is_told_record_by_record(self, cli):
        cli.buy("first")
        cli("cancel", "first")
        heading, request, *sentences = cli("audit", "explain", "first").stdout.splitlines()
        assert heading == "order first: cancelled as of the last record"
        assert request.startswith("request ")
        assert all(sentence.startswith("#") for sentence in sentences)
        assert "decided to buy 10 AAPL" in sentences[0]
        assert sentences[-1].endswith("the broker reports it cancelled")

    def test_under_json_it_is_one_object_that_cites_the_records(self, cli):
        cli.buy("first")
        answer = cli.json("audit", "explain", "first")
        assert answer["result"] is None
        assert (answer["v"], answer["order"]["client_order_id"]) == (1, "first")
        assert [each["record"] for each in answer["sentences"]] == sorted(
            each["record"] for each in answer["sentences"]
        )

    @pytest.mark.parametrize(
        ("asked", "problem"),
        [(["nobody"], "no order and no request 'nobody'"), (["--request", "first"], "no request 'first'")],
    )
    def test_what_is_unknown_is_exit_code_2(self, cli, asked, problem):
        cli.buy("first")
        done = cli("audit", "explain", *asked)
        assert (done.returncode, done.stdout) == (2, "")
        assert problem in done.stderr
        assert "orders --all" in done.stderr

    @pytest.mark.parametrize("arguments", [["explain", "first"], ["tail"]])
    def test_without_a_journal_it_says_so(self, cli, arguments):
        done = cli("audit", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "there is no journal yet" in done.stderr
