import json
from contextlib import contextmanager
from decimal import Decimal

import pytest
import requests
from requests.exceptions import ConnectTimeout, InvalidURL

from tests.support.paper_market import ACCOUNT, BASE, PaperBench, opening_state, order_fields, quote_line, recorded
from trading_bot.order_management.ports import SendRefusedError
from trading_bot.paper.quotes import SeededWalkQuotes
from trading_bot.paper.state import instrument_id_of
from trading_bot.robinhood.sending import SendPhase


class RefusingPermit:
    def __enter__(self):
        raise SendRefusedError("latch", "the account is not armed")

    def __exit__(self, *_):
        return None


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", "https://example.com/orders/"),
        ("GET", "https://api.robinhood.com.example.com/orders/"),
        ("GET", "https://api.robinhood.com:8443/orders/"),
        ("GET", "http://api.robinhood.com/orders/"),
        ("GET", f"{BASE}/marketdata/options/"),
        ("GET", f"{BASE}/orders/1/2/3/"),
        ("GET", f"{BASE}/orders/a%20b/"),
        ("GET", f"{BASE}/"),
        ("DELETE", f"{BASE}/orders/"),
        ("POST", f"{BASE}/accounts/"),
        ("GET", f"{BASE}/oauth2/token/"),
    ],
)
def test_what_the_paper_broker_does_not_serve_is_an_error_before_a_byte_is_written(method, url):
    bench = PaperBench()
    with pytest.raises(InvalidURL, match="paper mode never uses the network") as caught:
        bench.send(method, url)
    assert f"{method} {url}" in str(caught.value)
    assert not bench.context.first_byte_written


def test_the_permit_is_held_while_writing_and_released_before_the_answer():
    bench = PaperBench()
    seen = []

    @contextmanager
    def permit():
        seen.append(("entered", bench.context.phase, len(bench.store._state.open_orders)))
        yield
        seen.append(("left", bench.context.phase, len(bench.store._state.open_orders)))

    bench.send("POST", "/orders/", data=order_fields(), permit=permit())
    assert seen == [("entered", SendPhase.CONNECTED, 0), ("left", SendPhase.SENT, 0)]
    assert bench.context.phase is SendPhase.HEADERS_READ
    assert len(bench.store._state.open_orders) == 1


def test_a_refused_permit_leaves_nothing_written_and_no_order():
    bench = PaperBench()

    with pytest.raises(SendRefusedError):
        bench.send("POST", "/orders/", data=order_fields(), permit=RefusingPermit())
    assert not bench.context.first_byte_written
    assert bench.get("/orders/")["results"] == []


def test_nothing_is_written_after_the_deadline():
    bench = PaperBench()
    with pytest.raises(ConnectTimeout):
        bench.send("POST", "/orders/", data=order_fields(), deadline=bench.clock.monotonic())
    assert not bench.context.first_byte_written
    assert bench.get("/orders/")["results"] == []


def test_the_transport_is_of_no_use_outside_of_the_broker_session():
    bench = PaperBench()
    with pytest.raises(RuntimeError, match="only serves requests of the broker session"):
        bench.transport.send(requests.Request("GET", f"{BASE}/orders/").prepare())


def test_a_json_body_is_as_good_as_a_form():
    bench = PaperBench()
    fields = order_fields(price=100.1, quantity=10, extended_hours=False, order_form_version=7)
    reply = bench.send("POST", f"/orders/?account_numbers={ACCOUNT}", json=fields)
    assert reply.status_code == 201
    assert (reply.json()["price"], reply.json()["order_form_version"]) == ("100.10000000", 7)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe"])
@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_that_says_nothing_lacks_its_fields(body, content_type):
    reply = PaperBench().send("POST", "/orders/", data=body, headers={"Content-Type": content_type})
    assert (reply.status_code, reply.json()) == (400, {"account": ["This field is required."]})


def test_a_created_order_is_201_with_every_key_of_an_order():
    bench = PaperBench()
    reply = bench.post_order()
    order = reply.json()
    assert reply.status_code == 201
    assert reply.headers["Content-Type"] == "application/json"
    assert int(reply.headers["Content-Length"]) == len(reply.content)
    assert len(order) >= 60
    assert "symbol" not in order
    assert order["url"] == f"{BASE}/orders/{order['id']}/"
    assert order["cancel"] == f"{BASE}/orders/{order['id']}/cancel/"
    assert order["account"] == f"{BASE}/accounts/{ACCOUNT}/"
    assert order["instrument"] == f"{BASE}/instruments/{instrument_id_of('AAPL')}/"
    assert order["ref_id"] == order_fields()["ref_id"]
    assert (order["price"], order["quantity"]) == ("100.00000000", "10.00000000")
    assert (order["cumulative_quantity"], order["average_price"], order["executions"]) == ("0.00000000", None, [])
    assert order["created_at"] == "2026-11-23T15:00:00.000000Z"


def test_a_filled_order_shows_its_executions_and_a_rounded_average():
    bench = PaperBench(
        quotes=recorded(quote_line(-60, "0.9", "0.9415", ask_size=3), quote_line(30, "0.9", "0.9423", ask_size=99))
    )
    order_id = bench.place(price="0.9500")
    bench.wait(60)
    order = bench.order(order_id)
    assert [row["rounded_notional"] for row in order["executions"]] == ["2.82000000", "6.60000000"]
    assert order["average_price"] == "0.94200000"
    assert order["executed_notional"]["amount"] == "9.42"
    assert len({row["id"] for row in order["executions"]}) == 2


def test_some_orders_drop_the_fraction_of_their_last_transaction():
    bench = PaperBench()
    lengths = {len(bench.post_order(ref, price="50.00").json()["last_transaction_at"]) for ref in range(20)}
    assert lengths == {len("2026-11-23T15:00:00Z"), len("2026-11-23T15:00:00.000000Z")}


def test_an_order_says_which_way_it_goes_and_how_it_ended():
    bench = PaperBench(state=opening_state(shares=10))
    order_id = bench.place(1, side="sell", price="200.00")
    assert bench.post_order(2).json()["position_effect"] == "open"
    words = ("position_effect", "is_editable", "user_cancel_request_state", "ipo_access_cancellation_reason")
    assert [bench.order(order_id)[word] for word in words] == ["close", True, "no_cancel_requested", None]
    bench.cancel(order_id)
    bench.wait(1)
    assert [bench.order(order_id)[word] for word in words] == ["close", False, "order_finalized", "user"]


def test_an_unknown_order_is_404():
    reply = PaperBench().send("GET", "/orders/00000000-0000-4000-8000-000000000009/")
    assert (reply.status_code, reply.json()) == (404, {"detail": "Not found."})


def test_the_account_shows_what_is_free_and_what_is_held():
    bench = PaperBench()
    bench.place(price="50.00", quantity="100")
    account = bench.get("/accounts/", default_to_all_accounts="true")["results"][0]
    money = [account[key] for key in ("buying_power", "cash", "cash_held_for_orders", "portfolio_cash")]
    assert money == ["95000.0000", "95000.0000", "5000.0000", "100000.0000"]
    assert account == bench.account()


@pytest.mark.parametrize("path", ["/accounts/OTHER/", "/portfolios/OTHER/", "/instruments/unknown/"])
def test_other_accounts_and_unknown_instruments_are_404(path):
    assert PaperBench().send("GET", path).status_code == 404


def test_a_final_slash_is_optional():
    bench = PaperBench()
    assert bench.get(f"/accounts/{ACCOUNT}") == bench.get(f"/accounts/{ACCOUNT}/")


def test_a_position_shows_its_cost_and_the_shares_held_for_orders():
    bench = PaperBench(state=opening_state(shares=30))
    bench.place(1, quantity="10")
    bench.wait(1)
    bench.place(2, side="sell", price="200.00", quantity="7")
    bench.place(3, price="50.00", quantity="2")
    row = bench.get("/positions/", account_number=ACCOUNT, nonzero="true")["results"][0]
    assert (row["symbol"], row["quantity"], row["average_buy_price"]) == ("AAPL", "40.00000000", "92.5000")
    held = [row[f"shares_{key}"] for key in ("held_for_sells", "available_for_sells", "held_for_buys")]
    assert held == ["7.00000000", "33.00000000", "2.00000000"]


def test_a_sale_keeps_the_average_price_of_the_rest():
    bench = PaperBench(state=opening_state(shares=30))
    bench.place(side="sell", price="99.00", quantity="10")
    bench.wait(1)
    row = bench.get("/positions/")["results"][0]
    assert (row["quantity"], row["average_buy_price"]) == ("20.00000000", "90.0000")


def test_a_closed_position_is_listed_only_when_zeros_are_wanted():
    bench = PaperBench(state=opening_state(shares=10))
    bench.place(side="sell", price="99.00")
    bench.wait(1)
    assert bench.get("/positions/", nonzero="true")["results"] == []
    row = bench.get("/positions/")["results"][0]
    assert (row["quantity"], row["average_buy_price"]) == ("0.00000000", "0.0000")


def test_positions_of_another_account_are_not_shown():
    bench = PaperBench(state=opening_state(shares=10))
    assert bench.get("/positions/", account_number="OTHER")["results"] == []


def test_a_portfolio_counts_shares_at_the_bid():
    bench = PaperBench(state=opening_state(cash="1000", shares=10))
    page = bench.get(f"/portfolios/{ACCOUNT}/")
    assert (page["market_value"], page["equity"], page["withdrawable_amount"]) == ("999.8000", "1999.8000", "1000.0000")


def test_a_portfolio_without_a_market_has_no_made_up_value():
    bench = PaperBench(state=opening_state(shares=10), quotes=SeededWalkQuotes(7))
    page = bench.get(f"/portfolios/{ACCOUNT}/")
    assert (page["market_value"], page["equity"]) == (None, None)


def test_an_instrument_has_one_id_for_ever_and_can_be_looked_up_by_it():
    bench = PaperBench()
    found = bench.get("/instruments/", symbol="AAPL")["results"]
    assert [row["symbol"] for row in found] == ["AAPL"]
    assert found[0]["id"] == instrument_id_of("AAPL") == "427342cd-a78d-5a26-84ac-6ce8f45c14c0"
    assert bench.get(f"/instruments/{found[0]['id']}/") == found[0]


def test_many_instruments_are_looked_up_by_their_ids_at_once():
    bench = PaperBench()
    known = bench.get("/instruments/", symbol="AAPL")["results"][0]
    found = bench.get("/instruments/", ids=f"{known['id']},5c10ffff-0000-4000-8000-000000000001")["results"]
    assert found == [known, None]


def test_the_instrument_of_an_order_and_of_a_position_can_be_looked_up():
    bench = PaperBench()
    bench.place()
    assert bench.get(f"/instruments/{instrument_id_of('AAPL')}/")["symbol"] == "AAPL"
    bench = PaperBench(state=opening_state(shares=1))
    assert bench.get(f"/instruments/{instrument_id_of('AAPL')}/")["symbol"] == "AAPL"


@pytest.mark.parametrize("query", [{"symbol": "MSFT"}, {"symbol": "aapl"}, {}])
def test_an_unknown_symbol_has_no_instruments(query):
    assert PaperBench().get("/instruments/", **query)["results"] == []


def test_quotes_come_in_the_order_asked_with_null_for_unknown_symbols():
    rows = PaperBench().get("/quotes/", symbols="MSFT,AAPL")["results"]
    assert rows[0] is None
    shown = [rows[1][key] for key in ("symbol", "bid_price", "ask_price", "bid_size", "ask_size", "trading_halted")]
    assert shown == ["AAPL", "99.980000", "100.000000", 100, 100, False]
    assert rows[1]["updated_at"] == "2026-11-23T14:00:00.000000Z"


def test_the_reference_is_asked_for_by_ref_id():
    ref_id = order_fields(4)["ref_id"]
    bench = PaperBench(quotes=SeededWalkQuotes(7), references={ref_id: Decimal("75.00")})
    bench.place(4, price="74.00")
    assert bench.get("/quotes/", symbols="AAPL")["results"][0]["ask_price"] == "75.010000"


def test_the_same_requests_give_the_same_bytes():
    def script():
        bench = PaperBench(quotes=SeededWalkQuotes(7), seed=11)
        replies = [bench.post_order(1, price="99.95")]
        bench.wait(20)
        replies.append(bench.send("GET", "/orders/"))
        replies.append(bench.cancel(json.loads(replies[0].content)["id"]))
        bench.wait(20)
        replies += [bench.send("GET", path) for path in ("/orders/", "/accounts/", "/positions/")]
        return bench.bearer, [(reply.status_code, reply.content) for reply in replies]

    assert script() == script()


def test_closing_the_transport_closes_nothing():
    bench = PaperBench()
    bench.transport.close()
    assert bench.account()["state"] == "active"
