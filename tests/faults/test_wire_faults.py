"""Each fault of the wire at each step, on the private interface and within the process."""

import pytest

from tests.faults.steps import FaultBench
from tests.faults.wire_checks import ACTS, CANCEL_MODES, CASES, SPENT

__all__ = ["ACTS", "CANCEL_MODES", "SPENT"]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_struck_step_ends_as_its_cell_says(case, tmp_path):
    case.check(FaultBench(tmp_path, case.step), case)
