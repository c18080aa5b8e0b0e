import os
import signal
import threading

import pytest

from trading_bot.cli.work.kill.signals import held_signals

ALL = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def not_ignored(number):
    """Under nohup or in the background of a shell, this process itself may ignore it."""
    earlier = signal.signal(number, signal.SIG_DFL)
    yield
    signal.signal(number, earlier)


@pytest.mark.parametrize("number", ALL)
def test_a_signal_only_raises_a_flag_however_often_it_comes(number, not_ignored):
    earlier = signal.getsignal(number)
    with held_signals() as signals:
        assert not signals()
        for _ in range(3):
            os.kill(os.getpid(), number)
        assert signals()
        assert signals.received == number
    assert signal.getsignal(number) is earlier


def test_a_signal_that_is_ignored_stays_ignored():
    """Under nohup, a closed terminal is no wish of anybody's."""
    earlier = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with held_signals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not signals()
    finally:
        signal.signal(signal.SIGHUP, earlier)


def test_outside_of_the_main_thread_no_handler_is_set():
    seen: list[bool] = []

    def call() -> None:
        with held_signals() as signals:
            seen.append(signals())

    thread = threading.Thread(target=call)
    thread.start()
    thread.join(10)
    assert seen == [False]
