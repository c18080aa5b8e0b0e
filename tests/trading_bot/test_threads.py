"""The threads of the machine: work beside its caller, and its errors where its result is needed."""

import threading

import pytest

from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.threads import OWN_THREADS

A_MOMENT_S = 10


def failing() -> int:
    raise OrderStatusError("the broker is away")


def test_as_many_as_a_pool_has_work_at_once():
    meet = threading.Barrier(3, timeout=A_MOMENT_S)
    with OWN_THREADS.pool(3, "meeting") as pool:
        assert len(set(pool.map(lambda _: meet.wait(), range(3)))) == 3


def test_the_caller_goes_on_while_its_work_is_done():
    goes_on = threading.Event()
    begun = OWN_THREADS.begin(lambda: goes_on.wait(A_MOMENT_S), "waits")
    goes_on.set()
    assert begun.result(A_MOMENT_S)


def test_the_process_ends_without_work_that_was_begun():
    thread = OWN_THREADS.begin(threading.current_thread, "left-alone").result(A_MOMENT_S)
    assert (thread.name, thread.daemon) == ("left-alone", True)


def test_the_error_of_work_that_was_begun_is_raised_where_its_result_is_needed():
    begun = OWN_THREADS.begin(failing, "fails")
    with pytest.raises(OrderStatusError, match="away"):
        begun.result(A_MOMENT_S)
