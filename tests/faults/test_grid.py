"""The bookkeeping: a cell that can lose money and has no test fails the build."""

import pytest

from tests.faults import test_machine_faults, test_wire_faults
from tests.faults.grid import CELLS, MONEY_CELLS, OURS

ASKED = {"SUB": 38, "CAN": 46, "ALL": 48, "REP": 46, "SYN": 26, "REC": 39}


def test_the_grid_is_the_specifications():
    assert len(CELLS) == 435
    assert sum(word.endswith("$") for word in CELLS.values()) == 289


@pytest.mark.parametrize("step", OURS)
def test_each_money_cell_of_a_step_has_a_test(step):
    cells = {cell for cell in MONEY_CELLS if cell.startswith(step)}
    assert len(cells) == ASKED[step]
    assert cells <= test_wire_faults.TESTED | test_machine_faults.TESTED


def test_each_claimed_cell_is_the_id_of_a_test(request):
    """A claim counts only where pytest has collected a test of that id, or one that names the cell as its rule."""
    claimed = test_wire_faults.TESTED | test_machine_faults.TESTED
    named = " ".join(
        f"{item.nodeid} {item.function.__doc__ or ''}"
        for item in request.session.items
        if isinstance(item, pytest.Function) and "faults" in item.nodeid
    )
    if "test_wire_faults" in named and "test_machine_faults" in named:
        assert {cell for cell in claimed if cell not in named} == set()
