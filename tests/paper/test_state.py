import json
from decimal import Decimal

import pytest

from tests.support.paper_market import PaperBench, opening_state, quote_line, recorded
from trading_bot.paper.quotes import SeededWalkQuotes
from trading_bot.paper.state import ExchangeState, ExchangeStateError, WireState


def _busy_state():
    bench = PaperBench(
        quotes=recorded(quote_line(-60, "99", "100", ask_size=15)), state=opening_state(shares=5), seed=3
    )
    bench.place(1)
    bench.place(2)
    bench.place(3, side="sell", price="150.05", quantity="2", time_in_force="gtc")
    bench.wait(1)
    bench.cancel(bench.place(4, price="50.00"))
    return bench.store._state


def test_a_state_survives_a_trip_through_json():
    state = _busy_state()
    assert state.open_orders
    assert state.closed_orders
    assert ExchangeState.from_dict(json.loads(json.dumps(state.to_dict()))) == state


def test_every_part_of_a_state_was_part_of_that_trip():
    empty = [name for name, value in _busy_state().to_dict().items() if value in ({}, None, 0)]
    assert empty == []


def test_an_exchange_goes_on_from_a_stored_state_as_if_nothing_had_happened():
    bench = PaperBench(quotes=SeededWalkQuotes(7))
    order_id = bench.place(price="99.95")
    bench.wait(3)
    bench.account()
    restored = ExchangeState.from_dict(bench.store._state.to_dict())
    restarted = PaperBench(quotes=SeededWalkQuotes(7), state=restored, start=bench.clock.now())
    for each in (bench, restarted):
        each.wait(120)
    assert restarted.order(order_id) == bench.order(order_id)
    assert restarted.account() == bench.account()


@pytest.mark.parametrize(
    "change",
    [
        {"cash": "NaN"},
        {"cash": None},
        {"advanced_to": "noon"},
        {"surprise": 1},
        {"open_orders": {"x": {}}},
    ],
)
def test_a_damaged_state_is_refused_with_a_remedy(change):
    stored = opening_state().to_dict() | change
    with pytest.raises(ExchangeStateError, match="restore it or start a new paper account"):
        ExchangeState.from_dict(stored)


@pytest.mark.parametrize("stored", [None, [], {}, "text"])
def test_something_else_is_not_a_state(stored):
    with pytest.raises(ExchangeStateError):
        ExchangeState.from_dict(stored)


def test_a_copy_can_change_without_the_original():
    state = _busy_state()
    before = state.to_dict()
    copy = state.copy()
    copy.cash = Decimal(0)
    for mapping in ("open_orders", "closed_orders", "positions", "instruments", "references", "taken", "tokens"):
        getattr(copy, mapping).clear()
    assert state.to_dict() == before


@pytest.mark.parametrize("word", WireState)
def test_exactly_three_words_are_final(word):
    assert word.is_terminal is (word in ("filled", "cancelled", "partially_filled_rest_cancelled"))
