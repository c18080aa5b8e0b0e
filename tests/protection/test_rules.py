"""When a watched price counts: the rules alone, and no sequence of quotes that fires against them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_bot.order_management.portfolio import Quote
from trading_bot.protection.rules import (
    Confirmation,
    Leg,
    Levels,
    Limits,
    Unfit,
    confirmed,
    is_worth_a_record,
    leg_through,
    new_high,
    split_shown,
    unfit_because,
)

OPENED = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
LIMITS = Limits(confirm_s=1, max_spread_pct=Decimal(5), split_pct=Decimal(3), unwatched_after_s=30)
LEVELS = Levels(stop=Decimal(95), trail=Decimal(97), target=Decimal(110))
FIT = Quote(
    symbol="AAPL",
    bid_price=Decimal("99.90"),
    ask_price=Decimal("100.10"),
    bid_size=100,
    ask_size=100,
    last_price=Decimal(100),
    trading_halted=False,
    updated_at=None,
    last_trade_at=OPENED + timedelta(minutes=1),
)


def at(bid: object, last: object | None = None) -> Quote:
    price = Decimal(str(bid))
    return replace(FIT, bid_price=price, ask_price=price, last_price=price if last is None else Decimal(str(last)))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"trading_halted": True}, Unfit.HALTED),
        ({"bid_price": Decimal(0)}, Unfit.NO_BID),
        ({"bid_price": Decimal("100.11")}, Unfit.CROSSED),
        ({"bid_price": Decimal(95), "ask_price": Decimal("99.87")}, None),
        ({"bid_price": Decimal(95), "ask_price": Decimal("99.88")}, Unfit.WIDE),
        ({"last_price": None}, Unfit.NO_LAST),
        ({"last_price": Decimal(0)}, Unfit.NO_LAST),
        ({"last_trade_at": OPENED - timedelta(seconds=1)}, Unfit.NOT_TRADED),
        ({"last_trade_at": OPENED}, None),
        ({"last_trade_at": None}, Unfit.NOT_TRADED),
        ({"last_trade_at": None, "has_traded": False}, Unfit.NOT_TRADED),
        ({"last_trade_at": None, "has_traded": True}, None),
        ({"last_trade_at": None, "has_traded": True, "previous_close": Decimal(100)}, Unfit.NOT_TRADED),
    ],
)
def test_a_quote_proves_nothing_unless_it_is_fit(changes, why):
    assert unfit_because(replace(FIT, **changes), opened_at=OPENED, limits=LIMITS) is why
    assert unfit_because(replace(FIT, **changes), opened_at=None, limits=LIMITS) is Unfit.CLOSED


@pytest.mark.parametrize(
    ("bid", "last", "leg"),
    [
        (100, 100, None),
        (95, 95, Leg.STOP),
        (95, "95.01", Leg.TRAIL),
        ("95.01", 90, Leg.TRAIL),
        (90, "97.01", None),
        ("97.01", 90, None),
        (97, 97, Leg.TRAIL),
        (110, 110, Leg.TARGET),
        (120, "109.99", None),
        ("109.99", 120, None),
    ],
)
def test_a_leg_is_through_only_if_bid_and_last_trade_are(bid, last, leg):
    assert leg_through(LEVELS, at(bid, last)) is leg


def test_what_is_not_watched_is_not_through():
    assert leg_through(Levels(), at(1)) is None
    assert leg_through(LEVELS, replace(FIT, last_price=None)) is None


def test_the_second_of_two_reads_fires_once_they_are_a_second_apart():
    first, fires = confirmed(None, Leg.STOP, now=10, limits=LIMITS)
    assert (first, fires) == (Confirmation(leg=Leg.STOP, since=10, latest=10), False)
    soon, fires = confirmed(first, Leg.STOP, now=10.9, limits=LIMITS)
    assert (soon, fires) == (Confirmation(leg=Leg.STOP, since=10, latest=10.9), False)
    assert confirmed(soon, Leg.STOP, now=11, limits=LIMITS)[1]
    assert confirmed(first, None, now=12, limits=LIMITS) == (None, False)
    assert confirmed(first, Leg.TRAIL, now=12, limits=LIMITS)[1] is False, "another leg begins anew"
    assert confirmed(first, Leg.STOP, now=40.1, limits=LIMITS)[1] is False, "what lies far apart is not in a row"
    assert confirmed(first, Leg.STOP, now=40, limits=LIMITS)[1]


@pytest.mark.parametrize(
    ("close", "adjusted", "split"),
    [(100, 100, False), (100, 97, True), (100, "97.1", False), (400, 100, True), (100, 400, True), (None, 100, False)],
)
def test_a_split_shows_in_the_closes_before_today(close, adjusted, split):
    closes = [None if each is None else Decimal(str(each)) for each in (close, adjusted)]
    shown = split_shown(replace(FIT, previous_close=closes[0], adjusted_previous_close=closes[1]), LIMITS)
    assert (shown is not None) is split
    assert split_shown(replace(FIT, previous_close=Decimal(0), adjusted_previous_close=Decimal(1)), LIMITS) is None


def test_a_high_is_that_of_bid_and_last_trade_together():
    assert new_high(None, at(101, 105)) == 101
    assert new_high(Decimal(100), at(101, "100.50")) == Decimal("100.50")
    assert new_high(Decimal(102), at(101)) == 102
    assert new_high(Decimal(102), replace(FIT, last_price=None)) == 102
    assert is_worth_a_record(Decimal(1), recorded=None, step_pct=Decimal("0.1"))
    assert is_worth_a_record(Decimal("100.10"), recorded=Decimal(100), step_pct=Decimal("0.1"))
    assert not is_worth_a_record(Decimal("100.09"), recorded=Decimal(100), step_pct=Decimal("0.1"))


prices = st.sampled_from([Decimal(each) for each in ("0", "94", "95", "95.01", "100", "109.99", "110", "111")])
quotes = st.builds(
    lambda bid, spread, last, halted, traded: replace(
        FIT,
        bid_price=bid,
        ask_price=bid + spread,
        last_price=last,
        trading_halted=halted,
        last_trade_at=OPENED + timedelta(seconds=traded),
    ),
    prices,
    st.sampled_from([Decimal(each) for each in ("-1", "0", "0.05", "6")]),
    st.one_of(st.none(), prices),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([1, 1, 1, -1]),
)
reads = st.lists(st.tuples(st.sampled_from([0.4, 0.6, 1.0, 2.0, 31.0]), quotes, st.booleans()), max_size=14)


def is_fit(quote: Quote) -> bool:
    """The same rule, as the text has it."""
    bid, ask, last = quote.bid_price, quote.ask_price, quote.last_price
    spread = (ask - bid) / ((ask + bid) / 2) if ask + bid else Decimal(1)
    is_sound = 0 < bid <= ask and spread <= Decimal("0.05") and not quote.trading_halted
    return is_sound and bool(last) and quote.last_trade_at is not None and quote.last_trade_at >= OPENED


@given(reads)
def test_no_sequence_of_quotes_fires_a_leg_against_the_rules(sequence):
    seen: Confirmation | None = None
    now, history = 0.0, []
    for wait, quote, is_open in sequence:
        now += wait
        unfit = unfit_because(quote, opened_at=OPENED if is_open else None, limits=LIMITS)
        leg = None if unfit is not None else leg_through(Levels(stop=Decimal(95), target=Decimal(110)), quote)
        seen, fires = confirmed(seen, leg, now=now, limits=LIMITS)
        down = is_open and is_fit(quote) and quote.bid_price <= 95 and (quote.last_price or 0) <= 95
        up = is_open and is_fit(quote) and quote.bid_price >= 110 and (quote.last_price or 0) >= 110
        history.append((now, down, up))
        for side in (1, 2):
            run: list[float] = []
            for entry in reversed(history):
                if not entry[side] or (run and run[-1] - entry[0] > 30):
                    break
                run.append(entry[0])
            if run and run[0] - run[-1] >= 1:
                assert fires
                break
        else:
            assert not fires
