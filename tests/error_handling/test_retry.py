import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.manager_bench import ManagerBench
from trading_bot.clock import Seconds, VirtualClock
from trading_bot.error_handling.policies import CANCEL_POLICY, LOGIN_POLICY, READ_POLICY, SUBMIT_POLICY, RetryPolicy
from trading_bot.error_handling.retry import LONGEST_HINT_S, no_jitter, with_retry
from trading_bot.order_management.exceptions import (
    OrderNotFoundError,
    OrderNotSentError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
    OrderStatusError,
    TradingHaltedError,
)

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


class TestDecorated:
    """What an owner of a strategy gets, who knows no more of retries than the name."""

    def test_a_failed_read_is_repeated_by_default(self):
        reads: list[str] = []

        @with_retry(policy=replace(POLICY, initial_delay_s=0, jitter_s=0))
        def read(name: str, *, suffix: str) -> str:
            reads.append(name)
            if len(reads) == 1:
                raise OrderStatusError("the broker could not be read")
            return name + suffix

        assert read("a", suffix="b") == "ab"
        assert reads == ["a", "a"]

    def test_it_keeps_the_name_and_the_words_of_the_function(self):
        @with_retry
        def read() -> str:
            """Read it."""
            return "answer"

        assert (read(), read.__name__, read.__doc__) == ("answer", "read", "Read it.")

    @pytest.mark.parametrize("options", [{}, {"policy": POLICY}])
    def test_it_may_be_written_with_a_policy_and_with_nothing_in_its_brackets(self, clock: VirtualClock, options):
        call = Flaky(clock, *(OrderStatusError("no") for _ in range(2)))
        assert with_retry(clock=clock, **options)(call)() == "answer"
        assert call.called_at == ([0.0, 1.0, 3.0] if options else [0.0, 0.25, 0.75])

    def test_it_decorates_a_method(self):
        class Strategy:
            @with_retry()
            def price_of(self, symbol: str) -> str:
                return f"{self.__class__.__name__} {symbol}"

        assert Strategy().price_of("TSLA") == "Strategy TSLA"

    @pytest.mark.parametrize(
        "error",
        [
            OrderNotFoundError("no such order"),
            OrderNotSentError("refused by the network"),
            OrderOutcomeUnknownError("no answer"),
            OrderRejectedError("no", reason="no", status_code=400),
            TradingHaltedError("killed"),
            ConnectionError("reset"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_nothing_but_a_failed_read_is_repeated_by_default(self, clock: VirtualClock, error: Exception):
        call = Flaky(clock, error)
        with pytest.raises(type(error)):
            with_retry(clock=clock)(call)()
        assert len(call.called_at) == 1

    def test_what_deserves_a_repeat_can_be_said(self, clock: VirtualClock):
        call = Flaky(clock, *failures(1))
        assert with_retry(clock=clock, should_retry=is_transient)(call)() == "answer"

    @pytest.mark.parametrize("should_retry", [None, lambda _error: True], ids=["by default", "whatever is asked for"])
    def test_a_function_in_which_an_order_was_begun_is_never_repeated(self, clock: VirtualClock, should_retry):
        """The read that follows the order fails: repeating the function would send the order a second time."""
        bench = ManagerBench()

        @with_retry(clock=clock, should_retry=should_retry)
        def buy_and_look() -> None:
            bench.buy(None)
            bench.gateway.order().fill()
            bench.sync()
            bench.clock.sleep(60)  # the window in which an equal order is a duplicate has passed
            raise OrderStatusError("the broker could not be read")

        with pytest.raises(OrderStatusError):
            buy_and_look()
        assert len(bench.gateway.posts) == 1

    @pytest.mark.parametrize("where", ["a task", "a thread of asyncio", "a decorated function"])
    def test_an_order_begun_further_in_keeps_it_from_being_repeated_too(self, clock: VirtualClock, where: str):
        """Tasks work on a copy of the variables of a context: what they only set themselves is not seen outside."""
        bench = ManagerBench()

        async def buy() -> None:
            bench.buy(None)

        ways: dict[str, Callable[[], object]] = {
            "a task": lambda: asyncio.run(buy()),
            "a thread of asyncio": lambda: asyncio.run(asyncio.to_thread(bench.buy, None)),
            "a decorated function": lambda: with_retry(clock=clock)(bench.buy)(None),
        }

        @with_retry(clock=clock)
        def buy_and_look() -> None:
            ways[where]()
            bench.gateway.order().fill()
            bench.sync()
            bench.clock.sleep(60)
            raise OrderStatusError("the broker could not be read")

        with pytest.raises(OrderStatusError):
            buy_and_look()
        assert len(bench.gateway.posts) == 1

    def test_an_order_of_an_earlier_call_keeps_no_later_one_from_being_repeated(self, clock: VirtualClock):
        ManagerBench().buy(None)
        assert with_retry(clock=clock)(Flaky(clock, OrderStatusError("no")))() == "answer"

    def test_what_does_not_run_when_it_is_called_is_refused(self):
        async def later() -> None: ...

        def one_by_one() -> Iterator[int]:
            yield 1

        async def both() -> AsyncIterator[int]:
            yield 1

        for function in (later, one_by_one, both):
            with pytest.raises(TypeError, match="repeats a plain function"):
                with_retry(function)

    def test_a_policy_without_its_name_is_refused(self):
        nameless: Any = POLICY
        with pytest.raises(TypeError, match="a policy is given by its name"):
            with_retry(nameless)

    def test_a_call_with_half_of_what_it_needs_is_refused(self, clock: VirtualClock):
        half: Any = {"policy": POLICY, "clock": clock}
        with pytest.raises(TypeError, match="needs policy, clock and should_retry"):
            with_retry(Flaky(clock), **half)
