"""Cancelling: every word about an order's end is a broker report's."""

from decimal import Decimal

import pytest

from tests.support.fake_gateway import AWAIT_APPROVAL, REPLY_LOST, REQUEST_LOST, CancelStep, SubmitStep, rejected
from tests.support.manager_bench import ManagerBench, terms
from trading_bot.order_management.book.anomalies import AnomalyKind
from trading_bot.order_management.cancel.step import ACKNOWLEDGED_WITHIN_S
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import (
    OrderCancellationError,
    OrderError,
    OrderNotFoundError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
    TradingHaltedError,
)
from trading_bot.order_management.models import ClientOrderId, OrderState
from trading_bot.order_management.outcomes import (
    CancelNotSent,
    CancelRefused,
    CancelTaken,
    CancelUnknown,
    ExchangeFacts,
)
from trading_bot.order_management.results import CancelResult, CancelVerdict
from trading_bot.values import replace

REFUSED = CancelRefused(reason="cannot be cancelled now", status_code=403)
EARLY = CancelRefused(reason="cannot be cancelled now", status_code=403, may_be_early=True)
NOT_SENT = CancelNotSent(cause="no connection")
NO_ANSWER = CancelUnknown(cause="timed out")


def unknown_order(bench: ManagerBench, *, really_there: bool) -> None:
    bench.gateway.submits.append(REPLY_LOST if really_there else REQUEST_LOST)
    bench.gateway.blind_lookups = 1000
    with pytest.raises(OrderOutcomeUnknownError):
        bench.buy("c1")
    bench.gateway.blind_lookups = 0


def three_orders() -> ManagerBench:
    bench = ManagerBench()
    for symbol in ("AAPL", "MSFT", "TSLA"):
        bench.buy(symbol.lower(), symbol=symbol)
    return bench


@pytest.mark.parametrize("by", ["client order id", "broker's id"])
def test_a_cancel_by_either_id_is_proven_by_a_report(by):
    bench = ManagerBench()
    envelope = bench.buy("c1")
    result = bench.manager.cancel_order("c1" if by == "client order id" else str(envelope.order_id))
    assert (result.verdict, result.state) == (CancelVerdict.CANCELLED, OrderState.CANCELLED)
    assert result.is_proven_closed
    assert (result.client_order_id, result.order_id, result.symbol) == ("c1", envelope.order_id, "AAPL")
    assert bench.gateway.cancel_requests == [envelope.order_id]
    assert bench.gateway.fetched == [envelope.order_id]


def test_an_order_nobody_knows_is_not_found():
    with pytest.raises(OrderNotFoundError, match="list the orders"):
        ManagerBench().manager.cancel_order("nobody")


def test_the_request_is_known_before_it_leaves_and_on_record_with_its_answer():
    bench = ManagerBench()
    bench.buy("c1")
    known: list[bool] = []
    bench.gateway.cancels.append(CancelStep(before=lambda order: known.append(bench.tracked().cancel_wanted)))
    bench.manager.cancel_order("c1")
    assert known == [True]
    assert bench.journal.kinds[3:] == [
        EventKind.CANCEL_REQUESTED,
        EventKind.CANCEL_ANSWERED,
        EventKind.ORDER_UPDATED,
    ]
    (answer,) = bench.journal.facts(EventKind.CANCEL_ANSWERED)
    assert answer.details == {"reply": "pending", "text": ""}


def test_how_far_the_request_got_is_on_record_with_the_answer():
    bench = ManagerBench()
    bench.buy("c1")
    refused = replace(REFUSED, exchange=ExchangeFacts(phase="body_read", bytes_sent=120, status=403))
    bench.gateway.answer_cancels(refused)
    with pytest.raises(OrderCancellationError):
        bench.manager.cancel_order("c1")
    (answer,) = bench.journal.facts(EventKind.CANCEL_ANSWERED)
    told = {"phase": "body_read", "bytes_sent": "120", "http_status": "403"}
    assert answer.details == {"reply": "refused", "text": "cannot be cancelled now", **told}


def test_a_cancel_that_was_taken_and_not_yet_done_is_pending_after_the_deadline():
    bench = ManagerBench(cancel_deadline_s=5)
    bench.buy("c1")
    bench.gateway.cancels.append(CancelStep(ends=False))
    result = bench.manager.cancel_order("c1")
    assert (result.verdict, result.state) == (CancelVerdict.PENDING, OrderState.PENDING_CANCEL)
    assert not result.is_proven_closed
    assert 3 < bench.clock.monotonic() <= 5


def test_the_fills_known_before_are_told_if_the_order_could_not_be_read_since():
    bench = ManagerBench(cancel_deadline_s=1)
    bench.buy("c1")
    bench.gateway.order().fill(4)
    bench.sync()
    bench.gateway.unreadable = 100
    result = bench.manager.cancel_order("c1")
    assert (result.verdict, result.filled_quantity) == (CancelVerdict.PENDING, Decimal(4))


def test_a_request_that_did_not_leave_takes_back_none_that_may_have_arrived():
    bench = ManagerBench(cancel_deadline_s=1)
    bench.buy("c1")
    bench.gateway.cancels.append(CancelStep(reply=NO_ANSWER))
    bench.gateway.answer_cancels(NOT_SENT)
    with pytest.raises(OrderCancellationError):
        bench.manager.cancel_order("c1")
    assert bench.state() == "pending_cancel"


def test_nor_does_it_take_back_one_of_an_earlier_call():
    bench = ManagerBench(cancel_deadline_s=1)
    bench.buy("c1")
    bench.gateway.cancels.append(CancelStep(ends=False))
    bench.manager.cancel_order("c1")
    bench.gateway.answer_cancels(NOT_SENT)
    bench.gateway.unreadable = 100
    with pytest.raises(OrderCancellationError):
        bench.manager.cancel_order("c1")
    assert bench.state() == "pending_cancel"


def test_an_order_that_fills_in_part_while_its_cancel_is_refused_is_at_work_with_its_fills():
    bench = ManagerBench(cancel_deadline_s=1)
    bench.buy("c1")

    def fill_some(order) -> None:
        order.fill(4)
        with bench.store.open_book() as book:
            tracked = book.get(ClientOrderId("c1"))
        assert tracked is not None
        bench.manager._services.sync.synchronizer.learn(tracked, order.report())

    bench.gateway.cancels.append(CancelStep(reply=REFUSED, before=fill_some))
    bench.gateway.unreadable = 100
    with pytest.raises(OrderCancellationError):
        bench.manager.cancel_order("c1")
    (answer,) = bench.journal.facts(EventKind.CANCEL_ANSWERED)
    assert answer.status is OrderState.PARTIALLY_FILLED


def test_a_refused_cancel_leaves_the_order_in_the_state_that_it_was_in():
    bench = ManagerBench(cancel_deadline_s=1)
    bench.gateway.submits.append(AWAIT_APPROVAL)
    bench.buy("c1")
    assert bench.state() == "queued"
    bench.gateway.answer_cancels(REFUSED)
    bench.gateway.unreadable = 100
    with pytest.raises(OrderCancellationError):
        bench.manager.cancel_order("c1")
    assert bench.state() == "queued"


def test_a_refusal_that_may_be_early_is_asked_again_while_the_order_is_open():
    bench = ManagerBench(cancel_deadline_s=20)
    envelope = bench.buy("c1")
    bench.gateway.cancels.append(CancelStep(reply=EARLY))
    assert bench.manager.cancel_order("c1").verdict is CancelVerdict.CANCELLED
    assert bench.gateway.cancel_requests == [envelope.order_id] * 2


def test_and_ends_as_a_refusal_where_it_stays_so():
    bench = ManagerBench(cancel_deadline_s=20)
    bench.buy("c1")
    bench.gateway.answer_cancels(EARLY)
    with pytest.raises(OrderCancellationError, match="refused"):
        bench.manager.cancel_order("c1")
    assert (bench.state(), len(bench.gateway.cancel_requests) > 2) == ("confirmed", True)
    assert bench.clock.monotonic() <= 20


def test_one_of_an_old_order_is_none_that_came_too_early_and_holds_nobody_up():
    bench = ManagerBench(cancel_deadline_s=20)
    bench.buy("c1")
    bench.clock.sleep(61)
    began = bench.clock.monotonic()
    bench.gateway.answer_cancels(EARLY)
    with pytest.raises(OrderCancellationError, match="refused"):
        bench.manager.cancel_order("c1")
    assert len(bench.gateway.cancel_requests) == 1
    assert bench.clock.monotonic() - began < ACKNOWLEDGED_WITHIN_S
    assert bench.state() == "confirmed"


def test_one_of_an_order_that_has_filled_is_not():
    bench = ManagerBench(cancel_deadline_s=20)
    bench.buy("c1")
    bench.gateway.cancels.append(CancelStep(reply=EARLY, before=lambda order: order.fill(order.terms.quantity)))
    assert bench.manager.cancel_order("c1").verdict is CancelVerdict.FILLED_BEFORE_CANCEL
    assert len(bench.gateway.cancel_requests) == 1


def test_every_request_of_a_cancel_ends_by_its_deadline():
    bench = ManagerBench()
    bench.buy("c1")
    bench.gateway.deadlines.clear()
    bench.manager.cancel_order("c1")
    assert set(bench.gateway.deadlines) == {30}
    bench.clock.sleep(100)
    bench.gateway.deadlines.clear()
    bench.manager.cancel_all()
    assert set(bench.gateway.deadlines) == {130}


def test_what_was_read_before_the_broker_was_asked_again_says_nothing_of_its_answer():
    bench = ManagerBench(cancel_deadline_s=20)
    bench.buy("c1")
    bench.gateway.cancels.append(CancelStep(drops=True))
    bench.gateway.cancels.append(
        CancelStep(reply=REFUSED, before=lambda order: setattr(bench.gateway, "unreadable", 1), drops=True)
    )
    bench.gateway.ends_at_read = 6
    assert bench.manager.cancel_order("c1").verdict is CancelVerdict.CANCELLED


def test_the_order_is_read_until_the_broker_shows_the_end():
    bench = ManagerBench()
    bench.buy("c1")
    bench.gateway.cancels.append(CancelStep(ends=False))
    bench.gateway.unreadable = 3
    bench.gateway.ends_at_read = 6
    assert bench.manager.cancel_order("c1").verdict is CancelVerdict.CANCELLED
    assert len(bench.gateway.fetched) == 6


def test_the_last_read_may_begin_at_the_deadline_itself():
    bench = ManagerBench(cancel_deadline_s=1.75)
    bench.buy("c1")
    bench.gateway.cancels.append(CancelStep(ends=False))
    bench.gateway.ends_at_read = 4
    assert bench.manager.cancel_order("c1").verdict is CancelVerdict.CANCELLED
    assert bench.clock.monotonic() == 1.75


def test_that_the_broker_does_not_know_an_order_of_ours_is_put_on_record_and_is_no_end():
    bench = ManagerBench(cancel_deadline_s=1)
    envelope = bench.buy("c1")
    bench.gateway.cancels.append(CancelStep(ends=False))
    assert envelope.order_id is not None
    bench.gateway.forgotten.add(envelope.order_id)
    assert bench.manager.cancel_order("c1").verdict is CancelVerdict.PENDING
    assert [anomaly.kind for anomaly in bench.tracked().anomalies] == [AnomalyKind.VANISHED]


def test_a_fill_that_wins_the_race_is_no_cancel():
    bench = ManagerBench()
    bench.buy("c1")
    bench.gateway.cancels.append(CancelStep(reply=REFUSED, before=lambda order: order.fill()))
    result = bench.manager.cancel_order("c1")
    assert (result.verdict, result.filled_quantity) == (CancelVerdict.FILLED_BEFORE_CANCEL, Decimal(10))
    assert result.is_proven_closed
    assert bench.state() == "filled"


def test_what_was_filled_before_the_cancel_is_kept():
    bench = ManagerBench()
    bench.buy("c1")
    bench.gateway.cancels.append(CancelStep(before=lambda order: order.fill(4)))
    result = bench.manager.cancel_order("c1")
    assert (result.verdict, result.filled_quantity) == (CancelVerdict.CANCELLED, Decimal(4))
    assert bench.tracked().executed_quantity == 4


@pytest.mark.parametrize(
    ("reply", "verdict", "state"),
    [
        (REFUSED, CancelVerdict.REFUSED, "confirmed"),
        (NOT_SENT, CancelVerdict.CANCEL_NOT_SENT, "confirmed"),
        (NO_ANSWER, CancelVerdict.UNKNOWN, "pending_cancel"),
    ],
)
def test_a_cancel_that_did_not_work_leaves_the_order_live_and_says_so(reply, verdict, state):
    bench = ManagerBench(cancel_deadline_s=2)
    bench.buy("c1")
    bench.gateway.answer_cancels(reply)
    with pytest.raises(OrderCancellationError, match="may still fill") as caught:
        bench.manager.cancel_order("c1")
    (result,) = caught.value.results
    assert (result.verdict, result.is_proven_closed) == (verdict, False)
    assert result.reason in {"cannot be cancelled now", "no connection", "timed out"}
    assert caught.value.order_id == "c1"
    assert bench.state() == state
    assert bench.gateway.order().state is OrderState.CONFIRMED


def test_a_cancel_of_which_an_earlier_request_may_have_arrived_is_not_called_not_sent():
    bench = ManagerBench(cancel_deadline_s=2)
    bench.buy("c1")
    bench.gateway.cancels.append(CancelStep(reply=NO_ANSWER, drops=True))
    bench.gateway.answer_cancels(NOT_SENT)
    with pytest.raises(OrderCancellationError) as caught:
        bench.manager.cancel_order("c1")
    (result,) = caught.value.results
    assert (result.verdict, result.reason) == (CancelVerdict.UNKNOWN, "no connection")


def test_a_refused_cancel_is_read_once_and_not_again():
    bench = ManagerBench()
    bench.buy("c1")
    bench.gateway.cancels.append(CancelStep(reply=REFUSED))
    with pytest.raises(OrderCancellationError):
        bench.manager.cancel_order("c1")
    assert (len(bench.gateway.fetched), bench.clock.monotonic()) == (1, 0)


@pytest.mark.parametrize("end", [OrderState.REJECTED, OrderState.FILLED, OrderState.CANCELLED])
@pytest.mark.parametrize("reply", [CancelTaken(), REFUSED, NOT_SENT, NO_ANSWER])
def test_the_verdict_is_the_reports_whatever_the_reply_was(reply, end):
    bench = ManagerBench()
    bench.buy("c1")

    def ended(order):
        if end is OrderState.FILLED:
            order.fill()
        else:
            order.end(end)

    bench.gateway.cancels.append(CancelStep(reply=reply, before=ended))
    expected = {
        OrderState.REJECTED: CancelVerdict.ALREADY_CLOSED,
        OrderState.FILLED: CancelVerdict.FILLED_BEFORE_CANCEL,
        OrderState.CANCELLED: CancelVerdict.CANCELLED,
    }
    assert bench.manager.cancel_order("c1").verdict is expected[end]


@pytest.mark.parametrize("reply", [CancelTaken(), REFUSED, NOT_SENT, NO_ANSWER])
def test_no_reply_alone_ever_says_cancelled(reply):
    bench = ManagerBench(cancel_deadline_s=1)
    bench.buy("c1")
    bench.gateway.cancels.append(CancelStep(reply=reply, ends=False))
    bench.gateway.unreadable = 1000
    try:
        verdict = bench.manager.cancel_order("c1").verdict
    except OrderCancellationError as error:
        verdict = error.results[0].verdict
    assert verdict is not CancelVerdict.CANCELLED
    assert not bench.tracked().state.is_terminal


def test_cancelling_what_has_ended_asks_nothing():
    bench = ManagerBench()
    bench.buy("c1")
    bench.gateway.order().fill()
    bench.manager.synchronize_open_orders()
    records = len(bench.journal.records)
    assert bench.manager.cancel_order("c1").verdict is CancelVerdict.FILLED_BEFORE_CANCEL
    assert bench.gateway.cancel_requests == []
    assert len(bench.journal.records) == records


def test_it_tells_what_became_of_it_with_its_fills():
    bench = ManagerBench()
    bench.buy("c1")
    bench.gateway.order().fill(4)
    bench.gateway.order().end()
    bench.sync()
    result = bench.manager.cancel_order("c1")
    assert (result.verdict, result.state, result.filled_quantity) == (
        CancelVerdict.CANCELLED,
        OrderState.CANCELLED,
        Decimal(4),
    )


def test_and_why_the_broker_rejected_it():
    bench = ManagerBench()
    bench.gateway.submits.append(rejected())
    with pytest.raises(OrderRejectedError):
        bench.buy("c1")
    result = bench.manager.cancel_order("c1")
    assert (result.verdict, result.reason) == (CancelVerdict.ALREADY_CLOSED, "not enough buying power")


def test_cancelling_what_was_never_sent_says_so():
    bench = ManagerBench(max_attempts=1)
    bench.gateway.submits.append(SubmitStep(meanwhile=lambda: setattr(bench.latch, "reason", "killed")))
    with pytest.raises(TradingHaltedError):
        bench.buy("c1")
    assert bench.manager.cancel_order("c1").verdict is CancelVerdict.NEVER_SENT


def test_a_second_cancel_while_the_first_is_pending_asks_again():
    bench = ManagerBench(cancel_deadline_s=1)
    bench.buy("c1")
    bench.gateway.cancels.append(CancelStep(ends=False))
    bench.manager.cancel_order("c1")
    assert bench.manager.cancel_order("c1").verdict is CancelVerdict.CANCELLED
    assert len(bench.gateway.cancel_requests) == 2


@pytest.mark.parametrize(("filled", "state"), [(0, "confirmed"), (4, "partially_filled")])
def test_two_refused_cancels_at_once_leave_the_order_at_work(filled, state):
    bench = ManagerBench(cancel_deadline_s=1)
    bench.buy("c1")
    if filled:
        bench.gateway.order().fill(filled)
        bench.sync()

    def cancelled_again(order):
        with pytest.raises(OrderCancellationError):
            bench.manager.cancel_order("c1")
        assert bench.state() == state

    bench.gateway.cancels.extend([CancelStep(reply=REFUSED, before=cancelled_again), CancelStep(reply=REFUSED)])
    with pytest.raises(OrderCancellationError):
        bench.manager.cancel_order("c1")
    assert bench.state() == state


@pytest.mark.parametrize("external", [False, True])
def test_reads_that_hang_pass_the_deadline_once_for_all_orders(external, monkeypatch):
    bench = ManagerBench(cancel_deadline_s=5)
    for symbol in ("AAPL", "MSFT", "TSLA"):
        if external:
            bench.gateway.add(terms(symbol))
        else:
            bench.buy(symbol, symbol=symbol)
    bench.gateway.cancels.extend([CancelStep(ends=False)] * 3)
    read = bench.gateway.fetch_order_status

    def hanging(order_id):
        bench.clock.sleep(30)
        return read(order_id)

    monkeypatch.setattr(bench.gateway, "fetch_order_status", hanging)
    with pytest.raises(OrderCancellationError) as caught:
        bench.manager.cancel_all(include_external=external)
    assert [result.verdict for result in caught.value.results] == [CancelVerdict.PENDING] * 3
    assert bench.clock.monotonic() == 30


class TestUnknownOrders:
    """Nobody can cancel what nobody can find: the wish is kept, durably, and fired on discovery."""

    def test_the_cancel_is_deferred(self):
        bench = ManagerBench()
        unknown_order(bench, really_there=True)
        result = bench.manager.cancel_order("c1")
        assert (result.verdict, result.is_proven_closed) == (CancelVerdict.DEFERRED, False)
        assert bench.gateway.cancel_requests == []
        assert bench.tracked().cancel_wanted
        assert bench.state() == "unknown"

    @pytest.mark.parametrize("restarted", [False, True])
    def test_it_is_fired_when_a_sync_finds_the_order_even_after_a_restart(self, restarted):
        bench = ManagerBench()
        unknown_order(bench, really_there=True)
        bench.manager.cancel_order("c1")
        if restarted:
            bench.restart()
            bench.manager.recover()
        else:
            bench.manager.synchronize_open_orders()
        assert bench.gateway.cancel_requests == [bench.gateway.order().order_id]
        assert bench.state() == "cancelled"

    def test_it_is_fired_when_the_submit_itself_finds_the_order(self):
        bench = ManagerBench()
        bench.gateway.submits.append(SubmitStep(after=lambda: bench.manager.cancel_order("c1")))
        envelope = bench.buy("c1")
        assert envelope.state is OrderState.CANCELLED
        assert bench.gateway.order().state is OrderState.CANCELLED

    def test_it_is_durable_before_the_cancels_beside_it_are_followed(self, monkeypatch):
        """A process that dies while it follows them leaves the wish to the next one."""
        bench = ManagerBench()
        unknown_order(bench, really_there=True)
        bench.buy("c2", symbol="MSFT")
        wanted: list[tuple[str | None, ...]] = []
        read = bench.gateway.fetch_order_status

        def reading(order_id):
            requests = bench.journal.facts(EventKind.CANCEL_REQUESTED)
            wanted.append(tuple(request.client_order_id for request in requests))
            return read(order_id)

        monkeypatch.setattr(bench.gateway, "fetch_order_status", reading)
        results = bench.manager.ways_out.cancel_entries(everything=False, by="anna", reason="leaving")
        assert [result.verdict for result in results] == [CancelVerdict.DEFERRED, CancelVerdict.CANCELLED]
        assert wanted == [("c1", "c2")]

    def test_who_saw_it_in_doubt_is_told_what_became_of_it_since(self):
        bench = ManagerBench()
        unknown_order(bench, really_there=True)
        seen_in_doubt = bench.tracked()
        bench.manager.cancel_order("c1")
        bench.sync()
        (result,) = bench.manager._services.cancel.cancel((seen_in_doubt,))
        assert (result.verdict, result.state) == (CancelVerdict.CANCELLED, OrderState.CANCELLED)

    def test_fills_of_the_order_that_was_found_are_booked(self):
        bench = ManagerBench()
        unknown_order(bench, really_there=True)
        bench.manager.cancel_order("c1")
        bench.gateway.order().fill(3)
        bench.manager.synchronize_open_orders()
        assert (bench.state(), bench.tracked().executed_quantity) == ("cancelled", Decimal(3))

    def test_an_order_that_is_not_there_stays_deferred(self):
        bench = ManagerBench()
        unknown_order(bench, really_there=False)
        bench.manager.cancel_order("c1")
        bench.manager.synchronize_open_orders()
        assert bench.gateway.cancel_requests == []
        assert bench.state() == "unknown"


class TestCancelAll:
    def test_every_order_of_ours_is_cancelled_and_reported(self):
        bench = three_orders()
        results = bench.manager.cancel_all_open_orders()
        assert [(result.symbol, result.verdict) for result in results] == [
            ("AAPL", CancelVerdict.CANCELLED),
            ("MSFT", CancelVerdict.CANCELLED),
            ("TSLA", CancelVerdict.CANCELLED),
        ]
        assert bench.manager.open_orders() == ()

    def test_nothing_open_is_no_result_and_no_error(self):
        assert ManagerBench().manager.cancel_all_open_orders() == ()

    def test_one_that_fails_hides_none_of_the_others(self):
        bench = three_orders()
        bench.gateway.cancels.extend(
            [CancelStep(), CancelStep(reply=REFUSED), CancelStep(reply=REFUSED, before=lambda order: order.fill())]
        )
        bench.gateway.answer_cancels(REFUSED)
        with pytest.raises(OrderCancellationError, match="1 of 3 orders") as caught:
            bench.manager.cancel_all_open_orders()
        assert [result.verdict for result in caught.value.results] == [
            CancelVerdict.CANCELLED,
            CancelVerdict.REFUSED,
            CancelVerdict.FILLED_BEFORE_CANCEL,
        ]

    @pytest.mark.parametrize("open_end", ["pending", "deferred"])
    def test_what_is_not_proven_closed_raises(self, open_end):
        """A single cancel may be pending or deferred; "cancel everything" is done only when all is proven."""
        bench = ManagerBench(cancel_deadline_s=1)
        if open_end == "pending":
            bench.buy("c1")
            bench.gateway.cancels.append(CancelStep(ends=False))
        else:
            unknown_order(bench, really_there=False)
        with pytest.raises(OrderCancellationError) as caught:
            bench.manager.cancel_all_open_orders()
        assert [result.verdict.value for result in caught.value.results] == [open_end]

    def test_entries_are_refused_while_it_runs_and_taken_afterwards(self):
        bench = three_orders()
        refusals: list[OrderError] = []

        def try_to_buy(order):
            with pytest.raises(TradingHaltedError, match="cancel-all is running") as caught:
                bench.buy("new", symbol="NVDA")
            refusals.append(caught.value)

        bench.gateway.cancels.append(CancelStep(before=try_to_buy))
        bench.manager.cancel_all_open_orders()
        assert len(refusals) == 1
        assert bench.buy("new", symbol="NVDA").order_id is not None

    def test_entries_are_taken_again_after_it_failed(self):
        bench = three_orders()
        bench.gateway.answer_cancels(REFUSED)
        with pytest.raises(OrderCancellationError):
            bench.manager.cancel_all_open_orders()
        assert bench.manager.halted_because is None

    def test_a_second_one_at_the_same_time_is_refused(self):
        bench = three_orders()
        codes: list[str] = []

        def again(order):
            with pytest.raises(TradingHaltedError) as caught:
                bench.manager.cancel_all_open_orders()
            codes.append(caught.value.code)

        bench.gateway.cancels.append(CancelStep(before=again))
        bench.manager.cancel_all_open_orders()
        assert codes == ["cancel_all_running"]

    def test_it_needs_neither_an_armed_latch_nor_a_reconciled_book(self):
        bench = three_orders()
        bench.latch.reason = "killed"
        bench.restart()
        assert len(bench.manager.cancel_all_open_orders()) == 3
        assert all(order.state is OrderState.CANCELLED for order in bench.gateway.orders)

    def test_it_works_while_the_journal_does_not(self):
        bench = three_orders()
        bench.journal.broken = True
        assert all(result.is_proven_closed for result in bench.manager.cancel_all_open_orders())

    @pytest.mark.parametrize("include_external", [False, True])
    def test_each_end_is_told_as_soon_as_it_is_known(self, include_external):
        bench = three_orders()
        bench.gateway.add(terms("NVDA"))
        told: list[CancelResult] = []
        results = bench.manager.cancel_all_open_orders(include_external=include_external, on_result=told.append)
        assert tuple(told) == results
        assert len(told) == (4 if include_external else 3)

    def test_cancel_all_is_the_same_by_its_short_name(self):
        bench = three_orders()
        assert len(bench.manager.cancel_all()) == 3


class TestExternalOrders:
    def test_they_are_left_alone(self):
        bench = three_orders()
        theirs = bench.gateway.add(terms("NVDA"), ref_id="somebody-elses")
        assert len(bench.manager.cancel_all_open_orders()) == 3
        assert theirs.state is OrderState.CONFIRMED

    def test_they_are_cancelled_where_asked_for_and_reported_without_an_id_of_ours(self):
        bench = three_orders()
        theirs = bench.gateway.add(terms("NVDA"), ref_id="somebody-elses")
        results = bench.manager.cancel_all_open_orders(include_external=True)
        assert [result.client_order_id for result in results] == ["aapl", "msft", "tsla", None]
        assert (results[-1].symbol, results[-1].verdict) == ("NVDA", CancelVerdict.CANCELLED)
        assert theirs.state is OrderState.CANCELLED

    def test_a_refusal_of_an_old_one_is_none_that_came_too_early(self):
        bench = ManagerBench()
        row = bench.gateway.add(terms("NVDA")).report()
        bench.clock.sleep(61)
        bench.gateway.answer_cancels(EARLY)
        (result,) = bench.manager._services.cancel.cancel_external((row,))
        assert (result.verdict, bench.gateway.cancel_requests) == (CancelVerdict.REFUSED, ["broker-1"])
        assert bench.clock.monotonic() == 61

    def test_what_filled_meanwhile_says_so(self):
        bench = ManagerBench()
        bench.gateway.add(terms("NVDA"))
        bench.gateway.cancels.append(CancelStep(reply=REFUSED, before=lambda order: order.fill()))
        (result,) = bench.manager.cancel_all(include_external=True)
        assert (result.verdict, result.filled_quantity) == (CancelVerdict.FILLED_BEFORE_CANCEL, Decimal(10))

    @pytest.mark.parametrize(
        ("reply", "verdict"),
        [(CancelTaken(), CancelVerdict.PENDING), (REFUSED, CancelVerdict.REFUSED), (NO_ANSWER, CancelVerdict.UNKNOWN)],
    )
    def test_what_does_not_end_within_the_deadline_raises(self, reply, verdict):
        bench = ManagerBench(cancel_deadline_s=3)
        bench.gateway.add(terms("NVDA"))
        bench.gateway.answer_cancels(reply)
        with pytest.raises(OrderCancellationError) as caught:
            bench.manager.cancel_all(include_external=True)
        assert [result.verdict for result in caught.value.results] == [verdict]
        assert bench.clock.monotonic() <= 3


def test_an_order_that_has_ended_meanwhile_is_not_put_back_to_work():
    """A record that takes an end back would make the journal tell an impossible story."""
    bench = ManagerBench()
    bench.buy("c1")
    stale = bench.tracked("c1")
    bench.manager.cancel_order("c1")
    (result,) = bench.manager._services.cancel.cancel((stale,))
    assert result.verdict is CancelVerdict.CANCELLED
    assert bench.journal.kinds.count(EventKind.CANCEL_REQUESTED) == 1
    bench.restart()
    assert bench.state("c1") == "cancelled"
