"""The last look before the first byte."""

from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from tests.support.manager_bench import MONDAY, FakeLatch, FakeSendLock
from trading_bot.clock import VirtualClock
from trading_bot.latch import Latch
from trading_bot.order_management.ports import LatchLook, SendRefusedError
from trading_bot.order_management.submit.send_gate import CANCELLED, DEADLINE, LATCH, SendGate


class Gate:
    def __init__(self, *, not_after: float = 10) -> None:
        self.clock = VirtualClock(MONDAY)
        self.latch = FakeLatch()
        self.lock = FakeSendLock()
        self.gate = self.permit(not_after=not_after)

    def permit(self, *, not_after: float = 10, **changes: Any) -> SendGate:
        parts: dict[str, Any] = {
            "lock": self.lock,
            "latch": self.latch,
            "clock": self.clock,
            "arming": self.latch.look().arming,
        }
        return SendGate(**(parts | {"not_after": not_after} | changes))

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


def test_an_interrupt_during_the_last_look_gives_the_lock_back():
    """Kept for the life of the process it would hold up every later order, and every kill."""

    def interrupt() -> bool:
        raise KeyboardInterrupt

    gate = Gate()
    with pytest.raises(KeyboardInterrupt):
        gate.permit(cancel_wanted=interrupt).__enter__()
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

    waiting = gate.permit(lock=KilledMeanwhile())
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

    late = gate.permit(lock=Slow())
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
    assert (refusal.gate, str(refusal)) == ("send_lock", "another process holds it; try again")


@pytest.mark.parametrize(("only_expired", "is_refused"), [(True, False), (False, True)], ids=["expired", "killed"])
def test_an_order_that_reduces_passes_a_latch_that_has_merely_expired(only_expired, is_refused):
    gate = Gate()
    gate.latch.reason, gate.latch.only_expired = "not armed; arm it", only_expired
    reducing = gate.permit(reduces=True)
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
    aged = gate.permit(created_at=MONDAY - timedelta(seconds=age_s), intent_ttl_s=10)
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
    cancelled = gate.permit(cancel_wanted=lambda: True)
    with pytest.raises(SendRefusedError) as caught:
        cancelled.__enter__()
    assert caught.value.gate == CANCELLED
    assert not gate.lock.is_held


@pytest.mark.parametrize("reduces", [False, True])
def test_an_order_decided_under_an_earlier_arming_is_refused(reduces):
    gate = Gate()
    permit = gate.permit(reduces=reduces)
    gate.latch.kill_and_arm()
    with pytest.raises(SendRefusedError, match=r"killed or armed again .* place it again") as caught:
        permit.__enter__()
    assert caught.value.gate == LATCH
    assert not gate.lock.is_held


def test_an_order_decided_under_no_arming_is_refused():
    gate = Gate()
    gate.latch.in_force = None
    permit = gate.permit()
    with pytest.raises(SendRefusedError):
        permit.__enter__()
    assert not gate.lock.is_held


def test_the_latch_is_read_once_under_the_lock():
    """Read twice, it could be killed and armed again in between, and the first answer would be worth nothing."""
    gate, held = Gate(), list[bool]()

    class Watched(FakeLatch):
        def look(self) -> LatchLook:
            held.append(gate.lock.is_held)
            return super().look()

    with gate.permit(latch=Watched()):
        assert held == [True]


@pytest.mark.parametrize("elsewhere", [True, False], ids=["in another process", "in this process"])
def test_a_kill_ends_what_was_decided_before_it_although_the_account_is_armed_again(tmp_path, elsewhere):
    gate, names = Gate(), count(1)

    def latch() -> Latch:
        return Latch(path=tmp_path / "armed", clock=gate.clock, new_id=lambda: f"arming-{next(names)}")

    ours = latch()
    ours.arm(by="ann")
    permit = gate.permit(latch=ours, arming=ours.look().arming)
    other = latch() if elsewhere else ours
    other.engage()
    other.arm(by="ann")
    assert ours.is_armed()
    with pytest.raises(SendRefusedError, match="killed or armed again"):
        permit.__enter__()
