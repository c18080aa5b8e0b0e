import threading
from contextlib import nullcontext
from datetime import timedelta
from email.utils import format_datetime

import pytest

from tests.support.scripted_broker import MORNING, clock, reply
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.rate_budget import (
    ALLOWANCES,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    Allowance,
    BudgetedWire,
    Purpose,
    RateBudget,
    purpose_of,
)
from trading_bot.robinhood.session import WireReply, WireRequest

ORDER_ID = "7a2f7d2c-1f0e-4a57-9f0b-2f2d8a0c1b11"
REQUESTS = {
    Purpose.READ: WireRequest(method="GET", path="/orders/"),
    Purpose.ORDER: WireRequest(method="POST", path="/orders/"),
    Purpose.CANCEL: WireRequest(method="POST", path=f"/orders/{ORDER_ID}/cancel/"),
    Purpose.LOGIN: WireRequest(method="POST", path="/oauth2/token/"),
}
PLENTY = dict.fromkeys(Purpose, Allowance(burst=1000, every_s=0.001))


class ScriptedWire:
    def __init__(self, time, *results):
        self.time, self.results, self.sent = time, list(results), []

    def exchange(self, request, *, timeout_s, permit=None):
        self.sent.append((purpose_of(request), self.time.monotonic(), timeout_s, permit))
        return self.results.pop(0) if self.results else WireReply(status=200, headers={}, body=b"{}")


def throttled(body=None, **headers) -> WireReply:
    scripted = reply(429, body, **headers)
    return WireReply(
        status=429, headers={name.lower(): text for name, text in scripted.headers.items()}, body=scripted.body
    )


@pytest.fixture
def time():
    return clock()


@pytest.mark.parametrize("purpose", Purpose)
def test_a_request_has_the_purpose_of_its_address(purpose):
    assert purpose_of(REQUESTS[purpose]) is purpose


@pytest.mark.parametrize("purpose", Purpose)
def test_a_burst_goes_out_at_once_and_the_rest_at_the_steady_rate(time, purpose):
    budget, allowance = RateBudget(clock=time), ALLOWANCES[purpose]
    for _ in range(allowance.burst):
        assert budget.take(purpose, within_s=0)
    assert not budget.take(purpose, within_s=0)
    for number in (1, 2, 3):
        assert budget.take(purpose, within_s=60)
        assert time.monotonic() == pytest.approx(number * allowance.every_s)


def test_an_unused_budget_fills_up_to_the_burst_and_no_further(time):
    budget = RateBudget(clock=time, allowances={**ALLOWANCES, Purpose.ORDER: Allowance(burst=2, every_s=1.0)})
    time.sleep(3600)
    assert [budget.take(Purpose.ORDER, within_s=0) for _ in range(3)] == [True, True, False]


def test_a_refused_request_uses_nothing_up(time):
    budget = RateBudget(clock=time, allowances={**ALLOWANCES, Purpose.ORDER: Allowance(burst=1, every_s=1.0)})
    assert budget.take(Purpose.ORDER, within_s=0)
    assert not any(budget.take(Purpose.ORDER, within_s=0.5) for _ in range(5))
    assert time.monotonic() == 0
    assert budget.take(Purpose.ORDER, within_s=1.0)


@pytest.mark.parametrize("greedy", sorted(set(Purpose) - {Purpose.CANCEL}))
def test_nothing_else_can_use_up_the_budget_of_cancels(time, greedy):
    budget = RateBudget(clock=time)
    while budget.take(greedy, within_s=0):
        pass
    budget.throttled(greedy, 300)
    assert all(budget.take(Purpose.CANCEL, within_s=0) for _ in range(ALLOWANCES[Purpose.CANCEL].burst))


@pytest.mark.parametrize("throttled_one", Purpose)
@pytest.mark.parametrize("purpose", Purpose)
def test_a_throttled_request_pauses_all_that_can_wait(time, throttled_one, purpose):
    budget = RateBudget(clock=time)
    budget.throttled(throttled_one, 10)
    is_paused = throttled_one is Purpose.CANCEL or purpose is not Purpose.CANCEL
    assert budget.take(purpose, within_s=9.9) is not is_paused
    assert budget.take(purpose, within_s=10)
    assert time.monotonic() == (10 if is_paused else 0)


def test_a_shorter_pause_does_not_end_a_longer_one(time):
    budget = RateBudget(clock=time)
    budget.throttled(Purpose.READ, 60)
    budget.throttled(Purpose.READ, 1)
    assert not budget.take(Purpose.READ, within_s=59)


def test_pauses_without_a_measure_double_up_to_the_longest_until_a_request_is_served(time):
    budget, pauses = RateBudget(clock=time, allowances=PLENTY), []
    for _ in range(7):
        budget.throttled(Purpose.READ, None)
        before = time.monotonic()
        assert budget.take(Purpose.READ, within_s=600)
        pauses.append(round(time.monotonic() - before))
    assert pauses == [5, 10, 20, 40, 80, 80, 80]
    budget.served()
    budget.throttled(Purpose.READ, None)
    assert budget.take(Purpose.READ, within_s=FIRST_PAUSE_S)
    assert LONGEST_PAUSE_S == 80


@pytest.mark.parametrize(
    ("answer", "pause_s"),
    [
        (throttled(Retry_After="7"), 7),
        (throttled(Retry_After=format_datetime(MORNING + timedelta(seconds=20), usegmt=True)), 20),
        (throttled({"detail": "Request was throttled. Expected available in 14 seconds."}), 14),
        (throttled(), FIRST_PAUSE_S),
        (throttled(Retry_After="soon"), FIRST_PAUSE_S),
        (throttled(Retry_After="1154515"), 300),
        (throttled(Retry_After="-3"), 1),
        (throttled(Retry_After="nan"), 300),
    ],
)
def test_a_429_on_the_wire_pauses_for_as_long_as_the_broker_says_within_bounds(time, answer, pause_s):
    scripted = ScriptedWire(time, answer)
    wire = BudgetedWire(wire=scripted, budget=RateBudget(clock=time, allowances=PLENTY), clock=time)
    assert wire.exchange(REQUESTS[Purpose.READ], timeout_s=10) is answer
    wire.exchange(REQUESTS[Purpose.READ], timeout_s=600)
    assert scripted.sent[1][1] == pytest.approx(pause_s)


def test_an_answer_on_the_wire_ends_a_row_of_pauses(time):
    answers = (throttled(), WireReply(status=200, headers={}, body=b""), throttled())
    scripted = ScriptedWire(time, *answers)
    wire = BudgetedWire(wire=scripted, budget=RateBudget(clock=time, allowances=PLENTY), clock=time)
    for _ in range(4):
        wire.exchange(REQUESTS[Purpose.READ], timeout_s=600)
    assert scripted.sent[3][1] - scripted.sent[2][1] == pytest.approx(FIRST_PAUSE_S)


def test_a_request_beyond_the_budget_is_not_sent(time):
    scripted = ScriptedWire(time)
    budget = RateBudget(clock=time, allowances=dict.fromkeys(Purpose, Allowance(burst=1, every_s=60)))
    wire = BudgetedWire(wire=scripted, budget=budget, clock=time)
    wire.exchange(REQUESTS[Purpose.ORDER], timeout_s=10)
    result = wire.exchange(REQUESTS[Purpose.ORDER], timeout_s=10)
    assert isinstance(result, WireFailure)
    assert (result.kind, result.first_byte_written, result.security_alert) == (FailureKind.RATE_BUDGET, False, False)
    assert len(scripted.sent) == 1


def test_waiting_for_the_budget_counts_against_the_timeout_and_the_permit_is_handed_on(time):
    scripted, permit = ScriptedWire(time), nullcontext()
    budget = RateBudget(clock=time, allowances=dict.fromkeys(Purpose, Allowance(burst=1, every_s=4)))
    wire = BudgetedWire(wire=scripted, budget=budget, clock=time)
    for _ in range(2):
        wire.exchange(REQUESTS[Purpose.ORDER], timeout_s=10, permit=permit)
    assert scripted.sent == [(Purpose.ORDER, 0, 10, permit), (Purpose.ORDER, 4, 6, permit)]


def test_threads_get_no_more_than_the_budget_between_them(time):
    budget = RateBudget(clock=time, allowances=dict.fromkeys(Purpose, Allowance(burst=5, every_s=60)))
    taken = []
    threads = [threading.Thread(target=lambda: taken.append(budget.take(Purpose.ORDER, within_s=0))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 15 + [True] * 5


@pytest.mark.parametrize("wrong", [{"burst": 0, "every_s": 1}, {"burst": 1, "every_s": 0}])
def test_an_allowance_of_nothing_or_everything_is_refused(wrong):
    with pytest.raises(ValueError, match="burst of 1"):
        Allowance(**wrong)
