import os
import signal

import pytest

from trading_bot.cli.work.stop_request import stop_on_signals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_a_signal_raises_the_flag_and_names_the_exit_code(number, code):
    with stop_on_signals() as stop:
        assert (stop(), stop.exit_code) == (False, 0)
        os.kill(os.getpid(), number)
        assert (stop(), stop.exit_code, stop.received) == (True, code, number)


def test_a_second_signal_is_left_to_the_system():
    with stop_on_signals() as stop:
        stop.note(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_the_earlier_handlers_come_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stop_on_signals() as stop:
        stop.note(signal.SIGTERM)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
