"""What carries the bytes of a submit, by mode and transport, and that bot and kill wait for it."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import requests

from tests.support.live_account import LiveAccount, live_account
from tests.support.loopback_broker import acts
from trading_bot.bot import TradeStatus
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.send_horizon import Carrier
from trading_bot.robinhood.live_transport import THIS_PLATFORM
from trading_bot.robinhood.order_socket import order_socket_carrier
from trading_bot.startup.kill import open_kill
from trading_bot.startup.live import carrier_of

pytestmark = pytest.mark.no_cover  # whole bots: each line that they run has a quick test of its own

LOOK_S = 61.0


class Stranger(requests.adapters.BaseAdapter):
    """A transport that says nothing of itself."""


class Named(Stranger):
    carrier = Carrier.EXPIRING_SOCKET


class Misnamed(Stranger):
    carrier = "a pigeon"


@pytest.fixture
def account(tmp_path: Path) -> Iterator[LiveAccount]:
    with live_account(tmp_path) as account:
        account.log_in()
        account.arm()
        yield account


@pytest.mark.parametrize("transport", [None, Stranger(), Named()], ids=["ours", "unnamed", "named"])
def test_no_socket_exists_in_paper_mode(transport):
    assert carrier_of(ExecutionMode.PAPER, transport) is Carrier.IN_PROCESS


@pytest.mark.parametrize(
    ("transport", "expected"),
    [
        (None, order_socket_carrier(THIS_PLATFORM)),
        (Stranger(), Carrier.LINGERING_SOCKET),
        (Named(), Carrier.EXPIRING_SOCKET),
        (Misnamed(), Carrier.LINGERING_SOCKET),
    ],
    ids=["ours", "unnamed", "named", "misnamed"],
)
def test_a_live_transport_counts_as_what_it_says_or_as_the_slowest(transport, expected):
    assert carrier_of(ExecutionMode.LIVE, transport) is expected


@pytest.mark.parametrize(
    ("carrier", "horizon_s"), [(Carrier.EXPIRING_SOCKET, 10 + 10 + 10 + 60), (Carrier.LINGERING_SOCKET, 10 + 10 + 900)]
)
def test_a_live_kill_calls_nothing_proven_before_the_send_horizon(account: LiveAccount, carrier, horizon_s):
    account.transport.carrier = carrier
    began = account.clock.monotonic()
    report = open_kill(account.config, transport=account.transport, surroundings=account.around).run("ann", "a test")
    assert report.is_confirmed
    assert horizon_s < account.clock.monotonic() - began < horizon_s + 30


@pytest.mark.parametrize(
    ("carrier", "horizon_s"), [(Carrier.EXPIRING_SOCKET, 20 + 10 + 60), (Carrier.LINGERING_SOCKET, 20 + 900)]
)
def test_a_live_order_counts_as_missed_only_after_the_send_horizon(account: LiveAccount, carrier, horizon_s):
    account.transport.carrier = carrier
    bot = account.bot()
    bot.start()
    bot.execute_trade("MSFT", "buy", 1, Decimal(90), "a known order", client_order_id="known")
    began = account.clock.now()
    account.server.on("POST", "/orders/", acts.close)
    result = bot.execute_trade("AAPL", "buy", 10, Decimal(90), "a test", client_order_id="c1")
    assert result.status is TradeStatus.UNKNOWN
    account.clock.sleep(horizon_s - 5 - (account.clock.now() - began).total_seconds())
    for expected in ("unknown", "unknown", "presumed_absent"):
        bot.synchronize_open_orders()
        assert bot.order_status("c1").state.value == expected
        account.clock.sleep(LOOK_S)
    bot.stop()
