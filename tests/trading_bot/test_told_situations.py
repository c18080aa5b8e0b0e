"""Situations that people have told of, each as it happened, in a live bot at the stand-in or at the command line.

| situation | here, or where |
|---|---|
| a held share whose instrument the broker no longer knows | `TestADelistedShare` |
| an order of another kind, placed in the app | `test_odd_accounts.py::TestAnOrderOfAnotherKindPlacedInTheApp` |
| a split and the loss limit | `TestASplit` |
| shares that moved by themselves, between single commands | `test_odd_accounts.py::TestSingleCommandsProveADrift` |
| float noise in a price, whole shares with a point, a null price | `TestNumbersOfASignal` |
| a stock that trades in steps of five cents | `TestANickelStep` |
| an end in a word nobody knew | `TestAnEndInAnotherWord`, `test_odd_accounts.py::TestAStateWordThatNobodyKnows` |
| a fill that is reported before its executions | `TestAFillWithoutItsExecutions` |
| a machine without time zones | `cli/test_time_zones.py` |
| the same order into the same refusal without end | `TestTheSameRefusal` |
| a sell through one's own resting buy | `TestOnesOwnOrderInTheWay` |
| a company that changes its symbol | `test_odd_accounts.py::TestARename` |
| an approval of the device that cannot come | `robinhood/test_interactive_login.py`, `auth/test_live_login.py` |
| a folder with backslashes in the settings | `TestBackslashes` |
| words for machines in sentences for people | `TestSentences`, and the tests that it names |
"""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.support.command_line import run_cli
from tests.support.command_line_bench import CommandLineBench
from tests.support.live_account import LiveAccount, live_account
from tests.support.loopback_broker import acts
from tests.support.loopback_broker.book import NOW
from tests.support.loopback_broker.odd_rows import NAMELESS
from trading_bot.bot import TradeResult, TradeStatus, TradingBot
from trading_bot.lease import this_process
from trading_bot.operations import ListPositions, Operations
from trading_bot.order_management.decisions.operator_decisions import Resolution

pytestmark = pytest.mark.no_cover  # whole bots: each line that they run has a quick test of its own

ALICE: dict[str, Any] = {"by": "alice", "reason": "seen in the app"}
SUBMITTED, BLOCKED, REJECTED = TradeStatus.SUBMITTED, TradeStatus.BLOCKED, TradeStatus.REJECTED
T = TypeVar("T")


@pytest.fixture
def account(tmp_path: Path) -> Iterator[LiveAccount]:
    with live_account(tmp_path) as account:
        account.settings["risk_management"] = {
            "max_order_notional": 50_000,
            "max_position_notional": 50_000,
            "max_daily_loss": 1000,
        }
        account.log_in()
        account.arm()
        yield account


def command(account: LiveAccount, do: Callable[[TradingBot], T]) -> T:
    """What a command at a terminal does: a bot of its own, from start to stop."""
    bot = account.bot()
    bot.start()
    try:
        return do(bot)
    finally:
        bot.stop()


def trade(
    account: LiveAccount, side: str, symbol: str, quantity: int, price: str, *, name: str | None = None, **terms: Any
) -> TradeResult:
    return command(
        account,
        lambda bot: bot.execute_trade(symbol, side, quantity, Decimal(price), "a test", client_order_id=name, **terms),
    )


def fill_the_sell(account: LiveAccount, *, at: str, listed: bool) -> dict[str, object]:
    """Fill the one open sell whole."""
    (row,) = (row for row in account.book.rows.values() if row["side"] == "sell" and row["cancel"] is not None)
    account.book.shares -= int(Decimal(str(row["quantity"])))
    row |= {"state": "filled", "cancel": None, "cumulative_quantity": row["quantity"], "average_price": at}
    row["executions"] = [execution(row)] if listed else []
    return row


def execution(row: dict[str, object]) -> dict[str, object]:
    return {
        "id": "e0000000-0000-4000-8000-000000000001",
        "quantity": row["quantity"],
        "price": row["average_price"],
        "timestamp": NOW,
    }


class TestADelistedShare:
    def test_it_is_listed_under_its_id_traded_by_nobody_and_all_else_trades(self, account):
        account.book.more_positions = [{"instrument_id": NAMELESS, "quantity": "3.0000"}]
        assert trade(account, "buy", "AAPL", 1, "99").status is SUBMITTED
        assert trade(account, "sell", "AAPL", 1, "101").status is SUBMITTED
        shown = command(account, lambda bot: Operations(bot, holder=this_process()).perform(ListPositions()))
        names = {row["symbol"]: row["quantity"] for row in shown["positions"]}  # type: ignore[attr-defined]
        assert Decimal(names[NAMELESS]) == 3
        assert "AAPL" in names


class TestASplit:
    @pytest.mark.parametrize(("ratio", "realised"), [("10:1", "526.00"), (None, "0")])
    def test_it_makes_no_loss_that_never_was(self, account, ratio, realised):
        account.book.shares, account.book.ask = 0, Decimal("998.50")
        assert trade(account, "buy", "AAPL", 10, "1000").status is SUBMITTED
        command(account, lambda bot: bot.synchronize_open_orders())
        account.book.shares, account.book.ask = 100, Decimal("105.10")
        command(account, lambda bot: bot.manager.decisions.accept_position("AAPL", **ALICE, ratio=ratio))
        assert trade(account, "sell", "AAPL", 100, "105").status is SUBMITTED
        fill_the_sell(account, at="105.11000000", listed=True)
        command(account, lambda bot: bot.synchronize_open_orders())
        assert command(account, lambda bot: bot.risk_state()).realised_today == Decimal(realised)
        assert trade(account, "buy", "MSFT", 1, "105").status is SUBMITTED


class TestNumbersOfASignal:
    def run(self, home: Path, *prices: str, shares: str = "10") -> list[dict[str, Any]]:
        CommandLineBench(home)
        lines = "".join(
            f'{{"symbol":"AAPL","action":"buy","shares":{shares},"price":{price},"reason":"a test"}}\n'
            for price in prices
        )
        done = run_cli(
            ["-c", "config.json", "--json", "run", "--signals", "-", "--settle", "0"], home=home, stdin=lines
        )
        told = [json.loads(line) for line in done.stdout.splitlines()]
        return [*(each for each in told if "status" in each), {"exit": done.returncode}]

    @pytest.mark.parametrize("price", ["100.29500000000002", "100.3333333333"])
    def test_float_noise_is_read_exactly_and_used(self, tmp_path, price):
        (result, end) = self.run(tmp_path, price)
        assert (result["status"], end["exit"]) == ("submitted", 0)

    def test_a_number_without_a_fraction_is_whole(self, tmp_path):
        (result, end) = self.run(tmp_path, "100.3", shares="10.0")
        assert (result["status"], end["exit"]) == ("submitted", 0)

    def test_a_null_price_is_refused_in_words_and_a_run_of_nothing_is_no_success(self, tmp_path):
        (result, end) = self.run(tmp_path, "null")
        assert (result["status"], end["exit"] != 0) == ("invalid", True)
        assert "'price' is null" in result["message"]


class TestANickelStep:
    @pytest.fixture
    def nickel(self, account: LiveAccount) -> LiveAccount:
        def spoken(body: object) -> object:
            if isinstance(body, dict) and isinstance(body.get("results"), list):
                return body | {"results": [spoken(row) for row in body["results"]]}
            return body | {"min_tick_size": "0.0500"} if isinstance(body, dict) and "tradability" in body else body

        account.book.ask = Decimal("12.35")
        account.book.speak = spoken
        return account

    @pytest.mark.parametrize(
        ("side", "reference", "limit"),
        [("buy", "12.33", "12.30"), ("buy", "12.35", "12.35"), ("buy", "12.40", "12.40"), ("sell", "12.37", "12.40")],
    )
    def test_the_limit_is_on_the_step_and_goes_out(self, nickel, side, reference, limit):
        result = trade(nickel, side, "AAPL", 1, reference)
        assert result.status is SUBMITTED, result.message
        (row,) = nickel.book.rows.values()
        assert Decimal(str(row["price"])) == Decimal(limit)


class TestAnEndInAnotherWord:
    def test_expired_is_an_end_without_a_further_fill(self, account):
        assert trade(account, "buy", "AAPL", 12, "90", name="w3").status is SUBMITTED
        (row,) = account.book.rows.values()
        row |= {"state": "expired", "cancel": None}
        assert command(account, lambda bot: bot.order_status("w3")).state.value == "cancelled"
        assert command(account, lambda bot: bot.open_orders()) == ()
        assert trade(account, "buy", "AAPL", 3, "90").status is SUBMITTED

    def test_a_word_that_is_not_known_is_shown_and_a_person_ends_the_order(self, account):
        assert trade(account, "buy", "AAPL", 12, "90", name="w3").status is SUBMITTED
        (row,) = account.book.rows.values()
        row |= {"state": "laid_to_rest", "cancel": None}
        shown = command(account, lambda bot: bot.order_status("w3"))
        assert (shown.state.value, shown.broker_state) == ("confirmed", "laid_to_rest")
        command(account, lambda bot: bot.manager.decisions.resolve("w3", as_=Resolution.CANCELLED, **ALICE))
        assert trade(account, "buy", "AAPL", 3, "90").status is SUBMITTED


class TestAFillWithoutItsExecutions:
    def test_it_counts_at_once_and_is_read_again_until_they_are_listed(self, account):
        account.book.shares, account.book.ask = 0, Decimal("11.99")
        assert trade(account, "buy", "AAPL", 1000, "12").status is SUBMITTED
        account.book.ask = Decimal("6.01")
        assert trade(account, "sell", "AAPL", 1000, "6.00", name="s1").status is SUBMITTED
        row = fill_the_sell(account, at="6.00000000", listed=False)
        waiting = command(account, lambda bot: bot.order_status("s1"))
        assert (waiting.state.value, waiting.executions_outstanding) == ("filled", Decimal(1000))
        refused = trade(account, "buy", "MSFT", 1, "6.00")
        assert (refused.status, "5990" in refused.message) == (BLOCKED, True)
        row["executions"] = [execution(row)]
        told = command(account, lambda bot: bot.order_status("s1"))
        assert (len(told.executions), told.executions_outstanding) == (1, Decimal(0))


class TestTheSameRefusal:
    REFUSAL = "{} may cause PDT designation."

    def told(self, account: LiveAccount, side: str, price: str) -> list[TradeResult]:
        refusal = {"detail": self.REFUSAL.format(side.capitalize())}
        account.server.on_every("POST", "/orders/", lambda _heard: acts.reply(400, refusal))
        return command(
            account,
            lambda bot: [bot.execute_trade("AAPL", side, 10, Decimal(price), "on every bar") for _ in range(6)],
        )

    def test_an_entry_is_sent_three_times_and_then_answered_here(self, account):
        results = self.told(account, "buy", "90")
        assert [result.status for result in results] == [REJECTED] * 3 + [BLOCKED] * 3
        assert ("refused by the broker 3 times" in results[3].message, account.submits) == (True, 3)
        assert ".;" not in results[0].message

    def test_an_exit_is_always_sent(self, account):
        """Exits are exempt, so that no rule of ours stands between held shares and the broker."""
        results = self.told(account, "sell", "110")
        assert ([result.status for result in results], account.submits) == ([REJECTED] * 6, 6)


class TestOnesOwnOrderInTheWay:
    def test_a_sell_through_ones_own_buy_names_the_cancel_that_makes_way(self, account):
        assert trade(account, "buy", "AAPL", 10, "99", name="b1").status is SUBMITTED
        refused = trade(account, "sell", "AAPL", 10, "98.50", pricing="marketable")
        assert (refused.status, refused.code) == (BLOCKED, "would_cross_own_order")
        assert "trading-bot cancel b1" in refused.message

    def test_leaving_the_position_makes_way_by_itself(self, account):
        assert trade(account, "buy", "AAPL", 10, "99", name="b1").status is SUBMITTED
        command(account, lambda bot: bot.exit_position("AAPL"))
        open_rows = [row for row in account.book.rows.values() if row["cancel"] is not None]
        assert {(row["side"], row["quantity"]) for row in open_rows} == {("sell", "50.00000000")}


class TestBackslashes:
    def test_a_path_as_windows_writes_it_is_refused_with_its_line_and_remedy(self, tmp_path):
        text = '{"trading":{"mode":"paper"},\n"logs_dir":"D:\\data\\wacs\\Journal"}'
        (tmp_path / "config.json").write_text(text)
        done = run_cli(["-c", "config.json", "config", "check"], home=tmp_path)
        assert done.returncode == 3
        assert "line 2" in done.stderr
        assert "double" in done.stderr
        assert not [each for each in tmp_path.iterdir() if each.name.startswith("D:")]


class TestSentences:
    """Others: null bid (`test_quotes.py`), the number's case (`test_order_log.py`), hours (`test_market_hours.py`)"""

    def test_no_share_is_left_when_all_are_promised(self, account):
        assert trade(account, "sell", "AAPL", 50, "110").status is SUBMITTED
        refused = trade(account, "sell", "AAPL", 1, "111")
        assert "more than the 0 shares free to sell" in refused.message
        assert "0E-8" not in refused.message
        assert "50.0" not in refused.message

    @pytest.mark.parametrize("price", [Decimal("NaN"), "ten", None, Decimal(0)])
    def test_a_wrong_price_is_told_like_any_other_refusal(self, account, price):
        refused = command(account, lambda bot: bot.execute_trade("AAPL", "buy", 1, price, "a test"))
        assert refused.message.startswith("AAPL: ")
