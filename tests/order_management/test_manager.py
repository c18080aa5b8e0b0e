"""The manager as its callers see it: signatures, envelopes, and the whole of one order's life."""

import inspect
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.fake_gateway import BAD_CERTIFICATE, REPLY_LOST, REQUEST_LOST, UNREACHABLE
from tests.support.manager_bench import ACCOUNT_KEY, BUY_LIMIT, MONDAY, SELL_LIMIT, ManagerBench, terms
from trading_bot.order_management.client_ids import derive_ref_id
from trading_bot.order_management.exceptions import (
    OrderError,
    OrderNotSentError,
    OrderValidationError,
    UnsupportedOrderTypeError,
)
from trading_bot.order_management.manager import OrderManager
from trading_bot.order_management.models import (
    ClientOrderId,
    ExecutionMode,
    OrderRequest,
    OrderState,
    Pricing,
    Side,
    TimeInForce,
)

REQUEST = OrderRequest(symbol="AAPL", side=Side.BUY, quantity=10, reference_price=Decimal(100))


@pytest.mark.parametrize("name", ["place_limit_buy", "place_limit_sell"])
def test_the_signature_is_a_public_contract(name):
    parameters = inspect.signature(getattr(OrderManager, name)).parameters.values()
    assert [(each.name, each.kind.name, each.default) for each in parameters][1:] == [
        ("symbol", "POSITIONAL_OR_KEYWORD", inspect.Parameter.empty),
        ("quantity", "POSITIONAL_OR_KEYWORD", inspect.Parameter.empty),
        ("reference_price", "POSITIONAL_OR_KEYWORD", inspect.Parameter.empty),
        ("strategy_name", "KEYWORD_ONLY", None),
        ("time_in_force", "KEYWORD_ONLY", TimeInForce.GFD),
        ("extended_hours", "KEYWORD_ONLY", False),
        ("client_order_id", "KEYWORD_ONLY", None),
        ("correlation_id", "KEYWORD_ONLY", None),
    ]


@pytest.mark.parametrize(("side", "limit_price"), [(Side.BUY, BUY_LIMIT), (Side.SELL, SELL_LIMIT)], ids=["buy", "sell"])
def test_an_envelope_tells_the_whole_order(side, limit_price):
    bench = ManagerBench()
    place = bench.manager.place_limit_buy if side is Side.BUY else bench.manager.place_limit_sell
    envelope = place(
        "AAPL",
        10,
        Decimal(100),
        strategy_name="momentum",
        time_in_force="gtc",
        extended_hours=True,
        client_order_id="c1",
    )
    assert (envelope.client_order_id, envelope.order_id) == ("c1", "broker-1")
    assert envelope.ref_id == derive_ref_id(ACCOUNT_KEY, ClientOrderId("c1"))
    assert (envelope.symbol, envelope.side, envelope.quantity, envelope.limit_price) == ("AAPL", side, 10, limit_price)
    assert (envelope.reference_price, envelope.time_in_force, envelope.extended_hours) == (
        Decimal(100),
        TimeInForce.GTC,
        True,
    )
    assert (envelope.state, envelope.execution_mode) == (OrderState.CONFIRMED, ExecutionMode.PAPER)
    assert (envelope.strategy_name, envelope.created_at, envelope.duplicate_of) == ("momentum", MONDAY, None)


def test_what_the_broker_gets_is_what_the_envelope_says():
    bench = ManagerBench()
    envelope = bench.buy("c1")
    sent = bench.gateway.order().terms
    assert sent == terms()
    assert (sent.quantity, sent.limit_price) == (envelope.quantity, envelope.limit_price)


def test_values_of_other_types_are_taken_where_that_is_exact():
    bench = ManagerBench()
    bought = bench.manager.place_limit_buy("aapl", 10.0, 100.1, time_in_force="GTC")  # type: ignore[arg-type]
    assert (bought.symbol, bought.quantity, bought.reference_price) == ("AAPL", 10, Decimal("100.1"))
    assert bought.time_in_force is TimeInForce.GTC


@pytest.mark.parametrize("changes", [{"quantity": 10.5}, {"reference_price": float("nan")}, {"quantity": True}])
def test_values_that_are_not_exact_are_refused(changes):
    bench = ManagerBench()
    with pytest.raises(OrderValidationError, match=r"AAPL: a (quantity|price) is "):
        bench.manager.place_limit_buy(**{"symbol": "AAPL", "quantity": 10, "reference_price": Decimal(100)} | changes)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"symbol": "aapl1"}, OrderValidationError),
        ({"quantity": 0}, OrderValidationError),
        ({"quantity": Decimal("1.5")}, OrderValidationError),
        ({"reference_price": Decimal(-1)}, OrderValidationError),
        ({"reference_price": Decimal("NaN")}, OrderValidationError),
        ({"time_in_force": "ioc"}, OrderValidationError),
        ({"symbol": "BTC-USD"}, UnsupportedOrderTypeError),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_recorded(changes, error):
    bench = ManagerBench()
    with pytest.raises(error):
        bench.manager.place_limit_buy(**{"symbol": "AAPL", "quantity": 10, "reference_price": Decimal(100)} | changes)
    assert (bench.journal.records, bench.gateway.calls) == ([], [])


def test_a_look_up_that_fails_before_the_intent_leaves_no_trace():
    bench = ManagerBench()
    bench.gateway.prepare_error = OrderNotSentError("the instrument could not be read")
    with pytest.raises(OrderNotSentError, match="instrument"):
        bench.buy("c1")
    assert bench.journal.records == []
    bench.gateway.prepare_error = None
    assert bench.buy("c1").order_id is not None


def test_the_requests_own_pricing_beats_the_configured_one():
    bench = ManagerBench()
    request = OrderRequest(
        symbol="AAPL", side=Side.BUY, quantity=10, reference_price=Decimal(100), pricing=Pricing.MARKETABLE
    )
    assert bench.manager.place_limit_order(request).limit_price == Decimal("100.15")


def test_a_strategys_offsets_are_its_own():
    bench = ManagerBench(strategy_overrides={"patient": {"buy_offset": "30"}})
    request = OrderRequest(symbol="AAPL", side=Side.BUY, quantity=10, reference_price=Decimal(100))
    assert bench.manager.preview(request, strategy_name="patient").limit_price == Decimal("99.70")
    assert bench.manager.preview(request).limit_price == BUY_LIMIT
    assert bench.manager.preview(replace(request, strategy_name="patient")).limit_price == Decimal("99.70")
    assert bench.manager.place_limit_order(request, strategy_name="patient").limit_price == Decimal("99.70")


def test_a_preview_sends_and_records_nothing():
    bench = ManagerBench()
    assert bench.manager.preview(REQUEST) == terms()
    assert (bench.journal.records, bench.gateway.calls) == ([], [])


def test_a_standing_order_is_found_by_the_requests_own_terms():
    bench = ManagerBench()
    assert bench.manager.standing_order(REQUEST) is None
    bench.buy("c1")
    standing = bench.manager.standing_order(REQUEST)
    assert standing is not None
    assert standing.duplicate_of == "c1"
    assert len(bench.journal.records) == 3


def test_the_register_is_oldest_first_and_knows_what_is_open():
    bench = ManagerBench()
    for symbol in ("TSLA", "AAPL", "MSFT"):
        bench.buy(symbol.lower(), symbol=symbol)
    bench.manager.cancel_order("aapl")
    assert [order.client_order_id for order in bench.manager.orders()] == ["tsla", "aapl", "msft"]
    assert [order.client_order_id for order in bench.manager.open_orders()] == ["tsla", "msft"]


def test_an_unresolved_order_counts_as_open():
    bench = ManagerBench()
    bench.gateway.submits.append(REQUEST_LOST)
    with pytest.raises(OrderError):
        bench.buy("c1")
    assert [order.state for order in bench.manager.open_orders()] == [OrderState.UNKNOWN]


def test_one_account_names_an_order_as_no_other_does():
    names = {derive_ref_id(key, ClientOrderId("c1")) for key in ("one", "two")}
    assert len(names) == 2


def test_a_day_of_everything_going_wrong_never_makes_two_orders_of_one_name():
    bench = ManagerBench(max_pending_per_side=100)
    scripts = [(), (UNREACHABLE,), (REPLY_LOST,), (UNREACHABLE, REPLY_LOST), (REQUEST_LOST,), (UNREACHABLE,) * 3]
    for number, script in enumerate(scripts):
        bench.gateway.submits.extend(script)
        for _ in range(3):
            try:
                bench.buy(f"c{number}", quantity=number + 1)
            except OrderError as error:
                assert error.envelope is not None  # noqa: PT017 - some succeed and some do not
        bench.manager.synchronize_open_orders()
    bench.restart()
    bench.manager.recover()
    for number in range(len(scripts)):
        bench.buy(f"c{number}", quantity=number + 1)
    # What was provably not sent is sent after all.
    assert len(bench.gateway.ref_ids) == len(set(bench.gateway.ref_ids)) == 5


class TestHalts:
    def test_no_reason_where_orders_are_taken(self):
        assert ManagerBench().manager.halted_because is None

    def test_each_reason_is_told(self):
        bench = ManagerBench(recovered=False)
        assert "not been compared" in str(bench.manager.halted_because)
        bench.manager.recover()
        bench.latch.reason = "killed; arm it"
        assert bench.manager.halted_because == "killed; arm it"
        bench.latch.reason = None
        bench.gateway.submits.append(BAD_CERTIFICATE)
        with pytest.raises(OrderNotSentError):
            bench.buy("c1")
        assert "check the network" in str(bench.manager.halted_because)

    def test_a_broken_journal_is_told_first(self):
        bench = ManagerBench()
        bench.journal.broken = True
        with pytest.raises(OrderError):
            bench.buy("c1")
        bench.latch.reason = "killed"
        assert "no space left" in str(bench.manager.halted_because)


def test_a_status_has_one_deadline_even_where_the_machine_slept_and_it_is_read_twice():
    bench = ManagerBench(request_timeout_s=7)
    bench.buy("c1")
    bench.gateway.deadlines.clear()
    bench.manager.get_order_status("c1")
    assert bench.gateway.deadlines == [bench.clock.monotonic() + 7]
