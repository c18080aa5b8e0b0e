"""What a kill's file asks for, told by its lines alone."""

from dataclasses import replace

from tests.support.order_story import MONDAY, Story, intended, now_in, told
from trading_bot.order_management.book.kill_wishes import kill_engaged, kill_events
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.journal.side_files import SideContent
from trading_bot.order_management.models import ClientOrderId, OrderState

TWO = Story(intended(), now_in(OrderState.CONFIRMED), intended("second")).book.active()


def content(*events: OrderEvent) -> SideContent:
    """A file whose lines nobody judges here: a cancel of an order is no story of its own."""
    blank = Story(OrderEvent(event=EventKind.SESSION_STARTED)).records[0]
    return SideContent(records=tuple(replace(blank, fact=event) for event in events))


def test_a_kill_that_gives_no_reason_is_a_kill():
    first, cancel = kill_engaged("f", by="ann", reason="enough", orders=[ClientOrderId("second")])
    asked, happened = kill_events("f", content(replace(first, reason=None), cancel), TWO)
    assert (asked.client_order_id, asked.reason) == ("second", "killed")
    assert (happened.event, happened.correlation_id, happened.occurred_at) == (EventKind.KILL_IMPORTED, "f", MONDAY)


def test_a_kill_whose_record_cannot_be_read_cancels_all_and_is_recorded_under_its_file():
    *cancels, happened = kill_events("f", content(), TWO)
    assert [(one.client_order_id, one.correlation_id) for one in cancels] == [("first", "f"), ("second", "f")]
    assert (happened.event, happened.correlation_id) == (EventKind.KILL_IMPORTED, "f")
    assert dict(happened.details) == {"file": "f"}


def test_a_kill_s_cancels_go_under_its_file_s_name_and_with_its_reason():
    (first,) = kill_engaged("f", by="ann", reason="enough", orders=None)
    *cancels, _ = kill_events("f", content(first), TWO)
    assert [(one.event, one.client_order_id, one.reason, one.correlation_id) for one in cancels] == [
        (EventKind.CANCEL_REQUESTED, name, "killed by ann: enough", "f") for name in ("first", "second")
    ]


def test_only_a_cancel_under_way_is_taken_back_so_that_it_is_fired_again():
    under_way = told(EventKind.CANCEL_REQUESTED, status=OrderState.PENDING_CANCEL)
    orders = Story(intended(), now_in(OrderState.CONFIRMED), under_way, intended("second")).book.active()
    (first,) = kill_engaged("f", by="ann", reason="enough", orders=None)
    *cancels, _ = kill_events("f", content(first), orders)
    assert [one.status for one in cancels] == [OrderState.CONFIRMED, None]
