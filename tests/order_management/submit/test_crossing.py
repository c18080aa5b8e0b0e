"""An order that would trade with another one of the same account is refused, and the other one is named."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.fake_gateway import REQUEST_LOST
from tests.support.manager_bench import ManagerBench, terms
from trading_bot.order_management.exceptions import OrderOutcomeUnknownError, TradeRefusedError, TradingHaltedError
from trading_bot.order_management.models import OrderId, OrderRequest, Pricing, Side
from trading_bot.order_management.submit.crossing import WOULD_CROSS, crossed_orders
from trading_bot.order_management.sync.external_orders import ExternalOrder


def order(side: Side, reference: str, *, symbol: str = "AAPL", pricing: Pricing = Pricing.PASSIVE) -> OrderRequest:
    return OrderRequest(symbol=symbol, side=side, quantity=10, reference_price=Decimal(reference), pricing=pricing)


def foreign(side: Side | None, price: str | None) -> ExternalOrder:
    return ExternalOrder(
        order_id=OrderId("theirs"),
        symbol="AAPL",
        instrument_id=None,
        side=side,
        remaining=Decimal(10),
        limit_price=None if price is None else Decimal(price),
        broker_state="confirmed",
    )


SELL_1199 = terms(side=Side.SELL, price=Decimal("11.99"))
BUY_1199 = terms(price=Decimal("11.99"))


@pytest.mark.parametrize(
    ("new", "other", "crosses"),
    [
        (SELL_1199, foreign(Side.BUY, "11.99"), True),
        (SELL_1199, foreign(Side.BUY, "12.00"), True),
        (SELL_1199, foreign(Side.BUY, "11.98"), False),
        (BUY_1199, foreign(Side.SELL, "11.99"), True),
        (BUY_1199, foreign(Side.SELL, "11.98"), True),
        (BUY_1199, foreign(Side.SELL, "12.00"), False),
        (BUY_1199, foreign(Side.BUY, "11.00"), False),
        (BUY_1199, foreign(Side.SELL, None), False),
        (BUY_1199, foreign(None, "11.00"), False),
    ],
)
def test_only_the_other_side_at_a_price_in_reach_crosses(new, other, crosses):
    assert bool(crossed_orders(new, ours=(), foreign=(other,))) is crosses


def test_an_order_placed_elsewhere_is_named_by_its_id_and_one_without_by_what_is_known_of_it():
    theirs = foreign(Side.BUY, "11.99")
    (named,) = crossed_orders(SELL_1199, ours=(), foreign=(theirs,))
    (nameless,) = crossed_orders(SELL_1199, ours=(), foreign=(replace(theirs, order_id=None),))
    assert named.name == "theirs"
    assert nameless.name == replace(theirs, order_id=None).name


@pytest.fixture
def bench() -> ManagerBench:
    return ManagerBench(shares={"AAPL": 50})


def refused(bench: ManagerBench, request: OrderRequest) -> TradeRefusedError:
    sent = len(bench.gateway.calls)
    with pytest.raises(TradeRefusedError) as caught:
        bench.manager.place_limit_order(request)
    assert len(bench.gateway.calls) == sent
    assert caught.value.code == WOULD_CROSS
    return caught.value


def test_a_sell_priced_through_our_own_resting_buy_names_the_cancel_that_makes_it_possible(bench):
    resting = bench.manager.place_limit_order(replace(order(Side.BUY, "12.00"), client_order_id="c1"))
    error = refused(bench, order(Side.SELL, "11.98", pricing=Pricing.MARKETABLE))
    assert str(error) == (
        "AAPL: sell at 11.96 would trade with the account's own buy at 11.99, order c1 (confirmed); "
        "cancel it first with 'trading-bot cancel c1'; or run 'trading-bot exit AAPL', which cancels it"
    )
    bench.manager.cancel_order(resting.client_order_id)
    assert bench.manager.place_limit_order(order(Side.SELL, "11.98", pricing=Pricing.MARKETABLE))


def test_a_buy_priced_through_our_own_resting_sell_is_refused(bench):
    bench.manager.place_limit_order(order(Side.SELL, "12.00"))
    refused(bench, order(Side.BUY, "12.02", pricing=Pricing.MARKETABLE))
    assert bench.manager.place_limit_order(order(Side.BUY, "12.00"))


def test_a_sell_whose_outcome_is_unknown_may_rest_and_holds_up_a_buy(bench):
    bench.gateway.submits.append(REQUEST_LOST)
    with pytest.raises(OrderOutcomeUnknownError):
        bench.manager.place_limit_order(order(Side.SELL, "12.00"))
    refused(bench, order(Side.BUY, "12.05", pricing=Pricing.MARKETABLE))


def test_a_buy_whose_outcome_is_unknown_holds_up_no_exit(bench):
    """Nobody can end it at once, and held shares must be sellable."""
    bench.gateway.submits.append(REQUEST_LOST)
    with pytest.raises(OrderOutcomeUnknownError):
        bench.manager.place_limit_order(order(Side.BUY, "12.00"))
    assert bench.manager.place_limit_order(order(Side.SELL, "11.98", pricing=Pricing.MARKETABLE))


def test_an_order_presumed_absent_does_not_count(bench):
    bench.manager.place_limit_order(replace(order(Side.BUY, "12.00", symbol="MSFT"), client_order_id="control"))
    bench.gateway.submits.append(REQUEST_LOST)
    with pytest.raises(OrderOutcomeUnknownError):
        bench.manager.place_limit_order(replace(order(Side.BUY, "12.00"), client_order_id="c1"))
    for _ in range(4):
        bench.sync(after=61)
    assert bench.state("c1") == "presumed_absent"
    assert bench.manager.place_limit_order(order(Side.SELL, "11.98", pricing=Pricing.MARKETABLE))


def test_a_sell_placed_elsewhere_in_another_symbol_does_not_count(bench):
    bench.gateway.add(terms(symbol="MSFT", side=Side.SELL, price=Decimal("12.00")))
    bench.sync()
    assert bench.manager.place_limit_order(order(Side.BUY, "12.05", pricing=Pricing.MARKETABLE))


def test_a_sell_placed_elsewhere_holds_up_a_buy(bench):
    bench.gateway.add(terms(side=Side.SELL, price=Decimal("12.00")))
    bench.sync()
    error = refused(bench, order(Side.BUY, "12.05", pricing=Pricing.MARKETABLE))
    assert "order broker-1 (confirmed); it was placed elsewhere: cancel it there first" in str(error)
    bench.gateway.order("broker-1").end()
    bench.sync()
    assert bench.manager.place_limit_order(order(Side.BUY, "12.05", pricing=Pricing.MARKETABLE))


def test_a_buy_placed_elsewhere_holds_up_no_exit(bench):
    bench.gateway.add(terms(price=Decimal("11.99")))
    bench.sync()
    assert bench.manager.place_limit_order(order(Side.SELL, "11.98", pricing=Pricing.MARKETABLE))


def test_a_name_is_quoted_for_the_shell(bench):
    bench.manager.place_limit_order(replace(order(Side.BUY, "12.00"), client_order_id="my buy; ls"))
    error = refused(bench, order(Side.SELL, "11.98", pricing=Pricing.MARKETABLE))
    assert "trading-bot cancel 'my buy; ls'" in str(error)


def test_a_preview_finds_it_as_well(bench):
    bench.manager.place_limit_order(order(Side.BUY, "12.00"))
    with pytest.raises(TradeRefusedError) as caught:
        bench.manager.refuse_unless_open_to(terms(side=Side.SELL, price=Decimal("11.96")))
    assert caught.value.code == WOULD_CROSS


def test_another_account_view_after_a_restart_forgets_what_others_had_open(bench):
    bench.gateway.add(terms(side=Side.SELL, price=Decimal("12.00")))
    bench.sync()
    bench.gateway.order("broker-1").end()
    bench.manager.recover()
    assert bench.manager.place_limit_order(order(Side.BUY, "12.05", pricing=Pricing.MARKETABLE))


def test_what_others_had_open_before_a_restart_counts_no_more(bench):
    bench.gateway.add(terms(price=Decimal("11.99")))
    bench.sync()
    bench.gateway.listing_problem = "the broker is down"
    with pytest.raises(TradingHaltedError):
        bench.manager.recover()
    holdings = bench.manager._services.sync.holdings
    assert holdings is not None
    assert holdings.placed_elsewhere("AAPL") == ()
