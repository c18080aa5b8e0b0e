"""How far back a list of open orders reads: far enough for every order that may still rest, and no further."""

from datetime import timedelta

import pytest

from tests.support.agent_bench import AgentBench, at, numbered, order_id
from trading_bot.agent.open_orders import ROWS_A_PAGE
from trading_bot.agent.tool_call import ToolError, ToolReply
from trading_bot.robinhood.session import WireReply

LIST = "get_equity_orders"
DAY_S = 24 * 3600.0
ALL = "2026-08-15T15:00:00.000000Z"
RECENT = "2026-11-22T15:00:00.000000Z"


@pytest.fixture
def bench():
    return AgentBench()


@pytest.fixture
def busy(bench):
    """An account with three pages of ended orders behind it."""
    ended = [numbered(1000 + n, created_at=at(days=5, minutes=n), state="filled") for n in range(3 * ROWS_A_PAGE)]
    bench.tools.rows = ended
    bench.tools.page_size = 1000
    return bench


def asked_by_a_list(bench):
    bench.tools.calls.clear()
    listing = bench.gateway.list_open_orders()
    return listing, bench.tools.asked()


def shown(listing):
    return {report.order_id for report in listing.reports}


def test_the_first_list_reads_as_far_back_as_any_order_can_rest(bench):
    bench.tools.rows = [numbered(1, created_at=at(days=90)), numbered(2, created_at=at(days=99), state="filled")]
    listing, asked = asked_by_a_list(bench)
    assert (shown(listing), asked) == ({order_id(1)}, [{"created_at_gte": ALL}])


def test_the_next_one_reads_from_the_oldest_open_order_on(bench):
    bench.tools.rows = [
        numbered(1, created_at=at(days=9)),
        numbered(2, created_at=at(days=20), state="filled"),
        numbered(3, created_at=at(hours=3)),
    ]
    bench.gateway.list_open_orders()
    bench.tools.rows.append(numbered(5, created_at=at(minutes=-1)))
    listing, asked = asked_by_a_list(bench)
    assert shown(listing) == {order_id(1), order_id(3), order_id(5)}
    assert asked == [{"created_at_gte": "2026-11-14T15:00:00.000000Z"}]


def test_where_nothing_older_is_open_it_reads_a_day(bench):
    bench.tools.rows = [numbered(1, created_at=at(days=9), state="filled"), numbered(3, created_at=at(hours=3))]
    bench.gateway.list_open_orders()
    assert asked_by_a_list(bench)[1] == [{"created_at_gte": RECENT}]


def test_where_that_would_be_many_pages_it_reads_the_few_older_ones_by_their_ids(busy):
    busy.tools.rows += [numbered(1, created_at=at(days=90)), numbered(4, created_at=at(days=70), quantity=None)]
    busy.gateway.list_open_orders()
    listing, asked = asked_by_a_list(busy)
    assert (shown(listing), listing.unreadable_ids) == ({order_id(1)}, (order_id(4),))
    assert asked == [{"created_at_gte": RECENT}, {"order_id": order_id(1)}, {"order_id": order_id(4)}]


def test_many_older_ones_are_listed_all_the_same(busy):
    busy.tools.rows += [numbered(n, created_at=at(days=10 + n)) for n in range(4)]
    busy.gateway.list_open_orders()
    listing, asked = asked_by_a_list(busy)
    assert (len(listing.reports), asked) == (4, [{"created_at_gte": "2026-11-10T15:00:00.000000Z"}])


def test_an_older_order_that_has_ended_is_not_asked_for_again(busy):
    busy.tools.rows.append(numbered(1, created_at=at(days=90)))
    busy.gateway.list_open_orders()
    busy.tools.rows[-1] = numbered(1, created_at=at(days=90), state="filled")
    listing, asked = asked_by_a_list(busy)
    assert (shown(listing), listing.complete, len(asked)) == (set(), True, 2)
    assert asked_by_a_list(busy)[1] == [{"created_at_gte": RECENT}]


def test_an_older_order_that_is_not_shown_is_asked_for_again(busy):
    busy.tools.rows += [numbered(1, created_at=at(days=90)), numbered(2, created_at=at(minutes=1), state="filled")]
    busy.gateway.list_open_orders()
    rows = list(busy.tools.rows)
    busy.tools.rows = [rows[-1]]
    assert busy.gateway.list_open_orders().reports == ()
    busy.tools.rows = rows
    listing, asked = asked_by_a_list(busy)
    assert (shown(listing), asked) == ({order_id(1)}, [{"created_at_gte": RECENT}, {"order_id": order_id(1)}])


def test_an_older_order_that_cannot_be_read_makes_the_list_incomplete_and_stays_known(busy):
    busy.tools.rows.append(numbered(1, created_at=at(days=90)))
    busy.gateway.list_open_orders()
    busy.tools.on(LIST, ToolReply(data={"orders": []}), *[ToolError(text="API error 500: x")] * 3)
    listing, _ = asked_by_a_list(busy)
    assert (listing.complete, listing.has_all_pages, listing.problem is None) == (False, False, False)
    assert shown(asked_by_a_list(busy)[0]) == {order_id(1)}


@pytest.mark.parametrize(
    ("odd", "then"),
    [
        ({"id": None, "created_at": at(days=20)}, "2026-11-03T15:00:00.000000Z"),
        ({"id": None, "created_at": None}, ALL),
        ({"created_at": None}, ALL),
    ],
)
def test_an_odd_row_is_read_again_wherever_it_can_stand(bench, odd, then):
    bench.tools.rows = [numbered(1, **odd)]
    bench.gateway.list_open_orders()
    listing, asked = asked_by_a_list(bench)
    assert len(listing.unread) + len(listing.reports) == 1
    assert asked == [{"created_at_gte": then}]


def test_one_that_has_an_id_is_read_by_that_where_it_is_cheaper(busy):
    busy.tools.rows.append(numbered(1, created_at=None))
    busy.gateway.list_open_orders()
    listing, asked = asked_by_a_list(busy)
    assert (shown(listing), asked[0]) == ({order_id(1)}, {"created_at_gte": RECENT})


def test_an_empty_list_alone_narrows_nothing(bench):
    bench.tools.on(LIST, ToolReply(data={"orders": []}))
    bench.gateway.list_open_orders()
    bench.tools.rows = [numbered(1, created_at=at(days=90))]
    listing, asked = asked_by_a_list(bench)
    assert (shown(listing), asked) == ({order_id(1)}, [{"created_at_gte": ALL}])
    bench.tools.on(LIST, ToolReply(data={"orders": []}))
    bench.gateway.list_open_orders()
    assert shown(asked_by_a_list(bench)[0]) == {order_id(1)}


def test_all_of_it_is_read_again_once_a_day(bench):
    bench.tools.rows = [numbered(9, created_at=at(hours=1), state="filled")]
    for _ in range(3):
        bench.gateway.list_open_orders()
        bench.clock.advance(DAY_S / 2)
    sinces = [asked["created_at_gte"] for asked in bench.tools.asked()]
    assert sinces == [ALL, RECENT, "2026-08-16T15:00:00.000000Z"]


def test_a_list_that_was_not_whole_narrows_nothing(bench):
    bench.tools.on(LIST, *[ToolError(text="API error 500: x")] * 3)
    bench.gateway.list_open_orders()
    _, asked = asked_by_a_list(bench)
    assert asked[0]["created_at_gte"] < RECENT


def test_a_list_of_which_a_page_is_missing_narrows_nothing(bench):
    recent, old = numbered(9, created_at=at(hours=1), state="filled"), numbered(1, created_at=at(days=90))
    bench.tools.rows = [recent, old]
    cut = [ToolReply(data={"orders": [recent], "next": "1"}), *[ToolError(text="API error 500: x")] * 3]
    bench.tools.on(LIST, *cut)
    assert not bench.gateway.list_open_orders().has_all_pages
    listing, asked = asked_by_a_list(bench)
    assert shown(listing) == {order_id(1)}
    assert asked[0]["created_at_gte"] < RECENT
    bench.tools.on(LIST, *cut)
    assert not bench.gateway.list_open_orders().has_all_pages
    assert shown(bench.gateway.list_open_orders()) == {order_id(1)}


def test_what_one_copy_of_the_gateway_learns_all_know(bench):
    bench.tools.rows = [numbered(9, created_at=at(hours=1), state="filled")]
    bench.gateway.by(30).list_open_orders()
    assert asked_by_a_list(bench)[1] == [{"created_at_gte": RECENT}]


def test_a_clock_that_was_set_back_narrows_nothing(bench):
    bench.tools.rows = [numbered(9, created_at=at(hours=1), state="filled")]
    bench.gateway.list_open_orders()
    bench.clock._start -= timedelta(days=2)
    assert asked_by_a_list(bench)[1] == [{"created_at_gte": "2026-08-13T15:00:00.000000Z"}]


def test_a_clock_that_is_ahead_leaves_no_old_order_out_once_the_brokers_time_is_known(bench):
    bench.tools.rows = [numbered(1, created_at=at(days=70)), numbered(9, created_at=at(hours=1), state="filled")]
    bench.clock._start += timedelta(days=60)
    assert shown(bench.gateway.list_open_orders()) == set()
    bench.broker_clock.hear(WireReply(status=200, headers={"date": "Mon, 23 Nov 2026 15:00:00 GMT"}, body=b""))
    listing, asked = asked_by_a_list(bench)
    assert (shown(listing), asked) == ({order_id(1)}, [{"created_at_gte": ALL}])


def test_a_broker_whose_whole_seconds_lag_is_not_asked_for_everything_again(bench):
    bench.tools.rows = [numbered(9, created_at=at(hours=1), state="filled")]
    bench.gateway.list_open_orders()
    bench.broker_clock.hear(WireReply(status=200, headers={"date": "Mon, 23 Nov 2026 14:59:59 GMT"}, body=b""))
    assert asked_by_a_list(bench)[1] == [{"created_at_gte": "2026-11-22T14:59:59.000000Z"}]
