"""Bringing the book up to the broker: presence from any listing, absence only from complete ones."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.fake_gateway import REPLY_LOST, REQUEST_LOST, SURELY_THERE, CancelStep, FakeGateway, SubmitStep
from tests.support.jumpy_clock import JumpyClock
from tests.support.manager_bench import CLOSE, MONDAY, ManagerBench, terms
from trading_bot.order_management.book.anomalies import AnomalyKind
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import (
    OrderLogError,
    OrderNotFoundError,
    OrderOutcomeUnknownError,
    OrderStatusError,
    TradingHaltedError,
)
from trading_bot.order_management.journal.port import OrderKeyKind
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderReport, OrderState, Side
from trading_bot.order_management.outcomes import CancelRefused, Listing
from trading_bot.order_management.ports import BrokerCapabilities
from trading_bot.order_management.sync.search import FEW, READ_BY_ID
from trading_bot.order_management.sync.synchronizer import SYNC_DEADLINE_S

BY_CREATION = BrokerCapabilities(lists_by_change=False)


class SlowListing(FakeGateway):
    """Lists what ``read`` returns, which may do other things before the listing is handed over."""

    read: Callable[[], tuple[OrderReport, ...]] = tuple

    def list_open_orders(self) -> Listing:
        return Listing(reports=self.read(), complete=True, has_all_pages=True)


class UnreadablePast:
    """Orders that ended long ago, in a journal that cannot be read just now."""

    def find(self, kind: OrderKeyKind, name: str) -> None:
        raise OrderLogError("the journal cannot be read")


def with_unknown(step: SubmitStep = REQUEST_LOST, *, time_in_force: str = "gfd") -> ManagerBench:
    """An order c1 without proof either way, after the time by which its submit can have reached the broker."""
    bench = ManagerBench()
    bench.place_known_order()
    bench.gateway.submits.append(step)
    bench.gateway.blind_lookups = 1000
    with pytest.raises(OrderOutcomeUnknownError):
        bench.buy("c1", time_in_force=time_in_force)
    bench.gateway.blind_lookups = 0
    bench.clock.sleep_until(MONDAY + timedelta(seconds=21))
    return bench


def sync(bench: ManagerBench, *, after_s: float = 0) -> str:
    bench.clock.sleep(after_s)
    bench.manager.synchronize_open_orders()
    return bench.state()


class TestOpenOrders:
    def test_fills_and_the_end_reach_the_listeners(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.order().fill(4)
        first = bench.manager.synchronize_open_orders()
        bench.gateway.order().fill(6)
        second = bench.manager.synchronize_open_orders()
        told = [(change.event.event, change.order.state.value) for change in bench.changes[3:]]
        assert told == [
            (EventKind.EXECUTION_BOOKED, "confirmed"),
            (EventKind.ORDER_UPDATED, "partially_filled"),
            (EventKind.EXECUTION_BOOKED, "partially_filled"),
            (EventKind.ORDER_UPDATED, "filled"),
        ]
        assert (first.fills_booked, first.orders_closed, first.open_orders) == (1, 0, 1)
        assert (second.fills_booked, second.orders_closed, second.open_orders) == (1, 1, 0)

    def test_the_ends_and_fills_of_all_orders_count(self):
        bench = ManagerBench()
        for name, symbol in (("c1", "AAPL"), ("c2", "MSFT"), ("c3", "KO")):
            bench.buy(name, symbol=symbol)
            bench.gateway.order().fill()
        bench.gateway.order().end()
        summary = bench.sync()
        assert (summary.fills_booked, summary.orders_closed, summary.open_orders) == (3, 3, 0)

    def test_a_row_whose_owner_cannot_be_looked_up_holds_up_no_news_of_the_rows_after_it(self):
        bench = ManagerBench()
        bench.gateway.add(terms("NVDA"), ref_id="somebody-elses")
        bench.buy("c1")
        bench.gateway.order().fill(4)
        with bench.store.open_book() as book:
            book._past = UnreadablePast()
        summary = bench.sync()
        assert (summary.complete, summary.is_view, summary.problem) == (False, False, "the journal cannot be read")
        assert (bench.state(), bench.gateway.fetched) == ("partially_filled", [])

    def test_the_same_listing_again_changes_nothing(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.order().fill(4)
        bench.manager.synchronize_open_orders()
        records = len(bench.journal.records)
        again = bench.manager.synchronize_open_orders()
        assert (again.fills_booked, again.orders_closed, again.complete) == (0, 0, True)
        assert len(bench.journal.records) == records

    def test_an_order_missing_from_the_listing_is_fetched_by_its_id(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.hidden = {bench.gateway.order().order_id}
        assert sync(bench) == "confirmed"
        assert bench.gateway.fetched == [bench.gateway.order().order_id]

    @pytest.mark.parametrize("has_ended", [False, True])
    def test_many_that_are_missing_are_read_by_their_ids_where_no_list_shows_their_end(self, has_ended):
        """A list of what has changed may lag: an order that it shows at work is not what the open orders lack."""
        bench = ManagerBench(max_pending_per_side=100)
        for number in range(READ_BY_ID + 1):
            bench.buy(f"c{number}", quantity=1 + number)
        bench.gateway.hidden = {order.order_id for order in bench.gateway.orders}
        if has_ended:
            bench.gateway.shows_changes = False
            for order in bench.gateway.orders:
                order.end()
        bench.sync()
        assert bench.gateway.fetched == [order.order_id for order in bench.gateway.orders]
        assert bench.state("c10") == ("cancelled" if has_ended else "confirmed")

    @pytest.mark.parametrize(("count", "lists"), [(READ_BY_ID, 0), (READ_BY_ID + 1, 1)])
    def test_what_changed_since_they_were_seen_open_is_listed_where_many_are_missing(self, count, lists):
        bench = ManagerBench(max_pending_per_side=100)
        for number in range(count):
            bench.buy(f"c{number}", quantity=1 + number)
        bench.sync(after=3600)
        seen_at = bench.clock.now()
        for order in bench.gateway.orders:
            order.end()
        bench.sync(after=60)
        assert bench.gateway.look_backs == [seen_at - timedelta(minutes=10)] * lists
        assert len(bench.gateway.fetched) == (0 if lists else count)

    @pytest.mark.parametrize(("age_s", "look_back_s"), [(3600, 3600 + 600), (3 * 86400, 86400)])
    def test_a_program_that_has_not_seen_them_lists_what_changed_since_they_were_made(self, age_s, look_back_s):
        bench = ManagerBench(max_pending_per_side=100)
        for number in range(READ_BY_ID + 1):
            bench.buy(f"c{number}", quantity=1 + number)
            bench.gateway.order().end()
        bench.clock.sleep(age_s)
        bench.restart()
        bench.sync()
        [since] = bench.gateway.look_backs
        assert (bench.clock.now() - since).total_seconds() == look_back_s

    def test_a_broker_that_lists_by_creation_alone_is_asked_back_to_the_oldest_of_them(self):
        bench = ManagerBench(max_pending_per_side=100)
        bench.gateway.capabilities = BY_CREATION
        made_at = bench.clock.now()
        for number in range(READ_BY_ID + 1):
            bench.buy(f"c{number}", quantity=1 + number)
        bench.sync(after=3 * 86400)
        for order in bench.gateway.orders:
            order.end()
        bench.sync(after=60)
        assert bench.gateway.look_backs == [made_at - timedelta(minutes=10)]
        assert (bench.gateway.fetched, bench.state("c10")) == ([], "cancelled")

    @pytest.mark.parametrize("is_new", [False, True], ids=["sent before", "sent meanwhile"])
    def test_a_listing_older_than_the_end_of_an_order_neither_contradicts_nor_cancels_it(self, is_new):
        bench = ManagerBench()
        bench.gateway = gateway = SlowListing(bench.clock)
        bench.restart()
        bench.manager.recover()
        if not is_new:
            bench.buy("c1")

        def list_and_cancel() -> tuple[OrderReport, ...]:
            bench.clock.sleep(1)
            if is_new:
                bench.buy("c1")
            row = gateway.order().report()
            bench.manager.cancel_order("c1")
            return (row,)

        gateway.read = list_and_cancel
        assert sync(bench) == "cancelled"
        assert (len(gateway.cancel_requests), bench.tracked().anomalies) == (1, frozenset())

    def test_a_read_by_id_older_than_the_end_of_an_order_neither_contradicts_nor_cancels_it(self, monkeypatch):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.hidden = {bench.gateway.order().order_id}

        def read_and_cancel(order_id: OrderId) -> OrderReport:
            monkeypatch.undo()
            report = bench.gateway.fetch_order_status(order_id)
            bench.manager.cancel_order("c1")
            return report

        monkeypatch.setattr(bench.gateway, "fetch_order_status", read_and_cancel)
        assert sync(bench) == "cancelled"
        assert (len(bench.gateway.cancel_requests), bench.tracked().anomalies) == (1, frozenset())

    def test_a_round_that_could_not_begin_counts_what_is_open_and_is_not_complete(self):
        bench = ManagerBench()
        bench.buy("c1")
        summary = bench.manager._services.sync.synchronizer.nothing_read("another one runs")
        assert (summary.complete, summary.is_view, summary.problem) == (False, False, "another one runs")
        assert (summary.open_orders, summary.fills_booked, summary.orders_closed, summary.external_orders) == (
            1,
            0,
            0,
            0,
        )

    def test_an_order_that_is_listed_is_not_fetched(self):
        bench = ManagerBench()
        bench.buy("c1")
        sync(bench)
        assert bench.gateway.fetched == []

    def test_what_an_incomplete_listing_does_not_show_is_read_by_its_id(self):
        bench = ManagerBench(max_pending_per_side=2)
        bench.buy("c1")
        bench.buy("c2", quantity=5)
        bench.gateway.order().fill(5)
        bench.gateway.order("broker-1").fill(3)
        bench.gateway.listing_problem = "page 2 failed"
        summary = bench.manager.synchronize_open_orders()
        assert (summary.complete, summary.problem) == (False, "page 2 failed")
        assert bench.gateway.fetched == ["broker-2"]
        assert bench.state("c2") == "filled", "a read by id is evidence by itself"
        assert bench.state("c1") == "partially_filled", "what a part shows is true all the same"

    def test_an_order_the_broker_does_not_know_any_more_keeps_its_state_and_is_noted_once(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.hidden = bench.gateway.forgotten = {bench.gateway.order().order_id}
        for _ in range(3):
            assert sync(bench) == "confirmed"
        assert bench.journal.kinds.count(EventKind.ANOMALY_FOUND) == 1
        assert bench.manager.open_orders() != ()

    def test_an_order_that_could_not_be_read_makes_the_round_incomplete(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.hidden = {bench.gateway.order().order_id}
        bench.gateway.unreadable = 1
        summary = bench.manager.synchronize_open_orders()
        assert (summary.complete, summary.problem) == (False, "the read failed; read it again")

    def test_one_that_cannot_be_read_hides_none_of_the_others(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.buy("c2", symbol="MSFT")
        for order in bench.gateway.orders:
            order.fill()
        bench.gateway.unreadable = 1
        summary = bench.manager.synchronize_open_orders()
        assert (summary.fills_booked, summary.complete) == (1, False)
        assert bench.state("c2") == "filled"

    def test_a_row_without_our_name_is_known_by_the_brokers_id(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.order().ref_id = None
        bench.gateway.order().fill(4)
        summary = bench.manager.synchronize_open_orders()
        assert (summary.external_orders, bench.state()) == (0, "partially_filled")

    def test_a_cancel_under_way_is_not_asked_for_again(self):
        bench = ManagerBench(cancel_deadline_s=1)
        bench.buy("c1")
        bench.gateway.cancels.append(CancelStep(ends=False))
        bench.manager.cancel_order("c1")
        assert sync(bench) == "pending_cancel"
        assert len(bench.gateway.cancel_requests) == 1

    def test_an_order_in_flight_is_left_to_its_own_submit(self):
        bench = ManagerBench()
        bench.gateway.submits.append(SubmitStep(meanwhile=bench.manager.synchronize_open_orders))
        bench.buy("c1")
        assert bench.gateway.lookups == []


class TestUnresolvedOrders:
    @pytest.mark.parametrize(("count", "lookups"), [(FEW, FEW), (FEW + 1, 0)])
    def test_a_few_are_looked_for_one_by_one_and_more_in_one_list(self, count, lookups, monkeypatch):
        bench = ManagerBench(max_pending_per_side=9)
        bench.place_known_order()
        for number in range(count):
            bench.gateway.submits.append(REQUEST_LOST)
            bench.gateway.blind_lookups = 1000
            with pytest.raises(OrderOutcomeUnknownError):
                bench.buy(f"c{number}", symbol="ABCDE"[number])
        asked: list[str] = []
        find = bench.gateway.find_by_client_order_id

        def noted(client_order_id: ClientOrderId, **where: Any) -> Listing:
            asked.append(client_order_id)
            return find(client_order_id, **where)

        monkeypatch.setattr(bench.gateway, "find_by_client_order_id", noted)
        bench.gateway.look_backs.clear()
        bench.sync()
        assert (len(asked), len(bench.gateway.look_backs)) == (lookups, 1)

    def test_one_that_turns_up_is_adopted_with_its_fills(self):
        bench = with_unknown(REPLY_LOST)
        bench.gateway.order().fill(4)
        assert sync(bench) == "partially_filled"
        assert bench.tracked().executed_quantity == 4
        assert EventKind.ORDER_ADOPTED in bench.journal.kinds

    def test_one_that_has_ended_already_is_found_by_its_name(self):
        bench = with_unknown(REPLY_LOST)
        bench.gateway.order().fill()
        summary = bench.manager.synchronize_open_orders()
        assert (bench.state(), summary.fills_booked, summary.orders_closed) == ("filled", 1, 1)
        created = bench.tracked().envelope.created_at
        assert bench.gateway.look_backs[-1] == created - timedelta(hours=24)

    def test_two_complete_listings_a_minute_apart_presume_it_absent(self):
        bench = with_unknown()
        assert sync(bench) == "unknown"
        assert sync(bench, after_s=59.9) == "unknown"
        assert sync(bench, after_s=0.1) == "presumed_absent"
        assert bench.journal.kinds.count(EventKind.ABSENCE_NOTED) == 1

    def test_an_incomplete_listing_says_nothing_about_absence(self):
        bench = with_unknown()
        bench.gateway.lookup_problem = "page 3 failed"
        for _ in range(3):
            assert sync(bench, after_s=3600) == "unknown"
        summary = bench.manager.synchronize_open_orders()
        assert (summary.complete, summary.problem) == (False, "page 3 failed")
        assert EventKind.ABSENCE_NOTED not in bench.journal.kinds

    def test_a_listing_begun_before_the_submit_could_have_ended_says_nothing(self):
        bench = ManagerBench(submit_deadline_s=60)
        bench.place_known_order()
        bench.gateway.submits.append(REQUEST_LOST)
        bench.gateway.blind_lookups = 1000
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy("c1")
        assert sync(bench) == "unknown"
        assert EventKind.ABSENCE_NOTED not in bench.journal.kinds
        sync(bench, after_s=10)
        assert EventKind.ABSENCE_NOTED in bench.journal.kinds

    def test_a_presumed_absent_order_unblocks_the_side_and_stays_reserved(self):
        bench = with_unknown()
        sync(bench)
        sync(bench, after_s=60)
        with bench.store.open_book() as book:
            assert [order.remaining_quantity for order in book.active()] == [10]
        assert not bench.buy("c2").is_duplicate

    @pytest.mark.parametrize("hours", [-30, -1, 1, 30])
    def test_nothing_is_concluded_while_our_clock_and_the_brokers_do_not_agree(self, hours):
        """What is asked for is what changed since a time of ours: a clock ahead by days leaves the order itself out."""
        bench = with_unknown()
        bench.clock.sleep(40 * 3600)
        ours = bench.clock.now
        bench.gateway.broker_time = lambda: ours() - timedelta(hours=hours)
        for _ in range(3):
            assert sync(bench, after_s=61) == "unknown"
        bench.gateway.broker_time = ours
        sync(bench)
        assert sync(bench, after_s=61) == "presumed_absent"

    @pytest.mark.parametrize("off_by", [timedelta(minutes=-4), timedelta(minutes=4)])
    def test_that_a_session_is_over_takes_both_clocks(self, off_by):
        bench = with_unknown()
        ours = bench.clock.now
        bench.gateway.broker_time = lambda: ours() + off_by
        sync(bench)
        sync(bench, after_s=60)
        bench.clock.sleep_until(CLOSE - off_by / 2)  # over by one of them, and not by the other
        assert sync(bench, after_s=1) == "presumed_absent"
        bench.clock.sleep(240)
        assert sync(bench) == "never_accepted"

    def test_without_a_time_of_the_brokers_no_session_is_over(self):
        bench = with_unknown()
        bench.gateway.broker_time = lambda: None
        sync(bench)
        sync(bench, after_s=60)
        bench.clock.sleep_until(CLOSE + timedelta(days=3))
        assert sync(bench) == "presumed_absent"

    def test_an_order_first_missed_after_its_session_may_have_rested_in_the_next_one(self):
        """A clock that was hours behind made the order look like one of an earlier session."""
        bench = with_unknown()
        bench.session_end = lambda order: CLOSE if order.created_at <= CLOSE else CLOSE + timedelta(days=1)
        bench.clock.sleep_until(CLOSE + timedelta(minutes=1))
        sync(bench)
        sync(bench, after_s=60)
        assert sync(bench, after_s=3600) == "presumed_absent"
        bench.clock.sleep_until(CLOSE + timedelta(days=1, seconds=1))
        assert sync(bench) == "never_accepted"

    def test_a_restart_begins_the_measured_minutes_anew(self):
        bench = with_unknown()
        sync(bench)
        bench.clock.sleep(3600)
        bench.restart()
        bench.manager.recover()
        assert sync(bench, after_s=59.9) == "unknown"
        assert sync(bench, after_s=0.1) == "presumed_absent"
        bench.clock.sleep_until(CLOSE + timedelta(seconds=1))
        bench.restart()
        bench.manager.recover()
        assert sync(bench, after_s=59.9) == "presumed_absent"
        assert sync(bench, after_s=0.1) == "never_accepted"

    def test_only_the_end_of_its_session_proves_that_it_was_never_accepted(self):
        bench = with_unknown()
        sync(bench)
        sync(bench, after_s=60)
        bench.clock.sleep_until(CLOSE)
        assert sync(bench) == "presumed_absent"
        assert sync(bench, after_s=1) == "never_accepted"
        assert bench.manager.open_orders() == ()

    def test_an_order_good_till_cancelled_has_no_such_end(self):
        bench = with_unknown(time_in_force="gtc")
        sync(bench)
        sync(bench, after_s=60)
        assert sync(bench, after_s=7 * 86400) == "presumed_absent"

    def test_what_the_broker_said_it_has_is_never_presumed_absent(self):
        bench = with_unknown(SURELY_THERE)
        bench.gateway.orders.clear()
        for _ in range(4):
            assert sync(bench, after_s=86400) == "unknown"

    def test_a_presumed_absent_order_that_turns_up_is_cancelled_at_once(self):
        bench = with_unknown()
        sync(bench)
        sync(bench, after_s=60)
        intent = bench.gateway.posts[-1]
        late = bench.gateway.add(intent.terms, ref_id=intent.ref_id)
        late.fill(2)
        assert sync(bench) == "cancelled"
        assert late.state is OrderState.CANCELLED
        assert bench.tracked().executed_quantity == 2
        (asked, *_) = bench.journal.facts(EventKind.CANCEL_REQUESTED)
        assert "after it had been given up" in str(asked.reason)

    def test_an_order_that_had_ended_on_record_and_works_at_the_broker_is_cancelled_at_once(self):
        bench = with_unknown()
        sync(bench)
        sync(bench, after_s=60)
        bench.clock.sleep_until(CLOSE)
        assert sync(bench, after_s=1) == "never_accepted"
        intent = bench.gateway.posts[-1]
        late = bench.gateway.add(intent.terms, ref_id=intent.ref_id)
        bench.manager.synchronize_open_orders()
        assert bench.gateway.cancel_requests == [late.order_id]
        assert late.state is OrderState.CANCELLED
        assert AnomalyKind.AFTER_ITS_END in {anomaly.kind for anomaly in bench.tracked().anomalies}

    def test_a_cancel_once_refused_is_asked_for_again_by_every_sync(self):
        bench = with_unknown(REPLY_LOST)
        bench.manager.cancel_order("c1")
        refused = CancelStep(reply=CancelRefused(reason="not now", status_code=403))
        bench.gateway.cancels.append(refused)
        assert sync(bench) == "confirmed"
        assert sync(bench) == "cancelled"


class TestASearchForOneOrder:
    """A person, or an exit, asks whether an order in doubt may be at the broker."""

    @staticmethod
    def searched(bench: ManagerBench) -> str | None:
        return bench.manager._services.sync.synchronizer.search(bench.tracked(), within_s=5)

    def test_it_is_not_there_where_a_whole_list_lacks_it(self):
        assert self.searched(with_unknown()) is None

    def test_a_row_of_it_is_booked_and_told(self):
        bench = with_unknown(REPLY_LOST)
        assert "has a row of this order" in str(self.searched(bench))
        assert bench.state() == "confirmed"

    def test_a_row_that_may_be_it_is_told(self):
        bench = with_unknown(REPLY_LOST)
        bench.gateway.order().ref_id = None
        assert "may be this order" in str(self.searched(bench))

    def test_a_list_that_could_not_be_read_to_its_end_is_an_error_about_this_order(self):
        bench = with_unknown()
        bench.gateway.lookup_problem = "page 2 failed"
        with pytest.raises(OrderStatusError, match="page 2 failed") as caught:
            self.searched(bench)
        assert caught.value.client_order_id == "c1"

    def test_it_is_over_by_the_time_that_is_asked_for(self):
        bench = with_unknown()
        bench.gateway.deadlines.clear()
        began = bench.clock.monotonic()
        self.searched(bench)
        assert bench.gateway.deadlines == [began + 5]


class TestStrangers:
    def test_orders_placed_elsewhere_are_counted_and_left_alone(self):
        bench = ManagerBench()
        bench.gateway.add(terms("NVDA"), ref_id="somebody-elses")
        bench.gateway.add(terms("TSLA"))
        summary = bench.manager.synchronize_open_orders()
        assert (summary.external_orders, summary.complete) == (2, True)
        assert bench.gateway.cancel_requests == []
        assert bench.manager.halted_because is None

    def test_an_order_with_our_mark_that_the_journal_does_not_know_halts_entries_for_good(self):
        bench = ManagerBench()
        bench.gateway.add(terms("NVDA"), ref_id=f"{OUR_MARK}-0000-4000-8000-000000000001")
        for _ in range(2):
            bench.manager.synchronize_open_orders()
        with pytest.raises(TradingHaltedError, match="adopt the order"):
            bench.buy("c1")
        assert bench.journal.kinds.count(EventKind.TRADING_HALTED) == 1
        bench.restart()
        bench.manager.recover()
        assert "broker-1" in str(bench.manager.halted_because)


class TestTime:
    """One round reads for so long and no longer, and what spans a sleep is no view of one moment."""

    def test_a_round_reads_for_two_minutes_at_most(self):
        bench = ManagerBench(shares={"AAPL": 1})
        bench.clock.sleep(5)
        bench.gateway.deadlines.clear()
        bench.positions.deadlines.clear()
        bench.buy("c1")
        bench.gateway.order().fill()
        bench.gateway.deadlines.clear()
        bench.manager.synchronize_open_orders()
        assert {*bench.gateway.deadlines, *bench.positions.deadlines} == {125}

    def test_the_control_of_a_search_is_read_within_the_round(self):
        bench = with_unknown()
        bench.watch_positions()
        bench.restart()
        bench.manager.recover()
        bench.clock.sleep(60)
        began, reads = bench.clock.monotonic(), bench.positions.account_reads
        bench.positions.deadlines.clear()
        bench.sync()
        assert bench.positions.account_reads == reads + 1
        assert set(bench.positions.deadlines) == {began + SYNC_DEADLINE_S}

    @pytest.mark.parametrize("when", ["the list", "a look-up"])
    def test_a_round_that_spans_a_sleep_is_not_complete(self, when, monkeypatch):
        bench = with_unknown()
        clock = bench.clock = JumpyClock(bench.clock.now())
        bench.restart()
        bench.manager.recover()
        name = "list_open_orders" if when == "the list" else "list_orders_since"
        read = getattr(bench.gateway, name)

        def sleepily(*args, **named):
            clock.jump(3600)
            return read(*args, **named)

        monkeypatch.setattr(bench.gateway, name, sleepily)
        summary = bench.manager.synchronize_open_orders()
        assert (summary.complete, "slept" in str(summary.problem)) == (False, True)
        monkeypatch.undo()
        assert bench.manager.synchronize_open_orders().complete

    def test_sells_of_others_in_a_list_that_spans_a_sleep_are_no_news(self, monkeypatch):
        clock = JumpyClock(MONDAY)
        bench = ManagerBench(clock=clock, shares={"AAPL": 10})
        theirs = bench.gateway.add(terms(side=Side.SELL))
        bench.sync()
        theirs.end()
        read = bench.gateway.list_open_orders

        def sleepily():
            clock.jump(3600)
            return read()

        monkeypatch.setattr(bench.gateway, "list_open_orders", sleepily)
        bench.sync()
        holdings = bench.manager._services.sync.holdings
        assert holdings is not None
        assert holdings.free_to_sell("AAPL").quantity == 0

    def test_a_look_up_that_spans_a_sleep_proves_no_absence(self, monkeypatch):
        bench = with_unknown()
        clock = bench.clock = JumpyClock(bench.clock.now())
        bench.restart()
        find = bench.gateway.list_orders_since

        def sleepily(*args, **named):
            clock.jump(60)
            return find(*args, **named)

        monkeypatch.setattr(bench.gateway, "list_orders_since", sleepily)
        for _ in range(3):
            clock.sleep(61)
            bench.manager.synchronize_open_orders()
        assert EventKind.ABSENCE_NOTED not in bench.journal.kinds

    def test_a_reading_that_spans_a_sleep_is_made_again(self, monkeypatch):
        clock = JumpyClock(MONDAY)
        bench = ManagerBench(clock=clock)
        bench.buy("c1")
        fetch = bench.gateway.fetch_order_status

        def sleepily(order_id):
            report = fetch(order_id)
            if len(bench.gateway.fetched) == 1:
                clock.jump(60)
                bench.gateway.order().fill()
            return report

        monkeypatch.setattr(bench.gateway, "fetch_order_status", sleepily)
        assert bench.manager.get_order_status("c1").state == "filled"
        assert len(bench.gateway.fetched) == 2


class TestTwins:
    def test_a_second_order_under_one_of_our_keys_is_cancelled_and_stops_everything_once(self):
        bench = ManagerBench()
        bench.buy("c1")
        intent = bench.gateway.posts[0]
        twin = bench.gateway.add(intent.terms, ref_id=intent.ref_id)
        for _ in range(2):
            bench.manager.synchronize_open_orders()
            twin.state = OrderState.CONFIRMED
        assert bench.gateway.cancel_requests == [twin.order_id, twin.order_id]
        bench.manager.synchronize_open_orders()
        assert (bench.state(), twin.state) == ("confirmed", OrderState.CANCELLED)
        for kind in (EventKind.ANOMALY_FOUND, EventKind.SYMBOL_FROZEN, EventKind.TRADING_HALTED):
            [fact] = bench.journal.facts(kind)
            assert "two orders for client order id c1: broker-1" in str(fact.reason)
        with pytest.raises(TradingHaltedError, match="two orders"):
            bench.buy("c2", symbol="MSFT")

    def test_the_second_of_two_orders_found_for_an_unknown_one_is_cancelled(self):
        bench = with_unknown(REPLY_LOST)
        intent = bench.gateway.posts[0]
        twin = bench.gateway.add(intent.terms, ref_id=intent.ref_id)
        assert sync(bench) == "confirmed"
        assert bench.gateway.cancel_requests == [twin.order_id]
        assert EventKind.TRADING_HALTED in bench.journal.kinds


class TestRefresh:
    def test_a_status_is_read_from_the_broker_and_booked(self):
        bench = ManagerBench()
        envelope = bench.buy("c1")
        bench.gateway.order().fill(4)
        for identifier in ("c1", str(envelope.order_id)):
            status = bench.manager.get_order_status(identifier)
            assert (status.state, status.filled_quantity, status.remaining_quantity) == (
                OrderState.PARTIALLY_FILLED,
                Decimal(4),
                Decimal(6),
            )
        assert len(bench.tracked().executions) == 1

    def test_what_has_ended_is_not_read_again(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.order().fill()
        bench.manager.synchronize_open_orders()
        bench.gateway.fetched.clear()
        assert bench.manager.get_order_status("c1").remaining_quantity == 0
        assert bench.gateway.fetched == []

    def test_an_unknown_order_has_its_status_on_record_only(self):
        assert with_unknown().manager.get_order_status("c1").state is OrderState.UNKNOWN

    def test_not_found_at_the_broker_is_an_error_and_no_end(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.forgotten = {bench.gateway.order().order_id}
        with pytest.raises(OrderNotFoundError):
            bench.manager.get_order_status("c1")
        assert bench.state() == "confirmed"
        assert [anomaly.kind for anomaly in bench.tracked().anomalies] == [AnomalyKind.VANISHED]

    def test_a_failed_read_is_an_error_and_never_an_old_answer(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.unreadable = 1
        with pytest.raises(OrderStatusError, match="read it again"):
            bench.manager.get_order_status("c1")

    def test_an_id_nobody_knows_is_not_found(self):
        with pytest.raises(OrderNotFoundError, match="list the orders"):
            ManagerBench().manager.get_order_status("nobody")


class TestRecovery:
    def test_a_submit_that_a_stop_interrupted_is_doubted_and_found(self):
        bench = ManagerBench()
        bench.journal.failing = {EventKind.SUBMIT_ATTEMPTED, EventKind.ORDER_ACCEPTED}
        bench.buy("c1")
        bench.restart()
        bench.manager.recover()
        assert bench.state() == "confirmed"
        assert EventKind.ORDER_OUTCOME_UNKNOWN in bench.journal.kinds
        assert len(bench.gateway.orders) == 1

    def test_an_interrupted_submit_that_never_arrived_stays_unknown(self):
        bench = ManagerBench()
        bench.journal.failing = {EventKind.SUBMIT_ATTEMPTED, EventKind.ORDER_ACCEPTED}
        bench.buy("c1")
        bench.gateway.orders.clear()
        bench.restart()
        bench.manager.recover()
        assert bench.tracked().envelope.reason == "the program ended before the broker had answered"
        assert bench.state() == "unknown"

    def test_a_submit_under_way_here_is_not_doubted(self):
        bench = ManagerBench()
        bench.gateway.submits.append(SubmitStep(meanwhile=bench.manager.recover))
        bench.buy("c1")
        assert EventKind.ORDER_OUTCOME_UNKNOWN not in bench.journal.kinds

    def test_a_search_that_failed_concludes_nothing_and_holds_up_no_other_symbol(self):
        bench = with_unknown()
        bench.restart()
        bench.gateway.lookup_problem = "page 2 failed"
        summary = bench.manager.recover()
        assert (summary.complete, summary.is_view, summary.problem) == (False, True, "page 2 failed")
        assert bench.state() == "unknown"
        assert bench.buy("c2", symbol="MSFT").order_id is not None

    def test_open_orders_that_were_not_all_listed_keep_trading_halted(self):
        bench = with_unknown()
        bench.restart()
        bench.gateway.listing_problem = "page 2 failed"
        with pytest.raises(TradingHaltedError, match="page 2 failed") as caught:
            bench.manager.recover()
        assert caught.value.code == "not_reconciled"
        with pytest.raises(TradingHaltedError, match="compared with the broker"):
            bench.buy("c2", symbol="MSFT")
        bench.gateway.listing_problem = None
        bench.manager.recover()
        assert bench.buy("c2", symbol="MSFT").order_id is not None

    def test_a_later_complete_sync_lets_orders_in_and_an_incomplete_one_does_not(self):
        bench = ManagerBench(recovered=False)
        bench.gateway.listing_problem = "page 2 failed"
        with pytest.raises(TradingHaltedError):
            bench.manager.recover()
        bench.manager.synchronize_open_orders()
        assert bench.manager.halted_because is not None
        bench.gateway.listing_problem = None
        bench.manager.synchronize_open_orders()
        assert bench.manager.halted_because is None

    def test_fills_made_while_nobody_looked_are_booked(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.restart()
        bench.gateway.order().fill()
        summary = bench.manager.recover()
        assert (summary.fills_booked, bench.state()) == (1, "filled")
        assert bench.tracked().filled_at == MONDAY
