"""Reads and cancels by tool: what is asked again, what is an error, and how a list is walked."""

import pytest

from tests.support.scripted_broker import lost, reply
from tests.support.scripted_tools import ToolBench, bad, good, message
from trading_bot.agent.calls import ToolNotFoundError, ToolReads, ToolRefusedError
from trading_bot.agent.tool_call import HttpRefusal, ToolError, ToolReply, tool_call
from trading_bot.error_handling.policies import CANCEL_POLICY
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.robinhood.listing import MAX_PAGES
from trading_bot.robinhood.reads import LOGIN_NEEDED, BrokerUnavailableError

THROTTLED = bad("RATE_LIMITED: too many requests, please try again shortly", "rate_limited")
CANCEL = tool_call("cancel_equity_order", {"account_number": "000000001", "order_id": "x"})


class Bench(ToolBench):
    def __init__(self):
        super().__init__()
        self.renewals = []
        self.reads = ToolReads(wire=self.session, clock=self.clock, renew=self.renew)

    def renew(self, within_s):
        self.renewals.append(within_s)
        return True

    def count(self):
        return self.tools.methods().count("tools/call")

    def asked_for(self):
        return [asked["params"]["arguments"] for asked in self.tools.asked if asked["method"] == "tools/call"]


@pytest.fixture
def bench():
    return Bench()


@pytest.mark.parametrize(
    "trouble",
    [
        THROTTLED,
        bad("RATE_LIMITED: whatever", "another"),
        bad("slower, please", "rate_limited"),
        bad("API error 408: {}"),
        reply(599),
        bad("API error 503: <html>"),
        bad("API error 429: {}"),
        bad("unable to fetch: rpc error: code = Unavailable desc = x"),
        reply(429),
        reply(502, b"<html>"),
        reply(200, b"<html>"),
        lost(),
        lambda n: reply(200, message(n, error={"code": -32603, "message": "internal"})),
        lambda n: reply(200, message(n, error={"code": -32000, "message": "RATE_LIMITED: too many"})),
    ],
)
def test_a_read_that_meets_passing_trouble_is_asked_again(bench, trouble):
    bench.tools.calls = [trouble] * (2 if callable(trouble) else 1) + [good({"a": "1"})]
    assert bench.reads.data("get_portfolio", {}) == {"a": "1"}


def test_a_throttled_read_waits_until_the_server_may_serve_again(bench):
    bench.tools.calls = [THROTTLED, THROTTLED, good({})]
    begun = bench.clock.monotonic()
    bench.reads.data("get_portfolio", {})
    assert bench.clock.monotonic() - begun == 5


def test_a_throttled_read_waits_as_long_as_the_server_says(bench):
    bench.tools.calls = [reply(429, None, Retry_After="4"), good({})]
    begun = bench.clock.monotonic()
    bench.reads.data("get_portfolio", {})
    assert bench.clock.monotonic() - begun == 4


def test_a_read_is_over_in_its_time_with_all_its_repetitions(bench):
    bench.tools.calls = [THROTTLED] * 9
    begun = bench.clock.monotonic()
    with pytest.raises(BrokerUnavailableError):
        bench.reads.by(begun + 4).data("get_portfolio", {})
    assert bench.clock.monotonic() - begun < 4
    assert bench.count() == 3


def test_a_throttled_read_with_little_time_asks_once_more_within_it(bench):
    bench.tools.calls = [THROTTLED, good({"a": "1"})]
    begun = bench.clock.monotonic()
    assert bench.reads.by(begun + 2).data("get_equity_quotes", {}) == {"a": "1"}
    assert bench.clock.monotonic() - begun == 1


@pytest.mark.parametrize(
    ("refusal", "error", "status"),
    [
        (bad('API error 404: {"detail":"Not found."}'), ToolNotFoundError, 404),
        (bad("API error 404: \n<!doctype html>"), ToolNotFoundError, 404),
        (bad('API error 400: {"detail":"x"}'), ToolRefusedError, 400),
        (bad('invalid interval "fortnight"'), ToolRefusedError, None),
        (bad("unable to: rpc error: code = NotFound desc = x"), ToolRefusedError, None),
    ],
)
def test_a_refused_read_is_an_error_with_what_was_refused(bench, refusal, error, status):
    bench.tools.calls = [refusal]
    with pytest.raises(error) as caught:
        bench.reads.data("get_equity_orders", {})
    assert type(caught.value) is error
    assert caught.value.refusal.status == status
    assert bench.count() == 1


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([reply(403, b"<html>")], "HTTP 403"),
        ([reply(418, b"")], "the broker gave no reason"),
        ([lambda n: reply(200, message(n, error={"code": -32602, "message": "bad params"}))], "bad params"),
        ([reply(302, None, Location="https://evil.example/")], "something may stand between you and the broker"),
        ([bad("")], "the broker gave no reason"),
    ],
)
def test_an_error_says_what_the_server_answered(bench, answers, words):
    bench.tools.calls = answers
    with pytest.raises(OrderStatusError, match=words) as caught:
        bench.reads.data("get_portfolio", {})
    assert not isinstance(caught.value, BrokerUnavailableError)
    assert bench.count() == 1


def test_a_token_in_an_answer_is_shown_to_nobody(bench):
    bench.tools.calls = [reply(403, b"no: a-token-of-the-agent")]
    with pytest.raises(OrderStatusError) as caught:
        bench.reads.data("get_portfolio", {})
    assert "a-token" not in str(caught.value)


def test_what_a_refusal_holds_as_json_can_be_read(bench):
    bench.tools.calls = [bad('API error 404: {"missing_instruments":["NOTREALXX"]}')]
    with pytest.raises(ToolNotFoundError) as caught:
        bench.reads.data("get_equity_quotes", {"symbols": ["NOTREALXX"]})
    assert caught.value.refusal.body == {"missing_instruments": ["NOTREALXX"]}


def test_a_refused_login_is_renewed_once_and_the_read_asked_again(bench):
    bench.tools.calls = [reply(401), good({"a": "1"})]
    assert bench.reads.data("get_portfolio", {}) == {"a": "1"}
    assert len(bench.renewals) == 1


def test_no_login_is_renewed_once_the_time_is_over(bench):
    def slowly(_):
        bench.clock.advance(10)
        return reply(401)

    bench.tools.calls = [slowly]
    with pytest.raises(OrderStatusError):
        bench.reads.data("get_portfolio", {})
    assert bench.renewals == []


def test_a_login_refused_again_needs_a_person(bench):
    bench.tools.calls = [reply(401), reply(401)]
    with pytest.raises(OrderStatusError) as caught:
        bench.reads.data("get_portfolio", {})
    assert caught.value.code == LOGIN_NEEDED
    assert len(bench.renewals) == 1


def test_a_cancel_is_asked_again_until_an_answer_is_there(bench):
    bench.tools.calls = [THROTTLED, lost(), good({"accepted": True})]
    assert bench.reads.repeated(CANCEL, CANCEL_POLICY) == ToolReply(data={"accepted": True})


def test_the_last_result_of_a_cancel_is_returned_where_no_answer_comes(bench):
    bench.tools.calls = [THROTTLED] * 4
    assert isinstance(bench.reads.repeated(CANCEL, CANCEL_POLICY), ToolError)
    bench.tools.calls = [reply(503)] * 4
    assert isinstance(bench.reads.repeated(CANCEL, CANCEL_POLICY), HttpRefusal)


@pytest.mark.parametrize(
    "following",
    [
        "cD0yMDI2",
        "https://agent.example/accounts/000000001/orders/?cursor=cD0yMDI2&x=1",
        "HTTPS://a.b/?cursor=cD0yMDI2",
    ],
)
def test_a_list_is_walked_by_either_form_of_cursor_with_the_same_filters(bench, following):
    bench.tools.calls = [good({"orders": [1, 2], "next": following}), good({"orders": [3], "next": ""})]
    pages = bench.reads.pages("get_equity_orders", {"account_number": "1", "created_at_gte": "x"})
    assert (pages.rows, pages.are_all) == ((1, 2, 3), True)
    filters = {"account_number": "1", "created_at_gte": "x"}
    assert bench.asked_for() == [filters, {**filters, "cursor": "cD0yMDI2"}]


@pytest.mark.parametrize(
    "page",
    [
        {"orders": {}},
        {},
        [],
        None,
        {"orders": [1], "next": 5},
        {"orders": [1], "next": "https://agent.example/?page=2"},
        {"orders": [1], "next": "https://[/?cursor=a"},
    ],
)
def test_a_page_that_cannot_be_read_is_no_complete_list(bench, page):
    bench.tools.calls = [good(page)]
    assert not bench.reads.pages("get_equity_orders", {}).are_all


def test_a_list_that_is_null_by_the_schema_is_an_empty_one(bench):
    bench.tools.calls = [good({"orders": [1], "next": "b"}), good({"orders": None})]
    pages = bench.reads.pages("get_equity_orders", {})
    assert (pages.rows, pages.are_all) == ((1,), True)


def test_a_failed_page_keeps_the_rows_before_it_and_says_what_failed(bench):
    bench.tools.calls = [good({"orders": [1], "next": "b"}), bad("API error 400: {}")]
    pages = bench.reads.pages("get_equity_orders", {})
    assert (pages.rows, pages.are_all) == ((1,), False)
    assert isinstance(pages.problem, ToolRefusedError)


def test_a_list_in_circles_ends(bench):
    bench.tools.calls = [good({"orders": [1], "next": "b"})] * 3
    pages = bench.reads.pages("get_equity_orders", {})
    assert (pages.rows, pages.are_all) == ((1, 1), False)


def test_a_list_without_end_ends(bench):
    bench.tools.calls = [good({"orders": [number], "next": str(number)}) for number in range(MAX_PAGES + 5)]
    pages = bench.reads.pages("get_equity_orders", {})
    assert (len(pages.rows), pages.are_all) == (MAX_PAGES, False)


def test_reading_ends_with_the_page_that_shows_what_is_looked_for(bench):
    bench.tools.calls = [good({"positions": [1], "next": "b"}), good({"positions": [2], "next": "c"})]
    pages = bench.reads.pages("get_equity_positions", {}, rows="positions", until=lambda rows: 2 in rows)
    assert (pages.rows, pages.ended_early) == ((1, 2), True)
