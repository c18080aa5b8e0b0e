from decimal import Decimal

import pytest

from tests.support.paper_market import ACCOUNT, BASE, PaperBench, order_fields
from trading_bot.order_management.models import Side, TimeInForce
from trading_bot.paper.refusals import RefusalError
from trading_bot.paper.state import instrument_id_of
from trading_bot.paper.tickets import OrderTicket, read_ticket


def _read(**changes):
    return read_ticket(order_fields(**changes), account_number=ACCOUNT, knows=lambda symbol: symbol in ("AAPL", "F"))


def test_a_form_becomes_a_ticket():
    assert _read(price="100.10", quantity="10.0") == OrderTicket(
        ref_id="00000000-0000-4000-8000-000000000001",
        symbol="AAPL",
        side=Side.BUY,
        quantity=10,
        price=Decimal("100.10"),
        time_in_force=TimeInForce.GFD,
        extended_hours=False,
        order_form_version=4,
    )


REQUIRED = (
    "account",
    "instrument",
    "symbol",
    "price",
    "quantity",
    "ref_id",
    "type",
    "time_in_force",
    "trigger",
    "side",
)
NO_OBJECT = "Invalid hyperlink - Object does not exist."
MANY_DIGITS = "Ensure that there are no more than 8 digits before the decimal point."
FRACTIONAL = "Limit order quantity cannot include fractional shares."
MISMATCH = "Extended hours and market hours mismatch."
SUBPENNY = "Prices above $1.00 can't have subpenny increments."
SELLS_ALONE = "This paper broker takes stops of sells alone, with a limit at or below the stop."
EXTENDED = {"market_hours": "extended_hours", "extended_hours": "True"}


@pytest.mark.parametrize("field", REQUIRED)
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_field_is_named(field, value):
    with pytest.raises(RefusalError) as caught:
        _read(**{field: value})
    assert caught.value.status == 400
    assert list(caught.value.body) == ["instrument" if field == "instrument" else field]


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({"account": f"{BASE}/accounts/OTHER/"}, {"account": [NO_OBJECT]}),
        ({"instrument": f"{BASE}/instruments/{instrument_id_of('F')}/"}, {"instrument": [NO_OBJECT]}),
        ({"symbol": "MSFT"}, {"instrument": [NO_OBJECT]}),
        ({"type": "market"}, {"type": ['"market" is not a valid choice.']}),
        ({"trigger": "trail"}, {"trigger": ['"trail" is not a valid choice.']}),
        ({"trigger": "stop", "side": "sell"}, {"stop_price": ["This field is required."]}),
        ({"trigger": "stop", "side": "sell", "stop_price": "100.505"}, {"stop_price": [SUBPENNY]}),
        ({"trigger": "stop", "side": "sell", "stop_price": "99"}, {"non_field_errors": [SELLS_ALONE]}),
        ({"trigger": "stop", "side": "buy", "stop_price": "101"}, {"non_field_errors": [SELLS_ALONE]}),
        (
            {"trigger": "stop", "side": "sell", "stop_price": "101", **EXTENDED},
            {"non_field_errors": ["Stop orders are only available during regular hours."]},
        ),
        ({"side": "short"}, {"side": ['"short" is not a valid choice.']}),
        ({"time_in_force": "ioc"}, {"time_in_force": ['"ioc" is not a valid choice.']}),
        ({"quantity": "ten"}, {"quantity": ["Enter a valid number."]}),
        ({"quantity": "NaN"}, {"quantity": ["Enter a valid number."]}),
        ({"quantity": "0"}, {"quantity": ["Ensure this value is greater than 0."]}),
        ({"quantity": "1.5"}, {"non_field_errors": [FRACTIONAL]}),
        ({"price": "nan"}, {"price": ["Enter a valid number."]}),
        ({"price": "Infinity"}, {"price": ["Enter a valid number."]}),
        ({"price": "-1"}, {"price": ["Ensure this value is greater than 0."]}),
        ({"price": "100000000"}, {"price": [MANY_DIGITS]}),
        ({"quantity": "100000000"}, {"quantity": [MANY_DIGITS]}),
        ({"price": "100.005"}, {"price": [SUBPENNY]}),
        ({"price": "1.001"}, {"price": [SUBPENNY]}),
        ({"price": "0.00015"}, {"price": ["Ensure that there are no more than 4 decimal places."]}),
        ({"ref_id": "not-a-uuid"}, {"ref_id": ["Must be a valid UUID."]}),
        ({"extended_hours": "True"}, {"non_field_errors": [MISMATCH]}),
        ({"market_hours": "extended_hours"}, {"non_field_errors": [MISMATCH]}),
        ({"market_hours": "all_day_hours"}, {"market_hours": ['"all_day_hours" is not a valid choice.']}),
        ({"extended_hours": "maybe"}, {"extended_hours": ['"maybe" is not a valid boolean.']}),
        ({"order_form_version": "four"}, {"order_form_version": ["A valid integer is required."]}),
    ],
)
def test_a_wrong_field_is_refused_in_the_brokers_words(changes, body):
    with pytest.raises(RefusalError) as caught:
        _read(**changes)
    assert (caught.value.status, caught.value.body) == (400, body)


def test_an_old_order_form_is_refused():
    with pytest.raises(RefusalError, match="missing important stock trading updates"):
        _read(order_form_version="1")


@pytest.mark.parametrize(
    ("changes", "extended"),
    [
        ({"market_hours": None, "extended_hours": None}, False),
        ({"market_hours": "extended_hours", "extended_hours": None}, True),
        ({"market_hours": "extended_hours", "extended_hours": "true"}, True),
        ({"market_hours": "extended_hours", "extended_hours": True}, True),
    ],
)
def test_hours_may_be_named_in_each_way_clients_do(changes, extended):
    assert _read(**changes).extended_hours is extended


@pytest.mark.parametrize("price", ["0.0001", "0.9999", "1.00", "99999999.99"])
def test_prices_on_the_tick_are_taken(price):
    assert _read(price=price).price == Decimal(price)


def test_a_missing_order_form_is_no_obstacle_to_a_limit_order():
    assert _read(order_form_version=None).order_form_version is None


def test_a_refused_ticket_reaches_the_client_with_its_status_and_body():
    reply = PaperBench().post_order(price="100.005")
    assert (reply.status_code, reply.json()) == (400, {"price": [SUBPENNY]})
