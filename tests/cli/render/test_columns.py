"""Columns that give way to figures."""

import pytest
from rich.text import Text

from trading_bot.cli.render.columns import Column, fitted

COLUMNS = (
    Column(heading="SYMBOL", least=6),
    Column(heading="LIMIT"),
    Column(heading="STATE", least=8),
    Column(heading="ID", least=6, rank=1),
    Column(heading="AVERAGE", rank=2),
)
ROWS = (
    ("AAPL", "1,250.30", "partially filled", "abcdefghijkl", "0.1234"),
    ("BRK.B", "unknown", "queued", "z" * 20, "1"),
    ("X", "3", "queued", "", "-"),
)


def lines(width: int) -> list[str]:
    headings, rows = fitted(COLUMNS, [tuple(Text(cell) for cell in row) for row in ROWS], width=width)
    return [headings.plain, *(row.plain for row in rows)]


def test_with_room_enough_nothing_is_cut_and_figures_stand_on_their_point():
    assert lines(80) == [
        "SYMBOL     LIMIT  STATE             ID                    AVERAGE",
        "AAPL    1,250.30  partially filled  abcdefghijkl           0.1234",
        "BRK.B    unknown  queued            zzzzzzzzzzzzzzzzzzzz   1     ",
        "X           3     queued                                        -",
    ]


@pytest.mark.parametrize("width", [60, 50, 45, 40, 34, 30, 26])
def test_no_line_is_longer_than_the_screen_and_no_needed_figure_is_cut(width):
    shown = lines(width)
    assert all(len(line) <= width for line in shown)
    assert "1,250.30" in shown[1]


def test_the_column_that_is_needed_least_goes_first_and_then_the_next():
    assert ["AVERAGE" in lines(width)[0] for width in (43, 42)] == [True, False]
    assert ["ID" in lines(width)[0] for width in (34, 33)] == [True, False]


def test_texts_give_up_what_they_can_spare_with_a_sign_of_it():
    assert lines(34)[1:3] == ["AAPL    1,250.30  partial…  abcde…", "BRK.B    unknown  queued    zzzzz…"]


def test_figures_that_alone_are_too_wide_are_left_whole():
    assert lines(10)[1].startswith("AAPL    1,250.30")


def test_wide_characters_count_as_two_cells():
    _, (row,) = fitted((Column(heading="A", least=4), Column(heading="B")), [(Text("日本語"), Text("1"))], width=8)
    assert row.cell_len <= 8


def test_without_rows_there_are_the_headings():
    headings, rows = fitted(COLUMNS, [], width=80)
    assert (headings.plain.split(), rows) == (["SYMBOL", "LIMIT", "STATE", "ID", "AVERAGE"], ())


def test_a_column_without_a_single_cell_is_left_out():
    headings, (row,) = fitted(COLUMNS, [tuple(Text(cell) for cell in ("X", "3", "queued", "", ""))], width=80)
    assert (headings.plain.split(), row.plain.split()) == (["SYMBOL", "LIMIT", "STATE"], ["X", "3", "queued"])
