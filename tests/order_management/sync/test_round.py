"""What one round counts, and whose order a row is by the names in it."""

from datetime import timedelta

import pytest

from tests.support.fake_gateway import FakeGateway
from tests.support.manager_bench import MONDAY
from tests.support.order_story import Story, intended, now_in, order_id_of, ref_of, report
from trading_bot.clock import Moment, VirtualClock
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderState
from trading_bot.order_management.outcomes import Listing
from trading_bot.order_management.sync.external_orders import external_order
from trading_bot.order_management.sync.round import Tally, is_resurrected, owner_of, problem_of, summary_of


def tally(*active: str, began_s: float = 0) -> Tally:
    began = Moment(at=MONDAY + timedelta(seconds=began_s), mono=began_s)
    gateway = FakeGateway(VirtualClock(MONDAY))
    return Tally(gateway=gateway, began=began, active=frozenset(ClientOrderId(name) for name in active))


def accepted(name: str) -> tuple[OrderEvent, ...]:
    taken = OrderEvent(event=EventKind.ORDER_ACCEPTED, client_order_id=ClientOrderId(name), order_id=order_id_of(name))
    return intended(name), taken


class TestWhoseARowIs:
    @pytest.fixture
    def story(self) -> Story:
        return Story(*accepted("first"), *accepted("second"))

    def test_the_brokers_id_decides_before_our_name(self, story):
        row = report(order_id=order_id_of("first"), ref_id=ref_of("second"))
        assert owner_of(row, story.book) == story.order("first")

    def test_our_name_decides_where_the_id_is_of_no_order(self, story):
        row = report(order_id=OrderId("unheard-of"), ref_id=ref_of("second"))
        assert owner_of(row, story.book) == story.order("second")

    def test_a_row_with_neither_is_nobodys(self, story):
        assert owner_of(report(order_id=OrderId("unheard-of"), ref_id=None), story.book) is None


class TestResurrectedOrders:
    def test_each_is_kept_once_however_many_listings_show_it(self):
        kept = tally()
        for name in ("one", "two", "one"):
            kept.add_resurrected(report(order_id=OrderId(name)))
        assert [order.order_id for order in kept.resurrected] == ["one", "two"]

    def test_it_takes_an_end_on_record_and_a_word_that_is_understood(self):
        at_work = Story(*accepted("first")).order()
        ended = Story(*accepted("first"), now_in(OrderState.CANCELLED)).order()
        assert is_resurrected(ended, report())
        assert not is_resurrected(at_work, report())
        assert not is_resurrected(ended, report(state_is_known=False))


class TestOldReports:
    """An order that ended here after reading had begun: what was read may be older than its end."""

    ENDED = (*accepted("first"), now_in(OrderState.CANCELLED))

    def test_one_at_work_as_the_round_began_is_old_news(self):
        assert tally("first", began_s=60).is_stale(Story(*self.ENDED).order(), report())

    def test_one_made_after_the_round_began_is_old_news(self):
        assert tally(began_s=-60).is_stale(Story(*self.ENDED).order(), report())

    def test_one_that_had_ended_before_is_news(self):
        assert not tally(began_s=60).is_stale(Story(*self.ENDED).order(), report())

    def test_only_a_report_of_an_order_at_work_is_older_than_its_end(self):
        assert not tally("first").is_stale(Story(*self.ENDED).order(), report(OrderState.CANCELLED))
        assert not tally("first").is_stale(Story(*accepted("first")).order(), report())


class TestTheSummary:
    def test_it_counts_what_the_round_has_booked_and_orders_placed_elsewhere(self):
        done = tally()
        done.fills, done.closed, done.notes = 3, 2, ["one", "two"]
        external = [external_order(report()), external_order(report(), is_ours=True)]
        summary = summary_of(done, external=external, is_view=True, still_open=7)
        assert (summary.fills_booked, summary.orders_closed, summary.open_orders) == (3, 2, 7)
        assert (summary.external_orders, summary.notes) == (1, ("one", "two"))
        assert (summary.complete, summary.is_view, summary.problem) == (True, True, None)

    @pytest.mark.parametrize(("is_view", "problem"), [(False, None), (True, "502"), (False, "502")])
    def test_it_is_complete_only_if_all_was_seen_and_nothing_went_wrong(self, is_view, problem):
        done = tally()
        done.problem = problem
        summary = summary_of(done, external=(), is_view=is_view, still_open=0)
        assert (summary.complete, summary.is_view, summary.problem) == (False, is_view, problem)


@pytest.mark.parametrize(
    ("listing", "problem"),
    [
        (Listing(reports=(), complete=True, has_all_pages=True), None),
        (Listing(reports=(), complete=False, has_all_pages=True, problem="a row"), "a row"),
        (Listing(reports=(), complete=False, has_all_pages=False), "the listing was not whole"),
    ],
)
def test_a_listing_that_is_not_whole_has_a_problem(listing, problem):
    assert problem_of(listing) == problem
