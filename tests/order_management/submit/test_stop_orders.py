"""Stop-limit sells: sent once like any order, of held free shares alone, and never one that would sell at once."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.support.account_gateway import quote
from tests.support.fake_gateway import ACCEPT, REPLY_LOST, UNREACHABLE
from tests.support.manager_bench import ManagerBench
from trading_bot.order_management.book.freezes import Cause, frozen
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import (
    OrderNotSentError,
    OrderOutcomeUnknownError,
    OrderValidationError,
    TradeRefusedError,
    TradingHaltedError,
    UnsupportedOrderTypeError,
)
from trading_bot.order_management.models import (
    STOP_LIMIT,
    OrderEnvelope,
    OrderRequest,
    OrderState,
    OrderTerms,
    Side,
    TimeInForce,
)
from trading_bot.order_management.stop_orders import StopRequest
from trading_bot.order_management.submit.exit_run import Leave


def market(bench: ManagerBench, bid: str) -> None:
    bench.positions.quotes = {"AAPL": quote("AAPL", bid)}


def held(shares: int = 50, *, bid: str = "100", **settings: Any) -> ManagerBench:
    bench = ManagerBench(shares={"AAPL": shares}, **settings)
    market(bench, bid)
    return bench


def asked(name: str | None = "stop-1", **changes: Any) -> StopRequest:
    plain = StopRequest(
        symbol="AAPL",
        quantity=10,
        stop_price=Decimal(96),
        limit_price=Decimal(95),
        reason="protects the position",
        client_order_id=name,
    )
    return replace(plain, **changes)


def place(bench: ManagerBench, name: str | None = "stop-1", **changes: Any) -> OrderEnvelope:
    return bench.manager.place_stop_sell(asked(name, **changes))


def test_a_stop_is_sent_with_its_stop_price_and_rests():
    bench = held()
    order = place(bench, strategy_name="momentum")
    (sent,) = bench.gateway.posts
    assert sent.terms == OrderTerms(
        symbol="AAPL",
        side=Side.SELL,
        quantity=10,
        limit_price=Decimal(95),
        time_in_force=TimeInForce.GTC,
        stop_price=Decimal(96),
    )
    assert (order.state, order.stop_price, order.waits_for_stop) == (OrderState.CONFIRMED, Decimal(96), True)
    status = bench.manager.status_on_record("stop-1")
    assert (status.stop_price, status.waits_for_stop) == (Decimal(96), True)


def test_why_it_is_placed_is_on_record():
    bench = held()
    place(bench)
    (intent,) = bench.journal.facts(EventKind.ORDER_INTENDED)
    assert (intent.reason, intent.details["stop_price"]) == ("protects the position", "96")


def test_a_restart_knows_the_stop():
    bench = held()
    placed = place(bench)
    bench.restart()
    bench.manager.recover()
    assert bench.tracked("stop-1").envelope == placed
    assert bench.tracked("stop-1").envelope.waits_for_stop


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (("96", "95"), ("96.00", "95.00")),
        (("96.004", "95.001"), ("96.01", "95.01")),
        (("96.005", "96.005"), ("96.01", "96.01")),
        (("0.50001", "0.49991"), ("0.5001", "0.5000")),
        (("1.001", "0.99995"), ("1.01", "1.00")),
    ],
)
def test_stop_and_limit_go_up_to_their_steps_so_that_nothing_is_sold_below_the_limit(given, sent):
    bench = held()
    order = place(bench, stop_price=Decimal(given[0]), limit_price=Decimal(given[1]))
    assert (order.stop_price, order.limit_price) == (Decimal(sent[0]), Decimal(sent[1]))


def test_the_instruments_own_step_counts():
    bench = held()
    bench.gateway.ticks["AAPL"] = Decimal("0.05")
    order = place(bench, stop_price=Decimal("96.01"), limit_price=Decimal("95.01"))
    assert (order.stop_price, order.limit_price) == (Decimal("96.05"), Decimal("95.05"))


@pytest.mark.parametrize("stop", ["100", "100.01", "99.991"])
def test_a_stop_that_the_bid_has_reached_is_refused_with_both_numbers(stop):
    """It would sell at once. The price that counts is the one that would be sent."""
    bench = held()
    with pytest.raises(TradeRefusedError) as caught:
        place(bench, stop_price=Decimal(stop))
    assert caught.value.code == "stop_reached"
    assert "would sell at once, because the bid is 100.00; name a stop below it, or run" in str(caught.value)
    assert bench.gateway.posts == []


def test_a_stop_one_step_below_the_bid_is_sent():
    assert place(held(), stop_price=Decimal("99.99")).order_id is not None


@pytest.mark.parametrize(("quotes", "why"), [(None, "no quotes here"), ({}, "no market on both sides")])
def test_a_stop_is_refused_while_no_bid_can_be_read(quotes, why):
    bench = held()
    bench.positions.quotes = quotes
    with pytest.raises(TradeRefusedError, match=why) as caught:
        place(bench)
    assert (caught.value.code, caught.value.symbol, bench.gateway.posts) == ("no_usable_quote", "AAPL", [])


def test_a_stop_is_refused_where_nobody_reads_the_market():
    with pytest.raises(TradeRefusedError, match="the bid cannot be read"):
        place(ManagerBench())


def test_a_stop_sells_only_what_is_held_and_free():
    bench = held(15)
    place(bench)
    with pytest.raises(TradeRefusedError) as caught:
        place(bench, "stop-2", stop_price=Decimal(90), limit_price=Decimal(90))
    assert caught.value.code == "insufficient_shares"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"limit_price": Decimal("96.01")}, "the limit of a stop, 96.01, is above its stop price 96.00"),
        ({"stop_price": Decimal(0)}, "a price is a positive number"),
        ({"quantity": 0}, "a quantity is a whole number of shares"),
        ({"symbol": "no ticker"}, "is no ticker"),
    ],
)
def test_a_stop_that_makes_no_sense_is_refused(changes, why):
    bench = held()
    with pytest.raises(OrderValidationError, match=why):
        place(bench, **changes)
    assert bench.gateway.posts == []


BY_ORDER = OrderRequest(
    symbol="AAPL",
    side=Side.SELL,
    quantity=10,
    reference_price=Decimal(95),
    order_type=STOP_LIMIT,
    stop_price=Decimal(96),
    time_in_force=TimeInForce.GTC,
)


@pytest.mark.parametrize(
    ("changes", "error", "why"),
    [
        ({"side": Side.BUY}, OrderValidationError, "a stop is a sell, good till cancelled, in regular hours"),
        ({"time_in_force": TimeInForce.GFD}, OrderValidationError, "good till cancelled"),
        ({"extended_hours": True}, OrderValidationError, "in regular hours"),
        ({"order_type": "limit"}, OrderValidationError, "a limit order has no stop price"),
        ({"stop_price": None}, UnsupportedOrderTypeError, "stop_limit orders are not implemented"),
    ],
)
def test_no_other_kind_of_stop_passes(changes, error, why):
    bench = held()
    with pytest.raises(error, match=why):
        bench.manager.place_limit_order(replace(BY_ORDER, **changes))
    assert bench.gateway.posts == []


def test_the_same_id_again_sends_nothing():
    bench = held()
    first = place(bench)
    assert place(bench) == first
    assert len(bench.gateway.posts) == 1


def test_an_equal_stop_without_an_id_is_the_one_that_rests():
    bench = held()
    place(bench)
    assert place(bench, None).duplicate_of == "stop-1"
    assert place(bench, None, stop_price=Decimal(97)).duplicate_of is None


def test_the_id_of_a_stop_stands_for_no_plain_sell():
    bench = held()
    place(bench)
    with pytest.raises(OrderValidationError, match="already stands for sell 10 AAPL with a stop at 96"):
        bench.sell("stop-1")


def test_a_plain_sell_at_the_limit_of_a_stop_is_not_its_equal():
    bench = held()
    place(bench)
    sold = bench.manager.place_limit_order(
        OrderRequest(symbol="AAPL", side=Side.SELL, quantity=10, reference_price=Decimal("94.90"))
    )
    assert (sold.limit_price, sold.duplicate_of) == (Decimal("95.00"), None)


def test_a_stop_whose_reply_is_lost_is_found_and_not_sent_again():
    bench = held()
    bench.gateway.submits.append(REPLY_LOST)
    bench.gateway.blind_lookups = 99
    with pytest.raises(OrderOutcomeUnknownError):
        place(bench)
    bench.gateway.blind_lookups = 0
    bench.sync(after=1)
    order = bench.tracked("stop-1").envelope
    assert (order.state, order.waits_for_stop, len(bench.gateway.posts)) == (OrderState.CONFIRMED, True, 1)
    assert bench.store.open_book().__enter__().frozen_symbols() == {}


def test_a_stop_that_was_not_sent_goes_again_as_the_same_order():
    bench = held(max_attempts=1)
    bench.gateway.submits.extend([UNREACHABLE, ACCEPT])
    with pytest.raises(OrderNotSentError):
        place(bench, stop_price=Decimal("96.004"), limit_price=Decimal("95.004"))
    order = place(bench, stop_price=Decimal("96.004"), limit_price=Decimal("95.004"))
    assert (order.state, order.stop_price) == (OrderState.CONFIRMED, Decimal("96.01"))
    assert len({intent.ref_id for intent in bench.gateway.calls}) == 1


def test_a_stop_that_was_not_sent_does_not_go_out_at_another_stop_price():
    bench = held(max_attempts=1)
    bench.gateway.submits.append(UNREACHABLE)
    with pytest.raises(OrderNotSentError):
        place(bench)
    assert place(bench, stop_price=Decimal(97)).state is OrderState.NOT_SENT
    assert bench.gateway.posts == []


def test_halted_entries_hold_up_no_stop_and_a_kill_does():
    bench = held()
    bench.store.record_fact(frozen("AAPL", Cause.DRIFT, "odd"))
    assert place(bench).order_id is not None
    bench.latch.reason = "killed"
    with pytest.raises(TradingHaltedError, match="killed"):
        place(bench, "stop-2")


class TestWhileItRests:
    def test_a_buy_above_its_limit_does_not_cross_it(self):
        bench = held()
        place(bench)
        assert bench.buy("b1").order_id is not None

    def test_a_buy_crosses_it_once_it_was_triggered(self):
        bench = held()
        place(bench)
        bench.gateway.order().stop_triggered_at = bench.clock.now()
        bench.sync(after=1)
        with pytest.raises(TradeRefusedError, match="would trade with the account's own sell at 95"):
            bench.buy("b1")

    def test_a_resting_buy_above_its_limit_is_no_obstacle(self):
        bench = held()
        bench.buy("b1")
        assert place(bench).order_id is not None

    def test_a_sell_of_its_shares_is_refused_with_what_to_do(self):
        bench = held(10)
        place(bench)
        with pytest.raises(TradeRefusedError, match="or cancel a resting sell first") as caught:
            bench.sell()
        assert caught.value.code == "insufficient_shares"

    def test_an_exit_takes_it_over(self):
        bench = held(10)
        place(bench)
        bench.gateway.submits.append(replace(ACCEPT, after=lambda: bench.gateway.order().fill(price="99.90")))
        result = bench.manager.ways_out.leave(Leave(symbol="AAPL"))
        assert (result.sold, bench.state("stop-1")) == (Decimal(10), "cancelled")

    def test_it_is_cancelled_by_its_id(self):
        bench = held()
        place(bench)
        assert bench.manager.cancel_order("stop-1").is_proven_closed

    def test_its_trigger_is_recorded_once(self):
        bench = held()
        place(bench)
        bench.gateway.order().stop_triggered_at = bench.clock.now()
        bench.sync(after=1)
        bench.sync(after=1)
        order = bench.tracked("stop-1").envelope
        assert (order.waits_for_stop, order.stop_triggered_at) == (False, bench.gateway.order().stop_triggered_at)
        assert len(bench.journal.facts(EventKind.ORDER_UPDATED)) == 1
        bench.restart()
        assert bench.tracked("stop-1").envelope == order

    def test_it_waits_no_more_once_something_of_it_is_filled(self):
        bench = held()
        place(bench)
        bench.gateway.order().fill(4, price="95.50")
        bench.sync(after=1)
        order = bench.tracked("stop-1").envelope
        assert (order.state, order.waits_for_stop) == (OrderState.PARTIALLY_FILLED, False)

    def test_a_stop_that_the_broker_shows_without_its_stop_freezes_the_symbol(self):
        """It would be an order that sells at once."""
        bench = held()
        place(bench)
        order = bench.gateway.order()
        order.terms = replace(order.terms, stop_price=None)
        bench.sync(after=1)
        assert list(bench.store.open_book().__enter__().frozen_symbols()) == ["AAPL"]


@pytest.mark.parametrize(
    "changes", [{"side": Side.BUY}, {"stop_price": Decimal(94)}], ids=["a stop of a buy", "a stop below its limit"]
)
def test_terms_with_a_senseless_stop_cannot_be_made(changes):
    plain = OrderTerms(symbol="AAPL", side=Side.SELL, quantity=1, limit_price=Decimal(95), stop_price=Decimal(96))
    with pytest.raises(ValueError, match="a stop at"):
        replace(plain, **changes)
