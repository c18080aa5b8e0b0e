"""The bookkeeping: a cell without a test and without a reason fails the build, and so does a test that is none."""

from datetime import date

import pytest

from tests.faults import bookkeeping
from tests.faults.cannot_occur import CANNOT_OCCUR
from tests.faults.grid import CELLS, STEPS

LEAST_WORDS = 6


def test_the_grid_is_the_specifications():
    assert len(CELLS) == 435
    assert sum(word.endswith("$") for word in CELLS.values()) == 289


@pytest.mark.parametrize("step", STEPS)
def test_each_cell_has_a_test_or_a_reason(step):
    """A reason is for what cannot occur: a cell that has a test needs none."""
    cells = {cell for cell in CELLS if cell.startswith(step)}
    tested = {cell for cell in cells if bookkeeping.tests_of_cells()[cell]}
    reasoned = cells & CANNOT_OCCUR.keys()
    assert sorted(cells - tested - reasoned) == []
    assert sorted(tested & reasoned) == []


def test_each_reason_is_of_a_cell_and_has_a_date():
    assert CANNOT_OCCUR.keys() <= CELLS.keys()
    for cell, reason in CANNOT_OCCUR.items():
        assert isinstance(reason.since, date), cell
        assert len(reason.why.split()) >= LEAST_WORDS, cell


def test_no_test_claims_a_cell_that_does_not_apply():
    assert bookkeeping.tests_of_cells().keys() == CELLS.keys()


def test_each_claimed_id_is_the_id_of_a_collected_test(request):
    """Each id that a file claims is collected, and each that is collected is claimed."""
    options = request.config.option
    if options.keyword or getattr(options, "lf", False) or any("::" in argument for argument in request.config.args):
        pytest.skip("only a part of the tests was asked for")
    items = {item.nodeid for item in request.session.items if item.nodeid.startswith("tests/faults/")}
    files = {item.partition("::")[0] for item in items}
    claimed = {node for nodes in bookkeeping.tests_of_cells().values() for node in nodes}
    assert {node for node in claimed if node.partition("::")[0] in files} == set(filter(bookkeeping.cell_of, items))
