from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.fake_bot import OPEN, change_of, envelope
from trading_bot.cli.work.run.order_watch import OrderWatch
from trading_bot.order_management.models import OrderEnvelope, OrderState

HALF = Decimal(5)
PART = envelope(state=OrderState.PARTIALLY_FILLED, filled_quantity=HALF)


def seen(*changes: tuple[OrderEnvelope | None, OrderEnvelope]) -> list[tuple[OrderEnvelope, bool]]:
    watch = OrderWatch()
    for before, after in changes:
        watch.note(change_of(after, before=before))
    return [(change.order, change.is_news) for change in watch.changes()]


def test_a_working_order_without_a_fill_is_no_news():
    assert seen((None, envelope())) == [(envelope(), False)]


def test_a_fill_is_news_once():
    watch = OrderWatch()
    watch.note(change_of(PART, before=envelope()))
    assert [change.is_news for change in watch.changes()] == [True]
    assert watch.changes() == ()


def test_each_further_fill_is_news():
    assert seen((envelope(filled_quantity=Decimal(2)), PART)) == [(PART, True)]


def test_a_closure_is_news_even_without_a_fill():
    ended = envelope(state=OrderState.CANCELLED)
    assert seen((envelope(), ended)) == [(ended, True)]


def test_an_order_is_shown_as_it_is_by_the_time_of_the_look():
    last = envelope(state=OrderState.PENDING_CANCEL, filled_quantity=HALF)
    assert seen((envelope(), PART), (PART, last)) == [(last, True)]


def test_the_oldest_order_comes_first():
    older = envelope("older", created_at=OPEN - timedelta(seconds=1))
    assert [order for order, _ in seen((None, envelope()), (None, older))] == [older, envelope()]


@pytest.mark.parametrize("state", [OrderState.REJECTED, OrderState.NOT_SENT])
def test_what_the_result_line_has_told_is_not_told_twice(state):
    assert seen((None, envelope(state=state))) == [(envelope(state=state), False)]
