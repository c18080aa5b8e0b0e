"""What comes in while the broker's answer is awaited, at each step: other threads, and clocks that jump."""

import threading

import pytest

from tests.faults.bookkeeping import of_cell
from tests.faults.steps import FaultBench, meanwhile, replace_order
from tests.faults.test_machine_faults import ON_EACH_WIRE, cells
from tests.support.broker_stand_in import Act, Request, Route
from tests.support.sim_world import SimWorld
from trading_bot.bot import TradeResult, TradeStatus
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.results import SyncSummary


@ON_EACH_WIRE
@of_cell("SUB-F46")
def test_many_threads_with_one_client_order_id(wire, tmp_path):
    bench = FaultBench(tmp_path, "SUB", wire=wire)
    callers = [threading.Thread(target=bench.world.trade) for _ in range(50)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    assert bench.sent == 1
    answers = {answer.result.status for answer in bench.world.answers}
    assert answers == {TradeStatus.SUBMITTED, TradeStatus.DUPLICATE}
    assert len(bench.world.answers) == 50 + 1  # and the order that was there before
    bench.invariants.check()


@ON_EACH_WIRE
@of_cell("CAN-F46")
def test_a_cancel_that_overtakes_its_own_submit(wire, tmp_path):
    bench = FaultBench(tmp_path, "SUB", wire=wire)
    meanwhile(bench, Route.SUBMIT, lambda world: world.cancel())
    bench.act()
    assert bench.world.order().state == "cancelled"
    bench.afterwards()


@ON_EACH_WIRE
@of_cell("ALL-F46")
def test_a_kill_that_overtakes_a_submit(wire, tmp_path):
    bench = FaultBench(tmp_path, "SUB", wire=wire)
    bench.world.broker.acts[Route.SUBMIT].append(Act.THROTTLED)
    meanwhile(bench, Route.SUBMIT, lambda world: world.kill())
    bench.act()
    assert bench.sent == 1, "once the kill has returned nothing more begins"
    assert bench.open_at_broker() == 0


@ON_EACH_WIRE
@of_cell("REP-F46")
def test_a_replace_of_an_order_that_is_being_replaced(wire, tmp_path):
    bench = FaultBench(tmp_path, "REP", wire=wire)

    def again(world: SimWorld) -> object:
        try:
            return replace_order(world)
        except OrderError as error:
            return error

    second = meanwhile(bench, Route.CANCEL, again)
    bench.act()
    assert isinstance(second[0], OrderError)
    assert bench.sent == 1
    bench.afterwards()


@ON_EACH_WIRE
@of_cell("REP-F46")
def test_a_cancel_wins_over_the_second_leg(wire, tmp_path):
    bench = FaultBench(tmp_path, "REP", wire=wire)
    meanwhile(bench, Route.CANCEL, lambda world: world.cancel())
    bench.act()
    assert bench.sent == 0
    bench.afterwards()


@ON_EACH_WIRE
@of_cell("REC-F46")
def test_what_is_asked_for_before_the_bot_is_ready_sends_nothing(wire, tmp_path):
    bench = FaultBench(tmp_path, "REC", wire=wire)
    answers = meanwhile(bench, Route.LIST, lambda world: world.trade(client_order_id="c3", symbol="KO"))
    bench.act()
    (answer,) = answers
    assert isinstance(answer, TradeResult)
    assert (answer.status, answer.code) == (TradeStatus.BLOCKED, "trading_halted")
    assert bench.sent == 0
    bench.afterwards()


@ON_EACH_WIRE
@of_cell("SYN-F46")
def test_a_synchronisation_does_not_judge_a_submit_under_way(wire, tmp_path):
    bench = FaultBench(tmp_path, "SUB", wire=wire)
    bench.world.broker.acts[Route.LIST].extend([Act.VANISHED] * 9)
    meanwhile(bench, Route.SUBMIT, lambda world: world.sync())
    bench.act()
    assert isinstance(bench.answer, TradeResult)
    assert bench.answer.status is TradeStatus.SUBMITTED
    bench.afterwards()


# Clocks and sleep.


@ON_EACH_WIRE
@pytest.mark.parametrize("seconds", [-3600, 3600])
@pytest.mark.parametrize(("step", "fault"), cells("F38", "F50"))
def test_wall_clock_that_jumps_meanwhile(step, fault, seconds, wire, tmp_path):
    """Over a sleep the wall clock goes on alone; set back or forth, it must decide nothing either."""
    bench = FaultBench(tmp_path, step, wire=wire)
    world = bench.world

    def jump(request: Request) -> None:
        if request.route is bench.route:
            world.broker.meanwhile = lambda request: None
            bench.clock.jump(seconds)

    world.broker.meanwhile = jump
    bench.act()
    if step == "SUB":
        assert bench.sent == 1
        world.trade(client_order_id="c3", symbol="KO")
        assert bench.sent == 1 or world.posts[-1].list_age_s < 60, "the next order waits for a look at the broker's"
    if step == "REP" and seconds > 0:
        assert bench.sent == 0, "after a sleep the price is out of date"
    if step in ("CAN", "ALL"):
        assert not world.order().is_open
    if step == "SYN":
        assert bench.open_at_broker() == 2
        assert isinstance(bench.answer, SyncSummary)
        assert bench.answer.complete == (seconds < 0), "a list that spans a sleep proves nothing"
    if step == "REC":
        world.trade(client_order_id="c3", symbol="KO")
        assert bench.sent == 0, "what was read meanwhile proves nothing: it is read again"
    bench.afterwards()


@ON_EACH_WIRE
@of_cell("SUB-F38")
def test_an_old_intent_does_not_come_back_to_life(wire, tmp_path):
    """The age of an intent is measured on the clock that does not jump."""
    bench = FaultBench(tmp_path, "SUB", wire=wire)
    bench.world.broker.acts[Route.SUBMIT].extend([Act.REFUSED] * 9)
    began = bench.clock.monotonic()
    bench.clock.jump(-1800)
    bench.act()
    assert isinstance(bench.answer, TradeResult)
    assert bench.answer.status is TradeStatus.NOT_SENT
    assert bench.clock.monotonic() - began <= 20
