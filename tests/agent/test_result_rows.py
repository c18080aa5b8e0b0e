"""What the broker's own books say of lots and results."""

from datetime import date
from decimal import Decimal

import pytest

from tests.agent.sample_replies import ACCOUNT, sample, samples, varied
from trading_bot.agent.result_rows import realised_of, tax_lots_of
from trading_bot.order_management.exceptions import OrderStatusError

MONTHS = sample("get_realized_pnl", "three months")


def lots(start: str):
    return tax_lots_of(sample("get_equity_tax_lots", start)["tax_lots"])


def realised(data: object, *, span: str = "3month"):
    return realised_of(data, account_number=ACCOUNT, span=span)


def test_a_lot_is_read_with_its_cost_and_term():
    [lot] = lots("settled")
    assert (lot.quantity, lot.available, lot.cost_basis, lot.opened_on) == (1, 1, 68, date(2026, 9, 28))
    assert (lot.is_long_term, lot.kind, lot.is_selectable) == (False, "buy", True)


def test_what_a_lot_does_not_say_is_unknown():
    held, moved, given = lots("held by a sell")
    assert (held.is_long_term, held.available) == (True, 0)
    assert (moved.cost_basis, moved.kind) == (None, "transfer")
    assert given.kind == "assignbuy"


def test_a_lot_of_no_known_size_is_an_error():
    with pytest.raises(OrderStatusError):
        tax_lots_of([{"open_tran_type": "buy"}])


def test_results_are_read_day_by_day_and_a_day_without_sells_has_none():
    found = realised(MONTHS)
    assert (found.span, found.total) == ("3month", Decimal("-3.89"))
    assert [(day.gain, day.trades) for day in found.days] == [(None, 0), (Decimal("0.24"), 2), (None, 0)]


def test_a_total_that_is_not_told_is_unknown():
    assert realised({**MONTHS, "total_returns": None}).total is None
    assert realised({"total_returns": "0"}).days == ()


@pytest.mark.parametrize("data", [None, {}, {"message": "pending"}])
def test_a_reply_that_tells_no_result_is_an_error(data):
    with pytest.raises(OrderStatusError):
        realised(data)


@pytest.mark.parametrize("change", [{"account_number": "512340005"}, {"window": "year"}, {"display_currency": "EUR"}])
def test_results_of_something_else_are_an_error(change):
    with pytest.raises(OrderStatusError):
        realised({**MONTHS, **change})


def test_no_odd_result_ends_in_anything_but_an_answer_or_a_typed_error():
    for each in samples("get_realized_pnl"):
        for data in varied(each.data):
            try:
                assert realised(data).span == "3month"
            except OrderStatusError:
                continue
    for each in samples("get_equity_tax_lots"):
        for data in varied(each.data["tax_lots"]):
            try:
                assert all(lot.quantity >= 0 for lot in tax_lots_of(data))
            except OrderStatusError:
                continue
