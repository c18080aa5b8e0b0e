"""How a submit ends: one row for every ending, and nothing about an ending anywhere else."""

from dataclasses import replace
from decimal import Decimal
from typing import get_args

import pytest

from tests.support.fake_bot import envelope
from tests.support.manager_bench import ManagerBench, terms
from trading_bot.order_management.event_details import AttemptDetails
from trading_bot.order_management.exceptions import (
    AuthenticationError,
    OrderError,
    OrderNotSentError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
    TradingHaltedError,
)
from trading_bot.order_management.lifecycle import is_legal
from trading_bot.order_management.models import OrderState
from trading_bot.order_management.outcomes import Accepted, Ending, NotSent, Rejected, SubmitOutcome, Unknown
from trading_bot.order_management.submit.endings import ENDINGS, error_of
from trading_bot.order_management.submit.send_gate import LATCH
from trading_bot.trades import TradeStatus, failed_trade

REPORT = ManagerBench().gateway.add(terms()).report()
OUTCOMES: dict[Ending, SubmitOutcome] = {
    Ending.ACCEPTED: Accepted(report=REPORT),
    Ending.REJECTED: Rejected(reason="no", status_code=400),
    Ending.NOT_SENT: NotSent(cause="down", may_retry=True),
    Ending.UNKNOWN: Unknown(cause="lost"),
}


def order(state: OrderState):
    return envelope(state=state, limit_price=Decimal(1))


@pytest.mark.parametrize("ending", Ending)
def test_every_ending_has_a_row_and_a_type_of_its_own(ending: Ending):
    assert ending in ENDINGS
    assert [kind.ending for kind in get_args(SubmitOutcome)].count(ending) == 1
    assert OUTCOMES[ending].ending is ending


@pytest.mark.parametrize("ending", Ending)
def test_the_state_of_an_ending_can_follow_an_intent(ending: Ending):
    state = ENDINGS[ending].state
    assert (state is None) is (ending is Ending.ACCEPTED), "the broker's report says which"
    assert state is None or is_legal(OrderState.PENDING_SUBMIT, state)


@pytest.mark.parametrize("ending", Ending)
def test_the_caller_gets_the_error_of_the_row(ending: Ending):
    rule = ENDINGS[ending]
    error = error_of(order(rule.state or OrderState.CONFIRMED), OUTCOMES[ending])
    assert (None if error is None else type(error)) is rule.error


@pytest.mark.parametrize("ending", Ending)
def test_a_trade_says_the_word_of_the_ending(ending: Ending):
    error = error_of(order(ENDINGS[ending].state or OrderState.CONFIRMED), OUTCOMES[ending])
    assert error is None or failed_trade(error).status is TradeStatus(ending.value)


@pytest.mark.parametrize("ending", Ending)
def test_an_attempt_is_recorded_under_the_word_of_its_ending(ending: Ending):
    assert AttemptDetails.of_outcome(OUTCOMES[ending]).as_text()["outcome"] == ending.value


def test_only_what_may_have_made_an_order_is_looked_for():
    assert [ending for ending, rule in ENDINGS.items() if rule.is_looked_for] == [Ending.UNKNOWN]


@pytest.mark.parametrize(
    ("outcome", "state", "kind"),
    [
        (NotSent(cause="killed", may_retry=False, refused_by=LATCH), OrderState.NOT_SENT, TradingHaltedError),
        (NotSent(cause="401", may_retry=False, needs_login=True), OrderState.NOT_SENT, AuthenticationError),
        (NotSent(cause="late", may_retry=False), OrderState.NOT_SENT, OrderNotSentError),
        (Unknown(cause="lost"), OrderState.CONFIRMED, None),
        (Unknown(cause="lost"), OrderState.PENDING_SUBMIT, OrderOutcomeUnknownError),
        (Accepted(report=replace(REPORT, reject_reason="no cash")), OrderState.REJECTED, OrderRejectedError),
    ],
    ids=["latch", "login", "deadline", "found meanwhile", "not recorded", "refused at once"],
)
def test_what_is_on_record_by_now_decides_too(outcome: SubmitOutcome, state: OrderState, kind: type[OrderError] | None):
    error = error_of(order(state), outcome)
    assert (None if error is None else type(error)) is kind


@pytest.mark.parametrize(
    "outcome",
    [*OUTCOMES.values(), NotSent(cause="killed", may_retry=False, refused_by=LATCH)],
    ids=[*OUTCOMES, "halted"],
)
def test_an_error_names_its_order_and_the_symbol(outcome: SubmitOutcome):
    on_record = order(ENDINGS[outcome.ending].state or OrderState.CONFIRMED)
    error = error_of(on_record, outcome)
    named = (on_record.client_order_id, on_record.symbol, on_record)
    assert error is None or (error.client_order_id, error.symbol, error.envelope) == named
