"""The page of the figures is written by the run; what stands around them stays as it is."""

import pytest

from tests.benchmarks.__main__ import PAGE
from tests.benchmarks.table import Asked, Row, Table, as_markdown, measured, with_figures
from tests.benchmarks.tables import TABLES

ROW = Row(what="an order", figure="5 ms", beside="4 ms", ratio="1.25", target="1.1", met=False)


def table(rows) -> Table:
    return Table(title="work", figure="ours", beside="theirs", rows=rows)


def test_a_table_names_its_target_and_whether_it_is_met():
    text = as_markdown(table(lambda asked: iter(())), [ROW])
    assert text.splitlines() == [
        "| work | ours | theirs | ratio | target |  |",
        "| --- | --- | --- | --- | --- | --- |",
        "| an order | 5 ms | 4 ms | 1.25 | 1.1 | missed |",
    ]


def test_figures_replace_what_stood_in_their_place_alone():
    page = "Before.\n<!-- figures: cpu -->\nold\n<!-- end: cpu -->\nAfter.\n"
    assert with_figures(page, {"cpu": "new"}) == page.replace("old", "new")


def test_figures_without_a_place_are_refused():
    with pytest.raises(ValueError, match="no place for cpu"):
        with_figures("<!-- figures: cpu -->\nnever ended", {"cpu": "new"})


def test_the_page_has_a_place_for_every_table():
    page = PAGE.read_text()
    assert with_figures(page, dict.fromkeys([*TABLES, "run"], "new")) != page


def test_a_table_that_fails_keeps_its_rows_and_says_so(tmp_path):
    def rows(asked):
        yield ROW
        raise OSError("no room")

    found = measured(table(rows), Asked(folder=tmp_path), (OSError,))
    assert [row.what for row in found] == ["an order", "not measured: OSError"]
