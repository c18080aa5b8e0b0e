"""The same entry into the same refusal is answered here after three times; exits and cancels never are."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.fake_gateway import SubmitStep, rejected
from tests.support.manager_bench import MONDAY, ManagerBench, terms
from trading_bot.clock import VirtualClock
from trading_bot.order_management.exceptions import OrderRejectedError, TradeRefusedError
from trading_bot.order_management.models import OrderState, Side, TimeInForce
from trading_bot.order_management.outcomes import Rejected
from trading_bot.order_management.submit.same_refusal import SAME_REFUSAL, SameRefusals

PDT = "Buy may cause PDT designation."


class TestTheRule:
    @pytest.fixture
    def clock(self) -> VirtualClock:
        return VirtualClock(MONDAY)

    @pytest.fixture
    def refusals(self, clock) -> SameRefusals:
        refusals = SameRefusals(clock=clock)
        for _ in range(3):
            assert refusals.why_held(terms()) is None
            refusals.note_refusal(terms(), PDT)
        return refusals

    def test_the_fourth_is_held_with_the_brokers_words_and_the_time_of_the_next_probe(self, refusals):
        assert refusals.why_held(terms()) == (
            "AAPL: refused by the broker 3 times: Buy may cause PDT designation; change the order or wait until "
            "10:01:00 EST"
        )

    def test_one_probe_a_minute_passes(self, refusals, clock):
        clock.sleep(59)
        assert refusals.why_held(terms()) is not None
        clock.sleep(1)
        assert refusals.why_held(terms()) is None
        assert refusals.why_held(terms()) is not None, "a second one waits for the answer of the first"
        refusals.note_refusal(terms(), PDT)
        clock.sleep(59)
        held = refusals.why_held(terms())
        assert held is not None
        assert "4 times" in held
        clock.sleep(1)
        assert refusals.why_held(terms()) is None

    def test_looking_uses_up_no_probe(self, refusals, clock):
        clock.sleep(60)
        assert refusals.why_held(terms(), probes=False) is None
        assert refusals.why_held(terms()) is None

    @pytest.mark.parametrize(
        "other",
        [
            {"symbol": "MSFT"},
            {"side": Side.SELL},
            {"quantity": 11},
            {"limit_price": Decimal("99.84")},
            {"time_in_force": TimeInForce.GTC},
            {"extended_hours": True},
        ],
    )
    def test_any_difference_passes(self, refusals, other):
        assert refusals.why_held(replace(terms(), **other)) is None

    def test_another_reason_starts_afresh(self, refusals):
        refusals.note_refusal(terms(), "You may not.")
        assert refusals.why_held(terms()) is None

    def test_an_acceptance_is_the_end_of_it(self, refusals):
        refusals.note_acceptance(terms())
        assert refusals.why_held(terms()) is None

    def test_three_refusals_in_more_than_a_minute_hold_nothing(self, clock):
        refusals = SameRefusals(clock=clock)
        for _ in range(5):
            refusals.note_refusal(terms(), PDT)
            clock.sleep(30)
        assert refusals.why_held(terms()) is None

    def test_it_is_forgotten_after_two_quiet_minutes(self, refusals, clock):
        clock.sleep(120)
        refusals.note_refusal(terms(), PDT)
        assert refusals.why_held(terms()) is None


def refuse_all(bench: ManagerBench) -> None:
    bench.gateway.submits.extend(
        [SubmitStep(outcome=Rejected(reason=PDT, status_code=400), arrives=False) for _ in range(9)]
    )


def test_six_identical_buys_into_one_refusal_are_three_requests():
    bench = ManagerBench()
    refuse_all(bench)
    for _ in range(3):
        with pytest.raises(OrderRejectedError, match=r"PDT designation; change it before trying again"):
            bench.buy(None)
    for _ in range(3):
        with pytest.raises(TradeRefusedError, match="refused by the broker 3 times") as caught:
            bench.buy(None)
        assert caught.value.code == SAME_REFUSAL
    assert len(bench.gateway.calls) == 3
    with pytest.raises(TradeRefusedError):
        bench.manager.refuse_unless_open_to(terms())
    bench.clock.sleep(60)
    bench.manager.refuse_unless_open_to(terms())  # asking alone uses up no probe
    with pytest.raises(OrderRejectedError):
        bench.buy(None)
    assert len(bench.gateway.calls) == 4


def test_a_refusal_in_the_answer_that_takes_the_order_counts_as_well():
    bench = ManagerBench()
    for _ in range(3):
        bench.gateway.submits.append(SubmitStep(after=lambda: bench.gateway.order().end(OrderState.REJECTED)))
        with pytest.raises(OrderRejectedError):
            bench.buy(None)
    with pytest.raises(TradeRefusedError):
        bench.buy(None)


def test_an_exit_may_be_refused_as_often_as_it_is_asked_for():
    """A sell of held shares must never wait for us, however useless it looks."""
    bench = ManagerBench(shares={"AAPL": 50})
    refuse_all(bench)
    for _ in range(6):
        with pytest.raises(OrderRejectedError):
            bench.sell(None)
    assert len(bench.gateway.calls) == 6


def test_an_order_that_the_broker_takes_in_between_starts_afresh():
    bench = ManagerBench(duplicate_window_s=0)
    bench.gateway.submits.extend([rejected(), rejected(), SubmitStep(), rejected(), rejected(), rejected()])
    outcomes = []
    for _ in range(6):
        try:
            bench.manager.cancel_order(bench.buy(None).client_order_id)
            outcomes.append("taken")
        except OrderRejectedError:
            outcomes.append("refused")
    assert outcomes == ["refused", "refused", "taken", "refused", "refused", "refused"]
    with pytest.raises(TradeRefusedError):
        bench.buy(None)


def test_a_cancel_is_never_held():
    bench = ManagerBench()
    bench.buy("c1")
    refuse_all(bench)
    for _ in range(4):
        with pytest.raises((OrderRejectedError, TradeRefusedError)):
            bench.manager.place_limit_buy("MSFT", 1, Decimal(100))
    assert bench.manager.cancel_order("c1").is_proven_closed
