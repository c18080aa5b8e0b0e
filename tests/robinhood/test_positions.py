"""Positions, row by row: what one row cannot say concerns its own instrument and no other."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.gateway_bench import OTHER, GatewayBench
from tests.support.scripted_broker import ACCOUNT, BASE, INSTRUMENT, MORNING, instrument_row, order_row, page, reply
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.robinhood.positions import PositionPayload, position_instruments

POSITION = {
    "instrument_id": INSTRUMENT,
    "account_number": ACCOUNT,
    "quantity": "50.00000000",
    "average_buy_price": "90.0000",
    "shares_held_for_sells": "10.00000000",
}
SECOND = POSITION | {"instrument_id": OTHER, "symbol": "F"}
POSITIONS = ("GET", "/positions/")


@pytest.fixture
def bench():
    return GatewayBench()


def listing(bench: GatewayBench, *rows: object):
    bench.broker.on(*POSITIONS, page(*rows))
    return bench.gateway.fetch_positions()


def test_positions_are_read_with_their_symbols(bench):
    [held] = listing(bench, POSITION, POSITION | {"quantity": "0.00000000"}).positions
    assert (held.symbol, held.quantity, held.average_buy_price) == ("AAPL", 50, 90)
    assert (held.held_for_sells, held.sellable, held.as_of) == (10, 40, MORNING)
    assert held.instrument_id == INSTRUMENT
    assert bench.broker.seen[0].query == {"account_number": ACCOUNT, "nonzero": "true"}


@pytest.mark.parametrize(
    ("odd", "field", "value"),
    [
        ({"average_buy_price": "0.0000"}, "average_buy_price", None),
        ({"average_buy_price": "-12.5"}, "average_buy_price", None),
        ({"average_buy_price": None}, "average_buy_price", None),
        ({"average_buy_price": "0.0000", "clearing_average_cost": "552.40"}, "average_buy_price", Decimal("552.40")),
        ({"shares_held_for_sells": None}, "held_for_sells", 0),
        (
            {"shares_held_for_options_collateral": 5, "shares_held_for_stock_grants": "0.5"},
            "held_for_sells",
            Decimal("15.5"),
        ),
        ({"shares_held_for_buys": "7"}, "held_for_sells", 10),
        ({"quantity": "0.88554300"}, "quantity", Decimal("0.885543")),
        ({"quantity": 50}, "quantity", 50),
        ({"quantity": "-3"}, "quantity", -3),
        ({"account_number": None}, "quantity", 50),
        ({"account_number": None, "account": f"{BASE}/accounts/{ACCOUNT}/"}, "quantity", 50),
        ({"account_number": " 5qr12345"}, "quantity", 50),
        ({"account_number": "http://["}, "quantity", 50),
        ({"instrument_id": None, "instrument": f"{BASE}/instruments/{INSTRUMENT}/"}, "instrument_id", INSTRUMENT),
        ({"instrument_id": INSTRUMENT.upper()}, "instrument_id", INSTRUMENT),
        ({"instrument_id": None, "url": f"{BASE}/positions/{ACCOUNT}/{INSTRUMENT}/"}, "instrument_id", INSTRUMENT),
        (
            {"instrument_id": 7, "instrument": "http://[", "url": f"{BASE}/positions/{ACCOUNT}/{INSTRUMENT}/"},
            "instrument_id",
            INSTRUMENT,
        ),
        ({"symbol": "SCLXZZZ"}, "symbol", "SCLXZZZ"),
        ({"symbol": "123456AB7"}, "symbol", "123456AB7"),
        ({"symbol": "DRU.B "}, "symbol", "DRU.B"),
        ({"symbol": "LONGNAMEWARRANT"}, "symbol", "LONGNAMEWARRANT"),
        ({"symbol": "no symbol at all"}, "symbol", "AAPL"),
        ({"symbol": 7}, "symbol", "AAPL"),
    ],
    ids=repr,
)
def test_an_odd_row_is_read(bench, odd, field, value):
    found = listing(bench, POSITION | odd)
    assert [getattr(each, field) for each in found.positions] == [value]
    assert found.unread == ()


@pytest.mark.parametrize(
    ("row", "name", "instrument_id"),
    [
        (None, "row 1", None),
        ({}, "row 1", None),
        ("AAPL", "row 1", None),
        (POSITION | {"quantity": "NaN"}, "AAPL", INSTRUMENT),
        (POSITION | {"quantity": None, "instrument_id": OTHER, "symbol": "SCLXZZZ"}, "SCLXZZZ", OTHER),
        (POSITION | {"shares_held_for_sells": "some"}, "AAPL", INSTRUMENT),
        (POSITION | {"shares_held_for_options_events": "-1"}, "AAPL", INSTRUMENT),
        (POSITION | {"instrument_id": None}, "row 1", None),
        (POSITION | {"instrument_id": None, "instrument": "http://[", "symbol": "XYZ"}, "XYZ", None),
        (
            POSITION
            | {"instrument": f"{BASE}/instruments/{OTHER}/", "url": f"{BASE}/positions/{ACCOUNT}/{INSTRUMENT}/"},
            "row 1",
            None,
        ),
    ],
    ids=repr,
)
def test_a_row_that_cannot_be_read_is_named_and_hides_no_other(bench, row, name, instrument_id):
    bench.broker.always("GET", f"/instruments/{OTHER}/", reply(404))
    found = listing(bench, row, SECOND | {"instrument_id": "7a2f7d2c-0000-4a57-9f0b-2f2d8a0c1b11"})
    assert [each.symbol for each in found.positions] == ["F"]
    [unread] = found.unread
    assert (unread.name, unread.instrument_id) == (name, instrument_id)
    assert unread.problem


def test_a_row_of_another_account_voids_the_whole_reply(bench):
    for foreign in ({"account_number": "9ZZ98765"}, {"account_number": None, "account": f"{BASE}/accounts/9ZZ98765/"}):
        with pytest.raises(OrderStatusError, match="another account"):
            listing(bench, POSITION, SECOND | foreign)


def test_a_lost_page_fails_all_positions(bench):
    bench.broker.on(*POSITIONS, page(POSITION, following=f"{BASE}/positions/?cursor=a"))
    bench.broker.always(*POSITIONS, reply(500))
    with pytest.raises(OrderStatusError):
        bench.gateway.fetch_positions()


def test_a_held_instrument_that_the_broker_no_longer_knows_goes_by_its_id(bench):
    bench.broker.on("GET", f"/instruments/{OTHER}/", reply(404))
    found = listing(bench, POSITION, POSITION | {"instrument_id": OTHER})
    assert [each.symbol for each in found.positions] == ["AAPL", OTHER]


def test_a_held_instrument_whose_name_could_not_be_looked_up_is_unread(bench):
    """Under its id it would look as though the shares under its symbol were gone."""
    bench.broker.always("GET", "/instruments/", reply(503))
    bench.broker.always("GET", f"/instruments/{OTHER}/", reply(503))
    found = listing(bench, SECOND | {"instrument_id": INSTRUMENT}, POSITION | {"instrument_id": OTHER})
    assert [each.symbol for each in found.positions] == ["F"]
    assert [(each.name, each.problem) for each in found.unread] == [(OTHER, "its symbol could not be looked up")]


def test_rows_that_name_their_symbol_need_no_look_up(bench):
    listing(bench, SECOND)
    assert bench.broker.paths() == ["GET /positions/"]


def test_the_symbol_of_a_position_is_known_for_its_orders_too(bench):
    listing(bench, SECOND)
    bench.broker.on("GET", "/orders/", page(order_row(instrument_id=OTHER, instrument=None)))
    assert [report.symbol for report in bench.gateway.list_open_orders().reports] == ["F"]
    assert bench.broker.paths() == ["GET /positions/", "GET /orders/"]


def test_sixty_positions_without_symbols_cost_three_requests(bench):
    """One for the list, and one for the names of fifty."""
    ids = [f"{number:08d}-1111-4000-8000-000000000000" for number in range(60)]
    names = page(*(instrument_row(f"S{number}", id=each) for number, each in enumerate(ids)))
    bench.broker.on("GET", "/instruments/", names, names)
    found = listing(bench, *(POSITION | {"instrument_id": each} for each in ids))
    assert [held.symbol for held in found.positions] == [f"S{number}" for number in range(60)]
    assert len(bench.broker.seen) == 3


@pytest.mark.parametrize(
    ("states", "names"),
    [
        (("active", "inactive"), ["GONE", OTHER]),
        (("inactive", "ACTIVE"), [INSTRUMENT, "GONE"]),
        (("inactive", None), [INSTRUMENT, OTHER]),
        (("active", "active"), [INSTRUMENT, OTHER]),
        ((None, None), [INSTRUMENT, OTHER]),
    ],
)
def test_of_two_instruments_with_one_symbol_the_active_one_keeps_it(bench, states, names):
    rows = [
        instrument_row("GONE", id=each, state=state) for each, state in zip((INSTRUMENT, OTHER), states, strict=True)
    ]
    bench.broker.always("GET", "/instruments/", page(*rows))
    for row in rows:
        bench.broker.always("GET", f"/instruments/{row['id']}/", reply(200, row))
    found = listing(bench, POSITION | {"symbol": "GONE"}, SECOND | {"symbol": "GONE"})
    assert [each.symbol for each in found.positions] == names


def test_the_same_row_twice_is_one_position(bench):
    assert len(listing(bench, POSITION, POSITION).positions) == 1


@pytest.mark.parametrize("rows", [(POSITION, POSITION | {"quantity": "9"}), (POSITION, POSITION | {"quantity": "x"})])
def test_one_instrument_told_in_two_ways_is_unread(bench, rows):
    found = listing(bench, *rows, SECOND)
    assert [each.symbol for each in found.positions] == ["F"]
    assert [each.instrument_id for each in found.unread] == [INSTRUMENT]


class TestOne:
    PATH = ("GET", f"/positions/{ACCOUNT}/{INSTRUMENT}/")

    def test_one_position_is_read_alone(self, bench):
        bench.broker.on(*self.PATH, reply(200, POSITION))
        held = bench.gateway.fetch_position(INSTRUMENT)
        assert (held.symbol, held.quantity) == ("AAPL", 50)

    def test_a_name_nobody_knows_is_the_id(self, bench):
        bench.broker.always("GET", "/instruments/", page())
        bench.broker.on("GET", f"/instruments/{INSTRUMENT}/", reply(404))
        bench.broker.on(*self.PATH, reply(200, POSITION))
        assert bench.gateway.fetch_position(INSTRUMENT).symbol == INSTRUMENT

    @pytest.mark.parametrize("answer", [reply(404), reply(200, POSITION | {"quantity": "0"})])
    def test_nothing_left_is_none(self, bench, answer):
        bench.broker.on(*self.PATH, answer)
        assert bench.gateway.fetch_position(INSTRUMENT) is None

    @pytest.mark.parametrize(
        "row", [None, {}, POSITION | {"quantity": None}, SECOND, POSITION | {"account_number": "9ZZ98765"}], ids=repr
    )
    def test_what_is_not_that_position_is_an_error(self, bench, row):
        bench.broker.on(*self.PATH, reply(200, row))
        with pytest.raises(OrderStatusError, match=r"read it again|read them again"):
            bench.gateway.fetch_position(INSTRUMENT)

    def test_what_can_be_no_id_is_never_asked_for(self, bench):
        with pytest.raises(OrderStatusError, match="instrument id"):
            bench.gateway.fetch_position("../accounts")
        assert bench.broker.seen == []


JSON = st.none() | st.booleans() | st.integers() | st.decimals() | st.text() | st.just("http://[") | st.lists(st.none())


@given(st.dictionaries(st.sampled_from([*POSITION, "symbol", "url", "account", "instrument"]), JSON), JSON)
def test_no_row_raises(changes, anything):
    tuple(position_instruments([POSITION | changes, anything]))
    tuple(PositionPayload.model_validate(POSITION | changes).accounts)
