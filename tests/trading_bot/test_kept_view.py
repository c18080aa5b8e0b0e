"""What a live view is answered with: all that is known, nothing that was not read, and no read that nobody needs."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.bot_bench import ACCOUNT, LIST, POSITIONS, BotBench, never_leaves
from tests.support.fake_bot import OPEN
from tests.support.paper_market import MONDAY
from trading_bot.kept_view import MARKS_LAST_S
from trading_bot.lease import ProcessInfo
from trading_bot.operations import Operations, ShowView
from trading_bot.order_management.models import Side, TimeInForce
from trading_bot.paper.state import PaperOrder, WireState

QUOTES = "GET /quotes/"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[BotBench]:
    made = BotBench(tmp_path).started()
    yield made
    made.bot.stop()


def seen(bench: BotBench) -> dict[str, Any]:
    return Operations(bench.bot, holder=ProcessInfo(pid=4711, since=OPEN)).perform(ShowView())


def place_elsewhere(bench: BotBench) -> None:
    """Somebody buys 3 MSFT in the broker's app."""
    with bench.exchange.transaction() as state:
        state.list_symbol("MSFT")
        state.save(
            PaperOrder(
                id="11111111-0000-4000-8000-000000000001",
                number=1,
                ref_id="00000000-0000-4000-8000-000000000001",
                symbol="MSFT",
                side=Side.BUY,
                quantity=3,
                price=Decimal("400.00"),
                time_in_force=TimeInForce.GFD,
                extended_hours=False,
                order_form_version=4,
                state=WireState.CONFIRMED,
                created_at=MONDAY,
                updated_at=MONDAY,
                last_transaction_at=MONDAY,
                live=True,
                expires_at=MONDAY + timedelta(hours=6),
            )
        )


def test_the_account_is_shown_as_it_is_in_memory(bench: BotBench):
    bench.trade()
    view = seen(bench)
    assert (view["mode"], view["pid"], view["problem"], view["halted"]) == ("paper", 4711, None, None)
    assert Decimal(view["cash"]) == 100_000
    assert [(order["client_order_id"], order["state"]) for order in view["orders"]] == [("c1", "queued")]
    assert (view["external"], view["freezes"], view["unread"]) == ([], [], [])
    json.dumps(view, allow_nan=False)


def test_an_order_placed_elsewhere_is_shown_after_the_next_comparison_of_the_orders(bench: BotBench):
    place_elsewhere(bench)
    bench.bot.synchronize_open_orders()
    (order,) = seen(bench)["external"]
    assert (order["symbol"], order["side"], order["remaining_quantity"]) == ("MSFT", "buy", "3")
    assert Decimal(order["limit_price"]) == 400


def test_before_the_first_whole_comparison_orders_placed_elsewhere_are_not_known(tmp_path: Path):
    view = seen(BotBench(tmp_path))
    assert (view["external"], view["orders_age_s"], view["positions"], view["cash"]) == (None, None, None, None)
    assert view["halted"] is not None


def test_shares_that_this_journal_did_not_buy_cost_what_the_broker_says(bench: BotBench):
    (held,) = seen(bench)["positions"]
    assert (held["symbol"], held["quantity"], Decimal(held["price"])) == ("AAPL", "50", Decimal("99.99"))
    assert held["value"] == "4999.50"
    assert (held["cost"], held["result"], held["differs"]) == ("4500.00", "499.50", False)


def test_without_a_price_value_and_result_are_unknown_and_not_zero(bench: BotBench):
    bench.broker.standing[QUOTES] = never_leaves
    (held,) = seen(bench)["positions"]
    assert (held["price"], held["value"], held["cost"], held["result"]) == (None, None, "4500.00", None)
    assert seen(bench)["today"] == {"realised": "0", "unrealised": None, "unknown_sales": 0, "left_out": ["AAPL"]}


def test_todays_result_is_that_of_shares_of_known_cost_and_says_what_it_leaves_out(bench: BotBench):
    bench.trade(shares=10, client_order_id="c1")
    bench.let_it_fill()
    view = seen(bench)
    bought, price = Decimal(view["positions"][0]["quantity"]) - 50, Decimal(view["positions"][0]["price"])
    (order,) = bench.bot.orders()
    assert bought == 10
    assert Decimal(view["today"]["unrealised"]) == 10 * (price - (order.average_price or 0))
    assert view["today"]["left_out"] == ["AAPL"]


def test_a_sale_of_shares_of_unknown_cost_has_no_known_result(bench: BotBench):
    bench.trade("sell", 10, "99", pricing="marketable")
    bench.let_it_fill()
    today = seen(bench)["today"]
    assert (today["realised"], today["unknown_sales"] > 0) == (None, True)


def test_a_fill_is_shown_at_once_and_not_only_after_the_next_look_at_the_positions(bench: BotBench):
    bench.trade()
    bench.clock.sleep(61)
    bench.broker.standing[POSITIONS] = never_leaves
    bench.bot.synchronize_open_orders()
    (held,) = seen(bench)["positions"]
    assert (held["quantity"], held["expected"], held["differs"]) == ("60", "60", False)


def test_a_view_a_second_asks_the_broker_for_prices_alone_and_at_their_pace(bench: BotBench):
    before = len(bench.broker.seen)
    for _ in range(int(MARKS_LAST_S) * 2):
        seen(bench)
        bench.clock.sleep(1)
    assert bench.broker.seen[before:] == [QUOTES] * 2


def test_a_broker_that_answers_no_price_is_not_asked_oftener(bench: BotBench):
    bench.broker.standing[QUOTES] = never_leaves
    seen(bench)
    tried = bench.broker.seen.count(QUOTES)
    for _ in range(int(MARKS_LAST_S) - 3):  # the attempt itself took a moment
        bench.clock.sleep(1)
        seen(bench)
    assert bench.broker.seen.count(QUOTES) == tried


def test_without_anything_held_no_price_is_read(tmp_path: Path):
    bench = BotBench(tmp_path)
    with bench.exchange.transaction() as state:
        state.positions.clear()
    bench.started()
    assert (seen(bench)["positions"], bench.broker.seen.count(QUOTES)) == ([], 0)
    bench.bot.stop()


def test_each_part_says_how_old_it_is(bench: BotBench):
    bench.clock.sleep(7)
    view = seen(bench)
    assert (view["orders_age_s"], view["positions_age_s"], view["balances_age_s"]) == (7, 7, 7)


def test_a_broker_that_cannot_be_read_makes_the_list_of_orders_doubtful(bench: BotBench):
    bench.broker.standing[LIST] = never_leaves
    bench.bot.synchronize_open_orders()
    assert "the broker could not be read" in seen(bench)["problem"]


def test_old_balances_stay_with_their_age_when_no_others_can_be_had(bench: BotBench):
    bench.broker.standing[ACCOUNT] = never_leaves
    bench.trade()
    bench.clock.sleep(400)
    view = seen(bench)
    assert (Decimal(view["cash"]), view["balances_age_s"]) == (Decimal(100_000), 400)


def test_a_limit_of_the_day_that_was_reached_is_a_halt(tmp_path: Path):
    bench = BotBench(tmp_path)
    bench.settings["risk_management"] = {"max_trades_per_day": 5, "max_daily_loss": "0.01"}
    bench.bot = bench.new_bot()
    bench.started()
    bench.trade(pricing="marketable")
    bench.let_it_fill()
    bench.trade("sell", 10, "99", client_order_id="out", pricing="marketable")
    bench.let_it_fill()
    assert "the limit is 0.01" in str(seen(bench)["halted"])
    bench.bot.stop()
