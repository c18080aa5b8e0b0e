"""Fills, lots and the CSV for taxes at the command line, from the record alone."""

import csv
import io
import json
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.command_line_bench import CommandLineBench
from tests.support.order_story import MONDAY, booked, fill, intended, now_in
from tests.support.stored_journal import StoredJournal
from trading_bot.cli.render.trades_text import CSV_COLUMNS
from trading_bot.order_management.book.position_watch import baseline, baseline_taken
from trading_bot.order_management.events import OrderEvent
from trading_bot.order_management.models import Execution, ExecutionId, OrderState, Side
from trading_bot.values import replace


def executed(number: int, quantity: str, price: str, *, day: int) -> Execution:
    return Execution(
        execution_id=ExecutionId(f"fill-{number}"),
        quantity=Decimal(quantity),
        price=Decimal(price),
        executed_at=MONDAY + timedelta(days=day),
    )


def traded(name: str, side: Side, execution: Execution, **terms: object) -> tuple[OrderEvent, OrderEvent]:
    return intended(name, side=side, **terms), booked(execution, name)


STORY = (
    baseline("F", Decimal(3)),
    baseline_taken(MONDAY),
    *traded("b1", Side.BUY, executed(1, "4", "99.905", day=0)),
    *traded("s1", Side.SELL, executed(2, "3", "90", day=1)),
    *traded("b2", Side.BUY, executed(3, "1", "91", day=2), strategy_name="=cmd()"),
    *traded("s2", Side.SELL, executed(4, "2", "100", day=400), strategy_name="=cmd()"),
    *traded("s3", Side.SELL, executed(5, "2", "10", day=3), symbol="F"),
)


@pytest.fixture
def cli(tmp_path):
    cli = CommandLineBench(tmp_path)
    StoredJournal.of_paper_account(cli.home).tell(*STORY).close()
    return cli


def test_fills_are_listed_with_the_result_of_what_they_closed(cli):
    lines = cli("trades").stdout.splitlines()
    rows = [line.split() for line in lines[1:6]]
    assert [(row[3], row[4], row[5], row[6], row[7], row[9]) for row in rows] == [
        ("buy", "4", "AAPL", "99.9050", "399.62", "-"),
        ("sell", "3", "AAPL", "90.0000", "270.00", "-29.72"),
        ("buy", "1", "AAPL", "91.0000", "91.00", "-"),
        ("sell", "2", "F", "10.0000", "20.00", "unknown"),
        ("sell", "2", "AAPL", "100.0000", "200.00", "+9.10"),
    ]


def test_closed_lots_have_dates_cost_proceeds_result_term_and_flag(cli):
    lines = cli("trades").stdout.splitlines()
    assert [line.split() for line in lines[8:12]] == [
        ["AAPL", "3", "2026-11-23", "2026-11-24", "299.72", "270.00", "-29.72", "short", "wash?"],
        ["F", "2", "unknown", "2026-11-26", "unknown", "20.00", "unknown", "unknown"],
        ["AAPL", "1", "2026-11-23", "2027-12-28", "99.90", "100.00", "+0.10", "long"],
        ["AAPL", "1", "2026-11-25", "2027-12-28", "91.00", "100.00", "+9.00", "long"],
    ]
    assert lines[12:] == [
        "4 closed lots, result -20.62 without fees: -29.72 short-term, +9.10 long-term",
        "the cost of 1 of them is unknown, and they are in no result",
        "their fees are unknown",
        "1 may be a wash sale (shares were bought within 30 days of the loss): flagged, not judged",
    ]


def test_since_and_symbol_choose_what_is_shown_and_never_what_it_cost(cli):
    answer = cli.json("trades", "--since", "2026-11-27", "--symbol", "aapl")
    assert [each["client_order_id"] for each in answer["fills"]] == ["s2"]
    assert [lot["cost"] for lot in answer["closed_lots"]] == ["99.905", "91.00"]
    assert answer["totals"]["long_term"] == "9.095"
    assert answer["recorded_until"] == "2026-11-23T15:00:11.000000Z"
    assert cli("trades", "--symbol", "NONE").stdout == "no trades\n"


def test_an_object_says_null_where_nothing_is_known(cli):
    (lot,) = [lot for lot in cli.json("trades")["closed_lots"] if lot["symbol"] == "F"]
    assert (lot["cost"], lot["result"], lot["acquired_on"], lot["term"], lot["bought_by"]) == (None,) * 5
    (fill_of_it,) = [each for each in cli.json("trades")["fills"] if each["symbol"] == "F"]
    assert (fill_of_it["result"], fill_of_it["unknown_quantity"], fill_of_it["fees"]) == (None, "2", None)


def test_open_lots_say_since_when_and_at_which_cost(cli):
    lines = cli("trades", "--lots").stdout.splitlines()
    assert lines[1].split() == ["F", "1", "unknown", "unknown", "unknown", "-"]
    assert "the cost of shares of F is unknown" in lines[-1]
    (lot,) = cli.json("trades", "--lots", "--symbol", "F")["open_lots"]
    assert (lot["quantity"], lot["cost"], lot["average"], lot["acquired_on"]) == ("1", None, None, None)
    assert cli("trades", "--lots", "--symbol", "AAPL").stdout == "no open lots\n"


def test_open_lots_of_known_cost_have_an_average_and_need_no_note(tmp_path):
    cli = CommandLineBench(tmp_path)
    StoredJournal.of_paper_account(cli.home).tell(*traded("b1", Side.BUY, fill(1, 3, "33.3333"))).close()
    (_, row) = cli("trades", "--lots").stdout.splitlines()
    assert row.split() == ["AAPL", "3", "2026-11-23", "100.00", "33.3333", "b1"]
    assert cli.json("trades", "--lots")["open_lots"][0]["average"] == "33.3333"
    assert cli("trades").stdout.splitlines()[-1] == "nothing was sold"


def test_the_csv_has_one_line_a_closed_lot_and_its_figures_add_up(cli):
    rows = list(csv.DictReader(io.StringIO(cli("trades", "--csv", "-").stdout)))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert rows[0] == {
        "symbol": "AAPL",
        "quantity": "3",
        "date_acquired": "2026-11-23",
        "date_sold": "2026-11-24",
        "proceeds": "270.00",
        "cost": "299.72",
        "gain_or_loss": "-29.72",
        "term": "short",
        "net_of_fees": "no",
        "buy_fees": "",
        "sell_fees": "",
        "wash_sale_flag": "flagged",
        "repurchased_on": "2026-11-25",
        "note": "",
        "buy_order": "b1",
        "sell_order": "s1",
        "strategy": "momentum",
    }
    unknown = rows[1]
    assert (unknown["cost"], unknown["gain_or_loss"], unknown["date_acquired"], unknown["term"]) == ("", "", "", "")
    assert (unknown["note"], unknown["proceeds"]) == ("cost unknown", "20.00")
    assert rows[2]["strategy"] == "'=cmd()", "no spreadsheet runs it"


def test_shares_whose_executions_are_not_listed_yet_are_marked(tmp_path):
    cli = CommandLineBench(tmp_path)
    sold = now_in(OrderState.FILLED, "s1", filled_quantity=Decimal(4), average_price=Decimal(100))
    StoredJournal.of_paper_account(cli.home).tell(
        *traded("b1", Side.BUY, fill(1, 4, "99")), replace(intended("s1", side=Side.SELL)), sold
    ).close()
    (row,) = csv.DictReader(io.StringIO(cli("trades", "--csv", "-").stdout))
    assert (row["note"], row["gain_or_loss"]) == ("executions not listed yet", "4.00")
    assert "(not listed yet)" in cli("trades").stdout


def test_a_sale_of_known_and_unknown_shares_has_a_result_in_part(tmp_path):
    cli = CommandLineBench(tmp_path)
    StoredJournal.of_paper_account(cli.home).tell(
        *traded("b1", Side.BUY, fill(1, 1, "99")), *traded("s1", Side.SELL, fill(2, 4, "100"))
    ).close()
    assert "+1.00 in part" in cli("trades").stdout


def with_fees(name: str, side: Side, execution: Execution, fees: str) -> tuple[OrderEvent, OrderEvent]:
    intent, booking = traded(name, side, execution)
    return intent, replace(booking, details={"order_fees": fees})


def test_fees_that_are_known_stand_beside_results_that_stay_without_them(tmp_path):
    cli = CommandLineBench(tmp_path)
    journal = StoredJournal.of_paper_account(cli.home)
    journal.tell(
        *with_fees("b1", Side.BUY, fill(1, 4, "99"), "0.02"), *with_fees("s1", Side.SELL, fill(2, 2, "100"), "0.04")
    )
    journal.tell(
        *with_fees("s2", Side.SELL, fill(3, 1, "100"), "0.00"), *traded("s3", Side.SELL, fill(4, 1, "100"))
    ).close()
    lines = cli("trades").stdout.splitlines()
    assert [line.split()[8] for line in lines[1:5]] == ["0.02", "0.04", "0.00", "unknown"]
    assert lines[-1] == (
        "known fees of buying and selling are 0.06, and they are in no result; 1 of the lots have fees that are unknown"
    )
    rows = list(csv.DictReader(io.StringIO(cli("trades", "--csv", "-").stdout)))
    assert [(row["gain_or_loss"], row["net_of_fees"], row["sell_fees"]) for row in rows] == [
        ("2.00", "no", "0.04"),
        ("1.00", "no", "0.00"),
        ("1.00", "no", ""),
    ]
    assert rows[0]["buy_fees"] == "0.01"
    lots = cli.json("trades")["closed_lots"]
    assert [(lot["result"], lot["sell_fees"]) for lot in lots] == [
        ("2.00", "0.04"),
        ("1.00", "0.00"),
        ("1.00", None),
    ]


def test_where_all_fees_are_known_none_is_said_to_be_unknown(tmp_path):
    cli = CommandLineBench(tmp_path)
    bought, sold = with_fees("b1", Side.BUY, fill(1), "0"), with_fees("s1", Side.SELL, fill(2), "0.01")
    StoredJournal.of_paper_account(cli.home).tell(*bought, *sold).close()
    assert cli("trades").stdout.splitlines()[-1] == (
        "known fees of buying and selling are 0.01, and they are in no result"
    )


def test_the_csv_goes_to_a_file_that_nobody_else_can_read(cli, tmp_path):
    target = tmp_path / "lots.csv"
    done = cli("trades", "--csv", str(target))
    assert (done.returncode, done.stdout) == (0, f"4 closed lots written to {target}\n")
    assert target.read_bytes().startswith(b"symbol,quantity")
    assert target.stat().st_mode & 0o077 == 0
    assert cli.json("trades", "--csv", str(target)) == {"v": 1, "file": str(target), "lots": 4}


def test_a_file_that_cannot_be_written_is_one_line_with_a_remedy(cli, tmp_path):
    done = cli("trades", "--csv", str(tmp_path / "missing" / "lots.csv"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "name a file in a folder where you may write" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--lots", "--csv", "-"), "leave out --lots"),
        (("--lots", "--since", "2026-01-01"), "leave out --since"),
        (("--json", "--csv", "-"), "leave out --json"),
        (("--since", "yesterday"), "write it like 2026-11-28"),
        (("--since", "20261128"), "write it like 2026-11-28"),
        (("--since", "2026-02-30"), "write it like 2026-11-28"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(cli, words, said):
    done = cli("trades", *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_an_account_that_was_never_traded_on_has_no_trades(tmp_path):
    cli = CommandLineBench(tmp_path)
    assert cli("trades").stdout == "no trades\n"
    assert json.loads(cli("--json", "trades", "--lots").stdout) == {"v": 1, "open_lots": [], "recorded_until": None}


def test_the_help_has_examples(cli):
    assert cli("trades", "--help").stdout.count("trading-bot trades") >= 3
