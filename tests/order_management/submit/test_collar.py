"""How far an entry may reach through the market, and what quote is good enough to tell."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.support.manager_bench import MONDAY, terms
from trading_bot.clock import Moment, VirtualClock
from trading_bot.config import CollarConfig
from trading_bot.order_management.models import Side
from trading_bot.order_management.portfolio import Quote
from trading_bot.order_management.submit.collar import (
    NO_QUOTE,
    OUTSIDE_COLLAR,
    SYMBOL_HALTED,
    QuoteLook,
    why_not_at_market,
)

RULES = CollarConfig().rules
CLOCK = VirtualClock(MONDAY)
QUOTE = Quote(
    symbol="AAPL",
    bid_price=Decimal("249.90"),
    ask_price=Decimal("250.00"),
    bid_size=100,
    ask_size=100,
    last_price=Decimal("250.00"),
    trading_halted=False,
    updated_at=datetime(2026, 11, 23, 14, 59, 58, tzinfo=UTC),
)


def judged(
    price: str = "250.00", side: Side = Side.BUY, *, extended: bool = False, age_s: float = 0, **quote: Any
) -> str | None:
    changed: dict[str, Any] = {
        name: Decimal(value) if isinstance(value, str) else value for name, value in quote.items()
    }
    clock = VirtualClock(MONDAY)
    look = QuoteLook(quote=replace(QUOTE, **changed), began=Moment.of(clock))
    clock.sleep(age_s)
    order = terms(side=side, price=Decimal(price))
    objection = why_not_at_market(order, look, rules=RULES, extended=extended, clock=clock)
    return objection.code if objection is not None else None


def test_the_word_for_a_market_that_cannot_be_told_is_the_documented_one():
    assert NO_QUOTE == "no_usable_quote"


@pytest.mark.parametrize(
    ("side", "price", "extended", "code"),
    [
        (Side.BUY, "252.50", False, None),
        (Side.BUY, "252.51", False, OUTSIDE_COLLAR),
        (Side.BUY, "255.00", True, None),
        (Side.BUY, "255.01", True, OUTSIDE_COLLAR),
        (Side.SELL, "247.41", False, None),
        (Side.SELL, "247.40", False, OUTSIDE_COLLAR),
        (Side.SELL, "244.91", True, None),
        (Side.SELL, "244.90", True, OUTSIDE_COLLAR),
        (Side.BUY, "898.65", False, OUTSIDE_COLLAR),
        (Side.BUY, "0.01", False, None),
        (Side.SELL, "99999", False, None),
    ],
)
def test_only_the_aggressive_side_is_bounded_one_per_cent_or_two_outside_the_session(side, price, extended, code):
    assert judged(price, side, extended=extended) == code


@pytest.mark.parametrize(
    ("ask", "price", "extended", "code"),
    [
        ("2.99", "3.07", False, None),
        ("2.99", "3.08", False, OUTSIDE_COLLAR),
        ("2.99", "3.07", True, None),
        ("3.01", "3.05", False, OUTSIDE_COLLAR),
        ("3.01", "3.04", False, None),
    ],
)
def test_below_three_dollars_the_bound_is_three_per_cent(ask, price, extended, code):
    assert judged(price, extended=extended, bid_price=ask, ask_price=ask, last_price=ask) == code


def test_a_low_price_never_narrows_the_bound():
    rules = replace(RULES, extended_pct=Decimal(5))
    assert rules.width_pct(Decimal(2), extended=True) == 5


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"bid_price": "250.01"}, NO_QUOTE),
        ({"bid_price": "250.00"}, None),
        ({"bid_price": "245.05"}, None),
        ({"bid_price": "245.04"}, NO_QUOTE),
        ({"last_price": None}, NO_QUOTE),
        ({"last_price": "238.05"}, None),
        ({"last_price": "237.99"}, NO_QUOTE),
        ({"last_price": "263.20"}, NO_QUOTE),
        ({"trading_halted": True}, SYMBOL_HALTED),
    ],
)
def test_the_quote_must_be_uncrossed_narrow_near_the_last_trade_and_of_a_share_that_trades(changes, code):
    assert judged("240.00", **changes) == code


def test_outside_the_session_the_last_trade_is_the_one_made_there():
    assert judged(extended=True, last_price="200.00", last_extended_price="250.00") is None
    assert judged(extended=False, last_price="200.00", last_extended_price="250.00") == NO_QUOTE
    assert judged(extended=True, last_price="250.00") is None
    assert judged(extended=True, last_price="250.00", last_extended_price="200.00") == NO_QUOTE


def test_the_age_counts_from_our_read_and_not_from_the_venues_time():
    assert judged(age_s=5) is None
    assert judged(age_s=5.1) == NO_QUOTE
    assert judged(updated_at=datetime(2026, 11, 20, 21, 0, tzinfo=UTC)) is None


def test_without_a_quote_an_entry_is_refused_with_a_remedy():
    objection = why_not_at_market(terms(), None, rules=RULES, extended=False, clock=CLOCK)
    assert objection is not None
    assert objection.code == NO_QUOTE
    assert "try again" in objection.reason


def test_the_refusal_shows_the_quote_its_venues_time_and_the_bound():
    look = QuoteLook(quote=QUOTE, began=Moment.of(CLOCK))
    objection = why_not_at_market(terms(price=Decimal("898.65")), look, rules=RULES, extended=False, clock=CLOCK)
    assert objection is not None
    assert objection.reason == (
        "AAPL: a limit of 898.65 is more than 1% above the ask (bound 252.5000); check the reference price. "
        "Quote: 249.90 to 250.00, at the venue 2026-11-23 14:59:58 UTC"
    )


def test_a_quote_without_a_time_of_the_venues_is_shown_as_that():
    look = QuoteLook(quote=replace(QUOTE, updated_at=None), began=Moment.of(CLOCK))
    objection = why_not_at_market(terms(price=Decimal(900)), look, rules=RULES, extended=False, clock=CLOCK)
    assert objection is not None
    assert objection.reason.endswith("Quote: 249.90 to 250.00, without a time of the venue's")
