"""Every step of a canary on the paper exchange, and that nothing is left whatever goes wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paper_market import MONDAY, quote_line, recorded
from trading_bot.bot import TradingBot
from trading_bot.canary.report import Step, StepOutcome, StepResult, has_passed
from trading_bot.canary.walk import SymbolWalk
from trading_bot.clock import VirtualClock
from trading_bot.config import Config
from trading_bot.startup import create_bot

IN_ORDER = [Step.BUY, Step.REPEATED_ID, Step.CANCEL_RACE, Step.REPLACE, Step.SELL, Step.STOP, Step.EXIT]


def bot_of(folder: Path, *quotes: str) -> TradingBot:
    config = Config.model_validate({"logs_dir": str(folder / "logs"), "state_dir": str(folder / "state")})
    market = recorded(quote_line(-3600, "99.98", "100.00"), *quotes)
    bot = create_bot(config, clock=VirtualClock(MONDAY), quotes=market, background_sync=False)
    bot.start()
    return bot


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[TradingBot]:
    bot = bot_of(tmp_path)
    yield bot
    bot.stop()


def outcomes(results: list[StepResult]) -> dict[Step, StepOutcome]:
    return {result.step: result.outcome for result in results}


def left_of(bot: TradingBot) -> tuple[list[str], list[str]]:
    bot.account.invalidate_cache()
    held = [each.symbol for each in bot.account.positions().values() if each.quantity]
    return held, [order.client_order_id for order in bot.open_orders()]


def test_every_step_goes_as_expected_and_nothing_is_left(bot):
    walk = SymbolWalk(bot, "AAPL", name="c")
    results = list(walk.run())
    assert [result.step for result in results] == IN_ORDER
    assert set(outcomes(results).values()) == {StepOutcome.OK}, [result.happened for result in results]
    assert (walk.clean_up(), left_of(bot)) == ((), ([], []))
    assert all(result.order_ids and result.expected for result in results)


def test_its_orders_are_of_one_share_each_and_its_stop_is_taken_over(bot):
    list(SymbolWalk(bot, "AAPL", name="c").run())
    assert {order.quantity for order in bot.orders()} == {1}
    ends = {order.client_order_id: order.state.value for order in bot.orders()}
    assert {name: ends[f"c-{name}"] for name in ("buy", "race", "old", "sell", "stop")} == {
        "buy": "filled",
        "race": "cancelled",
        "old": "cancelled",
        "sell": "filled",
        "stop": "cancelled",
    }


def test_entries_in_the_symbol_are_taken_again(bot):
    walk = SymbolWalk(bot, "AAPL", name="c")
    list(walk.run())
    walk.clean_up()
    assert [freeze.cause for freeze in bot.manager.ways_out.freezes()] == ["reentry"]


def test_an_order_that_does_not_fill_fails_its_step_and_leaves_the_rest_out(tmp_path):
    bot = bot_of(tmp_path, quote_line(-1, "99.98", "100.00", halted=True))
    walk = SymbolWalk(bot, "AAPL", name="c")
    results = list(walk.run())
    assert outcomes(results) == dict.fromkeys(IN_ORDER, StepOutcome.SKIPPED) | {Step.BUY: StepOutcome.FAILED}
    assert "left out, because buy failed" in results[-1].happened
    assert (walk.clean_up(), left_of(bot)) == ((), ([], []))
    bot.stop()


def test_a_step_that_fails_while_a_share_is_held_still_exits(bot):
    results: list[StepResult] = []
    walk = SymbolWalk(bot, "AAPL", name="c")
    for result in walk.run():
        results.append(result)
        if result.step is Step.BUY:
            bot.manager.halt_entries_while(lambda: "nobody follows the orders")
    found = outcomes(results)
    assert (found[Step.REPEATED_ID], found[Step.CANCEL_RACE]) == (StepOutcome.OK, StepOutcome.FAILED)
    assert (found[Step.REPLACE], found[Step.EXIT]) == (StepOutcome.SKIPPED, StepOutcome.OK)
    assert left_of(bot) == ([], [])
    assert not has_passed(results)


@pytest.mark.parametrize("last", IN_ORDER)
def test_a_walk_that_is_given_up_after_any_step_leaves_nothing(bot, last):
    walk = SymbolWalk(bot, "AAPL", name="c")
    for result in walk.run():
        if result.step is last:
            break
    assert (walk.clean_up(), left_of(bot)) == ((), ([], []))


def test_what_cannot_be_left_is_named(bot):
    walk = SymbolWalk(bot, "AAPL", name="c")
    for result in walk.run():
        if result.step is Step.STOP:
            break
    bot.manager._context.latch.engage()
    left = walk.clean_up()
    assert "1 AAPL" in left
    assert left_of(bot)[0] == ["AAPL"]


def test_a_market_that_goes_away_fails_the_step_that_needs_it(bot):
    walk = SymbolWalk(bot, "AAPL", name="c")
    results: list[StepResult] = []
    for result in walk.run():
        results.append(result)
        if result.step is Step.REPEATED_ID:
            bot.quotes = lambda _symbols: {}
    assert outcomes(results)[Step.CANCEL_RACE] is StepOutcome.FAILED
    assert "no two-sided quote any more" in results[2].happened


def test_only_every_step_and_the_kill_make_a_pass(bot):
    results = list(SymbolWalk(bot, "AAPL", name="c").run())
    assert not has_passed(results)
    kill = StepResult(step=Step.KILL, symbol=None, expected="", happened="", outcome=StepOutcome.OK)
    assert has_passed([*results, kill])
