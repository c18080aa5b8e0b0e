"""The account's figures and its positions' worth at the command line."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.command_line_bench import CommandLineBench
from tests.support.order_story import MONDAY, booked, fill, intended, now_in
from tests.support.stored_journal import StoredJournal
from trading_bot.cli.render.account_text import account_notes
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import OrderState, Side

VALUED = OrderEvent(
    event=EventKind.ACCOUNT_VALUED,
    occurred_at=MONDAY + timedelta(hours=1),
    details={"occasion": "hour", "equity": "100500.255", "equity_from": "quotes", "cash": "99000"},
)


@pytest.fixture
def cli(tmp_path):
    return CommandLineBench(tmp_path)


def rows(text: str) -> dict[str, str]:
    return {line[:14].strip(): " ".join(line[14:].split()) for line in text.splitlines()[1:6]}


def test_figures_are_to_the_cent_and_results_are_of_today_and_in_all(cli):
    shown = rows(cli("account").stdout)
    assert shown["cash"].startswith("100,000.00 as of ")
    assert (shown["buying power"], shown["equity"]) == ("100,000.00", "100,000.00")
    assert shown["in all"] == "+0.00 +0.00 realised, +0.00 unrealised"


def test_positions_on_record_have_a_cost_and_say_that_their_worth_is_unknown(tmp_path):
    cli = CommandLineBench(tmp_path, {"paper": {}})
    StoredJournal.of_paper_account(cli.home).tell(
        OrderEvent(event=EventKind.POSITION_ACCEPTED, occurred_at=MONDAY),
        *(intended("b"), booked(fill(1, 4, "100"), "b")),
        now_in(OrderState.PARTIALLY_FILLED, "b", filled_quantity=Decimal(4), average_price=Decimal(100)),
    ).close()
    assert cli("positions").stdout.splitlines()[1:] == [
        "AAPL       4     4  100.0000      -  unknown  unknown  journal",
        "what they are worth needs the broker's prices: a running bot reads them",
    ]
    (row,) = cli.json("positions")["positions"]
    assert (row["cost"], row["price"], row["value"], row["result"]) == ("400.00", None, None, None)


def test_what_is_on_record_is_shown_on_request_with_its_age_and_nothing_is_made_up(cli):
    StoredJournal.of_paper_account(cli.home).tell(
        *(intended("b"), booked(fill(1, 4, "100"), "b")),
        *(intended("s", side=Side.SELL), booked(fill(2, 6, "110"), "s")),
        VALUED,
    ).close()
    done = cli("account", "--recorded")
    assert rows(done.stdout) == {
        "cash": "99,000.00 as of 2026-11-23 11:00:00 EST",
        "buying power": "unknown",
        "equity": "100,500.26 cash and positions at their quotes, added up here",
        "today": "unknown +0.00 realised, unknown unrealised",
        "in all": "unknown +40.00 realised, unknown unrealised",
    }
    assert "the cost of shares of 1 sales is unknown" in done.stdout
    answer = cli.json("account", "--recorded")
    assert (answer["realised"], answer["unknown_sales"], answer["unrealised"]) == ("40.00", 1, None)
    assert answer["recorded_until"] == "2026-11-23T15:00:04.000000Z"


def test_an_account_without_a_record_is_unknown_and_never_zero(cli):
    done = cli("account", "--recorded")
    assert rows(done.stdout)["equity"] == "unknown"
    assert "no worth of the account is on record yet" in done.stdout


def test_once_old_orders_have_left_the_memory_the_total_comes_from_the_journal(cli):
    gone = OrderEvent(event=EventKind.POSITIONS_NOTED, occurred_at=MONDAY, details={"part": "1"})
    journal = StoredJournal.of_paper_account(cli.home).tell(
        *(intended("b"), booked(fill(1, 4, "100"), "b")),
        *(intended("s", side=Side.SELL), booked(fill(2, 4, "110"), "s")),
        gone,
    )
    journal.sql("DELETE FROM standing")
    noted = journal.records[-1].record.seq
    journal.sql("INSERT INTO standing VALUES (?, 'position', '', ?)", journal.account, noted)
    journal.close()
    assert cli.json("account")["realised"] == "40.00"


def test_what_the_figures_leave_out_is_named():
    answer = {"unknown_cost": ["GIFT"], "unmarked": ["TSLA"], "problems": ["the quotes are away"]}
    assert list(account_notes(answer)) == [
        "the cost of shares of GIFT is unknown, and they are in no result",
        "without a fresh price, or in doubt, and in no unrealised result: TSLA",
        "the quotes are away",
    ]
