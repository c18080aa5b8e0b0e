"""A stop-limit sell rests until the bid has come down to its stop, and is a limit order from then on."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.paper_market import MONDAY, PaperBench, opening_state, quote_line, recorded
from trading_bot.paper.quotes import SeededWalkQuotes
from trading_bot.paper.state import ExchangeState

STOP = {"side": "sell", "trigger": "stop", "stop_price": "96.00", "price": "95.00", "time_in_force": "gtc"}
EVENING = MONDAY.replace(hour=22)
TUESDAY_OPEN = MONDAY.replace(day=24, hour=14, minute=30)
RESTING = quote_line(-60, "99.98", "100.00")


def bench_with(*quotes: str) -> PaperBench:
    return PaperBench(quotes=recorded(RESTING, *quotes), state=opening_state(shares=10))


def shown(order):
    return order["state"], order["stop_triggered_at"], [(row["price"], row["timestamp"]) for row in order["executions"]]


def test_a_stop_rests_below_the_market_and_holds_its_shares():
    bench = bench_with()
    order_id = bench.place(**STOP)
    bench.wait(3600)
    order = bench.order(order_id)
    assert shown(order) == ("confirmed", None, [])
    assert (order["type"], order["trigger"], order["stop_price"], order["price"]) == (
        "limit",
        "stop",
        "96.00000000",
        "95.00000000",
    )
    assert bench.post_order(2, side="sell", price="99.00").json() == {"detail": "Not enough shares to sell."}


@pytest.mark.parametrize(("bid", "filled_at"), [("96.00", "96.00000000"), ("95.00", "95.00000000")])
def test_the_first_bid_at_or_below_the_stop_triggers_it_and_it_sells_at_that_bid(bid, filled_at):
    bench = bench_with(quote_line(10, "96.01", "96.05"), quote_line(20, bid, "96.05"))
    order_id = bench.place(**STOP)
    bench.wait(19)
    assert shown(bench.order(order_id)) == ("confirmed", None, [])
    bench.wait(60)
    at = "2026-11-23T15:00:20.000000Z"
    assert shown(bench.order(order_id)) == ("filled", at, [(filled_at, at)])


def test_a_price_that_falls_through_stop_and_limit_sells_nothing_until_it_comes_back():
    bench = bench_with(quote_line(10, "94.00", "94.05"), quote_line(20, "95.50", "95.55"))
    order_id = bench.place(**STOP)
    bench.wait(15)
    assert shown(bench.order(order_id)) == ("confirmed", "2026-11-23T15:00:10.000000Z", [])
    bench.wait(15)
    assert shown(bench.order(order_id))[2] == [("95.50000000", "2026-11-23T15:00:20.000000Z")]


def test_a_stop_that_was_triggered_stays_so_when_the_price_recovers():
    bench = bench_with(quote_line(10, "94.00", "94.05"), quote_line(20, "99.00", "99.05"))
    order_id = bench.place(**STOP)
    bench.wait(30)
    assert shown(bench.order(order_id))[2] == [("99.00000000", "2026-11-23T15:00:20.000000Z")]


def test_a_halt_triggers_no_stop():
    bench = bench_with(quote_line(10, "95.50", "95.55", halted=True), quote_line(20, "97.00", "97.05"))
    order_id = bench.place(**STOP)
    bench.wait(60)
    assert shown(bench.order(order_id)) == ("confirmed", None, [])


def test_a_stop_outlives_the_close_and_nothing_outside_the_session_triggers_it():
    after_the_close = 6 * 3600 + 60
    bench = bench_with(
        quote_line(after_the_close, "95.50", "95.55"), quote_line(after_the_close + 60, "97.00", "97.05")
    )
    order_id = bench.place(**STOP)
    bench.clock.sleep_until(EVENING)
    assert shown(bench.order(order_id)) == ("confirmed", None, [])
    bench.clock.sleep_until(TUESDAY_OPEN + timedelta(hours=1))
    bench.login()
    assert shown(bench.order(order_id)) == ("confirmed", None, [])


def test_a_gap_over_night_is_sold_at_the_open_if_the_limit_allows_it():
    bench = bench_with(quote_line(12 * 3600, "95.20", "95.30"))
    order_id = bench.place(**STOP)
    bench.clock.sleep_until(TUESDAY_OPEN + timedelta(hours=1))
    bench.login()
    assert shown(bench.order(order_id))[2] == [("95.20000000", "2026-11-24T14:30:00.000000Z")]


def test_a_cancelled_stop_gives_its_shares_back():
    bench = bench_with()
    order_id = bench.place(**STOP)
    bench.wait(1)
    bench.cancel(order_id)
    bench.wait(1)
    assert shown(bench.order(order_id)) == ("cancelled", None, [])
    assert bench.post_order(2, side="sell", price="99.00").status_code == 201


def test_the_price_of_a_stop_moves_no_market():
    """It says where the price may fall to, not where it is."""
    bench = PaperBench(quotes=SeededWalkQuotes(7), references={}, state=opening_state(shares=10))
    bench.place(1, price="100.00")
    with bench.store.transaction() as state:
        before = state.references["AAPL"]
    bench.place(2, **STOP)
    with bench.store.transaction() as state:
        assert state.references["AAPL"] == before


def test_an_exchange_state_keeps_its_stops():
    bench = bench_with(quote_line(10, "94.00", "94.05"))
    bench.place(1, **(STOP | {"quantity": "4"}))
    bench.wait(20)
    bench.place(2, **(STOP | {"quantity": "4", "stop_price": "90.00", "price": "90.00"}))
    with bench.store.transaction() as state:
        again = ExchangeState.from_dict(state.to_dict())
        assert again == state
    kept = {order.stop_price: order.waits_for_stop for order in again.open_orders.values()}
    assert kept == {Decimal("96.00"): False, Decimal("90.00"): True}
