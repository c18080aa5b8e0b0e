import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.support.gateway_bench import LIST, OTHER, GatewayBench
from tests.support.scripted_broker import (
    ACCOUNT,
    BASE,
    INSTRUMENT,
    MORNING,
    ORDER,
    REF,
    instrument_row,
    lost,
    order_row,
    page,
    reply,
)
from trading_bot.order_management.models import ClientOrderId, OrderState, RefId, Side


@pytest.fixture
def bench():
    return GatewayBench()


class TestListing:
    def test_open_orders_are_asked_for_by_account_and_openness(self, bench):
        bench.broker.on(*LIST, page(order_row()))
        listing = bench.gateway.list_open_orders()
        assert ([report.order_id for report in listing.reports], listing.complete, listing.problem) == (
            [ORDER],
            True,
            None,
        )
        assert bench.broker.seen[0].query == {"account_numbers": ACCOUNT, "is_closed": "false"}

    def test_a_date_beyond_any_calendar_spoils_no_listing(self, bench):
        """A listing never raises, whatever a header says."""
        bench.broker.on(*LIST, replace(page(order_row()), headers={"Date": "Mon, 01 Jan 99999999999 00:00:00 GMT"}))
        listing = bench.gateway.list_open_orders()
        assert (len(listing.reports), listing.complete) == (1, True)

    def test_orders_that_changed_lately_are_listed_whether_open_or_ended(self, bench):
        bench.broker.on(*LIST, page(order_row(), order_row(id=OTHER, state="cancelled")))
        listing = bench.gateway.list_orders_since(MORNING)
        assert [report.order_id for report in listing.reports] == [ORDER, OTHER]
        assert bench.broker.seen[0].query == {
            "account_numbers": ACCOUNT,
            "updated_at[gte]": MORNING.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }

    def test_a_list_says_when_it_began_by_the_brokers_own_clock(self, bench):
        dated = reply(200, {"results": [], "next": None}, Date="Mon, 23 Nov 2026 09:00:00 GMT")
        bench.broker.on(*LIST, dated, dated)
        assert bench.gateway.list_open_orders().broker_time is None
        bench.time.sleep(7)
        assert bench.gateway.list_open_orders().broker_time == datetime(2026, 11, 23, 9, 0, 7, tzinfo=UTC)

    def test_a_broker_that_lists_the_whole_history_is_asked_for_what_changed_lately(self, bench):
        """Page after page of ended orders would use up the budget of reads at each synchronisation."""
        ended = order_row(id=OTHER, state="filled", cumulative_quantity="10.00000000")
        history = page(order_row(), ended, following=f"{BASE}/orders/?cursor=2")
        bench.broker.on(*LIST, history, page(order_row(), ended))
        listing = bench.gateway.list_open_orders()
        assert ([report.order_id for report in listing.reports], listing.complete) == ([ORDER], True)
        first, second = (seen for seen in bench.broker.seen if seen.path == "/orders/")
        assert first.query == {"account_numbers": ACCOUNT, "is_closed": "false"}
        assert set(second.query) == {"account_numbers", "updated_at[gte]"}
        since = datetime.fromisoformat(second.query["updated_at[gte]"])
        assert bench.time.now() - since == timedelta(days=100)

    @pytest.mark.parametrize("state", ["locating", "pending_cancelled", 7, None])
    def test_a_row_whose_end_is_not_certain_is_no_sign_of_that(self, bench, state):
        bench.broker.on(*LIST, page(order_row(state=state)))
        bench.gateway.list_open_orders()
        assert [seen.path for seen in bench.broker.seen].count("/orders/") == 1

    def test_closed_orders_are_left_out(self, bench):
        closed = order_row(id=OTHER, state=" Cancelled")
        bench.broker.on(*LIST, page(closed), page(closed, order_row(state="filled", quantity=None)))
        listing = bench.gateway.list_open_orders()
        assert (listing.reports, listing.unread, listing.unreadable_ids, listing.complete) == ((), (), (), True)

    @pytest.mark.parametrize("row", [{}, {"quantity": "NaN"}, {"id": None}], ids=repr)
    def test_a_row_of_another_account_voids_the_whole_reply(self, bench, row):
        foreign = order_row(id=OTHER, account=f"{BASE}/accounts/9ZZ98765/") | row
        bench.broker.on(*LIST, page(order_row(), foreign))
        listing = bench.gateway.list_open_orders()
        assert (listing.reports, listing.complete, listing.has_all_pages) == ((), False, False)
        assert "another account" in str(listing.problem)

    @pytest.mark.parametrize(
        "account", [None, "", 5, "http://[", "api.robinhood.com/user/", f"{BASE}/ACCOUNTS/{ACCOUNT.lower()}"]
    )
    def test_a_row_that_names_no_other_account_is_ours_to_judge(self, bench, account):
        bench.broker.on(*LIST, page(order_row(account=account)))
        assert [report.order_id for report in bench.gateway.list_open_orders().reports] == [ORDER]

    def test_an_order_of_unknown_state_is_open(self, bench):
        bench.broker.on(*LIST, page(order_row(state="locating")))
        assert len(bench.gateway.list_open_orders().reports) == 1

    def test_all_pages_are_read(self, bench):
        bench.broker.on(*LIST, page(order_row(), following=f"{BASE}/orders/?cursor=abc%3D"), page(order_row(id=OTHER)))
        listing = bench.gateway.list_open_orders()
        assert ([report.order_id for report in listing.reports], listing.complete) == ([ORDER, OTHER], True)
        assert bench.broker.seen[1].query == {"cursor": "abc="}

    @pytest.mark.parametrize(
        "ending", [reply(500), lost(), reply(403), reply(200, b"<html>"), reply(200, {"results": None}), reply(200, [])]
    )
    def test_a_failed_later_page_makes_the_listing_incomplete(self, bench, ending):
        bench.broker.on(*LIST, page(order_row(), following=f"{BASE}/orders/?cursor=a"))
        bench.broker.always(*LIST, ending)
        listing = bench.gateway.list_open_orders()
        assert ([report.order_id for report in listing.reports], listing.complete) == ([ORDER], False)
        assert listing.problem

    def test_a_page_that_does_not_say_whether_another_follows_is_no_end(self, bench):
        bench.broker.on(*LIST, reply(200, {"results": []}))
        listing = bench.gateway.list_open_orders()
        assert (listing.complete, "another one follows" in str(listing.problem)) == (False, True)

    @pytest.mark.parametrize(
        "link",
        [
            "http://api.robinhood.com/orders/?cursor=a",
            "https://API.Robinhood.com:443/orders/?cursor=a",
            "https://api.robinhood.com/orders?cursor=a",
            "/orders/?cursor=a",
        ],
    )
    def test_a_link_to_this_list_is_followed_however_it_is_spelled(self, bench, link):
        """Its query alone is taken over: the next page is asked for where the first one was."""
        bench.broker.on(
            *LIST,
            reply(200, {"next": link, "results": [order_row()]}),
            reply(200, {"next": "", "results": [order_row(id=OTHER, ref_id=OTHER)]}),
        )
        listing = bench.gateway.list_open_orders()
        assert (listing.complete, len(listing.reports)) == (True, 2)
        assert bench.broker.paths().count("GET /orders/") == 2

    @pytest.mark.parametrize(
        "link",
        [
            "ftp://api.robinhood.com/orders/?cursor=a",
            "https://evil.example/orders/?cursor=a",
            "https://api.robinhood.com@evil.example/orders/?cursor=a",
            "https://api.robinhood.com/accounts/?cursor=a",
            "https://api.robinhood.com:444/orders/?cursor=a",
            "file:///etc/passwd",
            "//evil.example/orders/?cursor=a",
            "/accounts/?cursor=a",
            "https://api.robinhood.com/orders/?cursor=\ud800",
            "http://[",
            "https://\u2488com/orders/",
            5,
        ],
    )
    def test_a_link_that_leads_elsewhere_is_not_followed(self, bench, link):
        bench.broker.on(*LIST, reply(200, {"next": link, "results": [order_row()]}))
        listing = bench.gateway.list_open_orders()
        assert (
            listing.complete,
            bench.broker.paths().count("GET /orders/"),
        ) == (
            False,
            1,
        )

    def test_a_repeated_cursor_ends_the_walk_incomplete(self, bench):
        bench.broker.always(*LIST, page(order_row(), following=f"{BASE}/orders/?cursor=a"))
        listing = bench.gateway.list_open_orders()
        assert (listing.complete, bench.broker.paths().count("GET /orders/")) == (False, 2)
        assert len(listing.reports) == 1

    def test_two_hundred_pages_are_the_most(self, bench):
        bench.broker.on(*LIST, *[page(following=f"{BASE}/orders/?cursor={n}") for n in range(300)])
        listing = bench.gateway.list_open_orders()
        assert (listing.complete, len(bench.broker.seen)) == (False, 200)

    @pytest.mark.parametrize("newest_first", [True, False])
    def test_an_order_on_two_pages_counts_once_in_its_newest_version(self, bench, newest_first):
        newer = order_row(state="partially_filled", cumulative_quantity="4", updated_at="2026-11-23T15:00:00Z")
        rows = [newer, order_row()] if newest_first else [order_row(), newer]
        bench.broker.on(*LIST, page(*rows))
        [report] = bench.gateway.list_open_orders().reports
        assert report.cumulative_quantity == 4

    def test_of_twins_of_one_moment_the_fuller_counts(self, bench):
        bench.broker.on(*LIST, page(order_row(cumulative_quantity="4"), order_row(cumulative_quantity="3")))
        assert bench.gateway.list_open_orders().reports[0].cumulative_quantity == 4

    def test_a_bad_row_is_listed_apart_and_hides_no_other(self, bench):
        bench.broker.on(*LIST, page(order_row(), order_row(id=OTHER, quantity="NaN"), None))
        listing = bench.gateway.list_open_orders()
        assert ([report.order_id for report in listing.reports], listing.unreadable_ids) == ([ORDER], (OTHER,))
        assert (listing.complete, listing.has_all_pages, listing.problem) == (False, True, None)
        assert [row.order_id for row in listing.unread] == [OTHER, None]

    def test_names_of_all_instruments_are_asked_for_at_once(self, bench):
        rows = [
            order_row(
                id=f"{n:08d}-0000-4000-8000-000000000000",
                instrument_id=f"{n:08d}-1111-4000-8000-000000000000",
                instrument=None,
            )
            for n in range(60)
        ]
        bench.broker.on(*LIST, page(*rows))
        bench.broker.always(
            "GET",
            "/instruments/",
            page(*(instrument_row(f"S{n}", id=row["instrument_id"]) for n, row in enumerate(rows))),
        )
        listing = bench.gateway.list_open_orders()
        assert [report.symbol for report in listing.reports] == [f"S{n}" for n in range(60)]
        assert len([seen for seen in bench.broker.seen if seen.path == "/instruments/"]) == 2

    @pytest.mark.parametrize("ending", [reply(404), reply(200, instrument_row())], ids=["unknown", "another"])
    def test_an_order_in_an_instrument_without_a_name_goes_by_its_id(self, bench, ending):
        bench.broker.on("GET", f"/instruments/{OTHER}/", ending)
        bench.broker.on(*LIST, page(order_row(instrument_id=OTHER, instrument=None), order_row(id=OTHER)))
        listing = bench.gateway.list_open_orders()
        assert [(report.symbol, report.symbol_is_known) for report in listing.reports] == [
            (OTHER, False),
            ("AAPL", True),
        ]
        assert listing.complete

    def test_a_failed_look_up_of_names_costs_the_names_and_nothing_else(self, bench):
        bench.broker.always("GET", "/instruments/", reply(503))
        bench.broker.always("GET", f"/instruments/{INSTRUMENT}/", reply(503))
        bench.broker.on(*LIST, page(order_row()))
        listing = bench.gateway.list_open_orders()
        assert ([report.symbol for report in listing.reports], listing.complete) == ([INSTRUMENT], True)

    def test_without_an_account_there_is_no_listing_and_no_error(self):
        bench = GatewayBench(account_number=None)
        bench.broker.always("GET", "/accounts/", reply(500))
        listing = bench.gateway.list_open_orders()
        assert (listing.reports, listing.complete) == ((), False)
        assert listing.problem


class TestFinding:
    def find(self, bench):
        return bench.gateway.find_by_client_order_id(ClientOrderId("c1"), ref_id=RefId(REF), created_after=MORNING)

    def hear(self, bench, date):
        bench.broker.on(*LIST, replace(page(), headers={"Date": date}))
        bench.gateway.list_open_orders()
        bench.broker.seen.clear()

    def test_a_closed_order_is_found_by_its_reference(self, bench):
        """No reply has said what time it is at the broker, so its clock may be a day behind."""
        bench.broker.on(*LIST, page(order_row(id=OTHER, ref_id=OTHER), order_row(state="cancelled")))
        listing = self.find(bench)
        assert ([report.order_id for report in listing.reports], listing.complete) == ([ORDER], True)
        assert bench.broker.seen[0].query == {
            "account_numbers": ACCOUNT,
            "updated_at[gte]": "2026-11-22T15:00:00.000000Z",
        }

    @pytest.mark.parametrize(
        ("date", "since"),
        [
            ("Mon, 23 Nov 2026 14:57:00 GMT", "2026-11-23T14:57:00.000000Z"),
            ("Mon, 23 Nov 2026 15:03:00 GMT", "2026-11-23T15:00:00.000000Z"),
        ],
    )
    def test_a_clock_of_the_broker_that_is_behind_is_allowed_for(self, bench, date, since):
        self.hear(bench, date)
        bench.broker.on(*LIST, page(order_row()))
        assert self.find(bench).reports
        assert bench.broker.seen[0].query["updated_at[gte]"] == since

    def test_reading_ends_with_a_page_of_older_orders_which_proves_no_absence(self, bench):
        """Otherwise a broker that has not listed it yet, or ignores the filter, has every order of the day read."""
        self.hear(bench, "Mon, 23 Nov 2026 15:00:00 GMT")
        new = order_row(id=OTHER, ref_id=OTHER, created_at="2026-11-23T15:00:00Z")
        old = order_row(id=OTHER, ref_id=OTHER, created_at="2026-11-23T14:59:59Z")
        bench.broker.on(*LIST, page(new, old, following=f"{BASE}/orders/?cursor=1"))
        bench.broker.on(*LIST, page(old, old, following=f"{BASE}/orders/?cursor=2"))
        listing = self.find(bench)
        assert (listing.reports, listing.complete, listing.has_all_pages, listing.problem) == ((), False, False, None)
        assert bench.broker.paths().count("GET /orders/") == 2

    @pytest.mark.parametrize("created_at", [None, "soon", "2026-11-23T15:00:00Z"])
    def test_a_row_that_may_be_as_new_lets_reading_go_on(self, bench, created_at):
        self.hear(bench, "Mon, 23 Nov 2026 15:00:00 GMT")
        row = order_row(id=OTHER, ref_id=OTHER, created_at=created_at)
        bench.broker.on(*LIST, page(row, following=f"{BASE}/orders/?cursor=1"), page(order_row()))
        assert self.find(bench).reports

    def find_near(self, bench):
        return bench.gateway.find_by_client_order_id(
            ClientOrderId("c1"), ref_id=RefId(REF), created_after=MORNING, created_before=MORNING + timedelta(minutes=1)
        )

    @pytest.mark.parametrize(
        ("date", "position"),
        [
            (None, "p=2026-11-23 15:01:00+00:00"),
            ("Mon, 23 Nov 2026 14:57:00 GMT", "p=2026-11-23 15:01:00+00:00"),
            ("Mon, 23 Nov 2026 15:03:00 GMT", "p=2026-11-23 15:04:00+00:00"),
        ],
    )
    def test_near_its_intent_it_is_looked_for_from_the_page_on_where_it_should_stand(self, bench, date, position):
        if date is not None:
            self.hear(bench, date)
        bench.broker.on(*LIST, page(order_row()))
        listing = self.find_near(bench)
        assert ([report.order_id for report in listing.reports], listing.complete) == ([ORDER], True)
        assert base64.b64decode(bench.broker.seen[0].query["cursor"]).decode() == position

    def test_a_look_near_its_intent_proves_no_absence_even_at_the_end_of_the_list(self, bench):
        bench.broker.on(*LIST, page(order_row(id=OTHER, ref_id=OTHER)))
        listing = self.find_near(bench)
        assert (listing.reports, listing.complete, listing.has_all_pages) == ((), False, False)

    @pytest.mark.parametrize("created_at", [None, "2026-11-23T15:01:00Z"])
    def test_a_broker_that_does_not_take_our_cursor_is_asked_for_no_more_pages(self, bench, created_at):
        newest = order_row(id=OTHER, ref_id=OTHER, created_at=created_at)
        bench.broker.on(*LIST, page(newest, following=f"{BASE}/orders/?cursor=1"))
        assert self.find_near(bench).reports == ()
        assert bench.broker.paths().count("GET /orders/") == 1

    def test_a_broker_that_refuses_our_cursor_has_not_shown_that_it_is_not_there(self, bench):
        bench.broker.on(*LIST, reply(404, {"detail": "Invalid cursor"}))
        listing = self.find_near(bench)
        assert (listing.reports, listing.complete) == ((), False)
        assert "c1" in str(listing.problem)

    def test_a_whole_listing_without_it_says_not_there(self, bench):
        bench.broker.on(*LIST, page(order_row(id=OTHER, ref_id=OTHER), order_row(ref_id=OTHER, quantity="NaN")))
        listing = self.find(bench)
        assert (listing.reports, listing.complete, listing.has_all_pages) == ((), True, True)
        assert (listing.unread, listing.unreadable_ids) == ((), ())

    @pytest.mark.parametrize("row", [None, {"id": ORDER}, order_row(ref_id=None), order_row(ref_id="abc")], ids=repr)
    def test_a_row_that_names_no_order_could_be_it(self, bench, row):
        bench.broker.on(*LIST, page(row))
        listing = self.find(bench)
        assert (listing.complete, listing.has_all_pages, len(listing.unread)) == (False, True, 1)
        assert "c1" in str(listing.problem)

    def test_a_readable_row_without_a_reference_says_what_it_is(self, bench):
        bench.broker.on(*LIST, page(order_row(ref_id="")))
        [row] = self.find(bench).unread
        assert (row.order_id, row.ref_id, row.instrument_id, row.symbol) == (ORDER, None, INSTRUMENT, "AAPL")
        assert (row.side, row.quantity, row.cumulative_quantity) == (Side.BUY, 10, 0)
        assert (row.limit_price, row.state, row.broker_state) == (Decimal("100.1"), OrderState.CONFIRMED, "confirmed")
        assert row.created_at is not None

    def test_reading_ends_with_the_page_that_shows_it(self, bench):
        first = page(order_row(id=OTHER), order_row(state="cancelled"), None, following=f"{BASE}/orders/?cursor=2")
        bench.broker.on(
            *LIST, page(order_row(id=INSTRUMENT, ref_id=OTHER), following=f"{BASE}/orders/?cursor=1"), first
        )
        listing = self.find(bench)
        assert [report.order_id for report in listing.reports] == [OTHER, ORDER]
        assert (listing.complete, listing.has_all_pages) == (True, False)
        assert bench.broker.paths().count("GET /orders/") == 2

    def test_found_on_the_last_page_all_pages_were_read(self, bench):
        bench.broker.on(*LIST, page(order_row()))
        assert self.find(bench).has_all_pages

    def test_its_own_unreadable_row_is_known_to_be_there(self, bench):
        bench.broker.on(*LIST, page(order_row(quantity="NaN")))
        listing = self.find(bench)
        assert (listing.reports, listing.complete, listing.unreadable_ids) == ((), False, (ORDER,))

    def test_a_lost_page_proves_no_absence(self, bench):
        bench.broker.always(*LIST, reply(502))
        assert not self.find(bench).complete

    def test_with_a_limit_every_wait_and_every_repetition_keeps_to_it(self, bench):
        bench.broker.on(*LIST, replace(lost(), then=lambda: bench.time.sleep(3)), *[lost()] * 5)
        begun = bench.time.monotonic()
        listing = bench.gateway.by(begun + 4).find_by_client_order_id(
            ClientOrderId("c1"), ref_id=RefId(REF), created_after=MORNING
        )
        assert not listing.complete
        waits = [seen.timeout[1] for seen in bench.broker.seen if seen.path == "/orders/"]
        assert waits[0] == 4
        assert all(wait <= 1 for wait in waits[1:])
        assert bench.time.monotonic() - begun <= 4
