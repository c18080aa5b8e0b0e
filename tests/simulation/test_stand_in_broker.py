"""What the simulation's broker says besides its answers."""

from datetime import timedelta

import pytest
import requests

from tests.support.broker_stand_in import Act, BrokerStandIn, Route
from tests.support.sim_account import ACCOUNT
from tests.support.sim_world import MORNING, session_end
from tests.support.stand_in_book import BASE
from trading_bot.clock import VirtualClock
from trading_bot.robinhood.sending import SendContext, sending


@pytest.fixture
def broker() -> BrokerStandIn:
    return BrokerStandIn(clock=VirtualClock(MORNING), account=ACCOUNT, session_end=session_end)


def date_of_a_listing(broker: BrokerStandIn) -> str | None:
    with sending(SendContext(deadline=float("inf"))):
        answer = broker.send(requests.Request("GET", f"{BASE}/orders/").prepare(), timeout=1)
    date: str | None = answer.headers.get("Date")
    return date


def test_each_reply_bears_the_brokers_time(broker):
    """An origin server with a clock must send one (RFC 9110, section 6.6.1), in its one fixed form."""
    assert date_of_a_listing(broker) == "Mon, 23 Nov 2026 15:00:00 GMT"
    broker.clock.sleep(61.75)
    assert date_of_a_listing(broker) == "Mon, 23 Nov 2026 15:01:01 GMT"


@pytest.mark.parametrize(
    "act", [Act.E500_BEFORE, Act.E503_AFTER, Act.MALFORMED, Act.FORBIDDEN, Act.THROTTLED, Act.STALE]
)
def test_a_bad_reply_bears_it_too(broker, act):
    broker.acts[Route.LIST].append(act)
    assert date_of_a_listing(broker) == "Mon, 23 Nov 2026 15:00:00 GMT"


def test_the_time_of_a_reply_may_be_wrong_or_absent(broker):
    broker.date_skew = timedelta(hours=-2)
    assert date_of_a_listing(broker) == "Mon, 23 Nov 2026 13:00:00 GMT"
    broker.date_skew = None
    assert date_of_a_listing(broker) is None
