"""Whatever happens while an order of a plan is placed or ended, another plan is not lost, and none sells too much."""

from decimal import Decimal

import pytest

from tests.protection.test_watching import bracket, changes_of, plan, watched
from tests.support.fake_gateway import REQUEST_LOST, SubmitStep
from tests.support.protection_bench import SYMBOL, ProtectionBench
from trading_bot.order_management.book.position_watch import baseline, instrument_named
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import OrderCancellationError, OrderStatusError
from trading_bot.order_management.models import Side
from trading_bot.order_management.stop_orders import StopRequest


def by_hand(bench: ProtectionBench, shares: int) -> None:
    """Let a stop of nobody's plan rest, at the prices of a plan with a stop at 95."""
    request = StopRequest(
        symbol=SYMBOL, quantity=shares, stop_price=Decimal(95), limit_price=Decimal("94.05"), client_order_id="by-hand"
    )
    bench.manager.place_stop_sell(request)


def test_a_target_reached_while_the_stop_is_placed_fires_once_the_stop_can_be_taken_over():
    """Else the stop would rest for shares that the exit has sold, and belong to no plan."""
    bench = ProtectionBench()
    reads = bench.positions.fetch_quotes

    def look_first(symbols):
        bench.positions.fetch_quotes = reads  # type: ignore[method-assign]
        bench.price("112")
        for _ in range(2):
            bench.clock.sleep(1)
            bench.watcher.look()
        return reads(symbols)

    bench.positions.fetch_quotes = look_first  # type: ignore[method-assign]
    bench.protect(20, stop=95, target=110)
    assert (bench.sold, bench.resting) == (0, [(95, 20)])
    for _ in range(3):
        bench.follow()
    assert (bench.sold, bench.resting, bench.protection.shown()) == (20, [], ())


def test_no_stop_is_placed_for_a_plan_that_has_fired_meanwhile():
    bench = ProtectionBench()
    bench.protect(20, target=110)
    bench.price("112")
    fired = bench.watcher._fired
    (shown,) = bench.protection.shown()
    assert fired(shown.plan, "reached") is not None
    bench.protection.keeper._place(shown.plan, Decimal(95), 20)
    assert (bench.resting, plan(bench).stop_order) == ([], None)


def test_an_order_that_stands_already_is_not_taken_for_the_stop_of_a_plan():
    bench = ProtectionBench()
    by_hand(bench, 60)
    bench.protect(stop=95)
    for _ in range(5):
        bench.follow(3)
    assert changes_of(bench) == ["stop_placed", "not_resting", "settled"]
    assert plan(bench).not_resting_code == "stop_stands_already"


def test_ending_a_plan_whose_entry_is_open_still_does_not_end_the_next_plan_with_it():
    bench = ProtectionBench()
    bracket(bench)
    bench.protection.end(SYMBOL, by="ann", reason="enough")
    assert bench.protection.shown() == ()
    bench.protect(60, stop=90)
    next(order for order in bench.gateway.orders if order.terms.side is Side.BUY).fill()
    for _ in range(3):
        bench.follow()
    assert (str(plan(bench).stop), bench.resting) == ("90", [(90, 60)])


def test_a_plan_set_while_the_exit_of_the_one_before_sells_counts_the_rest_of_that_exit():
    bench = ProtectionBench()
    bench.protect(20, target=110)
    bench.price("112")
    bench.exit_fills = 15
    bench.clock.sleep(2)
    bench.watcher.look()
    bench.clock.sleep(2)
    prepare = bench.gateway.prepare_order

    def protect_first(terms, ref_id):
        if bench.sold:
            bench.gateway.prepare_order = prepare  # type: ignore[method-assign]
            bench.protect(20, stop=95)
        return prepare(terms, ref_id)

    bench.gateway.prepare_order = protect_first  # type: ignore[method-assign]
    bench.gateway.submits.extend([SubmitStep(after=bench._fill_exit)] * 2)
    bench.watcher.look()
    bench.gateway.submits.clear()
    assert bench.sold == 20
    bench.follow()
    assert (int(plan(bench).quantity), bench.resting) == (15, [(95, 15)])


def test_a_plan_is_not_said_to_be_over_while_its_stop_may_be_live():
    bench = ProtectionBench()
    bench.gateway.submits.append(REQUEST_LOST)
    bench.protect(stop=95)
    with pytest.raises(OrderCancellationError, match="may still be live"):
        bench.protection.end(SYMBOL, by="ann", reason="enough")
    for _ in range(9):
        bench.follow(3)
    assert len(bench.journal.facts(EventKind.CANCEL_REQUESTED)) == 1, "it is asked for again after a minute"
    with pytest.raises(OrderCancellationError):
        bench.protection.end(SYMBOL, by="ann", reason="enough")
    assert len(bench.journal.facts(EventKind.CANCEL_REQUESTED)) == 2, "a person does not wait for that"


def test_a_killed_account_keeps_the_stop_that_rests_until_another_can_take_its_place():
    bench = ProtectionBench()
    bench.protect(stop=90)
    bench.latch.reason = "the account is not armed"
    answer = bench.protect(stop=95)
    for _ in range(3):
        bench.follow()
    assert (bench.resting, answer.shown.rests, plan(bench).not_resting_code) == ([(90, 60)], False, "trading_halted")
    bench.store.record_fact(baseline(SYMBOL, Decimal(40), reason="sold by hand", by="ann"))
    bench.follow()
    assert bench.resting == [], "it would sell more than is held"
    bench.latch.reason = None
    bench.follow(60)
    bench.follow(60)
    assert (bench.resting, plan(bench).not_resting_code) == ([(95, 40)], None)


def test_a_target_that_is_reached_on_a_killed_account_waits_without_a_record_and_fires_once_it_is_armed():
    bench = ProtectionBench()
    bench.protect(target=110)
    bench.latch.reason = "the account is not armed"
    bench.price("111")
    before = bench.store.last_seq
    for _ in range(5):
        bench.follow(60)
    assert (bench.sold, bench.store.last_seq) == (0, before)
    bench.latch.reason = None
    bench.follow()
    bench.follow()
    assert bench.sold == 60


def test_the_stop_moves_as_soon_as_the_account_is_armed_again():
    bench = ProtectionBench()
    bench.protect(stop=90)
    bench.latch.reason = "the account is not armed"
    bench.protect(stop=95)
    bench.follow()
    bench.latch.reason = None
    bench.follow()
    assert (bench.resting, plan(bench).not_resting_code) == ([(95, 60)], None)


@pytest.mark.parametrize("problem", [None, OrderStatusError("no answer")])
def test_a_stop_stays_while_no_price_can_be_read_for_the_one_that_takes_its_place(problem):
    bench = ProtectionBench()
    bench.protect(stop=90)
    shown, bench.quotes, bench.quotes_problem = bench.quotes, {}, problem
    bench.protect(stop=95)
    bench.follow()
    assert bench.resting == [(90, 60)]
    assert "plan-1-stop-1 stays at the broker until then" in str(plan(bench).not_resting_because)
    bench.quotes, bench.quotes_problem = shown, None
    bench.follow()
    assert (bench.resting, plan(bench).not_resting_code) == ([(95, 60)], None)


def test_no_stop_is_placed_under_a_name_that_the_plan_was_not_set_for():
    bench = watched()
    bench.store.record_fact(instrument_named("AAPLX", "id-1", was=SYMBOL))
    bench.positions.quotes = {"AAPLX": bench.quote("100")}
    bench.clock.sleep(3_600)
    bench.protection.keeper.keep()
    assert changes_of(bench) == ["stop_placed", "not_resting", "settled"]
