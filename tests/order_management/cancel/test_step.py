"""The rules of the one step behind every cancel: when it is asked for again, and how its orders are read."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from tests.support.fake_gateway import CancelStep as Answer
from tests.support.fake_gateway import FakeGateway
from tests.support.manager_bench import MONDAY, terms
from trading_bot.clock import CLOCKS_AGREE_WITHIN, VirtualClock
from trading_bot.order_management.cancel.step import CHANGED_SINCE, CancelStep, CancelTarget
from trading_bot.order_management.models import OrderId, OrderReport, OrderState
from trading_bot.order_management.outcomes import CancelNotSent, CancelRefused, CancelReply, CancelTaken, CancelUnknown

EARLY = CancelRefused(reason="not yet", status_code=403, may_be_early=True)
REFUSED = CancelRefused(reason="no", status_code=403)


@dataclass(slots=True, kw_only=True)
class Target(CancelTarget):
    """An order of which nothing is known but its id."""

    @property
    def has_ended(self) -> bool:
        return self.shown is not None and self.shown.is_terminal


@dataclass
class Heard:
    """A watcher that notes what it hears."""

    answers: list[CancelReply] = field(default_factory=list)
    reports: list[OrderState] = field(default_factory=list)
    vanished_ids: list[OrderId] = field(default_factory=list)

    def answered(self, target: Target) -> None:
        self.answers.append(target.reply)

    def reported(self, target: Target, report: OrderReport) -> None:
        self.reports.append(report.state)

    def vanished(self, target: Target) -> None:
        self.vanished_ids.append(target.order_id)


class Bench:
    """A broker with so many orders, and the step that cancels them."""

    def __init__(self, orders: int) -> None:
        self.clock = VirtualClock(MONDAY)
        self.broker = FakeGateway(self.clock)
        self.heard = Heard()
        self.step: CancelStep[Target] = CancelStep(watcher=self.heard, clock=self.clock)
        self.targets = [Target(order_id=self.broker.add(terms()).order_id) for _ in range(orders)]

    def ask(self, reply: CancelReply, *, created_at: datetime | None = None) -> Target:
        self.targets[0].created_at = created_at
        self.broker.cancels.append(Answer(reply=reply))
        self.step.ask(self.targets[:1], self.broker)
        return self.targets[0]

    def read(self, *, deadline: float = 60) -> list[OrderId]:
        left = self.step.read(self.targets, self.broker, since=MONDAY, deadline=deadline)
        return [target.order_id for target in left]


def test_of_a_target_that_nothing_is_known_of_no_request_is_under_way():
    target = Target(order_id=OrderId("o1"))
    assert (target.is_unasked, target.came_to_nothing, target.is_over, target.created_at) == (True, True, False, None)


def test_a_request_that_may_have_arrived_is_under_way_though_the_next_one_did_not_leave():
    bench = Bench(1)
    assert not bench.ask(CancelUnknown(cause="timed out")).came_to_nothing
    assert not bench.ask(CancelNotSent(cause="no connection")).came_to_nothing
    assert bench.ask(REFUSED).came_to_nothing


@pytest.mark.parametrize("reply", [CancelNotSent(cause="no connection"), CancelUnknown(cause="timed out")])
def test_a_request_that_was_lost_is_sent_again_unless_the_broker_shows_that_one_arrived(reply: CancelReply):
    target = Bench(1).ask(reply)
    assert target.is_to_be_asked(0)
    target.shown = OrderState.PENDING_CANCEL
    assert not target.is_to_be_asked(99)


def test_one_that_the_broker_took_is_sent_again_after_two_seconds_without_a_sign_of_it():
    bench = Bench(1)
    bench.clock.sleep(10)
    target = bench.ask(CancelTaken())
    assert not target.is_to_be_asked(99)
    target.shown = OrderState.CONFIRMED
    assert [target.is_to_be_asked(10 + waited) for waited in (0, 1.9, 2, 3)] == [False, False, True, True]
    target.shown = OrderState.PENDING_CANCEL
    assert not target.is_to_be_asked(99)


@pytest.mark.parametrize(("age_s", "may_be_early"), [(0, True), (60, True), (60.5, False)])
def test_a_cancel_can_have_come_too_early_within_an_orders_first_minute(age_s: float, may_be_early: bool):
    target = Bench(1).ask(EARLY, created_at=MONDAY - timedelta(seconds=age_s))
    assert target.reply == CancelRefused(reason="not yet", status_code=403, may_be_early=may_be_early)


def test_and_at_any_time_if_nobody_knows_its_age():
    assert Bench(1).ask(EARLY).reply == EARLY


def test_a_refusal_that_is_not_early_stays_one_however_young_the_order_is():
    assert Bench(1).ask(REFUSED, created_at=MONDAY).reply == REFUSED


def test_nothing_to_ask_asks_nothing():
    bench = Bench(0)
    bench.step.ask([], bench.broker)
    assert (bench.broker.cancel_requests, bench.heard.answers) == ([], [])


def test_four_orders_are_read_one_by_one_and_of_five_the_list_is_read_first():
    few, many = Bench(4), Bench(5)
    few.read()
    many.read()
    assert (len(few.broker.fetched), few.broker.look_backs) == (4, [])
    assert (many.broker.fetched, many.broker.look_backs) == ([], [MONDAY])
    assert len(few.heard.reports) + len(many.heard.reports) == 9


def test_the_list_goes_back_before_the_first_request_by_twice_what_two_clocks_may_differ():
    """Ours may be behind by as much as the broker's is ahead."""
    assert CHANGED_SINCE == CLOCKS_AGREE_WITHIN + CLOCKS_AGREE_WITHIN


def test_what_the_list_does_not_show_is_read_four_at_a_time_and_the_rest_comes_first_the_next_time():
    bench = Bench(6)
    bench.broker.shows_changes = False
    left = bench.read()
    assert bench.broker.fetched == [f"broker-{number}" for number in (1, 2, 3, 4)]
    assert left[:2] == ["broker-5", "broker-6"]


def test_none_is_read_after_the_deadline():
    bench = Bench(2)
    bench.clock.sleep(60)
    bench.read(deadline=60)
    bench.clock.sleep(0.1)
    bench.read(deadline=60)
    assert bench.broker.fetched == ["broker-1", "broker-2"]


def test_an_order_that_the_broker_does_not_know_is_told_and_one_that_cannot_be_read_is_not():
    bench = Bench(2)
    bench.broker.forgotten.add(bench.targets[1].order_id)
    bench.broker.unreadable = 1
    bench.read()
    assert (bench.heard.vanished_ids, bench.heard.reports) == (["broker-2"], [])
    assert [target.shown for target in bench.targets] == [None, None]
