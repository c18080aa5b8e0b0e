"""What recovering costs, counted and not timed: requests, round trips that follow one upon another, and waits."""

from datetime import timedelta

import pytest

from tests.support.broker_stand_in import Act, Request, Route
from tests.support.counted_broker import CountedBench
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import OrderOutcomeUnknownError

pytestmark = pytest.mark.no_cover  # whole bots: each line that they run has a quick test of its own

PAGE_SIZES = [10, 100]


@pytest.fixture(params=PAGE_SIZES, ids=lambda size: f"pages of {size}")
def bench(request: pytest.FixtureRequest) -> CountedBench:
    return CountedBench(page_size=request.param)


def lose_the_reply(bench: CountedBench, *, shown_after_s: float = 0) -> None:
    """Let the broker take the next order and list it after some time; no answer comes."""

    def hide(request: Request) -> None:
        if request.route is Route.SUBMIT:
            bench.broker.book.orders[-1].hidden_until = bench.clock.now() + timedelta(seconds=shown_after_s)

    bench.broker.meanwhile = hide
    bench.broker.acts[Route.SUBMIT].append(Act.RESET_AFTER_ACTING)


def doubt(bench: CountedBench) -> None:
    """Leave an order in doubt that the broker has."""
    lose_the_reply(bench)
    bench.broker.standing[Route.LIST] = Act.E503_BEFORE
    with pytest.raises(OrderOutcomeUnknownError):
        bench.buy()
    bench.broker.standing.clear()


class TestALostReply:
    @pytest.mark.parametrize(("shown_after_s", "looks"), [(0, 1), (0.4, 2), (1.4, 3)])
    def test_behind_600_orders_of_the_day_each_look_is_one_request(self, bench, shown_after_s, looks):
        bench.buy("before", quantity=1)
        bench.add_others(600, every_s=30)
        began = bench.count_from_here()
        lose_the_reply(bench, shown_after_s=shown_after_s)
        assert bench.buy().order_id is not None
        looked_before = 1  # the list of open orders, because the last one is too old for a new order
        assert bench.broker.count[Route.LIST] - looked_before == looks
        assert bench.clock.monotonic() - began <= 1.5

    @pytest.mark.parametrize("state", ["queued", "filled"])
    def test_behind_600_newer_orders_a_sync_finds_it_with_one_more_request(self, bench, state):
        doubt(bench)
        if state == "filled":
            bench.fill("c1")
        bench.add_others(600, every_s=30)
        began = bench.count_from_here()
        bench.sync()
        assert bench.state() == state
        assert (bench.broker.count[Route.LIST], bench.clock.monotonic() - began) == (2, 0)

    def test_a_second_order_under_its_key_that_has_ended_is_still_seen(self, bench):
        doubt(bench)
        order = bench.tracked().envelope
        twin = bench.add_other(order.ref_id, symbol=order.symbol)
        twin.created_at = order.created_at
        bench.broker.book.fill(twin, 1, bench.clock.now())
        bench.sync()
        assert "two orders" in str(bench.journal.facts(EventKind.SYMBOL_FROZEN)[0].reason)


class TestCancelAll:
    def test_of_25_behind_2000_old_orders_the_cancels_leave_together_and_two_lists_show_the_rest(self, bench):
        bench.add_others(2000, every_s=1)
        bench.clock.sleep(3600)
        for number in range(25):
            bench.clock.sleep(1)
            bench.buy(f"c{number}", quantity=1 + number)
        began = bench.count_from_here()
        bench.broker.cancels_meet = (20, 25)
        assert all(result.is_proven_closed for result in bench.manager.cancel_all_open_orders())
        assert bench.broker.count[Route.CANCEL] == 25
        pages = 3 if bench.broker.page_size == 10 else 1
        assert bench.broker.count[Route.LIST] == pages + 1
        assert bench.broker.turns <= pages + 1 + 2, "twenty cancels leave together, and five more at the pace"
        assert bench.clock.monotonic() - began <= 5 * 0.25  # four a second once twenty have left


class TestSync:
    def place(self, bench: CountedBench, count: int) -> None:
        for number in range(count):
            bench.clock.sleep(1)
            bench.buy(f"c{number}", quantity=1 + number)

    def test_of_100_open_orders_is_one_page_and_the_positions(self):
        bench = CountedBench(page_size=100)
        self.place(bench, 100)
        began = bench.count_from_here()
        bench.sync()
        assert bench.broker.count.total() <= 2
        assert bench.clock.monotonic() == began

    @pytest.mark.parametrize("is_new", [False, True])
    def test_the_fills_of_ten_pages_are_read_by_ten_pages(self, is_new):
        """A program that has just started does not know when the orders were seen open."""
        bench = CountedBench(page_size=10)
        self.place(bench, 100)
        bench.sync()
        for number in range(100):
            bench.fill(f"c{number}")
        if is_new:
            bench.restart()
        bench.count_from_here()
        assert bench.sync().fills_booked == 100
        assert bench.broker.count.total() <= 20
        assert bench.broker.count[Route.READ] == 0

    def test_ends_that_could_not_be_read_are_listed_by_the_next_one(self):
        """Asked for since a look that did not see them, the list would show none, and each would be read by itself."""
        bench = CountedBench(page_size=10)
        self.place(bench, 12)
        bench.sync()
        for number in range(12):
            bench.fill(f"c{number}")
        bench.clock.sleep(3600)

        def fail_after_the_open_orders(request: Request) -> None:
            bench.broker.standing |= {Route.LIST: Act.E503_BEFORE, Route.READ: Act.E503_BEFORE}

        bench.broker.meanwhile = fail_after_the_open_orders
        assert not bench.sync().complete
        bench.broker.meanwhile = lambda request: None
        bench.broker.standing.clear()
        bench.count_from_here()
        assert bench.sync().fills_booked == 12
        assert bench.broker.count[Route.READ] == 0
