"""The report at the command line: from a journal of its own, as lines, as JSON, and as a page."""

import json
from pathlib import Path

import pytest

from tests.support.command_line_bench import CommandLineBench


@pytest.fixture
def cli(tmp_path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


def test_it_tells_what_is_on_record_without_a_bot(cli):
    cli.buy("first")
    cli("sell", "AAPL", "10", "--reference-price", "100")
    done = cli("report")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Report of the paper account, ")
    assert "Orders                           1" in lines
    assert "insufficient_shares  a rule of ours  1" in lines


def test_under_json_it_is_one_object(cli):
    cli.buy("first")
    answer = cli.json("report")
    assert (answer["v"], answer["orders"], answer["page"]) == (1, 1, None)
    assert answer["other_offsets"]["as_sent"]["orders"] == 0


def test_a_page_is_written_where_it_is_asked_for_and_private(cli, tmp_path):
    cli.buy("first")
    file = tmp_path / "report.html"
    done = cli("report", "--html", str(file))
    assert (done.returncode, done.stdout) == (0, f"wrote {file}\n")
    assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert file.stat().st_mode & 0o777 == 0o600
    assert cli.json("report", "--html", str(file))["page"] == str(file)


def test_the_page_has_no_account_number_and_no_folder(cli, tmp_path):
    cli.buy("first")
    file = tmp_path / "report.html"
    cli("report", "--html", str(file))
    page = file.read_text(encoding="utf-8")
    assert "PAPER0001" not in page
    assert str(tmp_path) not in page


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01", "\u0661"])
def test_a_day_that_is_none_is_a_usage_error(cli, since):
    done = cli("report", "--since", since)
    assert done.returncode == 2
    assert "write it like 2026-11-28" in done.stderr


def test_a_period_begins_with_a_day_at_the_exchange(cli):
    cli.buy("first")
    answer = cli.json("report", "--since", "2026-01-01")
    assert (answer["orders"], answer["period"]["begin"]) == (1, "2026-01-01T05:00:00.000000Z")


def test_a_day_that_is_yet_to_come_is_a_usage_error(cli):
    """It would show zeros for a period in which nothing can have happened."""
    cli.buy("first")
    done = cli("report", "--since", "2099-01-01")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--since 2099-01-01 has not come yet" in done.stderr


def test_without_a_journal_it_is_exit_code_2_with_what_to_do(cli):
    done = cli("report")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no journal yet" in done.stderr


def test_a_page_that_cannot_be_written_is_exit_code_2_with_what_to_do(cli, tmp_path):
    cli.buy("first")
    done = cli("report", "--html", str(tmp_path / "nowhere" / "report.html"))
    assert done.returncode == 2
    assert "name a file in a folder" in done.stderr


def test_without_plotly_it_says_which_command_installs_it(cli, monkeypatch):
    cli.buy("first")
    monkeypatch.setitem(__import__("sys").modules, "plotly.io", None)
    monkeypatch.delitem(__import__("sys").modules, "trading_bot.report.page", raising=False)
    done = cli("report", "--html", "report.html")
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "pip install 'trading-bot[report]'" in done.stderr
    assert cli("report").returncode == 0


def test_a_quotes_file_that_cannot_be_used_is_named(cli, tmp_path):
    cli.buy("first")
    assert cli("report", "--quotes", str(tmp_path / "none.jsonl")).returncode == 3
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{}\n", encoding="utf-8")
    done = cli("report", "--quotes", str(broken))
    assert (done.returncode, "broken.jsonl, line 1" in done.stderr) == (2, True)


class TestRecordedQuotes:
    """A paper account without a quotes file, whose quotes were recorded in the logs folder."""

    @pytest.fixture
    def recorded(self, tmp_path) -> CommandLineBench:
        cli = CommandLineBench(tmp_path, {"paper": {"quotes_file": None}})
        cli.buy("first")
        folder = cli.home / "logs" / "quotes"
        folder.mkdir()
        begun = cli.json("report")["period"]["begin"]
        row = {"at": begun, "symbol": "AAPL", "bid": "99.98", "ask": "100.00", "bid_size": 1, "ask_size": 1}
        lines = [json.dumps(row | {"symbol": name}, separators=(",", ":")) for name in ("AAPL", "MSFT")]
        (folder / f"{begun[:10]}.jsonl").write_text("\n".join([*lines, '{"symbol":"AAPL"']), encoding="utf-8")
        (folder / "2000-01-01.jsonl").write_text('{"symbol":"AAPL"}\n', encoding="utf-8")
        (folder / "notes.jsonl").write_text("no quotes\n", encoding="utf-8")
        return cli

    def test_they_are_found_by_day_and_an_unfinished_line_is_left_out(self, recorded):
        assert recorded.json("report")["fills"] == {"AAPL": {"recorded_quotes": 1, "fills": []}}

    @pytest.mark.parametrize(("odd_lines", "count"), [(2, 1), (20, 0)])
    def test_lines_that_cannot_be_used_are_left_out_and_said(self, recorded, odd_lines, count):
        """What a crash left in a record is no reason for no report."""
        (file,) = (recorded.home / "logs" / "quotes").glob("20[2-9]*.jsonl")
        good = file.read_text(encoding="utf-8").splitlines()[0]
        file.write_text("".join(f"{line}\n" for line in (good, *['{"symbol":"AAPL"}'] * odd_lines)), encoding="utf-8")
        done = recorded("--json", "report")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["fills"]["AAPL"]["recorded_quotes"] == count
        assert done.stderr.count(f"a line of {file.name} cannot be used") == odd_lines
        assert ("its day is left out" in done.stderr) is (count == 0)

    def test_a_day_without_a_line_that_can_be_used_has_no_quotes(self, recorded):
        (file,) = (recorded.home / "logs" / "quotes").glob("20[2-9]*.jsonl")
        file.write_text('{"symbol":"AAPL"}\n', encoding="utf-8")
        assert recorded.json("report")["fills"]["AAPL"]["recorded_quotes"] == 0

    def test_a_file_that_cannot_be_read_is_named(self, recorded):
        (file,) = (recorded.home / "logs" / "quotes").glob("20[2-9]*.jsonl")
        file.unlink()
        file.mkdir()
        assert recorded("report").returncode == 3


def test_a_changed_record_is_exit_code_11(cli):
    cli.buy("first")
    data = cli.database.read_bytes()
    cli.database.write_bytes(data.replace(b'"99.85"', b'"99.95"'))
    for beside in cli.database.parent.glob("journal.sqlite3-*"):
        beside.write_bytes(beside.read_bytes().replace(b'"99.85"', b'"99.95"'))
    assert cli("report").returncode == 11


def test_trades_of_earlier_log_files_count_too(cli):
    cli.buy("first")
    log = cli.home / "logs" / "trades.jsonl"
    line = json.loads(log.read_text(encoding="utf-8").splitlines()[0])
    refused = line | {"status": "blocked", "code": "market_closed", "client_order_id": None}
    Path(f"{log}.1").write_text(json.dumps(refused) + "\n", encoding="utf-8")
    assert cli.json("report")["refusals"] == [{"by": "rule", "reason": "market_closed", "count": 1}]
