"""On a shared account, whoever left a submit without an end may be stopped, not dead, and send it when it goes on."""

from datetime import timedelta

import pytest

from tests.support.manager_bench import MONDAY, ManagerBench
from trading_bot.order_management.decisions.operator_decisions import Resolution
from trading_bot.order_management.events import EventKind


def left_without_an_end(*, is_shared: bool) -> ManagerBench:
    """A submit that was committed, and of which nobody recorded what became of it; the broker never saw it."""
    bench = ManagerBench()
    bench.place_known_order()
    bench.journal.failing = {EventKind.SUBMIT_ATTEMPTED, EventKind.ORDER_ACCEPTED}
    bench.buy("c1")
    bench.gateway.orders.remove(bench.gateway.order())
    bench.is_shared = is_shared
    bench.restart()
    bench.manager.recover()
    bench.clock.sleep_until(MONDAY + timedelta(seconds=21))
    return bench


@pytest.mark.parametrize(("is_shared", "state"), [(True, "unknown"), (False, "presumed_absent")])
def test_listings_presume_an_order_absent_only_where_its_sender_is_surely_gone(is_shared, state):
    bench = left_without_an_end(is_shared=is_shared)
    for _ in range(3):
        bench.clock.sleep(60)
        bench.manager.synchronize_open_orders()
    assert bench.state("c1") == state


def test_it_stays_so_after_another_restart_and_a_person_can_end_it():
    bench = left_without_an_end(is_shared=True)
    bench.is_shared = False
    bench.restart()
    bench.manager.recover()
    for _ in range(3):
        bench.clock.sleep(86400)
        bench.manager.synchronize_open_orders()
    assert bench.state("c1") == "unknown"
    bench.manager.decisions.resolve("c1", as_=Resolution.NEVER_ACCEPTED, by="alice", reason="both bots are off")
    assert bench.state("c1") == "never_accepted"
