"""In every emergency a marketable sell of held shares goes out, and no two of them sell more than is held.

The last day on which one wants to learn that a freeze, a halt or a failed read holds up an exit is the day of need.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.account_gateway import quote
from tests.support.fake_gateway import REQUEST_LOST, CancelStep, SubmitStep, rejected
from tests.support.manager_bench import ManagerBench, terms
from trading_bot.order_management.book.exit_facts import ExitEnding
from trading_bot.order_management.book.freezes import Cause, frozen
from trading_bot.order_management.exceptions import OrderError, OrderNotSentError
from trading_bot.order_management.models import OrderEnvelope, OrderRequest, Pricing, Side
from trading_bot.order_management.outcomes import CancelRefused
from trading_bot.order_management.submit.exit_run import Leave

HELD = 50


def held() -> ManagerBench:
    bench = ManagerBench(shares={"AAPL": HELD})
    bench.positions.quotes = {"AAPL": quote("AAPL", "100")}
    return bench


def sell(bench: ManagerBench, name: str = "way-out", quantity: int = 10) -> OrderEnvelope:
    request = OrderRequest(
        symbol="AAPL",
        side=Side.SELL,
        quantity=quantity,
        reference_price=Decimal(100),
        client_order_id=name,
        pricing=Pricing.MARKETABLE,
    )
    return bench.manager.place_limit_order(request)


def quietly(act: Callable[[], object]) -> None:
    with suppress(OrderError):
        act()


def a_buy_is_unknown(bench: ManagerBench) -> None:
    bench.gateway.submits.append(REQUEST_LOST)
    quietly(lambda: bench.buy("lost", price=Decimal(110)))


def the_position_drifted(bench: ManagerBench) -> None:
    bench.store.record_fact(frozen("AAPL", Cause.DRIFT, "the broker holds more"))


def a_403_froze_it(bench: ManagerBench) -> None:
    bench.gateway.submits.append(rejected(403, freezes=True))
    quietly(lambda: bench.buy("refused"))


def a_404_froze_it(bench: ManagerBench) -> None:
    bench.gateway.submits.append(rejected(404, freezes=True))
    quietly(lambda: bench.buy("refused"))


def an_order_was_edited(bench: ManagerBench) -> None:
    bench.gateway.submits.append(SubmitStep(echoes=Decimal(7), mismatch="the broker shows other terms"))
    quietly(lambda: bench.buy("edited", price=Decimal(50)))


def three_refusals_halted_entries(bench: ManagerBench) -> None:
    for number, symbol in enumerate(("MSFT", "TSLA", "F")):
        bench.gateway.submits.append(rejected(403, freezes=True))
        quietly(lambda number=number, symbol=symbol: bench.buy(f"r{number}", symbol=symbol))  # type: ignore[misc]


def the_order_list_is_down_for_ten_minutes(bench: ManagerBench) -> None:
    bench.gateway.listing_problem = "503"
    for _ in range(10):
        bench.sync(after=59)


def the_order_list_is_down_at_a_start(bench: ManagerBench) -> None:
    bench.restart()
    bench.gateway.listing_problem = "503"
    quietly(bench.manager.recover)


def the_positions_are_down(bench: ManagerBench) -> None:
    bench.positions.is_failing = True
    for _ in range(3):
        bench.sync(after=301)


def reads_are_throttled(bench: ManagerBench) -> None:
    bench.gateway.listing_problem = "429: try again in 300 s"
    bench.gateway.lookup_problem = "429: try again in 300 s"
    bench.clock.sleep(61)


def the_broker_tells_no_instrument(bench: ManagerBench) -> None:
    """The price step and the look-up are the gateway's: for held shares it goes by the id (see its own tests)."""
    bench.clock.sleep(timedelta(days=1).total_seconds())


def quotes_are_down(bench: ManagerBench) -> None:
    bench.positions.quotes = None


def a_resting_sell_will_not_end(bench: ManagerBench) -> None:
    bench.manager.place_limit_sell("AAPL", 30, Decimal(120), client_order_id="stuck")
    bench.gateway.answer_cancels(CancelRefused(reason="not now", status_code=400))


def the_arming_expired(bench: ManagerBench) -> None:
    bench.latch.reason, bench.latch.only_expired = "the arming ended; arm it", True


def only_exits_are_armed(bench: ManagerBench) -> None:
    bench.latch.reason, bench.latch.only_expired = "armed for exits only; arm it", True


def the_clock_is_six_minutes_off(bench: ManagerBench) -> None:
    now = bench.clock.now
    bench.gateway.broker_time = lambda: now() - timedelta(minutes=6)
    bench.sync(after=61)


def the_first_exit_was_lost(bench: ManagerBench) -> None:
    bench.gateway.submits.append(REQUEST_LOST)
    quietly(lambda: sell(bench, "first"))


def a_strange_order_halted_entries(bench: ManagerBench) -> None:
    bench.gateway.add(terms("MSFT"), ref_id="7b0712ad-b89f-4871-968d-000000000001")
    bench.sync()


def the_side_is_crowded(bench: ManagerBench) -> None:
    bench.manager.place_limit_sell("AAPL", 5, Decimal(120), client_order_id="resting")


def an_equal_sell_filled_just_now(bench: ManagerBench) -> None:
    sell(bench, "before")
    bench.gateway.order().fill()
    bench.sync()


EMERGENCIES = (
    a_buy_is_unknown,
    the_position_drifted,
    a_403_froze_it,
    a_404_froze_it,
    an_order_was_edited,
    three_refusals_halted_entries,
    the_order_list_is_down_for_ten_minutes,
    the_order_list_is_down_at_a_start,
    the_positions_are_down,
    reads_are_throttled,
    the_broker_tells_no_instrument,
    quotes_are_down,
    a_resting_sell_will_not_end,
    the_arming_expired,
    only_exits_are_armed,
    the_clock_is_six_minutes_off,
    the_first_exit_was_lost,
    a_strange_order_halted_entries,
    the_side_is_crowded,
    an_equal_sell_filled_just_now,
)


def name_of(emergency: Callable[[ManagerBench], None]) -> str:
    return emergency.__name__.replace("_", " ")


@pytest.mark.parametrize("emergency", EMERGENCIES, ids=name_of)
def test_held_shares_can_be_sold(emergency):
    bench = held()
    emergency(bench)
    order = sell(bench)
    assert (order.order_id is not None, order.is_duplicate) == (True, False)


@pytest.mark.parametrize("emergency", EMERGENCIES, ids=name_of)
def test_two_exits_and_a_sell_never_sell_more_than_is_held(emergency):
    bench = held()
    emergency(bench)
    quietly(lambda: bench.manager.ways_out.leave(Leave(symbol="AAPL")))
    for number in range(4):
        quietly(lambda number=number: sell(bench, f"more-{number}", 20))  # type: ignore[misc]
    quietly(lambda: bench.manager.ways_out.leave(Leave(symbol="AAPL", limit=Decimal(90))))
    assert promised(bench) <= HELD


def promised(bench: ManagerBench) -> Decimal:
    """The shares that the broker's own book has sold, or may still sell."""
    sells = [order for order in bench.gateway.orders if order.terms.side is Side.SELL]
    return sum(
        (order.filled if order.state.is_terminal else Decimal(order.terms.quantity) for order in sells), Decimal(0)
    )


def test_a_buy_of_our_own_in_the_way_is_cancelled_by_the_exit():
    bench = held()
    bench.buy("in-the-way", price=Decimal(100))
    bench.gateway.submits.append(SubmitStep(after=lambda: bench.gateway.order().fill(price="99.90")))
    assert bench.manager.ways_out.leave(Leave(symbol="AAPL")).ending is ExitEnding.SOLD
    assert bench.state("in-the-way") == "cancelled"


def test_a_foreign_sell_takes_its_shares_from_the_exit():
    bench = held()
    bench.gateway.add(terms(side=Side.SELL, quantity=45))
    bench.sync()
    quietly(lambda: sell(bench, quantity=6))
    sell(bench, quantity=5)
    assert promised(bench) == HELD


def test_a_look_that_lags_behind_a_sell_never_shows_its_shares_as_held():
    bench = held()
    sell(bench, "first", HELD)
    bench.gateway.order().fill()
    bench.sync()
    bench.positions.move("AAPL", str(HELD))  # the broker still shows them
    bench.sync(after=301)
    with pytest.raises(OrderError):
        sell(bench, "again", 1)


def test_a_split_that_nobody_accepted_sells_no_more_than_both_views_allow():
    bench = held()
    bench.positions.move("AAPL", str(-HELD // 2))  # a reverse split: half the shares
    for _ in range(3):
        bench.sync(after=301)
    with pytest.raises(OrderError):
        sell(bench, "too many", HELD)
    assert sell(bench, "what is left", HELD // 2).order_id is not None


class TestWhatStillStopsAnExit:
    """Each with its remedy."""

    def test_a_kill(self):
        bench = held()
        bench.latch.reason = "killed; 'trading-bot arm' lifts it"
        with pytest.raises(OrderError, match="trading-bot arm"):
            sell(bench)

    def test_a_journal_that_cannot_be_written(self):
        bench = held()
        bench.journal.broken = True
        with pytest.raises(OrderError, match="repair the disk"):
            sell(bench)
        assert bench.gateway.posts == []

    def test_an_instrument_that_nothing_ever_named(self):
        bench = held()
        bench.gateway.prepare_error = OrderNotSentError("the instrument cannot be looked up; try again")
        with pytest.raises(OrderNotSentError, match="try again"):
            sell(bench)


def test_a_stuck_sell_keeps_its_own_shares_and_no_others():
    bench = held()
    a_resting_sell_will_not_end(bench)
    bench.gateway.cancels.clear()
    bench.gateway.cancels.extend([CancelStep(reply=CancelRefused(reason="no", status_code=400), drops=True)] * 50)
    bench.gateway.submits.append(SubmitStep(after=lambda: bench.gateway.order().fill(price="99.90")))
    bench.manager.ways_out.leave(Leave(symbol="AAPL"))
    assert [order.terms.quantity for order in bench.gateway.orders] == [30, 20]
