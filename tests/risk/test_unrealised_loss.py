"""The loss of a day is the realised one with what the held shares lost by their marks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.account_gateway import FakeAccountGateway, quote
from tests.support.risk_bench import MONDAY_NOON, FakeOrders, limits_of, unlisted, watch_of
from trading_bot.clock import VirtualClock
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import Side
from trading_bot.order_management.order_store import OrderChange
from trading_bot.order_management.portfolio import Quote
from trading_bot.risk.marks import MARK_LASTS_S, MarkReader
from trading_bot.risk.watch import RiskWatch

YESTERDAY = MONDAY_NOON - timedelta(days=1)


class Market(FakeAccountGateway):
    """Quotes as a test sets them; a symbol without one is absent."""

    def __init__(self) -> None:
        super().__init__()
        self.quotes: dict[str, Quote] = {}
        self.asked: list[list[str]] = []

    def show(self, symbol: str, price: str, *, previous_close: str | None = None) -> None:
        close = None if previous_close is None else Decimal(previous_close)
        self.quotes[symbol] = replace(quote(symbol, price), previous_close=close)

    def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        self.asked.append(list(symbols))
        super().fetch_quotes(symbols)
        return {symbol: self.quotes[symbol] for symbol in symbols if symbol in self.quotes}


class Bench:
    def __init__(self, folder) -> None:
        self.folder = folder
        self.orders = FakeOrders()
        self.market = Market()
        self.clock = VirtualClock(MONDAY_NOON + timedelta(minutes=30))
        self.unsettled: set[str] = set()

    def watch(self, **limits: int) -> RiskWatch:
        return watch_of(
            self.orders,
            self.folder,
            clock=self.clock,
            limits=limits_of(**(limits or {"max_daily_loss": 1000})),
            marks=MarkReader(gateway=self.market, clock=self.clock),
            unsettled=self.unsettled,
        )


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path)


def read(bench: Bench, **limits: int):
    watch = bench.watch(**limits)
    watch.read_ahead()
    return watch.state()


@pytest.mark.parametrize(("price", "halts"), [("90.01", False), ("90", True)])
def test_shares_bought_today_lose_what_they_cost_less_what_they_are_worth(bench, price, halts):
    bench.orders.buy(100, "100")
    bench.market.show("AAPL", price)
    state = read(bench)
    assert state.unrealised_today == (Decimal(price) - 100) * 100
    assert (state.realised_today, state.unmarked) == (0, ())
    assert (state.halted_because is not None) is halts


def test_the_reason_names_both_parts(bench):
    bench.orders.round_trip("-400")
    bench.orders.buy(100, "100")
    bench.market.show("AAPL", "93.999")
    assert read(bench).halted_because == (
        "the loss of 2026-11-23 reached 1000.10 (-400.00 realised, -600.10 on held shares by their latest prices), "
        "and the limit is 1000; nothing is bought until the next exchange day"
    )


def test_a_loss_by_marks_is_on_record_for_the_day_though_the_price_recovers(bench):
    bench.orders.buy(100, "100")
    bench.market.show("AAPL", "80")
    bench.watch().read_ahead()
    bench.market.show("AAPL", "100")
    assert read(bench).halted_because is not None
    bench.clock.sleep(24 * 3600)
    assert read(bench).halted_because is None


def test_a_gain_that_is_not_realised_excuses_no_realised_loss(bench):
    bench.orders.round_trip("-1000")
    bench.orders.buy(100, "100")
    bench.market.show("AAPL", "200")
    assert "the realised loss of" in str(read(bench).halted_because)


def test_a_realised_gain_stands_against_a_loss_by_marks(bench):
    bench.orders.round_trip("500")
    bench.orders.buy(100, "100")
    bench.market.show("AAPL", "85.01")
    assert read(bench).halted_because is None


def test_older_shares_count_from_the_last_close(bench):
    """A position that has been down for weeks halts no day but the ones it goes on falling in."""
    bench.orders.buy(100, "200", at=YESTERDAY)
    bench.market.show("AAPL", "95", previous_close="100")
    assert read(bench).unrealised_today == -500


def test_older_shares_count_from_their_cost_where_the_broker_says_no_close(bench):
    bench.orders.buy(100, "200", at=YESTERDAY)
    bench.market.show("AAPL", "195")
    assert read(bench).unrealised_today == -500


def test_older_and_newer_shares_of_one_symbol_count_each_from_their_own_price(bench):
    bench.orders.buy(100, "200", at=YESTERDAY)
    bench.orders.buy(50, "98", at=MONDAY_NOON)
    bench.market.show("AAPL", "95", previous_close="100")
    assert read(bench).unrealised_today == -500 - 150


def test_a_symbol_without_a_mark_is_not_counted_and_is_named(bench):
    bench.orders.buy(100, "100")
    bench.orders.buy(100, "100", symbol="MSFT")
    bench.market.show("MSFT", "99")
    state = read(bench)
    assert (state.unrealised_today, state.unmarked) == (-100, ("AAPL",))


def test_an_old_mark_is_none(bench):
    bench.orders.buy(100, "100")
    bench.market.show("AAPL", "99")
    watch = bench.watch()
    watch.read_ahead()
    bench.clock.sleep(MARK_LASTS_S + 1)
    assert (watch.check().unrealised_today, watch.check().unmarked) == (0, ("AAPL",))
    assert len(bench.market.asked) == 1


@pytest.mark.parametrize("where", ["unsettled", "unexplained"])
def test_a_position_in_doubt_is_not_counted(bench, where):
    """After a split the price falls to a tenth before anybody has accepted the ten times as many shares."""
    bench.orders.buy(10, "1000")
    bench.market.show("AAPL", "100")
    if where == "unsettled":
        bench.unsettled.add("AAPL")
    else:
        bench.orders.unexplained = frozenset({"AAPL"})
    state = read(bench)
    assert (state.unrealised_today, state.unmarked, state.halted_because) == (0, ("AAPL",), None)


def test_shares_of_unknown_cost_are_not_counted_and_are_named(bench):
    bench.orders.buy(10, "1000")
    bench.orders.accept(10, 100)
    bench.market.show("AAPL", "1")
    state = read(bench)
    assert (state.unrealised_today, state.unmarked, state.unknown_cost) == (0, (), ("AAPL",))
    assert bench.market.asked == []


def test_checking_reads_nothing(bench):
    bench.orders.buy(10, "100")
    watch = bench.watch()
    watch.check()
    watch.state()
    assert bench.market.asked == []


@pytest.mark.parametrize("limits", [{"max_consecutive_losses": 5}])
def test_without_a_daily_limit_no_price_is_read(bench, limits):
    bench.orders.buy(10, "100")
    bench.watch(**limits).read_ahead()
    assert bench.market.asked == []


def test_what_was_sold_is_not_read(bench):
    bench.orders.round_trip("5")
    bench.orders.buy(1, symbol="MSFT")
    bench.orders.buy(1, symbol="F")
    bench.watch().read_ahead()
    assert bench.market.asked == [["F", "MSFT"]]


def test_prices_that_cannot_be_read_halt_nothing(bench):
    bench.orders.buy(100, "100")
    bench.market.failing = {"quotes"}
    state = read(bench)
    assert (state.unrealised_today, state.unmarked, state.halted_because) == (0, ("AAPL",), None)


def test_without_a_reader_reading_ahead_does_nothing(bench):
    bench.orders.buy(100, "100")
    watch = watch_of(bench.orders, bench.folder, limits=limits_of(max_daily_loss=1000))
    watch.read_ahead()
    assert watch.state().unmarked == ("AAPL",)


def test_a_fill_that_is_not_listed_yet_counts_and_is_told(bench):
    bench.orders.buy(1000, "11.99")
    bench.orders.told.append(unlisted(bench.orders.tell(Side.SELL, 1000, "6"), average="6.00"))
    del bench.orders.told[1]
    state = bench.watch().check()
    assert (state.realised_today, state.estimated_sales_today) == (-5990, 1)
    assert "reached 5990.00" in str(state.halted_because)


def test_the_figures_follow_when_its_executions_are_listed(bench):
    bench.orders.buy(10, "100")
    listed = bench.orders.tell(Side.SELL, 10, "90")
    bench.orders.told[1] = unlisted(listed, average="80")
    watch = bench.watch()
    assert watch.state().realised_today == -200
    bench.orders.told[1] = unlisted(listed, average="85")
    assert watch.state().realised_today == -150
    bench.orders.told[1] = listed
    assert (watch.state().realised_today, watch.state().estimated_sales_today) == (-100, 0)


def test_news_of_a_fill_without_executions_is_checked_at_once(bench):
    bench.orders.buy(1000, "11.99")
    bench.orders.told.append(unlisted(bench.orders.tell(Side.SELL, 1000, "6"), average="6.00"))
    del bench.orders.told[1]
    watch = bench.watch()
    event = OrderEvent(event=EventKind.ORDER_UPDATED)
    watch.on_order_change(OrderChange(event=event, order=bench.orders.told[-1], at=MONDAY_NOON))
    assert not (bench.folder / "risk.json").exists()
    filled = replace(event, filled_quantity=Decimal(1000))
    watch.on_order_change(OrderChange(event=filled, order=bench.orders.told[-1], at=MONDAY_NOON))
    assert (bench.folder / "risk.json").exists()


def test_an_accepted_split_is_seen_by_a_watch_that_had_counted_before(bench):
    bench.orders.buy(10, "998.50")
    watch = bench.watch()
    assert watch.state().unmarked == ("AAPL",)
    bench.orders.accept(10, 100, "10:1")
    bench.orders.sell(100, "105.11")
    assert watch.state().realised_today == 526


def test_an_accepted_position_is_seen_at_once_though_nothing_was_traded_since(bench):
    bench.orders.buy(10, "1000")
    watch = bench.watch()
    assert watch.state().unknown_cost == ()
    bench.orders.accept(10, 100)
    assert (watch.state().unknown_cost, watch.state().unmarked) == (("AAPL",), ())


def test_shares_of_yesterday_are_older_ones_for_a_watch_that_ran_over_night(bench):
    bench.orders.buy(100, "200")
    bench.market.show("AAPL", "195", previous_close="198")
    watch = bench.watch()
    watch.read_ahead()
    assert watch.state().unrealised_today == -500
    bench.clock.sleep(24 * 3600)
    watch.read_ahead()
    assert watch.state().unrealised_today == -300
