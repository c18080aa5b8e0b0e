"""The broker's own books at the command line: what is told, what is unknown, and what could not be read."""

import pytest

from tests.support.command_line_bench import CommandLineBench
from trading_bot.cli.errors import CommandError
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.broker_text import broker_lines, level_rows, lot_row
from trading_bot.cli.work.broker import _refuse_if_empty, _show

PAPER = {"paper": {"quotes_file": "quotes.jsonl", "wire": "agent"}}
LOT = {
    "quantity": "3",
    "available": "2",
    "opened_on": "2026-09-28",
    "cost_basis": "204.00",
    "cost_per_share": "68.0000",
    "long_term": False,
    "kind": "buy",
    "selectable": True,
}


def test_it_is_read_over_the_official_interface_and_unknown_is_said_to_be(tmp_path):
    cli = CommandLineBench(tmp_path, PAPER)
    told = cli.json("broker", "aapl", "--levels", "1")
    assert (told["symbol"], told["problems"], told["tradability"]["tradeable"]) == ("AAPL", [], True)
    done = cli("broker", "AAPL")
    assert done.returncode == 0
    assert "AAPL: tradeable yes, state active" in done.stdout
    assert "the broker holds no lots of AAPL" in done.stdout


def test_the_private_interface_tells_nothing_of_it(tmp_path):
    done = CommandLineBench(tmp_path)("broker", "AAPL")
    assert (done.returncode, done.stdout) == (2, "")
    assert "set gateway to agent" in done.stderr


@pytest.mark.parametrize("words", [("broker",), ("broker", "AAPL", "--levels", "0"), ("broker", "no symbol")])
def test_a_wrong_call_is_a_usage_error(tmp_path, words):
    assert CommandLineBench(tmp_path, PAPER)(*words).returncode == 2


def test_where_nothing_could_be_read_that_is_an_error():
    nothing: dict[str, object] = dict.fromkeys(("tradability", "book", "lots", "realised"))
    with pytest.raises(CommandError, match="nothing could be read of F: no answer") as caught:
        _refuse_if_empty({**nothing, "symbol": "F", "problems": ["no answer"]})
    assert caught.value.exit_code == 7
    _refuse_if_empty({**nothing, "lots": [], "symbol": "F", "problems": ["no answer"]})


def test_what_may_be_traded_and_was_earned_is_told_in_words():
    told = {"state": "active", "tradeable": False, "account_types": {"individual": "untradable"}, "halt": "odd"}
    answer = {"symbol": "F", "tradability": told, "realised": {"span": "3month", "total": "-3.89", "days": []}}
    assert list(broker_lines(answer)) == [
        "F: tradeable no, state active, individual accounts untradable, halt: odd",
        "realised by the broker's books over the last 3 months: -3.89",
    ]
    assert list(broker_lines({"symbol": "F", "tradability": None, "realised": None})) == [
        "F: whether it may be traded is unknown"
    ]
    bare = {"symbol": "F", "tradability": {}, "realised": {"span": "3month", "total": None}}
    assert list(broker_lines(bare)) == [
        "F: tradeable unknown, state unknown",
        "realised by the broker's books over the last 3 months: unknown",
    ]


def test_levels_stand_side_by_side_the_best_first():
    bids = [{"price": "12.87", "quantity": "3"}, {"price": "12.81", "quantity": "100"}]
    rows = list(level_rows({"bids": bids, "asks": [{"price": "12.93", "quantity": "2"}]}))
    assert rows == [("12.87", "3", "12.93", "2"), ("12.81", "100", "", "")]
    assert list(level_rows({})) == []


def test_book_and_lots_stand_in_tables_and_what_was_not_read_is_named(capsys):
    book = {"bids": [{"price": "12.87", "quantity": "3"}], "asks": []}
    answer = {"symbol": "F", "tradability": None, "realised": None, "book": book, "lots": [LOT], "problems": ["odd"]}
    _show(answer, Invocation())
    shown = capsys.readouterr().out.splitlines()
    assert shown[1:3] == ["bid    shares  ask  shares", "12.87  3"]
    assert shown[-2:] == ["2026-09-28         3  2         204.00  68.00    short  buy", "not read: odd"]


def test_a_lot_is_told_with_what_is_unknown_of_it():
    assert lot_row(LOT) == ("2026-09-28", "3", "2", "204.00", "68.00", "short", "buy")
    unknown = dict.fromkeys(LOT)
    assert lot_row({**unknown, "quantity": "6"}) == ("unknown", "6", *["unknown"] * 5)
    assert lot_row({**LOT, "long_term": True})[5] == "long"
