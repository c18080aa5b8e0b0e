"""What becomes of orders as time passes, seen through the wire."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.paper_market import MONDAY, PaperBench, opening_state, order_fields, quote_line, recorded
from trading_bot.paper.quotes import SeededWalkQuotes

EVENING = MONDAY.replace(hour=22)
TUESDAY_OPEN = MONDAY.replace(day=24, hour=14, minute=30)
FAR = {"price": "50.00"}


def _executions(order):
    return [(row["quantity"], row["price"], row["timestamp"]) for row in order["executions"]]


def test_an_order_is_unconfirmed_then_confirmed_within_half_a_second():
    bench = PaperBench()
    order = bench.post_order(**FAR).json()
    assert (order["state"], order["derived_state"]) == ("unconfirmed", "unconfirmed")
    bench.wait(0.04)
    assert bench.order(order["id"])["state"] == "unconfirmed"
    bench.wait(0.36)
    assert bench.order(order["id"])["state"] == "confirmed"


def test_a_buy_at_or_above_the_ask_fills_at_the_ask():
    bench = PaperBench()
    order_id = bench.place(price="101.00")
    bench.wait(1)
    order = bench.order(order_id)
    assert order["state"] == "filled"
    assert [row[:2] for row in _executions(order)] == [("10.00000000", "100.00000000")]
    assert bench.account()["portfolio_cash"] == "99000.0000"


def test_a_sell_at_or_below_the_bid_fills_at_the_bid():
    bench = PaperBench(state=opening_state(shares=10))
    order_id = bench.place(side="sell", price="99.00")
    bench.wait(1)
    assert [row[:2] for row in _executions(bench.order(order_id))] == [("10.00000000", "99.98000000")]
    assert bench.account()["buying_power"] == "100999.8000"
    assert bench.get("/positions/", nonzero="true")["results"] == []


def test_an_order_away_from_the_market_waits():
    bench = PaperBench()
    order_id = bench.place(price="99.99")
    bench.wait(3600)
    assert bench.order(order_id)["cumulative_quantity"] == "0.00000000"


def test_a_fill_between_two_looks_has_the_time_and_price_of_its_quote():
    bench = PaperBench(
        quotes=recorded(
            quote_line(-60, "100.50", "100.60"), quote_line(10, "99.80", "99.90"), quote_line(11, "100.50", "100.60")
        )
    )
    order_id = bench.place(price="100.00")
    bench.wait(600)
    assert _executions(bench.order(order_id)) == [("10.00000000", "99.90000000", "2026-11-23T15:00:10.000000Z")]


def test_a_quote_is_used_up_by_whoever_trades_with_it():
    quotes = recorded(quote_line(-60, "99", "100", ask_size=15), quote_line(30, "99", "100", ask_size=3))
    bench = PaperBench(quotes=quotes)
    first = bench.place(1)
    bench.wait(1)
    second = bench.place(2)
    bench.wait(1)
    assert bench.order(first)["state"] == "filled"
    assert (bench.order(second)["state"], bench.order(second)["cumulative_quantity"]) == (
        "partially_filled",
        "5.00000000",
    )
    bench.wait(60)
    assert [row[0] for row in _executions(bench.order(second))] == ["5.00000000", "3.00000000"]


def test_the_two_sides_of_a_quote_are_used_up_separately():
    bench = PaperBench(
        quotes=recorded(quote_line(-60, "99", "100", ask_size=10, bid_size=10)), state=opening_state(shares=10)
    )
    buy, sell = bench.place(1), bench.place(2, side="sell", price="99.00")
    bench.wait(1)
    assert [bench.order(order_id)["state"] for order_id in (buy, sell)] == ["filled", "filled"]


def test_an_order_waits_for_the_first_quote():
    bench = PaperBench(quotes=recorded(quote_line(60, "99", "100")))
    order_id = bench.place()
    bench.wait(59)
    assert bench.order(order_id)["state"] == "confirmed"
    bench.wait(1)
    assert _executions(bench.order(order_id)) == [("10.00000000", "100.00000000", "2026-11-23T15:01:00.000000Z")]


def test_nothing_fills_while_halted():
    bench = PaperBench(quotes=recorded(quote_line(-60, "99", "100", halted=True), quote_line(60, "99", "100")))
    order_id = bench.place()
    bench.wait(59)
    assert bench.order(order_id)["state"] == "confirmed"
    bench.wait(1)
    assert bench.order(order_id)["state"] == "filled"


def test_a_day_order_ends_cancelled_at_the_close_and_frees_its_cash():
    bench = PaperBench()
    order_id = bench.place(**FAR)
    bench.clock.sleep_until(MONDAY.replace(hour=21) - timedelta(microseconds=1))
    assert bench.order(order_id)["state"] == "confirmed"
    assert bench.account()["cash_held_for_orders"] == "500.0000"
    bench.wait(0.000001)
    order = bench.order(order_id)
    assert (order["state"], order["updated_at"], order["cancel"]) == ("cancelled", "2026-11-23T21:00:00.000000Z", None)
    assert bench.account()["cash_held_for_orders"] == "0.0000"


def test_a_partly_filled_day_order_ends_cancelled_with_its_fills():
    bench = PaperBench(quotes=recorded(quote_line(-60, "99", "100", ask_size=4)))
    order_id = bench.place()
    bench.clock.sleep_until(EVENING)
    order = bench.order(order_id)
    assert (order["state"], order["cumulative_quantity"]) == ("cancelled", "4.00000000")


def test_an_order_good_till_cancelled_outlives_the_close_and_trades_the_next_day():
    bench = PaperBench(quotes=recorded(quote_line(-60, "100.50", "101"), quote_line(12 * 3600, "99", "99.50")))
    order_id = bench.place(time_in_force="gtc")
    bench.clock.sleep_until(EVENING)
    assert bench.order(order_id)["state"] == "confirmed"
    bench.clock.sleep_until(TUESDAY_OPEN + timedelta(hours=1))
    bench.login()
    assert _executions(bench.order(order_id)) == [("10.00000000", "99.50000000", "2026-11-24T14:30:00.000000Z")]


def test_an_order_placed_off_hours_is_queued_until_the_open():
    bench = PaperBench(start=EVENING, state=opening_state(now=EVENING))
    order_id = bench.post_order().json()["id"]
    bench.wait(1)
    order = bench.order(order_id)
    assert (order["state"], order["last_update_version"]) == ("queued", -1)
    bench.clock.sleep_until(TUESDAY_OPEN - timedelta(microseconds=1))
    assert bench.order(order_id)["state"] == "queued"
    bench.wait(0.000001)
    assert _executions(bench.order(order_id)) == [("10.00000000", "100.00000000", "2026-11-24T14:30:00.000000Z")]


def test_extended_hours_are_for_the_orders_that_ask_for_them():
    bench = PaperBench(start=EVENING, state=opening_state(now=EVENING))
    plain = bench.place(1, quantity="1")
    extended = bench.place(2, quantity="1", market_hours="extended_hours", extended_hours="True")
    bench.wait(1)
    assert [bench.order(order_id)["state"] for order_id in (plain, extended)] == ["queued", "filled"]


def test_an_evening_quote_fills_the_extended_order_and_not_the_plain_one():
    bench = PaperBench(quotes=recorded(quote_line(-60, "100.50", "101"), quote_line(7 * 3600, "99", "99.50")))
    plain = bench.place(1, time_in_force="gtc")
    extended = bench.place(2, time_in_force="gtc", market_hours="extended_hours", extended_hours="True")
    bench.clock.sleep_until(MONDAY.replace(hour=22, minute=30))
    assert [bench.order(order_id)["state"] for order_id in (plain, extended)] == ["confirmed", "filled"]


def test_an_order_does_not_trade_before_it_is_acknowledged():
    bench = PaperBench()
    bench.place(1, **FAR)
    bench.wait(1)
    order_id = bench.place(2)
    bench.wait(0.04)
    assert bench.order(order_id)["state"] == "unconfirmed"


def test_a_new_account_does_not_repeat_the_ids_of_an_earlier_one():
    first, second = PaperBench(), PaperBench(state=opening_state(now=MONDAY - timedelta(days=1)))
    assert first.place(1) != second.place(2)
    assert first.bearer != second.bearer


def test_an_extended_day_order_ends_at_the_extended_close():
    bench = PaperBench()
    order_id = bench.place(**FAR, market_hours="extended_hours", extended_hours="True")
    bench.clock.sleep_until(EVENING)
    assert bench.order(order_id)["state"] == "confirmed"
    bench.clock.sleep_until(MONDAY.replace(hour=23))
    assert bench.order(order_id)["state"] == "cancelled"


def test_a_cancel_is_taken_and_ends_the_order_a_moment_later():
    bench = PaperBench()
    order_id = bench.place(**FAR)
    bench.wait(1)
    reply = bench.cancel(order_id)
    assert (reply.status_code, reply.json()) == (200, {})
    assert bench.order(order_id)["state"] == "pending_cancelled"
    bench.wait(0.04)
    assert bench.order(order_id)["state"] == "pending_cancelled"
    bench.wait(0.36)
    order = bench.order(order_id)
    assert (order["state"], order["cancel"], order["cumulative_quantity"]) == ("cancelled", None, "0.00000000")


def test_asking_twice_to_cancel_does_not_delay_it():
    def ended(asked):
        bench = PaperBench()
        order_id = bench.place(**FAR)
        bench.wait(1)
        for _ in range(asked):
            assert bench.cancel(order_id).status_code == 200
            bench.wait(0.02)
        bench.wait(1)
        return bench.order(order_id)

    assert ended(asked=2) == ended(asked=1)


@pytest.mark.parametrize("seed", range(8))
def test_an_order_cancelled_before_it_was_acknowledged_never_trades(seed):
    bench = PaperBench(seed=seed)
    order_id = bench.place()
    bench.cancel(order_id)
    bench.wait(10)
    order = bench.order(order_id)
    assert (order["state"], order["executions"]) == ("cancelled", [])


def test_asking_for_a_cancel_is_a_transaction_of_the_order():
    bench = PaperBench()
    order_id = bench.place(**FAR)
    bench.wait(1)
    bench.cancel(order_id)
    order = bench.store._state.open_orders[order_id]
    assert order.updated_at == order.last_transaction_at == MONDAY + timedelta(seconds=1)


def test_a_fill_may_win_against_a_cancel():
    bench = PaperBench(quotes=recorded(quote_line(-60, "100.50", "101"), quote_line(1.02, "99", "99.50")))
    order_id = bench.place()
    bench.wait(1)
    bench.cancel(order_id)
    bench.wait(1)
    order = bench.order(order_id)
    assert (order["state"], order["cumulative_quantity"]) == ("filled", "10.00000000")


def test_a_part_that_fills_during_a_cancel_stays_filled():
    states = set()
    for seed in range(8):
        quotes = recorded(quote_line(-60, "100.50", "101"), quote_line(1.02, "99", "99.50", ask_size=4))
        bench = PaperBench(quotes=quotes, seed=seed)
        order_id = bench.place()
        bench.wait(1)
        bench.cancel(order_id)
        bench.wait(0.045)
        during = bench.order(order_id)
        assert (during["state"], during["cumulative_quantity"]) == ("pending_cancelled", "4.00000000")
        bench.wait(1)
        assert bench.order(order_id)["cumulative_quantity"] == "4.00000000"
        states.add(bench.order(order_id)["state"])
    assert states == {"cancelled", "partially_filled_rest_cancelled"}


@pytest.mark.parametrize("end", ["filled", "cancelled"])
def test_an_order_that_has_ended_cannot_be_cancelled(end):
    bench = PaperBench()
    order_id = bench.place() if end == "filled" else bench.place(**FAR)
    bench.wait(1)
    if end == "cancelled":
        bench.cancel(order_id)
        bench.wait(1)
    assert bench.order(order_id)["state"] == end
    reply = bench.cancel(order_id)
    assert (reply.status_code, reply.json()) == (403, {"detail": "Order cannot be cancelled at this time."})


def test_cancelling_an_unknown_order_is_404():
    reply = PaperBench().cancel("00000000-0000-4000-8000-000000000009")
    assert (reply.status_code, reply.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize("outcome", ["open", "filled", "cancelled"])
def test_a_ref_id_is_taken_once_for_ever(outcome):
    bench = PaperBench()
    ref_id = "abcdefab-0000-4000-8000-000000000001"
    order_id = bench.place(ref_id=ref_id, **({} if outcome == "filled" else FAR))
    bench.wait(1)
    if outcome == "cancelled":
        bench.cancel(order_id)
        bench.wait(1)
    reply = bench.post_order(ref_id=ref_id.upper(), quantity="1")
    assert (reply.status_code, reply.json()) == (409, {"detail": "Reference ID must be unique."})
    assert len(bench.get("/orders/")["results"]) == 1


def test_a_repeat_of_an_order_that_used_all_the_cash_is_a_repeat_and_not_poor():
    bench = PaperBench(state=opening_state(cash="1000"))
    bench.place()
    assert bench.post_order().status_code == 409


def test_a_refused_order_does_not_use_up_its_ref_id():
    bench = PaperBench(state=opening_state(cash="1000"))
    assert bench.post_order(quantity="11").status_code == 400
    assert bench.post_order(quantity="10").status_code == 201


def test_a_buy_beyond_the_buying_power_is_refused_with_what_it_would_buy():
    bench = PaperBench(state=opening_state(cash="2550"))
    bench.place(1)
    reply = bench.post_order(2, quantity="16")
    assert (reply.status_code, reply.json()) == (400, {"detail": "You can only purchase 15 shares of AAPL."})
    bench.place(3, quantity="15")
    assert bench.post_order(4, quantity="1").json() == {"detail": "You can only purchase 0 shares of AAPL."}


def test_shares_promised_to_a_sell_cannot_be_sold_again():
    bench = PaperBench(state=opening_state(shares=10))
    bench.place(1, side="sell", price="200.00", quantity="6")
    reply = bench.post_order(2, side="sell", price="200.00", quantity="5")
    assert (reply.status_code, reply.json()) == (400, {"detail": "Not enough shares to sell."})
    bench.place(3, side="sell", price="200.00", quantity="4")


def test_a_sell_without_shares_is_refused():
    reply = PaperBench().post_order(side="sell", quantity="1")
    assert reply.json() == {"detail": "Not enough shares to sell."}


def test_a_clock_that_steps_back_does_not_turn_the_exchange_back():
    bench = PaperBench()
    bench.wait(60)
    bench.account()
    state = bench.store._state.copy()
    assert bench.exchange.advance(state, MONDAY) == MONDAY + timedelta(seconds=60)
    assert state.advanced_to == MONDAY + timedelta(seconds=60)


def test_the_walk_starts_at_the_reference_of_the_order():
    ref_id = order_fields()["ref_id"]
    bench = PaperBench(quotes=SeededWalkQuotes(7), references={ref_id: Decimal("100.00")})
    assert bench.get("/quotes/", symbols="AAPL")["results"] == [None]
    bench.place(price="99.88")
    assert bench.get("/quotes/", symbols="AAPL")["results"][0]["bid_price"] == "99.990000"


def test_without_a_reference_the_walk_starts_at_the_limit_price():
    bench = PaperBench(quotes=SeededWalkQuotes(7))
    bench.place(price="99.88")
    assert bench.get("/quotes/", symbols="AAPL")["results"][0]["bid_price"] == "99.870000"


def test_a_refused_order_does_not_move_the_market():
    bench = PaperBench(quotes=SeededWalkQuotes(7), state=opening_state(cash="1"))
    assert bench.post_order().status_code == 400
    assert bench.get("/quotes/", symbols="AAPL")["results"] == [None]


def test_a_new_process_finds_the_market_where_it_was():
    bench = PaperBench(quotes=SeededWalkQuotes(7))
    bench.place(price="99.88")
    bench.wait(7)
    expected = bench.get("/quotes/", symbols="AAPL")
    restarted = PaperBench(quotes=SeededWalkQuotes(7), state=bench.store._state.copy(), start=bench.clock.now())
    assert restarted.get("/quotes/", symbols="AAPL") == expected


def test_settlement_is_the_next_session():
    friday = MONDAY.replace(day=27)
    bench = PaperBench(start=friday, state=opening_state(now=friday))
    order_id = bench.place()
    bench.wait(1)
    execution = bench.order(order_id)["executions"][0]
    assert (execution["trade_execution_date"], execution["settlement_date"]) == ("2026-11-27", "2026-11-30")
