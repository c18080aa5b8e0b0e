import decimal
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.account_gateway import AS_OF, snapshot
from tests.support.manager_bench import ManagerBench
from tests.support.risk_bench import FakeOrders
from trading_bot.account.reservations import OrdersThen, TakenSince
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.models import ClientOrderId, OrderState, Side
from trading_bot.order_management.portfolio import AccountSnapshot
from trading_bot.risk.order_facts import RecordedOrders

BEFORE, AFTER = AS_OF - timedelta(hours=1), AS_OF + timedelta(hours=1)
NEVER_THERE = {OrderState.NOT_SENT, OrderState.REJECTED}


def balances(held: str | None = "0") -> AccountSnapshot:
    return replace(snapshot(), cash_held_for_orders=None if held is None else Decimal(held))


def buy(state: OrderState, *, quantity: int = 3, filled: int = 0, symbol: str = "AAPL") -> TrackedOrder:
    return FakeOrders(BEFORE).tell(Side.BUY, quantity, "100", state=state, filled=str(filled), symbol=symbol)


def then_of(*orders: TrackedOrder, at: datetime = BEFORE) -> OrdersThen:
    """The notes of a read that began when the orders had just been sent."""
    return OrdersThen.of(orders, at=at)


def reserved(orders: Iterable[TrackedOrder], *, account: AccountSnapshot, then: OrdersThen) -> Decimal:
    """What is taken off balances, by one look at all orders."""
    since = TakenSince(then)
    since.tell(orders)
    return since.reserved(account)


def now_in(order: TrackedOrder, state: OrderState, *, filled: int = 0) -> TrackedOrder:
    envelope = replace(order.envelope, state=state, filled_quantity=Decimal(filled))
    return replace(order, envelope=envelope, filled_at=AFTER if filled else None)


@pytest.mark.parametrize("state", OrderState)
def test_a_buy_newer_than_the_balances_takes_all_of_its_cost_whatever_became_of_it(state):
    """A cancelled one too: the broker may give its cash back late, and newer balances will tell."""
    taken = reserved([buy(state)], account=balances(), then=OrdersThen())
    assert taken == (0 if state in NEVER_THERE else 300)


@pytest.mark.parametrize("end", [OrderState.CONFIRMED, OrderState.CANCELLED, OrderState.NEVER_ACCEPTED])
def test_a_buy_that_was_in_doubt_when_the_read_began_takes_all_of_its_cost(end):
    order = buy(OrderState.UNKNOWN)
    then = then_of(order)
    assert reserved([], account=balances(), then=then) == 300
    assert reserved([order], account=balances(), then=then) == 300
    assert reserved([now_in(order, end)], account=balances(), then=then) == 300


@pytest.mark.parametrize(("held", "taken"), [("300", 0), ("1000", 0), ("100", 200), ("0", 300), (None, 300)])
def test_a_buy_sent_just_before_the_read_takes_what_the_broker_is_not_known_to_have_set_aside(held, taken):
    order = buy(OrderState.CONFIRMED)
    assert reserved([order], account=balances(held), then=then_of(order)) == taken


@pytest.mark.parametrize(("age_s", "taken"), [(59, 300), (60, 0), (-1000, 300)])
@pytest.mark.parametrize("held", ["0", None])
def test_the_money_of_a_buy_sent_a_minute_before_the_read_is_set_aside_whatever_the_account_says(held, age_s, taken):
    """A clock that was set back makes an order younger, never older."""
    order = buy(OrderState.CONFIRMED)
    then = then_of(order, at=order.envelope.created_at + timedelta(seconds=age_s))
    assert reserved([order], account=balances(held), then=then) == taken


@pytest.mark.parametrize(("held", "taken"), [("300", 300), ("400", 200), ("600", 0)])
def test_what_is_set_aside_for_an_older_buy_covers_no_later_one(held, taken):
    older, later = buy(OrderState.CONFIRMED), buy(OrderState.CONFIRMED)
    older = replace(older, envelope=replace(older.envelope, created_at=BEFORE - timedelta(days=1)))
    assert reserved([older, later], account=balances(held), then=then_of(older, later)) == taken


@pytest.mark.parametrize(
    ("ended", "broker_had_it", "taken"), [(None, True, 200), (-59, True, 200), (-60, True, 0), (None, False, 0)]
)
def test_what_may_be_set_aside_for_a_buy_that_ended_lately_covers_no_other(ended, broker_had_it, taken):
    order, gone = buy(OrderState.CONFIRMED), buy(OrderState.CANCELLED, filled=1)
    gone = replace(
        gone,
        envelope=replace(gone.envelope, order_id=gone.envelope.order_id if broker_had_it else None),
        last_transaction_at=None if ended is None else BEFORE + timedelta(seconds=ended),
    )
    assert reserved([order, gone], account=balances("300"), then=then_of(order, gone)) == taken


def test_a_fill_learnt_since_takes_its_cost_though_the_broker_had_set_it_aside():
    order = buy(OrderState.PARTIALLY_FILLED, filled=1)
    later = now_in(order, OrderState.PARTIALLY_FILLED, filled=2)
    assert reserved([later], account=balances("200"), then=then_of(order)) == 100


def test_a_cancel_gives_nothing_back_before_newer_balances():
    order = buy(OrderState.CONFIRMED)
    cancelled = now_in(order, OrderState.CANCELLED)
    assert reserved([cancelled], account=balances("0"), then=then_of(order)) == 300
    assert reserved([cancelled], account=balances("0"), then=then_of(cancelled)) == 0


def test_a_fill_taken_back_gives_nothing_back():
    order = buy(OrderState.PARTIALLY_FILLED, filled=2)
    busted = now_in(order, OrderState.PARTIALLY_FILLED, filled=1)
    assert reserved([busted], account=balances("100"), then=then_of(order)) == 0


@pytest.mark.parametrize("learnt_at", [BEFORE, AFTER])
def test_a_buy_that_had_ended_takes_only_a_fill_learnt_since_though_the_clock_was_set_back(learnt_at):
    order = replace(buy(OrderState.CANCELLED, filled=1), filled_at=AFTER)
    assert reserved([order], account=balances(), then=then_of(order)) == 0
    later = replace(now_in(order, OrderState.CANCELLED, filled=2), filled_at=learnt_at)
    assert reserved([later], account=balances(), then=then_of(order)) == 100


def test_sells_take_and_give_nothing():
    sell = FakeOrders().tell(Side.SELL, 3, "100")
    assert reserved([sell], account=balances(), then=OrdersThen()) == 0


def test_shares_bought_after_the_positions_were_read_count_on_top():
    bench = ManagerBench()
    bench.buy("c1")
    bench.gateway.order().fill(1)
    bench.sync()
    orders = RecordedOrders(bench.store)
    now = orders.changed()
    since = TakenSince(OrdersThen.of(now.orders, at=AS_OF), mark=now.mark)
    assert since.follow(orders.changed).shares("AAPL") == 0
    bench.gateway.order().fill(3)
    bench.sync()
    assert since.follow(orders.changed).shares("AAPL") == 3
    assert since.shares("MSFT") == 0


def test_an_order_that_is_told_anew_is_missed_by_nobody_who_asks_meanwhile():
    """Orders are judged in one thread while another one follows the changes."""
    order, seen = buy(OrderState.CONFIRMED, filled=1), list[Decimal]()

    class AskedMeanwhile(dict[ClientOrderId, Decimal]):
        def get(self, *_: object) -> Decimal:
            seen.extend((since.reserved(balances()), since.shares("AAPL")))
            return Decimal(0)

    then = OrdersThen(filled=AskedMeanwhile())
    since = TakenSince(then)
    since.tell([order])
    seen.clear()
    since.tell([order])
    assert seen == [300, 1]


def test_the_ambient_decimal_precision_changes_no_sum():
    orders = FakeOrders()
    orders.tell(Side.BUY, 101, "1.01", state=OrderState.UNKNOWN)
    with decimal.localcontext(decimal.Context(prec=1)):
        assert reserved(orders.orders(), account=balances(), then=OrdersThen()) == Decimal("102.01")


states = st.sampled_from(OrderState)
stories = st.lists(
    st.tuples(st.integers(0, 4), states, st.integers(0, 3), st.sampled_from(["AAPL", "MSFT"])), min_size=1, max_size=20
)


@given(stories, st.integers(0, 20), st.sampled_from([None, "100", "600"]))
def test_what_is_followed_order_by_order_is_the_sum_over_all_orders(story, read_after, held):
    """New orders, fills, busts, ends and renames after a read, told one at a time and more than once."""
    told, orders = FakeOrders(BEFORE), dict[int, TrackedOrder]()
    then, since = OrdersThen(), TakenSince(OrdersThen())
    for step, (which, state, filled, symbol) in enumerate(story):
        side = Side.SELL if which == 4 else Side.BUY
        fresh = told.tell(side, 3, str(100 + which), state=state, filled=str(filled), symbol=symbol)
        known = orders.get(which, fresh)
        orders[which] = TrackedOrder(envelope=replace(known.envelope, **changed(fresh)), number=known.number)
        if step == read_after:
            then = then_of(*orders.values())
            since = TakenSince(then)
        since.tell([orders[which]])
    assert since.reserved(balances(held)) == reserved(orders.values(), account=balances(held), then=then)
    whole = TakenSince(then)
    whole.tell(orders.values())
    assert [since.shares(name) for name in ("AAPL", "MSFT")] == [whole.shares(name) for name in ("AAPL", "MSFT")]


def changed(fresh: TrackedOrder) -> dict[str, Any]:
    envelope = fresh.envelope
    return {"state": envelope.state, "filled_quantity": envelope.filled_quantity, "symbol": envelope.symbol}
