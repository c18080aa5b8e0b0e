"""Rows of the broker's list that are not ours or cannot be read: each holds up what it concerns, and nothing else."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.fake_gateway import ACCEPT, REPLY_LOST, REQUEST_LOST, CancelStep, SubmitStep
from tests.support.manager_bench import ManagerBench, terms
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import (
    OrderCancellationError,
    OrderOutcomeUnknownError,
    TradeRefusedError,
    TradingHaltedError,
)
from trading_bot.order_management.models import OrderId, OrderState, RefId, Side, TimeInForce
from trading_bot.order_management.outcomes import UnreadRow
from trading_bot.order_management.results import CancelVerdict
from trading_bot.order_management.sync.external_orders import ExternalOrders, external_order

DOLLARS = UnreadRow(
    problem="quantity: null",
    order_id=OrderId("app-1"),
    ref_id=RefId("1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"),
    symbol="NVDA",
    side=Side.BUY,
    state=OrderState.CONFIRMED,
    broker_state="confirmed",
)


def bench_with(*rows: UnreadRow, **settings: object) -> ManagerBench:
    bench = ManagerBench(shares={"AAPL": 50, "NVDA": 50}, **settings)  # type: ignore[arg-type]  # settings by name
    bench.gateway.odd = list(rows)
    return bench


def cannot_be_read() -> tuple[ManagerBench, UnreadRow]:
    """Return a bench with an order placed elsewhere that can be read in no list and by no id, and its row."""
    bench = bench_with(cancel_deadline_s=10)
    order = bench.gateway.add(terms("NVDA"))
    row = replace(DOLLARS, order_id=order.order_id)
    bench.gateway.hidden, bench.gateway.unreadable, bench.gateway.odd = {order.order_id}, 99, [row]
    bench.gateway.shows_changes = False
    return bench, row


def shown_since(bench: ManagerBench, row: UnreadRow) -> None:
    """Show an order as open no more, and among what has changed by this row."""
    bench.gateway.odd, bench.gateway.odd_changes, bench.gateway.shows_changes = [], [row], True
    bench.gateway.order().is_lost = True


def external(bench: ManagerBench) -> ExternalOrders:
    return bench.manager._services.sync.external


def sell_nvda(bench: ManagerBench, quantity: int = 10) -> str | None:
    return bench.manager.place_limit_sell("NVDA", quantity, Decimal(100), client_order_id="s-nvda").order_id


class TestAnOrderPlacedElsewhereThatCannotBeRead:
    @pytest.mark.parametrize("restarts", [False, True], ids=["appears while the bot runs", "is there at the start"])
    def test_it_stops_entries_in_its_own_symbol_and_nothing_else(self, restarts):
        bench = bench_with(DOLLARS)
        if restarts:
            bench.restart()
            bench.manager.recover()
        summary = bench.sync()
        assert (summary.complete, summary.external_orders, summary.problem) == (True, 1, None)
        with pytest.raises(TradingHaltedError, match="NVDA order app-1 was placed elsewhere and cannot be read"):
            bench.buy("n1", symbol="NVDA")
        assert sell_nvda(bench) is not None
        assert bench.buy("a1").order_id is not None
        assert bench.sell("a2", quantity=5).order_id is not None

    @pytest.mark.parametrize("side", [Side.SELL, None], ids=["a sell", "perhaps a sell"])
    def test_a_sell_of_unknown_size_stops_sells_of_its_symbol(self, side):
        bench = bench_with(replace(DOLLARS, side=side))
        bench.sync()
        with pytest.raises(TradeRefusedError, match="NVDA order app-1 placed elsewhere may sell any number"):
            sell_nvda(bench)
        assert bench.sell("a1", quantity=50).order_id is not None

    def test_a_sell_whose_size_can_be_read_takes_as_many_shares(self):
        bench = bench_with(replace(DOLLARS, side=Side.SELL, quantity=Decimal(30), cumulative_quantity=Decimal(5)))
        bench.sync()
        with pytest.raises(TradeRefusedError, match="25 promised"):
            sell_nvda(bench, 26)
        assert sell_nvda(bench, 25) is not None

    def test_an_order_for_no_number_of_shares_is_one_of_unknown_size(self):
        bench = bench_with(replace(DOLLARS, side=Side.SELL, quantity=Decimal(0)))
        bench.sync()
        with pytest.raises(TradeRefusedError):
            sell_nvda(bench)

    def test_once_it_has_ended_it_stops_nothing(self):
        bench = bench_with(replace(DOLLARS, side=None, state=OrderState.CANCELLED))
        assert bench.sync().external_orders == 0
        assert bench.buy("n1", symbol="NVDA").order_id is not None
        assert sell_nvda(bench) is not None

    def test_it_stops_until_a_list_without_it(self):
        bench = bench_with(DOLLARS)
        bench.sync()
        bench.gateway.odd.clear()
        bench.gateway.listing_problem = "page 2 failed"
        bench.sync()
        assert external(bench).entries_stopped("NVDA") is not None
        bench.gateway.listing_problem = None
        bench.sync()
        assert external(bench).entries_stopped("NVDA") is None

    def test_one_without_any_instrument_is_shown_and_stops_nothing(self):
        bench = bench_with(replace(DOLLARS, symbol=None, side=None))
        assert bench.sync().external_orders == 1
        (order,) = external(bench).orders()
        assert (order.name, order.problem) == ("an unknown instrument order app-1", "quantity: null")
        assert bench.buy("n1", symbol="NVDA").order_id is not None

    def test_one_known_by_its_instrument_stops_the_symbol_that_the_journal_knows_for_it(self):
        bench = bench_with(replace(DOLLARS, symbol=None, instrument_id="I-NVDA"))
        bench.gateway.instrument_ids = {"NVDA": "I-NVDA", "AAPL": "I-AAPL"}
        bench.sync()
        with pytest.raises(TradingHaltedError):
            bench.buy("n1", symbol="NVDA")
        assert bench.buy("a1").order_id is not None
        assert external(bench).entries_stopped("NVDA", "I-NVDA") is not None


class TestAnOrderPlacedElsewhereThatWasReadInFull:
    def test_it_stops_nothing_and_counts_in_the_free_shares(self):
        bench = bench_with()
        bench.gateway.add(terms("NVDA", Side.SELL, 30, Decimal(120)))
        bench.gateway.add(terms("NVDA", Side.BUY, 7))
        assert bench.sync().external_orders == 2
        assert bench.buy("n1", symbol="NVDA").order_id is not None
        with pytest.raises(TradeRefusedError):
            sell_nvda(bench, 21)

    def test_what_it_has_sold_since_the_positions_were_read_is_not_sold_again(self):
        """It left the list with its shares, and the positions cannot be read anew."""
        bench = bench_with()
        theirs = bench.gateway.add(terms("NVDA", Side.SELL, 30))
        bench.sync()
        theirs.fill()
        bench.positions.is_failing = True
        bench.sync()
        with pytest.raises(TradeRefusedError, match="30 promised"):
            sell_nvda(bench, 21)
        assert sell_nvda(bench, 20) is not None

    def test_what_it_has_sold_in_part_counts_until_the_positions_are_read(self):
        bench = bench_with()
        theirs = bench.gateway.add(terms("NVDA", Side.SELL, 30))
        bench.sync()
        theirs.fill(20)
        bench.positions.is_failing = True
        bench.sync()
        with pytest.raises(TradeRefusedError):
            sell_nvda(bench, 21)
        bench.positions.is_failing = False
        bench.sync()
        with pytest.raises(TradeRefusedError, match="broker shows 30"):
            sell_nvda(bench, 21)
        assert sell_nvda(bench, 20) is not None

    def test_one_that_ended_during_a_reading_of_the_positions_still_counts(self):
        """The reading may have begun before it sold."""
        bench = bench_with()
        theirs = bench.gateway.add(terms("NVDA", Side.SELL, 30))
        bench.sync()
        holdings = bench.manager._services.sync.holdings
        assert holdings is not None
        then = external(bench).mark()
        theirs.end()
        external(bench).note(())
        external(bench).note_look(then)
        assert holdings.free_to_sell("NVDA").promised == 30
        external(bench).note_look(external(bench).mark())
        assert holdings.free_to_sell("NVDA").promised == 0

    def test_what_filled_in_part_during_a_reading_of_the_positions_still_counts(self):
        bench = bench_with()
        theirs = bench.gateway.add(terms("NVDA", Side.SELL, 30))
        bench.sync()
        holdings = bench.manager._services.sync.holdings
        assert holdings is not None
        then = external(bench).mark()
        theirs.fill(20)
        external(bench).note([external_order(theirs.report())])
        external(bench).note_look(then)
        assert holdings.free_to_sell("NVDA").promised == 30


def doubt(bench: ManagerBench, step: SubmitStep = REQUEST_LOST, *, name: str = "c1", symbol: str = "NVDA") -> None:
    bench.gateway.submits.append(step)
    bench.gateway.blind_lookups = 1000
    with pytest.raises(OrderOutcomeUnknownError):
        bench.buy(name, symbol=symbol, quantity=10)
    bench.gateway.blind_lookups = 0


class TestARowThatMayBeOurs:
    def test_it_stops_its_symbols_entries_and_proves_no_absence(self):
        bench = bench_with(max_pending_per_side=5)
        bench.place_known_order()
        doubt(bench)
        row = replace(DOLLARS, ref_id=None, created_at=bench.clock.now())
        bench.gateway.odd = bench.gateway.odd_changes = [row]
        for _ in range(4):
            bench.sync(after=61)
        assert bench.state() == "unknown"
        assert EventKind.ABSENCE_NOTED not in bench.journal.kinds
        with pytest.raises(TradingHaltedError, match="may be our order c1"):
            bench.buy("n1", symbol="NVDA", quantity=3)
        assert bench.buy("a1").order_id is not None
        assert sell_nvda(bench) is not None

    def test_one_of_unknown_size_leaves_the_free_shares_to_be_sold(self):
        """The order in doubt is reserved already, and what is held for another one the broker holds back."""
        bench = bench_with(max_pending_per_side=5)
        doubt(bench)
        bench.gateway.odd = [replace(DOLLARS, ref_id=None, side=None)]
        bench.gateway.shows_changes = False
        bench.sync()
        assert external(bench).orders()[0].may_be == ("c1",)
        assert sell_nvda(bench, 50) is not None

    def test_a_foreign_row_beside_it_holds_up_no_proof(self):
        bench = bench_with()
        bench.place_known_order()
        doubt(bench)
        bench.gateway.odd = bench.gateway.odd_changes = [DOLLARS]
        bench.sync(after=61)
        bench.sync(after=61)
        assert bench.state() == "presumed_absent"

    def test_a_full_row_without_a_ref_id_may_be_ours_too(self):
        bench = bench_with(max_pending_per_side=5)
        bench.place_known_order()
        doubt(bench)
        theirs = bench.gateway.add(terms("NVDA", Side.BUY, 10, Decimal(50)))
        for _ in range(3):
            summary = bench.sync(after=61)
        assert bench.state() == "unknown"
        (row,) = external(bench).orders()
        assert row.may_be == ("c1",)
        (question,) = summary.notes
        assert f"trading-bot resolve c1 --as found --order-id {theirs.order_id}" in question

    def test_somebody_elses_ref_id_tells_once_the_broker_has_shown_ours(self):
        bench = bench_with()
        doubt(bench)
        theirs = bench.gateway.add(terms("NVDA", Side.BUY, 10), ref_id=DOLLARS.ref_id)
        bench.sync()
        assert external(bench).orders()[0].may_be == ("c1",)
        bench.gateway.submits.append(ACCEPT)
        bench.buy("a1")
        bench.sync()
        (row,) = external(bench).orders()
        assert (row.order_id, row.may_be) == (theirs.order_id, ())

    @pytest.mark.parametrize(("age_s", "may_be"), [(86_400, ()), (86_401, ("c1",))])
    def test_the_echo_of_more_than_a_day_ago_counts_no_more(self, age_s, may_be):
        bench = bench_with()
        bench.buy("a1")
        bench.gateway.order().fill()
        bench.sync()
        shown_at = bench.clock.monotonic()
        bench.clock.sleep(86_000)
        doubt(bench)
        bench.gateway.shows_changes = False
        bench.gateway.add(terms("NVDA", Side.BUY, 10), ref_id=DOLLARS.ref_id)
        bench.sync(after=shown_at + age_s - bench.clock.monotonic())
        assert external(bench).orders()[0].may_be == may_be


class TestARowOfOurs:
    def test_one_that_cannot_be_read_is_read_by_its_id(self):
        bench = bench_with()
        bench.buy("n1", symbol="NVDA")
        order = bench.gateway.order()
        bench.gateway.hidden = {order.order_id}
        bench.gateway.odd = [replace(DOLLARS, order_id=order.order_id, ref_id=order.ref_id)]
        order.fill(4)
        summary = bench.sync()
        assert (summary.complete, bench.state("n1"), summary.external_orders) == (True, "partially_filled", 0)
        assert external(bench).entries_stopped("NVDA") is None

    def test_one_that_cannot_be_read_at_all_holds_up_its_symbol_and_no_start(self):
        bench = bench_with()
        bench.buy("n1", symbol="NVDA")
        order = bench.gateway.order()
        bench.gateway.hidden = {order.order_id}
        bench.gateway.odd = [replace(DOLLARS, order_id=order.order_id, ref_id=None)]
        bench.gateway.unreadable = 1000
        bench.restart()
        summary = bench.manager.recover()
        assert (summary.complete, summary.is_view, bench.state("n1")) == (False, True, "confirmed")
        assert "cannot be read" in str(external(bench).entries_stopped("NVDA"))
        assert external(bench).orders() == ()
        assert bench.buy("a1").order_id is not None
        assert sell_nvda(bench) is not None

    def test_one_without_its_id_is_said_to_be_unread(self):
        bench = bench_with()
        doubt(bench, REPLY_LOST)
        order = bench.gateway.order()
        bench.gateway.hidden = {order.order_id}
        bench.gateway.shows_changes = False
        bench.gateway.odd = [replace(DOLLARS, order_id=None, ref_id=order.ref_id)]
        summary = bench.sync()
        assert (summary.complete, bench.state()) == (False, "unknown")
        assert "without its id" in str(summary.problem)

    def test_an_order_in_doubt_that_only_an_odd_row_shows_is_adopted_by_its_id(self):
        bench = bench_with()
        doubt(bench, REPLY_LOST)
        order = bench.gateway.order()
        order.fill()
        order.is_lost = True
        bench.gateway.odd_changes = [replace(DOLLARS, order_id=order.order_id, ref_id=order.ref_id)]
        bench.sync()
        assert bench.state() == "filled"

    def test_an_odd_row_with_our_mark_that_the_journal_does_not_know_halts_entries(self):
        bench = bench_with(replace(DOLLARS, symbol=None, ref_id=RefId(f"{OUR_MARK}-0000-4000-8000-000000000001")))
        bench.sync()
        assert "app-1 on an unknown instrument" in str(bench.manager.halted_because)

    def test_an_odd_row_of_somebody_else_does_not_keep_an_adopted_order_from_ending_the_halt(self, monkeypatch):
        bench = bench_with()
        unjournaled = bench.gateway.add(terms("MSFT"), ref_id=f"{OUR_MARK}-0000-4000-8000-000000000001")
        report = unjournaled.report
        monkeypatch.setattr(unjournaled, "report", lambda: replace(report(), time_in_force=TimeInForce.GFD))
        bench.sync()
        bench.gateway.odd = [replace(DOLLARS, ref_id=RefId(f"{OUR_MARK}-0000-4000-8000-000000000002"))]
        bench.manager.decisions.adopt(unjournaled.order_id, by="alice", reason="an old journal")
        assert bench.manager.halted_because is not None, "another order with our mark is open"
        bench.gateway.odd = [DOLLARS]
        second = bench.gateway.add(terms("KO"), ref_id=f"{OUR_MARK}-0000-4000-8000-000000000003")
        report_of_second = second.report
        monkeypatch.setattr(second, "report", lambda: replace(report_of_second(), time_in_force=TimeInForce.GFD))
        bench.manager.decisions.adopt(second.order_id, by="alice", reason="an old journal")
        assert bench.manager.halted_because is None

    def test_cancelling_everything_of_the_account_says_that_an_order_without_an_id_cannot_be_read(self):
        bench = bench_with(replace(DOLLARS, order_id=None))
        bench.buy("a1")
        assert [result.is_proven_closed for result in bench.manager.cancel_all()] == [True]
        with pytest.raises(OrderCancellationError, match=r"could not all be listed \(quantity: null\)"):
            bench.manager.cancel_all(include_external=True)

    def test_cancelling_everything_of_the_account_cancels_by_its_id_an_order_that_cannot_be_read(self):
        bench, row = cannot_be_read()
        ended = replace(row, state=OrderState.CANCELLED, cumulative_quantity=Decimal("1.5"))
        bench.gateway.cancels.append(CancelStep(before=lambda _: shown_since(bench, ended)))
        (result,) = bench.manager.cancel_all(include_external=True)
        assert bench.gateway.cancel_requests == [row.order_id]
        assert (result.order_id, result.symbol, result.client_order_id) == (row.order_id, "NVDA", None)
        assert (result.verdict, result.filled_quantity) == (CancelVerdict.CANCELLED, Decimal("1.5"))

    @pytest.mark.parametrize("word", [None, OrderState.CONFIRMED], ids=["not understood", "at work"])
    def test_it_is_cancelled_only_once_the_broker_says_so(self, word):
        bench, row = cannot_be_read()
        gone = replace(row, state=word, symbol=None)
        bench.gateway.cancels.append(CancelStep(before=lambda _: shown_since(bench, gone)))
        with pytest.raises(OrderCancellationError, match="1 of 1 orders are not proven cancelled"):
            bench.manager.cancel_all(include_external=True)

    def test_an_order_placed_elsewhere_that_cannot_be_read_is_left_alone_unless_asked_for(self):
        bench, _ = cannot_be_read()
        assert bench.manager.cancel_all() == ()
        assert bench.gateway.cancel_requests == []

    def test_sync_is_not_complete_while_an_order_answers_neither_list_nor_id(self):
        bench = bench_with()
        bench.buy("n1", symbol="NVDA")
        bench.gateway.hidden = bench.gateway.forgotten = {bench.gateway.order().order_id}
        summary = bench.sync()
        assert (summary.complete, summary.is_view) == (False, True)
        assert "order n1 neither in its list nor by its id broker-1" in str(summary.problem)
        assert bench.buy("a1").order_id is not None


class TestThePositiveControl:
    def test_an_empty_list_alone_proves_nothing_and_says_what_a_person_can_do(self):
        bench = bench_with()
        doubt(bench)
        for _ in range(3):
            summary = bench.sync(after=61)
        assert bench.state() == "unknown"
        assert any("trading-bot resolve c1" in note for note in summary.notes)

    def test_the_list_reaches_back_to_the_latest_order_that_is_known(self):
        bench = bench_with()
        bench.place_known_order()
        known_at = bench.tracked("known").envelope.created_at
        bench.clock.sleep(86_400 * 3)
        doubt(bench)
        bench.sync(after=61)
        assert bench.gateway.look_backs[-1] == known_at - timedelta(seconds=60)
        bench.sync(after=61)
        assert bench.state() == "presumed_absent"

    def test_nothing_is_concluded_while_the_account_itself_cannot_be_read(self):
        bench = bench_with()
        bench.place_known_order()
        doubt(bench)
        bench.positions.account_is_failing = True
        for _ in range(3):
            summary = bench.sync(after=61)
        assert bench.state() == "unknown"
        assert any("account itself could not be read" in note for note in summary.notes)
        bench.positions.account_is_failing = False
        bench.sync()
        bench.sync(after=61)
        assert bench.state() == "presumed_absent"

    def test_one_read_of_the_account_does_for_all_orders_that_a_list_lacks(self):
        bench = bench_with()
        bench.place_known_order()
        doubt(bench)
        doubt(bench, name="c2", symbol="MSFT")
        bench.sync(after=61)
        reads = bench.positions.account_reads
        bench.sync(after=61)
        assert bench.positions.account_reads == reads + 1
        assert (bench.state("c1"), bench.state("c2")) == ("presumed_absent", "presumed_absent")

    def test_a_list_that_does_not_show_the_known_order_proves_nothing(self):
        bench = bench_with()
        bench.place_known_order()
        doubt(bench)
        bench.gateway.shows_changes = False
        for _ in range(3):
            bench.sync(after=61)
        assert bench.state() == "unknown"
