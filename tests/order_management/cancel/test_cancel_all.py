"""Cancelling everything goes round after round, until a list shows nothing of ours or the time is over."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.support.account_gateway import quote
from tests.support.fake_gateway import REPLY_LOST, REQUEST_LOST, CancelStep
from tests.support.jumpy_clock import JumpyClock
from tests.support.manager_bench import MONDAY, ManagerBench, terms
from trading_bot.order_management.cancel.cancel_all import CancelProgress
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.exceptions import OrderCancellationError, OrderLogError, OrderOutcomeUnknownError
from trading_bot.order_management.journal.port import OrderKeyKind
from trading_bot.order_management.models import OrderId, OrderState, RefId
from trading_bot.order_management.outcomes import CancelNotSent, CancelReply, CancelUnknown, UnreadRow
from trading_bot.order_management.ports import BrokerCapabilities
from trading_bot.order_management.results import CancelResult, CancelVerdict
from trading_bot.order_management.stop_orders import StopRequest

STRANGER_REF = f"{OUR_MARK}-0000-4000-8000-000000000001"


def with_orders(*symbols: str, clock: JumpyClock | None = None) -> ManagerBench:
    bench = ManagerBench(clock=clock)
    for symbol in symbols:
        bench.buy(symbol.lower(), symbol=symbol)
    return bench


def in_doubt(bench: ManagerBench, *, there: bool) -> None:
    bench.gateway.submits.append(REPLY_LOST if there else REQUEST_LOST)
    bench.gateway.blind_lookups = 1000
    with pytest.raises(OrderOutcomeUnknownError):
        bench.buy("doubt")


def at_the_second_list(bench: ManagerBench, do: Callable[[], object]) -> list[float]:
    """Do something before the second of all lists is read; return when each was."""
    read, times = bench.gateway.list_open_orders, list[float]()

    def listed():
        times.append(bench.clock.monotonic())
        if len(times) == 2:
            do()
        return read()

    bench.gateway.list_open_orders = listed  # type: ignore[method-assign]  # the fake's own, for one test
    return times


def open_at_broker(bench: ManagerBench) -> list[str]:
    return [order.order_id for order in bench.gateway.orders if order.state.is_working]


def test_a_cancel_that_the_broker_took_and_dropped_is_asked_for_again():
    bench = with_orders("AAPL", "MSFT")
    bench.gateway.cancels.append(CancelStep(drops=True))
    results = bench.manager.cancel_all()
    assert [result.verdict for result in results] == [CancelVerdict.CANCELLED] * 2
    assert bench.gateway.cancel_requests == ["broker-1", "broker-2", "broker-1"]


@pytest.mark.parametrize("reply", [CancelNotSent(cause="no connection"), CancelUnknown(cause="timed out")])
def test_a_request_that_was_lost_is_sent_again(reply):
    bench = with_orders("AAPL", "MSFT")
    bench.gateway.cancels.append(CancelStep(reply=reply))
    assert all(result.is_proven_closed for result in bench.manager.cancel_all())


@pytest.mark.parametrize(
    ("first", "verdict"),
    [
        (CancelNotSent(cause="no connection"), CancelVerdict.CANCEL_NOT_SENT),
        (CancelUnknown(cause="timed out"), CancelVerdict.UNKNOWN),
    ],
)
def test_over_all_rounds_a_cancel_is_not_sent_only_where_no_request_may_have_arrived(first, verdict):
    bench = with_orders("AAPL")
    bench.gateway.cancels.append(CancelStep(reply=first, drops=True))
    bench.gateway.answer_cancels(CancelNotSent(cause="no connection"))
    with pytest.raises(OrderCancellationError) as caught:
        bench.manager.cancel_all()
    assert [result.verdict for result in caught.value.results] == [verdict]


def test_an_order_that_hangs_keeps_no_other_from_being_read():
    bench = with_orders("AAPL", "MSFT", "TSLA")
    bench.gateway.cancels.append(CancelStep(ends=False))
    told: list[CancelResult] = []
    with pytest.raises(OrderCancellationError):
        bench.manager.cancel_all_open_orders(on_result=told.append)
    assert [(result.symbol, result.verdict) for result in told] == [
        ("MSFT", CancelVerdict.CANCELLED),
        ("TSLA", CancelVerdict.CANCELLED),
        ("AAPL", CancelVerdict.PENDING),
    ]


def test_what_a_list_adds_is_cancelled_and_another_list_has_to_show_nothing():
    bench = with_orders("AAPL")
    bench.gateway.add(terms("NVDA"), ref_id=STRANGER_REF)
    lists = at_the_second_list(bench, lambda: bench.gateway.add(terms("KO"), ref_id=STRANGER_REF))
    results = bench.manager.cancel_all()
    assert [result.symbol for result in results] == ["AAPL", "NVDA", "KO"]
    assert len(lists) == 3
    assert open_at_broker(bench) == []


def test_an_order_that_is_open_again_is_cancelled_again():
    bench = with_orders("AAPL")
    bench.gateway.add(terms("NVDA"), ref_id=STRANGER_REF)
    first = bench.gateway.order("broker-1")
    at_the_second_list(bench, lambda: setattr(first, "state", OrderState.CONFIRMED))
    results = bench.manager.cancel_all()
    assert bench.gateway.cancel_requests == ["broker-1", "broker-2", "broker-1"]
    assert [result.client_order_id for result in results] == ["aapl", None]
    assert open_at_broker(bench) == []


def test_an_order_of_ours_that_is_open_again_without_its_mark_is_cancelled_too():
    bench = with_orders("AAPL")
    bench.manager.cancel_all()
    again = bench.gateway.order()
    again.state, again.ref_id = OrderState.CONFIRMED, None
    (result,) = bench.manager.cancel_all()
    assert result.verdict is CancelVerdict.CANCELLED
    assert open_at_broker(bench) == []


def test_a_list_that_lags_behind_an_end_does_not_hold_it_up():
    bench = with_orders("AAPL")
    report = bench.gateway.order().report()
    read = bench.gateway.list_open_orders

    def stale():
        bench.gateway.list_open_orders = read  # type: ignore[method-assign]  # the fake's own, for one test
        return bench.gateway._listing([report], None)

    bench.gateway.list_open_orders = stale  # type: ignore[method-assign]  # the fake's own, for one test
    (result,) = bench.manager.cancel_all()
    assert result.verdict is CancelVerdict.CANCELLED
    assert bench.clock.monotonic() == 0


def test_without_a_list_the_book_has_to_do():
    bench = with_orders("AAPL", "MSFT")
    bench.gateway.listing_problem = "HTTP 503"
    assert all(result.is_proven_closed for result in bench.manager.cancel_all())


def test_without_a_list_a_journal_that_takes_nothing_does_not_do():
    """It may not know every order: where it cannot be read, or was not opened yet."""
    bench = with_orders("AAPL")
    bench.journal.close()
    bench.gateway.listing_problem = "HTTP 503"
    with pytest.raises(OrderCancellationError, match=r"could not all be listed \(HTTP 503\)") as caught:
        bench.manager.cancel_all()
    assert [result.verdict for result in caught.value.results] == [CancelVerdict.CANCELLED]
    bench.gateway.listing_problem = None
    assert bench.manager.cancel_all() == ()


def test_with_the_orders_of_others_asked_for_a_list_that_fails_to_the_end_raises():
    bench = with_orders("AAPL")
    bench.gateway.listing_problem = "HTTP 503"
    with pytest.raises(OrderCancellationError, match=r"could not all be listed \(HTTP 503\)") as caught:
        bench.manager.cancel_all(include_external=True)
    assert [result.verdict for result in caught.value.results] == [CancelVerdict.CANCELLED]


def test_a_list_that_spans_a_sleep_of_the_machine_shows_nothing():
    clock = JumpyClock(MONDAY)
    bench = with_orders("AAPL", clock=clock)
    read, asleep = bench.gateway.list_open_orders, [60.0]

    def listed():
        clock.jump(asleep.pop() if asleep else 0)
        return read()

    bench.gateway.list_open_orders = listed  # type: ignore[method-assign]  # the fake's own, for one test
    with pytest.raises(OrderCancellationError, match="slept"):
        bench.manager.cancel_all(include_external=True)
    assert bench.manager.cancel_all(include_external=True) == ()


class TestOrdersInDoubt:
    def test_one_that_turns_up_before_the_deadline_is_cancelled(self):
        bench = ManagerBench()
        in_doubt(bench, there=True)
        bench.gateway.blind_lookups = 2
        (result,) = bench.manager.cancel_all()
        assert (result.client_order_id, result.verdict) == ("doubt", CancelVerdict.CANCELLED)
        assert open_at_broker(bench) == []

    def test_it_is_marked_before_it_is_looked_for(self):
        """Whoever finds it meanwhile has to know."""
        bench = ManagerBench()
        in_doubt(bench, there=False)
        marked: list[bool] = []
        bench.before_sync.append(lambda: marked.append(bench.tracked("doubt").cancel_wanted))
        with pytest.raises(OrderCancellationError):
            bench.manager.cancel_all()
        assert marked[0]

    def test_one_that_does_not_is_looked_for_until_the_deadline(self):
        bench = ManagerBench(cancel_deadline_s=10)
        in_doubt(bench, there=False)
        began = bench.clock.monotonic()
        with pytest.raises(OrderCancellationError) as caught:
            bench.manager.cancel_all()
        assert [result.verdict for result in caught.value.results] == [CancelVerdict.DEFERRED]
        assert 7 < bench.clock.monotonic() - began <= 10

    def test_one_that_is_presumed_absent_is_not_waited_for(self):
        bench = ManagerBench()
        bench.place_known_order()
        in_doubt(bench, there=False)
        for _ in range(2):
            bench.sync(after=61)
        assert bench.state("doubt") == "presumed_absent"
        began = bench.clock.monotonic()
        with pytest.raises(OrderCancellationError):
            bench.manager.cancel_all()
        assert bench.clock.monotonic() == began


def test_all_of_it_is_over_by_the_cancel_deadline():
    bench = ManagerBench(cancel_deadline_s=7)
    for symbol in ("AAPL", "MSFT"):
        bench.buy(symbol.lower(), symbol=symbol)
    bench.gateway.add(terms("NVDA"))
    bench.gateway.cancels.extend([CancelStep(ends=False)] * 3)
    bench.gateway.deadlines.clear()
    with pytest.raises(OrderCancellationError):
        bench.manager.cancel_all(include_external=True)
    assert bench.clock.monotonic() <= 7
    assert max(bench.gateway.deadlines) <= 7


def test_many_orders_are_read_by_one_list_of_what_has_changed():
    """One by one they would use up the reads that the broker allows, long before the deadline."""
    bench = with_orders(*(f"S{letter}" for letter in "ABCDEFGHIJKLMNOPQRST"))
    results = bench.manager.cancel_all()
    assert [result.verdict for result in results] == [CancelVerdict.CANCELLED] * 20
    assert bench.gateway.fetched == []
    assert len(bench.gateway.look_backs) == 1


def test_of_a_broker_that_lists_by_creation_the_list_goes_back_to_the_oldest_of_them():
    bench = with_orders(*(f"S{letter}" for letter in "ABCDEFGHIJ"))
    bench.gateway.capabilities = BrokerCapabilities(lists_by_change=False)
    made_at = bench.gateway.orders[0].created_at
    bench.sync(after=3 * 86400)
    results = bench.manager.cancel_all()
    assert [result.verdict for result in results] == [CancelVerdict.CANCELLED] * 10
    assert (bench.gateway.fetched, bench.gateway.look_backs) == ([], [made_at - timedelta(minutes=10)])


def test_an_order_elsewhere_of_which_nothing_is_known_but_its_id_is_read_by_that():
    """No list by creation can be known to reach back to it."""
    bench = ManagerBench()
    bench.gateway.capabilities = BrokerCapabilities(lists_by_change=False)
    for symbol in "ABCDE":
        order = bench.gateway.add(terms(symbol))
        bench.gateway.hidden.add(order.order_id)
        bench.gateway.odd.append(UnreadRow(problem="no price", order_id=order.order_id, symbol=symbol))
    bench.gateway.cancels.append(CancelStep(before=lambda _: bench.gateway.odd.clear()))
    results = bench.manager.cancel_all(include_external=True)
    assert [result.verdict for result in results] == [CancelVerdict.CANCELLED] * 5
    assert len(bench.gateway.fetched) == 5


def test_the_end_of_an_odd_row_is_looked_for_back_to_when_it_was_made():
    bench = ManagerBench()
    bench.gateway.capabilities = BrokerCapabilities(lists_by_change=False)
    made_at = bench.clock.now()
    order = bench.gateway.add(terms("NVDA"))
    row = UnreadRow(problem="no price", order_id=order.order_id, symbol="NVDA", created_at=made_at)
    bench.clock.sleep(3 * 86400)
    bench.gateway.hidden.add(order.order_id)
    bench.gateway.unreadable = 99
    bench.gateway.odd.append(row)
    bench.gateway.odd_changes.append(replace(row, state=OrderState.CANCELLED))
    bench.gateway.cancels.append(CancelStep(before=lambda _: bench.gateway.odd.clear()))
    (result,) = bench.manager.cancel_all(include_external=True)
    assert result.verdict is CancelVerdict.CANCELLED
    assert set(bench.gateway.look_backs) == {made_at - timedelta(minutes=10)}


def test_of_many_that_hang_each_is_read_in_turn():
    bench = with_orders(*(f"S{letter}" for letter in "ABCDEFGHIJ"))
    bench.gateway.cancels.extend([CancelStep(ends=False)] * 10)
    bench.gateway.shows_changes = False
    with pytest.raises(OrderCancellationError):
        bench.manager.cancel_all()
    assert set(bench.gateway.fetched) == {order.order_id for order in bench.gateway.orders}


def test_while_another_synchronisation_runs_it_does_not_wait_for_that_one():
    bench = ManagerBench(cancel_deadline_s=10)
    in_doubt(bench, there=False)
    results: list[CancelResult] = []

    def cancel_all() -> None:
        bench.before_sync.clear()
        with pytest.raises(OrderCancellationError) as caught:
            bench.manager.cancel_all()
        results.extend(caught.value.results)

    bench.before_sync.append(lambda: run_beside(cancel_all))
    bench.sync()
    assert [result.verdict for result in results] == [CancelVerdict.DEFERRED]


def run_beside(do: Callable[[], None]) -> None:
    other = threading.Thread(target=do)
    other.start()
    other.join(60)
    assert not other.is_alive()


class _Unreadable:
    """Orders of the past that cannot be looked up."""

    def find(self, kind: OrderKeyKind, name: str) -> None:
        raise OrderLogError(f"the journal cannot be read for {kind} {name}; repair the disk")


def test_orders_of_the_past_that_cannot_be_looked_up_keep_no_order_from_being_cancelled():
    bench = with_orders("AAPL")
    bench.gateway.add(terms("NVDA"), ref_id="somebody-elses")
    with bench.store.open_book() as book:
        book._past = _Unreadable()
    summary = bench.sync()
    assert (summary.complete, "cannot be read" in str(summary.problem)) == (False, True)
    (result,) = bench.manager.cancel_all()
    assert result.verdict is CancelVerdict.CANCELLED


def protected(bench: ManagerBench) -> ManagerBench:
    """A bench with a buy and a stop that both rest."""
    bench.positions.quotes = {"AAPL": quote("AAPL", "100")}
    bench.buy("b1")
    stop = StopRequest(
        symbol="AAPL", quantity=10, stop_price=Decimal(96), limit_price=Decimal(95), client_order_id="stop-1"
    )
    bench.manager.place_stop_sell(stop)
    return bench


class TestStops:
    def test_a_stop_stays_and_is_asked_for_by_name_alone(self):
        bench = protected(ManagerBench(shares={"AAPL": 50}))
        (result,) = bench.manager.cancel_all()
        assert result.client_order_id == "b1"
        assert [order.client_order_id for order in bench.manager.stops()] == ["stop-1"]
        assert bench.gateway.cancel_requests == ["broker-1"]

    def test_a_stop_whose_price_was_reached_stays_too(self):
        bench = protected(ManagerBench(shares={"AAPL": 50}))
        bench.gateway.order().stop_triggered_at = bench.clock.now()
        bench.sync(after=1)
        assert [result.client_order_id for result in bench.manager.cancel_all()] == ["b1"]

    def test_with_stops_it_is_cancelled_too(self):
        bench = protected(ManagerBench(shares={"AAPL": 50}))
        results = bench.manager.cancel_all_open_orders(include_stops=True)
        assert [result.client_order_id for result in results] == ["b1", "stop-1"]
        assert (open_at_broker(bench), bench.manager.stops()) == ([], ())

    def test_a_stop_with_our_mark_that_nobody_knows_stays_too(self):
        bench = protected(ManagerBench(shares={"AAPL": 50}))
        bench.gateway.add(bench.gateway.order().terms, ref_id=RefId(STRANGER_REF))
        bench.manager.cancel_all()
        assert open_at_broker(bench) == ["broker-2", "broker-3"]

    def test_a_stop_placed_elsewhere_goes_with_the_orders_placed_elsewhere(self):
        bench = protected(ManagerBench(shares={"AAPL": 50}))
        bench.gateway.add(bench.gateway.order().terms, ref_id=None)
        bench.manager.cancel_all(include_external=True)
        assert open_at_broker(bench) == ["broker-2"]

    def test_a_stop_of_ours_whose_row_cannot_be_read_stays(self):
        bench = protected(ManagerBench(shares={"AAPL": 50}))
        stop = bench.gateway.order()
        bench.gateway.hidden.add(stop.order_id)
        bench.gateway.odd.append(UnreadRow(problem="no price", order_id=stop.order_id, ref_id=stop.ref_id))
        bench.manager.cancel_all()
        assert open_at_broker(bench) == ["broker-2"]


class TestMany:
    """A broker that takes so many cancels a second is given the time for them."""

    def slow(self, count: int, *, ends: bool = True) -> ManagerBench:
        bench, self.sent = ManagerBench(), set[OrderId]()
        bench.gateway.capabilities = BrokerCapabilities(cancels_at_once=4, cancel_every_s=0.3)
        for number in range(count):
            bench.gateway.add(terms(quantity=number + 1))
        ask = bench.gateway.cancel_order

        def paced(order_id: OrderId) -> CancelReply:
            if bench.clock.monotonic() + 0.3 > bench.gateway.deadlines[-1]:
                return CancelNotSent(cause="no time was left to send")
            bench.clock.sleep(0.3)
            self.sent.add(order_id)
            return ask(order_id) if ends else CancelUnknown(cause="timed out")

        bench.gateway.cancel_order = paced  # type: ignore[method-assign]  # the fake's own, for one test
        return bench

    def test_all_of_them_are_cancelled_within_the_time_that_is_told(self):
        bench, told = self.slow(250), list[CancelProgress]()
        results = bench.manager.cancel_all_open_orders(include_external=True, on_progress=told.append)
        assert len(results) == 250
        assert [(step.asked, step.many) for step in told] == [(asked, 250) for asked in (0, 50, 100, 150, 200)]
        assert told[0].within_s == pytest.approx(30 + 246 * 0.36)
        assert 75 <= bench.clock.monotonic() <= told[0].within_s

    def test_the_longest_silence_is_well_below_the_time_after_which_a_holder_counts_as_silent(self):
        bench, heard = self.slow(250, ends=False), list[float]()
        with pytest.raises(OrderCancellationError):
            bench.manager.cancel_all_open_orders(
                include_external=True, on_progress=lambda _: heard.append(bench.clock.monotonic())
            )
        waits = [after - before for before, after in pairwise([0, *heard])]
        assert max(waits) < 25
        assert bench.clock.monotonic() <= 30 + 246 * 0.36

    def test_what_does_not_end_leaves_the_others_the_time_to_be_asked_for(self):
        """Each part is followed for longer than its cancels take to leave, so many parts would use up all the time."""
        bench = self.slow(1_000, ends=False)
        with pytest.raises(OrderCancellationError):
            bench.manager.cancel_all_open_orders(include_external=True)
        assert len(self.sent) == 1_000

    def test_nothing_is_told_of_a_few(self):
        bench, told = self.slow(4), list[CancelProgress]()
        bench.manager.cancel_all_open_orders(include_external=True, on_progress=told.append)
        assert told == []

    def test_those_of_others_go_the_largest_first_too(self):
        bench = self.slow(3)
        bench.gateway.odd = [UnreadRow(order_id=OrderId("broker-2"), problem="odd")]
        bench.gateway.hidden.add(OrderId("broker-2"))
        bench.manager.cancel_all_open_orders(include_external=True)
        assert bench.gateway.cancel_requests[:3] == ["broker-2", "broker-3", "broker-1"]


def test_entries_are_cancelled_before_exits_and_the_largest_exposure_first():
    bench = ManagerBench(shares={"AAPL": 500})
    bench.sell("s1", quantity=500)
    bench.buy("small", symbol="MSFT", quantity=1)
    bench.buy("large", symbol="TSLA", quantity=20)
    bench.buy("filled", symbol="NVDA", quantity=21)
    bench.gateway.order().fill(15)
    bench.sync()
    bench.manager.cancel_all()
    assert bench.gateway.cancel_requests == ["broker-3", "broker-4", "broker-2", "broker-1"]
