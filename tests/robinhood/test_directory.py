"""Accounts and instruments of a login: which one is ours, and what a symbol stands for."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from tests.support.gateway_bench import OTHER
from tests.support.scripted_broker import INSTRUMENT, ScriptedBroker, account_row, instrument_row, lost, page, reply
from tests.support.scripted_broker import clock as clock_at_work
from trading_bot.clock import VirtualClock
from trading_bot.error_handling.policies import RetryPolicy
from trading_bot.order_management.exceptions import OrderStatusError, OrderValidationError
from trading_bot.order_management.models import Side
from trading_bot.robinhood.directory import BrokerDirectory, InstrumentFacts
from trading_bot.robinhood.reads import BrokerReads, Repeater
from trading_bot.robinhood.session import BrokerSession
from trading_bot.robinhood.symbols import KnownName

ONCE = RetryPolicy(max_attempts=1, initial_delay_s=0, max_delay_s=0, jitter_s=0)


class Bench:
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


@pytest.fixture
def bench():
    return Bench()


def test_an_instrument_looked_up_for_an_order_is_known_by_its_id(bench):
    bench.broker.on("GET", "/instruments/", page(instrument_row()))
    instrument = bench.directory.instrument("AAPL", Side.BUY)
    assert bench.directory.known_symbol(instrument.id) == "AAPL"
    assert bench.directory.symbols.known(instrument.id).is_active


@pytest.mark.parametrize("state", [None, "  "])
def test_an_instrument_without_a_state_is_known_as_neither(bench, state):
    bench.broker.on("GET", "/instruments/", page(instrument_row(state=state)))
    instrument = bench.directory.instrument("AAPL", Side.BUY)
    assert bench.directory.symbols.known(instrument.id).is_active is None


@pytest.mark.parametrize(
    ("word", "sides"),
    [
        ({"state": " Inactive"}, set()),
        ({"tradeable": False}, set()),
        ({"tradeable": "FALSE"}, set()),
        ({"tradability": "UNTRADABLE"}, set()),
        ({"tradability": "Position_Closing_Only"}, {Side.SELL}),
    ],
    ids=repr,
)
def test_documented_words_forbid_in_any_spelling(bench, word, sides):
    bench.broker.always("GET", "/instruments/", page(instrument_row(**word)))
    taken = set()
    for side in Side:
        try:
            bench.directory.instrument("AAPL", side)
        except OrderValidationError:
            continue
        taken.add(side)
    assert taken == sides


def test_one_account_that_cannot_be_read_among_several_is_still_several(bench):
    bench.broker.on("GET", "/accounts/", page(account_row(), {"account_number": 123456789}, {}, 7))
    with pytest.raises(OrderStatusError, match=r"several accounts.*2345.*6789.*\?\?\?\?"):
        bench.directory.account_number()


def test_an_empty_slot_is_no_account(bench):
    bench.broker.on("GET", "/accounts/", page(None, account_row()))
    assert bench.directory.account_number() == account_row()["account_number"]


def test_a_named_account_is_the_same_in_any_case():
    bench = Bench()
    directory = BrokerDirectory(reads=bench.directory._reads, clock=bench.time, account_number="5qr12345")
    bench.broker.on("GET", "/accounts/5qr12345/", reply(200, account_row("5QR12345")))
    assert directory.fetch_account().account_number == "5QR12345"


SYMBOL_LOOK_UP = ("GET", "/instruments/")


def known(bench: Bench, instrument_id: str, *, is_active: bool | None = None) -> None:
    name = KnownName(symbol="AAPL", is_active=is_active, seen_on=date(2026, 11, 23))
    bench.directory.symbols.remember({instrument_id: name})


class TestSellsWithoutData:
    """A held share can be sold when the broker cannot tell about its instrument, if its id is known."""

    @pytest.fixture
    def bench(self) -> Bench:
        bench = Bench()
        known(bench, INSTRUMENT)
        return bench

    @pytest.mark.parametrize(
        "answer",
        [reply(503), reply(200, b"<html>"), page(instrument_row(state=None)), page()],
        ids=["down", "no JSON", "unreadable", "unknown"],
    )
    def test_a_sell_takes_the_id_that_is_known_and_the_usual_steps(self, bench, answer):
        bench.broker.always(*SYMBOL_LOOK_UP, answer)
        assert bench.directory.facts("AAPL", Side.SELL) == InstrumentFacts(id=INSTRUMENT, tick=None)

    def test_a_buy_does_not(self, bench):
        bench.broker.always(*SYMBOL_LOOK_UP, reply(503))
        with pytest.raises(OrderStatusError):
            bench.directory.facts("AAPL", Side.BUY)

    def test_a_sell_of_a_share_whose_id_is_not_known_does_not(self, bench):
        bench.broker.always(*SYMBOL_LOOK_UP, reply(503))
        with pytest.raises(OrderStatusError):
            bench.directory.facts("MSFT", Side.SELL)

    def test_two_ids_of_one_name_are_no_known_id(self, bench):
        known(bench, OTHER)
        bench.broker.always(*SYMBOL_LOOK_UP, reply(503))
        with pytest.raises(OrderStatusError):
            bench.directory.facts("AAPL", Side.SELL)

    def test_of_two_ids_of_one_name_the_active_one_is_meant(self, bench):
        known(bench, OTHER, is_active=True)
        bench.broker.always(*SYMBOL_LOOK_UP, reply(503))
        assert bench.directory.facts("AAPL", Side.SELL).id == OTHER

    def test_a_refusal_of_the_brokers_own_is_kept(self, bench):
        bench.broker.always(*SYMBOL_LOOK_UP, page(instrument_row(tradability="untradable")))
        with pytest.raises(OrderValidationError, match="untradable"):
            bench.directory.facts("AAPL", Side.SELL)

    def test_yesterdays_step_is_better_than_the_usual_one(self, bench):
        bench.broker.on(*SYMBOL_LOOK_UP, page(instrument_row(min_tick_size="0.0500")))
        assert bench.directory.facts("AAPL", Side.SELL).tick == Decimal("0.05")
        bench.time.sleep(24 * 3600)
        bench.broker.always(*SYMBOL_LOOK_UP, reply(503))
        assert bench.directory.facts("AAPL", Side.SELL) == InstrumentFacts(id=INSTRUMENT, tick=Decimal("0.05"))

    def test_it_waits_two_seconds_and_the_next_one_not_at_all(self, bench):
        waits = []

        def hang() -> None:
            waits.append(bench.broker.seen[-1].timeout)
            bench.time.sleep(2)

        bench.broker.always(*SYMBOL_LOOK_UP, replace(lost(), then=hang))
        for _ in range(3):
            bench.directory.facts("AAPL", Side.SELL)
        assert waits == [pytest.approx((2, 2))]
        bench.time.sleep(5)
        in_half_a_second = bench.directory.by(bench.time.monotonic() + 0.5)
        in_half_a_second.facts("AAPL", Side.SELL)
        assert waits == [pytest.approx((2, 2)), pytest.approx((0.5, 0.5))]
