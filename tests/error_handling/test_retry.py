import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from trading_bot.clock import Seconds, VirtualClock
from trading_bot.error_handling.policies import CANCEL_POLICY, LOGIN_POLICY, READ_POLICY, SUBMIT_POLICY, RetryPolicy
from trading_bot.error_handling.retry import LONGEST_HINT_S, no_jitter, with_retry

POLICY = RetryPolicy(max_attempts=4, initial_delay_s=1.0, max_delay_s=3.0, jitter_s=0.5)


class TransientError(Exception):
    pass


class Flaky:
    """Fails with each of the given errors in turn, then answers; remembers when it was called."""

    def __init__(self, clock: VirtualClock, *errors: BaseException) -> None:
        self._clock = clock
        self._errors = list(errors)
        self.called_at: list[Seconds] = []

    def __call__(self) -> str:
        self.called_at.append(self._clock.monotonic())
        if self._errors:
            raise self._errors.pop(0)
        return "answer"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(datetime(2026, 11, 23, 15, tzinfo=UTC))


def is_transient(error: Exception) -> bool:
    return isinstance(error, TransientError)


def hint_of(seconds: Seconds | None) -> Callable[[Exception], Seconds | None]:
    return lambda _error: seconds


def failures(count: int) -> list[TransientError]:
    return [TransientError(str(number)) for number in range(count)]


def test_a_call_that_works_is_made_once(clock: VirtualClock):
    call = Flaky(clock)
    assert with_retry(call, policy=POLICY, clock=clock, should_retry=is_transient) == "answer"
    assert call.called_at == [0.0]


def test_delays_double_up_to_the_maximum(clock: VirtualClock):
    call = Flaky(clock, *failures(3))
    assert with_retry(call, policy=POLICY, clock=clock, should_retry=is_transient) == "answer"
    assert call.called_at == [0.0, 1.0, 3.0, 6.0]


@pytest.mark.parametrize("policy", [READ_POLICY, SUBMIT_POLICY, CANCEL_POLICY, LOGIN_POLICY])
def test_max_attempts_counts_every_call_and_the_last_error_comes_back_unchanged(
    clock: VirtualClock, policy: RetryPolicy
):
    errors = failures(10)
    call = Flaky(clock, *errors)
    with pytest.raises(TransientError) as caught:
        with_retry(call, policy=policy, clock=clock, should_retry=is_transient)
    assert len(call.called_at) == policy.max_attempts
    assert caught.value is errors[policy.max_attempts - 1]


def test_an_error_that_does_not_deserve_it_is_raised_at_once(clock: VirtualClock):
    call = Flaky(clock, KeyError("final"))
    with pytest.raises(KeyError):
        with_retry(call, policy=POLICY, clock=clock, should_retry=is_transient)
    assert call.called_at == [0.0]


def test_an_interrupt_is_never_retried(clock: VirtualClock):
    call = Flaky(clock, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        with_retry(call, policy=POLICY, clock=clock, should_retry=lambda _error: True)
    assert call.called_at == [0.0]


@pytest.mark.parametrize(
    ("hint", "waited"),
    [
        (7.0, 7.0),
        (0.0, 0.0),
        (-5.0, 0.0),
        (LONGEST_HINT_S + 1, 300.0),
        (math.inf, 300.0),
        (-math.inf, 0.0),
        (math.nan, 1.0),
        (None, 1.0),
    ],
)
def test_a_hint_within_its_bounds_beats_the_policy(clock: VirtualClock, hint: Seconds | None, waited: Seconds):
    call = Flaky(clock, *failures(1))
    with_retry(call, policy=POLICY, clock=clock, should_retry=is_transient, delay_hint=hint_of(hint))
    assert call.called_at == [0.0, waited]


def test_jitter_is_added_to_the_delay_and_asked_for_within_the_policys_bound(clock: VirtualClock):
    bounds: list[Seconds] = []

    def jitter(bound: Seconds) -> Seconds:
        bounds.append(bound)
        return 0.125

    call = Flaky(clock, *failures(1))
    with_retry(call, policy=POLICY, clock=clock, should_retry=is_transient, jitter=jitter)
    assert call.called_at == [0.0, 1.125]
    assert bounds == [0.5]


def test_without_jitter_nothing_is_added():
    assert no_jitter(5.0) == 0.0


def test_a_wait_that_would_pass_the_deadline_is_never_begun(clock: VirtualClock):
    errors = failures(3)
    call = Flaky(clock, *errors)
    with pytest.raises(TransientError) as caught:
        with_retry(call, policy=POLICY, clock=clock, should_retry=is_transient, deadline=2.9)
    assert call.called_at == [0.0, 1.0]
    assert clock.monotonic() == 1.0
    assert caught.value is errors[1]


def test_a_wait_that_ends_at_the_deadline_is_begun(clock: VirtualClock):
    call = Flaky(clock, *failures(2))
    assert with_retry(call, policy=POLICY, clock=clock, should_retry=is_transient, deadline=3.0) == "answer"


def test_a_hint_beyond_the_deadline_ends_the_retry(clock: VirtualClock):
    call = Flaky(clock, *failures(1))
    with pytest.raises(TransientError):
        with_retry(call, policy=POLICY, clock=clock, should_retry=is_transient, delay_hint=hint_of(60.0), deadline=10.0)
    assert clock.monotonic() == 0.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_attempts": 0},
        {"initial_delay_s": -1.0},
        {"initial_delay_s": 4.0},
        {"max_delay_s": math.inf},
        {"initial_delay_s": math.nan},
        {"jitter_s": -0.1},
        {"jitter_s": math.inf},
    ],
)
def test_a_senseless_policy_is_refused(wrong):
    with pytest.raises(ValueError, match=r"give|counts"):
        replace(POLICY, **wrong)


@pytest.mark.parametrize(
    ("policy", "figures"),
    [
        (READ_POLICY, (3, 0.25, 2.0)),
        (SUBMIT_POLICY, (3, 0.5, 5.0)),
        (CANCEL_POLICY, (4, 0.25, 2.0)),
        (LOGIN_POLICY, (3, 1.0, 10.0)),
    ],
)
def test_the_policies_are_the_agreed_ones(policy: RetryPolicy, figures: tuple[int, Seconds, Seconds]):
    assert (policy.max_attempts, policy.initial_delay_s, policy.max_delay_s) == figures
