"""Orders that the account's owner has to approve first: open, not working, and known as such after a restart."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.account_gateway import quote
from tests.support.fake_gateway import AWAIT_APPROVAL, REPLY_LOST
from tests.support.manager_bench import ManagerBench
from tests.support.order_story import Story, intended, report
from trading_bot.bot_events import Alert, AlertCode, events_of_change
from trading_bot.order_management.book.approvals import were_ever_asked_for
from trading_bot.order_management.book.exit_facts import ExitEnding
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import OrderId, OrderReport, OrderState, Side
from trading_bot.order_management.outcomes import CancelRefused, CancelTaken
from trading_bot.order_management.reconciliation import reconcile
from trading_bot.order_management.stop_orders import StopRequest
from trading_bot.order_management.submit.exit_run import Leave

S = OrderState


def awaiting(**settings: object) -> ManagerBench:
    bench = ManagerBench(**settings)  # type: ignore[arg-type]
    bench.gateway.submits.append(AWAIT_APPROVAL)
    bench.buy("c1")
    return bench


def alerts(bench: ManagerBench) -> list[str]:
    events = (event for change in bench.changes for event in events_of_change(change))
    return [event.message for event in events if isinstance(event, Alert) and event.code is AlertCode.APPROVAL_AWAITED]


def cancelled_for(bench: ManagerBench) -> list[str | None]:
    return [fact.reason for fact in bench.journal.facts(EventKind.CANCEL_REQUESTED)]


def test_the_receipt_says_that_the_order_awaits_approval():
    bench = awaiting()
    assert bench.tracked().envelope.awaits_approval
    assert bench.tracked().status().awaits_approval
    assert bench.state() == "queued", "it is open, and does not work"


def test_what_it_may_cost_stays_reserved():
    bench = awaiting()
    with bench.store.open_book() as book:
        assert [order.client_order_id for order in book.active()] == ["c1"]
        assert bench.tracked().remaining_quantity == 10


def test_an_order_that_awaits_approval_by_one_word_and_works_by_another_does_not_work():
    (update, waits) = reconcile(Story(intended()).order(), report(S.CONFIRMED, awaits_approval=True))
    assert (update.status, waits.event) == (S.QUEUED, EventKind.APPROVAL_AWAITED)


def test_a_restart_forgets_neither_that_it_waits_nor_since_when():
    bench = awaiting()
    since = bench.tracked().envelope.approval_awaited_since
    bench.restart()
    assert bench.tracked().envelope.approval_awaited_since == since is not None


def test_a_reply_that_was_lost_changes_nothing_once_the_order_is_found():
    bench = ManagerBench()
    bench.gateway.submits.append(replace(REPLY_LOST, awaits_approval=True))
    assert bench.buy("c1").awaits_approval


class TestTheEndOfTheWait:
    @pytest.mark.parametrize("state", [S.CONFIRMED, S.PARTIALLY_FILLED])
    def test_a_report_that_shows_the_order_working_ends_it(self, state: OrderState):
        bench = awaiting()
        order = bench.gateway.order()
        order.awaits_approval, order.state = False, S.CONFIRMED
        if state is S.PARTIALLY_FILLED:
            order.fill(3)
        bench.sync()
        assert (bench.state(), bench.tracked().envelope.approval_awaited_since) == (state.value, None)

    def test_one_that_says_nothing_of_it_and_that_the_order_is_queued_does_not(self):
        """The reply to an order may say more than its row in a list."""
        bench = awaiting()
        bench.gateway.order().awaits_approval = False
        bench.sync()
        assert bench.tracked().envelope.awaits_approval

    def test_one_with_a_word_that_nobody_knows_does_not(self):
        bench = awaiting()
        bench.gateway.order().awaits_approval, bench.gateway.order().word = False, "pondering"
        bench.sync()
        assert bench.tracked().envelope.awaits_approval

    def test_a_fill_ends_it_whatever_else_is_said(self):
        bench = awaiting()
        bench.gateway.order().fill(3)
        bench.sync()
        assert not bench.tracked().envelope.awaits_approval

    def test_a_fill_in_the_reply_is_no_wait_at_all(self):
        bench = ManagerBench()
        bench.gateway.submits.append(replace(AWAIT_APPROVAL, after=lambda: bench.gateway.order().fill(3)))
        assert not bench.buy("c1").awaits_approval
        assert alerts(bench) == []

    @pytest.mark.parametrize("end", [S.CANCELLED, S.REJECTED])
    def test_the_end_of_the_order_ends_it(self, end: OrderState):
        bench = awaiting()
        bench.gateway.order().end(end)
        bench.sync()
        assert bench.state() == end.value
        assert bench.tracked().envelope.approval_awaited_since is None

    def test_work_ends_it_also_while_a_cancel_is_under_way(self):
        bench = awaiting(cancel_deadline_s=1)
        bench.gateway.answer_cancels(CancelTaken())
        bench.manager.cancel_order("c1")
        assert (bench.state(), bench.tracked().envelope.awaits_approval) == ("pending_cancel", True)
        order = bench.gateway.order()
        order.awaits_approval, order.state = False, S.CONFIRMED
        bench.sync()
        assert (bench.state(), bench.tracked().envelope.awaits_approval) == ("pending_cancel", False)


class TestAnEntry:
    def test_it_is_cancelled_once_it_has_waited_for_so_long(self):
        bench = awaiting()
        bench.sync(after=59)
        assert bench.gateway.cancel_requests == []
        bench.sync(after=1)
        assert bench.state() == "cancelled"
        assert cancelled_for(bench) == ["its owner did not approve it within 60 s (agent.approval_wait_s)"]

    def test_the_wait_counts_on_through_a_restart(self):
        bench = awaiting()
        bench.clock.sleep(60)
        bench.restart()
        bench.manager.recover()
        assert bench.state() == "cancelled"

    def test_one_that_was_approved_meanwhile_is_left_alone(self):
        bench = awaiting()
        bench.gateway.order().awaits_approval, bench.gateway.order().state = False, S.CONFIRMED
        bench.sync(after=60)
        assert bench.gateway.cancel_requests == []

    def test_its_cancel_is_asked_for_once_a_round_and_recorded_once(self):
        bench = awaiting()
        bench.gateway.answer_cancels(CancelRefused(reason="not now", status_code=403))
        bench.sync(after=60)
        bench.sync(after=15)
        assert bench.gateway.cancel_requests == ["broker-1", "broker-1"]
        assert bench.tracked().envelope.awaits_approval

    def test_the_owner_is_told_at_once(self):
        (message,) = alerts(awaiting())
        assert "buy 10 AAPL does not work: the broker waits for your approval in the Robinhood app" in message
        assert "agent.approval_wait_s" in message

    def test_the_owner_is_told_once(self):
        bench = awaiting()
        bench.sync()
        assert len(alerts(bench)) == 1


class TestAnExit:
    def leaving(self) -> ManagerBench:
        bench = ManagerBench(shares={"AAPL": 50})
        bench.positions.quotes = {"AAPL": quote("AAPL", "100")}
        bench.gateway.submits.append(AWAIT_APPROVAL)
        return bench

    def test_it_is_told_at_once_and_stays_at_the_broker(self):
        """A lower price would be asked about anew, and nothing would sell meanwhile."""
        bench = self.leaving()
        result = bench.manager.ways_out.leave(Leave(symbol="AAPL"))
        assert (result.ending, len(bench.gateway.posts)) == (ExitEnding.RESTING, 1)
        assert "which does not work before you approve it in the Robinhood app" in result.message
        assert [message.split("; ")[1] for message in alerts(bench)] == ["nothing of it is sold until then"]
        bench.sync(after=3600)
        assert bench.gateway.cancel_requests == []

    def test_its_shares_stay_reserved(self):
        bench = self.leaving()
        bench.manager.ways_out.leave(Leave(symbol="AAPL"))
        free = bench.manager.ways_out.free("AAPL")
        assert free is not None
        assert free.quantity == 0

    def test_one_that_is_approved_in_time_goes_on_as_ever(self):
        bench = self.leaving()
        fetch = bench.gateway.fetch_order_status

        def approve(order_id: OrderId) -> OrderReport:
            order = bench.gateway.order(order_id)
            if order.awaits_approval:
                order.awaits_approval, order.state = False, S.CONFIRMED
            return fetch(order_id)

        bench.gateway.fetch_order_status = approve  # type: ignore[method-assign]
        bench.manager.ways_out.leave(Leave(symbol="AAPL"))
        assert len(bench.gateway.posts) == 3


def test_a_stop_that_awaits_approval_is_told_at_once_to_protect_nothing():
    bench = ManagerBench(shares={"AAPL": 50})
    bench.positions.quotes = {"AAPL": quote("AAPL", "100")}
    bench.gateway.submits.append(AWAIT_APPROVAL)
    stop = StopRequest(symbol="AAPL", quantity=50, stop_price=Decimal(90), limit_price=Decimal(89))
    envelope = bench.manager.place_stop_sell(stop)
    assert (envelope.awaits_approval, envelope.side) == (True, Side.SELL)
    assert alerts(bench)[0].endswith("it protects nothing until then")


class TestWhatIsKnownOfTheAccount:
    def test_it_is_known_for_ever_that_it_was_asked_for_an_approval(self):
        bench = awaiting()
        bench.gateway.order().end()
        bench.sync()
        with bench.store.open_book() as book:
            book.forget(())
            assert book.orders() == ()
            assert were_ever_asked_for(book)
            standing = {pointer.seq for pointer in book.pointers.all()}
        again = OrderBook()
        again.refold(record for record in bench.journal.records if record.seq in standing)
        assert were_ever_asked_for(again)

    def test_an_account_that_never_was_is_not_thought_to_be(self):
        bench = ManagerBench()
        bench.buy("c1")
        with bench.store.open_book() as book:
            assert not were_ever_asked_for(book)
