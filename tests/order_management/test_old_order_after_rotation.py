"""A rotation in a process that goes on: what is said later of an order that was left behind."""

from tests.support.journal_bench import JournalBench
from tests.support.order_story import intended, now_in, told
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import OrderState

TWO_DAYS_S = 172_800.0


def test_a_word_about_an_order_left_behind_brings_it_back_without_a_restart_too(tmp_path):
    """Otherwise the next start finds a fact of an order that nobody told, and quarantines the account."""
    desk = JournalBench(tmp_path).tell(intended("old"), now_in(OrderState.CANCELLED, "old"))
    desk.clock.sleep(TWO_DAYS_S)
    desk.keeper.rotate()
    desk.tell(told(EventKind.ANOMALY_FOUND, "old", reason="reported as confirmed after it had ended as cancelled"))
    assert [order.client_order_id for order in desk.restart().book] == ["old"]
    desk.close()


def test_after_a_rotation_the_book_is_what_a_start_would_read(tmp_path):
    desk = JournalBench(tmp_path).tell(intended("old"), now_in(OrderState.CANCELLED, "old"), intended("open"))
    desk.clock.sleep(TWO_DAYS_S)
    desk.keeper.rotate()
    assert [order.client_order_id for order in desk.book] == ["open"]
    old = desk.book.by_either_id("old")
    assert old is not None
    assert old.state is OrderState.CANCELLED
    assert desk.book == desk.restart().book
    desk.close()
