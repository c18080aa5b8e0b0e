"""Totals that follow the orders say what folding all of them says, whatever happened and however it was told."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.order_management.book.test_standing_records import happens, live
from tests.risk.test_results_history import acceptance
from tests.support.order_story import MONDAY, TERMS, Story, booked, fill, intended, now_in, order_id_of
from tests.support.results_in_plain import PlainResults, plain_results
from tests.support.risk_bench import breaker_of, limits_of, watch_of
from trading_bot.clock import VirtualClock
from trading_bot.order_management.book.acceptances import acceptance_event
from trading_bot.order_management.book.change_log import ChangeMark
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.position_watch import INSTRUMENT_ID, instrument_named
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import OrderEvent
from trading_bot.order_management.models import (
    ClientOrderId,
    Execution,
    ExecutionId,
    ExecutionMode,
    OrderEnvelope,
    OrderId,
    OrderState,
    RefId,
    Side,
    TimeInForce,
    exact_sum,
)
from trading_bot.order_management.order_store import OrderStore
from trading_bot.risk.order_facts import RecordedOrders, TradeHistory
from trading_bot.risk.results import RunningTotals
from trading_bot.risk.watch import RiskWatch

HOUR = timedelta(hours=1)
TODAY = MONDAY + 24 * HOUR


@dataclass
class Life:
    """What has become of one order so far."""

    number: int
    side: Side
    symbol: str
    created: int
    state: OrderState = OrderState.PENDING_SUBMIT
    executions: list[Execution] = field(default_factory=list)
    unlisted: int = 0
    average: int = 10
    booked: int = 0

    def change(self, what: str, hour: int, quantity: int, price: int) -> None:
        if what == "fill":
            self.booked += 1
            self.unlisted = max(0, self.unlisted - quantity)
            self.executions.append(
                Execution(
                    execution_id=ExecutionId(f"{self.number}-{self.booked}"),
                    quantity=Decimal(quantity),
                    price=Decimal(price),
                    executed_at=MONDAY + HOUR * hour,
                )
            )
        elif what == "bust":
            del self.executions[: quantity % 2 + 1]
        elif what == "report":
            self.unlisted, self.average = quantity, price
        elif what == "rename":
            self.symbol = ["AAPL", "MSFT"][quantity % 2]
        else:
            self.state = list(OrderState)[hour % len(OrderState)]

    def order(self) -> TrackedOrder:
        name = f"order-{self.number}"
        envelope = OrderEnvelope(
            client_order_id=ClientOrderId(name),
            ref_id=RefId(f"ref-{name}"),
            order_id=OrderId(f"broker-{name}") if self.executions else None,
            symbol=self.symbol,
            side=self.side,
            quantity=99,
            limit_price=Decimal(10),
            reference_price=Decimal(10),
            time_in_force=TimeInForce.GFD,
            extended_hours=False,
            state=self.state,
            execution_mode=ExecutionMode.PAPER,
            strategy_name=None,
            created_at=MONDAY + HOUR * self.created,
            filled_quantity=exact_sum((*(each.quantity for each in self.executions), Decimal(self.unlisted))),
            average_price=Decimal(self.average),
        )
        return TrackedOrder(envelope=envelope, executions=tuple(self.executions), number=self.number)


lives = st.lists(
    st.tuples(st.sampled_from(Side), st.sampled_from(["AAPL", "AAPL", "MSFT"]), st.integers(0, 48)),
    min_size=1,
    max_size=6,
).map(
    lambda drawn: [
        Life(number=2 * place + 1, side=side, symbol=symbol, created=created)
        for place, (side, symbol, created) in enumerate(drawn)
    ]
)
changes = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(["fill", "fill", "fill", "bust", "report", "rename", "state"]),
        st.integers(0, 48),
        st.integers(1, 4),
        st.integers(8, 12),
        st.sampled_from([None, 0, 12, 30]),
    ),
    min_size=4,
    max_size=24,
)
accepted_positions = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 8), st.integers(0, 8), st.none() | st.sampled_from(["2:1", "1:3"])),
    max_size=2,
).map(lambda drawn: [acceptance(2 * place, *rest) for place, *rest in sorted(drawn, key=lambda one: one[0])])


def figures(totals: RunningTotals, *, counted_after) -> PlainResults:
    day, streak = totals.day, totals.streak(counted_after=counted_after)
    return PlainResults(
        trades=totals.trades,
        holdings=dict(totals.holdings),
        sales=[
            (sale.executed_at, sale.client_order_id, sale.result, sale.is_estimate) for sale in totals.results().sales
        ],
        realised=day.realised,
        lowest=day.lowest,
        unknown=day.unknown,
        estimated=day.estimated,
        streak=streak.current,
        peak=streak.peak,
    )


@settings(max_examples=200)
@given(lives, changes, accepted_positions)
def test_totals_that_follow_are_those_of_one_fold_over_everything(lives, changes, accepted):
    """Fills that come late, out of turn and again, busts, estimates, renames: after each change, all figures agree."""
    totals = RunningTotals(accepted, today=TODAY)
    totals.tell(life.order() for life in lives)
    for which, *change, rearmed in changes:
        life = lives[which % len(lives)]
        life.change(*change)
        totals.tell([life.order()])
        after = None if rearmed is None else MONDAY + HOUR * rearmed
        plain = plain_results((one.order() for one in lives), accepted, today=TODAY, counted_after=after)
        assert figures(totals, counted_after=after) == plain


class StoryStore:
    """The book of a story, opened as that of a store."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self.on_leaving: Callable[[], object] = lambda: None
        """What whoever lets the book go finds to do, once."""

    @contextmanager
    def open_book(self) -> Iterator[OrderBook]:
        yield self._story.book
        todo, self.on_leaving = self.on_leaving, lambda: None
        todo()


def facts_of(story: Story) -> RecordedOrders:
    return RecordedOrders(cast("OrderStore", StoryStore(story)))


@settings(max_examples=80)
@given(st.lists(st.one_of(happens, st.sampled_from(["rearm", "restart", "look"])), max_size=30))
def test_a_watch_that_follows_a_journal_says_what_a_new_one_says(history):
    """Over busts, renames, accepted positions, days, restarts, re-armings and orders that leave and come back."""
    story, clock = Story(), VirtualClock(MONDAY)
    orders = RecordedOrders(cast("OrderStore", StoryStore(story)))
    limits = limits_of(max_daily_loss=1, max_consecutive_losses=1)
    with tempfile.TemporaryDirectory() as folder:
        following = watch_of(orders, Path(folder), clock=clock, limits=limits)
        for happened in history:
            if happened == "rearm":
                breaker_of(Path(folder), clock).rearm(by="ada")
            elif happened == "restart":
                standing = {one.seq for one in story.book.pointers.all()}
                story.book.refold([record for record in story.records if record.seq in standing])
            elif happened != "look":
                live(story, happened)
                clock.sleep((story.now - clock.now()).total_seconds())
                continue  # more may happen between two looks
            assert following.state() == watch_of(orders, Path(folder), clock=clock, limits=limits).state()
        assert following.state() == watch_of(orders, Path(folder), clock=clock, limits=limits).state()


def round_trip(name: str, *, price: int = 100, **terms: Any) -> tuple[OrderEvent, ...]:
    """A buy of four shares at a hundred dollars that is in the end sold at ``price``."""
    sell = f"sale-of-{name}"
    return (
        intended(name, **terms),
        now_in(OrderState.FILLED, name, filled_quantity=Decimal(4), order_id=order_id_of(name)),
        booked(fill(1, 4, "100"), name),
        intended(sell, side=Side.SELL),
        now_in(OrderState.FILLED, sell, filled_quantity=Decimal(4), order_id=order_id_of(sell)),
        booked(fill(2, 4, str(price)), sell),
    )


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def watch(story, tmp_path) -> RiskWatch:
    return watch_of(facts_of(story), tmp_path, clock=VirtualClock(MONDAY + HOUR))


def test_orders_that_have_left_the_memory_count_no_more(story, watch):
    story.tell(*round_trip("c1", price=90), *round_trip("c2", price=90))
    assert watch.state().consecutive_losses == 2
    story.tell(*story.book.positions.noted())
    story.book.forget(["c1", "sale-of-c1"])
    assert watch.state().consecutive_losses == 1


def test_figures_go_on_after_the_journal_was_loaded_anew(story, watch):
    story.tell(*round_trip("c1", price=90))
    assert watch.state().realised_today == -40
    story.book.refold(story.records[:3])
    assert (watch.state().realised_today, watch.held_symbols()) == (0, ("AAPL",))


def test_a_renamed_share_is_held_and_sold_under_its_new_name(story, watch):
    details = {**TERMS, INSTRUMENT_ID: "i-1"}
    story.tell(*round_trip("c1", details=details)[:3])
    assert watch.held_symbols() == ("AAPL",)
    story.tell(instrument_named("METX", "i-1", was="AAPL"))
    assert watch.held_symbols() == ("METX",)


def test_a_position_accepted_later_changes_what_was_added_up_before(story, watch):
    story.tell(*round_trip("c1")[:3])
    assert watch.state().unknown_cost == ()
    story.tell(acceptance_event("AAPL", Decimal(7), before=Decimal(4), ratio=None, by="ada", reason="seen"))
    assert (watch.held_symbols(), watch.state().unknown_cost) == ((), ("AAPL",))


def test_who_is_told_of_a_fill_while_taking_figures_may_take_them_too(story, tmp_path):
    """Whoever lets the book go may be the one who tells of a fill."""
    story.tell(*round_trip("c1", price=90))
    store = StoryStore(story)
    watch = watch_of(RecordedOrders(cast("OrderStore", store)), tmp_path, clock=VirtualClock(MONDAY + HOUR))
    store.on_leaving = watch.check
    assert watch.state().realised_today == -40


class OneBadLook(RecordedOrders):
    """Orders of which one look, when it is wanted, tells something that cannot be added up."""

    is_next = False

    def history(self, *, since: ChangeMark | None = None) -> TradeHistory:
        history = super().history(since=since)
        is_bad, self.is_next = self.is_next, False
        return replace(history, orders=(*history.orders, cast("TrackedOrder", None))) if is_bad else history


def test_a_look_that_failed_half_way_leaves_no_order_out_of_the_next(story, tmp_path):
    orders = OneBadLook(cast("OrderStore", StoryStore(story)))
    watch = watch_of(orders, tmp_path, clock=VirtualClock(MONDAY + HOUR))
    assert watch.state().realised_today == 0
    story.tell(*round_trip("c1", price=90))
    orders.is_next = True
    with pytest.raises(AttributeError):
        watch.state()
    assert watch.state().realised_today == -40
