"""Symbols of the instruments orders name: asked once, spared for a while after a costly failure, or never asked."""

from dataclasses import replace

import pytest

from tests.support.scripted_broker import INSTRUMENT, ScriptedBroker, instrument_row, lost, reply
from tests.support.scripted_broker import clock as clock_at_work
from trading_bot.clock import VirtualClock
from trading_bot.error_handling.policies import RetryPolicy
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.robinhood.directory import BrokerDirectory
from trading_bot.robinhood.reads import BrokerReads, Repeater
from trading_bot.robinhood.session import BrokerSession

LOOK_UP = ("GET", f"/instruments/{INSTRUMENT}/")
ONCE = RetryPolicy(max_attempts=1, initial_delay_s=0, max_delay_s=0, jitter_s=0)


class Desk:
    def __init__(self, *, asks_symbols: bool = True) -> None:
        self.time: VirtualClock = clock_at_work()
        self.broker = ScriptedBroker()
        repeater = Repeater(
            wire=BrokerSession(adapter=self.broker, clock=self.time),
            clock=self.time,
            renew=lambda _within_s: False,
            timeout_s=5,
        )
        self.directory = BrokerDirectory(
            reads=BrokerReads(repeater=repeater, policy=ONCE),
            clock=self.time,
            account_number=None,
            asks_symbols=asks_symbols,
        )

    def hangs(self) -> None:
        self.broker.on(*LOOK_UP, lost_after(self.time, 5))


def lost_after(time: VirtualClock, seconds: float):
    return replace(lost(), then=lambda: time.sleep(seconds))


def fails(desk: Desk, match: str) -> None:
    with pytest.raises(OrderStatusError, match=match):
        desk.directory.symbol_of(INSTRUMENT)


def test_a_look_up_that_hung_is_not_tried_again_for_a_while():
    """Twelve orders in one instrument would otherwise cost a listing twelve time-outs."""
    desk = Desk()
    desk.hangs()
    fails(desk, "reading instruments")
    for _ in range(12):
        fails(desk, "a moment ago; try again in 5 s")
    assert len(desk.broker.seen) == 1


def test_a_directory_with_a_deadline_spares_the_same_look_ups():
    desk = Desk()
    desk.hangs()
    fails(desk, "reading instruments")
    with pytest.raises(OrderStatusError, match="a moment ago"):
        desk.directory.by(desk.time.monotonic() + 60).symbol_of(INSTRUMENT)


def test_it_is_tried_again_after_that():
    desk = Desk()
    desk.hangs()
    fails(desk, "reading instruments")
    desk.time.sleep(5)
    desk.broker.on(*LOOK_UP, reply(200, instrument_row()))
    assert desk.directory.symbol_of(INSTRUMENT) == "AAPL"


def test_a_failure_that_took_no_time_is_not_remembered():
    """A caller whose own time was over must not spoil the look-up for the next one."""
    desk = Desk()
    with pytest.raises(OrderStatusError):
        desk.directory.by(desk.time.monotonic()).symbol_of(INSTRUMENT)
    desk.broker.on(*LOOK_UP, reply(503), reply(200, instrument_row()))
    fails(desk, "HTTP 503")
    assert desk.directory.symbol_of(INSTRUMENT) == "AAPL"


def test_a_directory_that_asks_no_symbols_shows_part_of_the_instruments_id():
    desk = Desk(asks_symbols=False)
    assert desk.directory.symbol_of(INSTRUMENT) == f"instrument {INSTRUMENT[:8]}"
    assert desk.directory.symbol_of("../accounts") is None
    assert desk.broker.seen == []
