"""Rows for people: drawn at a terminal, and plain columns anywhere else."""

import pytest

from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.table import print_table
from trading_bot.cli.render.terminal_table import terminal

HOSTILE = "\x1b[2J\u202eevil\nline"


def test_without_a_terminal_a_table_is_aligned_columns_with_figures_to_the_right(capsys):
    print_table(("symbol", "held"), [("AAPL", "7"), ("B", HOSTILE)], invocation=Invocation())
    assert capsys.readouterr().out.splitlines() == [
        "symbol           held",
        "AAPL                7",
        "B       [2J evil line",
    ]


def test_a_terminal_that_the_environment_claims_is_believed(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    print_table(("symbol", "held"), [("AAPL", "7")], invocation=Invocation())
    assert "\u2500" in capsys.readouterr().out


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
