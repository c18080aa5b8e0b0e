"""A plan from its command to its end, over the whole bot and the paper exchange."""

from decimal import Decimal

import pytest

from tests.support.bot_bench import BotBench
from tests.support.paper_market import quote_line
from trading_bot.order_management.book.protections import PlanEnding
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import OrderValidationError, TradeRefusedError
from trading_bot.order_management.models import Side

FALL = (quote_line(120, "95.00", "95.10"), quote_line(130, "94.90", "95.00"), quote_line(300, "94.00", "94.10"))
RISE = (quote_line(120, "110.00", "110.10"), quote_line(130, "110.20", "110.30"), quote_line(300, "111.00", "111.10"))


def bench(tmp_path, later=FALL) -> BotBench:
    made = BotBench(tmp_path, later=later).started()
    made.bot.synchronize_open_orders()
    return made


def wait(made: BotBench, seconds: float) -> None:
    made.clock.sleep(seconds)
    made.bot.synchronize_open_orders()


def kinds(made: BotBench) -> list[EventKind]:
    return [record.fact.event for record in made.records()]


def sold(made: BotBench) -> Decimal:
    sells = (order for order in made.bot.orders() if order.side is Side.SELL)
    return sum((order.filled_quantity for order in sells), Decimal(0))


def endings(made: BotBench) -> list[str]:
    facts = [record.fact for record in made.records()]
    return [fact.details["ending"] for fact in facts if fact.event is EventKind.PROTECTION_ENDED]


def test_the_stop_rests_at_the_broker_and_sells_there(tmp_path):
    made = bench(tmp_path)
    answer = made.bot.protect("aapl", stop="95.50")
    assert answer.shown.rests
    (order,) = made.bot.open_orders()
    assert (order.stop_price, order.quantity, order.limit_price) == (Decimal("95.50"), 50, Decimal("94.55"))
    wait(made, 125)
    wait(made, 10)
    assert sold(made) == 50
    assert endings(made) == ["sold"]
    assert made.bot.protections() == ()
    assert EventKind.EXIT_BEGUN not in kinds(made)


def test_a_target_is_watched_and_takes_the_resting_stop_over(tmp_path):
    made = bench(tmp_path, RISE)
    made.bot.protect("AAPL", stop=90, target=110)
    wait(made, 121)
    assert sold(made) == 0, "one read proves nothing"
    wait(made, 2)
    assert sold(made) == 50
    wait(made, 5)
    assert (endings(made), made.bot.open_orders()) == (["sold"], ())


def test_a_trail_follows_the_high_and_sells_below_it(tmp_path):
    made = bench(tmp_path, (quote_line(100, "105", "105.10"), quote_line(120, "102.80", "102.90")))
    made.bot.protect("AAPL", trail="2%")
    wait(made, 101)
    (shown,) = made.bot.protections()
    assert shown.plan.high == 105
    assert shown.plan.trail_level == Decimal("102.90")
    wait(made, 20)
    wait(made, 1)
    assert sold(made) == 50


def test_a_part_of_the_position_is_all_that_a_plan_sells(tmp_path):
    made = bench(tmp_path, RISE)
    made.bot.protect("AAPL", 20, stop=90, target=110)
    for _ in range(8):
        wait(made, 30)
    assert sold(made) == 20
    assert endings(made) == ["sold"]


def test_a_bracket_covers_what_its_entry_has_bought(tmp_path):
    made = bench(tmp_path, RISE)
    made.bot.execute_trade("AAPL", "buy", 10, Decimal(100), "a test", stop=90, target=110)
    (waiting,) = made.bot.protections()
    assert waiting.covers == 0
    assert waiting.plan.waits_for_entry
    wait(made, 61)
    (shown,) = made.bot.protections()
    assert shown.covers == 10
    assert shown.rests
    assert not shown.plan.waits_for_entry
    wait(made, 60)
    wait(made, 2)
    assert sold(made) == 10


def test_what_a_buy_has_just_bought_is_protected_before_the_next_look_at_the_broker(tmp_path):
    made = bench(tmp_path)
    assert made.bot.execute_trade("AAPL", "buy", 5, Decimal(100), "a test", pricing="marketable").envelope is not None
    made.clock.sleep(2)
    assert made.bot.protect("AAPL", stop=90).shown.covers == 55


def test_a_plan_survives_a_restart(tmp_path):
    made = bench(tmp_path, RISE)
    made.bot.protect("AAPL", stop=90, target=110)
    before = made.bot.protections()
    made.restart()
    made.bot.synchronize_open_orders()
    assert made.bot.protections() == before
    assert len(made.bot.open_orders()) == 1


def test_a_second_plan_replaces_the_first(tmp_path):
    made = bench(tmp_path)
    made.bot.protect("AAPL", stop=90)
    made.bot.protect("AAPL", stop=91)
    wait(made, 5)
    (shown,) = made.bot.protections()
    (order,) = made.bot.open_orders()
    assert shown.plan.stop == order.stop_price == 91
    assert shown.rests
    assert endings(made) == ["replaced"]


def test_ending_a_plan_cancels_its_stop(tmp_path):
    made = bench(tmp_path)
    made.bot.protect("AAPL", stop=90)
    (ended,) = made.bot.unprotect("AAPL")
    assert ended.closing is PlanEnding.OFF
    assert (made.bot.open_orders(), made.bot.protections(), endings(made)) == ((), (), ["off"])


def test_an_exit_by_a_person_takes_the_plan_over(tmp_path):
    made = bench(tmp_path)
    made.bot.protect("AAPL", stop=90)
    made.bot.exit_position("AAPL")
    wait(made, 5)
    assert sold(made) == 50
    assert made.bot.protections() == ()
    assert made.bot.open_orders() == ()


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"stop": 100}, "stop_reached"),
        ({"target": 99}, "target_reached"),
        ({}, "bad_protection"),
        ({"stop": 90, "target": 80}, "bad_protection"),
        ({"trail": "60%"}, "bad_protection"),
        ({"trail": "nan"}, "bad_protection"),
        ({"stop": 0}, "bad_price"),
        ({"stop": 90, "quantity": 51}, "insufficient_shares"),
    ],
)
def test_a_plan_that_cannot_work_is_refused(tmp_path, asked, code):
    made = bench(tmp_path)
    with pytest.raises((OrderValidationError, TradeRefusedError)) as refused:
        made.bot.protect("AAPL", **asked)
    assert refused.value.code == code
    assert EventKind.PROTECTION_SET not in kinds(made)
