"""Marks are read ahead, in one request, seldom, and never stop anything."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.account_gateway import FakeAccountGateway, quote
from tests.support.jumpy_clock import JumpyClock
from tests.support.risk_bench import MONDAY_NOON
from trading_bot.clock import VirtualClock
from trading_bot.order_management.models import EXACT
from trading_bot.risk.marks import (
    READ_AGAIN_AFTER_S,
    READ_WITHIN_S,
    Mark,
    MarkReader,
    Marks,
    NoMarks,
    mark_of,
)

HUNDRED = Mark(price=Decimal(100), previous_close=None)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(MONDAY_NOON)


@pytest.fixture
def gateway() -> FakeAccountGateway:
    return FakeAccountGateway()


@pytest.fixture
def reader(gateway, clock) -> MarkReader:
    return MarkReader(gateway=gateway, clock=clock)


def market(bid: str, ask: str, last: str | None):
    plain = quote("AAPL", "100")
    return replace(
        plain, bid_price=Decimal(bid), ask_price=Decimal(ask), last_price=None if last is None else Decimal(last)
    )


@pytest.mark.parametrize(
    ("bid", "ask", "last", "price"),
    [
        ("99", "101", "5", "100"),
        ("100", "110", None, "105"),
        ("100", "100", None, "100"),
        ("100", "110.01", "107", "107"),
        ("101", "100", "107", "107"),
        ("0", "100", "107", "107"),
        ("0", "100", None, None),
        ("101", "100", "0", None),
    ],
)
def test_a_price_is_the_middle_of_a_sound_market_else_the_last_trade_else_none(bid, ask, last, price):
    mark = mark_of(market(bid, ask, last))
    assert (mark.price if mark else None) == (Decimal(price) if price else None)


def test_a_mark_brings_the_last_close_along():
    mark = mark_of(replace(market("99", "101", None), previous_close=Decimal(98)))
    assert mark == Mark(price=Decimal(100), previous_close=Decimal(98))
    assert EXACT.prec == 60


def test_all_symbols_are_read_in_one_request_bounded_in_time(reader, gateway, clock):
    reader.refresh({"MSFT", "AAPL"})
    assert (gateway.reads, gateway.deadlines) == (["quotes"], [clock.monotonic() + READ_WITHIN_S])
    assert (reader.of("AAPL"), reader.of("MSFT"), reader.of("F")) == (HUNDRED, HUNDRED, None)


def test_nothing_is_read_for_no_symbol(reader, gateway):
    reader.refresh(())
    assert gateway.reads == []


def test_a_mark_lasts_a_minute_and_not_longer(reader, clock):
    reader.refresh(["AAPL"])
    clock.sleep(60)
    assert reader.of("AAPL") == HUNDRED
    clock.sleep(0.001)
    assert reader.of("AAPL") is None


def test_a_mark_does_not_outlast_a_sleep_of_the_machine(gateway):
    clock = JumpyClock(MONDAY_NOON)
    reader = MarkReader(gateway=gateway, clock=clock)
    reader.refresh(["AAPL"])
    clock.jump(5)
    assert reader.of("AAPL") is None


def test_marks_are_read_again_once_they_have_aged_or_a_symbol_is_new(reader, gateway, clock):
    reader.refresh(["AAPL"])
    clock.sleep(READ_AGAIN_AFTER_S)
    reader.refresh(["AAPL"])
    assert len(gateway.reads) == 1
    reader.refresh(["AAPL", "MSFT"])
    assert len(gateway.reads) == 2
    clock.sleep(READ_AGAIN_AFTER_S + 1)
    reader.refresh(["AAPL"])
    assert len(gateway.reads) == 3


def test_a_failed_read_leaves_the_older_marks_and_is_not_repeated_at_once(reader, gateway, clock):
    reader.refresh(["AAPL"])
    gateway.failing = {"quotes"}
    clock.sleep(READ_AGAIN_AFTER_S + 1)
    reader.refresh(["AAPL"])
    reader.refresh(["AAPL"])
    assert (reader.of("AAPL"), len(gateway.reads)) == (HUNDRED, 2)


def test_a_symbol_without_a_quote_has_no_mark_and_hides_no_other(reader):
    reader.refresh(["NOPE", "AAPL"])
    assert (reader.of("NOPE"), reader.of("AAPL")) == (None, HUNDRED)


def test_a_second_read_is_not_begun_while_one_is_under_way(reader, gateway):
    gateway.during_read = lambda: reader.refresh(["MSFT"])
    reader.refresh(["AAPL"])
    assert gateway.reads == ["quotes"]


def test_without_a_reader_there_is_no_mark():
    marks: Marks = NoMarks()
    assert marks.of("AAPL") is None
