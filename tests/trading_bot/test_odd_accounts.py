"""Accounts with something odd in them, through a whole live bot: what it concerns is held up, and nothing else."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from tests.support.live_account import NUMBER, LiveAccount, live_account
from tests.support.loopback_broker.book import BASE, INSTRUMENTS, NOW
from trading_bot.bot import TradeResult, TradeStatus, TradingBot
from trading_bot.order_management.decisions.operator_decisions import Resolution
from trading_bot.order_management.exceptions import OrderValidationError

pytestmark = pytest.mark.no_cover  # whole bots: each line that they run has a quick test of its own

ALICE: dict[str, Any] = {"by": "alice", "reason": "seen in the app"}
T = TypeVar("T")


@pytest.fixture
def account(tmp_path):
    with live_account(tmp_path) as account:
        account.log_in()
        account.arm()
        yield account


def trade(
    bot: TradingBot, side: str, symbol: str = "AAPL", quantity: int = 1, name: str = "", **terms: Any
) -> TradeResult:
    price = Decimal(99 if side == "buy" else 101)
    return bot.execute_trade(
        symbol, side, quantity, price, "a test", client_order_id=name or f"{side}-{symbol}-{quantity}", **terms
    )


def command(account: LiveAccount, do: Callable[[TradingBot], T]) -> T:
    """What a command at a terminal does: a bot of its own, from start to stop."""
    bot = account.bot()
    bot.start()
    try:
        return do(bot)
    finally:
        bot.stop()


class TestSingleCommandsProveADrift:
    def test_shares_that_moved_by_themselves_freeze_the_symbol_and_every_refusal_says_what_to_do(self, account):
        command(account, lambda bot: bot.manager.view.positions())
        account.book.shares = 500
        for _ in range(3):
            summary = command(account, lambda bot: bot.synchronize_open_orders())
            (told,) = summary.differences
            assert (told.symbol, told.broker, told.expected) == ("AAPL", Decimal(500), Decimal(50))
            account.clock.sleep(6)
        bought = command(account, lambda bot: trade(bot, "buy"))
        assert bought.status is TradeStatus.BLOCKED
        assert "accept-position AAPL" in bought.message
        sold = command(account, lambda bot: trade(bot, "sell", quantity=100))
        assert sold.status is TradeStatus.BLOCKED
        assert "the broker shows 500, our fills explain 50" in sold.message
        assert "accept-position AAPL" in sold.message
        assert command(account, lambda bot: trade(bot, "buy", "MSFT")).status is TradeStatus.SUBMITTED
        shown = command(account, lambda bot: bot.manager.view.positions()).positions[0]
        assert (shown.differs, shown.free.quantity) == (True, Decimal(50))
        command(account, lambda bot: bot.manager.decisions.accept_position("AAPL", **ALICE))
        assert command(account, lambda bot: trade(bot, "sell", quantity=100)).status is TradeStatus.SUBMITTED

    def test_what_agrees_again_is_released_by_the_bot_itself(self, account):
        command(account, lambda bot: bot.synchronize_open_orders())
        account.book.shares = 60
        for _ in range(3):
            command(account, lambda bot: bot.synchronize_open_orders())
            account.clock.sleep(6)
        assert command(account, lambda bot: trade(bot, "buy")).status is TradeStatus.BLOCKED
        account.book.shares = 50
        assert command(account, lambda bot: trade(bot, "buy", name="b2")).status is TradeStatus.SUBMITTED


class TestAStateWordThatNobodyKnows:
    def ended(self, account: LiveAccount) -> dict[str, object]:
        command(account, lambda bot: trade(bot, "buy", quantity=12, name="w3"))
        (row,) = account.book.rows.values()
        row |= {"state": "parked", "cancel": None}
        return row

    def test_the_word_is_shown_and_a_named_person_can_end_the_order(self, account):
        self.ended(account)
        status = command(account, lambda bot: bot.order_status("w3"))
        assert (status.state.value, status.broker_state, status.state_is_known) == ("confirmed", "parked", False)
        (listed,) = command(account, lambda bot: bot.open_orders())
        assert (listed.broker_state, listed.state_is_known) == ("parked", False)
        blocked = command(account, lambda bot: trade(bot, "buy", quantity=3))
        assert blocked.status is TradeStatus.BLOCKED
        ended = command(account, lambda bot: bot.manager.decisions.resolve("w3", as_=Resolution.CANCELLED, **ALICE))
        assert ended.state.value == "cancelled"
        assert command(account, lambda bot: bot.open_orders()) == ()
        assert command(account, lambda bot: trade(bot, "buy", quantity=3, name="b3")).status is TradeStatus.SUBMITTED

    def test_what_a_person_ended_is_not_asked_to_be_cancelled_again(self, account):
        row = self.ended(account)
        command(account, lambda bot: bot.manager.decisions.resolve("w3", as_=Resolution.CANCELLED, **ALICE))
        row["cancel"] = "listed as open"
        before = len(account.server.paths())
        summary = command(account, lambda bot: bot.synchronize_open_orders())
        assert summary.complete
        assert not any(path.endswith("/cancel/") for path in account.server.paths()[before:])

    def test_as_filled_moves_the_shares_too(self, account):
        self.ended(account)
        command(account, lambda bot: bot.manager.decisions.resolve("w3", as_=Resolution.FILLED, **ALICE))
        account.book.shares = 62
        summary = command(account, lambda bot: bot.synchronize_open_orders())
        assert summary.differences == ()

    def test_a_word_that_is_known_beats_what_a_person_says(self, account):
        row = self.ended(account)
        row["state"] = "confirmed"
        with pytest.raises(OrderValidationError, match="shows order w3 as confirmed; cancel it"):
            command(account, lambda bot: bot.manager.decisions.resolve("w3", as_=Resolution.CANCELLED, **ALICE))


class TestARename:
    def test_position_order_and_reservation_go_on_under_the_new_name(self, account):
        placed = command(account, lambda bot: trade(bot, "sell", quantity=5, name="g1", time_in_force="gtc"))
        assert placed.status is TradeStatus.SUBMITTED
        account.clock.sleep(86_400)  # overnight: names are asked for once a day
        account.arm()
        account.book.rename("AAPL", "METX")
        (order,) = command(account, lambda bot: bot.open_orders())
        assert (order.symbol, order.symbol_was) == ("METX", "AAPL")
        shown = command(account, lambda bot: bot.manager.view.positions()).positions[0]
        assert (shown.symbol, shown.symbol_was, shown.differs) == ("METX", "AAPL", False)
        assert (shown.free.quantity, shown.free.promised) == (Decimal(45), Decimal(5))
        assert command(account, lambda bot: trade(bot, "sell", "AAPL")).status is not TradeStatus.SUBMITTED
        command(account, lambda bot: bot.cancel_order("g1"))
        assert command(account, lambda bot: trade(bot, "sell", "METX", 50)).status is TradeStatus.SUBMITTED


APP_ORDER: dict[str, Any] = {
    "id": "6f0c1f0a-3c53-4e2e-9b0f-0d6f5f6f0a01",
    "ref_id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
    "cancel": "open",
    "account": f"{BASE}/accounts/{NUMBER}/",
    "instrument": f"{BASE}/instruments/{INSTRUMENTS['MSFT']}/",
    "instrument_id": INSTRUMENTS["MSFT"],
    "state": "confirmed",
    "type": "limit",
    "side": "buy",
    "time_in_force": "gfd",
    "price": "90.00000000",
    "quantity": "3.00000000",
    "cumulative_quantity": "0.00000000",
    "average_price": None,
    "reject_reason": None,
    "created_at": NOW,
    "updated_at": NOW,
    "last_transaction_at": NOW,
    "executions": [],
}
KINDS: dict[str, dict[str, Any]] = {
    "for dollars": {
        "type": "market",
        "price": None,
        "quantity": None,
        "dollar_based_amount": {"amount": "10.00", "currency_code": "USD"},
    },
    "sold short": {"side": "sell_short"},
    "without executions": {"executions": None},
    "for no shares": {"quantity": "0.00000000"},
    "without a time": {"updated_at": None, "created_at": None},
    "with an empty ref_id": {"ref_id": "", "quantity": None},
    "with a word for a ref_id": {"ref_id": "abc", "executions": None},
    "of an unknown instrument": {
        "instrument": f"{BASE}/instruments/9e39ff90-0000-4000-8000-000000000009/",
        "instrument_id": "9e39ff90-0000-4000-8000-000000000009",
        "executions": None,
    },
}


class TestAnOrderOfAnotherKindPlacedInTheApp:
    @pytest.mark.parametrize("kind", KINDS)
    def test_every_start_works_and_other_symbols_trade(self, account, kind):
        account.book.more_orders = [APP_ORDER | KINDS[kind]]
        assert command(account, lambda bot: trade(bot, "buy")).status is TradeStatus.SUBMITTED
        assert command(account, lambda bot: trade(bot, "sell")).status is TradeStatus.SUBMITTED
        summary = command(account, lambda bot: bot.synchronize_open_orders())
        assert (summary.complete, summary.external_orders) == (True, 1)

    def test_it_is_listed_and_its_own_symbol_waits(self, account):
        account.book.more_orders = [APP_ORDER | KINDS["for dollars"]]

        def look_and_buy(bot: TradingBot) -> TradeResult:
            (listed,) = bot.manager.view.external_orders() or ()
            assert (listed.order_id, listed.symbol, listed.remaining) == (APP_ORDER["id"], "MSFT", None)
            assert listed.problem is not None
            return trade(bot, "buy", "MSFT")

        refused = command(account, look_and_buy)
        assert refused.status is TradeStatus.BLOCKED
        assert "placed elsewhere and cannot be read" in refused.message

    def test_a_sell_of_unknown_size_blocks_sells_of_its_own_instrument(self, account):
        account.book.more_orders = [
            APP_ORDER
            | {
                "instrument_id": INSTRUMENTS["AAPL"],
                "instrument": f"{BASE}/instruments/{INSTRUMENTS['AAPL']}/",
                "side": "sell",
                "quantity": None,
            }
        ]
        refused = command(account, lambda bot: trade(bot, "sell"))
        assert refused.status is TradeStatus.BLOCKED
        assert "may sell any number" in refused.message
        assert command(account, lambda bot: trade(bot, "buy", "MSFT")).status is TradeStatus.SUBMITTED


class TestAHoldingThatTheBrokerNoLongerNames:
    DELISTED = "7d1c2f0a-0000-4000-8000-00000000dead"

    def row(self, account: LiveAccount, **changes: Any) -> dict[str, Any]:
        plain = {
            "instrument_id": self.DELISTED,
            "instrument": f"{BASE}/instruments/{self.DELISTED}/",
            "account_number": account.book.account_number,
            "quantity": "3.00000000",
            "average_buy_price": "1.0000",
            "shares_held_for_sells": "0.00000000",
        }
        return plain | changes

    @pytest.mark.parametrize(
        "changes",
        [{}, {"quantity": None}, {"shares_held_for_sells": None}, {"average_buy_price": "-1.0000"}],
        ids=["no name", "no quantity", "no hold", "negative average"],
    )
    def test_the_rest_of_the_account_trades(self, account, changes):
        account.book.more_positions = [self.row(account, **changes)]
        assert command(account, lambda bot: trade(bot, "buy")).status is TradeStatus.SUBMITTED
        assert command(account, lambda bot: trade(bot, "sell")).status is TradeStatus.SUBMITTED
        shown = command(account, lambda bot: bot.manager.view.positions())
        names = [row.name for row in shown.unread] + [each.instrument_id for each in shown.positions]
        assert self.DELISTED in names

    def test_an_odd_name_can_be_accepted(self, account):
        account.book.instruments["SCLXZZZ"] = self.DELISTED
        command(account, lambda bot: bot.synchronize_open_orders())
        account.book.more_positions = [self.row(account)]
        command(account, lambda bot: bot.manager.decisions.accept_position("SCLXZZZ", **ALICE))
        assert command(account, lambda bot: bot.synchronize_open_orders()).differences == ()
