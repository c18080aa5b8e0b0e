import threading
from collections import Counter
from contextlib import nullcontext
from datetime import timedelta
from email.utils import format_datetime

import pytest

from tests.support.scripted_broker import MORNING, clock, reply
from trading_bot.clock import VirtualClock
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.rate_budget import (
    ALLOWANCES,
    LEAST_REPLY_S,
    OWN_PAUSES,
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
    Purpose.QUOTE: WireRequest(method="GET", path="/quotes/"),
    Purpose.MARKET: WireRequest(method="GET", path="/marketdata/historicals/AAPL/"),
    Purpose.ORDER: WireRequest(method="POST", path="/orders/", body=b"symbol=AAPL&side=buy&type=limit"),
    Purpose.EXIT: WireRequest(method="POST", path="/orders/", body=b"symbol=AAPL&side=sell&type=limit"),
    Purpose.CANCEL: WireRequest(method="POST", path=f"/orders/{ORDER_ID}/cancel/"),
    Purpose.LOGIN: WireRequest(method="POST", path="/oauth2/token/"),
}
PLENTY = dict.fromkeys(Purpose, Allowance(burst=1000, every_s=0.001))
FIRST_PAUSE_S = OWN_PAUSES[Purpose.READ].first_s
WAITS_FOR = {
    Purpose.READ: {Purpose.READ},
    Purpose.CANCEL: {Purpose.CANCEL},
    Purpose.EXIT: {Purpose.EXIT},
    Purpose.QUOTE: {Purpose.QUOTE},
    Purpose.MARKET: set(Purpose),
    Purpose.ORDER: set(Purpose) - {Purpose.MARKET, Purpose.QUOTE},
    Purpose.LOGIN: set(Purpose) - {Purpose.MARKET, Purpose.QUOTE},
}


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


def test_what_is_left_is_what_could_leave_without_waiting(time):
    budget = RateBudget(clock=time, allowances={**ALLOWANCES, Purpose.ORDER: Allowance(burst=3, every_s=1.0)})
    left = []
    for _ in range(3):
        left.append(budget.left()[Purpose.ORDER])
        assert budget.take(Purpose.ORDER, within_s=0)
    assert [*left, budget.left()[Purpose.ORDER]] == [3, 2, 1, 0]
    time.sleep(1.5)
    assert budget.left()[Purpose.ORDER] == 1
    assert set(budget.left()) == set(Purpose)
    budget.throttled(Purpose.READ, 10, sent_at=time.monotonic())
    time.sleep(9)
    assert (budget.left()[Purpose.ORDER], budget.left()[Purpose.CANCEL]) == (0, ALLOWANCES[Purpose.CANCEL].burst)
    time.sleep(1)
    assert budget.left()[Purpose.ORDER] == 3


def test_a_wire_says_what_is_left_by_the_word_of_its_purpose(time):
    wire = BudgetedWire(wire=None, budget=RateBudget(clock=time), clock=time)  # type: ignore[arg-type]  # sends nothing
    assert wire.requests_left() == {purpose.value: ALLOWANCES[purpose].burst for purpose in Purpose}


@pytest.mark.parametrize("kept", [Purpose.CANCEL, Purpose.EXIT])
def test_nothing_else_can_use_up_the_budget_of_cancels_and_exits(time, kept):
    budget = RateBudget(clock=time)
    for greedy in set(Purpose) - {kept}:
        while budget.take(greedy, within_s=0):
            pass
        budget.throttled(greedy, 300, sent_at=time.monotonic())
    assert all(budget.take(kept, within_s=0) for _ in range(ALLOWANCES[kept].burst))


@pytest.mark.parametrize("purpose", [Purpose.ORDER, Purpose.EXIT])
def test_the_orders_of_twenty_symbols_leave_at_once(time, purpose):
    scripted = ScriptedWire(time)
    wire = BudgetedWire(wire=scripted, budget=RateBudget(clock=time), clock=time)
    for _ in range(20):
        wire.exchange(REQUESTS[purpose], timeout_s=10)
    assert [(name, at) for name, at, *_ in scripted.sent] == [(purpose, 0)] * 20


def test_forty_exits_leave_before_their_price_is_too_old_beside_forty_entries(time):
    scripted = ScriptedWire(time)
    wire = BudgetedWire(wire=scripted, budget=RateBudget(clock=time), clock=time)
    for _ in range(40):
        for purpose in (Purpose.ORDER, Purpose.EXIT):
            wire.exchange(REQUESTS[purpose], timeout_s=10 - time.monotonic())
    assert Counter(purpose for purpose, *_ in scripted.sent) == {Purpose.EXIT: 40, Purpose.ORDER: 27}


@pytest.mark.parametrize("throttled_one", Purpose)
@pytest.mark.parametrize("purpose", Purpose)
def test_a_throttled_request_pauses_all_that_can_wait(time, throttled_one, purpose):
    """Cancels, and the reads that prove them, wait for nobody else: a kill goes on whatever else is throttled."""
    budget = RateBudget(clock=time)
    budget.throttled(throttled_one, 10, sent_at=time.monotonic())
    is_paused = throttled_one in WAITS_FOR[purpose]
    assert budget.take(purpose, within_s=9.9) is not is_paused
    assert budget.take(purpose, within_s=10)
    assert time.monotonic() == (10 if is_paused else 0)


def test_a_shorter_pause_does_not_end_a_longer_one(time):
    budget = RateBudget(clock=time)
    budget.throttled(Purpose.READ, 60, sent_at=time.monotonic())
    budget.throttled(Purpose.READ, 1, sent_at=time.monotonic())
    assert not budget.take(Purpose.READ, within_s=59)


def pauses_of(budget, time, purpose, *, number):
    pauses = []
    for _ in range(number):
        budget.throttled(purpose, None, sent_at=time.monotonic())
        before = time.monotonic()
        assert budget.take(purpose, within_s=600)
        pauses.append(round(time.monotonic() - before))
    return pauses


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [
        (Purpose.READ, [5, 10, 20, 40, 80, 80, 80]),
        (Purpose.QUOTE, [5, 10, 20, 40, 80, 80, 80]),
        (Purpose.MARKET, [5, 10, 20, 40, 80, 80, 80]),
        (Purpose.ORDER, [5, 10, 20, 40, 80, 80, 80]),
        (Purpose.EXIT, [1, 2, 4, 5, 5, 5, 5]),
        (Purpose.CANCEL, [1, 2, 4, 5, 5, 5, 5]),
        (Purpose.LOGIN, [5, 10, 20, 40, 80, 80, 80]),
    ],
)
def test_pauses_without_a_measure_double_up_to_the_longest_until_a_request_is_served(time, purpose, expected):
    """Those of exits and cancels stay short: a cancel has to be tried several times before a kill's deadline."""
    budget = RateBudget(clock=time, allowances=PLENTY)
    assert pauses_of(budget, time, purpose, number=7) == expected
    budget.served(purpose)
    assert pauses_of(budget, time, purpose, number=1) == expected[:1]


def test_a_read_that_is_served_does_not_shorten_the_next_pause_of_orders(time):
    budget = RateBudget(clock=time, allowances=PLENTY)
    pauses_of(budget, time, Purpose.ORDER, number=2)
    budget.served(Purpose.READ)
    assert pauses_of(budget, time, Purpose.ORDER, number=1) == [20]


def test_a_broker_that_throttles_for_good_breaks_no_arithmetic(time):
    """Doubled without bound, a pause is no number any more after about a thousand times."""
    budget = RateBudget(clock=time, allowances=PLENTY)
    assert pauses_of(budget, time, Purpose.READ, number=1100)[-1] == 80


@pytest.mark.parametrize("burst", [4, 8])
@pytest.mark.parametrize("purpose", Purpose)
def test_a_burst_of_429s_is_one_pause(time, purpose, burst):
    """Requests that were under way together say once that there were too many of them, however many they are."""
    budget, first_s = RateBudget(clock=time, allowances=PLENTY), OWN_PAUSES[purpose].first_s
    for _ in range(burst):
        budget.throttled(purpose, None, sent_at=0)
    assert budget.take(purpose, within_s=600)
    assert time.monotonic() == pytest.approx(first_s)
    assert pauses_of(budget, time, purpose, number=1) == [2 * first_s]


def test_a_429_that_comes_after_the_pause_it_was_under_way_at_is_part_of_the_same_burst(time):
    budget = RateBudget(clock=time, allowances=PLENTY)
    budget.throttled(Purpose.CANCEL, None, sent_at=0)
    time.sleep(3)
    budget.throttled(Purpose.CANCEL, None, sent_at=0)
    assert budget.take(Purpose.CANCEL, within_s=0)


def test_a_429_that_measures_its_pause_is_obeyed_by_a_burst_too(time):
    budget = RateBudget(clock=time, allowances=PLENTY)
    budget.throttled(Purpose.CANCEL, None, sent_at=0)
    budget.throttled(Purpose.CANCEL, 8, sent_at=0)
    assert not budget.take(Purpose.CANCEL, within_s=7.9)
    assert budget.take(Purpose.CANCEL, within_s=8)


def test_a_long_measured_pause_keeps_other_cancels_waiting_for_ten_seconds_only(time):
    """A kill ends within a minute, and each order should get its first request by then."""
    budget = RateBudget(clock=time, allowances=PLENTY)
    budget.throttled(Purpose.CANCEL, 300, sent_at=0)
    assert not budget.take(Purpose.CANCEL, within_s=9.9)
    assert budget.take(Purpose.CANCEL, within_s=10)
    assert not budget.take(Purpose.ORDER, within_s=289)
    assert budget.take(Purpose.ORDER, within_s=290)


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


@pytest.mark.parametrize("purpose", Purpose)
def test_an_answer_on_the_wire_ends_a_row_of_pauses(time, purpose):
    answers = (throttled(), WireReply(status=200, headers={}, body=b""), throttled())
    scripted = ScriptedWire(time, *answers)
    wire = BudgetedWire(wire=scripted, budget=RateBudget(clock=time, allowances=PLENTY), clock=time)
    for _ in range(4):
        wire.exchange(REQUESTS[purpose], timeout_s=600)
    assert scripted.sent[3][1] - scripted.sent[2][1] == pytest.approx(OWN_PAUSES[purpose].first_s)


def test_a_request_beyond_the_budget_is_not_sent(time):
    scripted = ScriptedWire(time)
    budget = RateBudget(clock=time, allowances=dict.fromkeys(Purpose, Allowance(burst=1, every_s=60)))
    wire = BudgetedWire(wire=scripted, budget=budget, clock=time)
    wire.exchange(REQUESTS[Purpose.ORDER], timeout_s=10)
    result = wire.exchange(REQUESTS[Purpose.ORDER], timeout_s=10)
    assert isinstance(result, WireFailure)
    assert (result.kind, result.first_byte_written, result.security_alert) == (FailureKind.RATE_BUDGET, False, False)
    assert len(scripted.sent) == 1


def wire_with_one_at_once(time, *, every_s):
    scripted = ScriptedWire(time)
    budget = RateBudget(clock=time, allowances=dict.fromkeys(Purpose, Allowance(burst=1, every_s=every_s)))
    return scripted, BudgetedWire(wire=scripted, budget=budget, clock=time)


def test_waiting_for_the_budget_counts_against_the_timeout_and_the_permit_is_handed_on(time):
    permit = nullcontext()
    scripted, wire = wire_with_one_at_once(time, every_s=4)
    for _ in range(2):
        wire.exchange(REQUESTS[Purpose.ORDER], timeout_s=10, permit=permit)
    assert scripted.sent == [(Purpose.ORDER, 0, 10, permit), (Purpose.ORDER, 4, 6, permit)]


@pytest.mark.parametrize(("every_s", "is_sent"), [(7.0, True), (7.01, False), (9.95, False)])
def test_an_order_is_sent_only_with_time_left_for_its_reply(time, every_s, is_sent):
    """Cut short, it would be in doubt by our own doing; not sent, it can be tried again."""
    scripted, wire = wire_with_one_at_once(time, every_s=every_s)
    wire.exchange(REQUESTS[Purpose.ORDER], timeout_s=10)
    result = wire.exchange(REQUESTS[Purpose.ORDER], timeout_s=10)
    assert len(scripted.sent) == 1 + is_sent
    assert all(timeout_s >= LEAST_REPLY_S for *_, timeout_s, _ in scripted.sent)
    if not is_sent:
        assert isinstance(result, WireFailure)
        assert (result.kind, result.first_byte_written) == (FailureKind.RATE_BUDGET, False)
        assert time.monotonic() == 0


@pytest.mark.parametrize("purpose", sorted(set(Purpose) - {Purpose.ORDER, Purpose.EXIT}))
def test_what_may_be_repeated_is_sent_with_the_time_there_is(time, purpose):
    scripted, wire = wire_with_one_at_once(time, every_s=9)
    for _ in range(2):
        wire.exchange(REQUESTS[purpose], timeout_s=10)
    assert [timeout_s for *_, timeout_s, _ in scripted.sent] == [10, 1]


def test_an_order_whose_whole_time_is_short_goes_out_at_once_or_not_at_all(time):
    scripted, wire = wire_with_one_at_once(time, every_s=0.5)
    for _ in range(2):
        wire.exchange(REQUESTS[Purpose.ORDER], timeout_s=2)
    assert [(at, timeout_s) for _, at, timeout_s, _ in scripted.sent] == [(0, 2)]


def test_an_order_whose_wait_took_longer_than_it_should_is_not_sent():
    """A process that was stopped meanwhile wakes with no time left for a reply."""

    class Oversleeper(VirtualClock):
        def sleep(self, seconds):
            super().sleep(seconds + 5)

    time = Oversleeper(MORNING)
    scripted, wire = wire_with_one_at_once(time, every_s=4)
    wire.exchange(REQUESTS[Purpose.ORDER], timeout_s=10)
    assert isinstance(wire.exchange(REQUESTS[Purpose.ORDER], timeout_s=10), WireFailure)
    assert len(scripted.sent) == 1


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("timeout_s", [0, -1])
def test_a_request_without_time_uses_nothing_up(time, purpose, timeout_s):
    scripted, wire = wire_with_one_at_once(time, every_s=60)
    late = wire.exchange(REQUESTS[purpose], timeout_s=timeout_s)
    assert isinstance(late, WireFailure)
    assert (late.kind, late.first_byte_written, scripted.sent) == (FailureKind.TIMEOUT, False, [])
    assert not isinstance(wire.exchange(REQUESTS[purpose], timeout_s=1), WireFailure)


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
