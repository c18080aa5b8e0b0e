"""What a finished submit leaves behind, and what it says about the next one."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.fake_gateway import (
    BAD_CERTIFICATE,
    REQUEST_LOST,
    UNREACHABLE,
    SubmitStep,
    rejected,
)
from tests.support.manager_bench import ManagerBench
from trading_bot.order_management.book.anomalies import AnomalyKind
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import (
    OrderNotSentError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
    TradingHaltedError,
)
from trading_bot.order_management.models import OrderId, OrderState
from trading_bot.order_management.outcomes import Unknown


def refuse_three(bench: ManagerBench, *, seconds_apart: float) -> None:
    for number in range(3):
        bench.gateway.submits.append(rejected(403, freezes=True))
        with pytest.raises(OrderRejectedError):
            bench.buy(f"c{number}", symbol=f"SYM{'ABC'[number]}")
        bench.clock.sleep(seconds_apart)


def test_a_rejection_carries_the_brokers_words_and_status():
    bench = ManagerBench()
    bench.gateway.submits.append(rejected(422))
    with pytest.raises(OrderRejectedError) as caught:
        bench.buy()
    error = caught.value
    assert (error.reason, error.status_code, error.symbol) == ("not enough buying power", 422, "AAPL")
    assert error.envelope is not None
    assert (error.envelope.state, error.envelope.reason) == (OrderState.REJECTED, "not enough buying power")
    assert bench.gateway.orders == []


def test_a_plain_rejection_stops_nothing_else():
    bench = ManagerBench()
    bench.gateway.submits.append(rejected())
    with pytest.raises(OrderRejectedError):
        bench.buy("c1")
    assert bench.buy("c2").order_id is not None


def test_an_order_that_was_not_sent_says_so_with_its_envelope():
    bench = ManagerBench(max_attempts=1)
    bench.gateway.submits.append(UNREACHABLE)
    with pytest.raises(OrderNotSentError, match="no connection") as caught:
        bench.buy()
    assert caught.value.envelope is not None
    assert caught.value.envelope.state is OrderState.NOT_SENT
    (fact,) = bench.journal.facts(EventKind.ORDER_NOT_SENT)
    assert (fact.status, fact.reason) == (OrderState.NOT_SENT, "no connection")


def test_an_unknown_outcome_is_on_record_with_its_cause():
    bench = ManagerBench()
    bench.gateway.submits.append(REQUEST_LOST)
    with pytest.raises(OrderOutcomeUnknownError, match="do not send it again"):
        bench.buy()
    (fact,) = bench.journal.facts(EventKind.ORDER_OUTCOME_UNKNOWN)
    assert (fact.status, fact.reason, fact.details) == (OrderState.UNKNOWN, "the request was lost", {})
    assert not bench.tracked().surely_there


def test_three_refusals_with_403_within_five_minutes_halt_all_entries():
    bench = ManagerBench()
    refuse_three(bench, seconds_apart=149)
    with pytest.raises(TradingHaltedError, match="three orders"):
        bench.buy("next", symbol="MSFT")
    assert len(bench.gateway.calls) == 3


def test_three_refusals_over_a_longer_time_halt_nothing():
    bench = ManagerBench()
    refuse_three(bench, seconds_apart=151)
    assert bench.buy("next", symbol="MSFT").order_id is not None


def test_refusals_of_the_order_itself_never_halt_entries():
    bench = ManagerBench()
    for number in range(5):
        bench.gateway.submits.append(rejected(400))
        with pytest.raises(OrderRejectedError):
            bench.buy(f"c{number}", quantity=10 + number)
    assert bench.manager.halted_because is None


@pytest.mark.parametrize(
    "step", [BAD_CERTIFICATE, replace(REQUEST_LOST, outcome=Unknown(cause="redirected", security_alert=True))]
)
def test_a_security_alert_halts_all_entries(step):
    bench = ManagerBench()
    bench.gateway.submits.append(step)
    with pytest.raises((OrderNotSentError, OrderOutcomeUnknownError)):
        bench.buy("c1")
    with pytest.raises(TradingHaltedError, match="check the network"):
        bench.buy("c2", symbol="MSFT")
    assert len(bench.gateway.calls) == 1


def test_an_order_accepted_on_other_terms_is_tracked_with_ours_and_freezes_its_symbol():
    bench = ManagerBench()
    mismatch = "quantity 100 instead of 10"
    bench.gateway.submits.append(SubmitStep(echoes=Decimal(100), mismatch=mismatch))
    envelope = bench.buy("c1")
    assert (envelope.quantity, envelope.order_id) == (10, bench.gateway.order().order_id)
    assert {each.kind for each in bench.tracked().anomalies} == {AnomalyKind.TERMS_DIFFER}
    assert any(mismatch in each.evidence for each in bench.tracked().anomalies)
    with pytest.raises(TradingHaltedError, match="frozen: quantity 100 instead of 10"):
        bench.buy("c2")


def test_what_a_sync_adopted_meanwhile_is_not_doubted_afterwards():
    """The poller may see an order before its own submit hears of it; a lost reply then changes nothing."""
    bench = ManagerBench()
    lost = SubmitStep(outcome=Unknown(cause="reset"), after=bench.manager.synchronize_open_orders)
    bench.gateway.submits.append(lost)
    bench.gateway.blind_lookups = 1000
    envelope = bench.buy()
    assert (envelope.state, envelope.order_id) == (OrderState.CONFIRMED, OrderId("broker-1"))
    assert EventKind.ORDER_OUTCOME_UNKNOWN not in bench.journal.kinds


def test_acceptance_and_immediate_fill_arrive_in_one_answer():
    bench = ManagerBench()
    bench.gateway.submits.append(SubmitStep(after=lambda: bench.gateway.order().fill(4)))
    envelope = bench.buy()
    assert (envelope.state, envelope.filled_quantity) == (OrderState.PARTIALLY_FILLED, Decimal(4))
    assert bench.journal.kinds[-2:] == [EventKind.EXECUTION_BOOKED, EventKind.ORDER_ACCEPTED]
