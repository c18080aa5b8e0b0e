"""Each fault of the wire at each step, on the private interface and within the process."""

import pytest

from tests.faults import wire_checks as checks
from tests.faults.steps import FaultBench


def cases(check: checks.Check) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [case for case in checks.CASES if case.check is check], ids=str)


@cases(checks.submit)
def test_submit(case, tmp_path):
    case.check(FaultBench(tmp_path, case.step), case)


@cases(checks.submit_that_trades)
def test_submit_whose_reply_carries_fills(case, tmp_path):
    case.check(FaultBench(tmp_path, case.step), case)


@cases(checks.cancel)
def test_cancel(case, tmp_path):
    case.check(FaultBench(tmp_path, case.step), case)


@cases(checks.cancel_all)
def test_cancel_all(case, tmp_path):
    case.check(FaultBench(tmp_path, case.step), case)


@cases(checks.cancel_all_without_a_list)
def test_cancel_all_without_a_listing(case, tmp_path):
    case.check(FaultBench(tmp_path, case.step), case)


@cases(checks.replace)
def test_replace_whose_first_leg_is_struck(case, tmp_path):
    case.check(FaultBench(tmp_path, case.step), case)


@cases(checks.second_leg)
def test_replace_whose_second_leg_is_struck(case, tmp_path):
    case.check(FaultBench(tmp_path, case.step), case)


@cases(checks.synchronize)
def test_synchronize(case, tmp_path):
    case.check(FaultBench(tmp_path, case.step), case)


@cases(checks.synchronize_in_doubt)
def test_synchronize_with_an_order_in_doubt(case, tmp_path):
    case.check(FaultBench(tmp_path, case.step), case)


@cases(checks.recover)
def test_recover(case, tmp_path):
    case.check(FaultBench(tmp_path, case.step), case)


def test_each_case_is_gone_through():
    names = {name for name, value in globals().items() if name.startswith("test_") and hasattr(value, "pytestmark")}
    assert len(names) == len({case.check for case in checks.CASES})
