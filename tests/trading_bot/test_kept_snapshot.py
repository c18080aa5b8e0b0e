"""Balances are kept while orders go on: no order goes out on them that the money there is would not cover."""

from collections.abc import Callable
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.model_broker import Holds, ModelBook, ModelBroker
from tests.support.risk_bench import MONDAY_NOON, NO_LIMITS, watch_of
from trading_bot.account.account_data import AccountData
from trading_bot.account.reservations import HELD_WITHIN_S
from trading_bot.clock import VirtualClock
from trading_bot.market_hours import Calendar, MarketHours
from trading_bot.order_management.exceptions import TradeRefusedError
from trading_bot.order_management.models import OrderState, OrderTerms, Side, TimeInForce
from trading_bot.safety_checks import SafetyChecks

pytestmark = pytest.mark.no_cover  # whole bots: each line that they run has a quick test of its own

CASH = 1000
TTL_S = 60
NOWHERE = Path("/nonexistent")


class Account:
    """The checks of one account over a model broker; what they let out goes to the broker."""

    def __init__(self, holds: Holds, *, cash: int = CASH) -> None:
        self.clock = VirtualClock(MONDAY_NOON)
        self.broker = ModelBroker(cash=cash, holds=holds, clock=self.clock)
        self.book = ModelBook(self.broker)
        self.data = AccountData(gateway=self.broker, clock=self.clock, ttl_s=TTL_S, orders=self.book.changed)
        self.checks = SafetyChecks(
            limits=NO_LIMITS,
            hours=MarketHours(
                calendar=Calendar.NYSE, start_time=time(9, 30), end_time=time(16), timezone=ZoneInfo("America/New_York")
            ),
            account=self.data,
            orders=self.book,
            risk=watch_of(self.book, NOWHERE, clock=self.clock),
            clock=self.clock,
            queue_for_open=False,
        )

    def buy(self, quantity: int, price: int = 100, *, answer: str = "accepted") -> bool:
        """Ask for a buy, and say whether it was let out; the ``answer`` is what the broker makes of it."""
        terms = OrderTerms(
            symbol="AAPL",
            side=Side.BUY,
            quantity=quantity,
            limit_price=Decimal(price),
            time_in_force=TimeInForce.GFD,
            extended_hours=False,
        )
        try:
            self.checks.gather(terms, None, None)(terms)
        except TradeRefusedError as error:
            if error.code != "insufficient_buying_power":
                raise
            return False
        left = min(self.broker.cash - self.book.promised(), self.broker.buying_power)
        assert terms.notional <= left, f"{terms.notional} was let out, and {left} is left"
        self._sent(terms, answer)
        return True

    def _sent(self, terms: OrderTerms, answer: str) -> None:
        name = self.book.intend(terms.limit_price, terms.quantity)
        if answer in ("accepted", "lost reply"):
            self.broker.take(name, terms.limit_price, terms.quantity)
        state = {
            "accepted": OrderState.CONFIRMED,
            "rejected": OrderState.REJECTED,
            "not sent": OrderState.NOT_SENT,
            "lost reply": OrderState.UNKNOWN,
            "lost request": OrderState.UNKNOWN,
        }[answer]
        self.book.say(name, state)
        self.data.outdate()

    def learn(self, which: int) -> None:
        if names := self.book.names():
            self.book.learn(names[which % len(names)])
            self.data.outdate()

    def fill(self, which: int, quantity: int) -> None:
        if orders := list(self.broker.orders.values()):
            self.broker.fill(orders[which % len(orders)], quantity)

    def cancel(self, which: int) -> None:
        """Cancel an order of which the broker knows, and hear of its end."""
        names = [name for name in self.book.names() if name in self.broker.orders]
        if names:
            name = names[which % len(names)]
            self.broker.end(self.broker.orders[name])
            self.book.learn(name)
            self.data.outdate()

    def sell(self, proceeds: int) -> None:
        """Sell shares, whose proceeds come in."""
        self.broker.cash += proceeds
        self.data.outdate()


Act: TypeAlias = Callable[[Account], object]
_WHICH, _FEW = st.integers(0, 5), st.integers(1, 6)
_ANSWERS = st.sampled_from(["accepted"] * 4 + ["rejected", "not sent", "lost reply", "lost request"])
_HAPPENINGS: st.SearchStrategy[Act] = st.one_of(
    st.builds(lambda which, many: lambda account: account.fill(which, many), _WHICH, _FEW),
    st.builds(lambda which: lambda account: account.learn(which), _WHICH),
    st.builds(lambda which: lambda account: account.cancel(which), _WHICH),
    st.builds(lambda dollars: lambda account: account.sell(dollars), st.sampled_from([50, 300])),
    st.just(lambda account: account.broker.settle()),
    st.builds(lambda seconds: lambda account: account.clock.sleep(seconds), st.sampled_from([1, 20, 61])),
)


def _during_the_next_read(act: Act, *, shows_end: bool) -> Act:
    def set_up(account: Account) -> None:
        def during_read() -> None:
            act(account)

        account.broker.shows_end, account.broker.during_read = shows_end, during_read

    return set_up


_BUYS: st.SearchStrategy[Act] = st.builds(
    lambda many, price, answer: lambda account: account.buy(many, price, answer=answer),
    _FEW,
    st.sampled_from([40, 100, 150]),
    _ANSWERS,
)
_BETWEEN: st.SearchStrategy[Act] = st.one_of(
    _HAPPENINGS,
    st.builds(lambda act, end: _during_the_next_read(act, shows_end=end), _HAPPENINGS, st.booleans()),
    st.just(lambda account: account.data.renew()),
)


@pytest.mark.parametrize("holds", Holds)
@settings(max_examples=50)
@given(rounds=st.lists(st.tuples(_BUYS, st.lists(_BETWEEN, max_size=4)), max_size=8))
def test_what_is_let_out_never_costs_more_than_the_money_that_no_order_of_ours_takes(holds, rounds):
    """`Account.buy` holds each order that is let out against the broker's own numbers."""
    account = Account(holds)
    for buy, between in rounds:
        buy(account)
        for act in between:
            act(account)


@pytest.mark.parametrize("holds", Holds)
def test_orders_within_the_money_go_out_on_one_read(holds):
    account = Account(holds)
    assert all(account.buy(1) for _ in range(10))
    assert account.broker.reads == 1


@pytest.mark.parametrize("holds", Holds)
def test_no_order_beyond_the_money_goes_out_however_late_the_broker_is(holds):
    account = Account(holds)
    assert account.buy(6)
    assert not account.buy(6)


def test_the_money_of_a_cancelled_buy_is_spent_once_the_broker_has_given_it_back():
    account = Account(Holds.LATE)
    assert account.buy(6)
    account.broker.settle()
    account.cancel(0)
    assert not account.buy(6)
    account.broker.settle()
    account.data.outdate()
    assert account.buy(6)


def test_what_is_still_set_aside_for_a_cancelled_buy_stands_for_no_other_buy():
    account = Account(Holds.LATE)
    account.buy(4)
    account.broker.settle()
    account.buy(1, 40)
    account.cancel(0)
    for quantity, price in ((1, 40), (4, 150), (1, 40)):
        account.buy(quantity, price)
    account.fill(3, 4)
    account.buy(1, 40)


@pytest.mark.parametrize("holds", [Holds.AT_ONCE_IN_SILENCE, Holds.LATE_IN_SILENCE])
def test_an_account_that_shows_nothing_set_aside_buys_again_after_a_minute(holds):
    account = Account(holds)
    assert account.buy(6)
    account.clock.sleep(HELD_WITHIN_S)
    assert not account.buy(3), "the first might not be in these balances"
    account.clock.sleep(TTL_S)
    assert account.buy(3)
    assert not account.buy(2)


def test_money_that_came_in_since_is_read_before_a_buy_is_refused():
    account = Account(Holds.AT_ONCE)
    assert account.buy(10)
    account.sell(500)
    assert account.buy(5)
    assert account.broker.reads == 2


def test_a_refusal_by_balances_that_nothing_of_ours_outdated_reads_nothing():
    account = Account(Holds.AT_ONCE)
    assert not account.buy(11)
    assert not account.buy(11)
    assert account.broker.reads == 1


def test_balances_are_kept_for_their_time_and_no_longer():
    account = Account(Holds.AT_ONCE)
    account.buy(1)
    account.clock.sleep(TTL_S)
    account.buy(1)
    assert account.broker.reads == 2
