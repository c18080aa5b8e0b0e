from dataclasses import replace
from datetime import UTC, datetime
from decimal import Context, Decimal, localcontext
from typing import Any

import pytest

from tests.support.order_story import Story, fill, intended, report
from trading_bot.order_management.models import (
    ClientOrderId,
    ExecutionMode,
    OrderRequest,
    OrderState,
    OrderTerms,
    Pricing,
    Side,
    TimeInForce,
)
from trading_bot.order_management.price_offsets import OffsetMode

TERMS = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=3, limit_price=Decimal("33.3333"))

KINDS = {
    OrderState.PENDING_SUBMIT: "unresolved",
    OrderState.UNKNOWN: "unresolved",
    OrderState.PRESUMED_ABSENT: "unresolved",
    OrderState.QUEUED: "working",
    OrderState.CONFIRMED: "working",
    OrderState.PARTIALLY_FILLED: "working",
    OrderState.PENDING_CANCEL: "working",
    OrderState.FILLED: "terminal",
    OrderState.CANCELLED: "terminal",
    OrderState.REJECTED: "terminal",
    OrderState.NOT_SENT: "terminal",
    OrderState.NEVER_ACCEPTED: "terminal",
}


@pytest.mark.parametrize("state", OrderState)
def test_a_state_is_unresolved_working_or_terminal_and_only_one_of_them(state):
    found = {"unresolved": state.is_unresolved, "working": state.is_working, "terminal": state.is_terminal}
    assert [kind for kind, holds in found.items() if holds] == [KINDS[state]]


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (Side, ["buy", "sell"]),
        (TimeInForce, ["gfd", "gtc"]),
        (ExecutionMode, ["paper", "live"]),
        (OffsetMode, ["bps", "absolute"]),
        (Pricing, ["passive", "marketable"]),
        (OrderState, [state.name.lower() for state in KINDS]),
    ],
)
def test_the_words_are_the_public_contracts(words, values):
    assert [str(word) for word in words] == values


@pytest.mark.parametrize(("side", "other"), [(Side.BUY, Side.SELL), (Side.SELL, Side.BUY)])
def test_a_side_has_an_opposite(side, other):
    assert side.opposite is other


@pytest.mark.parametrize("quantity", [0, -1])
def test_terms_for_less_than_one_share_cannot_be_made(quantity):
    with pytest.raises(ValueError, match="one share or more"):
        replace(TERMS, quantity=quantity)


@pytest.mark.parametrize("price", ["0", "-0.01", "NaN", "sNaN", "Infinity", "-Infinity"])
def test_terms_without_a_positive_price_cannot_be_made(price):
    with pytest.raises(ValueError, match="a positive number of dollars"):
        replace(TERMS, limit_price=Decimal(price))


def test_the_most_that_a_buy_can_cost_is_exact_in_any_decimal_context():
    with localcontext(Context(prec=2)):
        assert TERMS.notional == Decimal("99.9999")


def test_an_order_is_good_for_the_day_in_regular_hours_unless_told_otherwise():
    request = OrderRequest(symbol="AAPL", side=Side.BUY, quantity=1, reference_price=Decimal(1))
    for order in (TERMS, request):
        assert (order.time_in_force, order.extended_hours) == (TimeInForce.GFD, False)
    assert (request.client_order_id, request.pricing) == (None, None)


@pytest.mark.parametrize("field", ["quantity", "price"])
@pytest.mark.parametrize("value", ["0", "-1", "NaN", "sNaN", "Infinity"])
def test_a_senseless_fill_is_an_error_and_never_a_zero(field, value):
    changes: dict[str, Any] = {field: Decimal(value)}
    with pytest.raises(ValueError, match="must be positive numbers"):
        replace(fill(), **changes)


def test_a_fill_without_a_time_zone_is_an_error():
    with pytest.raises(ValueError, match="no zone"):
        replace(fill(), executed_at=datetime(2026, 11, 23, 15))


def test_an_envelope_is_a_duplicate_once_an_earlier_order_answers_for_it():
    envelope = Story(intended()).order().envelope
    assert not envelope.is_duplicate
    assert replace(envelope, duplicate_of=ClientOrderId("earlier")).is_duplicate


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (TERMS, "limit_price"),
        (fill(), "quantity"),
        (report(), "state"),
        (Story(intended()).order().envelope, "state"),
        (Story(intended()).order().status(), "state"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
def test_a_message_once_made_is_a_fact(message, field):
    with pytest.raises(AttributeError):
        setattr(message, field, None)


def test_a_report_claims_nothing_that_the_broker_did_not_say():
    plain = report()
    assert (plain.cumulative_quantity, plain.executions, plain.average_price) == (Decimal(0), (), None)
    assert (plain.state_is_known, plain.voided) == (True, False)
    assert replace(plain, created_at=datetime(2026, 11, 23, tzinfo=UTC)) != plain
