"""What changed since a mark, and how many orders have left."""

from trading_bot.order_management.book.change_log import ChangeLog, ChangeMark
from trading_bot.order_management.models import ClientOrderId


def names(log: ChangeLog, mark: ChangeMark) -> list[str]:
    return list(log.since(mark))


def test_a_new_log_is_where_a_mark_begins():
    assert ChangeLog().mark == ChangeMark()


def test_a_change_log_tells_what_changed_since_a_mark_and_each_order_once():
    log = ChangeLog()
    first, second = ClientOrderId("c1"), ClientOrderId("c2")
    log.note(first)
    log.note(second)
    mark = log.mark
    assert (names(log, ChangeMark()), names(log, mark)) == (["c1", "c2"], [])
    log.note(first)
    log.note(first)
    assert (names(log, ChangeMark()), names(log, mark)) == (["c2", "c1"], ["c1"])


def test_orders_that_left_are_counted_and_told_no_more():
    log = ChangeLog()
    log.note(ClientOrderId("c1"))
    log.note(ClientOrderId("c2"))
    mark = log.mark
    log.note_removal(ClientOrderId("c1"))
    assert (log.mark.removals, names(log, ChangeMark())) == (mark.removals + 1, ["c2"])
    log.clear()
    log.note(ClientOrderId("c1"))
    assert (log.mark.removals, names(log, mark)) == (mark.removals + 2, ["c1"])
