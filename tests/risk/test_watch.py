import decimal
import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.support.risk_bench import MONDAY_NOON, FakeOrders, annulled, breaker_of, limits_of, watch_of
from tests.support.safety_fakes import FullDisk
from trading_bot.clock import VirtualClock
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import OrderState, Side
from trading_bot.order_management.order_store import OrderChange
from trading_bot.risk.watch import RiskState, RiskWatch

DAY_S = 24 * 3600
COUNTED = {state for state in OrderState if state.is_unresolved} | {
    OrderState.QUEUED,
    OrderState.CONFIRMED,
    OrderState.PARTIALLY_FILLED,
    OrderState.PENDING_CANCEL,
    OrderState.FILLED,
    OrderState.CANCELLED,
}


@pytest.fixture
def orders() -> FakeOrders:
    return FakeOrders()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(MONDAY_NOON + timedelta(minutes=30))


def lose(orders: FakeOrders, *results: str) -> None:
    for result in results:
        orders.round_trip(result)


def test_the_state_tells_todays_figures(orders, tmp_path):
    lose(orders, "50", "-20", "-10")
    orders.sell(1, "5", symbol="GIFT")
    assert watch_of(orders, tmp_path).state() == RiskState(
        day=date(2026, 11, 23),
        trades_today=7,
        realised_today=Decimal(20),
        unknown_sales_today=1,
        consecutive_losses=2,
        halted_because=None,
        entries_last_minute=3,
    )


@pytest.mark.parametrize("state", OrderState)
def test_a_trade_is_an_order_that_the_broker_has_taken_or_may_have_taken(orders, tmp_path, state):
    orders.tell(Side.BUY, 1, state=state)
    assert watch_of(orders, tmp_path).state().trades_today == (state in COUNTED)


def test_an_order_refused_after_it_was_taken_is_a_trade(orders, tmp_path):
    order = orders.tell(Side.BUY, 1, state=OrderState.CONFIRMED)
    orders.told = [replace(order, envelope=replace(order.envelope, state=OrderState.REJECTED))]
    assert watch_of(orders, tmp_path).state().trades_today == 1


def test_a_new_day_starts_its_figures_afresh_but_not_the_streak(orders, tmp_path, clock):
    lose(orders, "-20", "-10")
    watch = watch_of(orders, tmp_path, clock=clock)
    clock.sleep(DAY_S)
    state = watch.state()
    assert (state.trades_today, state.realised_today, state.consecutive_losses) == (0, Decimal(0), 2)


@pytest.mark.parametrize(("result", "halts"), [("-999.99", False), ("-1000", True)])
def test_the_daily_loss_halts_when_it_reaches_its_limit(orders, tmp_path, result, halts):
    lose(orders, result)
    reason = watch_of(orders, tmp_path, limits=limits_of(max_daily_loss=1000)).check().halted_because
    assert (reason is not None) is halts
    assert reason is None or reason.startswith(
        "the realised loss of 2026-11-23 reached 1000.00, and the limit is 1000;"
    )


def test_a_loss_is_told_in_whole_cents_and_never_too_high(orders, tmp_path):
    orders.buy(3, "100")
    orders.buy(6, "100.01")
    orders.sell(1, "90")
    reason = watch_of(orders, tmp_path, limits=limits_of(max_daily_loss=10)).check().halted_because
    assert "reached 10.00, and" in str(reason)


def test_the_ambient_decimal_precision_hides_no_loss(orders, tmp_path):
    lose(orders, "-1000.01")
    watch = watch_of(orders, tmp_path, limits=limits_of(max_daily_loss=1000))
    with decimal.localcontext(decimal.Context(prec=2)):
        assert "reached 1000.01, and" in str(watch.check().halted_because)


def test_a_gain_before_the_loss_counts_and_one_after_it_comes_too_late(orders, tmp_path):
    limits = limits_of(max_daily_loss=100)
    lose(orders, "50", "-149")
    assert watch_of(orders, tmp_path, limits=limits).check().halted_because is None
    lose(orders, "-1", "500")
    assert "reached 100" in str(watch_of(orders, tmp_path, limits=limits).check().halted_because)


def test_the_next_exchange_day_lifts_a_daily_loss(orders, tmp_path, clock):
    lose(orders, "-1000")
    watch = watch_of(orders, tmp_path, clock=clock, limits=limits_of(max_daily_loss=1000))
    assert watch.check().halted_because is not None
    clock.sleep(DAY_S)
    assert watch.check().halted_because is None


@pytest.mark.parametrize(("losses", "halts"), [(4, False), (5, True)])
def test_losses_in_a_row_halt_when_they_reach_their_limit(orders, tmp_path, losses, halts):
    lose(orders, *["-1"] * losses)
    reason = watch_of(orders, tmp_path, limits=limits_of(max_consecutive_losses=5)).check().halted_because
    assert (reason is not None) is halts
    assert reason is None or "5 sell orders in a row lost money, and the limit is 5" in reason


def test_a_streak_that_a_win_has_ended_since_still_halts(orders, tmp_path):
    lose(orders, "-1", "-1", "1")
    assert watch_of(orders, tmp_path, limits=limits_of(max_consecutive_losses=2)).check().halted_because is not None


def test_a_losing_streak_is_not_lifted_by_the_next_day_but_by_a_person(orders, tmp_path, clock):
    lose(orders, "-1", "-1", "1")
    watch = watch_of(orders, tmp_path, clock=clock, limits=limits_of(max_consecutive_losses=2))
    watch.check()
    clock.sleep(DAY_S)
    assert "re-arm with `trading-bot arm`" in str(watch.check().halted_because)
    breaker_of(tmp_path, clock).rearm(by="Ada")
    assert watch.check().halted_because is None


def test_after_a_re_arming_a_whole_new_streak_is_needed(orders, tmp_path):
    lose(orders, "-1", "-1")
    breaker_of(tmp_path, VirtualClock(orders.now)).rearm(by="Ada")
    lose(orders, "-1")
    limits = limits_of(max_consecutive_losses=2)
    state = watch_of(orders, tmp_path, limits=limits).check()
    assert (state.halted_because, state.consecutive_losses) == (None, 1)
    lose(orders, "-1")
    assert watch_of(orders, tmp_path, limits=limits).check().halted_because is not None


@pytest.mark.parametrize("limit", [{"max_daily_loss": 10}, {"max_consecutive_losses": 1}])
def test_a_limit_switched_off_later_does_not_lift_what_it_tripped(orders, tmp_path, limit):
    lose(orders, "-10")
    watch_of(orders, tmp_path, limits=limits_of(**limit)).check()
    assert watch_of(orders, tmp_path).check().halted_because is not None


@pytest.mark.parametrize("limit", [{"max_daily_loss": 10}, {"max_consecutive_losses": 1}])
def test_looking_at_the_state_puts_nothing_on_record(orders, tmp_path, limit):
    lose(orders, "-10")
    assert watch_of(orders, tmp_path, limits=limits_of(**limit)).state().halted_because is not None
    assert list(tmp_path.iterdir()) == []


def test_without_limits_nothing_halts(orders, tmp_path):
    lose(orders, *["-100000"] * 20)
    assert watch_of(orders, tmp_path).check().halted_because is None


@pytest.mark.parametrize("limit", [{"max_daily_loss": 10}, {"max_consecutive_losses": 1}])
def test_a_full_disk_does_not_keep_a_limit_from_halting(orders, tmp_path, limit):
    lose(orders, "-10")
    disk = FullDisk()
    watch = watch_of(orders, tmp_path, files=disk, limits=limits_of(**limit))
    assert watch.check().halted_because is not None
    assert list(tmp_path.iterdir()) == []
    disk.is_full = False
    watch.check()
    assert (tmp_path / "risk.json").exists()


def test_a_file_that_cannot_be_relied_on_halts_and_leaves_the_figures(orders, tmp_path):
    (tmp_path / "risk.json").write_text("torn")
    lose(orders, "-10")
    state = watch_of(orders, tmp_path).check()
    assert "cannot be relied on" in str(state.halted_because)
    assert (state.realised_today, state.consecutive_losses) == (Decimal(-10), 1)


def test_both_limits_reached_at_once_are_both_on_record(orders, tmp_path):
    lose(orders, "-10")
    watch_of(orders, tmp_path, limits=limits_of(max_daily_loss=10, max_consecutive_losses=1)).check()
    content = json.loads((tmp_path / "risk.json").read_text())
    assert content["daily_loss"]["day"] == "2026-11-23"
    assert content["losing_streak"]["reason"].startswith("1 sell orders in a row")


@pytest.mark.parametrize("kind", EventKind)
def test_each_execution_is_checked_as_it_is_booked(orders, tmp_path, kind):
    lose(orders, "-10")
    watch: RiskWatch = watch_of(orders, tmp_path, limits=limits_of(max_daily_loss=10))
    watch.on_order_change(OrderChange(event=OrderEvent(event=kind), order=orders.told[-1], at=MONDAY_NOON))
    assert (tmp_path / "risk.json").exists() is (kind is EventKind.EXECUTION_BOOKED)


def test_an_execution_annulled_later_changes_the_figures(orders, tmp_path):
    lose(orders, "-10")
    watch = watch_of(orders, tmp_path)
    assert watch.state().realised_today == -10
    orders.told[-1] = annulled(orders.told[-1])
    assert watch.state().realised_today == 0
