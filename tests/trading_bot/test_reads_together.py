"""Reads begun together: each result and each error reaches whoever asked, and in turn means in turn."""

import contextvars
import threading

import pytest

from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.reads_together import MOST_AT_ONCE, SideBySide, in_turn

A_MOMENT_S = 10
_NAME: contextvars.ContextVar[str] = contextvars.ContextVar("name")


def failing() -> int:
    raise OrderStatusError("the broker is away")


def test_side_by_side_no_read_waits_for_another_to_end():
    begin, meet = SideBySide(), threading.Barrier(MOST_AT_ONCE, timeout=A_MOMENT_S)
    assert len({result() for result in [begin(meet.wait) for _ in range(MOST_AT_ONCE)]}) == MOST_AT_ONCE


def test_in_turn_a_read_is_made_when_its_result_is_asked_for():
    made: list[str] = []
    first, second = in_turn(lambda: made.append("first")), in_turn(lambda: made.append("second"))
    assert made == []
    second()
    first()
    assert made == ["second", "first"]


@pytest.mark.parametrize("begin", [in_turn, SideBySide()])
def test_the_error_of_one_is_raised_where_its_own_result_is_asked_for(begin):
    fails, works = begin(failing), begin(lambda: 1)
    assert works() == 1
    with pytest.raises(OrderStatusError, match="away"):
        fails()


def test_side_by_side_a_read_sees_the_context_of_its_caller():
    token = _NAME.set("the caller's")
    try:
        assert SideBySide()(_NAME.get)() == "the caller's"
    finally:
        _NAME.reset(token)
