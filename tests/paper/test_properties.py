"""What holds on the paper exchange whatever is asked of it, and in whatever order."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.paper_market import PaperBench, opening_state, quote_line, recorded
from trading_bot.order_management.models import Side
from trading_bot.paper.quotes import SeededWalkQuotes
from trading_bot.paper.state import ExchangeState, WireState

CENTS = st.integers(9_950, 10_050).map(lambda cents: f"{Decimal(cents) / 100:.2f}")
PLACE = st.tuples(
    st.just("place"), st.sampled_from(["buy", "sell"]), CENTS, st.integers(1, 60), st.sampled_from(["gfd", "gtc"])
)
CANCEL = st.tuples(st.just("cancel"), st.integers(0, 9))
WAIT = st.tuples(st.just("wait"), st.sampled_from([0.1, 1, 5, 60, 3600, 28_800]))
SCRIPT = st.lists(st.one_of(PLACE, CANCEL, WAIT), min_size=1, max_size=14)
SPREADS = st.lists(
    st.tuples(st.integers(9_960, 10_040), st.integers(0, 20), st.integers(0, 40)), min_size=1, max_size=30
)


def _recorded(spreads):
    return recorded(
        *(
            quote_line(
                7 * index - 60,
                f"{bid / 100:.2f}",
                f"{(bid + width) / 100:.2f}",
                bid_size=size,
                ask_size=size,
                halted=size == 13,
            )
            for index, (bid, width, size) in enumerate(spreads)
        )
    )


def _play(bench, script, after_each=lambda: None):
    placed = []
    for number, (act, *details) in enumerate(script):
        if act == "place":
            side, price, quantity, tif = details
            reply = bench.post_order(number, side=side, price=price, quantity=str(quantity), time_in_force=tif)
            placed += [reply.json()["id"]] if reply.status_code == 201 else []
        elif act == "cancel" and placed:
            bench.cancel(placed[details[0] % len(placed)])
        elif act == "wait":
            bench.wait(details[0])
        after_each()
    bench.wait(1)
    bench.login()


def _check_books(state: ExchangeState) -> None:
    orders = list(state.all_orders())
    fills = [(order, fill) for order in orders for fill in order.executions]
    signs = {Side.BUY: 1, Side.SELL: -1}
    spent = sum((signs[order.side] * fill.quantity * fill.price for order, fill in fills), Decimal(0))
    bought = sum(signs[order.side] * fill.quantity for order, fill in fills)
    assert state.cash == state.starting_cash - spent
    assert state.held_cash + state.buying_power == state.cash
    assert min(state.cash, state.held_cash, state.buying_power) >= 0
    assert state.positions["AAPL"].quantity == 20 + bought >= 0
    assert state.available_shares("AAPL") >= 0
    for order in orders:
        assert 0 <= order.filled <= order.quantity
        assert (order.filled == order.quantity) == (order.state is WireState.FILLED)
        assert order.state.is_terminal == (order.id in state.closed_orders) != (order.id in state.open_orders)
    assert all(order.next_change_at is None for order in state.closed_orders.values())
    assert len({fill.id for _, fill in fills}) == len(fills)


@given(SCRIPT, SPREADS)
def test_money_and_shares_are_neither_made_nor_lost(script, spreads):
    bench = PaperBench(quotes=_recorded(spreads), state=opening_state(cash="5000", shares=20))
    _play(bench, script, lambda: _check_books(bench.store._state))
    _check_books(bench.store._state)


@given(SCRIPT, SPREADS)
def test_no_fill_is_better_than_the_quote_worse_than_the_limit_or_larger_than_the_size(script, spreads):
    quotes = _recorded(spreads)
    bench = PaperBench(quotes=quotes, state=opening_state(cash="50000", shares=200))
    _play(bench, script)
    taken: dict[object, int] = {}
    for order in bench.store._state.all_orders():
        for fill in order.executions:
            quote = quotes.quote("AAPL", fill.executed_at)
            assert quote is not None
            is_buy = order.side is Side.BUY
            assert fill.price == (quote.ask if is_buy else quote.bid)
            assert fill.price <= order.price if is_buy else fill.price >= order.price
            assert not quote.halted
            assert bench.exchange.calendar.is_open(fill.executed_at)
            taken[quote.at, order.side] = taken.get((quote.at, order.side), 0) + fill.quantity
            assert taken[quote.at, order.side] <= (quote.ask_size if is_buy else quote.bid_size)


@pytest.mark.no_cover
@given(SCRIPT, SPREADS)
def test_looking_often_changes_nothing(script, spreads):
    def final_state(look):
        bench = PaperBench(quotes=_recorded(spreads), state=opening_state(cash="5000", shares=20))

        def peek():
            for _ in range(5):
                bench.send("GET", "/orders/")

        _play(bench, script, peek if look else lambda: None)
        return bench.store._state.to_dict()

    assert final_state(look=True) == final_state(look=False)


@pytest.mark.no_cover
@given(SCRIPT, st.lists(st.integers(1, 900), max_size=12))
def test_looking_in_between_changes_nothing_on_a_walk_either(script, looks):
    def final_orders(pauses):
        bench = PaperBench(quotes=SeededWalkQuotes(7), state=opening_state(cash="5000", shares=20))
        _play(bench, script)
        end = bench.clock.monotonic() + 900
        for pause in sorted(pauses):
            bench.wait(max(end - 900 + pause - bench.clock.monotonic(), 0))
            bench.account()
        bench.wait(end - bench.clock.monotonic())
        return bench.get("/orders/")

    assert final_orders(looks) == final_orders([])


@pytest.mark.no_cover
@given(SCRIPT, SPREADS, st.integers(0, 3))
def test_the_same_requests_give_the_same_state(script, spreads, seed):
    def run():
        bench = PaperBench(quotes=_recorded(spreads), state=opening_state(shares=20), seed=seed)
        _play(bench, script)
        return json.dumps(bench.store._state.to_dict())

    assert run() == run()


@given(SCRIPT, SPREADS)
def test_every_state_that_can_be_reached_survives_a_trip_through_json(script, spreads):
    bench = PaperBench(quotes=_recorded(spreads), state=opening_state(shares=20))
    _play(bench, script)
    state = bench.store._state
    assert ExchangeState.from_dict(json.loads(json.dumps(state.to_dict()))) == state
