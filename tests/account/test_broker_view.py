"""What the broker's own books say, each part by itself."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Self

import pytest

from trading_bot.account.broker_view import BrokerView, broker_view
from trading_bot.clock import VirtualClock
from trading_bot.operations.broker_command import broker_view_json
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.portfolio import (
    BookLevel,
    PriceBook,
    RealisedDay,
    RealisedResult,
    TaxLot,
    Tradability,
)

NOW = datetime(2026, 10, 14, 17, 0, tzinfo=UTC)
LOT = TaxLot(
    quantity=Decimal(3),
    available=None,
    opened_on=date(2026, 9, 28),
    cost_basis=Decimal("10.00"),
    is_long_term=None,
    kind="buy",
    is_selectable=True,
)
LEVEL = BookLevel(price=Decimal("12.87"), quantity=Decimal(3))


class Books:
    """Answers every read, but for those that are ``failing``."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.deadlines: list[float] = []

    def by(self, deadline: float) -> Self:
        self.deadlines.append(deadline)
        return self

    def _read(self, name: str) -> None:
        if name in self.failing:
            raise OrderStatusError(f"no {name}")

    def fetch_tradability(self, symbols):
        self._read("tradability")
        told = Tradability(symbol="F", state="active", is_tradeable=True, fractional=None, all_day=None)
        return {symbol: told for symbol in symbols if symbol == "F"}

    def fetch_price_books(self, symbols):
        self._read("book")
        book = PriceBook(symbol="F", bids=(LEVEL, LEVEL), asks=(), updated_at=None)
        return {symbol: book for symbol in symbols if symbol == "F"}

    def fetch_tax_lots(self, symbol):
        self._read("lots")
        return (LOT,) if symbol == "F" else ()

    def fetch_realised(self, span):
        self._read("realised")
        day = RealisedDay(begins_at=NOW, ends_at=NOW, gain=None, trades=0)
        return RealisedResult(span=span, total=Decimal("-3.89"), days=(day,))


def view(books: Books, symbol: str = "F") -> BrokerView:
    return broker_view(books, symbol, clock=VirtualClock(NOW), by=7.0)


def test_every_part_is_read_within_the_time_of_the_caller():
    books = Books()
    assert view(books).problems == ()
    assert books.deadlines == [5.0] * 4


@pytest.mark.parametrize("failing", ["tradability", "book", "lots", "realised"])
def test_a_part_that_cannot_be_read_keeps_no_other_away(failing):
    found = view(Books(failing))
    parts = {name: getattr(found, name) for name in ("tradability", "book", "lots", "realised")}
    assert {name for name, told in parts.items() if told is None} == {failing}
    assert found.problems == (f"no {failing}",)


def test_what_the_broker_has_nothing_of_is_no_problem():
    found = view(Books(), "ZZZZ")
    assert (found.tradability, found.book, found.lots, found.problems) == (None, None, (), ())


def test_the_answer_has_as_many_levels_as_were_asked_for_and_null_for_what_is_unknown():
    told = broker_view_json(view(Books()), levels=1)
    assert told["book"] == {"bids": [{"price": "12.87", "quantity": "3"}], "asks": [], "updated_at": None}
    assert told["lots"] == [
        {
            "quantity": "3",
            "available": None,
            "opened_on": "2026-09-28",
            "cost_basis": "10.00",
            "cost_per_share": "3.3333",
            "long_term": None,
            "kind": "buy",
            "selectable": True,
        }
    ]
    assert '"gain": null' in json.dumps(told["realised"])
    bare = replace(view(Books()), lots=(replace(LOT, cost_basis=None),), book=None)
    assert '"cost_per_share": null' in json.dumps(broker_view_json(bare, levels=1))
    empty = BrokerView(symbol="F", tradability=None, book=None, lots=None, realised=None, problems=("no answer",))
    assert broker_view_json(empty, levels=5) == {
        "v": told["v"], "symbol": "F", "tradability": None, "book": None, "lots": None, "realised": None,
        "problems": ["no answer"],
    }  # fmt: skip
