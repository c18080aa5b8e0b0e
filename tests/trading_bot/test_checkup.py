"""What the doctor concludes from each fact."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from trading_bot import checkup
from trading_bot.checkup import CheckResult, FolderFacts, Trouble
from trading_bot.config import TradingConfig
from trading_bot.latch import LatchState
from trading_bot.market_hours import Calendar
from trading_bot.order_management.portfolio import AccountSnapshot

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
FOLDER = FolderFacts(path="/s", exists=True, mode=0o700, is_ours=True, problem=None, free_bytes=2 * 1024**3)


@pytest.mark.parametrize(("version", "result"), [((3, 10, 14), CheckResult.FAILED), ((3, 11, 0), CheckResult.OK)])
def test_the_interpreter_has_to_be_new_enough(version, result):
    assert checkup.python_check(version).result is result


def test_a_missing_package_is_named():
    check = checkup.packages_check({"click": "8.1", "rich": None})
    assert (check.result, check.detail.startswith("rich cannot be found")) == (CheckResult.FAILED, True)
    assert checkup.packages_check({"click": "8.1"}).detail == "click 8.1"


@pytest.mark.parametrize(
    ("changes", "private", "result"),
    [
        ({}, True, CheckResult.OK),
        ({"exists": False, "mode": 0}, True, CheckResult.OK),
        ({"problem": "read-only"}, True, CheckResult.FAILED),
        ({"problem": "read-only"}, False, CheckResult.FAILED),
        ({"is_ours": False}, True, CheckResult.FAILED),
        ({"is_ours": False}, False, CheckResult.OK),
        ({"mode": 0o750}, True, CheckResult.WARNING),
        ({"mode": 0o705}, True, CheckResult.WARNING),
        ({"mode": 0o755}, False, CheckResult.OK),
    ],
)
def test_a_folder_is_judged_by_who_can_do_what_in_it(changes, private, result):
    check = checkup.folder_check("state folder", replace(FOLDER, **changes), private=private)
    assert check.result is result
    assert result is not CheckResult.FAILED or check.trouble is Trouble.STORAGE


@pytest.mark.parametrize(
    ("free", "result"),
    [
        (None, CheckResult.SKIPPED),
        (checkup.LEAST_FREE_BYTES - 1, CheckResult.FAILED),
        (checkup.LEAST_FREE_BYTES, CheckResult.WARNING),
        (checkup.LOW_FREE_BYTES, CheckResult.OK),
    ],
)
def test_too_little_room_for_a_journal_is_a_failure(free, result):
    assert checkup.disk_check(replace(FOLDER, free_bytes=free)).result is result


@pytest.mark.parametrize(
    ("last", "result"),
    [
        (None, CheckResult.OK),
        (NOW + timedelta(seconds=1), CheckResult.OK),
        (NOW + timedelta(seconds=3), CheckResult.FAILED),
    ],
)
def test_a_clock_behind_the_journal_is_a_failure(last, result):
    assert checkup.clock_check(now=NOW, last_record=last).result is result


@pytest.mark.parametrize(
    ("off_by_s", "result"),
    [
        (None, CheckResult.SKIPPED),
        (0, CheckResult.OK),
        (5, CheckResult.OK),
        (-5, CheckResult.OK),
        (6, CheckResult.WARNING),
        (-6, CheckResult.WARNING),
        (300, CheckResult.WARNING),
        (301, CheckResult.FAILED),
        (-301, CheckResult.FAILED),
    ],
)
def test_a_clock_is_judged_by_how_far_it_is_from_the_brokers(off_by_s, result):
    """From five minutes on the bot concludes nothing from either clock, and sends no entry."""
    check = checkup.broker_clock_check(None if off_by_s is None else timedelta(seconds=off_by_s))
    assert (check.name, check.result) == ("broker clock", result)
    assert result in (CheckResult.OK, CheckResult.SKIPPED) or f"{off_by_s:+} s off" in check.detail
    assert result in (CheckResult.OK, CheckResult.SKIPPED) or "timedatectl" in check.detail


@pytest.mark.parametrize(
    ("calendar", "now", "said"),
    [
        (Calendar.NYSE, NOW, "the market is open until 2026-11-23 21:00 UTC"),
        (Calendar.NYSE, datetime(2026, 11, 26, 15, tzinfo=UTC), "the market is closed: Thanksgiving Day"),
        (Calendar.ALWAYS_OPEN, datetime(2026, 11, 26, 15, tzinfo=UTC), "always open"),
    ],
)
def test_the_calendar_tells_whether_orders_trade_and_never_fails(calendar, now, said):
    hours = TradingConfig(calendar=calendar).market_hours
    check = checkup.calendar_check(hours, calendar=calendar, now=now)
    assert (check.result, check.detail.startswith(said)) == (CheckResult.OK, True)


def test_a_journal_that_does_not_verify_is_a_failure():
    assert checkup.journal_check(records=3, problem=None, path="j").result is CheckResult.OK
    check = checkup.journal_check(records=3, problem="record 4 is bad", path="j")
    assert (check.result, check.trouble) == (CheckResult.FAILED, Trouble.STORAGE)
    assert "record 4 is bad" in check.detail


@pytest.mark.parametrize(
    ("state", "first", "result"),
    [
        (LatchState.ARMED, False, CheckResult.OK),
        (LatchState.DISARMED, False, CheckResult.FAILED),
        (LatchState.EXPIRED, False, CheckResult.FAILED),
        (LatchState.DISARMED, True, CheckResult.OK),
    ],
)
def test_only_an_armed_account_or_a_new_paper_account_can_trade(state, first, result):
    check = checkup.latch_check(state, "why", first_start_arms=first)
    assert check.result is result
    assert result is CheckResult.OK or (check.detail, check.trouble) == ("why", Trouble.HALT)


def test_a_tripped_breaker_is_a_halt():
    assert checkup.breaker_check(None).result is CheckResult.OK
    check = checkup.breaker_check("lost too much")
    assert (check.result, check.trouble, check.detail) == (CheckResult.FAILED, Trouble.HALT, "lost too much")


def test_a_holder_that_answers_is_well_and_a_silent_one_is_a_failure():
    assert checkup.holder_check(None, silent_because=None).detail == "no bot is running"
    assert "pid 7" in checkup.holder_check(7, silent_because=None).detail
    check = checkup.holder_check(None, silent_because="process 7 does not answer")
    assert (check.result, check.trouble) == (CheckResult.FAILED, Trouble.HOLDER)


def test_the_first_failure_decides_and_warnings_do_not():
    checks = [
        checkup.passed("a", ""),
        checkup.skipped("b", because=""),
        checkup.failed("c", ValueError("x"), Trouble.LOGIN),
        checkup.failed("d", ValueError("y"), Trouble.STORAGE),
    ]
    decisive = checkup.first_failure(checks)
    assert decisive is not None
    assert (decisive.name, decisive.detail, decisive.trouble) == ("c", "x", Trouble.LOGIN)
    assert checkup.first_failure(checks[:2]) is None


@pytest.mark.parametrize(
    ("until", "armed", "result", "said"),
    [
        (NOW + timedelta(hours=12), True, CheckResult.OK, "2026-11-24 03:00 UTC"),
        (NOW + checkup.SHORT_ARMING, True, CheckResult.OK, "2026-11-23 16:00 UTC"),
        (NOW + timedelta(minutes=59), True, CheckResult.WARNING, "trading-bot arm"),
        (None, True, CheckResult.WARNING, "never"),
        (None, False, CheckResult.SKIPPED, "not armed"),
        (NOW - timedelta(hours=1), False, CheckResult.SKIPPED, "not armed"),
    ],
)
def test_an_arming_that_ends_soon_or_never_is_a_warning(until, armed, result, said):
    check = checkup.expiry_check(until, is_armed=armed, now=NOW)
    assert check.result is result
    assert said in check.detail


def test_what_was_not_understood_is_shown_as_a_warning():
    assert checkup.understood_check(()).result is CheckResult.OK
    check = checkup.understood_check(("account: state: closing", "position SCLXZZZ: cannot be read: quantity"))
    assert check.result is CheckResult.WARNING
    assert "account: state: closing; position SCLXZZZ: cannot be read: quantity" in check.detail


@pytest.mark.parametrize(("restriction", "result"), [(None, CheckResult.OK), ("locked", CheckResult.WARNING)])
def test_a_restricted_account_is_a_warning(restriction, result):
    zero = Decimal(0)
    account = AccountSnapshot(
        account_suffix="0001",
        buying_power=zero,
        cash=zero,
        cash_held_for_orders=zero,
        restriction=restriction,
        as_of=NOW,
    )
    check = checkup.account_check(account)
    assert (check.result, "...0001" in check.detail) == (result, True)
    assert (restriction or "can be read") in check.detail


def test_results_say_what_no_limit_counts_and_what_counts_by_totals():
    assert checkup.results_check(unknown_cost=(), unlisted_orders=0).result is CheckResult.OK
    check = checkup.results_check(unknown_cost=("NVDA", "F"), unlisted_orders=0)
    assert (check.result, check.detail) == (
        CheckResult.WARNING,
        "the cost of F, NVDA is unknown since a person accepted the position, and counts in no limit",
    )
    check = checkup.results_check(unknown_cost=(), unlisted_orders=2)
    assert check.result is CheckResult.WARNING
    assert check.detail.startswith("2 orders have fills whose executions are not listed yet")
