"""What an order says of itself over the agent interface."""

from decimal import Decimal

import pytest

from tests.support.agent_rows import ACCOUNT, INSTRUMENT, ORDER, REF, agent_row, stop_row
from trading_bot.agent.order_rows import order_account_number, parse_order, read_order
from trading_bot.order_management.models import OrderReport, OrderState, Side
from trading_bot.order_management.outcomes import UnreadRow
from trading_bot.robinhood.strict_json import UnreadableReplyError


def report(row) -> OrderReport:
    read = read_order(row, lambda _: None)
    assert isinstance(read, OrderReport), read
    return read


def unread(row) -> UnreadRow:
    read = read_order(row, lambda _: None)
    assert isinstance(read, UnreadRow), read
    return read


def test_a_resting_order_is_read_whole():
    read = report(agent_row())
    assert (read.order_id, read.ref_id, read.symbol, read.instrument_id) == (ORDER, REF, "F", INSTRUMENT)
    assert (read.side, read.quantity, read.limit_price) == (Side.BUY, Decimal(1), Decimal("12.31"))
    assert (read.state, read.updated_at, read.awaits_approval) == (OrderState.CONFIRMED, None, False)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("new", OrderState.QUEUED),
        ("queued", OrderState.QUEUED),
        ("unconfirmed", OrderState.QUEUED),
        ("confirmed", OrderState.CONFIRMED),
        ("partially_filled", OrderState.PARTIALLY_FILLED),
        ("pending_cancelled", OrderState.PENDING_CANCEL),
        ("filled", OrderState.FILLED),
        ("cancelled", OrderState.CANCELLED),
        ("voided", OrderState.CANCELLED),
        ("partially_filled_rest_cancelled", OrderState.CANCELLED),
        ("rejected", OrderState.REJECTED),
        ("failed", OrderState.REJECTED),
    ],
)
def test_each_state_that_the_broker_documents_is_known(word, state):
    read = report(agent_row(state=word))
    assert (read.state, read.state_is_known, read.broker_state) == (state, True, word)


@pytest.mark.parametrize("word", ["locating", "locate_failed", "pondering", "pending_consent"])
def test_a_word_that_is_not_known_counts_as_working_and_stays_unknown(word):
    read = report(agent_row(state=word))
    assert (read.state.is_working, read.state_is_known, read.awaits_approval) == (True, False, False)


def test_shares_bought_before_the_rest_was_cancelled_are_told():
    fill = {
        "id": "6acf8c02-de9c-4144-8aac-f94805220dec",
        "price": "2.470000",
        "quantity": "1.000000",
        "timestamp": "2026-10-14T14:04:50Z",
        "fees": "0.000000",
    }
    read = report(
        agent_row(
            state="partially_filled_rest_cancelled",
            quantity="10.000000",
            cumulative_quantity="1.000000",
            average_price="2.470000",
            executions=[fill],
        )
    )
    assert (read.cumulative_quantity, [each.price for each in read.executions]) == (Decimal(1), [Decimal("2.47")])


@pytest.mark.parametrize("type_", ["market", "stop_market", " Market "])
def test_the_price_of_an_order_at_the_market_is_no_limit(type_):
    assert report(agent_row(type=type_, price="12.850000")).limit_price is None


def test_a_stop_keeps_its_limit_and_its_stop():
    read = report(stop_row())
    assert (read.is_protective, read.limit_price, read.stop_price) == (True, Decimal("12.49"), Decimal("12.59"))
    assert report(stop_row(type="stop_limit", trigger=...)).waits_for_stop, "named by its type alone"


def test_an_order_in_dollars_to_buy_is_read_with_the_shares_it_shows():
    dollars = {"amount": "5.000000", "currency_code": "USD"}
    row = agent_row(type="market", dollar_based_amount=dollars, quantity="0.389105", price="12.850000")
    assert report(row).quantity == Decimal("0.389105")


@pytest.mark.parametrize("quantity", ["0.389105", "0.000000", None])
def test_an_order_in_dollars_to_sell_may_sell_any_number_of_shares(quantity):
    row = agent_row(side="sell", type="market", dollar_based_amount={"amount": "5.00"}, quantity=quantity, price=None)
    read = unread(row)
    assert (read.symbol, read.side, read.quantity, read.state) == ("F", Side.SELL, Decimal(0), OrderState.CONFIRMED)


@pytest.mark.parametrize(
    "nothing", [None, "", {}, "0", {"amount": "0.000000", "currency_code": "USD"}, {"amount": None}]
)
def test_no_amount_of_dollars_makes_no_order_in_dollars(nothing):
    assert report(agent_row(side="sell", dollar_based_amount=nothing)).quantity == 1
    assert unread(agent_row(dollar_based_amount=nothing, price="?")).quantity == 1, "it may be one of ours in doubt"


@pytest.mark.parametrize("amount", ["5.00", "?", {"amount": "?"}, {"amount": ["5"]}])
def test_an_amount_of_dollars_that_cannot_be_read_may_be_one(amount):
    assert unread(agent_row(side="sell", dollar_based_amount=amount)).quantity == 0


def test_an_order_in_dollars_that_sold_is_read_once_it_has_ended():
    row = agent_row(side="sell", type="market", dollar_based_amount={"amount": "5.00"}, state="filled", price=None)
    assert report(row).state is OrderState.FILLED


@pytest.mark.parametrize(("symbol", "instrument"), [("F", None), ("F", "?"), ("", INSTRUMENT), (None, INSTRUMENT)])
def test_a_symbol_or_an_instrument_is_enough(symbol, instrument):
    read = report(agent_row(symbol=symbol, instrument_id=instrument))
    assert (read.symbol, read.symbol_is_known) == ("F" if symbol else INSTRUMENT, bool(symbol))


def test_a_name_learned_before_stands_in_for_an_empty_symbol():
    read = read_order(agent_row(symbol=""), {INSTRUMENT: "F"}.get)
    assert (read.symbol, read.instrument_id) == ("F", INSTRUMENT)


NEEDED = ["id", "side", "state", "quantity", "cumulative_quantity"]


@pytest.mark.parametrize("field", NEEDED)
@pytest.mark.parametrize("value", [None, ..., [], {"a": 1}, True])
def test_a_row_without_what_a_decision_needs_says_what_it_does_say(field, value):
    changes = {field: value}
    read = unread(agent_row(**changes))
    assert read.symbol == "F"
    with pytest.raises(UnreadableReplyError):
        parse_order(agent_row(**changes), lambda _: None)


def test_a_row_without_any_instrument_names_no_symbol():
    assert unread(agent_row(symbol=None, instrument_id=None)).symbol is None


@pytest.mark.parametrize("row", [None, [], "order", 7, {}])
def test_what_is_no_order_at_all_is_a_row_that_cannot_be_read(row):
    assert unread(row).order_id is None


@pytest.mark.parametrize("value", [None, ..., [], 3, {}])
@pytest.mark.parametrize(
    "field",
    ["ref_id", "fees", "average_price", "last_transaction_at", "executions", "placed_agent", "market_hours", "trigger"],
)
def test_a_field_that_no_decision_needs_stops_nothing(field, value):
    assert report(agent_row(**{field: value})).symbol == "F"


@pytest.mark.parametrize(
    "said",
    [
        {"state": "pending_approval"},
        {"state": "Awaiting_Approval "},
        {"state": "queued", "approval_required": True},
        {"state": "unconfirmed", "requires_approval": "true"},
        {"approval_status": "pending"},
        {"approval_state": "requested"},
        {"approval": {"status": "waiting"}},
        {"approval": {"id": "x"}},
        {"approval": True},
        {"approval": ["?"]},
    ],
)
def test_an_order_that_waits_for_its_owner_is_open_and_not_at_work(said):
    read = report(agent_row(**said))
    assert (read.awaits_approval, read.state.is_working, read.state_is_known) == (True, True, True)


@pytest.mark.parametrize(
    "said",
    [
        {"approval": None},
        {"approval": False},
        {"approval": {}},
        {"approval": []},
        {"approval": {"status": {}}},
        {"approval_status": "approved"},
        {"approval_status": "N/A"},
        {"approval_state": "not_applicable"},
        {"approval": {"status": "completed"}},
        {"approval": {"status": "not_required"}},
        {"approval_required": False},
        {"approval_required": "maybe"},
        {"approval_status": "pending", "state": "filled", "cumulative_quantity": "1.000000"},
        {"approval_status": "pending", "state": "partially_filled", "cumulative_quantity": "0.500000"},
        {"approval_required": True, "state": "cancelled"},
        {"note": "an approval is required"},
    ],
)
def test_an_order_that_waits_for_nobody_is_not_said_to(said):
    assert not report(agent_row(**said)).awaits_approval


def test_a_stop_that_waits_for_its_owner_protects_nothing():
    assert not report(stop_row(approval_required=True)).is_protective


def test_the_word_of_the_broker_for_a_wait_is_kept():
    assert report(agent_row(state="pending_approval")).broker_state == "pending_approval"


def test_an_account_that_a_row_names_is_found():
    assert order_account_number(agent_row()) is None
    assert order_account_number(agent_row(account_number=ACCOUNT)) == ACCOUNT
    assert order_account_number(agent_row(account=f"https://x/accounts/{ACCOUNT}/")) == ACCOUNT
    assert order_account_number(None) is None
