"""The broker's own review of an order: advice, in an open set of shapes."""

from decimal import Decimal

import pytest

from tests.agent.sample_replies import sample, samples, varied
from trading_bot.agent.review_rows import review_of
from trading_bot.order_management.broker_review import BrokerReview
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import OrderTerms, Side, TimeInForce


def terms(symbol: object = "F", side: object = "buy") -> OrderTerms:
    return OrderTerms(
        symbol=str(symbol),
        side=Side(str(side)),
        quantity=1,
        limit_price=Decimal("6.20"),
        time_in_force=TimeInForce.GFD,
        extended_hours=False,
    )


def review(start: str) -> BrokerReview:
    data = sample("review_equity_order", start)
    return review_of(data, terms(data["symbol"], data["side"]))


CLEAN = sample("review_equity_order", "limit at half")


def test_a_clean_review_has_the_market_it_goes_by():
    found = review("limit at half")
    assert found.alerts == ()
    assert found.quote is not None
    assert found.quote.bid_price == Decimal("12.73")
    assert str(found.disclosure).startswith("Bid $12.78")


@pytest.mark.parametrize(
    ("start", "shown"),
    [
        ("alert with nothing else", "EQUITY_USER_LEVEL_MARGIN_CALL"),
        ("stale lots", "EQUITY_TAX_LOT_STALE"),
        ("market in all_day", "EQUITY_ALL_DAY_TRADING_ERROR (reason order type must be limit)"),
        ("sub-penny", "EQUITY_VALIDATION_ERROR (message Prices above $1.00 can't have subpenny increments.)"),
        ("not enough buying power, dollar", "EQUITY_NOT_ENOUGH_BP_DOLLAR_BASED (depositAmount 0.50 USD)"),
        (
            "limit far below",
            "EQUITY_EXTREMELY_UNMARKETABLE_LIMIT_PRICE (enteredPrice 1.00 USD, lastTradePrice 12.8801 USD, side BUY)",
        ),
    ],
)
def test_an_alert_is_shown_with_what_it_says(start, shown):
    assert [str(each) for each in review(start).alerts] == [shown]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0E-8", "0"),
        ("9885000.0000", "9885000"),
        ({"amount": "741.2230", "currency": "USD"}, "741.223 USD"),
        ({"amount": "1", "currency_code": None}, "1.00"),
        (12, "12"),
        (True, "True"),
    ],
)
def test_a_figure_is_shown_as_it_is(value, shown):
    found = review_of({**CLEAN, "order_checks": {"alertType": "ODD", "details": {"of": value}}}, terms())
    assert str(found.alerts[0]) == f"ODD (of {shown})"


def test_what_may_be_the_number_of_an_account_is_masked():
    for number in ("512340008", 512340008):
        found = review_of({**CLEAN, "order_checks": {"alertType": "ODD", "account": number}}, terms())
        assert "512340008" not in str(found.alerts[0])


def test_an_alert_in_the_spelling_of_the_schema_is_read():
    checks = {"alert_type": "EQUITY_NOT_ENOUGH_BP", "equity_not_enough_bp_alert_details": {"short_by": 3}}
    found = review_of({**CLEAN, "order_checks": checks}, terms())
    assert [str(each) for each in found.alerts] == ["EQUITY_NOT_ENOUGH_BP (short_by 3)"]


def test_checks_of_an_unknown_shape_are_an_alert():
    """Something is said against the order, so it is shown even if nobody knows what it is."""
    found = review_of({**CLEAN, "order_checks": {"warnings": ["odd", {"x": 1}]}}, terms())
    assert [str(each) for each in found.alerts] == ["not named (warnings odd, x 1)"]


@pytest.mark.parametrize("change", [{"symbol": "T"}, {"side": "sell"}, {"order_checks": None}, {"order_checks": []}])
def test_a_review_of_another_order_or_of_nothing_is_an_error(change):
    with pytest.raises(OrderStatusError):
        review_of({**CLEAN, **change}, terms())


@pytest.mark.parametrize("each", samples("review_equity_order"), ids=str)
def test_no_odd_review_hides_an_alert(each):
    mine = terms(each.data["symbol"], each.data["side"])
    for data in varied(each.data):
        try:
            found = review_of(data, mine)
        except OrderStatusError:
            continue
        assert bool(found.alerts) is bool(data["order_checks"])
