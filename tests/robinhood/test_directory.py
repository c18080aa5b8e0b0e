"""Accounts and instruments of a login: which one is ours, and what a symbol stands for."""

import pytest

from tests.support.scripted_broker import ScriptedBroker, account_row, instrument_row, page, reply
from tests.support.scripted_broker import clock as clock_at_work
from trading_bot.clock import VirtualClock
from trading_bot.error_handling.policies import RetryPolicy
from trading_bot.order_management.exceptions import OrderStatusError, OrderValidationError
from trading_bot.order_management.models import Side
from trading_bot.robinhood.directory import BrokerDirectory
from trading_bot.robinhood.reads import BrokerReads, Repeater
from trading_bot.robinhood.session import BrokerSession

ONCE = RetryPolicy(max_attempts=1, initial_delay_s=0, max_delay_s=0, jitter_s=0)


class Desk:
    def __init__(self, *, asks_symbols: bool = True) -> None:
        self.time: VirtualClock = clock_at_work()
        self.broker = ScriptedBroker()
        repeater = Repeater(
            wire=BrokerSession(adapter=self.broker, clock=self.time),
            clock=self.time,
            renew=lambda _within_s: False,
            timeout_s=5,
        )
        self.directory = BrokerDirectory(
            reads=BrokerReads(repeater=repeater, policy=ONCE),
            clock=self.time,
            account_number=None,
            asks_symbols=asks_symbols,
        )


@pytest.fixture
def desk():
    return Desk()


def test_an_instrument_looked_up_for_an_order_is_known_by_its_id(desk):
    desk.broker.on("GET", "/instruments/", page(instrument_row()))
    instrument = desk.directory.instrument("AAPL", Side.BUY)
    assert desk.directory.known_symbol(instrument.id) == "AAPL"
    assert desk.directory.symbols.known(instrument.id).is_active


@pytest.mark.parametrize("state", [None, "  "])
def test_an_instrument_without_a_state_is_known_as_neither(desk, state):
    desk.broker.on("GET", "/instruments/", page(instrument_row(state=state)))
    instrument = desk.directory.instrument("AAPL", Side.BUY)
    assert desk.directory.symbols.known(instrument.id).is_active is None


@pytest.mark.parametrize(
    ("word", "sides"),
    [
        ({"state": " Inactive"}, set()),
        ({"tradeable": False}, set()),
        ({"tradeable": "FALSE"}, set()),
        ({"tradability": "UNTRADABLE"}, set()),
        ({"tradability": "Position_Closing_Only"}, {Side.SELL}),
    ],
    ids=repr,
)
def test_documented_words_forbid_in_any_spelling(desk, word, sides):
    desk.broker.always("GET", "/instruments/", page(instrument_row(**word)))
    taken = set()
    for side in Side:
        try:
            desk.directory.instrument("AAPL", side)
        except OrderValidationError:
            continue
        taken.add(side)
    assert taken == sides


def test_one_account_that_cannot_be_read_among_several_is_still_several(desk):
    desk.broker.on("GET", "/accounts/", page(account_row(), {"account_number": 123456789}, {}, 7))
    with pytest.raises(OrderStatusError, match=r"several accounts.*2345.*6789.*\?\?\?\?"):
        desk.directory.account_number()


def test_an_empty_slot_is_no_account(desk):
    desk.broker.on("GET", "/accounts/", page(None, account_row()))
    assert desk.directory.account_number() == account_row()["account_number"]


def test_a_named_account_is_the_same_in_any_case():
    desk = Desk()
    directory = BrokerDirectory(reads=desk.directory._reads, clock=desk.time, account_number="5qr12345")
    desk.broker.on("GET", "/accounts/5qr12345/", reply(200, account_row("5QR12345")))
    assert directory.fetch_account().account_number == "5QR12345"
