from datetime import UTC, datetime

import pytest

from trading_bot.clock import Seconds, VirtualClock
from trading_bot.error_handling.circuit_breaker import CircuitBreaker, CircuitState


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(datetime(2026, 11, 23, 15, tzinfo=UTC))


@pytest.fixture
def breaker(clock: VirtualClock) -> CircuitBreaker:
    return CircuitBreaker(threshold=3, window_s=300, cooldown_s=60, clock=clock)


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        breaker.record_failure()


def test_below_the_threshold_every_call_passes(breaker: CircuitBreaker):
    fail(breaker, 2)
    assert breaker.state() is CircuitState.CLOSED
    assert [breaker.allows_call() for _ in range(3)] == [True, True, True]


def test_the_third_failure_within_the_window_opens_it(breaker: CircuitBreaker):
    fail(breaker, 3)
    assert breaker.state() is CircuitState.OPEN
    assert not breaker.allows_call()


@pytest.mark.parametrize(("pause", "state"), [(300, CircuitState.OPEN), (300.5, CircuitState.CLOSED)])
def test_only_failures_within_the_window_count(
    breaker: CircuitBreaker, clock: VirtualClock, pause: Seconds, state: CircuitState
):
    breaker.record_failure()
    clock.sleep(pause)
    fail(breaker, 2)
    assert breaker.state() is state


def test_a_success_while_closed_forgives_nothing(breaker: CircuitBreaker):
    fail(breaker, 2)
    breaker.record_success()
    fail(breaker, 1)
    assert breaker.state() is CircuitState.OPEN


def test_after_the_cooldown_one_trial_passes(breaker: CircuitBreaker, clock: VirtualClock):
    fail(breaker, 3)
    clock.sleep(59.9)
    assert not breaker.allows_call()
    clock.sleep(0.1)
    assert breaker.state() is CircuitState.HALF_OPEN
    assert [breaker.allows_call(), breaker.allows_call()] == [True, False]


def test_a_trial_that_works_closes_it_and_forgets_the_failures(breaker: CircuitBreaker, clock: VirtualClock):
    fail(breaker, 3)
    clock.sleep(60)
    breaker.allows_call()
    breaker.record_success()
    fail(breaker, 2)
    assert breaker.state() is CircuitState.CLOSED


def test_a_trial_that_fails_opens_it_for_another_cooldown(breaker: CircuitBreaker, clock: VirtualClock):
    fail(breaker, 3)
    clock.sleep(60)
    breaker.allows_call()
    clock.sleep(30)
    breaker.record_failure()
    clock.sleep(59)
    assert breaker.state() is CircuitState.OPEN
    clock.sleep(1)
    assert breaker.state() is CircuitState.HALF_OPEN


def test_a_trial_that_never_reports_is_replaced_after_another_cooldown(breaker: CircuitBreaker, clock: VirtualClock):
    fail(breaker, 3)
    clock.sleep(60)
    breaker.allows_call()
    clock.sleep(60)
    assert breaker.allows_call()


def test_a_late_success_of_an_older_call_does_not_close_it(breaker: CircuitBreaker):
    fail(breaker, 3)
    breaker.record_success()
    assert breaker.state() is CircuitState.OPEN


def test_a_success_after_a_failed_trial_does_not_close_it(breaker: CircuitBreaker, clock: VirtualClock):
    fail(breaker, 3)
    clock.sleep(60)
    breaker.allows_call()
    breaker.record_failure()
    breaker.record_success()
    assert breaker.state() is CircuitState.OPEN


def test_late_failures_of_older_calls_do_not_lengthen_the_cooldown(breaker: CircuitBreaker, clock: VirtualClock):
    fail(breaker, 3)
    clock.sleep(50)
    breaker.record_failure()
    clock.sleep(10)
    assert breaker.state() is CircuitState.HALF_OPEN


def test_without_a_cooldown_only_a_reset_closes_it(clock: VirtualClock):
    breaker = CircuitBreaker(threshold=3, window_s=300, clock=clock)
    fail(breaker, 3)
    clock.sleep(1_000_000)
    assert breaker.state() is CircuitState.OPEN
    breaker.reset()
    assert breaker.state() is CircuitState.CLOSED
    fail(breaker, 2)
    assert breaker.allows_call()


@pytest.mark.parametrize("wrong", [{"threshold": 0}, {"window_s": 0}, {"cooldown_s": 0}])
def test_senseless_bounds_are_refused(clock: VirtualClock, wrong: dict[str, int]):
    with pytest.raises(ValueError, match=r"breaker opens|positive"):
        CircuitBreaker(**({"threshold": 3, "window_s": 300, "cooldown_s": 60} | wrong), clock=clock)
