from datetime import timedelta

import pytest

from tests.support.scripted_broker import clock
from trading_bot.auth.login_budget import LoginBudget, LoginBudgetError
from trading_bot.files import LocalFiles
from trading_bot.order_management.exceptions import AuthenticationError


@pytest.fixture
def time():
    return clock()


@pytest.fixture
def budget(tmp_path, time):
    return LoginBudget(path=tmp_path / "state" / "logins.json", clock=time, files=LocalFiles())


def may_begin(budget) -> bool:
    try:
        budget.begin()
    except LoginBudgetError:
        return False
    return True


def test_one_failure_in_five_minutes_is_the_most(budget, time):
    budget.begin()
    time.sleep(299)
    assert not may_begin(budget)
    time.sleep(1)
    assert may_begin(budget)


def test_three_failures_in_a_day_are_the_most(budget, time):
    for _ in range(3):
        budget.begin()
        time.sleep(3600)
    assert not may_begin(budget)
    time.sleep(21 * 3600 - 1)
    assert not may_begin(budget)
    time.sleep(1)
    assert may_begin(budget)
    time.sleep(300)
    assert not may_begin(budget)


def test_a_refused_attempt_says_when_and_is_not_counted(budget, time):
    budget.begin()
    for _ in range(5):
        with pytest.raises(LoginBudgetError, match=r"log in after 2026-11-23 15:05:00 UTC"):
            budget.begin()
    time.sleep(300)
    assert may_begin(budget)


def test_a_failure_of_another_day_is_forgotten(budget, time):
    budget.begin()
    time.sleep(timedelta(days=2).total_seconds())
    budget.begin()
    with pytest.raises(LoginBudgetError, match=r"^1 login"):
        budget.begin()


def test_an_attempt_that_never_left_is_taken_back(budget):
    for _ in range(5):
        budget.begin()
        budget.take_back()


def test_only_the_last_attempt_is_taken_back(budget, time):
    budget.begin()
    time.sleep(300)
    budget.begin()
    budget.take_back()
    time.sleep(1)
    budget.begin()
    assert not may_begin(budget)


def test_a_success_clears_the_record(budget, time):
    for _ in range(3):
        budget.begin()
        time.sleep(300)
    budget.succeeded()
    assert may_begin(budget)


def test_the_record_outlives_the_process(budget, time, tmp_path):
    budget.begin()
    again = LoginBudget(path=tmp_path / "state" / "logins.json", clock=time, files=LocalFiles())
    assert not may_begin(again)


def test_a_clock_set_back_locks_nobody_out_for_longer_than_the_rule(budget, time, tmp_path):
    time.sleep(timedelta(days=400).total_seconds())
    budget.begin()
    earlier = clock()
    back = LoginBudget(path=tmp_path / "state" / "logins.json", clock=earlier, files=LocalFiles())
    with pytest.raises(LoginBudgetError, match="2026-11-23 15:05:00"):
        back.begin()


@pytest.mark.parametrize("content", ["", "[]", '{"v": 2, "failures": []}', '{"v": 1, "failures": ["2026-11-23"]}'])
def test_a_record_that_cannot_be_read_allows_no_login(budget, tmp_path, content):
    budget.begin()
    (tmp_path / "state" / "logins.json").write_text(content)
    with pytest.raises(LoginBudgetError, match="cannot read"):
        budget.begin()


def test_a_record_that_cannot_be_written_allows_no_login(time, tmp_path):
    class FullDisk(LocalFiles):
        def write_new(self, path, data):
            raise OSError(28, "No space left on device")

    full = LoginBudget(path=tmp_path / "logins.json", clock=time, files=FullDisk())
    with pytest.raises(LoginBudgetError, match="No space left"):
        full.begin()


def test_a_spent_budget_needs_a_person():
    assert issubclass(LoginBudgetError, AuthenticationError)
