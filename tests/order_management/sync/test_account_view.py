"""What is shown of the account: positions beside what our fills explain, by a fresh reading or by the last look."""

from typing import Any

import pytest

from tests.support.manager_bench import ManagerBench
from trading_bot.clock import Moment
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.portfolio import UnreadPosition
from trading_bot.order_management.sync.account_view import ShownPositions


def bench_with(**shares: int) -> ManagerBench:
    """A bench whose broker names the instrument of each of these positions."""
    bench = ManagerBench(shares=shares, recovered=False)
    bench.positions.instrument_ids = {symbol: f"I-{symbol}" for symbol in shares}
    bench.manager.recover()
    return bench


def by_symbol(shown: ShownPositions) -> dict[str, Any]:
    """Each position by its symbol; tests compare its decimals with plain numbers."""
    return {each.symbol: each for each in shown.positions}


def last(bench: ManagerBench) -> tuple[dict[str, Any], Moment]:
    found = bench.manager.view.last_positions()
    assert found is not None
    return by_symbol(found[0]), found[1]


class TestAFreshReading:
    def test_each_position_is_shown_by_its_own_row(self):
        bench = bench_with(AAPL=50, MSFT=5)
        aapl, msft = by_symbol(bench.manager.view.positions()).values()
        assert (aapl.symbol, aapl.quantity, aapl.instrument_id) == ("AAPL", 50, "I-AAPL")
        assert (msft.symbol, msft.quantity, msft.instrument_id) == ("MSFT", 5, "I-MSFT")
        assert (aapl.average_buy_price, aapl.expected, aapl.free.quantity, aapl.differs) == (100, 50, 50, False)

    def test_what_the_broker_shows_no_more_is_shown_as_none_with_what_our_fills_explain(self):
        bench = bench_with(AAPL=50)
        bench.positions.move("AAPL", "-50")
        (shown,) = by_symbol(bench.manager.view.positions()).values()
        assert (shown.position, shown.quantity, shown.average_buy_price) == (None, 0, None)
        assert (shown.expected, shown.differs) == (50, True)

    def test_what_only_the_broker_shows_is_shown_too(self):
        bench = bench_with(AAPL=50)
        bench.positions.move("KO", "3")
        shown = by_symbol(bench.manager.view.positions())
        assert (shown["KO"].quantity, shown["KO"].expected, shown["KO"].differs) == (3, 0, True)

    def test_a_row_that_cannot_be_read_is_named_as_such_and_is_no_position(self):
        bench = bench_with(AAPL=50, MSFT=5)
        bench.positions.missing = {"AAPL"}
        row = UnreadPosition(name="AAPL", problem="quantity: null", symbol="AAPL")
        bench.positions.unread = [row]
        shown = bench.manager.view.positions()
        assert (list(by_symbol(shown)), shown.unread) == (["MSFT"], (row,))

    def test_an_unread_row_that_names_the_instrument_alone_is_no_position_of_zero_shares(self):
        bench = bench_with(AAPL=50, MSFT=5)
        bench.positions.missing = {"AAPL"}
        bench.positions.unread = [UnreadPosition(name="I-AAPL", problem="quantity: null", instrument_id="I-AAPL")]
        assert list(by_symbol(bench.manager.view.positions())) == ["MSFT"]

    @pytest.mark.parametrize("is_on_record", [True, False])
    def test_an_unread_row_of_another_instrument_under_the_same_symbol_hides_no_position(self, is_on_record):
        bench = bench_with(AAPL=50) if is_on_record else ManagerBench(shares={"AAPL": 50})
        bench.positions.instrument_ids = {"AAPL": "I-AAPL"}
        other = UnreadPosition(name="AAPL", problem="quantity: null", symbol="AAPL", instrument_id="I-9")
        bench.positions.unread = [other]
        assert list(by_symbol(bench.manager.view.positions())) == ["AAPL"]

    def test_a_name_that_cannot_be_had_just_now_is_shown_as_the_one_on_record(self):
        """The adapter names an instrument by its id where it knows no symbol for it."""
        bench = bench_with(FBX=10)
        bench.positions.names = {"FBX": "I-FBX"}
        (shown,) = by_symbol(bench.manager.view.positions()).values()
        assert (shown.symbol, shown.symbol_was, shown.expected, shown.differs) == ("FBX", None, 10, False)

    def test_a_new_name_that_is_not_on_record_yet_is_shown_with_the_one_before(self):
        bench = bench_with(FBX=10, MSFT=5)
        bench.positions.names = {"FBX": "METX"}
        shown = by_symbol(bench.manager.view.positions())
        assert (shown["METX"].symbol_was, shown["METX"].expected, "FBX" in shown) == ("FBX", 10, False)
        assert (shown["MSFT"].symbol_was, shown["MSFT"].expected) == (None, 5)

    def test_without_positions_to_read_there_is_an_error(self):
        with pytest.raises(OrderStatusError, match="give it the account"):
            ManagerBench().manager.view.positions()

    def test_it_is_over_by_the_time_that_is_asked_for(self):
        bench = bench_with(AAPL=50)
        bench.positions.deadlines.clear()
        bench.manager.view.positions(by=7.5)
        assert set(bench.positions.deadlines) == {7.5}


class TestTheLastLook:
    def test_before_the_first_look_nothing_is_shown(self):
        assert ManagerBench(shares={"AAPL": 50}, recovered=False).manager.view.last_positions() is None
        assert ManagerBench().manager.view.last_positions() is None

    def test_it_says_when_the_look_began_and_reads_nothing(self):
        bench = bench_with(AAPL=50)
        began, reads = Moment.of(bench.clock), bench.positions.reads
        bench.clock.sleep(20)
        shown, looked = last(bench)
        assert (shown["AAPL"].quantity, looked, bench.positions.reads) == (50, began, reads)

    def test_shares_bought_since_are_held_and_explained_at_once(self):
        bench = bench_with(AAPL=50)
        for name, symbol in (("c1", "AAPL"), ("c2", "KO")):
            bench.buy(name, symbol=symbol)
            bench.gateway.order().fill()
            bench.manager.get_order_status(name)
        shown, _ = last(bench)
        assert [(each.free.held, each.expected, each.differs) for each in shown.values()] == [
            (60, 60, False),
            (10, 10, False),
        ]

    def test_what_the_look_showed_and_what_our_fills_explained_then_are_both_shown(self):
        bench = bench_with(AAPL=50)
        bench.positions.move("KO", "3")
        bench.positions.move("AAPL", "-50")
        bench.sync(after=60)
        shown, _ = last(bench)
        assert [(each.symbol, each.free.held, each.expected) for each in shown.values()] == [
            ("AAPL", 0, 50),
            ("KO", 3, 0),
        ]


def test_how_old_the_view_of_the_orders_is_and_why_it_does_not_count():
    bench = bench_with(AAPL=50)
    bench.clock.sleep(30)
    view = bench.manager.view
    assert (view.orders_age_s(), view.orders_stale_because()) == (30, None)
    bench.clock.sleep(60)
    assert "90 s ago" in str(view.orders_stale_because())


def test_the_most_that_may_be_held_has_the_brokers_price():
    bench = bench_with(AAPL=50)
    held: Any = bench.manager.view.held_at_most()["AAPL"]
    assert (held.quantity, held.average_price) == (50, 100)
    assert ManagerBench().manager.view.held_at_most() == {}
