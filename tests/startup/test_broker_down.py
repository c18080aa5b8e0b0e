"""With the broker down, what the journal knows is answered from the journal, and said to be only that."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.live_account import NUMBER, LiveAccount, live_account
from tests.support.loopback_broker import acts
from trading_bot.bot import StartError, TradingBot
from trading_bot.lease import this_process
from trading_bot.operations import CancelOrder, ListOrders, Operations, PlaceOrder, ShowStatus
from trading_bot.operations.command import Command
from trading_bot.order_management.exceptions import OrderNotFoundError
from trading_bot.order_management.models import Side
from trading_bot.startup import open_command_client

BUY = PlaceOrder(symbol="AAPL", side=Side.BUY, quantity=10, reference_price=Decimal(90), client_order_id="c-1")


@pytest.fixture
def known(tmp_path: Path) -> Iterator[LiveAccount]:
    """An account with one resting order that the journal knows, whose broker has just stopped answering."""
    with live_account(tmp_path) as account:
        account.log_in()
        account.arm()
        assert asked(account, BUY)["status"] == "submitted"
        for path in (f"/accounts/{NUMBER}/", "/orders/", "/positions/"):
            account.server.on("GET", path, *[acts.reply(503)] * 20)
        yield account


def asked(account: LiveAccount, ask: Command) -> dict[str, object]:
    with open_command_client(account.config, transport=account.transport, surroundings=account.around) as runner:
        return runner.perform(ask)


def test_a_known_id_is_answered_and_nothing_is_sent(known):
    before = known.submits
    answer = asked(known, BUY)
    assert (answer["status"], answer["code"], known.submits) == ("duplicate", "duplicate", before)


def test_the_status_of_a_known_order_is_the_journals_and_says_how_old_it_is(known):
    answer = asked(known, ShowStatus(id="c-1"))
    assert (answer["client_order_id"], answer["quantity"]) == ("c-1", "10")
    assert (answer["problem"], answer["recorded_until"] is None) == (None, False)


@pytest.mark.parametrize("everything", [True, False])
def test_the_list_is_the_journals_and_says_how_old_it_is(known, everything):
    answer = asked(known, ListOrders(all=everything))
    assert [order["client_order_id"] for order in answer["orders"]] == ["c-1"]  # type: ignore[attr-defined]
    assert (answer["complete"], answer["journal_ok"]) == (True, True)
    assert answer["recorded_until"] is not None


def test_an_order_that_is_not_on_record_is_not_looked_for_at_the_broker(known):
    with pytest.raises(OrderNotFoundError):
        asked(known, ShowStatus(id="c-9"))


@pytest.mark.parametrize(
    "ask",
    [
        CancelOrder(id="c-1"),
        BUY.model_copy(update={"client_order_id": "c-9"}),
        BUY.model_copy(update={"client_order_id": None}),
        BUY.model_copy(update={"quantity": 11}),
    ],
    ids=["a cancel", "a new order", "an order without a name", "a known id for another order"],
)
def test_what_only_the_broker_can_answer_fails_as_before(known, ask):
    with pytest.raises(StartError) as caught:
        asked(known, ask)
    assert caught.value.step == "reconciliation"
    assert "reading accounts" in str(caught.value)


class Bench:
    """A bot that runs while the list of orders cannot be read."""

    def __init__(self, account: LiveAccount) -> None:
        self.account = account
        self.bot: TradingBot = account.bot()
        self.runner = Operations(self.bot, holder=this_process())


def test_a_running_bot_answers_from_its_journal_too(tmp_path):
    with live_account(tmp_path) as account:
        account.log_in()
        account.arm()
        bench = Bench(account)
        bench.bot.start()
        placed = bench.runner.perform(BUY)
        order = placed["order"]
        assert isinstance(order, dict)
        account.server.on("GET", f"/orders/{order['order_id']}/", *[acts.reply(503)] * 20)
        shown = bench.runner.perform(ShowStatus(id="c-1"))
        assert (shown["state"], str(shown["problem"])[:30]) == ("queued", "the broker could not be read: ")
        account.server.on("GET", "/orders/", *[acts.reply(503)] * 20)
        bench.bot.synchronize_open_orders()
        listed = bench.runner.perform(ListOrders())
        assert (listed["complete"], str(listed["problem"])[:30]) == (False, "the broker could not be read: ")
        bench.bot.stop()
