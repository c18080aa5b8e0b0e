"""Orders over the agent interface, above the wire: what is asked of the tools, and what is made of their answers."""

import json
from contextlib import contextmanager
from datetime import timedelta

import pytest

from tests.support.agent_bench import START, AgentBench, at, numbered, order_id
from tests.support.agent_rows import ACCOUNT, BUY, INSTRUMENT, ORDER, OTHER_REF, REF, STOP, agent_row, stop_row
from trading_bot.agent.gateway import AgentGateway
from trading_bot.agent.tool_call import Garbled, HttpRefusal, ToolError, ToolReply
from trading_bot.order_management.exceptions import OrderNotFoundError, OrderStatusError, OrderValidationError
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderState, RefId, Side
from trading_bot.order_management.outcomes import (
    Accepted,
    CancelNotSent,
    CancelRefused,
    CancelTaken,
    CancelUnknown,
    NotSent,
    Unknown,
)
from trading_bot.order_management.ports import Gateway
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.sending import SendPhase
from trading_bot.robinhood.session import WireReply

LIST, PLACE, CANCEL = "get_equity_orders", "place_equity_order", "cancel_equity_order"
THROTTLED = ToolError(text="RATE_LIMITED: too many requests, please try again shortly", category="rate_limited")


@pytest.fixture
def bench():
    return AgentBench()


def failure(kind: FailureKind, phase: SendPhase, *, is_written: bool) -> WireFailure:
    return WireFailure(kind=kind, phase=phase, first_byte_written=is_written, cause=kind.value)


def test_it_fulfils_the_port_and_says_what_it_cannot_do(bench):
    gateway: AgentGateway = bench.gateway
    port: Gateway = gateway
    can = port.capabilities
    assert {can.lists_by_change, can.dates_changes, can.names_instruments_held, can.can_sell_short} == {False}
    assert not can.may_dedupe_ref_ids, "an order in doubt is never sent again"


class TestPlacing:
    def test_an_order_is_prepared_without_a_question(self, bench):
        order = bench.gateway.prepare_order(BUY, RefId(REF))
        assert json.loads(order.body)["arguments"]["ref_id"] == REF
        assert bench.gateway.tick_of("F", Side.SELL) is None
        assert bench.tools.calls == []

    def test_the_bytes_of_the_intent_are_sent_once_with_the_permit_held(self, bench):
        held = []

        @contextmanager
        def permit():
            held.append("entered")
            yield
            held.append("left")

        bench.tools.on(PLACE, ToolReply(data={"order": agent_row(state="unconfirmed")}))
        outcome = bench.place(permit=permit())
        assert isinstance(outcome, Accepted)
        assert outcome.report.state is OrderState.QUEUED
        assert held == ["entered", "left"]
        assert bench.tools.calls == [(PLACE, json.loads(bench.intent().body)["arguments"])]
        assert bench.tools.timeouts == [5]

    @pytest.mark.parametrize(
        ("result", "outcome"),
        [(THROTTLED, Unknown), (Garbled(cause="cut"), Unknown), (HttpRefusal(status=401), NotSent)],
        ids=str,
    )
    def test_a_place_is_never_repeated_here(self, bench, result, outcome):
        bench.tools.on(PLACE, result)
        assert isinstance(bench.place(), outcome)
        assert len(bench.tools.calls) == 1
        assert bench.renewals == 0

    def test_a_stop_is_sent_as_a_sell(self, bench):
        bench.tools.on(PLACE, ToolReply(data={"order": stop_row()}))
        outcome = bench.place(STOP)
        assert isinstance(outcome, Accepted)
        assert outcome.mismatch is None

    def test_the_wrong_side_is_refused(self, bench):
        with pytest.raises(OrderValidationError, match="use the other method"):
            bench.gateway.submit_limit_sell(bench.intent(BUY), permit=None, timeout_s=5)
        with pytest.raises(OrderValidationError, match="use the other method"):
            bench.gateway.submit_limit_buy(bench.intent(STOP), permit=None, timeout_s=5)
        assert bench.tools.calls == []

    def test_a_name_that_a_reply_tells_is_known_where_the_next_has_none(self, bench):
        bench.tools.on(PLACE, ToolReply(data={"order": agent_row()}))
        bench.place()
        bench.tools.rows = [agent_row(symbol="")]
        assert bench.gateway.fetch_order_status(OrderId(ORDER)).symbol == "F"

    def test_an_unknown_word_of_an_accepted_order_is_kept_to_be_shown(self, bench):
        bench.tools.on(PLACE, ToolReply(data={"order": agent_row(state="pondering")}))
        bench.place()
        assert any("pondering" in remark for remark in bench.gateway.not_understood)

    def test_a_renewal_is_asked_for_once(self, bench):
        assert bench.gateway.renew_session(within_s=3)
        assert bench.renewals == 1


class TestCancelling:
    def test_a_cancel_is_asked_for(self, bench):
        assert isinstance(bench.gateway.cancel_order(OrderId(ORDER)), CancelTaken)
        assert bench.tools.calls == [(CANCEL, {"account_number": ACCOUNT, "order_id": ORDER})]

    def test_a_throttled_cancel_waits_and_is_asked_for_again(self, bench):
        bench.tools.on(CANCEL, THROTTLED, THROTTLED)
        assert isinstance(bench.gateway.cancel_order(OrderId(ORDER)), CancelTaken)
        assert bench.clock.monotonic() >= 5

    def test_a_refused_token_is_renewed_once(self, bench):
        bench.tools.on(CANCEL, HttpRefusal(status=401))
        assert isinstance(bench.gateway.cancel_order(OrderId(ORDER)), CancelTaken)
        assert bench.renewals == 1

    def test_a_request_that_was_not_sent_says_nothing_of_one_before_it_that_may_have_arrived(self, bench):
        lost = failure(FailureKind.TIMEOUT, SendPhase.BODY_READ, is_written=True)
        offline = failure(FailureKind.CONNECT, SendPhase.BEGUN, is_written=False)
        bench.tools.on(CANCEL, lost, *[offline] * 9)
        assert isinstance(bench.gateway.cancel_order(OrderId(ORDER)), CancelUnknown)

    def test_what_is_no_order_id_is_not_sent(self, bench):
        assert isinstance(bench.gateway.cancel_order(OrderId("../x")), CancelNotSent)
        assert bench.tools.calls == []

    def test_one_refusal_hides_no_other_answer(self, bench):
        ids = [OrderId(order_id(number)) for number in range(6)]
        bench.tools.on(CANCEL, ToolError(text='API error 404: {"detail":"Not found."}'))
        replies = bench.gateway.cancel_all_equity_orders(ids)
        assert list(replies) == ids
        kinds = [type(reply) for reply in replies.values()]
        assert (kinds.count(CancelRefused), kinds.count(CancelTaken)) == (1, 5)
        assert bench.gateway.cancel_all_equity_orders([]) == {}

    def test_a_cancel_is_over_by_its_deadline(self, bench):
        bench.tools.on(CANCEL, *[THROTTLED] * 20)
        reply = bench.gateway.by(4).cancel_order(OrderId(ORDER))
        assert isinstance(reply, CancelUnknown)
        assert bench.clock.monotonic() <= 4


class TestOneOrder:
    def test_it_is_read_by_its_id(self, bench):
        bench.tools.rows = [agent_row(), numbered(1)]
        assert bench.gateway.fetch_order_status(OrderId(ORDER)).ref_id == REF
        assert bench.tools.asked() == [{"order_id": ORDER}]

    def test_an_empty_list_means_not_found(self, bench):
        with pytest.raises(OrderNotFoundError):
            bench.gateway.fetch_order_status(OrderId(ORDER))
        with pytest.raises(OrderNotFoundError):
            bench.gateway.fetch_order_status(OrderId("no id"))

    def test_so_does_the_broker_s_own_not_found(self, bench):
        bench.tools.on(LIST, ToolError(text='API error 404: {"detail":"Not found."}'))
        with pytest.raises(OrderNotFoundError):
            bench.gateway.fetch_order_status(OrderId(ORDER))

    @pytest.mark.parametrize(
        "reply",
        [
            ToolReply(data={"orders": [numbered(1)]}),
            ToolReply(data={"orders": [agent_row(account_number="5QR99999")]}),
            ToolReply(data={"orders": [agent_row(quantity=None)]}),
            ToolReply(data={"orders": {}}),
            ToolReply(data={}),
            ToolError(text="unable to list: rpc error: code = NotFound desc = no rows"),
        ],
        ids=lambda reply: str(reply)[:40],
    )
    def test_anything_else_concludes_nothing(self, bench, reply):
        bench.tools.on(LIST, reply)
        with pytest.raises(OrderStatusError) as refused:
            bench.gateway.fetch_order_status(OrderId(ORDER))
        assert not isinstance(refused.value, OrderNotFoundError)

    def test_a_filter_that_the_broker_ignores_still_finds_the_order(self, bench):
        bench.tools.on(LIST, ToolReply(data={"orders": [numbered(1), agent_row(), numbered(2)]}))
        assert bench.gateway.fetch_order_status(OrderId(ORDER.upper())).order_id == ORDER


class TestLists:
    def test_what_was_created_since_is_listed_without_another_filter(self, bench):
        bench.tools.rows = [agent_row(created_at=at(hours=1)), numbered(1, created_at=at(hours=3))]
        listing = bench.gateway.list_orders_since(START - timedelta(hours=2))
        assert [report.order_id for report in listing.reports] == [ORDER]
        assert listing.complete
        assert bench.tools.asked() == [{"created_at_gte": "2026-11-23T13:00:00.000000Z"}]

    def test_open_orders_are_told_by_their_state_and_by_no_filter(self, bench):
        words = ["new", "unconfirmed", "confirmed", "filled", "cancelled", "pondering", "partially_filled"]
        bench.tools.rows = [
            numbered(n, state=word, created_at=at(days=n, hours=1), placed_agent="user") for n, word in enumerate(words)
        ]
        listing = bench.gateway.list_open_orders()
        assert {report.broker_state for report in listing.reports} == set(words) - {"filled", "cancelled"}
        assert (listing.complete, list(bench.tools.asked()[0])) == (True, ["created_at_gte"])

    def test_all_pages_are_read(self, bench):
        bench.tools.page_size = 2
        bench.tools.rows = [numbered(n, created_at=at(minutes=n)) for n in range(5)]
        assert len(bench.gateway.list_open_orders().reports) == 5
        assert [asked.get("cursor") for asked in bench.tools.asked()] == [None, "2", "4"]

    def test_a_page_that_cannot_be_read_makes_a_list_that_is_not_whole(self, bench):
        bench.tools.on(
            LIST, ToolReply(data={"orders": [agent_row()], "next": "2"}), *[ToolReply(data={"orders": {}})] * 3
        )
        listing = bench.gateway.list_open_orders()
        assert [report.order_id for report in listing.reports] == [ORDER]
        assert (listing.complete, listing.has_all_pages, listing.problem is None) == (False, False, False)

    def test_a_row_that_cannot_be_read_hides_no_other(self, bench):
        bench.tools.rows = [agent_row(), numbered(1, quantity=None), numbered(2, state="filled", side=None)]
        listing = bench.gateway.list_open_orders()
        assert [report.order_id for report in listing.reports] == [ORDER]
        assert listing.unreadable_ids == (order_id(1),)
        assert (listing.complete, listing.has_all_pages) == (False, True)
        assert bench.gateway.not_understood

    def test_a_row_of_another_account_voids_the_list(self, bench):
        bench.tools.rows = [agent_row(), numbered(1, account_number="5QR99999")]
        listing = bench.gateway.list_open_orders()
        assert (listing.reports, listing.complete, listing.has_all_pages) == ((), False, False)

    def test_the_newer_row_of_an_order_that_is_on_two_pages_counts(self, bench):
        new = agent_row(state="cancelled", last_transaction_at=at(minutes=1))
        old = agent_row(state="confirmed", last_transaction_at=at(minutes=2))
        for first, second in ((new, old), (old, new)):
            bench.tools.on(LIST, ToolReply(data={"orders": [first], "next": "x"}), ToolReply(data={"orders": [second]}))
            assert bench.gateway.list_open_orders().reports == ()

    def test_names_are_learned_from_rows(self, bench):
        bench.tools.rows = [agent_row()]
        bench.gateway.list_open_orders()
        bench.tools.rows = [agent_row(symbol=None)]
        assert bench.gateway.list_open_orders().reports[0].symbol == "F"
        assert bench.gateway.list_open_orders().reports[0].instrument_id == INSTRUMENT

    def test_the_time_at_the_broker_is_that_of_its_replies(self, bench):
        assert bench.gateway.list_open_orders().broker_time is None
        bench.broker_clock.hear(WireReply(status=200, headers={"date": "Mon, 23 Nov 2026 14:59:00 GMT"}, body=b""))
        assert (
            bench.gateway.list_open_orders().broker_time == START - timedelta(minutes=1) == bench.gateway.broker_time()
        )


class TestFinding:
    def find(self, bench):
        created_after = START - timedelta(minutes=1)
        return bench.gateway.find_by_client_order_id(
            ClientOrderId("c1"), ref_id=RefId(REF), created_after=created_after, created_before=START
        )

    def test_it_is_found_by_its_reference_among_those_created_since(self, bench):
        bench.tools.rows = [numbered(1, created_at=at(seconds=5)), agent_row(created_at=at(seconds=9))]
        listing = self.find(bench)
        assert [report.order_id for report in listing.reports] == [ORDER]
        assert listing.complete
        (asked,) = bench.tools.asked()
        assert asked == {"created_at_gte": "2026-11-22T14:59:00.000000Z"}, "the broker's clock is not known"

    def test_no_further_back_than_the_broker_s_clock_makes_it_necessary(self, bench):
        bench.broker_clock.hear(WireReply(status=200, headers={"date": "Mon, 23 Nov 2026 14:58:00 GMT"}, body=b""))
        self.find(bench)
        assert bench.tools.asked() == [{"created_at_gte": "2026-11-23T14:57:00.000000Z"}]

    def test_reading_ends_with_the_page_that_shows_it(self, bench):
        bench.tools.page_size = 1
        bench.tools.rows = [agent_row(created_at=at(seconds=5)), numbered(1, created_at=at(seconds=9))]
        assert self.find(bench).complete
        assert len(bench.tools.calls) == 1

    def test_an_empty_list_says_that_it_is_not_there(self, bench):
        bench.tools.rows = [agent_row(ref_id=OTHER_REF, created_at=at(seconds=5))]
        listing = self.find(bench)
        assert (listing.reports, listing.complete) == ((), True)

    @pytest.mark.parametrize("ref_id", [None, ..., "", "simul-buy-2"])
    def test_a_row_without_a_reference_is_never_taken_for_it_and_proves_no_absence(self, bench, ref_id):
        bench.tools.rows = [agent_row(ref_id=ref_id, created_at=at(seconds=5))]
        listing = self.find(bench)
        assert (listing.reports, listing.complete) == ((), False)
        assert [row.order_id for row in listing.unread] == [ORDER]

    def test_a_failed_page_says_nothing(self, bench):
        bench.tools.on(LIST, *[ToolError(text="API error 500: ")] * 3)
        listing = self.find(bench)
        assert (listing.reports, listing.complete) == ((), False)
        assert "looking for c1" in str(listing.problem)


class TestDeadlines:
    def test_a_list_is_over_in_the_time_of_one_read(self, bench):
        def slow():
            bench.clock.sleep(4)
            return ToolReply(data={"orders": [], "next": str(bench.clock.monotonic())})

        bench.tools.on(LIST, *[slow] * 10)
        assert not bench.gateway.list_open_orders().complete
        assert bench.clock.monotonic() <= 12

    def test_or_by_the_deadline_of_its_caller(self, bench):
        bench.tools.on(LIST, *[THROTTLED] * 10)
        assert not bench.gateway.by(3).list_open_orders().complete
        assert bench.clock.monotonic() <= 3
