"""The pace of our calls: under four a second, cancels and exits first."""

import threading
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from tests.support.scripted_broker import MORNING, clock
from tests.support.shared_clock import SharedClock
from trading_bot.agent.rate import (
    CALL_EVERY_S,
    LONGEST_PAUSE_S,
    LONGEST_URGENT_PAUSE_S,
    PAUSE_S,
    URGENT_PAUSE_S,
    Pace,
    PacedWire,
    purpose_of,
)
from trading_bot.agent.tool_call import HttpRefusal, RpcError, ToolError, ToolReply, tool_call
from trading_bot.clock import VirtualClock
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.rate_budget import LEAST_REPLY_S, Purpose

CALLS = {
    Purpose.READ: tool_call("get_equity_orders", {}),
    Purpose.ORDER: tool_call("place_equity_order", {"symbol": "F", "side": "buy"}),
    Purpose.EXIT: tool_call("place_equity_order", {"symbol": "F", "side": "sell"}),
    Purpose.CANCEL: tool_call("cancel_equity_order", {}),
    Purpose.QUOTE: tool_call("get_equity_quotes", {}),
}
THROTTLED = ToolError(text="RATE_LIMITED: x", category="rate_limited")


class ScriptedWire:
    def __init__(self, time, *results):
        self.time, self.results, self.sent = time, list(results), []

    def call(self, call, *, timeout_s, permit=None):
        self.sent.append((self.time.monotonic(), timeout_s, permit))
        return self.results.pop(0) if self.results else ToolReply(data={})


def failed(result) -> WireFailure:
    assert isinstance(result, WireFailure)
    return result


@pytest.fixture
def time():
    return clock()


@pytest.mark.parametrize("purpose", CALLS)
def test_a_call_has_the_purpose_of_its_tool_and_a_place_that_of_its_side(purpose):
    assert purpose_of(CALLS[purpose]) is purpose


def test_in_no_second_do_more_than_four_calls_leave(time):
    wire = ScriptedWire(time)
    paced = PacedWire(wire=wire, clock=time)
    for _ in range(40):
        paced.call(CALLS[Purpose.READ], timeout_s=10)
    starts = [start for start, *_ in wire.sent]
    assert all(later - start > 1 for start, later in zip(starts, starts[4:], strict=False))
    assert starts[-1] == pytest.approx(39 * CALL_EVERY_S)


def test_unused_turns_are_not_saved_up(time):
    pace = Pace(clock=time)
    time.advance(60)
    begun = time.monotonic()
    for _ in range(3):
        pace.take(Purpose.READ, within_s=1)
    assert time.monotonic() - begun == pytest.approx(2 * CALL_EVERY_S)


class Interrupted(VirtualClock):
    """Runs something while somebody sleeps: what another thread does meanwhile."""

    meanwhile: Callable[[], object] | None = None

    def sleep(self, seconds):
        work, self.meanwhile = self.meanwhile, None
        if work is not None:
            work()
        super().sleep(seconds)


def turns(first, *then):
    """Return in which order calls leave if ``then`` are asked for, each in the wait of the one before."""
    time = Interrupted(MORNING)
    pace = Pace(clock=time)
    served = []

    def ask(purposes):
        if not purposes:
            return
        time.meanwhile = lambda: ask(purposes[1:])
        pace.take(purposes[0], within_s=60)
        served.append(purposes[0])

    pace.take(Purpose.READ, within_s=0)
    ask([first, *then])
    return served


@pytest.mark.parametrize("urgent", [Purpose.CANCEL, Purpose.EXIT])
@pytest.mark.parametrize("other", [Purpose.READ, Purpose.ORDER])
def test_a_cancel_or_an_exit_goes_before_whatever_waits(other, urgent):
    assert turns(other, urgent) == [urgent, other]


def test_a_buy_goes_before_a_read_that_waits():
    assert turns(Purpose.READ, Purpose.ORDER) == [Purpose.ORDER, Purpose.READ]


def test_threads_keep_the_pace_between_them():
    time = SharedClock(MORNING)
    pace = Pace(clock=time)
    threads = [
        threading.Thread(target=pace.take, args=(purpose,), kwargs={"within_s": 1e9})
        for purpose in (Purpose.CANCEL, Purpose.READ) * 3
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert time.monotonic() >= 5 * CALL_EVERY_S
    assert pace._waiting == []


def next_served(pace, time):
    time.advance(CALL_EVERY_S)
    [served] = [waiter for waiter in tuple(pace._waiting) if pace._taken_or_later(waiter) is None]
    return served


def waiting(pace, *purposes):
    return [pace._waiter(purpose) for purpose in purposes]


def test_while_others_wait_one_turn_in_four_is_theirs(time):
    pace, cancel = Pace(clock=time), Purpose.CANCEL
    waiting(pace, Purpose.READ, *[cancel] * 5)
    order = [next_served(pace, time).purpose for _ in range(6)]
    assert order == [cancel, cancel, cancel, Purpose.READ, cancel, cancel]


def test_cancels_with_nobody_beside_them_owe_no_turn(time):
    pace = Pace(clock=time)
    waiting(pace, *[Purpose.CANCEL] * 4)
    for _ in range(3):
        next_served(pace, time)
    waiting(pace, Purpose.READ)
    assert next_served(pace, time).purpose is Purpose.CANCEL


@pytest.mark.parametrize("purpose", CALLS)
def test_of_one_kind_the_first_is_served_first(time, purpose):
    pace = Pace(clock=time)
    waiters = waiting(pace, *[purpose] * 3)
    assert [next_served(pace, time) for _ in range(3)] == waiters


def test_a_turn_is_not_kept_by_one_whose_thread_stops_once_it_has_it(time):
    pace = Pace(clock=time)
    cancel, read = waiting(pace, Purpose.CANCEL, Purpose.READ)
    assert pace._taken_or_later(cancel) is None
    time.advance(CALL_EVERY_S)
    assert pace._taken_or_later(read) is None


def test_cancels_beside_one_whose_thread_stops_once_it_has_its_turn_owe_no_turn(time):
    pace = Pace(clock=time)
    (read,) = waiting(pace, Purpose.READ)
    assert pace._taken_or_later(read) is None
    waiting(pace, *[Purpose.CANCEL] * 4)
    for _ in range(3):
        next_served(pace, time)
    waiting(pace, Purpose.READ)
    assert next_served(pace, time).purpose is Purpose.CANCEL


class Halting(VirtualClock):
    """Lets time pass where it is read, as of a thread that stands still there; by number of the reading from now on."""

    def __init__(self, start):
        super().__init__(start)
        self.halts = {}

    def monotonic(self):
        self.halts = {number - 1: seconds for number, seconds in self.halts.items()}
        if seconds := self.halts.pop(0, 0):
            self.advance(seconds)
        return super().monotonic()


def test_a_thread_that_stands_still_before_it_waits_has_the_turn_that_came_meanwhile():
    time = Halting(MORNING)
    pace = Pace(clock=time)
    pace.take(Purpose.READ, within_s=0)
    time.halts = {3: 0.9}
    assert pace.take(Purpose.READ, within_s=1)
    assert time.monotonic() == pytest.approx(0.9)


def test_cancels_go_on_while_reads_pause(time):
    pace = Pace(clock=time)
    waiting(pace, Purpose.READ, *[Purpose.CANCEL] * 6)
    pace.throttled(None)
    time.advance(URGENT_PAUSE_S)
    assert [next_served(pace, time).purpose for _ in range(6)] == [Purpose.CANCEL] * 6


def test_a_shorter_pause_does_not_end_a_longer_one(time):
    pace = Pace(clock=time)
    pace.throttled(30)
    pace.throttled(None)
    assert not pace.take(Purpose.READ, within_s=29)
    assert pace.take(Purpose.READ, within_s=31)


def test_a_turn_that_does_not_come_in_time_is_not_waited_for(time):
    pace = Pace(clock=time)
    pace.take(Purpose.READ, within_s=0)
    assert not pace.take(Purpose.READ, within_s=0.1)
    assert time.monotonic() == 0
    assert pace.take(Purpose.READ, within_s=1)


@pytest.mark.parametrize(
    ("purpose", "told_s", "expected"),
    [
        (Purpose.READ, None, PAUSE_S),
        (Purpose.ORDER, None, PAUSE_S),
        (Purpose.CANCEL, None, URGENT_PAUSE_S),
        (Purpose.EXIT, None, URGENT_PAUSE_S),
        (Purpose.READ, 20, 20),
        (Purpose.READ, 300, LONGEST_PAUSE_S),
        (Purpose.QUOTE, None, URGENT_PAUSE_S),
        (Purpose.CANCEL, 30, LONGEST_URGENT_PAUSE_S),
    ],
)
@pytest.mark.parametrize("throttled", [THROTTLED, RpcError(code=-32000, text="RATE_LIMITED: x")], ids=["tool", "rpc"])
def test_a_throttled_login_pauses_and_cancels_pause_for_a_short_time_only(time, purpose, told_s, expected, throttled):
    refusal = throttled if told_s is None else HttpRefusal(status=429, headers={"retry-after": str(told_s)})
    wire = ScriptedWire(time, refusal)
    paced = PacedWire(wire=wire, clock=time)
    paced.call(CALLS[Purpose.READ], timeout_s=10)
    assert paced.requests_left()[purpose.value] == 0
    paced.call(CALLS[purpose], timeout_s=60)
    assert wire.sent[-1][0] == pytest.approx(expected)


def test_waiting_for_a_turn_counts_against_the_timeout_and_the_permit_is_handed_on(time):
    wire = ScriptedWire(time)
    paced = PacedWire(wire=wire, clock=time)
    permit = nullcontext()
    paced.call(CALLS[Purpose.READ], timeout_s=10)
    paced.call(CALLS[Purpose.ORDER], timeout_s=10, permit=permit)
    assert wire.sent[1][1] == pytest.approx(10 - CALL_EVERY_S)
    assert wire.sent[1][2] is permit


def test_what_could_leave_now_is_said_by_purpose(time):
    paced = PacedWire(wire=ScriptedWire(time), clock=time)
    assert set(paced.requests_left().values()) == {1}
    paced.call(CALLS[Purpose.READ], timeout_s=10)
    assert set(paced.requests_left().values()) == {0}


def test_an_order_is_sent_only_with_time_left_for_its_reply(time):
    wire = ScriptedWire(time)
    paced = PacedWire(wire=wire, clock=time)
    paced.call(CALLS[Purpose.READ], timeout_s=10)
    refused = failed(paced.call(CALLS[Purpose.ORDER], timeout_s=LEAST_REPLY_S + 0.2, permit=nullcontext()))
    assert (refused.kind, refused.first_byte_written) == (FailureKind.RATE_BUDGET, False)
    paced.call(CALLS[Purpose.ORDER], timeout_s=LEAST_REPLY_S + 0.3, permit=nullcontext())
    assert len(wire.sent) == 2


def test_an_order_whose_wait_took_longer_than_it_should_is_not_sent():
    class Oversleeper(VirtualClock):
        def sleep(self, seconds):
            super().sleep(seconds + 2)

    time = Oversleeper(MORNING)
    wire = ScriptedWire(time)
    paced = PacedWire(wire=wire, clock=time)
    paced.call(CALLS[Purpose.READ], timeout_s=10)
    refused = failed(paced.call(CALLS[Purpose.EXIT], timeout_s=LEAST_REPLY_S + 1, permit=nullcontext()))
    assert (refused.kind, len(wire.sent)) == (FailureKind.RATE_BUDGET, 1)


def test_a_call_without_time_is_not_sent(time):
    wire = ScriptedWire(time)
    refused = failed(PacedWire(wire=wire, clock=time).call(CALLS[Purpose.READ], timeout_s=0))
    assert (refused.kind, wire.sent) == (FailureKind.TIMEOUT, [])
