"""How one intent is submitted: what is repeated, what never is, and by when it ends."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from tests.support.fake_gateway import (
    ACCEPT,
    BAD_CERTIFICATE,
    REPLY_LOST,
    REQUEST_LOST,
    SURELY_THERE,
    UNAUTHORISED,
    UNREACHABLE,
    BrokerOrder,
    FakeGateway,
    SubmitStep,
    rejected,
    throttled,
)
from tests.support.manager_bench import MONDAY, ManagerBench, terms
from trading_bot.clock import VirtualClock
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import (
    AuthenticationError,
    OrderLogError,
    OrderNotSentError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
    TradingHaltedError,
)
from trading_bot.order_management.journal.port import OrderKeyKind
from trading_bot.order_management.models import ClientOrderId, OrderState
from trading_bot.order_management.outcomes import Accepted, NotSent, Unknown
from trading_bot.order_management.ports import BrokerCapabilities


def attempts_of(bench: ManagerBench) -> list[tuple[int | None, str]]:
    return [(fact.attempt, fact.details["outcome"]) for fact in bench.journal.facts(EventKind.SUBMIT_ATTEMPTED)]


def test_an_accepted_order_is_one_request_and_carries_the_brokers_id():
    bench = ManagerBench()
    envelope = bench.buy()
    assert envelope.order_id == bench.gateway.order().order_id
    assert envelope.state is OrderState.CONFIRMED
    assert bench.journal.kinds == [
        EventKind.ORDER_INTENDED,
        EventKind.SUBMIT_ATTEMPTED,
        EventKind.ORDER_ACCEPTED,
    ]
    assert attempts_of(bench) == [(1, "accepted")]


def test_the_ref_id_bears_our_mark_and_the_body_is_the_one_of_the_intent():
    bench = ManagerBench()
    envelope = bench.buy()
    (posted,) = bench.gateway.posts
    assert posted.ref_id == envelope.ref_id
    assert envelope.ref_id.startswith(OUR_MARK)
    assert posted.journal_seq == 2, "the first record begins the journal"


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_max_attempts_counts_requests_in_total(most):
    bench = ManagerBench(max_attempts=most, retry_initial_delay_s=0.1)
    bench.gateway.submits.extend([UNREACHABLE] * 9)
    with pytest.raises(OrderNotSentError, match="safe to try again"):
        bench.buy()
    assert len(bench.gateway.calls) == most
    assert attempts_of(bench) == [(number, "not_sent") for number in range(1, most + 1)]
    assert bench.state() == "not_sent"


def test_what_provably_was_not_sent_is_repeated_with_the_same_bytes():
    bench = ManagerBench()
    bench.gateway.submits.extend([UNREACHABLE, throttled(None), ACCEPT])
    assert bench.buy().order_id is not None
    assert len({(call.ref_id, call.body) for call in bench.gateway.calls}) == 1
    assert bench.gateway.call_times == [0, 0.5, 1.5]
    assert len(bench.gateway.orders) == 1


def test_a_rejection_is_never_repeated():
    bench = ManagerBench()
    bench.gateway.submits.append(rejected())
    with pytest.raises(OrderRejectedError):
        bench.buy()
    assert len(bench.gateway.calls) == 1


def test_what_must_not_be_repeated_is_not():
    bench = ManagerBench()
    bench.gateway.submits.append(SubmitStep(outcome=NotSent(cause="no", may_retry=False), arrives=False, writes=False))
    with pytest.raises(OrderNotSentError):
        bench.buy()
    assert len(bench.gateway.calls) == 1


class TestThrottling:
    def test_the_brokers_own_delay_is_kept_to_the_second(self):
        bench = ManagerBench()
        bench.gateway.submits.append(throttled(7))
        bench.buy()
        assert bench.gateway.call_times == [0, 7]

    def test_a_delay_beyond_the_life_of_the_intent_ends_it_at_once(self):
        bench = ManagerBench()
        bench.gateway.submits.append(throttled(60))
        with pytest.raises(OrderNotSentError, match="429"):
            bench.buy()
        assert (len(bench.gateway.calls), bench.clock.monotonic()) == (1, 0)


class TestLogin:
    def test_one_renewal_then_the_same_bytes(self):
        bench = ManagerBench()
        bench.gateway.submits.append(UNAUTHORISED)
        assert bench.buy().order_id is not None
        assert bench.gateway.renewals == 1
        assert bench.gateway.call_times == [0, 0]
        assert len({call.body for call in bench.gateway.calls}) == 1
        assert len(bench.gateway.orders) == 1

    def test_a_renewal_gets_what_is_left_of_the_submit(self):
        """The whole submit ends by its deadline, renewing included."""
        bench = ManagerBench()
        bench.gateway.submits.append(replace(UNAUTHORISED, after=lambda: bench.clock.sleep(3)))
        bench.buy()
        assert bench.gateway.renewal_times == [17]

    def test_a_second_refusal_asks_for_a_login(self):
        bench = ManagerBench()
        bench.gateway.submits.extend([UNAUTHORISED, UNAUTHORISED, ACCEPT])
        with pytest.raises(AuthenticationError, match="log in again"):
            bench.buy()
        assert (bench.gateway.renewals, len(bench.gateway.calls)) == (1, 2)
        assert bench.state() == "not_sent"

    def test_no_new_session_asks_for_a_login_at_once(self):
        bench = ManagerBench()
        bench.gateway.can_renew = False
        bench.gateway.submits.append(UNAUTHORISED)
        with pytest.raises(AuthenticationError):
            bench.buy()
        assert len(bench.gateway.calls) == 1

    def test_renewals_come_out_of_the_same_budget_of_requests(self):
        bench = ManagerBench(max_attempts=2)
        bench.gateway.submits.extend([UNREACHABLE, UNAUTHORISED, ACCEPT])
        with pytest.raises(AuthenticationError):
            bench.buy()
        assert len(bench.gateway.calls) == 2


class TestDeadlines:
    def test_an_intent_older_than_its_life_is_never_sent(self):
        bench = ManagerBench(intent_ttl_s=4)
        bench.gateway.submits.append(SubmitStep(meanwhile=lambda: bench.clock.sleep(4.001)))
        with pytest.raises(OrderNotSentError, match="too old"):
            bench.buy()
        assert (bench.gateway.posts, bench.gateway.orders) == ([], [])

    def test_an_intent_just_within_its_life_is_sent(self):
        bench = ManagerBench(intent_ttl_s=4)
        bench.gateway.submits.append(SubmitStep(meanwhile=lambda: bench.clock.sleep(4)))
        assert bench.buy().order_id is not None

    def test_no_wait_is_begun_that_would_outlive_the_intent(self):
        bench = ManagerBench(intent_ttl_s=1, max_attempts=5)
        bench.gateway.submits.extend([UNREACHABLE] * 5)
        with pytest.raises(OrderNotSentError):
            bench.buy()
        assert bench.gateway.call_times == [0, 0.5]

    def test_a_request_has_its_own_timeout_within_the_submits(self):
        bench = ManagerBench(request_timeout_s=6, submit_deadline_s=10, intent_ttl_s=10, max_attempts=2)
        slow = SubmitStep(outcome=NotSent(cause="slow", may_retry=True), arrives=False, takes_s=5)
        bench.gateway.submits.append(slow)
        bench.buy()
        assert bench.gateway.timeouts == [6, 4.5]

    def test_the_whole_submit_ends_by_its_deadline(self):
        bench = ManagerBench(submit_deadline_s=20)
        bench.gateway.submits.append(REQUEST_LOST)
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy()
        assert 15 < bench.clock.monotonic() <= 20

    def test_a_look_up_may_take_what_is_left_of_the_deadline(self):
        bench = ManagerBench(submit_deadline_s=20)
        bench.clock.sleep(5)
        bench.gateway.deadlines.clear()
        bench.gateway.submits.append(REQUEST_LOST)
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy()
        assert set(bench.gateway.deadlines) == {15, 25}, "the order is prepared within the life of an intent"


class TestUnknown:
    def test_an_order_whose_reply_was_lost_is_found_and_never_sent_again(self):
        bench = ManagerBench()
        bench.gateway.submits.append(REPLY_LOST)
        envelope = bench.buy()
        assert envelope.order_id == bench.gateway.order().order_id
        assert (len(bench.gateway.calls), len(bench.gateway.orders)) == (1, 1)
        assert attempts_of(bench) == [(1, "unknown")]

    def test_it_is_looked_for_again_until_the_broker_shows_it(self):
        bench = ManagerBench()
        bench.gateway.submits.append(REPLY_LOST)
        bench.gateway.blind_lookups = 4
        assert bench.buy().state is OrderState.CONFIRMED
        assert len(bench.gateway.lookups) == 5
        assert len(bench.gateway.calls) == 1

    @pytest.mark.parametrize(("is_surely_there", "look_back_s"), [(False, 60), (True, 86400)])
    def test_it_is_looked_for_where_it_can_be(self, is_surely_there, look_back_s):
        """A new order cannot be older than its intent; one that is surely there may be an old one of its `ref_id`."""
        bench = ManagerBench()
        unknown = Unknown(cause="no answer", surely_there=is_surely_there)
        bench.gateway.submits.append(SubmitStep(outcome=unknown))
        envelope = bench.buy()
        assert (envelope.created_at - bench.gateway.lookups[0]).total_seconds() == look_back_s

    @pytest.mark.parametrize("step", [REQUEST_LOST, REPLY_LOST])
    def test_an_order_that_nobody_shows_stays_unknown_and_is_never_sent_again(self, step):
        bench = ManagerBench()
        bench.gateway.submits.append(step)
        bench.gateway.blind_lookups = 1000
        with pytest.raises(OrderOutcomeUnknownError) as caught:
            bench.buy()
        assert caught.value.client_order_id == "c1"
        assert caught.value.envelope is not None
        assert caught.value.envelope.state is OrderState.UNKNOWN
        assert len(bench.gateway.calls) == 1

    def test_lookups_back_off_up_to_the_longest_delay(self):
        bench = ManagerBench(retry_initial_delay_s=0.5, retry_max_delay_s=2)
        bench.gateway.submits.append(REQUEST_LOST)
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy()
        assert len(bench.gateway.lookups) == 12  # after 0, 0.5 and 1.5 s, then every 2 s up to 19.5 s

    @pytest.mark.parametrize("max_attempts", [1, 5])
    def test_the_budget_of_requests_does_not_bound_the_lookups(self, max_attempts):
        bench = ManagerBench(max_attempts=max_attempts)
        bench.gateway.submits.append(REPLY_LOST)
        bench.gateway.blind_lookups = 5
        assert bench.buy().order_id is not None

    def test_an_unknown_attempt_after_one_not_sent_is_looked_up(self):
        bench = ManagerBench()
        bench.gateway.submits.extend([UNREACHABLE, REPLY_LOST])
        assert bench.buy().order_id is not None
        assert attempts_of(bench) == [(1, "not_sent"), (2, "unknown")]
        assert len(bench.gateway.orders) == 1

    def test_what_the_broker_says_it_has_is_remembered_as_surely_there(self):
        bench = ManagerBench()
        bench.gateway.submits.append(SURELY_THERE)
        bench.gateway.blind_lookups = 1000
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy()
        assert bench.tracked().surely_there

    def test_an_order_that_filled_before_it_was_found_brings_its_fills(self):
        bench = ManagerBench()
        bench.gateway.submits.append(
            SubmitStep(outcome=Unknown(cause="reset"), after=lambda: bench.gateway.order().fill())
        )
        assert bench.buy().state is OrderState.FILLED
        assert bench.tracked().executed_quantity == 10


class TestAnAnswerWithoutARefId:
    """The broker answers with an order that has our terms and names no ``ref_id``."""

    @staticmethod
    def nameless(order: BrokerOrder, *, made_at: datetime | None = None) -> SubmitStep:
        report = replace(order.report(), ref_id=None, created_at=made_at or order.created_at)
        return SubmitStep(outcome=Accepted(report=report), arrives=False)

    def test_one_that_is_an_order_on_record_is_not_taken_for_ours(self):
        bench = ManagerBench(duplicate_window_s=0)
        bench.buy("c1")
        bench.gateway.order().fill()
        bench.sync()
        bench.gateway.submits.append(self.nameless(bench.gateway.order()))
        with pytest.raises(OrderOutcomeUnknownError, match="answered with order broker-1, which is an older one"):
            bench.buy("c2")
        assert bench.tracked("c2").envelope.filled_quantity == 0

    @pytest.mark.parametrize(("seconds_before", "state"), [(60, "confirmed"), (61, "unknown")])
    def test_one_that_was_made_before_is_not_taken_for_ours(self, seconds_before, state):
        bench = ManagerBench()
        made_at = bench.clock.now() - timedelta(seconds=seconds_before)
        bench.gateway.submits.append(self.nameless(bench.gateway.add(terms()), made_at=made_at))
        with suppress(OrderOutcomeUnknownError):
            bench.buy()
        assert bench.state() == state

    def test_one_is_not_taken_for_ours_where_the_journal_cannot_tell(self):
        bench = ManagerBench()
        bench.gateway.submits.append(self.nameless(bench.gateway.add(terms())))
        find = bench.journal.find_order

        def find_order(kind: OrderKeyKind, key: str) -> ClientOrderId | None:
            if kind is OrderKeyKind.ORDER_ID:
                raise OrderLogError("the disk is gone")
            return find(kind, key)

        bench.journal.find_order = find_order  # type: ignore[method-assign]  # a journal that fails in one question
        with suppress(OrderOutcomeUnknownError):
            bench.buy()
        assert bench.state() == "unknown"


LOST_TOO = SubmitStep(outcome=Unknown(cause="502"), arrives=False)
THERE_ALREADY = replace(SURELY_THERE, arrives=False)
REDIRECTED = SubmitStep(outcome=Unknown(cause="a redirect", security_alert=True), arrives=False)


def deduping(**settings: object) -> ManagerBench:
    """A bench at a broker that is known to make one order of one ``ref_id``."""
    return ManagerBench(**{"broker_dedupes_ref_id": True} | settings)  # type: ignore[arg-type]  # settings alone


class TestSendingAgain:
    """What may follow an unknown outcome where the broker is known to make one order of one ``ref_id``."""

    def test_without_the_setting_nothing_follows_an_unknown_outcome(self):
        bench = ManagerBench()
        bench.gateway.submits.extend([REQUEST_LOST, ACCEPT])
        with pytest.raises(OrderOutcomeUnknownError, match=r"order c1: the request was lost; do not send"):
            bench.buy()
        assert (len(bench.gateway.calls), bench.gateway.orders) == (1, [])

    def test_the_setting_is_not_believed_of_a_broker_that_is_not_known_to(self):
        bench = deduping()
        bench.gateway.capabilities = BrokerCapabilities(may_dedupe_ref_ids=False)
        bench.gateway.submits.extend([REQUEST_LOST, ACCEPT])
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy()
        assert (len(bench.gateway.calls), bench.gateway.orders) == (1, [])

    def test_the_same_bytes_ask_again_after_a_look_and_a_back_off(self):
        bench = deduping()
        bench.gateway.submits.extend([REQUEST_LOST, LOST_TOO, ACCEPT])
        assert bench.buy().state is OrderState.CONFIRMED
        assert bench.gateway.call_times == [0, 0.5, 1.5]
        assert len({(call.ref_id, call.body) for call in bench.gateway.posts}) == 1
        assert (len(bench.gateway.posts), len(bench.gateway.lookups)) == (3, 2)
        assert attempts_of(bench) == [(1, "unknown"), (2, "unknown"), (3, "accepted")]

    def test_an_order_that_the_look_finds_is_not_sent_again(self):
        bench = deduping()
        bench.gateway.submits.append(REPLY_LOST)
        assert bench.buy().order_id == bench.gateway.order().order_id
        assert (len(bench.gateway.calls), len(bench.gateway.orders)) == (1, 1)

    def test_an_order_that_a_synchronisation_has_seen_is_not_sent_again(self):
        bench = deduping()
        bench.gateway.blind_lookups = 1000
        bench.gateway.submits.append(SubmitStep(outcome=Unknown(cause="reset"), after=bench.sync))
        assert bench.buy().state is OrderState.CONFIRMED
        assert len(bench.gateway.calls) == 1

    @pytest.mark.parametrize("most", [1, 2, 3, 5])
    def test_max_attempts_counts_them_all(self, most):
        bench = deduping(max_attempts=most, retry_initial_delay_s=0.1)
        bench.gateway.submits.extend([UNREACHABLE, *[REQUEST_LOST] * 9] if most > 2 else [REQUEST_LOST] * 9)
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy()
        assert len(bench.gateway.calls) == most
        assert bench.tracked().state is OrderState.UNKNOWN

    def test_the_look_ups_go_on_until_the_deadline_afterwards(self):
        bench = deduping()
        bench.gateway.submits.extend([REQUEST_LOST, LOST_TOO, replace(REPLY_LOST, takes_s=1)])
        bench.gateway.blind_lookups = 6
        assert bench.buy().state is OrderState.CONFIRMED
        assert (len(bench.gateway.calls), len(bench.gateway.orders)) == (3, 1)
        assert 2.5 < bench.clock.monotonic() <= 20

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (rejected(), "not enough buying power"),
            (rejected(403, freezes=True), "not enough buying power"),
            (throttled(60), "429"),
            (UNREACHABLE, "no connection"),
            (UNAUTHORISED, "401"),
            (BAD_CERTIFICATE, "bad certificate"),
            (SubmitStep(outcome=NotSent(cause="no", may_retry=False), arrives=False), "no"),
            (LOST_TOO, "502"),
            (REDIRECTED, "a redirect"),
        ],
    )
    def test_no_answer_to_the_second_request_ends_the_doubt_about_the_first(self, answer, said):
        """The first one may be live already, or arrive late."""
        bench = deduping(max_attempts=2)
        bench.gateway.can_renew = False
        bench.gateway.submits.extend([REQUEST_LOST, answer])
        with pytest.raises(OrderOutcomeUnknownError, match=f"the request was lost; the next attempt: {said}; do not"):
            bench.buy()
        assert bench.tracked().state is OrderState.UNKNOWN
        assert not bench.tracked().surely_there
        assert len(bench.gateway.calls) == 2
        assert bench.clock.monotonic() > 15, "it is looked for until the deadline"

    @pytest.mark.parametrize("answer", [rejected(), BAD_CERTIFICATE, THERE_ALREADY, REDIRECTED])
    def test_what_would_not_be_repeated_is_not_repeated_in_doubt_either(self, answer):
        bench = deduping()
        bench.gateway.submits.extend([REQUEST_LOST, answer, ACCEPT])
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy()
        assert len(bench.gateway.calls) == 2

    def test_a_doubt_outlives_whatever_else_is_answered(self):
        bench = deduping(max_attempts=4)
        bench.gateway.submits.extend([REQUEST_LOST, UNREACHABLE, throttled(1), rejected()])
        with pytest.raises(OrderOutcomeUnknownError, match=r"was lost; .*: no connection; .*: 429; .*: not enough"):
            bench.buy()
        assert attempts_of(bench) == [(1, "unknown"), (2, "not_sent"), (3, "not_sent"), (4, "rejected")]

    @pytest.mark.parametrize("answer", [BAD_CERTIFICATE, REDIRECTED])
    def test_an_alert_in_doubt_is_an_alert(self, answer):
        bench = deduping()
        bench.gateway.submits.extend([REQUEST_LOST, answer])
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy()
        assert "check the network" in (bench.manager.halted_because or "")

    @pytest.mark.parametrize("answer", [THERE_ALREADY, REDIRECTED])
    def test_what_needs_no_question_or_bears_none_is_not_asked_again(self, answer):
        bench = deduping()
        bench.gateway.submits.extend([answer, ACCEPT])
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy()
        assert len(bench.gateway.calls) == 1

    def test_a_broker_that_says_it_has_the_order_is_believed_and_asked_for_it(self):
        bench = deduping()
        bench.gateway.blind_lookups = 3
        bench.gateway.submits.extend([REPLY_LOST, THERE_ALREADY])
        assert bench.buy().order_id == bench.gateway.order().order_id
        assert (len(bench.gateway.calls), len(bench.gateway.orders), len(bench.gateway.lookups)) == (2, 1, 4)

    def test_an_order_that_is_surely_there_and_not_shown_is_remembered_as_such(self):
        bench = deduping()
        bench.gateway.submits.extend([REQUEST_LOST, THERE_ALREADY])
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy()
        assert bench.tracked().surely_there

    def test_the_brokers_own_delay_is_kept_in_doubt_too(self):
        bench = deduping()
        bench.gateway.submits.extend([REQUEST_LOST, throttled(3), ACCEPT])
        assert bench.buy().order_id is not None
        assert bench.gateway.call_times == [0, 0.5, 3.5]

    def test_a_session_is_renewed_once_in_doubt_too(self):
        bench = deduping()
        bench.gateway.submits.extend([REQUEST_LOST, UNAUTHORISED, ACCEPT])
        assert bench.buy().order_id is not None
        assert (bench.gateway.renewals, bench.gateway.call_times) == (1, [0, 0.5, 0.5])

    def test_an_intent_that_is_out_of_date_is_not_sent_again(self):
        bench = deduping(request_timeout_s=10)
        bench.gateway.submits.extend([replace(REQUEST_LOST, takes_s=9.6), ACCEPT])
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy()
        assert len(bench.gateway.calls) == 1

    @pytest.mark.parametrize(
        "happening",
        [
            lambda bench: setattr(bench.latch, "reason", "killed"),
            lambda bench: bench.latch.kill_and_arm(),
            lambda bench: bench.manager.cancel_order("c1"),
            lambda bench: bench.clock.sleep(10),
        ],
        ids=["killed", "killed and armed", "cancelled", "out of date"],
    )
    def test_what_the_gate_refuses_is_not_sent_again_and_stays_in_doubt(self, happening):
        bench = deduping()
        bench.gateway.submits.extend([REQUEST_LOST, SubmitStep(meanwhile=lambda: happening(bench)), ACCEPT])
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy()
        assert (len(bench.gateway.posts), len(bench.gateway.calls), bench.gateway.orders) == (1, 2, [])
        assert bench.tracked().state is OrderState.UNKNOWN


class TestLatchAndLock:
    def test_a_latch_released_between_intent_and_first_byte_lets_nothing_out(self):
        bench = ManagerBench()
        bench.gateway.submits.append(SubmitStep(meanwhile=lambda: setattr(bench.latch, "reason", "killed just now")))
        with pytest.raises(TradingHaltedError, match="not sent: killed just now") as caught:
            bench.buy()
        assert (bench.gateway.posts, bench.gateway.orders) == ([], [])
        assert bench.state() == "not_sent"
        assert caught.value.client_order_id == "c1"
        assert len(bench.gateway.calls) == 1

    def test_a_latch_released_between_two_attempts_lets_nothing_out(self):
        bench = ManagerBench()
        bench.gateway.submits.extend(
            [throttled(1), SubmitStep(meanwhile=lambda: setattr(bench.latch, "reason", "killed"))]
        )
        with pytest.raises(TradingHaltedError):
            bench.buy()
        assert (len(bench.gateway.posts), bench.gateway.orders) == (1, [])

    def test_a_kill_between_two_attempts_lets_nothing_out_even_if_the_account_is_armed_again(self):
        bench = ManagerBench()
        bench.gateway.submits.extend([throttled(1), SubmitStep(meanwhile=bench.latch.kill_and_arm)])
        with pytest.raises(TradingHaltedError, match=r"not sent: .* place it again if it is still wanted"):
            bench.buy()
        assert (len(bench.gateway.posts), bench.state()) == (1, "not_sent")

    def test_a_kill_before_the_first_byte_lets_nothing_out_even_if_the_account_is_armed_again(self):
        bench = ManagerBench()
        bench.gateway.submits.append(SubmitStep(meanwhile=bench.latch.kill_and_arm))
        with pytest.raises(TradingHaltedError):
            bench.buy()
        assert bench.gateway.posts == []
        assert bench.buy("c2").order_id is not None, "what is decided under the new arming is sent"

    def test_an_arming_that_ends_while_the_intent_is_written_lets_nothing_out(self):
        """What is in force once the record is there may be a later arming already."""
        bench = ManagerBench()
        bench.journal.after_intent = bench.latch.kill_and_arm
        with pytest.raises(TradingHaltedError):
            bench.buy()
        assert bench.gateway.posts == []

    def test_a_send_lock_that_cannot_be_had_lets_nothing_out(self):
        bench = ManagerBench()
        bench.lock.problem = "another process holds it"
        with pytest.raises(OrderNotSentError, match="another process holds it"):
            bench.buy()
        assert bench.gateway.posts == []

    def test_the_send_lock_is_not_held_while_the_answer_is_awaited(self):
        bench = ManagerBench()
        held: list[bool] = []
        bench.gateway.submits.append(SubmitStep(after=lambda: held.append(bench.lock.is_held)))
        bench.buy()
        assert held == [False]


class TestWriteAhead:
    def test_the_intent_is_on_record_before_the_first_byte(self):
        bench = ManagerBench()
        seen: list[list[EventKind]] = []
        bench.gateway.submits.append(SubmitStep(meanwhile=lambda: seen.append(bench.journal.kinds)))
        bench.buy()
        assert seen == [[EventKind.ORDER_INTENDED]]

    def test_no_durable_intent_no_order(self):
        bench = ManagerBench()
        bench.journal.broken = True
        with pytest.raises(OrderLogError, match="no space left"):
            bench.buy()
        assert (bench.gateway.calls, bench.manager.orders()) == ([], ())

    def test_a_journal_that_failed_once_is_not_asked_again(self):
        bench = ManagerBench()
        bench.journal.broken = True
        with pytest.raises(OrderLogError):
            bench.buy()
        bench.journal.broken = False
        with pytest.raises(TradingHaltedError, match="no space left"):
            bench.buy()
        assert bench.gateway.calls == []

    @pytest.mark.parametrize("kind", [EventKind.SUBMIT_ATTEMPTED, EventKind.ORDER_ACCEPTED])
    def test_a_journal_that_fails_after_acceptance_hides_nothing_from_the_caller(self, kind):
        bench = ManagerBench()
        bench.journal.failing = {kind}
        envelope = bench.buy("c1")
        assert (envelope.order_id, envelope.state) == (bench.gateway.order().order_id, OrderState.CONFIRMED)
        with pytest.raises(TradingHaltedError, match="no space left"):
            bench.buy("c2", symbol="MSFT")
        assert len(bench.gateway.calls) == 1

    def test_after_a_restart_an_acceptance_that_was_not_written_is_found_at_the_broker(self):
        bench = ManagerBench()
        bench.journal.failing = {EventKind.ORDER_ACCEPTED}
        accepted = bench.buy("c1")
        bench.restart()
        assert bench.state() == "pending_submit"
        bench.manager.recover()
        assert bench.buy("c1").order_id == accepted.order_id
        assert len(bench.gateway.orders) == 1


def test_latency_is_that_of_the_last_attempt_in_milliseconds():
    bench = ManagerBench()
    bench.gateway.submits.extend([throttled(2), SubmitStep(takes_s=0.25)])
    assert bench.buy().latency_ms == Decimal(250)


def test_a_bad_certificate_stops_at_once():
    bench = ManagerBench()
    bench.gateway.submits.append(BAD_CERTIFICATE)
    with pytest.raises(OrderNotSentError, match="bad certificate"):
        bench.buy()
    assert len(bench.gateway.calls) == 1


def test_a_look_up_that_is_refused_proves_nothing_and_goes_on():
    bench = ManagerBench()
    bench.gateway.submits.append(REQUEST_LOST)
    bench.gateway.lookup_problem = "page 2 failed"
    with pytest.raises(OrderOutcomeUnknownError):
        bench.buy()
    assert bench.state() == "unknown"
    assert len(bench.gateway.lookups) > 3


def test_an_order_cancelled_during_a_back_off_is_not_sent():
    bench = ManagerBench()
    bench.gateway.submits += [throttled(1), SubmitStep(meanwhile=lambda: bench.manager.cancel_order("c1"))]
    with pytest.raises(OrderNotSentError, match="cancel was asked for"):
        bench.buy()
    assert (bench.state(), len(bench.gateway.posts)) == ("not_sent", 1)


class SuspendedClock(VirtualClock):
    """A machine's clocks: while it is suspended, only the wall clock goes on."""

    suspended = timedelta()

    def now(self) -> datetime:
        return super().now() + self.suspended

    def suspend(self) -> None:
        self.suspended = timedelta(hours=8)


def test_an_intent_is_not_sent_after_the_machine_slept():
    bench, clock = ManagerBench(recovered=False), SuspendedClock(MONDAY)
    bench.clock, bench.gateway = clock, FakeGateway(clock)
    bench.restart()
    bench.manager.recover()
    bench.gateway.submits.append(SubmitStep(meanwhile=clock.suspend))
    with pytest.raises(OrderNotSentError, match="too old"):
        bench.buy()
    assert (bench.state(), bench.gateway.posts) == ("not_sent", [])
