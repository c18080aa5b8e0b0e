"""Measures what the rules of one order cost as a day goes on: ``python -m tests.benchmarks.rules_flat [ORDERS ...]``.

A bot on paper with every limit set has had so many orders today, all of which have ended. Then orders are judged as
each is on its way to the broker: whether an equal one stands, and the rules of a buy, all limits of the day among them;
before each, the fill of another order has come. Figures are microseconds of processor time of one thread, the median of
several tries, without network and journal. What was added up once is kept, so the first order of each length is left
out; it adds up what came before it.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from tests.benchmarks.table import Row, heading, show
from tests.trading_bot.test_flat_orders import Day
from trading_bot.order_management.calculator import asked_terms
from trading_bot.order_management.models import OrderRequest, Side

LENGTHS = (10, 1_000, 10_000)
TRIES = 50
TARGET = "flat"
_REQUEST = OrderRequest(symbol="AAPL", side=Side.BUY, quantity=7, reference_price=Decimal(91))
_TERMS = asked_terms(_REQUEST)


def judge(day: Day) -> None:
    """Ask what one order is asked before it is recorded."""
    bot = day.bot
    assert bot.manager.standing_order(_REQUEST) is None
    bot._safety.gather(_TERMS, None, None)(_TERMS)


def microseconds(day: Day) -> float:
    """Return what the rules of one order take, each judged after news of a fill."""
    took = []
    for _ in range(TRIES):
        day.hear_of_fills()
        begun = time.thread_time_ns()
        judge(day)
        took.append((time.thread_time_ns() - begun) / 1000)
    return statistics.median(took[1:])


def rows(lengths: tuple[int, ...]) -> Iterator[Row]:
    """Yield the figures after each number of orders, beside that after the fewest."""
    with tempfile.TemporaryDirectory() as folder:
        day, fewest = Day(Path(folder)), 0.0
        for orders in sorted(lengths):
            figure = microseconds(day.pass_until(orders))
            fewest = fewest or figure
            yield Row(
                what=f"rules of an order after {orders} of the day",
                figure=f"{figure:.0f} us",
                beside=f"{fewest:.0f} us",
                ratio=f"{figure / fewest:.2f}x",
                target=TARGET,
            )


def main(lengths: tuple[int, ...] = LENGTHS) -> None:
    """Print the table."""
    heading("rules of one order", "after these", f"after {min(lengths)}")
    show(rows(lengths))


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or LENGTHS)
