import threading
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.support.account_gateway import FakeAccountGateway, holding, snapshot
from trading_bot.account.account_data import AccountData
from trading_bot.clock import VirtualClock
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.portfolio import UnreadPosition

TTL_S = 15


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(datetime(2026, 11, 23, 15, 0, tzinfo=UTC))


@pytest.fixture
def gateway() -> FakeAccountGateway:
    return FakeAccountGateway(account=snapshot(buying_power="500"), positions=[holding("AAPL", "10")])


@pytest.fixture
def data(gateway: FakeAccountGateway, clock: VirtualClock) -> AccountData:
    return AccountData(gateway=gateway, clock=clock, ttl_s=TTL_S)


def test_account_buying_power_and_positions_are_the_brokers(data, gateway):
    assert data.account() == gateway.snapshot
    assert data.buying_power() == Decimal(500)
    assert dict(data.positions()) == {"AAPL": gateway.holdings[0]}


def test_a_second_read_within_the_time_to_live_asks_nobody(data, gateway, clock):
    data.buying_power(), data.positions()
    clock.sleep(TTL_S - 1)
    data.account(), data.buying_power(), data.positions()
    assert gateway.reads == ["account", "positions"]


def test_data_as_old_as_the_time_to_live_is_read_again(data, gateway, clock):
    data.buying_power()
    clock.sleep(TTL_S)
    gateway.snapshot = snapshot(buying_power="400")
    assert data.buying_power() == Decimal(400)


def test_age_counts_from_the_beginning_of_the_read(data, gateway, clock):
    """A slow answer describes the account as it was when it was asked for."""
    gateway.during_read = lambda: clock.sleep(10)
    data.buying_power()
    clock.sleep(TTL_S - 10)
    data.buying_power()
    assert gateway.reads == ["account", "account"]


def test_a_time_to_live_of_zero_keeps_nothing(gateway, clock):
    data = AccountData(gateway=gateway, clock=clock, ttl_s=0)
    data.positions(), data.positions()
    assert gateway.reads == ["positions", "positions"]


@pytest.mark.parametrize("ttl_s", [-1, float("nan")])
def test_a_time_to_live_below_zero_is_refused(gateway, clock, ttl_s):
    with pytest.raises(ValueError, match="zero or more seconds"):
        AccountData(gateway=gateway, clock=clock, ttl_s=ttl_s)


@pytest.mark.parametrize(("read", "name"), [("buying_power", "account"), ("positions", "positions")])
def test_a_failed_refresh_raises_and_never_serves_the_old_answer(data, gateway, clock, read, name):
    getattr(data, read)()
    clock.sleep(TTL_S)
    gateway.failing.add(name)
    for _ in range(2):
        with pytest.raises(OrderStatusError, match="did not answer"):
            getattr(data, read)()


def test_a_read_after_a_failure_succeeds_again(data, gateway):
    gateway.failing.add("account")
    with pytest.raises(OrderStatusError):
        data.account()
    gateway.failing.clear()
    assert data.buying_power() == Decimal(500)


@pytest.mark.parametrize(
    ("name", "read_again"),
    [("buying_power", ["account"]), ("positions", ["positions"]), (None, ["account", "positions"])],
)
def test_invalidating_forgets_what_was_named(data, gateway, name, read_again):
    data.account(), data.positions()
    gateway.reads.clear()
    data.invalidate_cache(name)
    data.account(), data.positions()
    assert gateway.reads == read_again


def test_an_unknown_cache_name_is_refused_with_the_known_ones(data):
    with pytest.raises(ValueError, match="'positons'; use one of buying_power, positions"):
        data.invalidate_cache("positons")


def test_a_read_begun_before_an_invalidation_is_not_kept_after_it(data, gateway):
    """The fill that caused the invalidation may be missing from an answer that was already on its way."""

    def invalidated_on_the_way():
        gateway.during_read = lambda: None
        data.invalidate_cache("positions")
        gateway.holdings = (holding("AAPL", "20"),)

    gateway.during_read = invalidated_on_the_way
    assert data.positions()["AAPL"].quantity == 10
    assert data.positions()["AAPL"].quantity == 20


class TestOutdated:
    """An order of ours changed the account."""

    def test_who_asks_what_there_is_now_gets_a_new_read(self, data, gateway):
        data.account(), data.positions()
        data.outdate()
        data.account(), data.buying_power(), data.positions()
        assert gateway.reads == ["account", "positions"] * 2

    def test_the_check_of_an_order_goes_on_with_what_is_kept(self, data, gateway):
        data.account(), data.positions()
        data.outdate()
        assert data.kept_account(by=None).account == gateway.snapshot
        assert set(data.kept_positions(by=None).positions) == {"AAPL"}
        assert gateway.reads == ["account", "positions"]

    def test_a_read_that_was_under_way_is_kept_for_orders_alone(self, data, gateway):
        gateway.during_read = data.outdate
        data.account()
        gateway.during_read = lambda: None
        data.kept_account(by=None)
        assert gateway.reads == ["account"]
        data.account()
        assert gateway.reads == ["account", "account"]

    def test_what_is_kept_lives_no_longer_than_anything_else(self, data, gateway, clock):
        data.account()
        data.outdate()
        clock.sleep(TTL_S)
        data.kept_account(by=None)
        assert gateway.reads == ["account", "account"]


class TestRenewal:
    def test_balances_are_read_ahead_of_need_once_half_their_time_is_over(self, data, gateway, clock):
        data.renew()
        clock.sleep(TTL_S / 2 - 1)
        data.renew()
        assert gateway.reads == ["account"]
        clock.sleep(1)
        data.renew()
        assert gateway.reads == ["account", "account"]

    def test_balances_are_read_ahead_of_need_once_they_are_outdated(self, data, gateway):
        data.renew()
        data.outdate()
        data.renew()
        assert gateway.reads == ["account", "account"]

    def test_a_renewal_that_fails_leaves_what_is_kept(self, data, gateway, clock):
        data.account()
        clock.sleep(TTL_S - 1)
        gateway.failing.add("account")
        data.renew()
        assert data.account() == gateway.snapshot
        assert gateway.reads == ["account", "account"]

    def test_nothing_is_read_ahead_that_may_not_be_kept(self, gateway, clock):
        AccountData(gateway=gateway, clock=clock, ttl_s=0).renew()
        assert gateway.reads == []


def test_readers_at_the_same_time_share_one_request(data, gateway):
    inside, release = threading.Event(), threading.Event()

    def slow_read():
        inside.set()
        assert release.wait(10)

    gateway.during_read = slow_read
    threads = [threading.Thread(target=data.positions) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert inside.wait(10)
    release.set()
    for thread in threads:
        thread.join(10)
    assert gateway.reads == ["positions"]


def test_positions_cannot_be_changed_by_a_reader(data):
    with pytest.raises(TypeError):
        data.positions()["AAPL"] = holding("AAPL", "99")


def test_a_name_listed_twice_is_unread_and_hides_no_other(data, gateway):
    gateway.holdings = (holding("AAPL", "10"), holding("AAPL", "10"), holding("F", "3"))
    assert set(data.positions()) == {"F"}


def test_a_position_that_could_not_be_read_hides_no_other(data, gateway):
    gateway.holdings = (holding("AAPL", "10"),)
    gateway.unread = (UnreadPosition(name="SCLXZZZ", problem="cannot be read: quantity"),)
    assert set(data.positions()) == {"AAPL"}
    assert gateway.reads == ["positions"]


def test_quotes_are_always_read_anew(data, gateway):
    assert data.quotes(["AAPL", "NOPE"]).keys() == {"AAPL"}
    data.quotes(["AAPL"])
    assert gateway.reads == ["quotes", "quotes"]
