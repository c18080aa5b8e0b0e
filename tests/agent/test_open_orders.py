"""How far back a list of open orders reads: far enough for every order that may still rest, and no further."""

from datetime import timedelta

import pytest

from tests.support.agent_bench import AgentBench, at, numbered, order_id
from trading_bot.agent.tool_call import ToolError, ToolReply

LIST = "get_equity_orders"
DAY_S = 24 * 3600.0
ALL = "2026-08-15T15:00:00.000000Z"
RECENT = "2026-11-22T15:00:00.000000Z"


@pytest.fixture
def bench():
    return AgentBench()


def has_traded(bench):
    bench.tools.rows = [numbered(9, created_at=at(hours=1), state="filled")]


def asked_by_a_list(bench):
    bench.tools.calls.clear()
    listing = bench.gateway.list_open_orders()
    return listing, bench.tools.asked()


def test_the_first_list_reads_as_far_back_as_any_order_can_rest(bench):
    bench.tools.rows = [numbered(1, created_at=at(days=90)), numbered(2, created_at=at(days=99), state="filled")]
    listing, asked = asked_by_a_list(bench)
    assert ([report.order_id for report in listing.reports], asked) == ([order_id(1)], [{"created_at_gte": ALL}])


def test_the_next_one_reads_a_day_and_the_few_older_open_ones_by_their_ids(bench):
    bench.tools.rows = [
        numbered(1, created_at=at(days=90)),
        numbered(2, created_at=at(days=3), state="filled"),
        numbered(3, created_at=at(hours=3)),
        numbered(4, created_at=at(days=2), quantity=None),
    ]
    bench.gateway.list_open_orders()
    bench.tools.rows.append(numbered(5, created_at=at(minutes=-1)))
    listing, asked = asked_by_a_list(bench)
    assert {report.order_id for report in listing.reports} == {order_id(1), order_id(3), order_id(5)}
    assert listing.unreadable_ids == (order_id(4),)
    assert asked == [{"created_at_gte": RECENT}, {"order_id": order_id(1)}, {"order_id": order_id(4)}]


def test_an_older_order_that_has_ended_is_not_asked_for_again(bench):
    bench.tools.rows = [numbered(1, created_at=at(days=90))]
    bench.gateway.list_open_orders()
    bench.tools.rows = [numbered(1, created_at=at(days=90), state="filled")]
    bench.tools.rows.append(numbered(2, created_at=at(hours=1), state="filled"))
    listing, asked = asked_by_a_list(bench)
    assert (listing.reports, listing.complete, len(asked)) == ((), True, 2)
    _, asked = asked_by_a_list(bench)
    assert asked == [{"created_at_gte": RECENT}]


def test_an_older_order_that_is_not_shown_is_asked_for_again(bench):
    bench.tools.rows = [numbered(1, created_at=at(days=90))]
    bench.gateway.list_open_orders()
    rows, bench.tools.rows = bench.tools.rows, []
    assert bench.gateway.list_open_orders().reports == ()
    bench.tools.rows = rows
    listing, asked = asked_by_a_list(bench)
    assert [report.order_id for report in listing.reports] == [order_id(1)]
    assert asked == [{"created_at_gte": RECENT}, {"order_id": order_id(1)}]


def test_an_older_order_that_cannot_be_read_makes_the_list_incomplete_and_stays_known(bench):
    bench.tools.rows = [numbered(1, created_at=at(days=90))]
    bench.gateway.list_open_orders()
    bench.tools.on(LIST, ToolReply(data={"orders": []}), *[ToolError(text="API error 500: x")] * 3)
    listing, _ = asked_by_a_list(bench)
    assert (listing.complete, listing.has_all_pages, listing.problem is None) == (False, False, False)
    listing, _ = asked_by_a_list(bench)
    assert [report.order_id for report in listing.reports] == [order_id(1)]


def test_many_older_orders_are_listed_from_the_oldest_on(bench):
    bench.tools.rows = [numbered(n, created_at=at(days=10 + n)) for n in range(5)]
    bench.gateway.list_open_orders()
    listing, asked = asked_by_a_list(bench)
    assert (len(listing.reports), asked) == (5, [{"created_at_gte": "2026-11-09T15:00:00.000000Z"}])


@pytest.mark.parametrize(
    ("odd", "then"),
    [
        ({"id": None, "created_at": at(days=20)}, "2026-11-03T15:00:00.000000Z"),
        ({"id": None, "created_at": None}, ALL),
        ({"created_at": None}, RECENT),
    ],
)
def test_an_odd_row_is_read_again_wherever_it_can_stand(bench, odd, then):
    bench.tools.rows = [numbered(1, **odd)]
    bench.gateway.list_open_orders()
    listing, asked = asked_by_a_list(bench)
    assert len(listing.unread) + len(listing.reports) == 1
    assert asked[0] == {"created_at_gte": then}


def test_an_empty_list_alone_narrows_nothing(bench):
    bench.tools.on(LIST, ToolReply(data={"orders": []}))
    bench.gateway.list_open_orders()
    bench.tools.rows = [numbered(1, created_at=at(days=90))]
    listing, asked = asked_by_a_list(bench)
    assert ([report.order_id for report in listing.reports], asked) == ([order_id(1)], [{"created_at_gte": ALL}])
    bench.tools.on(LIST, ToolReply(data={"orders": []}), ToolReply(data={"orders": []}))
    bench.gateway.list_open_orders()
    assert asked_by_a_list(bench)[1] == [{"created_at_gte": RECENT}, {"order_id": order_id(1)}]


def test_all_of_it_is_read_again_once_a_day(bench):
    has_traded(bench)
    for _ in range(3):
        bench.gateway.list_open_orders()
        bench.clock.advance(DAY_S / 2)
    sinces = [asked["created_at_gte"] for asked in bench.tools.asked()]
    assert sinces == [ALL, "2026-11-22T15:00:00.000000Z", "2026-08-16T15:00:00.000000Z"]


def test_a_list_that_was_not_whole_narrows_nothing(bench):
    bench.tools.on(LIST, *[ToolError(text="API error 500: x")] * 3)
    bench.gateway.list_open_orders()
    _, asked = asked_by_a_list(bench)
    assert asked[0]["created_at_gte"] < RECENT


def test_what_one_copy_of_the_gateway_learns_all_know(bench):
    has_traded(bench)
    bench.gateway.by(30).list_open_orders()
    _, asked = asked_by_a_list(bench)
    assert asked == [{"created_at_gte": RECENT}]


def test_a_clock_that_was_set_back_narrows_nothing():
    bench = AgentBench()
    has_traded(bench)
    bench.gateway.list_open_orders()
    bench.clock._start -= timedelta(days=2)
    _, asked = asked_by_a_list(bench)
    assert asked == [{"created_at_gte": "2026-08-13T15:00:00.000000Z"}]
