"""The rounds of a cancel of everything: how long each takes, what it asks for again, and what it tells."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from tests.support.fake_gateway import REQUEST_LOST, CancelStep, nothing
from tests.support.manager_bench import ManagerBench, terms
from trading_bot.clock import Seconds
from trading_bot.order_management.cancel.cancel_all import CancelEverything, CancelListeners, CancelRound
from trading_bot.order_management.exceptions import OrderCancellationError, OrderLogError, OrderOutcomeUnknownError
from trading_bot.order_management.journal.port import OrderKeyKind
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderState, Side
from trading_bot.order_management.outcomes import Listing, UnreadRow
from trading_bot.order_management.results import CancelResult, CancelVerdict
from trading_bot.values import replace


def in_doubt(bench: ManagerBench, name: str = "doubt") -> None:
    bench.gateway.submits.append(REQUEST_LOST)
    with pytest.raises(OrderOutcomeUnknownError):
        bench.buy(name)


def unproven(bench: ManagerBench, *, include_external: bool = False) -> tuple[CancelResult, ...]:
    with pytest.raises(OrderCancellationError) as caught:
        bench.manager.cancel_all(include_external=include_external)
    return caught.value.results


def listings(bench: ManagerBench, *, before: Callable[[int], object] = lambda number: None) -> list[Seconds]:
    """Return the times at which the open orders are listed; ``before`` runs before each, and gets its number."""
    read, times = bench.gateway.list_open_orders, list[Seconds]()

    def listed() -> Listing:
        times.append(bench.clock.monotonic())
        before(len(times))
        return read()

    bench.gateway.list_open_orders = listed  # type: ignore[method-assign]  # the fake's own, for one test
    return times


class TestTime:
    def test_a_round_comes_half_a_second_after_the_last_then_ever_later_up_to_two_seconds(self):
        """None begins at the deadline: it could read nothing."""
        bench = ManagerBench(cancel_deadline_s=9.5)
        in_doubt(bench)
        times = listings(bench)
        began = bench.clock.monotonic()
        unproven(bench)
        rounds = sorted({time - began for time in times})
        assert rounds == [0, 0.5, 1.5, 3.5, 5.5, 7.5]

    @pytest.mark.parametrize("external", [False, True])
    def test_cancels_that_hang_are_followed_for_five_seconds_before_the_next_list(self, external):
        bench = ManagerBench()
        bench.gateway.cancels.append(CancelStep(ends=False))
        if external:
            bench.gateway.add(terms("NVDA"))
        else:
            bench.buy("c1")
        times = listings(bench)
        unproven(bench, include_external=external)
        second = times[1] if external else times[0]
        assert 3 < second <= 5.5

    def test_the_look_for_orders_in_doubt_may_take_five_seconds_and_waits_for_nobody(self):
        bench = ManagerBench(cancel_deadline_s=20)
        in_doubt(bench)
        sync = _Sync()
        done = _run(bench, sync)
        assert [result.verdict for result in done.results] == [CancelVerdict.DEFERRED]
        assert (sync.asked[0], set(sync.patience)) == (5, {0})

    def test_near_the_deadline_it_may_take_what_is_left(self):
        bench = ManagerBench(cancel_deadline_s=3)
        in_doubt(bench)
        sync = _Sync()
        _run(bench, sync)
        assert sync.asked == [3, 2.5, 1.5]


@dataclass
class _Sync:
    """Notes how long it may take, and finds what a test lets it find."""

    finds: Callable[[], object] = nothing
    asked: list[Seconds] = field(default_factory=list)
    patience: list[Seconds] = field(default_factory=list)

    def synchronize(self, *, within_s: Seconds, patience_s: Seconds = 5) -> object:
        self.asked.append(within_s)
        self.patience.append(patience_s)
        return self.finds()


def _run(bench: ManagerBench, sync: _Sync) -> CancelRound:
    everything = CancelEverything(bench.manager._context, cancel=bench.manager._services.cancel, sync=sync)
    return everything.run(include_external=False, include_stops=False, tell=CancelListeners())


class TestAskingAgain:
    def test_what_the_broker_is_at_is_asked_for_once_whosever_order_it_is(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.add(terms("NVDA"))
        bench.gateway.cancels.extend([CancelStep(ends=False)] * 2)
        results = unproven(bench, include_external=True)
        assert [result.verdict for result in results] == [CancelVerdict.PENDING] * 2
        assert bench.gateway.cancel_requests == ["broker-1", "broker-2"]

    def test_one_that_somebody_else_finds_meanwhile_is_cancelled_in_the_same_round(self):
        bench = ManagerBench()
        in_doubt(bench)
        found = bench.gateway.add(terms(), ref_id=bench.tracked("doubt").envelope.ref_id)
        synchronizer = bench.manager._services.sync.synchronizer
        began = bench.clock.monotonic()
        done = _run(bench, _Sync(finds=lambda: synchronizer.apply(ClientOrderId("doubt"), found.report())))
        (result,) = done.results
        assert (result.verdict, result.order_id) == (CancelVerdict.CANCELLED, found.order_id)
        assert bench.clock.monotonic() == began

    def test_an_end_that_somebody_else_reads_meanwhile_is_the_orders_end(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.cancels.append(CancelStep(ends=False))

        def end_elsewhere(number: int) -> None:
            if number == 1:
                bench.gateway.order().end()
                bench.manager._services.sync.synchronizer.learn(bench.tracked(), bench.gateway.order().report())

        listings(bench, before=end_elsewhere)
        (result,) = bench.manager.cancel_all()
        assert (result.verdict, result.state) == (CancelVerdict.CANCELLED, OrderState.CANCELLED)


class TestWhatIsTold:
    def test_the_end_of_an_odd_row_has_its_state_and_the_fills_that_the_row_names(self):
        result = self._odd_end(filled=Decimal(4))
        assert (result.verdict, result.state) == (CancelVerdict.CANCELLED, OrderState.CANCELLED)
        assert result.filled_quantity == 4

    def test_and_those_known_before_where_it_names_none(self):
        assert self._odd_end(filled=None).filled_quantity == 3

    def _odd_end(self, *, filled: Decimal | None) -> CancelResult:
        """Cancel an order whose row cannot be read in full, of which three shares were known to be filled."""
        bench = ManagerBench()
        order = bench.gateway.add(terms("NVDA"))
        row = UnreadRow(problem="no price", order_id=order.order_id, symbol="NVDA", cumulative_quantity=Decimal(3))
        bench.gateway.hidden.add(order.order_id)
        bench.gateway.unreadable = 99
        bench.gateway.odd.append(row)
        end = UnreadRow(
            problem="no price", order_id=order.order_id, state=OrderState.CANCELLED, cumulative_quantity=filled
        )
        bench.gateway.odd_changes.append(end)
        bench.gateway.cancels.append(CancelStep(before=lambda _: bench.gateway.odd.clear()))
        (result,) = bench.manager.cancel_all(include_external=True)
        return result

    def test_a_list_that_is_not_whole_is_none_even_if_it_names_no_problem(self):
        bench = ManagerBench(cancel_deadline_s=1)
        bench.gateway.list_open_orders = lambda: Listing(reports=(), complete=False)  # type: ignore[method-assign]
        with pytest.raises(OrderCancellationError, match="it is not whole"):
            bench.manager.cancel_all(include_external=True)

    def test_such_a_list_is_logged_with_its_problem_and_a_whole_one_is_not(self, caplog):
        bench = ManagerBench(cancel_deadline_s=1)
        bench.manager.cancel_all()
        assert _logged(caplog) == []
        bench.gateway.listing_problem = "HTTP 503"
        bench.manager.cancel_all()
        assert _logged(caplog) == [("WARNING", {"event": "open_orders_not_all_listed", "problem": "HTTP 503"})]

    def test_an_order_that_cannot_be_looked_up_is_logged_with_its_id_and_why(self, caplog):
        bench = ManagerBench()
        bench.gateway.add(terms("NVDA"), ref_id="somebody-elses")
        with bench.store.open_book() as book:
            book._past = _Unreadable()
        bench.manager.cancel_all()
        problem = "the journal cannot be read; repair the disk"
        told = {"event": "order_not_looked_up", "order_id": "broker-1", "problem": problem}
        assert _logged(caplog) == [("ERROR", told)]

    @pytest.mark.parametrize(
        ("row", "shown"),
        [
            (UnreadRow(problem="odd", symbol="NVDA", instrument_id="i-1"), "NVDA"),
            (UnreadRow(problem="odd", instrument_id="i-1"), "i-1"),
            (UnreadRow(problem="odd"), "an unknown instrument"),
        ],
    )
    def test_an_order_elsewhere_is_told_by_what_its_row_says_of_the_share(self, row: UnreadRow, shown: str):
        bench = ManagerBench()
        order = bench.gateway.add(terms("NVDA"))
        bench.gateway.hidden.add(order.order_id)
        bench.gateway.odd.append(replace(row, order_id=order.order_id))
        bench.gateway.cancels.append(CancelStep(before=lambda _: bench.gateway.odd.clear()))
        (result,) = bench.manager.cancel_all(include_external=True)
        assert result.symbol == shown


class _Unreadable:
    """Orders of the past that cannot be looked up."""

    def find(self, kind: OrderKeyKind, name: str) -> None:
        raise OrderLogError("the journal cannot be read; repair the disk")


def _logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    return [
        (record.levelname, record.msg)
        for record in caplog.records
        if isinstance(record.msg, dict) and record.msg["event"] in {"open_orders_not_all_listed", "order_not_looked_up"}
    ]


class TestUrgencyOfOrdersElsewhere:
    def cancelled(self, bench: ManagerBench) -> list[OrderId]:
        bench.manager.cancel_all(include_external=True)
        return bench.gateway.cancel_requests

    def test_entries_go_before_exits(self):
        bench = ManagerBench()
        bench.gateway.add(terms("AAPL", Side.SELL, quantity=50))
        bench.gateway.add(terms("NVDA", Side.BUY, quantity=1))
        assert self.cancelled(bench) == ["broker-2", "broker-1"]

    def test_what_has_filled_already_counts_no_more(self):
        bench = ManagerBench()
        bench.gateway.add(terms("AAPL", quantity=10)).fill(6)
        bench.gateway.add(terms("NVDA", quantity=5))
        assert self.cancelled(bench) == ["broker-2", "broker-1"]

    def test_an_exit_that_does_not_say_how_much_goes_after_every_entry_and_before_other_exits(self):
        bench = ManagerBench()
        for side in (Side.SELL, Side.SELL, Side.BUY):
            bench.gateway.add(terms(side=side))
        bench.gateway.odd = [UnreadRow(order_id=OrderId("broker-2"), side=Side.SELL, problem="odd")]
        bench.gateway.hidden.add(OrderId("broker-2"))
        bench.gateway.cancels.append(CancelStep(before=lambda _: bench.gateway.odd.clear()))
        assert self.cancelled(bench) == ["broker-3", "broker-2", "broker-1"]
