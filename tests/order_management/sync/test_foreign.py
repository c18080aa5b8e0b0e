"""Whose a row of the broker's list is: the rule, and that an unreadable field never makes an order a unjournaled's."""

import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.manager_bench import MONDAY
from tests.support.order_story import Story, intended
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderReport, OrderState, RefId, Side
from trading_bot.order_management.outcomes import UnreadRow
from trading_bot.order_management.sync.foreign import (
    CREATED_BEFORE_FIRST_BYTE,
    Intent,
    Ownership,
    Whose,
    classify,
    fits_intent,
    is_well_formed,
)

HORIZON = MONDAY + timedelta(seconds=80)
INTENT = Intent(
    client_order_id=ClientOrderId("c1"),
    symbol="AAPL",
    instrument_id="I1",
    side=Side.BUY,
    quantity=Decimal(10),
    first_byte=MONDAY,
    send_horizon=HORIZON,
)
THEIRS = RefId("1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed")
MARKED = RefId(f"{OUR_MARK}-0000-4000-8000-000000000001")
SAME = UnreadRow(
    problem="executions: null",
    order_id=OrderId("broker-1"),
    instrument_id="I1",
    symbol="AAPL",
    side=Side.BUY,
    quantity=Decimal("10.00000000"),
    created_at=MONDAY,
)


def whose(row: UnreadRow, *, echoes: bool = False, intents: tuple[Intent, ...] = (INTENT,)) -> Ownership:
    return classify(row, order=None, in_doubt=intents, echoes_ref_ids=echoes)


def test_what_is_on_record_under_its_id_or_its_ref_id_is_ours_whatever_else_it_says():
    order = Story(intended()).order()
    row = replace(SAME, ref_id=THEIRS)
    assert classify(row, order=order, in_doubt=(), echoes_ref_ids=True) == Ownership(whose=Whose.OURS, order=order)


def test_a_row_that_bears_our_mark_and_is_not_on_record_is_unjournaled():
    assert whose(replace(SAME, ref_id=MARKED), echoes=True).whose is Whose.UNJOURNALED


def test_somebody_elses_ref_id_makes_a_row_foreign_only_while_the_broker_echoes_ours():
    assert whose(replace(SAME, ref_id=THEIRS), echoes=True).whose is Whose.FOREIGN
    assert whose(replace(SAME, ref_id=THEIRS), echoes=False) == Ownership(
        whose=Whose.MAY_BE_OURS, fits=(INTENT.client_order_id,)
    )


@pytest.mark.parametrize("ref_id", [None, "", "abc", "1b9d6bcdbbfd4b2d9b5dab8dfbbd4bed", "ref-of-somebody"])
def test_a_row_without_a_well_formed_ref_id_may_be_ours_if_it_fits(ref_id):
    row = replace(SAME, ref_id=None if ref_id is None else RefId(ref_id))
    assert not is_well_formed(row.ref_id)
    assert whose(row, echoes=True).whose is Whose.MAY_BE_OURS


@pytest.mark.parametrize(
    "other",
    [
        {"instrument_id": "I2"},
        {"side": Side.SELL},
        {"quantity": Decimal(11)},
        {"created_at": MONDAY - CREATED_BEFORE_FIRST_BYTE - timedelta(microseconds=1)},
        {"created_at": HORIZON + timedelta(microseconds=1)},
    ],
    ids="+".join,
)
def test_a_row_that_differs_in_one_readable_field_is_foreign(other):
    assert whose(replace(SAME, **other)).whose is Whose.FOREIGN


@pytest.mark.parametrize("created_at", [MONDAY - CREATED_BEFORE_FIRST_BYTE, MONDAY, HORIZON])
def test_the_window_of_time_includes_both_ends(created_at):
    assert whose(replace(SAME, created_at=created_at)).whose is Whose.MAY_BE_OURS


def test_the_instrument_decides_where_both_ids_are_known_and_the_symbol_where_one_is_not():
    assert fits_intent(replace(SAME, symbol="METX"), INTENT), "a rename is the same instrument"
    assert fits_intent(replace(SAME, symbol=None), INTENT)
    assert fits_intent(replace(SAME, symbol="METX", instrument_id=None), INTENT), "that may be its new name"
    assert not fits_intent(replace(SAME, symbol="METX"), replace(INTENT, instrument_id=None))
    assert fits_intent(SAME, replace(INTENT, instrument_id=None))


def test_a_row_that_stands_under_its_instrument_alone_may_be_of_any_symbol():
    row = OrderReport(
        order_id=OrderId("broker-1"),
        ref_id=None,
        symbol="I1",
        symbol_is_known=False,
        side=Side.BUY,
        quantity=Decimal(10),
        limit_price=Decimal(100),
        state=OrderState.CONFIRMED,
        broker_state="confirmed",
        instrument_id="I1",
    )
    assert fits_intent(row, replace(INTENT, instrument_id=None))
    assert not fits_intent(replace(row, symbol="F", symbol_is_known=True), replace(INTENT, instrument_id=None))


def test_without_an_order_in_doubt_every_other_row_is_foreign():
    assert whose(UnreadRow(problem="nothing can be read"), intents=()).whose is Whose.FOREIGN


def test_every_order_that_a_row_fits_is_named():
    second = replace(INTENT, client_order_id=ClientOrderId("c2"))
    other = replace(INTENT, client_order_id=ClientOrderId("c3"), side=Side.SELL)
    assert whose(SAME, intents=(INTENT, second, other)).fits == ("c1", "c2")


OPTIONAL = ("instrument_id", "symbol", "side", "quantity", "created_at", "order_id", "limit_price", "state")
intents = st.builds(
    Intent,
    client_order_id=st.sampled_from(["c1", "c2"]).map(ClientOrderId),
    symbol=st.sampled_from(["AAPL", "F"]),
    instrument_id=st.sampled_from([None, "I1", "I2"]),
    side=st.sampled_from(Side),
    quantity=st.integers(1, 3).map(Decimal),
    first_byte=st.just(MONDAY),
    send_horizon=st.integers(0, 900).map(lambda s: MONDAY + timedelta(seconds=s)),
)
rows = st.builds(
    UnreadRow,
    problem=st.just("odd"),
    ref_id=st.one_of(st.none(), st.just(RefId("abc")), st.uuids(version=4).map(lambda u: RefId(str(u)))),
    symbol=st.sampled_from([None, "AAPL", "F"]),
    instrument_id=st.sampled_from([None, "I1", "I2"]),
    side=st.sampled_from([None, *Side]),
    quantity=st.one_of(st.none(), st.integers(1, 3).map(Decimal)),
    created_at=st.one_of(st.none(), st.integers(-120, 1000).map(lambda s: MONDAY + timedelta(seconds=s))),
    state=st.sampled_from([None, *OrderState]),
)


@given(rows, st.lists(intents, max_size=3), st.sampled_from(OPTIONAL))
def test_a_field_less_never_makes_a_row_foreign_that_may_be_ours(row, in_doubt, field):
    before = whose(row, intents=tuple(in_doubt))
    after = whose(replace(row, **{field: None}), intents=tuple(in_doubt))
    assert set(before.fits) <= set(after.fits)


@given(rows, intents, st.uuids(version=4))
def test_the_row_of_an_order_in_doubt_is_never_foreign_while_ref_ids_are_not_echoed(row, intent, ref_id):
    """Whatever the broker makes of the ref_id and whichever fields are missing."""
    truth = {
        "symbol": intent.symbol,
        "instrument_id": intent.instrument_id,
        "side": intent.side,
        "quantity": intent.quantity,
        "created_at": intent.first_byte,
    }
    shown = {name: value if getattr(row, name) is not None else None for name, value in truth.items()}
    for name in (None, RefId(str(ref_id))):
        assert whose(replace(row, ref_id=name, **shown), intents=(intent,)).whose is not Whose.FOREIGN


@given(rows, st.lists(intents, max_size=3), st.booleans())
def test_a_row_is_foreign_only_by_the_rule(row, in_doubt, echoes):
    found = whose(row, echoes=echoes, intents=tuple(in_doubt))
    by_name = echoes and row.ref_id is not None and row.ref_id != "abc"
    if found.whose is Whose.FOREIGN:
        assert by_name or not any(fits_intent(row, intent) for intent in in_doubt)
    else:
        assert not by_name
        assert found.fits


def test_a_version_of_a_uuid_does_not_matter_and_neither_does_its_case():
    assert is_well_formed(str(uuid.UUID(int=5)))
    assert is_well_formed("1B9D6BCD-BBFD-4B2D-9B5D-AB8DFBBD4BED")
