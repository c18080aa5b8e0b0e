"""Orders by their names: what came or changed since a mark, and that a book begun anew keeps no name."""

from tests.support.order_story import Story, intended, now_in, order_id_of
from trading_bot.order_management.models import OrderState


def test_what_came_or_changed_since_a_mark_is_told_in_the_order_of_the_latest_changes():
    story = Story(intended("first"), intended("second"))
    mark = story.book.change_mark
    assert story.book.changed_since(mark) == ()
    story.tell(intended("third"), now_in(OrderState.CONFIRMED, "first"))
    assert story.book.changed_since(mark) == (story.order("third"), story.order("first"))


def test_a_book_begun_anew_knows_an_order_by_no_name_of_before():
    story = Story(intended("first"), now_in(OrderState.CONFIRMED, "first", order_id=order_id_of("first")))
    assert story.book.by_order_id(order_id_of("first")) == story.order("first")
    story.book.clear()
    assert story.book.by_order_id(order_id_of("first")) is None
    assert (story.book.orders(), story.book.active(), story.book.changed_since(story.book.change_mark)) == ((), (), ())
