"""What commands write, to a program and to a person."""

import json

import pytest

from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.output import print_json, print_line, print_table, terminal

HOSTILE = "\x1b[2J\u202eevil\nline"


def test_an_object_is_one_line_of_ascii(capsys):
    print_json({"v": 1, "text": HOSTILE})
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.count("\n") == 1
    assert "\x1b" not in out
    assert json.loads(out)["text"] == HOSTILE


def test_a_line_gives_the_terminal_no_command(capsys):
    print_line(HOSTILE)
    assert capsys.readouterr().out == "[2J evil line\n"


def test_without_a_terminal_a_table_is_aligned_columns_with_figures_to_the_right(capsys):
    print_table(("symbol", "held"), [("AAPL", "7"), ("B", HOSTILE)], invocation=Invocation())
    assert capsys.readouterr().out.splitlines() == [
        "symbol           held",
        "AAPL                7",
        "B       [2J evil line",
    ]


@pytest.mark.parametrize("invocation", [Invocation(json=True), Invocation(quiet=True), Invocation()])
def test_nothing_is_drawn_where_nobody_watches(invocation):
    assert terminal(invocation) is None


def test_a_terminal_too_narrow_for_the_table_still_shows_every_id_whole(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    name = "400a6b9bc62d4a7f8e1d2c3b4a596877"
    print_table(("client order id", "symbol"), [(name, "AAPL")], invocation=Invocation())
    assert name in capsys.readouterr().out
