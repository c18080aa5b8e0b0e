import decimal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.account_gateway import FakeAccountGateway, holding, snapshot
from tests.support.risk_bench import NO_LIMITS, FakeOrders, limits_of, watch_of
from trading_bot.account.account_data import AccountData
from trading_bot.clock import Moment, VirtualClock
from trading_bot.config import RiskManagementConfig
from trading_bot.config.risk_settings import LIVE_LIMITS
from trading_bot.market_hours import Calendar, MarketHours
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.calculator import asked_terms
from trading_bot.order_management.exceptions import AuthenticationError, OrderStatusError, TradeRefusedError
from trading_bot.order_management.models import OrderRequest, OrderState, OrderTerms, Side
from trading_bot.order_management.sync.free_shares import Free
from trading_bot.risk.in_force import LimitsInForce, limits_in_force
from trading_bot.risk.marks import MarkReader, NoMarks
from trading_bot.safety_checks import PendingOrder, SafetyChecks, SafetyResult

MONDAY_NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
MONDAY_EVENING = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
THANKSGIVING = datetime(2026, 11, 26, 17, 0, tzinfo=UTC)
NOWHERE = Path("/nonexistent")


def checks_of(
    gateway: FakeAccountGateway,
    *,
    limits: RiskManagementConfig = NO_LIMITS,
    now: datetime = MONDAY_NOON,
    queue_for_open: bool = False,
    orders: FakeOrders | None = None,
    folder: Path = NOWHERE,
    clock: VirtualClock | None = None,
    free_to_sell: Callable[[str], Free | None] = lambda _symbol: None,
    account: AccountData | None = None,
    in_force: LimitsInForce | None = None,
) -> SafetyChecks:
    clock, orders = clock or VirtualClock(now), orders or FakeOrders(now)
    return SafetyChecks(
        limits=in_force or limits,
        hours=MarketHours(
            calendar=Calendar.NYSE, start_time=time(9, 30), end_time=time(16), timezone=ZoneInfo("America/New_York")
        ),
        account=account or AccountData(gateway=gateway, clock=clock, ttl_s=15, orders=orders.changed),
        orders=orders,
        risk=watch_of(orders, folder, clock=clock, limits=limits, marks=MarkReader(gateway=gateway, clock=clock)),
        clock=clock,
        queue_for_open=queue_for_open,
        free_to_sell=free_to_sell,
    )


def free_of(symbol: str, quantity: int) -> Free:
    shares = Decimal(quantity)
    return Free(symbol=symbol, quantity=shares, held=shares, expected=shares, held_back=Decimal(0), promised=Decimal(0))


def terms_of(quantity: int, side: Side = Side.BUY, price: str = "100", *, extended_hours: bool = False) -> OrderTerms:
    return asked_terms(
        OrderRequest(
            symbol="AAPL",
            side=side,
            quantity=quantity,
            reference_price=Decimal(price),
            extended_hours=extended_hours,
        )
    )


def refusal_of(checks: SafetyChecks, terms: OrderTerms, *, instead_of: TrackedOrder | None = None) -> str | None:
    """Return the code with which an order is refused on its way, or None where it may go."""
    try:
        checks.gather(terms, None, instead_of)(terms)
    except TradeRefusedError as refused:
        return refused.code if refused.symbol == terms.symbol else "a refusal of another symbol"
    return None


class Looks:
    """What the last look at the positions says of AAPL: so many held, and so many explained by our fills."""

    def __init__(self, *, held: int, expected: int, clock: VirtualClock) -> None:
        self.free: Free | None = replace(free_of("AAPL", held), expected=Decimal(expected), looked=Moment.of(clock))

    def __call__(self, symbol: str) -> Free | None:
        return self.free


def judge(gateway: FakeAccountGateway, side: Side, quantity: int, price: str = "100", **settings) -> SafetyResult:
    return checks_of(gateway, **settings).validate_trade("AAPL", side, quantity, price=Decimal(price))


def test_a_trade_to_which_no_rule_objects_is_allowed():
    gateway = FakeAccountGateway(positions=[holding("AAPL", "10")])
    assert judge(gateway, Side.BUY, 10).allowed
    assert judge(gateway, Side.SELL, 10).allowed


def test_a_closed_market_refuses_and_says_when_it_opens():
    result = judge(FakeAccountGateway(), Side.BUY, 1, now=THANKSGIVING)
    assert (result.allowed, result.code) == (False, "market_closed")
    assert "Thanksgiving Day" in result.reason
    assert "Friday 2026-11-27 at 09:30 EST" in result.reason


def test_a_closed_market_is_refused_before_the_broker_is_asked():
    gateway = FakeAccountGateway()
    judge(gateway, Side.BUY, 1, now=THANKSGIVING)
    assert gateway.reads == []


def test_queue_for_open_lets_a_trade_wait_for_the_opening():
    assert judge(FakeAccountGateway(), Side.BUY, 1, now=THANKSGIVING, queue_for_open=True).allowed


@pytest.mark.parametrize(("extended_hours", "allowed"), [(False, False), (True, True)])
def test_the_evening_is_open_to_extended_hours_orders_alone(extended_hours, allowed):
    checks = checks_of(FakeAccountGateway(), now=MONDAY_EVENING)
    result = checks.validate_trade("AAPL", Side.BUY, 1, price=Decimal(100), extended_hours=extended_hours)
    assert result.allowed is allowed


@pytest.mark.parametrize("quantity", [0, -1, True])
def test_a_senseless_quantity_is_refused(quantity):
    assert judge(FakeAccountGateway(), Side.BUY, quantity).code == "bad_quantity"


@pytest.mark.parametrize("price", ["NaN", "Infinity", "0", "-1", "1E+1000000"])
def test_a_senseless_price_is_refused(price):
    assert judge(FakeAccountGateway(), Side.BUY, 1, price).code == "bad_price"


def test_values_are_taken_as_those_of_an_order():
    gateway = FakeAccountGateway(positions=[holding("AAPL", "5")])
    checks, words = checks_of(gateway), ("aapl", cast("Side", "BUY"), 2.0, 100.5)
    assert checks.validate_trade(*words).is_safe  # type: ignore[arg-type]  # as a caller without types writes it
    assert not checks.validate_trade("AAPL", cast("Side", "SELL"), 6, Decimal(100)).is_safe


@pytest.mark.parametrize(
    ("symbol", "side", "code"),
    [
        ("AAPL", "hold", "bad_action"),
        ("AA PL", "buy", "bad_symbol"),
        ("BTC-USD", "buy", "unsupported_order_type"),
    ],
)
def test_what_is_no_trade_is_refused(symbol, side, code):
    assert checks_of(FakeAccountGateway()).validate_trade(symbol, side, 1, Decimal(1)).code == code


def test_a_session_that_is_neither_yes_nor_no_is_refused():
    checks = checks_of(FakeAccountGateway())
    result = checks.validate_trade("AAPL", Side.BUY, 1, Decimal(1), extended_hours=cast("bool", "late"))
    assert (result.allowed, result.code) == (False, "bad_extended_hours")


def test_a_restricted_account_may_sell_but_not_buy():
    gateway = FakeAccountGateway(account=snapshot(restriction="closing only"), positions=[holding("AAPL", "5")])
    refused = judge(gateway, Side.BUY, 1)
    assert (refused.allowed, refused.code) == (False, "account_restricted")
    assert "closing only" in refused.reason
    assert judge(gateway, Side.SELL, 5).allowed


@pytest.mark.parametrize(("price", "code"), [("100", "allowed"), ("100.01", "insufficient_buying_power")])
def test_a_buy_may_cost_the_whole_buying_power_and_no_cent_more(price, code):
    gateway = FakeAccountGateway(account=snapshot(buying_power="1000"))
    assert judge(gateway, Side.BUY, 10, price).code == code


@pytest.mark.parametrize(("quantity", "code"), [(7, "allowed"), (8, "insufficient_shares")])
def test_a_sell_may_take_the_shares_not_promised_to_another_sell(quantity, code):
    gateway = FakeAccountGateway(positions=[holding("AAPL", "10", held_for_sells="3")])
    assert judge(gateway, Side.SELL, quantity).code == code


def test_shares_are_written_without_the_zeros_of_the_wire():
    gateway = FakeAccountGateway(positions=[holding("AAPL", "4.00000000", held_for_sells="4.00000000")])
    assert judge(gateway, Side.SELL, 1, "250").reason.startswith(
        "1 AAPL at 250.00 is more than the 0 shares free to sell, of 4 held; sell less"
    )


def test_a_session_that_has_ended_is_its_own_refusal():
    gateway = FakeAccountGateway(positions=[holding("AAPL", "10")])
    gateway.failing = {"positions"}
    gateway.error = OrderStatusError("log in again", code="login_needed")
    assert judge(gateway, Side.BUY, 1).code == "login_needed"


def test_what_is_not_held_is_not_sold():
    result = judge(FakeAccountGateway(positions=[holding("MSFT", "10")]), Side.SELL, 1)
    assert (result.allowed, result.code) == (False, "insufficient_shares")


def test_a_sell_needs_no_buying_power():
    gateway = FakeAccountGateway(account=snapshot(buying_power="0"), positions=[holding("AAPL", "10")])
    assert judge(gateway, Side.SELL, 10).allowed


@pytest.mark.parametrize(("price", "code"), [("100", "allowed"), ("100.01", "max_order_notional")])
def test_one_buy_may_reach_its_limit_and_no_cent_more(price, code):
    limits = RiskManagementConfig(max_order_notional=Decimal(1000), max_position_notional=None)
    assert judge(FakeAccountGateway(), Side.BUY, 10, price, limits=limits).code == code


def test_no_limit_of_an_order_binds_a_sell_of_held_shares():
    gateway = FakeAccountGateway(positions=[holding("AAPL", "10")])
    limits = RiskManagementConfig(max_order_notional=Decimal(1), max_position_notional=Decimal(1), max_open_orders=1)
    assert judge(gateway, Side.SELL, 10, "1000", limits=limits).allowed
    assert judge(gateway, Side.SELL, 11, "1000", limits=limits).code == "insufficient_shares"


def test_a_sell_of_shares_known_to_be_free_reads_nothing():
    gateway = FakeAccountGateway()
    checks = checks_of(gateway, free_to_sell=lambda symbol: free_of(symbol, 10 if symbol == "AAPL" else 0))
    assert checks.validate_trade("AAPL", Side.SELL, 10, price=Decimal(100)).allowed
    assert checks.validate_trade("AAPL", Side.SELL, 11, price=Decimal(100)).code == "insufficient_shares"
    assert checks.validate_trade("MSFT", Side.SELL, 1, price=Decimal(100)).code == "insufficient_shares"
    assert gateway.reads == []


def test_a_closed_market_names_the_extended_session_while_that_is_open():
    result = checks_of(FakeAccountGateway(), now=MONDAY_EVENING).validate_trade(
        "AAPL", Side.SELL, 1, price=Decimal(100)
    )
    assert result.code == "market_closed"
    assert "--extended-hours" in result.reason
    holiday = checks_of(FakeAccountGateway(), now=THANKSGIVING).validate_trade("AAPL", Side.SELL, 1, price=Decimal(100))
    assert "--extended-hours" not in holiday.reason


@pytest.mark.parametrize(("price", "code"), [("100", "allowed"), ("100.01", "max_position_notional")])
def test_the_position_after_a_buy_may_reach_its_limit_and_no_cent_more(price, code):
    gateway = FakeAccountGateway(positions=[holding("AAPL", "10")])
    limits = RiskManagementConfig(max_order_notional=None, max_position_notional=Decimal(3000))
    assert judge(gateway, Side.BUY, 20, price, limits=limits).code == code


def test_a_position_over_its_limit_can_be_left():
    gateway = FakeAccountGateway(positions=[holding("AAPL", "1000")])
    limits = RiskManagementConfig(max_order_notional=None, max_position_notional=Decimal(1))
    assert judge(gateway, Side.SELL, 1000, limits=limits).allowed


def test_the_first_rule_that_objects_gives_the_reason():
    gateway = FakeAccountGateway(account=snapshot(buying_power="0", restriction="locked"))
    limits = NO_LIMITS.model_copy(
        update={"max_order_notional": Decimal(1), "max_position_notional": Decimal(1), "max_trades_per_day": 1}
    )
    orders = FakeOrders()
    orders.tell(Side.SELL, 1)
    assert judge(gateway, Side.BUY, 1, limits=limits, orders=orders).code == "max_trades_per_day"
    assert judge(gateway, Side.BUY, 1, limits=limits).code == "account_restricted"
    gateway.snapshot = snapshot(buying_power="0")
    assert judge(gateway, Side.BUY, 1, limits=limits).code == "insufficient_buying_power"
    gateway.snapshot = snapshot()
    assert judge(gateway, Side.BUY, 1, limits=limits).code == "max_order_notional"


@pytest.mark.parametrize(("side", "read"), [(Side.BUY, "account"), (Side.BUY, "positions"), (Side.SELL, "positions")])
def test_without_account_data_nothing_is_traded(side, read):
    gateway = FakeAccountGateway(positions=[holding("AAPL", "10")])
    gateway.failing.add(read)
    result = judge(gateway, side, 1)
    assert (result.allowed, result.code) == (False, "no_account_data")
    assert "did not answer" in result.reason


def test_an_expired_login_is_called_that():
    gateway = FakeAccountGateway()
    gateway.failing.add("account")
    gateway.error = AuthenticationError("log in again")
    assert judge(gateway, Side.BUY, 1).code == "login_needed"


def test_unreadable_balances_do_not_hold_up_an_exit():
    gateway = FakeAccountGateway(positions=[holding("AAPL", "10")])
    gateway.failing.add("account")
    assert judge(gateway, Side.SELL, 10).allowed


def test_the_ambient_decimal_precision_loosens_no_limit():
    """At two digits, 10 times 100.4 would be 1.0E+3 and fit."""
    gateway = FakeAccountGateway(account=snapshot(buying_power="1000"))
    with decimal.localcontext(decimal.Context(prec=2)):
        assert judge(gateway, Side.BUY, 10, "100.4").code == "insufficient_buying_power"


@pytest.mark.parametrize("state", OrderState)
def test_unresolved_buys_reserve_the_buying_power_that_the_broker_does_not_know_about(state):
    gateway = FakeAccountGateway(account=snapshot(buying_power="1000"))
    orders = FakeOrders()
    orders.tell(Side.BUY, 4, "100", symbol="MSFT", state=state)
    held = Decimal(400) if state.is_working else Decimal(0)
    gateway.snapshot = replace(gateway.snapshot, as_of=orders.now, cash_held_for_orders=held)
    free = 6 if state.is_unresolved else 10
    assert judge(gateway, Side.BUY, free, orders=orders).allowed
    refused = judge(gateway, Side.BUY, free + 1, orders=orders)
    assert refused.code == "insufficient_buying_power"
    assert (", 400.00 of it reserved" in refused.reason) is state.is_unresolved
    assert ("reserved" in refused.reason) is state.is_unresolved
    assert ("or wait a minute" in refused.reason) is state.is_unresolved


@pytest.mark.parametrize("allow_margin", [False, True])
def test_borrowed_money_is_counted_anew_after_each_order_because_one_may_take_more_of_it_than_it_costs(allow_margin):
    gateway = FakeAccountGateway(account=snapshot(buying_power="1000"))
    orders = FakeOrders(MONDAY_NOON)
    account = AccountData(gateway=gateway, clock=VirtualClock(MONDAY_NOON), ttl_s=60, orders=orders.changed)
    limits = NO_LIMITS.model_copy(update={"allow_margin": allow_margin})
    checks = checks_of(gateway, limits=limits, orders=orders, account=account)
    assert checks.validate_trade("AAPL", Side.BUY, 4, price=Decimal(100)).allowed
    orders.tell(Side.BUY, 4, "100", state=OrderState.CONFIRMED)
    account.outdate()
    gateway.snapshot = replace(gateway.snapshot, buying_power=Decimal(200), cash_held_for_orders=Decimal(400))
    assert checks.validate_trade("AAPL", Side.BUY, 4, price=Decimal(100)).allowed is not allow_margin
    assert gateway.reads.count("account") == 1 + allow_margin


@pytest.mark.parametrize("state", OrderState)
def test_unresolved_sells_reserve_the_shares_that_the_broker_does_not_hold_back(state):
    gateway = FakeAccountGateway(positions=[holding("AAPL", "10", held_for_sells="3")])
    orders = FakeOrders()
    orders.tell(Side.SELL, 4, state=state)
    free = 3 if state.is_unresolved else 7
    assert judge(gateway, Side.SELL, free, orders=orders).allowed
    refused = judge(gateway, Side.SELL, free + 1, orders=orders)
    assert refused.code == "insufficient_shares"
    assert f"more than the {free} shares free" in refused.reason


@pytest.mark.parametrize("state", OrderState)
def test_buys_that_have_not_ended_count_as_if_they_were_filled(state):
    gateway = FakeAccountGateway(positions=[holding("AAPL", "10")])
    orders = FakeOrders()
    orders.tell(Side.BUY, 5, "100", state=state)
    limits = NO_LIMITS.model_copy(update={"max_position_notional": Decimal(3000)})
    free = 20 if state.is_terminal else 15
    assert judge(gateway, Side.BUY, free, limits=limits, orders=orders).allowed
    refused = judge(gateway, Side.BUY, free + 1, limits=limits, orders=orders)
    assert refused.code == "max_position_notional"
    assert ("500.00 of it in buys still open" in refused.reason) is not state.is_terminal


def test_an_order_that_ends_while_the_account_is_read_still_counts():
    """The balances need not show yet what it took, nor what its end gave back."""
    gateway, orders = FakeAccountGateway(account=snapshot(buying_power="1000")), FakeOrders()
    order = orders.tell(Side.BUY, 5, "100", state=OrderState.UNKNOWN)
    ended = replace(order, envelope=replace(order.envelope, state=OrderState.CANCELLED))

    def end() -> None:
        orders.told = [ended] if gateway.reads[-1] == "account" else [order]

    gateway.during_read = end
    assert judge(gateway, Side.BUY, 10, orders=orders).code == "insufficient_buying_power"


def test_a_buy_that_ends_while_the_positions_are_read_still_counts():
    """Read the other way round, it would be in neither answer."""
    gateway, orders = FakeAccountGateway(account=snapshot(buying_power="9000")), FakeOrders()
    orders.tell(Side.BUY, 5, "100", state=OrderState.UNKNOWN)
    gateway.during_read = orders.told.clear
    limits = NO_LIMITS.model_copy(update={"max_position_notional": Decimal(1400)})
    assert judge(gateway, Side.BUY, 10, orders=orders, limits=limits).code == "max_position_notional"


@pytest.mark.parametrize(("held", "expected"), [(10, 4), (4, 10)])
def test_the_limit_of_a_position_goes_by_a_young_look_and_by_our_fills_whichever_is_more(held, expected):
    gateway, clock = FakeAccountGateway(), VirtualClock(MONDAY_NOON)
    looks = Looks(held=held, expected=expected, clock=clock)
    checks = checks_of(gateway, limits=limits_of(max_position_notional=3000), clock=clock, free_to_sell=looks)
    assert checks.validate_trade("AAPL", Side.BUY, 20, Decimal(100)).allowed
    assert checks.validate_trade("AAPL", Side.BUY, 21, Decimal(100)).code == "max_position_notional"
    assert gateway.reads == ["account"]


def test_positions_are_read_once_the_look_is_as_old_as_account_data_may_be():
    gateway, clock = FakeAccountGateway(positions=[holding("AAPL", "10")]), VirtualClock(MONDAY_NOON)
    looks = Looks(held=0, expected=0, clock=clock)
    checks = checks_of(gateway, limits=limits_of(max_position_notional=3000), clock=clock, free_to_sell=looks)
    clock.sleep(15)
    assert checks.validate_trade("AAPL", Side.BUY, 21, Decimal(100)).code == "max_position_notional"
    assert gateway.reads == ["positions", "account"]


def test_a_look_that_is_lost_before_the_order_is_judged_refuses_it():
    """Somebody else may have had the account meanwhile."""
    clock = VirtualClock(MONDAY_NOON)
    looks = Looks(held=0, expected=0, clock=clock)
    gateway, limits = FakeAccountGateway(), limits_of(max_position_notional=3000)
    checks = checks_of(gateway, limits=limits, clock=clock, free_to_sell=looks)

    def lose() -> None:
        looks.free = None

    gateway.during_read = lose
    refused = checks.validate_trade("AAPL", Side.BUY, 1, Decimal(100))
    assert (refused.code, "not known any more" in refused.reason) == ("max_position_notional", True)


@pytest.mark.parametrize(("trades", "code"), [(2, "allowed"), (3, "max_trades_per_day")])
def test_a_day_has_so_many_trades_and_no_more(trades, code):
    orders = FakeOrders(MONDAY_NOON)
    orders.buy(1, at=MONDAY_NOON - timedelta(days=1))
    orders.now = MONDAY_NOON
    for _ in range(trades):
        orders.sell(1)
    result = judge(FakeAccountGateway(), Side.BUY, 1, limits=limits_of(max_trades_per_day=3), orders=orders)
    assert result.code == code
    assert result.allowed or result.reason.startswith("3 orders were placed on 2026-11-23, and the limit is 3;")


@pytest.mark.parametrize(("allow_margin", "code"), [(False, "insufficient_buying_power"), (True, "allowed")])
def test_a_buy_borrows_on_margin_only_where_a_setting_allows_it(allow_margin, code):
    lent = replace(snapshot(buying_power="2000"), account_type="margin", portfolio_cash=Decimal(999))
    result = judge(FakeAccountGateway(account=lent), Side.BUY, 10, limits=limits_of(allow_margin=allow_margin))
    assert result.code == code
    assert result.allowed or "risk_management.allow_margin" in result.reason


@pytest.mark.parametrize(("open_orders", "code"), [(2, "allowed"), (3, "max_open_orders")])
def test_so_many_orders_may_be_open_or_in_doubt_and_no_more(open_orders, code):
    gateway, orders = FakeAccountGateway(positions=[holding("AAPL", "10")]), FakeOrders()
    for number in range(open_orders):
        orders.tell(Side.BUY, 1, state=OrderState.UNKNOWN if number else OrderState.CONFIRMED)
    limits = limits_of(max_open_orders=3)
    result = judge(gateway, Side.BUY, 1, limits=limits, orders=orders)
    assert result.code == code
    assert result.allowed or result.reason.startswith("3 orders are open or in doubt, and the limit is 3; cancel one")
    assert judge(gateway, Side.SELL, 1, limits=limits, orders=orders).allowed


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ({"max_daily_loss": 10}, "risk_halt"),
        ({"max_consecutive_losses": 1}, "risk_halt"),
        ({"max_trades_per_day": 1}, "max_trades_per_day"),
        ({"max_entries_per_minute": 1}, "max_entries_per_minute"),
    ],
)
def test_the_limits_of_a_day_stop_buys_and_never_a_sell_of_held_shares(tmp_path, limit, code):
    gateway, orders = FakeAccountGateway(positions=[holding("AAPL", "10")]), FakeOrders()
    orders.round_trip("-10")
    checks = checks_of(gateway, limits=limits_of(**limit), orders=orders, folder=tmp_path)
    assert checks.validate_trade("AAPL", Side.BUY, 1, price=Decimal(100)).code == code
    assert checks.validate_trade("AAPL", Side.SELL, 10, price=Decimal(100)).allowed


def test_a_risk_file_that_cannot_be_relied_on_stops_buys_and_never_a_sell_of_held_shares(tmp_path):
    (tmp_path / "risk.json").write_text("torn")
    gateway = FakeAccountGateway(positions=[holding("AAPL", "10")])
    refused = judge(gateway, Side.BUY, 1, folder=tmp_path)
    assert (refused.allowed, refused.code) == (False, "risk_halt")
    assert "`trading-bot arm`" in refused.reason
    assert judge(gateway, Side.SELL, 10, folder=tmp_path).allowed


def test_a_refused_buy_puts_the_limit_it_met_on_record(tmp_path):
    orders = FakeOrders()
    orders.round_trip("-10")
    limits = limits_of(max_daily_loss=10)
    judge(FakeAccountGateway(), Side.BUY, 1, limits=limits, orders=orders, folder=tmp_path)
    assert judge(FakeAccountGateway(), Side.BUY, 1, orders=orders, folder=tmp_path).code == "risk_halt"


@pytest.mark.parametrize(
    ("side", "now", "reads"),
    [
        (Side.BUY, MONDAY_NOON, ["quotes"]),
        (Side.SELL, MONDAY_NOON, []),
        (Side.BUY, MONDAY_EVENING, []),
        (Side.BUY, THANKSGIVING, []),
    ],
)
def test_prices_are_read_ahead_of_a_buy_in_the_regular_session_alone(tmp_path, side, now, reads):
    gateway, orders = FakeAccountGateway(), FakeOrders(now)
    orders.buy(10, "100")
    checks = checks_of(gateway, limits=limits_of(max_daily_loss=1000), orders=orders, folder=tmp_path, now=now)
    checks.read_ahead(side)
    assert gateway.reads == reads


def test_the_state_is_todays_and_asks_no_broker(tmp_path):
    gateway, orders = FakeAccountGateway(), FakeOrders()
    orders.round_trip("-10")
    state = checks_of(gateway, limits=limits_of(max_daily_loss=10), orders=orders, folder=tmp_path).state()
    assert (state.day, state.trades_today, state.realised_today) == (date(2026, 11, 23), 2, Decimal(-10))
    assert state.halted_because is not None
    assert (gateway.reads, list(tmp_path.iterdir())) == ([], [])


@given(
    st.lists(
        st.tuples(
            st.integers(1, 40), st.integers(1, 60), st.sampled_from([OrderState.UNKNOWN, OrderState.PENDING_SUBMIT])
        ),
        max_size=12,
    )
)
def test_no_sequence_of_allowed_buys_exceeds_the_limits(wanted):
    """None of them is known to the broker, so nothing but the orders on record can tell."""
    gateway, orders = FakeAccountGateway(account=snapshot(buying_power="3000")), FakeOrders()
    limits = NO_LIMITS.model_copy(update={"max_position_notional": Decimal(2000), "max_trades_per_day": 4})
    spent, shares = Decimal(0), 0
    with TemporaryDirectory() as folder:
        checks = checks_of(gateway, limits=limits, orders=orders, folder=Path(folder))
        for quantity, price, state in wanted:
            if checks.validate_trade("AAPL", Side.BUY, quantity, price=Decimal(price)).allowed:
                orders.tell(Side.BUY, quantity, str(price), state=state)
                spent, shares = spent + quantity * price, shares + quantity
                assert shares * price <= 2000
    assert spent <= 3000
    assert len(orders.told) <= 4


@given(st.lists(st.integers(-400, 300), max_size=15))
def test_no_buy_is_allowed_after_the_loss_of_the_day_or_the_losses_in_a_row_reached_their_limit(results):
    gateway, orders = FakeAccountGateway(), FakeOrders()
    realised, in_a_row, limits = 0, 0, limits_of(max_daily_loss=1000, max_consecutive_losses=3)
    with TemporaryDirectory() as folder:
        for result in results:
            checks = checks_of(gateway, limits=limits, orders=orders, folder=Path(folder), now=orders.now)
            if not checks.validate_trade("AAPL", Side.BUY, 1, price=Decimal(100)).allowed:
                assert realised <= -1000 or in_a_row >= 3
                break
            assert realised > -1000
            assert in_a_row < 3
            orders.round_trip(str(result))
            realised += result
            in_a_row = in_a_row + 1 if result < 0 else in_a_row if result == 0 else 0


def test_pending_orders_are_remembered_once_and_in_order():
    checks = checks_of(FakeAccountGateway())
    for order_id in ("a", "b", "a"):
        checks.register_pending_order("AAPL", Side.BUY, order_id)
    assert checks.pending_orders == (
        PendingOrder(symbol="AAPL", side=Side.BUY, order_id="a"),
        PendingOrder(symbol="AAPL", side=Side.BUY, order_id="b"),
    )


@pytest.mark.parametrize(
    ("symbol", "side", "left"),
    [("AAPL", Side.BUY, {"sell", "msft"}), ("AAPL", None, {"msft"}), ("TSLA", None, {"buy", "sell", "msft"})],
)
def test_clearing_forgets_the_named_symbol_and_side(symbol, side, left):
    checks = checks_of(FakeAccountGateway())
    checks.register_pending_order("AAPL", Side.BUY, "buy")
    checks.register_pending_order("AAPL", Side.SELL, "sell")
    checks.register_pending_order("MSFT", Side.BUY, "msft")
    checks.clear_pending_order(symbol, side)
    assert {order.order_id for order in checks.pending_orders} == left


@pytest.mark.parametrize(("side", "left"), [("BUY", ["sell"]), ("sell", ["buy"])])
def test_a_side_may_be_given_in_words(side, left):
    checks = checks_of(FakeAccountGateway())
    checks.register_pending_order("AAPL", cast("Side", "BUY"), "buy")
    checks.register_pending_order("AAPL", cast("Side", "sell"), "sell")
    checks.clear_pending_order("AAPL", side)
    assert [order.order_id for order in checks.pending_orders] == left


def test_a_symbol_may_be_given_in_small_letters():
    """A fill clears the entry under the broker's symbol."""
    checks = checks_of(FakeAccountGateway())
    checks.register_pending_order("aapl", Side.BUY, "buy")
    checks.clear_pending_order("AAPL", Side.BUY)
    assert checks.pending_orders == ()


def test_a_side_that_is_none_neither_registers_nor_clears():
    checks = checks_of(FakeAccountGateway())
    checks.register_pending_order("AAPL", Side.BUY, "a")
    hold = cast("Side", "hold")
    for change in (
        lambda: checks.register_pending_order("AAPL", hold, "b"),
        lambda: checks.clear_pending_order("AAPL", hold),
    ):
        with pytest.raises(ValueError, match="hold"):
            change()
    assert [order.order_id for order in checks.pending_orders] == ["a"]


def test_clearing_all_forgets_everything():
    checks = checks_of(FakeAccountGateway())
    checks.register_pending_order("AAPL", Side.BUY, "a")
    checks.clear_all_pending_orders()
    assert checks.pending_orders == ()


def test_a_pending_order_is_no_reason_to_refuse_the_next():
    """Only the order manager judges duplicates."""
    checks = checks_of(FakeAccountGateway())
    checks.register_pending_order("AAPL", Side.BUY, "a")
    assert checks.validate_trade("AAPL", Side.BUY, 1, price=Decimal(100)).allowed


def test_an_order_on_its_way_is_judged_by_the_same_rules_and_refused_with_their_code():
    gateway = FakeAccountGateway(account=snapshot(buying_power="1000"), positions=[holding("AAPL", "5")])
    checks = checks_of(gateway)
    assert refusal_of(checks, terms_of(10)) is None
    assert refusal_of(checks, terms_of(11)) == "insufficient_buying_power"
    assert refusal_of(checks, terms_of(5, Side.SELL)) is None
    assert refusal_of(checks, terms_of(6, Side.SELL)) == "insufficient_shares"


def test_an_order_on_its_way_into_a_closed_market_is_refused_before_the_broker_is_asked():
    gateway = FakeAccountGateway(positions=[holding("AAPL", "5")])
    checks = checks_of(gateway, now=MONDAY_EVENING)
    assert refusal_of(checks, terms_of(1, Side.SELL)) == "market_closed"
    assert gateway.reads == []
    assert refusal_of(checks, terms_of(1, Side.SELL, extended_hours=True)) is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OrderStatusError("no answer"), "no_account_data"),
        (OrderStatusError("log in again", code="login_needed"), "login_needed"),
    ],
)
def test_an_order_on_its_way_is_refused_where_the_account_cannot_be_read(error, code):
    gateway = FakeAccountGateway()
    gateway.failing, gateway.error = {"account"}, error
    assert refusal_of(checks_of(gateway), terms_of(1)) == code


@pytest.mark.parametrize("side", Side)
def test_what_an_order_is_judged_by_is_read_within_its_time(side):
    gateway, clock = FakeAccountGateway(positions=[holding("AAPL", "5")]), VirtualClock(MONDAY_NOON)
    by = clock.monotonic() + 7
    checks_of(gateway, clock=clock).gather(terms_of(1, side), by, None)
    assert set(gateway.deadlines) == {by}
    assert len(gateway.deadlines) == len(gateway.reads) == (2 if side is Side.BUY else 1)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({}, "insufficient_buying_power"),
        ({"max_open_orders": 1}, "max_open_orders"),
        ({"max_position_notional": 1000}, "max_position_notional"),
        ({"max_gross_exposure": 1000}, "max_gross_exposure"),
    ],
)
def test_a_buy_that_replaces_another_is_judged_as_if_that_had_been_cancelled(limits, code):
    """Four of its ten shares are filled and stay: six hundred dollars come back."""
    power = "100" if not limits else "10000"
    gateway, orders = FakeAccountGateway(account=snapshot(buying_power=power)), FakeOrders()
    old = orders.tell(Side.BUY, 10, "100", state=OrderState.PARTIALLY_FILLED, filled="4")
    gateway.snapshot = replace(gateway.snapshot, as_of=orders.now, cash_held_for_orders=Decimal(600))
    checks = checks_of(gateway, limits=limits_of(**limits), orders=orders)
    assert refusal_of(checks, terms_of(7)) == code
    assert refusal_of(checks, terms_of(7), instead_of=old) is None


@pytest.mark.parametrize(("old", "new"), [(Side.BUY, Side.SELL), (Side.SELL, Side.BUY)])
def test_an_order_of_the_other_side_gives_nothing_back(old, new):
    gateway, orders = FakeAccountGateway(account=snapshot(buying_power="0")), FakeOrders()
    replaced = orders.tell(old, 5, "100", state=OrderState.CONFIRMED)
    assert refusal_of(checks_of(gateway, orders=orders), terms_of(1, new), instead_of=replaced) is not None


def test_a_sell_that_replaces_another_has_its_shares_back():
    gateway, orders = FakeAccountGateway(positions=[holding("AAPL", "10", held_for_sells="6")]), FakeOrders()
    old = orders.tell(Side.SELL, 6, "100", state=OrderState.CONFIRMED)
    for checks in (
        checks_of(gateway, orders=orders),
        checks_of(gateway, orders=orders, free_to_sell=lambda symbol: free_of(symbol, 4)),
    ):
        assert refusal_of(checks, terms_of(5, Side.SELL)) == "insufficient_shares"
        assert refusal_of(checks, terms_of(10, Side.SELL), instead_of=old) is None
        assert refusal_of(checks, terms_of(11, Side.SELL), instead_of=old) == "insufficient_shares"


def test_what_is_known_to_be_free_is_told_with_the_numbers_it_rests_on():
    refused = judge(FakeAccountGateway(), Side.SELL, 11, free_to_sell=lambda symbol: free_of(symbol, 10))
    assert (
        refused.reason == f"11 AAPL at 100.00 is more than the 10 shares free to sell: {free_of('AAPL', 10).in_words()}"
    )


@pytest.mark.parametrize("name", ["max_order_notional", "max_position_notional"])
def test_a_limit_held_until_a_canary_has_passed_says_so_and_another_names_its_setting(name):
    own = RiskManagementConfig.model_validate(
        {"max_order_notional": None, "max_position_notional": None, name: 100_000}
    )
    held = limits_in_force(own, is_live=True, canary=None)
    alone = replace(held, limits=held.limits.model_copy(update={(set(LIVE_LIMITS) - {name}).pop(): None}))
    refused = checks_of(FakeAccountGateway(), in_force=alone).validate_trade("AAPL", Side.BUY, 21, Decimal(100))
    assert (refused.code, "'trading-bot canary SYMBOL' first" in refused.reason) == (name, True)
    by_setting = checks_of(FakeAccountGateway(), in_force=replace(alone, held=frozenset()))
    reason = by_setting.validate_trade("AAPL", Side.BUY, 21, Decimal(100)).reason
    assert reason.endswith(f"raise risk_management.{name}")


def test_prices_are_read_again_after_half_a_minute_for_an_order_and_after_ten_seconds_for_the_poller():
    gateway, orders, clock = FakeAccountGateway(), FakeOrders(MONDAY_NOON), VirtualClock(MONDAY_NOON)
    orders.buy(10, "100")
    checks = checks_of(gateway, limits=limits_of(max_daily_loss=1000), orders=orders, clock=clock)
    reads = []
    for pause, look in (
        (0.0, checks.read_ahead),
        (30.0, checks.read_ahead),
        (0.001, checks.read_ahead),
        (10.0, checks.renew),
        (0.001, checks.renew),
    ):
        clock.sleep(pause)
        look()
        reads.append(gateway.reads.count("quotes"))
    assert reads == [1, 1, 2, 2, 3]


@pytest.mark.parametrize(("now", "quotes"), [(MONDAY_NOON, 1), (MONDAY_EVENING, 0), (THANKSGIVING, 0)])
def test_balances_are_renewed_ahead_of_need_and_prices_in_the_regular_session_alone(now, quotes):
    gateway, orders = FakeAccountGateway(), FakeOrders(now)
    orders.buy(10, "100")
    checks_of(gateway, limits=limits_of(max_daily_loss=1000), orders=orders, now=now).renew()
    assert (gateway.reads.count("account"), gateway.reads.count("quotes")) == (1, quotes)


@pytest.mark.parametrize(("now", "today"), [(MONDAY_NOON, Decimal(0)), (MONDAY_EVENING, None), (THANKSGIVING, None)])
def test_the_change_of_today_is_known_in_the_regular_session_alone(now, today):
    found = checks_of(FakeAccountGateway(), now=now).account_results(NoMarks())
    assert (found.unrealised_today, found.unrealised, found.realised) == (today, Decimal(0), Decimal(0))


def test_the_limits_and_the_holdings_of_now_are_told_without_the_broker():
    gateway, orders = FakeAccountGateway(), FakeOrders()
    orders.buy(10, "100")
    orders.tell(Side.BUY, 1, "50", symbol="MSFT", state=OrderState.CONFIRMED)
    checks = checks_of(gateway, limits=limits_of(max_open_orders=4, max_trades_per_day=4), orders=orders)
    used = {use.name: use.used for use in checks.limits_now().uses}
    assert (used["max_open_orders"], used["max_trades_per_day"]) == (1, 2)
    assert (used["max_gross_exposure"], used["max_position_notional"]) == (50, 50)
    assert checks.held_symbols() == ("AAPL",)
    assert checks.holdings()["AAPL"].cost == 1000
    assert gateway.reads == []
