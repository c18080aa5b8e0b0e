"""One look at the positions: which row is which instrument, under which name, and what is missing."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support.manager_bench import ManagerBench
from trading_bot.order_management.book.position_watch import LOOK_EVERY_S, baseline
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.portfolio import UnreadPosition


def bench_with(**shares: int) -> ManagerBench:
    """A bench whose broker names the instrument of each of these positions, and whose journal knows them."""
    bench = ManagerBench(shares=shares, recovered=False)
    bench.positions.instrument_ids = {symbol: f"I-{symbol}" for symbol in shares}
    bench.manager.recover()
    return bench


def look(bench: ManagerBench) -> Any:
    """One look at the positions; tests compare its decimals with plain numbers."""
    holdings = bench.manager._services.sync.holdings
    assert holdings is not None
    return holdings.look()


def explained(bench: ManagerBench) -> dict[str, Decimal]:
    with bench.store.open_book() as book:
        return dict(book.expected_positions())


class TestNames:
    def test_the_first_record_of_a_position_names_its_instrument_and_no_other_record_does(self):
        bench = bench_with(AAPL=50, MSFT=5)
        assert bench.journal.facts(EventKind.INSTRUMENT_NAMED) == []
        with bench.store.open_book() as book:
            assert [book.positions.instrument_of(symbol) for symbol in ("AAPL", "MSFT")] == ["I-AAPL", "I-MSFT"]

    def test_a_new_name_at_the_first_look_is_recorded_for_an_instrument_that_an_order_has_named(self):
        bench = ManagerBench()
        bench.gateway.instrument_ids = bench.positions.instrument_ids = {"FBX": "I-1"}
        bench.buy("c1", symbol="FBX")
        bench.gateway.order().fill()
        bench.sync()
        bench.positions.names = {"FBX": "METX"}
        bench.watch_positions()
        bench.restart()
        bench.manager.recover()
        (named,) = bench.journal.facts(EventKind.INSTRUMENT_NAMED)
        assert (named.symbol, named.details["was"]) == ("METX", "FBX")
        assert explained(bench) == {"METX": 10}

    def test_an_instrument_that_is_named_for_the_first_time_has_no_name_before(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.positions.instrument_ids = {"AAPL": "I-AAPL"}
        bench.sync(after=LOOK_EVERY_S)
        (named,) = bench.journal.facts(EventKind.INSTRUMENT_NAMED)
        assert (named.symbol, dict(named.details)) == ("AAPL", {"instrument_id": "I-AAPL"})

    def test_a_look_that_is_only_shown_tells_a_new_name_and_records_nothing(self):
        bench = bench_with(FBX=10, MSFT=5)
        bench.positions.names = {"FBX": "METX"}
        found = look(bench)
        assert (found.held, found.expected, found.renamed) == (
            {"METX": 10, "MSFT": 5},
            {"METX": 10, "MSFT": 5},
            {"METX": "FBX"},
        )
        assert (found.moved, found.expected_before) == (frozenset(), found.expected)
        assert bench.journal.facts(EventKind.INSTRUMENT_NAMED) == []

    def test_shares_on_record_under_the_new_name_already_are_explained_beside_those_of_the_old_one(self):
        """An order under the new name was filled before any row named its instrument."""
        bench = bench_with(FBX=10)
        bench.store.record_fact(baseline("METX", Decimal(3)))
        bench.positions.move("FBX", "3")
        bench.positions.names = {"FBX": "METX"}
        found = look(bench)
        assert (found.held, found.expected) == ({"METX": 13}, {"METX": 13})


class TestTwoRowsOfOneSymbol:
    def test_two_lots_of_one_instrument_add_up(self, monkeypatch):
        bench = bench_with(GM=5)
        bench.positions.names = {"OLD": "GM"}
        bench.positions.instrument_ids["OLD"] = "I-GM"
        bench.positions.held_back = {"GM": "2", "OLD": "1"}
        bench.positions.move("OLD", "7")
        found = look(bench)
        assert (found.held, found.held_back, found.unread) == ({"GM": 12}, {"GM": 3}, ())

    def test_the_row_of_the_instrument_on_record_is_the_position(self):
        bench = bench_with(GM=5)
        bench.positions.names = {"OLD": "GM"}
        bench.positions.instrument_ids["OLD"] = "I-2"
        bench.positions.move("OLD", "7")
        found = look(bench)
        assert (found.held, found.instruments) == ({"GM": 5}, {"GM": "I-GM"})
        (unread,) = found.unread
        assert (unread.name, unread.instrument_id, unread.symbol) == ("I-2", "I-2", None)

    def test_a_second_row_that_names_no_instrument_may_be_of_the_same_one(self):
        bench = bench_with(GM=5)
        bench.positions.names = {"OLD": "GM"}
        bench.positions.move("OLD", "7")
        (unread,) = look(bench).unread
        assert (unread.name, unread.instrument_id, unread.symbol) == ("GM", None, "GM")

    def test_where_none_is_on_record_no_row_is_the_position(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.positions.names = {"OLD": "GM", "NEW": "GM"}
        bench.positions.instrument_ids = {"OLD": "I-1", "NEW": "I-2"}
        for name in ("OLD", "NEW"):
            bench.positions.move(name, "3")
        found = look(bench)
        assert found.held == {"AAPL": 50}
        assert {(row.name, row.symbol) for row in found.unread} == {("I-1", None), ("I-2", None), ("GM", "GM")}


class TestWhatIsMissing:
    def test_a_row_that_cannot_be_read_alone_is_unread_under_both_its_names(self, monkeypatch):
        bench = bench_with(AAPL=50)
        bench.positions.missing = {"AAPL"}

        def fails(instrument_id: str) -> None:
            raise OrderStatusError(f"{instrument_id}: HTTP 502")

        monkeypatch.setattr(bench.positions, "fetch_position", fails)
        assert look(bench).unread == (
            UnreadPosition(name="AAPL", problem="I-AAPL: HTTP 502", instrument_id="I-AAPL", symbol="AAPL"),
        )

    def test_each_one_is_asked_for_though_the_one_before_failed_or_has_no_instrument(self, monkeypatch):
        bench = ManagerBench(shares={"AAPL": 50, "KO": 4, "MSFT": 5}, recovered=False)
        bench.positions.instrument_ids = {"KO": "I-KO", "MSFT": "I-MSFT"}
        bench.manager.recover()
        bench.positions.missing = {"AAPL", "KO", "MSFT"}
        read, row_of = bench.positions.asked_alone, bench.positions.fetch_position

        def fails_once(instrument_id: str):
            if not read:
                read.append(instrument_id)
                raise OrderStatusError("HTTP 502")
            return row_of(instrument_id)

        monkeypatch.setattr(bench.positions, "fetch_position", fails_once)
        found = look(bench)
        assert read == ["I-KO", "I-MSFT"]
        assert (found.held, [row.symbol for row in found.unread]) == ({"MSFT": 5}, ["KO"])

    @pytest.mark.parametrize(
        "row",
        [
            UnreadPosition(name="AAPL", problem="quantity: null", symbol="AAPL"),
            UnreadPosition(name="I-AAPL", problem="quantity: null", instrument_id="I-AAPL"),
        ],
        ids=["by its symbol", "by its instrument"],
    )
    def test_a_row_that_is_there_and_cannot_be_read_is_not_missing(self, row):
        bench = bench_with(AAPL=50)
        bench.positions.missing, bench.positions.unread = {"AAPL"}, [row]
        look(bench)
        assert bench.positions.asked_alone == []

    def test_a_row_under_a_new_name_is_not_missing(self):
        bench = bench_with(FBX=10)
        bench.positions.names = {"FBX": "METX"}
        look(bench)
        assert bench.positions.asked_alone == []


def test_a_fill_that_is_booked_during_the_look_is_said_to_have_moved_its_symbol_alone():
    bench = bench_with(AAPL=50, MSFT=5)
    bench.buy("c1")

    def fills() -> None:
        bench.gateway.order().fill(4)
        bench.manager.get_order_status("c1")

    bench.positions.during_read = fills
    found = look(bench)
    assert (found.moved, found.expected_before, found.expected) == (
        {"AAPL"},
        {"AAPL": 50, "MSFT": 5},
        {"AAPL": 54, "MSFT": 5},
    )


def test_what_sells_were_promised_counts_where_the_broker_holds_shares_back():
    bench = bench_with(AAPL=50, MSFT=5)
    bench.sell("s1", quantity=30)
    assert look(bench).reserved == {}
    bench.positions.held_back = {"AAPL": "30"}
    assert look(bench).reserved == {"AAPL": 30}
