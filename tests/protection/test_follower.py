"""Plans are followed beside a running bot: prices are read while an exit takes its time."""

import threading

from tests.support.protection_bench import ProtectionBench
from trading_bot.clock import SystemClock
from trading_bot.protection.follower import PlanFollower
from trading_bot.protection.watcher import at_once

PATIENCE_S = 10


def test_an_exit_runs_beside_the_watching_and_is_waited_for_at_the_end():
    bench = ProtectionBench()
    follower = PlanFollower(bench.protection, read_every_s=0.01, clock=SystemClock())
    follower.start()
    assert bench.protection.is_followed
    assert bench.watcher.is_steady
    bench.protection.follow()  # leaves it to the threads
    begun, may_end, ran_in = threading.Event(), threading.Event(), []

    def work() -> None:
        ran_in.append(threading.current_thread())
        begun.set()
        may_end.wait(PATIENCE_S)

    bench.watcher.begin(work)
    assert begun.wait(PATIENCE_S)
    assert ran_in[0] is not threading.current_thread()
    assert not follower.stop(timeout_s=0)
    may_end.set()
    assert follower.stop(timeout_s=PATIENCE_S)
    assert (bench.protection.is_followed, bench.watcher.begin, bench.watcher.is_steady) == (False, at_once, False)
