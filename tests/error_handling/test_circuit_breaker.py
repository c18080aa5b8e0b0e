"""A breaker opens by failures that are close together, and only its caller closes it."""

import pytest

from tests.support.manager_bench import MONDAY
from trading_bot.clock import Seconds, VirtualClock
from trading_bot.error_handling.circuit_breaker import CircuitBreaker


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(MONDAY)


@pytest.fixture
def breaker(clock: VirtualClock) -> CircuitBreaker:
    return CircuitBreaker(threshold=3, window_s=300, clock=clock)


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        breaker.record_failure()


def test_below_the_threshold_every_call_passes(breaker: CircuitBreaker):
    fail(breaker, 2)
    assert breaker.allows_call()


@pytest.mark.parametrize(("pause", "passes"), [(0, False), (150, False), (151, True)])
def test_the_third_failure_within_the_window_opens_it(
    breaker: CircuitBreaker, clock: VirtualClock, pause: Seconds, passes: bool
):
    for _ in range(3):
        breaker.record_failure()
        clock.sleep(pause)
    assert breaker.allows_call() is passes


def test_time_alone_does_not_close_it(breaker: CircuitBreaker, clock: VirtualClock):
    fail(breaker, 3)
    clock.sleep(100_000)
    assert not breaker.allows_call()
    breaker.record_failure()
    assert not breaker.allows_call()


def test_a_reset_closes_it_and_forgets_the_failures(breaker: CircuitBreaker):
    fail(breaker, 3)
    breaker.reset()
    assert breaker.allows_call()
    fail(breaker, 2)
    assert breaker.allows_call()


@pytest.mark.parametrize("wrong", [{"threshold": 0}, {"window_s": 0}, {"window_s": -1}], ids=str)
def test_nonsense_is_refused(clock: VirtualClock, wrong: dict[str, int]):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CircuitBreaker(**({"threshold": 3, "window_s": 300} | wrong), clock=clock)
