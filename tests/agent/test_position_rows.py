"""Positions, row by row: a symbol, no instrument id, and what may be sold of it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tests.agent.sample_replies import ACCOUNT, sample, samples, varied
from trading_bot.agent.position_rows import read_positions
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.portfolio import PositionListing
from trading_bot.robinhood.symbols import KnownName, SymbolTable

NOW = datetime(2026, 10, 14, 17, 0, tzinfo=UTC)
FORD, OTHER = "ccd9070d-72dd-4f84-a193-bca5f9ad8bbf", "472e016f-a774-4637-980b-af240040ab08"
ROWS = sample("get_equity_positions", "held, held by a stop")["positions"]
KO = ROWS[0]


def listing(*rows: object, names: SymbolTable | None = None) -> PositionListing:
    return read_positions(rows, account_number=ACCOUNT, names=names or SymbolTable(), as_of=NOW)


def table(**symbols: str) -> SymbolTable:
    found = SymbolTable()
    known = {
        name: KnownName(symbol=symbol, is_active=None, seen_on=date(2026, 10, 14)) for name, symbol in symbols.items()
    }
    found.remember(known)
    return found


def test_what_is_held_is_read_and_rows_of_nothing_are_left_out():
    found = listing(*ROWS)
    held: dict[str, object] = {
        each.symbol: (each.quantity, each.held_for_sells, each.average_buy_price) for each in found.positions
    }
    assert held == {
        "KO": (Decimal("0.061873"), 0, Decimal("68.7")),
        "GPRO": (5, 5, Decimal("2.58")),
        "DAL": (1, 0, 65),
        "F": (Decimal("0.38891"), 0, Decimal("12.86")),
    }
    assert (found.unread, {each.as_of for each in found.positions}) == ((), {NOW})


def test_an_average_that_is_absent_null_or_zero_is_unknown():
    odd: tuple[dict[str, object], ...] = (
        {},
        {"average_buy_price": None},
        {"average_buy_price": "0.000000"},
        {"average_buy_price": "?"},
    )
    bare = {key: value for key, value in KO.items() if key != "average_buy_price"}
    assert [listing({**bare, **each}).positions[0].average_buy_price for each in odd] == [None] * 4


def test_short_and_boxed_rows_are_read_as_they_are():
    held = listing(*sample("get_equity_positions", "reconciling")["positions"]).positions
    shown: list[object] = [(each.symbol, each.quantity, each.held_for_sells) for each in held]
    assert shown == [
        ("KO", 2, 0),
        ("F", -3, 0),
        ("T", 1, 1),
    ]


@pytest.mark.parametrize(
    ("change", "held"),
    [
        ({"shares_held_for_stock_grants": "1", "shares_held_for_options_events": "0.5"}, Decimal("1.5")),
        ({"shares_available_for_sells": "1.25"}, Decimal("3.75")),
        ({"shares_available_for_sells": None}, 0),
        ({"shares_available_for_sells": "9"}, 0),
        ({"shares_held_for_sells": None}, 0),
        ({"shares_held_for_sells": "5"}, 5),
    ],
)
def test_what_cannot_be_sold_is_the_holds_or_what_the_sellable_figure_lacks(change, held):
    row = {**KO, "quantity": "5", "shares_available_for_sells": "5", **change}
    assert listing(row).positions[0].held_for_sells == held


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": None},
        {"quantity": "many"},
        {"shares_held_for_sells": "many"},
        {"shares_available_for_sells": "many"},
        {"type": "SHORT"},
    ],
)
def test_a_row_that_cannot_be_read_concerns_its_own_symbol(change):
    found = listing({**KO, **change}, ROWS[1])
    assert [each.symbol for each in found.positions] == ["GPRO"]
    assert [(each.name, each.symbol, each.instrument_id) for each in found.unread] == [("KO", "KO", None)]


def test_a_row_without_a_symbol_is_named_by_its_place():
    found = listing(None, {**KO, "symbol": ""}, ROWS[1])
    assert [(each.name, each.symbol) for each in found.unread] == [("row 1", None), ("row 2", None)]
    assert len(found.positions) == 1


def test_a_symbol_that_is_listed_twice_counts_once_or_not_at_all():
    assert [each.quantity for each in listing(KO, KO).positions] == [Decimal("0.061873")]
    found = listing(KO, {**KO, "quantity": "3"}, ROWS[1])
    assert ([each.symbol for each in found.positions], found.unread[0].symbol) == (["GPRO"], "KO")


def test_a_row_of_another_account_voids_the_reply():
    with pytest.raises(OrderStatusError):
        listing(ROWS[1], {**KO, "account_number": "512340005"})
    assert listing({**KO, "account_number": ACCOUNT}).positions


def test_the_instrument_is_the_one_that_rows_of_orders_named():
    [ford] = listing(ROWS[4], names=table(**{FORD: "F", OTHER: "T"})).positions
    assert (ford.symbol, ford.instrument_id) == ("F", FORD)


def test_a_symbol_of_no_known_instrument_or_of_two_has_no_id():
    assert listing(KO).positions[0].instrument_id is None
    assert listing(ROWS[4], names=table(**{FORD: "F", OTHER: "F"})).positions[0].instrument_id is None


@pytest.mark.parametrize("each", samples("get_equity_positions"), ids=str)
def test_one_odd_row_changes_no_other(each):
    rows = each.data["positions"]
    for at, row in enumerate(rows):
        others = [other for other in rows if other is not row]
        expected = listing(*others).positions
        for odd in varied(row):
            found = listing(*rows[:at], odd, *rows[at + 1 :])
            assert [each for each in found.positions if each in expected] == list(expected)
