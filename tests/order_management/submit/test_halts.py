"""Which halts leave the way out open: what says that less risk is wanted never keeps held shares from being sold."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.fake_gateway import BAD_CERTIFICATE, SubmitStep, rejected
from tests.support.manager_bench import ManagerBench, terms
from trading_bot.order_management.book.freezes import Cause
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderError, OrderLogError, OrderSubmissionError, TradingHaltedError
from trading_bot.order_management.models import Side
from trading_bot.order_management.submit.halts import StoppedBy


def held(**settings: Any) -> ManagerBench:
    return ManagerBench(shares={"AAPL": 50}, **settings)


def may_buy(bench: ManagerBench) -> bool:
    return _is_open(bench, Side.BUY)


def may_sell(bench: ManagerBench) -> bool:
    return _is_open(bench, Side.SELL)


def _is_open(bench: ManagerBench, side: Side) -> bool:
    try:
        bench.manager.refuse_unless_open_to(terms(side=side))
    except (TradingHaltedError, OrderLogError):
        return False
    return True


def test_nothing_is_halted_on_an_armed_account():
    bench = held()
    assert (may_buy(bench), may_sell(bench), bench.manager.halted_because) == (True, True, None)


def test_an_expired_latch_leaves_exits_up_to_the_first_byte():
    bench = held()
    bench.latch.reason, bench.latch.only_expired = "the arming ended; arm it", True
    assert not may_buy(bench)
    assert bench.sell().order_id is not None
    assert len(bench.gateway.posts) == 1


def test_a_released_latch_leaves_nothing():
    bench = held()
    bench.latch.reason = "killed; arm it"
    assert (may_buy(bench), may_sell(bench)) == (False, False)


def test_a_sell_that_is_killed_before_its_first_byte_is_not_sent():
    bench = held()
    bench.gateway.submits.append(SubmitStep(meanwhile=lambda: setattr(bench.latch, "reason", "killed; arm it")))
    with pytest.raises(TradingHaltedError, match="killed"):
        bench.sell()
    assert bench.gateway.posts == []


def test_a_buy_whose_latch_expires_before_its_first_byte_is_not_sent():
    bench = held()

    def expires() -> None:
        bench.latch.reason, bench.latch.only_expired = "the arming ended; arm it", True

    bench.gateway.submits.append(SubmitStep(meanwhile=expires))
    with pytest.raises(TradingHaltedError, match="arming ended"):
        bench.buy()
    assert bench.gateway.posts == []


def test_without_positions_no_sell_counts_as_an_exit():
    """No data, no exception from the rule: the shares may not be held."""
    bench = ManagerBench()
    bench.latch.reason, bench.latch.only_expired = "the arming ended; arm it", True
    assert not may_sell(bench)


def test_three_refusals_leave_exits():
    bench = held()
    for number, symbol in enumerate(("MSFT", "TSLA", "NVDA")):
        bench.gateway.submits.append(rejected(403, freezes=True))
        with pytest.raises(OrderSubmissionError):
            bench.buy(f"c{number}", symbol=symbol)
    assert (may_buy(bench), may_sell(bench)) == (False, True)


def test_a_bad_certificate_leaves_exits():
    """A connection that is still not what it should be refuses the exit by itself."""
    bench = held()
    bench.gateway.submits.append(BAD_CERTIFICATE)
    with pytest.raises(OrderSubmissionError):
        bench.buy(symbol="MSFT")
    assert (may_buy(bench), may_sell(bench)) == (False, True)


def test_a_stranger_leaves_exits():
    bench = held()
    bench.gateway.add(terms("MSFT"), ref_id=f"{OUR_MARK}-0000-4000-8000-000000000001")
    bench.sync()
    assert (may_buy(bench), may_sell(bench)) == (False, True)


@pytest.mark.parametrize("cause", [*Cause, None], ids=str)
def test_a_symbol_frozen_for_whatever_cause_leaves_exits(cause):
    """A new cause is added to this table by being a cause."""
    bench = held()
    details = {} if cause is None else {"cause": cause.value}
    until = {"until": (bench.clock.now() + timedelta(minutes=5)).isoformat()}
    bench.store.record_fact(
        OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol="AAPL", reason="a reason", details=details | until)
    )
    assert (may_buy(bench), may_sell(bench)) == (False, True)
    with pytest.raises(TradingHaltedError, match=r"the symbol is frozen: a reason; .*"):
        bench.buy()
    assert bench.buy(symbol="MSFT").order_id is not None


@pytest.mark.parametrize("cause", [*Cause, None], ids=str)
def test_a_halt_on_record_leaves_exits_whatever_its_cause(cause):
    bench = held()
    details = {} if cause is None else {"cause": cause.value}
    bench.store.record_fact(OrderEvent(event=EventKind.TRADING_HALTED, reason="a reason", details=details))
    assert (may_buy(bench), may_sell(bench)) == (False, True)


def test_a_start_without_a_comparison_leaves_nothing():
    bench = held(recovered=False)
    assert (may_buy(bench), may_sell(bench)) == (False, False)


def test_a_journal_that_fails_leaves_nothing():
    bench = held()
    bench.journal.broken = True
    with pytest.raises(OrderLogError):
        bench.buy()
    assert (may_buy(bench), may_sell(bench)) == (False, False)
    assert "no space left" in (bench.manager.halted_because or "")


def test_a_cancel_all_leaves_exits_while_it_runs():
    """Somebody else's cancel-all may take half a minute, and it cancels no share that is sold."""
    bench = held()
    bench.buy("c1", symbol="MSFT")
    seen: list[tuple[bool, bool]] = []
    bench.manager.cancel_all_open_orders(on_result=lambda result: seen.append((may_buy(bench), may_sell(bench))))
    assert seen == [(False, True)]
    assert (may_buy(bench), may_sell(bench)) == (True, True)


def test_a_second_cancel_all_is_refused_meanwhile():
    bench = held()
    bench.buy("c1", symbol="MSFT")
    refusals: list[OrderError] = []

    def again(_result: object) -> None:
        with pytest.raises(TradingHaltedError, match="running already") as caught:
            bench.manager.cancel_all_open_orders()
        refusals.append(caught.value)

    bench.manager.cancel_all_open_orders(on_result=again)
    assert [error.code for error in refusals] == ["cancel_all_running"]


def test_everything_that_stops_entries_is_told_with_its_kind():
    """A program that asks what stands in the way reads no sentences."""
    bench = held()
    bench.latch.reason = "killed; arm it"
    bench.manager.halt_entries_while(lambda: "nobody follows the orders")
    bench.manager._services.halts.note_security_alert()
    kinds = [stop.by for stop in bench.manager._services.halts.stops()]
    assert kinds == [StoppedBy.CONNECTION, StoppedBy.ARMING, StoppedBy.NOBODY_FOLLOWS]


def test_a_running_cancel_of_everything_is_told_with_its_kind():
    bench = held()
    with bench.manager._services.cancel_all.alone():
        kinds = [stop.by for stop in bench.manager._services.halts.stops()]
    assert kinds == [StoppedBy.CANCEL_ALL]
