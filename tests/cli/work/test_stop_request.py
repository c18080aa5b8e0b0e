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


def test_a_closed_terminal_stops_nothing_under_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signals() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop()
            stop.note(signal.SIGTERM)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_interrupt_stops_what_a_script_started_in_the_background():
    """A shell has such a process ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_on_signals() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            assert stop()
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_earlier_handlers_come_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stop_on_signals() as stop:
        stop.note(signal.SIGTERM)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_another_way_to_ask_stops_too_and_has_no_exit_code_of_its_own():
    asked: list[bool] = []
    with stop_on_signals(also=lambda: bool(asked)) as stop:
        assert not stop()
        asked.append(True)
        assert (stop(), stop.exit_code) == (True, 0)


def test_a_run_that_outlives_its_terminal_is_told_of_a_hangup_and_not_stopped():
    before, told = signal.getsignal(signal.SIGHUP), []
    with stop_on_signals(on_hangup=lambda: told.append("hangup")) as stop:
        os.kill(os.getpid(), signal.SIGHUP)
        assert not stop()
        stop.note(signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGHUP)  # a terminal that closes does not cut the stop short
    assert told == ["hangup", "hangup"]
    assert signal.getsignal(signal.SIGHUP) is before
