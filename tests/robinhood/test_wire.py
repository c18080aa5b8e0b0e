from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.scripted_broker import INSTRUMENT, ORDER, REF, fill, order_row
from trading_bot.order_management.exceptions import OrderValidationError
from trading_bot.order_management.models import OrderState, OrderTerms, RefId, Side, TimeInForce
from trading_bot.order_management.outcomes import UnreadRow
from trading_bot.robinhood.order_rows import has_ended, order_instrument, read_order
from trading_bot.robinhood.strict_json import UnreadableReplyError
from trading_bot.robinhood.wire import (
    STATES,
    account_url,
    instrument_url,
    order_account_number,
    order_body,
    order_names,
    parse_order,
    price_text,
    printable,
    wire_time,
)


def parsed(**changes):
    return parse_order(order_row(**changes), {INSTRUMENT: "AAPL"}.get)


def test_an_order_is_read_whole():
    report = parsed(
        state="partially_filled",
        cumulative_quantity="4.00000000",
        average_price="100.05000000",
        executions=[fill()],
        reject_reason=None,
    )
    assert (report.order_id, report.ref_id, report.symbol, report.side) == (ORDER, REF, "AAPL", Side.BUY)
    assert (report.quantity, report.limit_price, report.cumulative_quantity) == (10, Decimal("100.1"), 4)
    assert (report.average_price, report.time_in_force) == (Decimal("100.05"), TimeInForce.GFD)
    assert (report.state, report.broker_state, report.state_is_known) == (
        OrderState.PARTIALLY_FILLED,
        "partially_filled",
        True,
    )
    [execution] = report.executions
    assert (execution.quantity, execution.price) == (4, Decimal("100.05"))
    assert execution.executed_at == datetime(2026, 11, 23, 15, 0, 1, 500_000, tzinfo=UTC)
    assert report.created_at == datetime(2026, 11, 23, 14, 59, 58, 123456, tzinfo=UTC)
    assert report.updated_at == datetime(2026, 11, 23, 14, 59, 59, 123456, tzinfo=UTC)
    assert report.last_transaction_at == datetime(2026, 11, 23, 14, 59, 59, tzinfo=UTC)
    assert not report.voided


@pytest.mark.parametrize(
    ("said", "fees"),
    [
        ("0.04", "0.04"),
        ("0", "0"),
        (None, None),
        ("", None),
        ("n/a", None),
        ("-0.04", None),
        ([], None),
    ],
)
def test_fees_that_cannot_be_read_are_unknown_and_hold_nothing_up(said, fees):
    report = parsed(state="filled", cumulative_quantity="10.00000000", executions=[fill()], fees=said)
    assert report.fees == (None if fees is None else Decimal(fees))
    assert (report.state, len(report.executions)) == (OrderState.FILLED, 1)


def test_an_order_that_does_not_tell_its_fees_has_unknown_ones():
    row = order_row()
    row.pop("fees", None)
    assert parse_order(row, {INSTRUMENT: "AAPL"}.get).fees is None


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("new", "queued"),
        ("queued", "queued"),
        ("unconfirmed", "queued"),
        ("confirmed", "confirmed"),
        ("partially_filled", "partially_filled"),
        ("pending_cancelled", "pending_cancel"),
        ("cancelled", "cancelled"),
        ("canceled", "cancelled"),
        ("partially_filled_rest_cancelled", "cancelled"),
        ("voided", "cancelled"),
        ("expired", "cancelled"),
        ("rejected", "rejected"),
        ("failed", "rejected"),
    ],
)
def test_each_word_of_the_broker_has_one_meaning(word, state):
    report = parsed(state=word)
    assert (report.state, report.state_is_known, report.voided) == (state, True, word == "voided")


@pytest.mark.parametrize("filled", ["9.00000000", "10.00000000", "11.00000000"])
def test_a_fill_that_does_not_fit_the_order_is_read_all_the_same(filled):
    """Shares did move: an order that could not be read would hide them."""
    report = parsed(state="filled", cumulative_quantity=filled)
    assert (report.state, report.cumulative_quantity) == (OrderState.FILLED, Decimal(filled))


def test_the_table_of_words_is_the_tested_one():
    assert len(STATES) == 14


@pytest.mark.parametrize("word", ["FILLED", "Filled", " filled ", "\tfilled"])
def test_case_and_space_do_not_change_a_word(word):
    report = parsed(state=word)
    assert (report.state, report.state_is_known, report.broker_state) == (OrderState.FILLED, True, word.strip())


@pytest.mark.parametrize(("lasting", "state"), [("gfd", OrderState.CANCELLED), ("gtc", OrderState.CONFIRMED)])
def test_done_for_day_ends_an_order_of_the_day_alone(lasting, state):
    """A good-till-cancelled order comes back on the next day."""
    report = parsed(state="done_for_day", time_in_force=lasting)
    assert (report.state, report.state_is_known) == (state, state is OrderState.CANCELLED)


@pytest.mark.parametrize("word", ["locating", "cancelled.", "filled_elsewhere"])
def test_an_unknown_word_counts_as_working_and_is_kept(word):
    report = parsed(state=word)
    assert (report.state, report.state_is_known, report.broker_state) == (OrderState.CONFIRMED, False, word)
    assert report.state.is_working


def test_a_rejected_order_keeps_the_brokers_text_made_safe():
    assert parsed(state="rejected", reject_reason="no\x1b[2J\nfunds").reject_reason == "no [2J funds"


def test_a_sell_is_a_sell_and_an_unknown_time_in_force_is_none():
    report = parsed(side="sell", time_in_force="opg")
    assert (report.side, report.time_in_force) == (Side.SELL, None)


@pytest.mark.parametrize(
    ("trigger", "waits"),
    [("stop", True), (" STOP ", True), ("immediate", False), (None, False), (5, False), ({"a": 1}, False)],
)
def test_an_order_that_waits_for_its_stop_price_is_told_apart(trigger, waits):
    assert parsed(trigger=trigger).waits_for_stop is waits


def test_a_stop_order_at_the_market_is_read_too():
    report = parsed(trigger="stop", type="market", price=None, stop_price="80.00", side="sell")
    assert (report.waits_for_stop, report.limit_price) == (True, None)


def test_the_instrument_may_be_named_by_its_address_alone():
    assert parsed(instrument_id=None).symbol == "AAPL"


def test_ref_ids_are_compared_in_lower_case():
    assert parsed(ref_id="ABCDEF00-2222-4333-8444-555555555555").ref_id == "abcdef00-2222-4333-8444-555555555555"
    assert parsed(ref_id=None).ref_id is None


def test_the_same_execution_given_twice_counts_once():
    assert len(parsed(executions=[fill(), fill()], cumulative_quantity="4").executions) == 1


NO_REFERENCES: tuple[object, ...] = ("x\n", "short", "", "abc", 5, {}, "not-a-uuid-but-long")
TENS: tuple[object, ...] = (10, Decimal("10.0"), " 10 ", "10." + "0" * 15)
NO_FILLS: tuple[object, ...] = (None, {}, [None], "", [{"id": "x"}])
NO_TIMES: tuple[object, ...] = (
    *("2026-11-23T14:59:59", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "x"),
    *(None, 5),
)
SENSELESS: dict[str, tuple[object, ...]] = {
    "id": ("", 0, None, "../cancel", "abc", "x" * 65, "7a2f7d2c/1f0e"),
    "quantity": ("0", "-1", "NaN", "1e16", "1,000.00", "", None, "1" * 16, "\uff11\uff12", "1_0", "Infinity", True),
    "cumulative_quantity": ("-1", None, "NaN"),
    "price": ("nan", "-100", "1" * 40, "", [], {"amount": "100"}),
    "side": ("short", "sell_short", "", None),
    "state": ("", None, 3, "x" * 65, "fil\x1bled"),
    "instrument_id": ("00000000-dead-4000-8000-000000000000",),
}
BAD: list[dict[str, object]] = [{key: value} for key, values in SENSELESS.items() for value in values]
BAD.append({"instrument_id": None, "instrument": None})


@pytest.mark.parametrize("changes", BAD, ids=repr)
def test_a_senseless_field_that_a_decision_needs_makes_the_order_unreadable(changes):
    with pytest.raises(UnreadableReplyError):
        parsed(**changes)


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        *(({"ref_id": odd}, "ref_id", None) for odd in NO_REFERENCES),
        *(({"quantity": same}, "quantity", Decimal(10)) for same in TENS),
        ({"price": 100}, "limit_price", Decimal(100)),
        ({"price": Decimal("100.1000")}, "limit_price", Decimal("100.1")),
        ({"side": " BUY"}, "side", Side.BUY),
        *(({"executions": odd}, "executions", ()) for odd in NO_FILLS),
        *(
            ({"executions": [fill() | odd]}, "executions", ())
            for odd in ({"quantity": "0"}, {"price": "0"}, {"timestamp": None}, {"id": None})
        ),
        ({"executions": [fill(), fill(price="99")]}, "executions", ()),
        *(
            ({name: odd}, name, None)
            for name in ("created_at", "updated_at", "last_transaction_at")
            for odd in NO_TIMES
        ),
        ({"average_price": "n/a"}, "average_price", None),
        ({"reject_reason": 7}, "reject_reason", "7"),
        ({"instrument_id": None}, "instrument_id", INSTRUMENT),
        ({"instrument_id": INSTRUMENT.upper()}, "instrument_id", INSTRUMENT),
        ({"instrument": "http://["}, "instrument_id", INSTRUMENT),
    ],
    ids=repr,
)
def test_an_odd_field_that_no_decision_needs_spoils_nothing_else(changes, field, value):
    report, plain = parsed(**changes), parsed()
    assert getattr(report, field) == value
    assert replace(report, **{field: getattr(plain, field)}) == plain


@pytest.mark.parametrize("name", ["created_at", "updated_at", "executions", "last_transaction_at", "ref_id", "price"])
def test_a_field_that_no_decision_needs_may_be_missing(name):
    row = order_row()
    del row[name]
    assert parse_order(row, lambda _: "AAPL").order_id == ORDER


@pytest.mark.parametrize("key", ["id", "side", "state", "quantity", "cumulative_quantity"])
def test_a_missing_field_that_a_decision_needs_is_an_error_and_never_a_default(key):
    row = order_row()
    del row[key]
    with pytest.raises(UnreadableReplyError, match=key):
        parse_order(row, lambda _: "AAPL")


def test_an_instrument_that_nobody_knows_gives_its_id_for_a_name():
    report = parse_order(order_row(), lambda _: None)
    assert (report.symbol, report.symbol_is_known, report.instrument_id) == (INSTRUMENT, False, INSTRUMENT)


def test_the_rows_own_symbol_counts_first():
    assert parsed(symbol=" metx").symbol == "METX"


@pytest.mark.parametrize(
    "times", ["2026-11-23T14:59:59.1234567Z", "2026-11-23t14:59:59.123456789z", " 2026-11-23T14:59:59Z"]
)
def test_times_have_up_to_nine_digits_after_the_second(times):
    assert parsed(created_at=times).created_at.replace(microsecond=0) == datetime(2026, 11, 23, 14, 59, 59, tzinfo=UTC)


def test_an_unread_row_says_all_that_it_does_say():
    row = read_order(order_row(quantity=None, dollar_based_amount={"amount": "10.00"}), {INSTRUMENT: "AAPL"}.get)
    assert isinstance(row, UnreadRow)
    assert (row.order_id, row.ref_id, row.instrument_id, row.symbol) == (ORDER, REF, INSTRUMENT, "AAPL")
    assert (row.side, row.quantity, row.cumulative_quantity) == (Side.BUY, None, Decimal(0))
    assert row.limit_price == Decimal("100.1")
    assert (row.state, row.broker_state) == (OrderState.CONFIRMED, "confirmed")
    assert row.created_at == datetime(2026, 11, 23, 14, 59, 58, 123456, tzinfo=UTC)
    assert row.problem == f"order {ORDER}: cannot be read: quantity"


def test_a_short_sale_is_an_unread_row_without_a_side():
    row = read_order(order_row(side="sell_short", state="locating"), {INSTRUMENT: "AAPL"}.get)
    assert isinstance(row, UnreadRow)
    assert (row.side, row.quantity, row.state, row.broker_state) == (None, Decimal(10), None, "locating")


@pytest.mark.parametrize("reference", ["", "abc", None, 5, "x" * 36])
def test_only_a_well_formed_reference_is_one(reference):
    row = read_order(order_row(quantity=None, ref_id=reference), lambda _: None)
    assert isinstance(row, UnreadRow)
    assert row.ref_id is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
ADDRESSES = st.sampled_from(
    ["http://[", "http://[::1", "//\u2100", "https://a:b:c/x", "http://\u2488com/accounts/x/", ""]
)


@given(st.dictionaries(st.sampled_from(sorted(order_row())), JSON | ADDRESSES), JSON)
def test_no_row_raises(changes, anything):
    read_order(order_row() | changes, {INSTRUMENT: "AAPL"}.get)
    for row in (order_row() | changes, anything):
        read_order(row, lambda _: None)
        order_names(row)
        order_account_number(row)
        order_instrument(row)
        has_ended(row)


@pytest.mark.parametrize("row", [None, [], "order", 5])
def test_what_is_no_object_is_no_order(row):
    with pytest.raises(UnreadableReplyError):
        parse_order(row, lambda _: "AAPL")
    assert order_names(row) == (None, None)
    assert order_account_number(row) is None


def test_the_error_names_fields_and_never_values():
    with pytest.raises(UnreadableReplyError) as caught:
        parsed(quantity="5QR12345-secret")
    assert "quantity" in str(caught.value)
    assert "5QR" not in str(caught.value)


def test_names_survive_an_unreadable_order():
    assert order_names(order_row(quantity="NaN")) == (ORDER, REF)
    assert order_names({"id": "../x", "ref_id": 3}) == (None, None)


def test_the_account_of_an_order_is_read_from_its_address():
    assert order_account_number(order_row()) == "5QR12345"


def body(**changes):
    plain = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("100.1"))
    return order_body(
        replace(plain, **changes),
        ref_id=RefId(REF),
        account_url=account_url("5QR12345"),
        instrument_url=instrument_url(INSTRUMENT),
    )


def test_a_body_has_exactly_the_fields_of_a_plain_limit_order_in_order():
    assert body() == (
        b"account=https%3A%2F%2Fapi.robinhood.com%2Faccounts%2F5QR12345%2F"
        b"&instrument=https%3A%2F%2Fapi.robinhood.com%2Finstruments%2F450dfc6d-5510-4d40-abfb-f633b7d9be3e%2F"
        b"&symbol=AAPL&price=100.10&quantity=10&ref_id=11111111-2222-4333-8444-555555555555&type=limit"
        b"&time_in_force=gfd&trigger=immediate&side=buy&market_hours=regular_hours&extended_hours=False"
        b"&order_form_version=4"
    )


STOP = {"side": Side.SELL, "time_in_force": TimeInForce.GTC, "stop_price": Decimal("100.2")}


def test_the_body_of_a_stop_names_its_trigger_and_its_stop_price():
    assert body(**STOP) == (
        b"account=https%3A%2F%2Fapi.robinhood.com%2Faccounts%2F5QR12345%2F"
        b"&instrument=https%3A%2F%2Fapi.robinhood.com%2Finstruments%2F450dfc6d-5510-4d40-abfb-f633b7d9be3e%2F"
        b"&symbol=AAPL&price=100.10&stop_price=100.20&quantity=10&ref_id=11111111-2222-4333-8444-555555555555"
        b"&type=limit&time_in_force=gtc&trigger=stop&side=sell&market_hours=regular_hours&extended_hours=False"
        b"&order_form_version=4"
    )


def test_a_stop_price_off_the_tick_is_refused():
    with pytest.raises(OrderValidationError, match=r"a stop price of 100\.205 is off that tick"):
        body(**(STOP | {"stop_price": Decimal("100.205")}))


def test_a_stop_is_read_with_its_stop_price_and_when_it_was_reached():
    report = parsed(trigger="stop", stop_price="80.00000000", stop_triggered_at="2026-11-23T15:00:01.5Z", side="sell")
    assert (report.stop_price, report.stop_triggered_at) == (
        Decimal(80),
        datetime(2026, 11, 23, 15, 0, 1, 500_000, tzinfo=UTC),
    )


def test_an_order_at_once_has_no_stop_price_whatever_its_field_says():
    report = parsed(trigger="immediate", stop_price="80.00000000")
    assert (report.waits_for_stop, report.stop_price) == (False, None)


@pytest.mark.parametrize(
    ("extended", "pair"), [(True, ("extended_hours", "True")), (False, ("regular_hours", "False"))]
)
def test_the_two_fields_about_hours_always_agree(extended, pair):
    fields = parse_qs(body(extended_hours=extended).decode())
    assert (fields["market_hours"], fields["extended_hours"]) == ([pair[0]], [pair[1]])


def test_side_and_time_in_force_are_the_terms_own():
    fields = parse_qs(body(side=Side.SELL, time_in_force=TimeInForce.GTC).decode())
    assert (fields["side"], fields["time_in_force"]) == (["sell"], ["gtc"])


def test_the_order_form_version_is_an_argument():
    terms = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=1, limit_price=Decimal(5))
    made = order_body(terms, ref_id=RefId(REF), account_url="a", instrument_url="i", order_form_version=7)
    assert made.endswith(b"&order_form_version=7")


@pytest.mark.parametrize(
    ("price", "text"),
    [("1", "1.00"), ("1E+2", "100.00"), ("0.9999", "0.9999"), ("0.5", "0.5000"), ("12345678.90", "12345678.90")],
)
def test_a_price_is_plain_digits_on_the_tick(price, text):
    assert parse_qs(body(limit_price=Decimal(price)).decode())["price"] == [text]


@pytest.mark.parametrize("price", ["100.125", "1.0001", "0.99995", "1E-9", "1E+40"])
def test_a_price_off_the_tick_is_refused_and_never_rounded(price):
    with pytest.raises(OrderValidationError, match="tick"):
        body(limit_price=Decimal(price))


@pytest.mark.parametrize(
    ("price", "tick", "text"),
    [
        ("12.3", "0.0500", "12.30"),
        ("1.005", "0.005", "1.005"),
        ("1.01", "0.0050", "1.010"),
        ("0.5", "0.05", "0.50"),
        ("7.1234", "0.0001", "7.1234"),
        ("3", "1", "3.00"),
    ],
)
def test_a_price_on_the_instruments_own_tick_has_the_places_of_that_tick(price, tick, text):
    terms = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=1, limit_price=Decimal(price))
    assert price_text(terms, Decimal(tick)) == text


@pytest.mark.parametrize(("price", "tick"), [("12.32", "0.0500"), ("1.0075", "0.005"), ("1.5", "1")])
def test_a_price_off_the_instruments_own_tick_is_refused(price, tick):
    terms = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=1, limit_price=Decimal(price))
    with pytest.raises(OrderValidationError, match="nothing was sent") as caught:
        price_text(terms, Decimal(tick))
    assert caught.value.code == "off_tick"


def test_a_price_does_not_depend_on_the_threads_decimal_context():
    with localcontext() as context:
        context.prec = 2
        assert b"price=123.45" in body(limit_price=Decimal("123.45"))


def test_times_are_written_as_the_filters_take_them():
    assert wire_time(datetime(2026, 11, 23, 15, 0, tzinfo=UTC)) == "2026-11-23T15:00:00.000000Z"


def test_foreign_text_becomes_one_bounded_printable_line():
    assert printable("a\tb\r\n\u202ec\x00") == "a b c"
    assert len(printable("x" * 501)) == 500
