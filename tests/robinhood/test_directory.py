"""Symbols of the instruments orders name: asked once, spared for a while after a costly failure, or never asked."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.gateway_desk import OTHER
from tests.support.scripted_broker import INSTRUMENT, ScriptedBroker, instrument_row, lost, page, reply
from tests.support.scripted_broker import clock as clock_at_work
from trading_bot.clock import VirtualClock
from trading_bot.error_handling.policies import RetryPolicy
from trading_bot.order_management.exceptions import OrderStatusError, OrderValidationError
from trading_bot.order_management.models import Side
from trading_bot.robinhood.directory import BrokerDirectory, InstrumentFacts
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


SYMBOL_LOOK_UP = ("GET", "/instruments/")


class TestSellsWithoutData:
    """A held share can be sold when the broker cannot tell about its instrument, if its id is known."""

    @pytest.fixture
    def desk(self) -> Desk:
        desk = Desk()
        desk.broker.on(*LOOK_UP, reply(200, instrument_row()))
        assert desk.directory.symbol_of(INSTRUMENT) == "AAPL"
        return desk

    @pytest.mark.parametrize(
        "answer",
        [reply(503), reply(200, b"<html>"), page(instrument_row(state=None)), page()],
        ids=["down", "no JSON", "unreadable", "unknown"],
    )
    def test_a_sell_takes_the_id_that_is_known_and_the_usual_steps(self, desk, answer):
        desk.broker.always(*SYMBOL_LOOK_UP, answer)
        assert desk.directory.facts("AAPL", Side.SELL) == InstrumentFacts(id=INSTRUMENT, tick=None)

    def test_a_buy_does_not(self, desk):
        desk.broker.always(*SYMBOL_LOOK_UP, reply(503))
        with pytest.raises(OrderStatusError):
            desk.directory.facts("AAPL", Side.BUY)

    def test_a_sell_of_a_share_whose_id_is_not_known_does_not(self, desk):
        desk.broker.always(*SYMBOL_LOOK_UP, reply(503))
        with pytest.raises(OrderStatusError):
            desk.directory.facts("MSFT", Side.SELL)

    def test_two_ids_of_one_name_are_no_known_id(self, desk):
        desk.broker.on("GET", f"/instruments/{OTHER}/", reply(200, instrument_row(id=OTHER)))
        assert desk.directory.symbol_of(OTHER) == "AAPL"
        desk.broker.always(*SYMBOL_LOOK_UP, reply(503))
        with pytest.raises(OrderStatusError):
            desk.directory.facts("AAPL", Side.SELL)

    def test_a_refusal_of_the_brokers_own_is_kept(self, desk):
        desk.broker.always(*SYMBOL_LOOK_UP, page(instrument_row(tradability="untradable")))
        with pytest.raises(OrderValidationError, match="untradable"):
            desk.directory.facts("AAPL", Side.SELL)

    def test_yesterdays_step_is_better_than_the_usual_one(self, desk):
        desk.broker.on(*SYMBOL_LOOK_UP, page(instrument_row(min_tick_size="0.0500")))
        assert desk.directory.facts("AAPL", Side.SELL).tick == Decimal("0.05")
        desk.time.sleep(24 * 3600)
        desk.broker.always(*SYMBOL_LOOK_UP, reply(503))
        assert desk.directory.facts("AAPL", Side.SELL) == InstrumentFacts(id=INSTRUMENT, tick=Decimal("0.05"))

    def test_it_waits_two_seconds_and_the_next_one_not_at_all(self, desk):
        waits = []

        def hang() -> None:
            waits.append(desk.broker.seen[-1].timeout)
            desk.time.sleep(2)

        desk.broker.always(*SYMBOL_LOOK_UP, replace(lost(), then=hang))
        for _ in range(3):
            desk.directory.facts("AAPL", Side.SELL)
        assert waits == [pytest.approx((2, 2))]
        desk.time.sleep(5)
        in_half_a_second = desk.directory.by(desk.time.monotonic() + 0.5)
        in_half_a_second.facts("AAPL", Side.SELL)
        assert waits == [pytest.approx((2, 2)), pytest.approx((0.5, 0.5))]


def test_a_directory_that_asks_no_symbols_shows_part_of_the_instruments_id():
    desk = Desk(asks_symbols=False)
    assert desk.directory.symbol_of(INSTRUMENT) == f"instrument {INSTRUMENT[:8]}"
    assert desk.directory.symbol_of("../accounts") is None
    assert desk.broker.seen == []
