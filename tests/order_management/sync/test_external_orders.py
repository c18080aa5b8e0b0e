"""Orders placed elsewhere: what a row says of one, what it stops, and how many shares it may still sell."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.support.manager_bench import MONDAY, ManagerBench
from tests.support.order_story import report
from trading_bot.order_management.book.position_watch import baseline
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderState, Side
from trading_bot.order_management.outcomes import UnreadRow
from trading_bot.order_management.sync.external_orders import ExternalOrders, external_order
from trading_bot.order_management.sync.foreign import Row

ODD = UnreadRow(
    problem="quantity: null",
    order_id=OrderId("app-1"),
    symbol="NVDA",
    instrument_id="I-NVDA",
    side=Side.SELL,
    limit_price=Decimal(120),
    state=OrderState.QUEUED,
    broker_state="queued",
)


def known(*rows: UnreadRow, **positions: str) -> Any:
    """The orders of these rows, where the journal has these instruments of symbols, and that of NVDA."""
    bench = ManagerBench()
    for symbol, instrument_id in {"NVDA": "I-NVDA", **positions}.items():
        bench.store.record_fact(baseline(symbol, Decimal(1), instrument_id=instrument_id))
    orders = ExternalOrders(bench.store)
    orders.note(external_order(row) for row in rows)
    return orders


def sells(shares: int | None, order_id: str | None = "app-1", **changes: Any) -> UnreadRow:
    quantity = None if shares is None else Decimal(shares)
    name = None if order_id is None else OrderId(order_id)
    return replace(ODD, quantity=quantity, order_id=name, **changes)


def said(row: Row, **named: Any) -> Any:
    """What a row says; tests compare its decimals with plain numbers."""
    return external_order(row, **named)


class TestWhatARowSays:
    def test_one_that_cannot_be_read_keeps_what_can_be_and_its_problem(self):
        order = said(ODD, may_be=(ClientOrderId("c1"),))
        assert (order.order_id, order.symbol, order.instrument_id, order.side) == (
            "app-1",
            "NVDA",
            "I-NVDA",
            Side.SELL,
        )
        assert (order.limit_price, order.broker_state, order.state) == (120, "queued", OrderState.QUEUED)
        assert (order.problem, order.may_be, order.is_understood) == ("quantity: null", ("c1",), False)
        assert (order.stop_price, order.waits_for_stop, order.is_ours) == (None, False, False)

    def test_a_word_that_nobody_understands_counts_as_working(self):
        assert said(replace(ODD, state=None)).state is OrderState.CONFIRMED

    def test_one_that_was_read_in_full_has_no_problem(self):
        order = said(report(OrderState.PARTIALLY_FILLED, cumulative_quantity=Decimal(4)))
        assert (order.problem, order.is_understood, order.remaining) == (None, True, 6)
        assert (order.state, order.broker_state) == (OrderState.PARTIALLY_FILLED, "partially_filled")

    def test_one_that_may_be_ours_is_not_understood_though_it_was_read(self):
        assert not said(report(), may_be=(ClientOrderId("c1"),)).is_understood

    @pytest.mark.parametrize(("has_triggered", "waits"), [(False, True), (True, False)])
    def test_it_waits_for_its_stop_until_that_was_reached(self, has_triggered, waits):
        row = report(stop_price=Decimal(90), waits_for_stop=True, stop_triggered_at=MONDAY if has_triggered else None)
        assert (said(row).stop_price, said(row).waits_for_stop) == (90, waits)
        assert not said(replace(row, waits_for_stop=False)).waits_for_stop

    @pytest.mark.parametrize(
        ("quantity", "filled", "left"), [(None, None, None), (0, 0, None), (1, None, 1), (30, 5, 25), (5, 6, 0)]
    )
    def test_what_is_left_is_what_it_has_not_filled_and_never_below_zero(self, quantity, filled, left):
        row = sells(quantity, cumulative_quantity=None if filled is None else Decimal(filled))
        assert said(row).remaining == left

    def test_its_name_is_how_it_is_found_in_the_brokers_app(self):
        names = [
            said(row).name for row in (ODD, replace(ODD, symbol=None), sells(1, None, symbol=None, instrument_id=None))
        ]
        assert names == [
            "NVDA order app-1",
            "I-NVDA order app-1",
            "an unknown instrument order without an id",
        ]


class TestWhatItStops:
    def test_before_the_first_whole_view_nothing_is_known(self):
        orders = ExternalOrders(ManagerBench().store)
        assert (orders.are_known, orders.orders(), orders.entries_stopped("NVDA")) == (False, (), None)
        orders.note(())
        assert orders.are_known
        orders.forget()
        assert not orders.are_known

    def test_entries_in_its_instrument_whatever_that_is_called_now(self):
        orders = known(ODD)
        assert orders.entries_stopped("NEWNAME", "I-NVDA") is not None
        assert orders.entries_stopped("NVDA", "I-2") is None

    def test_entries_in_the_symbol_that_the_journal_knows_for_its_instrument(self):
        orders = known(replace(ODD, symbol=None), AAPL="I-AAPL")
        assert "cannot be read (quantity: null)" in str(orders.entries_stopped("NVDA"))
        assert orders.entries_stopped("AAPL") is None
        assert [order.order_id for order in orders.here("NVDA")] == ["app-1"]
        assert orders.here("AAPL") == ()

    def test_entries_in_its_symbol_where_no_instrument_is_known(self):
        orders = known(replace(ODD, instrument_id=None))
        assert orders.entries_stopped("NVDA") is not None
        assert orders.entries_stopped("AAPL") is None

    def test_no_entries_if_it_was_read_in_full(self):
        orders = ExternalOrders(ManagerBench().store)
        orders.note([external_order(report()), external_order(replace(ODD, symbol="KO"))])
        assert orders.entries_stopped("AAPL") is None

    def test_the_reason_says_whose_it_is_and_what_to_do(self):
        def stopped(**named: Any) -> str | None:
            orders = ExternalOrders(ManagerBench().store)
            orders.note([external_order(ODD, **named)])
            return orders.entries_stopped("NVDA")

        assert str(stopped(is_ours=True)).startswith("our NVDA order app-1 cannot be read")
        assert "trading-bot resolve c1 --as found --order-id app-1" in str(stopped(may_be=(ClientOrderId("c1"),)))
        assert "placed elsewhere" in str(stopped())

    def test_an_order_of_ours_that_cannot_be_read_is_none_placed_elsewhere(self):
        orders = ExternalOrders(ManagerBench().store)
        orders.note([external_order(sells(5), is_ours=True)])
        assert (orders.orders(), orders.here("NVDA")) == ((), ())
        assert orders.open_sells("NVDA").shares == 0


class TestWhatItMaySell:
    def test_every_sell_of_the_symbol_counts_and_no_buy(self):
        orders = known(sells(5, "a"), sells(7, "b"), sells(9, "c", side=Side.BUY), sells(3, "d", instrument_id="I-2"))
        assert (orders.open_sells("NVDA").shares, orders.open_sells("NVDA").unknown) == (12, None)

    def test_one_of_which_the_side_cannot_be_read_counts_as_a_sell(self):
        assert known(sells(5, side=None)).open_sells("NVDA").shares == 5

    def test_one_of_unknown_size_is_named_beside_the_shares_of_the_others(self):
        found = known(sells(None, "a"), sells(7, "b")).open_sells("NVDA")
        assert (found.shares, found.unknown) == (7, "NVDA order a")

    def test_one_that_may_be_ours_is_no_sell_of_unknown_size(self):
        orders = ExternalOrders(ManagerBench().store)
        orders.note([external_order(sells(None), may_be=(ClientOrderId("c1"),))])
        assert orders.open_sells("NVDA").unknown is None

    @pytest.mark.parametrize(("first", "then"), [(10, 30), (30, 10)])
    def test_the_most_that_it_could_sell_since_the_positions_were_read_counts(self, first, then):
        orders = known(sells(first))
        orders.note([external_order(sells(then))])
        assert orders.open_sells("NVDA").shares == 30

    @pytest.mark.parametrize(("first", "then"), [(None, 30), (30, None)])
    def test_one_that_was_of_unknown_size_stays_so_until_the_positions_are_read(self, first, then):
        orders = known(sells(first))
        orders.note([external_order(sells(then))])
        assert orders.open_sells("NVDA").unknown == "NVDA order app-1"

    def test_one_that_left_the_list_counts_until_a_reading_of_the_positions_that_began_after(self):
        orders = known(sells(5))
        began_before = orders.mark()
        orders.note(())
        orders.note_look(began_before)
        assert orders.open_sells("NVDA").shares == 5
        orders.note_look(orders.mark())
        assert orders.open_sells("NVDA").shares == 0

    def test_one_that_came_during_a_reading_of_the_positions_counts_after_it(self):
        orders = known(sells(5, "a"))
        began = orders.mark()
        orders.note([external_order(sells(5, "a")), external_order(sells(7, "b"))])
        orders.note_look(began)
        assert orders.open_sells("NVDA").shares == 12

    def test_rows_without_an_order_id_are_told_apart_by_all_they_say(self):
        orders = known(sells(5, None), sells(7, None))
        assert orders.open_sells("NVDA").shares == 12

    def test_its_fingerprint_changes_when_one_comes_goes_or_fills_in_part(self):
        prints = [known(*rows).fingerprint() for rows in ((), (sells(5),), (sells(4),), (sells(5), sells(5, "b")))]
        assert len(set(prints)) == 4
        assert known(sells(5)).fingerprint() == known(replace(sells(5), broker_state="confirmed")).fingerprint()
