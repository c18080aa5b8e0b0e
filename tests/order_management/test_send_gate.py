"""The last look before the first byte."""

from datetime import timedelta

import pytest

from tests.support.manager_bench import MONDAY, FakeLatch, FakeSendLock
from trading_bot.clock import VirtualClock
from trading_bot.order_management.ports import SendRefusedError
from trading_bot.order_management.send_gate import CANCELLED, DEADLINE, LATCH, SEND_LOCK, SendGate


class Gate:
    def __init__(self, *, not_after: float = 10) -> None:
        self.clock = VirtualClock(MONDAY)
        self.latch = FakeLatch()
        self.lock = FakeSendLock()
        self.gate = SendGate(lock=self.lock, latch=self.latch, clock=self.clock, not_after=not_after)

    def refusal(self) -> SendRefusedError:
        with pytest.raises(SendRefusedError) as caught:
            self.gate.__enter__()
        return caught.value


def test_the_lock_is_held_inside_and_given_back_afterwards():
    gate = Gate()
    with gate.gate:
        assert gate.lock.is_held
    assert not gate.lock.is_held


def test_the_lock_is_given_back_when_writing_fails():
    gate = Gate()
    with pytest.raises(OSError, match="reset"), gate.gate:
        raise OSError("reset")
    assert not gate.lock.is_held


def test_a_released_latch_refuses_and_gives_the_lock_back():
    gate = Gate()
    gate.latch.reason = "killed; arm it"
    refusal = gate.refusal()
    assert (refusal.gate, str(refusal)) == (LATCH, "killed; arm it")
    assert not gate.lock.is_held


def test_the_latch_is_read_after_the_lock_was_had():
    """Whoever kills takes the lock first, so a look before it could miss the kill."""
    gate = Gate()

    class KilledMeanwhile(FakeSendLock):
        def acquire(self, timeout_s: float) -> None:
            super().acquire(timeout_s)
            gate.latch.reason = "killed while waiting"

    waiting = SendGate(lock=KilledMeanwhile(), latch=gate.latch, clock=gate.clock, not_after=10)
    with pytest.raises(SendRefusedError, match="killed while waiting"):
        waiting.__enter__()


@pytest.mark.parametrize(("seconds", "is_refused"), [(9.999, False), (10, False), (10.001, True)])
def test_an_intent_is_not_sent_after_its_time(seconds, is_refused):
    gate = Gate(not_after=10)
    gate.clock.sleep(seconds)
    if is_refused:
        assert gate.refusal().gate == DEADLINE
        assert not gate.lock.is_held
    else:
        with gate.gate:
            assert gate.lock.is_held


def test_time_spent_waiting_for_the_lock_counts():
    gate = Gate(not_after=10)

    class Slow(FakeSendLock):
        def acquire(self, timeout_s: float) -> None:
            super().acquire(timeout_s)
            gate.clock.sleep(11)

    late = SendGate(lock=Slow(), latch=gate.latch, clock=gate.clock, not_after=10)
    with pytest.raises(SendRefusedError) as caught:
        late.__enter__()
    assert caught.value.gate == DEADLINE


@pytest.mark.parametrize(("seconds", "patience"), [(0, 10), (4, 6), (12, 0)])
def test_the_lock_is_waited_for_as_long_as_the_intent_lives(seconds, patience):
    gate = Gate(not_after=10)
    gate.lock.problem = "taken"
    gate.clock.sleep(seconds)
    gate.refusal()
    assert gate.lock.patience == [patience]


def test_a_lock_that_stays_taken_refuses_and_is_not_given_back():
    gate = Gate()
    gate.lock.problem = "another process holds it; try again"
    refusal = gate.refusal()
    assert (refusal.gate, str(refusal)) == (SEND_LOCK, "another process holds it; try again")


@pytest.mark.parametrize(("only_expired", "is_refused"), [(True, False), (False, True)], ids=["expired", "killed"])
def test_an_order_that_reduces_passes_a_latch_that_has_merely_expired(only_expired, is_refused):
    gate = Gate()
    gate.latch.reason, gate.latch.only_expired = "not armed; arm it", only_expired
    reducing = SendGate(lock=gate.lock, latch=gate.latch, clock=gate.clock, not_after=10, reduces=True)
    if is_refused:
        with pytest.raises(SendRefusedError, match="not armed"):
            reducing.__enter__()
    else:
        with reducing:
            assert gate.lock.is_held
    assert not gate.lock.is_held


def test_an_expired_latch_refuses_everything_else():
    gate = Gate()
    gate.latch.reason, gate.latch.only_expired = "the arming ended; arm it", True
    assert gate.refusal().gate == LATCH


@pytest.mark.parametrize(
    ("age_s", "is_refused"), [(8 * 3600, True), (10.001, True), (10, False), (-2, False), (-2.001, True)]
)
def test_an_intent_is_not_sent_after_its_time_on_the_wall_clock_either(age_s, is_refused):
    """The monotonic clock stands still while the machine sleeps."""
    gate = Gate()
    aged = SendGate(
        lock=gate.lock,
        latch=gate.latch,
        clock=gate.clock,
        not_after=10,
        created_at=MONDAY - timedelta(seconds=age_s),
        intent_ttl_s=10,
    )
    if is_refused:
        with pytest.raises(SendRefusedError) as caught:
            aged.__enter__()
        assert caught.value.gate == DEADLINE
    else:
        with aged:
            assert gate.lock.is_held
    assert not gate.lock.is_held


def test_an_order_whose_cancel_is_wanted_is_refused():
    gate = Gate()
    cancelled = SendGate(lock=gate.lock, latch=gate.latch, clock=gate.clock, not_after=10, cancel_wanted=lambda: True)
    with pytest.raises(SendRefusedError) as caught:
        cancelled.__enter__()
    assert caught.value.gate == CANCELLED
    assert not gate.lock.is_held
