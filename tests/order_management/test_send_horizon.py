"""Until when written bytes may arrive, by what carries them."""

from datetime import timedelta

import pytest

from trading_bot.config import OrderManagementConfig
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.send_horizon import Carrier, SendHorizon, slowest_carrier

SETTINGS = OrderManagementConfig.from_dict(
    {"intent_ttl_s": 7, "submit_deadline_s": 19, "request_timeout_s": 11, "max_attempts": 2}
)


@pytest.mark.parametrize(
    ("carrier", "after_intent_s", "after_last_write_s"),
    [
        (Carrier.IN_PROCESS, 19, 7 + 11),
        (Carrier.EXPIRING_SOCKET, 19 + 11 + 60, 7 + 11 + 11 + 60),
        (Carrier.LINGERING_SOCKET, 19 + 900, 7 + 11 + 900),
    ],
)
def test_the_horizon_is_the_deadline_and_what_the_carrier_adds(carrier, after_intent_s, after_last_write_s):
    horizon = SendHorizon(times=SETTINGS, carrier=carrier)
    assert horizon.after_intent == timedelta(seconds=after_intent_s)
    assert horizon.after_last_write_s == after_last_write_s


@pytest.mark.parametrize("mode", ExecutionMode)
def test_an_unnamed_carrier_is_the_slowest_there_can_be(mode):
    expected = Carrier.IN_PROCESS if mode is ExecutionMode.PAPER else Carrier.LINGERING_SOCKET
    assert slowest_carrier(mode) is expected
