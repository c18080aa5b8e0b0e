"""What the doctor concludes from each fact."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from trading_bot import checkup
from trading_bot.audit.check import ChainVerdict
from trading_bot.checkup import Finding, FolderFacts, Trouble
from trading_bot.config import TradingConfig
from trading_bot.latch import LatchState
from trading_bot.market_hours import Calendar
from trading_bot.order_management.portfolio import AccountSnapshot

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
FOLDER = FolderFacts(path="/s", exists=True, mode=0o700, is_ours=True, problem=None, free_bytes=2 * 1024**3)
GOOD = ChainVerdict(ok=True, records=3, head="0", last_at=NOW, problem=None)


@pytest.mark.parametrize(("version", "finding"), [((3, 10, 14), Finding.FAILED), ((3, 11, 0), Finding.OK)])
def test_the_interpreter_has_to_be_new_enough(version, finding):
    assert checkup.python_check(version).finding is finding


def test_a_missing_package_is_named():
    check = checkup.packages_check({"click": "8.1", "rich": None})
    assert (check.finding, check.detail.startswith("rich cannot be found")) == (Finding.FAILED, True)
    assert checkup.packages_check({"click": "8.1"}).detail == "click 8.1"


@pytest.mark.parametrize(
    ("changes", "private", "finding"),
    [
        ({}, True, Finding.OK),
        ({"exists": False, "mode": 0}, True, Finding.OK),
        ({"problem": "read-only"}, True, Finding.FAILED),
        ({"problem": "read-only"}, False, Finding.FAILED),
        ({"is_ours": False}, True, Finding.FAILED),
        ({"is_ours": False}, False, Finding.OK),
        ({"mode": 0o750}, True, Finding.WARNING),
        ({"mode": 0o705}, True, Finding.WARNING),
        ({"mode": 0o755}, False, Finding.OK),
    ],
)
def test_a_folder_is_judged_by_who_can_do_what_in_it(changes, private, finding):
    check = checkup.folder_check("state folder", replace(FOLDER, **changes), private=private)
    assert check.finding is finding
    assert finding is not Finding.FAILED or check.trouble is Trouble.STORAGE


@pytest.mark.parametrize(
    ("free", "finding"),
    [
        (None, Finding.SKIPPED),
        (checkup.LEAST_FREE_BYTES - 1, Finding.FAILED),
        (checkup.LEAST_FREE_BYTES, Finding.WARNING),
        (checkup.LOW_FREE_BYTES, Finding.OK),
    ],
)
def test_too_little_room_for_a_journal_is_a_failure(free, finding):
    assert checkup.disk_check(replace(FOLDER, free_bytes=free)).finding is finding


@pytest.mark.parametrize(
    ("last", "finding"),
    [
        (None, Finding.OK),
        (NOW + timedelta(seconds=1), Finding.OK),
        (NOW + timedelta(seconds=3), Finding.FAILED),
    ],
)
def test_a_clock_behind_the_journal_is_a_failure(last, finding):
    assert checkup.clock_check(now=NOW, last_record=last).finding is finding


@pytest.mark.parametrize(
    ("off_by_s", "finding"),
    [
        (None, Finding.SKIPPED),
        (0, Finding.OK),
        (5, Finding.OK),
        (-5, Finding.OK),
        (6, Finding.WARNING),
        (-6, Finding.WARNING),
        (300, Finding.WARNING),
        (301, Finding.FAILED),
        (-301, Finding.FAILED),
    ],
)
def test_a_clock_is_judged_by_how_far_it_is_from_the_brokers(off_by_s, finding):
    """From five minutes on the bot concludes nothing from either clock, and sends no entry."""
    check = checkup.broker_clock_check(None if off_by_s is None else timedelta(seconds=off_by_s))
    assert (check.name, check.finding) == ("broker clock", finding)
    assert finding in (Finding.OK, Finding.SKIPPED) or f"{off_by_s:+} s off" in check.detail
    assert finding in (Finding.OK, Finding.SKIPPED) or "timedatectl" in check.detail


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
    assert (check.finding, check.detail.startswith(said)) == (Finding.OK, True)


def test_a_journal_that_does_not_verify_is_a_failure():
    assert checkup.journal_check(GOOD, path="j").finding is Finding.OK
    check = checkup.journal_check(replace(GOOD, ok=False, problem="record 4 is bad"), path="j")
    assert (check.finding, check.trouble) == (Finding.FAILED, Trouble.STORAGE)
    assert "record 4 is bad" in check.detail


@pytest.mark.parametrize(
    ("state", "first", "finding"),
    [
        (LatchState.ARMED, False, Finding.OK),
        (LatchState.DISARMED, False, Finding.FAILED),
        (LatchState.EXPIRED, False, Finding.FAILED),
        (LatchState.DISARMED, True, Finding.OK),
    ],
)
def test_only_an_armed_account_or_a_new_paper_account_can_trade(state, first, finding):
    check = checkup.latch_check(state, "why", first_start_arms=first)
    assert check.finding is finding
    assert finding is Finding.OK or (check.detail, check.trouble) == ("why", Trouble.HALT)


def test_a_tripped_breaker_is_a_halt():
    assert checkup.breaker_check(None).finding is Finding.OK
    check = checkup.breaker_check("lost too much")
    assert (check.finding, check.trouble, check.detail) == (Finding.FAILED, Trouble.HALT, "lost too much")


def test_a_holder_that_answers_is_well_and_a_silent_one_is_a_failure():
    assert checkup.holder_check(None, silent_because=None).detail == "no bot is running"
    assert "pid 7" in checkup.holder_check(7, silent_because=None).detail
    check = checkup.holder_check(None, silent_because="process 7 does not answer")
    assert (check.finding, check.trouble) == (Finding.FAILED, Trouble.HOLDER)


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
    ("until", "armed", "finding", "said"),
    [
        (NOW + timedelta(hours=12), True, Finding.OK, "2026-11-24 03:00 UTC"),
        (NOW + checkup.SHORT_ARMING, True, Finding.OK, "2026-11-23 16:00 UTC"),
        (NOW + timedelta(minutes=59), True, Finding.WARNING, "trading-bot arm"),
        (None, True, Finding.WARNING, "never"),
        (None, False, Finding.SKIPPED, "not armed"),
        (NOW - timedelta(hours=1), False, Finding.SKIPPED, "not armed"),
    ],
)
def test_an_arming_that_ends_soon_or_never_is_a_warning(until, armed, finding, said):
    check = checkup.expiry_check(until, is_armed=armed, now=NOW)
    assert check.finding is finding
    assert said in check.detail


def test_what_was_not_understood_is_shown_as_a_warning():
    assert checkup.understood_check(()).finding is Finding.OK
    check = checkup.understood_check(("account: state: closing", "position SCLXZZZ: cannot be read: quantity"))
    assert check.finding is Finding.WARNING
    assert "account: state: closing; position SCLXZZZ: cannot be read: quantity" in check.detail


@pytest.mark.parametrize(("restriction", "finding"), [(None, Finding.OK), ("locked", Finding.WARNING)])
def test_a_restricted_account_is_a_warning(restriction, finding):
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
    assert (check.finding, "...0001" in check.detail) == (finding, True)
    assert (restriction or "can be read") in check.detail
