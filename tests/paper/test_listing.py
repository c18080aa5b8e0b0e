import base64
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from tests.support.paper_market import ACCOUNT, BASE, MONDAY, PaperBench, quote_line, recorded
from trading_bot.paper.listing import range_of
from trading_bot.paper.order_range import OrderRange
from trading_bot.paper.state import instrument_id_of


def _ids(page):
    return [row["id"] for row in page["results"]]


def test_orders_are_listed_newest_first():
    bench = PaperBench()
    placed = [bench.place(ref, price="50.00") for ref in range(3)]
    assert _ids(bench.get("/orders/")) == placed[::-1]


def test_pages_follow_each_other_by_absolute_urls_and_miss_nothing():
    bench = PaperBench(page_size=2)
    placed = [bench.place(ref, price="50.00") for ref in range(5)]
    seen, url = [], f"{BASE}/orders/?is_closed=false&account_numbers={ACCOUNT}"
    while url:
        page = bench.send("GET", url).json()
        seen.append(_ids(page))
        url = page["next"]
        if url:
            assert url.startswith(f"{BASE}/orders/?")
            assert "is_closed=false" in urlsplit(url).query
    assert seen == [placed[4:2:-1], placed[2:0:-1], placed[:1]]


def test_a_full_last_page_has_no_next():
    bench = PaperBench(page_size=2)
    bench.place(1)
    bench.place(2)
    assert bench.get("/orders/")["next"] is None


def test_an_order_placed_between_two_pages_does_not_shift_them():
    bench = PaperBench(page_size=2)
    placed = [bench.place(ref, price="50.00") for ref in range(3)]
    first = bench.get("/orders/")
    bench.place(9, price="50.00")
    assert _ids(bench.send("GET", first["next"]).json()) == placed[:1]


def _cursor(text):
    return base64.b64encode(text).decode()


@pytest.mark.parametrize("cursor", ["%%%", "abc", _cursor(b"x=1&p=2"), _cursor(b"o=1"), _cursor(b"o=x&p=2"), "/w=="])
def test_a_cursor_that_was_not_given_out_is_404(cursor):
    reply = PaperBench().send("GET", "/orders/", params={"cursor": cursor})
    assert (reply.status_code, reply.json()) == (404, {"detail": "Not found."})


def test_is_closed_divides_open_from_ended_orders():
    bench = PaperBench()
    filled = bench.place(1)
    bench.wait(1)
    leaving, open_order = bench.place(2, price="50.00"), bench.place(3, price="50.00")
    bench.cancel(leaving)
    assert _ids(bench.get("/orders/", is_closed="false")) == [open_order, leaving]
    assert _ids(bench.get("/orders/", is_closed="true")) == [filled]


@pytest.mark.parametrize("key", ["created_at[gte]", "updated_at[gte]"])
@pytest.mark.parametrize("since", ["2026-11-23T15:00:10Z", "2026-11-23T15:00:10", "2026-11-23T10:00:10.000000-05:00"])
def test_a_lower_bound_includes_its_moment(key, since):
    bench = PaperBench(quotes=recorded(quote_line(-60, "100.50", "101")))
    bench.place(1)
    bench.wait(10)
    second = bench.place(2)
    assert _ids(bench.get("/orders/", **{key: since})) == [second]


def test_an_old_order_that_changed_is_found_by_its_update_and_not_by_its_creation():
    bench = PaperBench()
    order_id = bench.place(price="50.00")
    bench.wait(10)
    bench.cancel(order_id)
    since = (MONDAY + timedelta(seconds=5)).isoformat()
    assert _ids(bench.get("/orders/", **{"updated_at[gte]": since})) == [order_id]
    assert _ids(bench.get("/orders/", **{"created_at[gte]": since})) == []


@pytest.mark.parametrize("key", ["created_at[gte]", "updated_at[gte]"])
def test_a_senseless_time_is_refused(key):
    reply = PaperBench().send("GET", "/orders/", params={key: "yesterday"})
    assert (reply.status_code, reply.json()) == (400, {key: ["Enter a valid date/time."]})


def test_a_senseless_is_closed_is_refused():
    reply = PaperBench().send("GET", "/orders/", params={"is_closed": "maybe"})
    assert (reply.status_code, reply.json()) == (400, {"is_closed": ['"maybe" is not a valid boolean.']})


def test_orders_are_filtered_by_instrument():
    quotes = recorded(quote_line(-60, "99", "100"), quote_line(-60, "9", "10", symbol="F"))
    bench = PaperBench(quotes=quotes)
    bench.place(1)
    ford = bench.place(2, symbol="F", price="9.50")
    url = f"{BASE}/instruments/{instrument_id_of('F')}/"
    assert _ids(bench.get("/orders/", instrument=url)) == [ford]


@pytest.mark.parametrize(("numbers", "count"), [(ACCOUNT, 1), (f"OTHER,{ACCOUNT}", 1), ("OTHER", 0)])
def test_orders_are_filtered_by_account(numbers, count):
    bench = PaperBench()
    bench.place()
    assert len(bench.get("/orders/", account_numbers=numbers)["results"]) == count


def test_an_unknown_key_changes_nothing():
    bench = PaperBench()
    bench.place()
    assert len(bench.get("/orders/", ref_id="something-else")["results"]) == 1


@pytest.mark.parametrize(
    ("query", "within"),
    [
        ({}, OrderRange()),
        ({"is_closed": "False"}, OrderRange(closed=False)),
        ({"is_closed": "true"}, OrderRange(closed=True)),
        ({"updated_at[gte]": MONDAY.isoformat()}, OrderRange(updated_since=MONDAY)),
        ({"cursor": base64.b64encode(b"o=7&p=then").decode()}, OrderRange(below=7)),
    ],
)
def test_a_query_bounds_what_has_to_be_looked_at(query, within):
    assert range_of(query) == within
