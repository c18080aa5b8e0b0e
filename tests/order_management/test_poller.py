"""The background thread. Its waits are an event's, so a test gives it an event that lets it through at once."""

import threading
from typing import NoReturn

import pytest

from tests.support.manager_bench import FakeLatch, ManagerBench, terms
from trading_bot.order_management.exceptions import OrderStatusError, TradingHaltedError
from trading_bot.order_management.models import Side
from trading_bot.order_management.poller import Poller


class Rounds(threading.Event):
    """Lets a number of waits time out at once, then is set."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self._left = rounds
        self.waits: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        if self.is_set() or self._left == 0:
            return True
        self._left -= 1
        return False


def test_the_task_runs_after_each_interval_until_stopped():
    rounds, calls = Rounds(3), []
    Poller(lambda: calls.append(1), interval_s=15, stop=rounds).run()
    assert len(calls) == 3
    assert rounds.waits == [15, 15, 15, 15]


def test_an_order_error_of_one_round_does_not_end_the_next():
    calls = []

    def failing() -> None:
        calls.append(1)
        raise OrderStatusError("the listing failed; it is read again")

    Poller(failing, interval_s=1, stop=Rounds(3)).run()
    assert len(calls) == 3


def test_a_defect_of_one_round_is_logged_and_counted_and_does_not_end_the_next(caplog):
    calls = []

    def broken() -> None:
        calls.append(1)
        raise ZeroDivisionError

    poller = Poller(broken, interval_s=1, stop=Rounds(3))
    poller.run()
    assert (len(calls), poller.failures) == (3, 3)
    assert caplog.text.count("poller_failed") == 3


def test_a_latch_that_cannot_be_read_does_not_keep_orders_from_being_followed():
    class Unreadable(FakeLatch):
        def look(self) -> NoReturn:
            raise OSError("the disk is gone")

    calls = []
    poller = Poller(lambda: calls.append(1), interval_s=1, stop=Rounds(2), latch=Unreadable())
    poller.run()
    assert (len(calls), poller.failures) == (2, 2)


def test_it_runs_on_a_thread_of_its_own_and_ends_when_told():
    called = threading.Event()
    poller = Poller(called.set, interval_s=0.001)
    running = [poller.is_running]
    poller.start()
    assert called.wait(10)
    running.append(poller.is_running)
    assert poller.stop(timeout_s=10)
    running.append(poller.is_running)
    assert running == [False, True, False]


def test_starting_twice_is_one_thread():
    threads: set[int] = set()
    enough = threading.Event()

    def note() -> None:
        threads.add(threading.get_ident())
        enough.set()

    poller = Poller(note, interval_s=0.001)
    before = threading.active_count()
    poller.start()
    poller.start()
    assert threading.active_count() == before + 1
    assert enough.wait(10)
    poller.stop(timeout_s=10)
    assert len(threads) == 1


def test_a_task_that_does_not_end_in_time_is_reported():
    begun, go_on = threading.Event(), threading.Event()

    def stuck() -> None:
        begun.set()
        go_on.wait(10)

    poller = Poller(stuck, interval_s=0.001)
    poller.start()
    assert begun.wait(10)
    assert not poller.stop(timeout_s=0.01)
    go_on.set()
    assert poller.stop(timeout_s=10)


def test_stopping_what_never_ran_is_fine():
    assert Poller(lambda: None, interval_s=1).stop(timeout_s=0)


def test_it_can_be_started_again():
    called = threading.Event()
    poller = Poller(called.set, interval_s=0.001)
    for _ in range(2):
        called.clear()
        poller.start()
        assert called.wait(10)
        assert poller.stop(timeout_s=10)


def test_it_can_be_started_again_while_its_last_round_has_not_ended_yet():
    """Otherwise nobody follows the orders of the bot that was started again."""
    rounds, go_on = [threading.Event(), threading.Event()], threading.Event()
    begun = iter(rounds)

    def task() -> None:
        if (event := next(begun, None)) is not None:
            event.set()
        go_on.wait(10)

    poller = Poller(task, interval_s=0.001)
    poller.start()
    assert rounds[0].wait(10)
    assert not poller.stop(timeout_s=0.01)
    poller.start()
    assert rounds[1].wait(10), "the new thread polls"
    go_on.set()
    assert poller.stop(timeout_s=10)


def test_a_kill_and_an_arming_are_logged_once_each(caplog):
    latch, reasons = FakeLatch(), iter([None, "killed; arm it", "killed; arm it", None, None])

    def task() -> None:
        latch.reason = next(reasons)

    Poller(task, interval_s=1, stop=Rounds(5), latch=latch).run()
    assert len(caplog.records) == 2
    assert "trading_disarmed" in caplog.messages[0]
    assert "killed; arm it" in caplog.messages[0]
    assert "trading_armed" in caplog.messages[1]


def test_a_failed_round_is_logged_with_its_code(caplog):
    def failing() -> None:
        raise OrderStatusError("the listing failed; it is read again")

    Poller(failing, interval_s=1, stop=Rounds(1)).run()
    (message,) = caplog.messages
    assert "synchronisation_failed" in message
    assert "status_unavailable" in message


class TestDeath:
    """SystemExit stands for whatever ends a thread: it is no `Exception`, and no round may survive it."""

    def test_a_thread_that_died_once_is_replaced_and_nothing_is_halted(self, caplog):
        polled, deaths = threading.Event(), iter([True])

        def task() -> None:
            if next(deaths, False):
                raise SystemExit
            polled.set()

        poller = Poller(task, interval_s=0.001)
        poller.start()
        assert polled.wait(10)
        assert (poller.is_running, poller.problem()) == (True, None)
        assert poller.stop(timeout_s=10)
        assert caplog.text.count("poller_died") == 1

    def test_a_second_death_is_told_with_what_to_do(self):
        poller = dead_poller()
        problem = poller.problem()
        assert problem is not None
        assert "SystemExit" in problem
        assert "restart the bot" in problem

    def test_a_new_start_gives_another_successor(self):
        poller = dead_poller()
        calls = len(DYING)
        poller.start()
        await_end(poller)
        assert len(DYING) - calls == 2

    def test_one_that_was_asked_to_end_has_no_successor_and_no_problem(self):
        begun, go_on = threading.Event(), threading.Event()

        def task() -> None:
            begun.set()
            go_on.wait(10)
            raise SystemExit

        poller = Poller(task, interval_s=0.001)
        poller.start()
        assert begun.wait(10)
        thread = poller._thread
        poller.stop(timeout_s=0)
        go_on.set()
        await_end(poller)
        assert (poller._thread, poller.problem()) == (thread, None)

    def test_one_that_is_being_started_has_no_problem(self, monkeypatch):
        """Entries would halt for the moment in which a thread is there and does not run yet."""
        poller, start, told = Poller(lambda: None, interval_s=1), threading.Thread.start, list[str | None]()
        asking = threading.Event()

        def ask() -> None:
            asking.set()
            told.append(poller.problem())

        asker = threading.Thread(target=ask)

        def start_late(thread: threading.Thread) -> None:
            if thread is not asker:
                start(asker)
                assert asking.wait(10)
                asker.join(0.05)  # without a lock the answer is there by now
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", start_late)
        poller.start()
        asker.join(10)
        assert told == [None]
        assert poller.stop(timeout_s=10)

    def test_one_that_never_started_has_no_problem(self):
        assert Poller(lambda: None, interval_s=1).problem() is None


DYING: list[int] = []


def await_end(poller: Poller) -> None:
    while (thread := poller._thread) is not None and (thread.ident is None or thread.is_alive()):
        if thread.ident is not None:  # a successor is there a moment before it runs
            thread.join(10)


def dead_poller() -> Poller:
    def task() -> None:
        DYING.append(1)
        raise SystemExit

    poller = Poller(task, interval_s=0.001)
    poller.start()
    await_end(poller)
    return poller


def test_entries_halt_and_exits_go_on_while_nobody_follows_the_orders():
    bench = ManagerBench(shares={"AAPL": 50})
    problems: list[str | None] = [None]
    bench.manager.halt_entries_while(lambda: problems[0])
    bench.manager.refuse_unless_open_to(terms())
    problems[0] = "it died; restart the bot"
    with pytest.raises(TradingHaltedError, match="it died; restart the bot"):
        bench.manager.refuse_unless_open_to(terms())
    assert bench.manager.halted_because == "it died; restart the bot"
    bench.manager.refuse_unless_open_to(terms(side=Side.SELL))
