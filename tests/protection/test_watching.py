"""What suspends a plan, where its stop is, and what it does with orders that do not go as they should."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.support.fake_gateway import rejected
from tests.support.manager_bench import MONDAY
from tests.support.protection_bench import SYMBOL, ProtectionBench
from trading_bot.market_hours import Calendar, MarketHours
from trading_bot.order_management.book.freezes import Cause, ended, frozen
from trading_bot.order_management.book.position_watch import baseline, instrument_named
from trading_bot.order_management.book.protections import Plan, Suspension
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import (
    OrderCancellationError,
    OrderRejectedError,
    OrderStatusError,
    OrderValidationError,
    TradeRefusedError,
)
from trading_bot.order_management.models import OrderRequest, OrderState, Side
from trading_bot.order_management.outcomes import CancelRefused
from trading_bot.protection.asked import Brackets, brackets_of, protect_of
from trading_bot.protection.keeper import ENTRY_GRACE_S
from trading_bot.protection.sessions import Sessions

FIRE = 3


def plan(bench: ProtectionBench) -> Plan:
    (shown,) = bench.protection.shown()
    return shown.plan


def fall(bench: ProtectionBench, price: str = "94", **changes: Any) -> None:
    """Show a price below the stop in as many reads as fire."""
    bench.price(price, **changes)
    for _ in range(FIRE):
        bench.follow()


def changes_of(bench: ProtectionBench) -> list[str]:
    return [fact.details["change"] for fact in bench.journal.facts(EventKind.PROTECTION_CHANGED)]


def watched() -> ProtectionBench:
    """A plan whose stop the broker does not take."""
    bench = ProtectionBench()
    bench.gateway.submits.append(rejected())
    answer = bench.protect(stop=95)
    assert not answer.shown.rests
    assert "the stop does not rest at the broker" in answer.notes[0]
    return bench


def test_a_stop_that_the_broker_refuses_is_watched_and_sells():
    bench = watched()
    assert (changes_of(bench), bench.resting) == (["stop_placed", "not_resting"], [])
    fall(bench)
    assert bench.sold == 60
    assert bench.protection.shown() == ()


def test_a_stop_at_the_broker_is_not_watched_as_well():
    bench = ProtectionBench()
    bench.protect(stop=95)
    bench.price("94", stop_fills=0)
    for _ in range(FIRE):
        bench.follow()
    assert bench.sold == 0
    assert EventKind.EXIT_BEGUN not in bench.journal.kinds


@pytest.mark.parametrize(
    "changes",
    [
        {"trading_halted": True},
        {"bid_price": Decimal(0)},
        {"bid_price": Decimal("94.50"), "ask_price": Decimal(94)},
        {"ask_price": Decimal(100)},
        {"last_price": None},
        {"last_price": Decimal("95.01")},
        {"last_trade_at": datetime.fromisoformat("2026-11-20T20:00:00+00:00")},
    ],
)
def test_a_price_that_proves_nothing_sells_nothing(changes):
    bench = watched()
    fall(bench, **changes)
    assert bench.sold == 0


def test_outside_the_session_nothing_is_watched():
    bench = watched()
    hours = MarketHours(
        calendar=Calendar.NYSE,
        start_time=datetime(2026, 1, 1, 11).time(),
        end_time=datetime(2026, 1, 1, 15).time(),
        timezone=bench.sessions._zone,
    )
    sessions = Sessions(hours, Calendar.NYSE)
    assert sessions.opened_at(MONDAY) is None, "it is 10:00 in New York"
    assert sessions.opened_at(MONDAY.replace(hour=17)) == MONDAY.replace(hour=14, minute=30)
    bench.sessions = sessions
    bench.restart()
    bench.manager.recover()
    fall(bench)
    assert bench.sold == 0


def test_a_split_suspends_a_plan_until_it_is_set_again():
    bench = watched()
    fall(bench, previous_close=Decimal(400), adjusted_previous_close=Decimal(100))
    assert plan(bench).suspended is Suspension.SPLIT
    bench.restart()
    bench.manager.recover()
    fall(bench)
    assert (bench.sold, plan(bench).suspended) == (0, Suspension.SPLIT)
    bench.price("94", previous_close=Decimal(400), adjusted_previous_close=Decimal(100))
    bench.gateway.submits.append(rejected())
    bench.protect(stop=90)
    fall(bench, previous_close=Decimal(400), adjusted_previous_close=Decimal(100))
    assert (bench.sold, plan(bench).suspended) == (0, None), "its prices are those after the split"
    bench.restart()
    bench.manager.recover()
    fall(bench, "89", previous_close=Decimal(400), adjusted_previous_close=Decimal(100))
    assert bench.sold == 60


def test_a_split_after_the_one_that_a_plan_was_set_at_suspends_it():
    bench = watched()
    bench.price("100", previous_close=Decimal(400), adjusted_previous_close=Decimal(100))
    bench.protect(target=110)
    fall(bench, "112", previous_close=Decimal(112), adjusted_previous_close=Decimal(56))
    assert (bench.sold, plan(bench).suspended) == (0, Suspension.SPLIT)


def test_another_name_suspends_a_plan_and_goes_with_it():
    bench = watched()
    bench.store.record_fact(instrument_named("AAPLX", "id-1", was=SYMBOL))
    bench.follow()
    assert (plan(bench).symbol, plan(bench).suspended) == ("AAPLX", Suspension.RENAMED)


def test_a_difference_in_the_position_suspends_a_plan_until_it_is_over():
    bench = watched()
    bench.store.record_fact(frozen(SYMBOL, Cause.DRIFT, "not ours"))
    fall(bench)
    assert (bench.sold, plan(bench).suspended) == (0, Suspension.DRIFT)
    with bench.store.open_book() as book:
        (freeze,) = book.freezes()
    bench.store.record_fact(ended(freeze, by="ann", reason="it is right"))
    fall(bench)
    assert bench.sold == 60
    assert [word for word in changes_of(bench) if word in ("suspended", "resumed")] == ["suspended", "resumed"]


def test_a_price_that_is_not_read_for_half_a_minute_suspends_a_plan():
    bench = watched()
    bench.follow()
    bench.quotes = {}
    bench.follow(30)
    assert plan(bench).suspended is None
    bench.follow(1)
    assert plan(bench).suspended is Suspension.UNWATCHED
    bench.price("94")
    bench.follow(1)
    assert plan(bench).suspended is None
    bench.follow(1)
    assert bench.sold == 60


def test_a_gap_counts_only_where_somebody_looks_every_few_seconds():
    bench = watched()
    bench.price("94")
    bench.follow(1)
    bench.watcher.is_steady = True
    bench.follow(31)
    assert (bench.sold, plan(bench).suspended) == (0, Suspension.UNWATCHED)


def test_quotes_that_cannot_be_read_are_no_quotes():
    bench = watched()
    bench.quotes_problem = OrderStatusError("no answer")
    bench.follow()
    assert plan(bench).suspended is None
    bench.follow(31)
    assert plan(bench).suspended is Suspension.UNWATCHED
    assert bench.protect(stop=90).shown.plan.stop == 90, "a plan can be set without a price"


def test_a_stop_whose_shares_another_order_holds_rests_once_they_are_free():
    bench = ProtectionBench()
    bench.sell("s1", quantity=60, price=Decimal(120))
    answer = bench.protect(stop=95)
    assert plan(bench).not_resting_code == "insufficient_shares"
    assert "watched instead" in answer.notes[0]
    bench.manager.cancel_order("s1")
    bench.follow(30)
    assert bench.resting == [], "it is tried again after a minute"
    bench.follow(31)
    assert bench.resting == [(95, 60)]
    assert (plan(bench).not_resting_code, changes_of(bench)[-1]) == (None, "resting")


def test_an_exit_that_sells_nothing_is_tried_again_later():
    bench = watched()
    bench.exit_fills = 0
    bench.latch.reason, bench.is_killed_just_now = "killed", True
    fall(bench)
    bench.follow()
    assert bench.sold == 0
    assert changes_of(bench).count("fired") == 1
    bench.latch.reason, bench.exit_fills = None, 1_000
    bench.follow(60)
    bench.follow(2)
    assert bench.sold == 60


def test_shares_sold_elsewhere_are_taken_off_the_resting_stop():
    bench = ProtectionBench()
    bench.protect(stop=95, target=110)
    bench.store.record_fact(accepted(40))
    bench.follow()
    assert bench.resting == [(95, 40)]
    bench.store.record_fact(accepted(0))
    bench.follow()
    bench.follow()
    assert (bench.resting, bench.protection.shown()) == ([], ())
    assert bench.journal.facts(EventKind.PROTECTION_ENDED)[-1].details["ending"] == "position_gone"


def accepted(quantity: int) -> OrderEvent:
    return baseline(SYMBOL, Decimal(quantity), reason="sold by hand", by="ann")


def bracket(bench: ProtectionBench, name: str = "b1", *, quantity: int = 10, **prices) -> OrderRequest:
    request = OrderRequest(
        symbol=SYMBOL, side=Side.BUY, quantity=quantity, reference_price=Decimal(100), client_order_id=name
    )
    levels = brackets_of(SYMBOL, stop=prices.get("stop", 95), target=prices.get("target"), trail=prices.get("trail"))
    with bench.protection.entering(request, levels) as entry:
        bench.manager.place(entry)
    return request


def test_a_bracket_covers_a_partial_fill_and_grows_with_it():
    bench = ProtectionBench()
    bracket(bench)
    bench.gateway.order().fill(4)
    bench.follow()
    assert bench.resting == [(95, 4)]
    bench.gateway.orders[0].fill(3)
    bench.follow()
    assert bench.resting == [(95, 4)], "while it fills, what is more is watched"
    bench.gateway.orders[0].fill(3)
    bench.follow()
    bench.follow()
    assert bench.resting == [(95, 10)]


def test_a_bracket_takes_over_the_shares_of_an_earlier_plan_once_it_fills():
    bench = ProtectionBench()
    bench.protect(20, stop=90)
    bracket(bench)
    assert [int(shown.covers) for shown in bench.protection.shown()] == [20, 0]
    entry = next(order for order in bench.gateway.orders if order.terms.side is Side.BUY)
    entry.fill()
    bench.follow()
    bench.follow()
    (shown,) = bench.protection.shown()
    assert (int(shown.covers), bench.resting) == (30, [(95, 30)])
    assert bench.journal.facts(EventKind.PROTECTION_ENDED)[0].details["ending"] == "replaced"


def test_a_bracket_ends_with_an_entry_that_bought_nothing():
    bench = ProtectionBench()
    bench.gateway.submits.append(rejected())
    with pytest.raises(OrderRejectedError):
        bracket(bench)
    assert bench.protection.shown() == ()
    bracket(bench, "b2")
    bench.manager.cancel_order("b2")
    bench.follow()
    assert len(bench.protection.shown()) == 1, "a replacement may follow"
    bench.follow(ENTRY_GRACE_S)
    assert bench.protection.shown() == ()


def test_what_replaces_an_entry_is_covered_too():
    bench = ProtectionBench()
    bracket(bench)
    bench.manager.replace("b1", reference_price=Decimal(101), client_order_id="b2")
    bench.gateway.order().fill()
    bench.follow()
    (shown,) = bench.protection.shown()
    assert shown.covers == 10
    bench.restart()
    assert bench.protection.shown()[0].covers == 10


def test_an_entry_that_is_being_placed_is_not_missing():
    bench = ProtectionBench()
    request = OrderRequest(symbol=SYMBOL, side=Side.BUY, quantity=10, reference_price=Decimal(100))
    with bench.protection.entering(request, Brackets(stop=Decimal(95))) as entry:
        bench.protection.keeper.keep()
        assert entry.client_order_id is not None
        assert len(bench.protection.shown()) == 1
    assert bench.protection.shown() == (), "nothing was placed"


def test_a_bracket_goes_with_a_buy_and_with_prices_that_are_not_reached():
    bench = ProtectionBench()
    request = OrderRequest(symbol=SYMBOL, side=Side.SELL, quantity=10, reference_price=Decimal(100))
    with (
        pytest.raises(OrderValidationError, match="go with a buy"),
        bench.protection.entering(request, Brackets(stop=Decimal(95))),
    ):
        raise AssertionError
    with pytest.raises(TradeRefusedError, match=r"the reference price is 100[.]00"):
        bracket(bench, stop=100)
    assert EventKind.PROTECTION_SET not in bench.journal.kinds


def test_a_stop_that_cannot_be_cancelled_keeps_its_plan_until_it_has_ended():
    bench = ProtectionBench()
    bench.protect(stop=95)
    bench.gateway.answer_cancels(CancelRefused(reason="not now", status_code=400))
    with pytest.raises(OrderCancellationError):
        bench.protection.end(SYMBOL, by="ann", reason="enough")
    assert plan(bench).closing is not None
    bench.protection.keeper.keep()
    bench.gateway.order().end(OrderState.CANCELLED)
    bench.follow()
    assert bench.protection.shown() == ()


def test_a_plan_set_while_an_entry_fills_covers_what_follows():
    bench = ProtectionBench(shares=0)
    bracket(bench)
    bench.gateway.order().fill(4)
    bench.follow()
    bench.protect(stop=96)
    bench.gateway.orders[0].fill(6)
    for _ in range(2):
        bench.follow()
    assert (int(bench.protection.shown()[0].covers), bench.resting) == (10, [(96, 10)])


def test_the_first_plan_says_what_it_does_not_guarantee():
    bench = ProtectionBench()
    assert any("no guarantee" in note for note in bench.protect(stop=95).notes)
    assert not any("no guarantee" in note for note in bench.protect(stop=94).notes)


@pytest.mark.parametrize("given", ["2%", " 2 % ", 2, 2.0, "2.0", Decimal(2)])
def test_a_trail_is_a_per_cent_however_it_is_written(given):
    asked = protect_of("aapl", stop=None, target=None, trail=given, quantity=5.0, by="s", reason="r")
    assert (asked.symbol, asked.quantity) == ("AAPL", 5)
    assert asked.brackets.trail_pct == 2


@pytest.mark.parametrize("given", ["x", True, 0, -1, float("nan"), "51", "NaN%"])
def test_what_is_no_trail_is_refused(given):
    with pytest.raises(OrderValidationError, match="a trail is a per cent"):
        brackets_of(SYMBOL, stop=None, target=None, trail=given)


def test_nothing_is_protected_where_nothing_is_held_or_known():
    bench = ProtectionBench(shares=0)
    with pytest.raises(OrderValidationError, match="no share is held"):
        bench.protect(stop=95)
    with pytest.raises(OrderValidationError, match="has no protection"):
        bench.protection.end(SYMBOL, by="ann", reason="r")


def test_what_cannot_be_recorded_or_is_gone_changes_nothing():
    bench = ProtectionBench()
    bench.protect(stop=95)
    keeper = bench.protection.keeper
    keeper.keep_one("no such plan")
    bench.gateway.answer_cancels(CancelRefused(reason="not now", status_code=400))
    with pytest.raises(OrderCancellationError):
        bench.protection.end(SYMBOL, by="ann", reason="r")
    keeper.keep()  # what fails for one plan is logged
    assert plan(bench).closing is not None


def test_a_position_that_was_never_read_is_not_protected():
    bench = ProtectionBench()
    bench.watch_positions()
    bench.journal.storage.records.clear()
    bench.restart()
    with pytest.raises(TradeRefusedError, match="the positions have not been read"):
        bench.protect(target=120)


def test_a_leg_does_not_fire_while_somebody_leaves_the_position_or_an_order_of_its_exit_rests():
    bench = watched()
    bench.exit_fills = 15
    fall(bench)
    assert bench.sold > 0
    sold = bench.sold
    for _ in range(40):
        bench.follow(2)
    assert bench.sold == sold, "the last order of the exit rests at the broker"
    assert changes_of(bench).count("fired") == 1
    bench.gateway.order().end(OrderState.CANCELLED)
    for _ in range(40):
        bench.follow(2)
    assert changes_of(bench).count("fired") > 1
