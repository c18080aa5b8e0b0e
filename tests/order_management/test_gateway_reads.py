from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.gateway_bench import OTHER, STATUS, GatewayBench
from tests.support.scripted_broker import (
    ACCOUNT,
    BASE,
    INSTRUMENT,
    MORNING,
    ORDER,
    account_row,
    instrument_row,
    lost,
    order_row,
    page,
    reply,
    unreachable,
)
from trading_bot.order_management.exceptions import (
    OrderNotFoundError,
    OrderStatusError,
)
from trading_bot.order_management.models import OrderId, OrderState

QUOTE = {
    "symbol": "AAPL",
    "bid_price": "99.980000",
    "ask_price": "100.000000",
    "bid_size": 3,
    "ask_size": 4,
    "last_trade_price": "99.990000",
    "trading_halted": False,
    "updated_at": "2026-11-23T15:00:00Z",
}


@pytest.fixture
def bench():
    return GatewayBench()


class TestStatus:
    def test_an_order_is_read_by_id(self, bench):
        bench.broker.on(*STATUS, reply(200, order_row()))
        report = bench.gateway.fetch_order_status(OrderId(ORDER))
        assert (report.order_id, report.symbol, report.state) == (ORDER, "AAPL", OrderState.CONFIRMED)

    def test_an_instrument_seen_once_is_not_asked_for_again(self, bench):
        bench.broker.always(*STATUS, reply(200, order_row()))
        bench.gateway.fetch_order_status(OrderId(ORDER))
        bench.gateway.fetch_order_status(OrderId(ORDER))
        assert [seen.query for seen in bench.broker.seen if seen.path == "/instruments/"] == [{"ids": INSTRUMENT}]

    def test_an_order_is_readable_whatever_else_its_instrument_says(self, bench):
        bench.broker.on(*STATUS, reply(200, order_row()))
        bench.broker.on("GET", "/instruments/", page(instrument_row(min_tick_size="0", tradeable=None)))
        assert bench.gateway.fetch_order_status(OrderId(ORDER)).symbol == "AAPL"

    def test_not_found_is_its_own_error(self, bench):
        bench.broker.on(*STATUS, reply(404, {"detail": "Not found."}))
        with pytest.raises(OrderNotFoundError) as caught:
            bench.gateway.fetch_order_status(OrderId(ORDER))
        assert caught.value.order_id == ORDER

    @pytest.mark.parametrize(
        "row", [order_row(quantity="NaN"), order_row(id=OTHER), order_row(account=f"{BASE}/accounts/X/"), [], {}]
    )
    def test_a_reply_that_is_not_that_order_is_an_error(self, bench, row):
        bench.broker.on(*STATUS, reply(200, row))
        with pytest.raises(OrderStatusError, match="read it again"):
            bench.gateway.fetch_order_status(OrderId(ORDER))

    def test_an_impossible_id_is_not_found_without_asking(self, bench):
        with pytest.raises(OrderNotFoundError):
            bench.gateway.fetch_order_status(OrderId("../x"))
        assert bench.broker.seen == []

    @pytest.mark.parametrize("trouble", [unreachable(), lost(), reply(500), reply(504), reply(429)])
    def test_a_read_survives_two_passing_troubles_but_not_three(self, bench, trouble):
        bench.broker.on(*STATUS, trouble, trouble, reply(200, order_row()), trouble, trouble, trouble)
        assert bench.gateway.fetch_order_status(OrderId(ORDER)).order_id == ORDER
        with pytest.raises(OrderStatusError, match="try again"):
            bench.gateway.fetch_order_status(OrderId(ORDER))

    @pytest.mark.parametrize("ending", [reply(400), reply(403), reply(418), reply(200, b"<html>"), reply(204, b"")])
    def test_other_endings_fail_at_once(self, bench, ending):
        bench.broker.on(*STATUS, ending)
        with pytest.raises(OrderStatusError):
            bench.gateway.fetch_order_status(OrderId(ORDER))

    def test_a_redirected_read_is_a_security_matter(self, bench):
        bench.broker.on(*STATUS, reply(302, None, Location="https://evil.example/"))
        with pytest.raises(OrderStatusError, match="stand between"):
            bench.gateway.fetch_order_status(OrderId(ORDER))

    def test_a_401_renews_once_then_names_the_login(self, bench):
        bench.broker.on(*STATUS, reply(401), reply(200, order_row()))
        assert bench.gateway.fetch_order_status(OrderId(ORDER)).order_id == ORDER
        bench.broker.on(*STATUS, reply(401), reply(401))
        with pytest.raises(OrderStatusError, match="log in again") as caught:
            bench.gateway.fetch_order_status(OrderId(ORDER))
        assert (caught.value.code, bench.renewals) == ("login_needed", 2)

    def test_renewing_is_offered_to_the_manager(self, bench):
        assert bench.gateway.renew_session(within_s=7)
        bench.can_renew = False
        assert not bench.gateway.renew_session(within_s=7)
        assert bench.renewal_times == [7, 7]

    @pytest.mark.parametrize(("by", "within_s"), [(None, 8), (5, 3)])
    def test_a_renewal_gets_the_time_that_is_left(self, bench, by, within_s):
        """Without a bound of its own, renewing would outlast whatever deadline the caller has promised to keep."""
        bench.broker.on(*STATUS, replace(reply(401), then=lambda: bench.time.sleep(2)), reply(200, order_row()))
        gateway = bench.gateway if by is None else bench.gateway.by(by)
        assert gateway.fetch_order_status(OrderId(ORDER)).order_id == ORDER
        assert bench.renewal_times == [within_s]

    def test_no_renewal_begins_once_the_time_is_over(self, bench):
        bench.broker.on(*STATUS, replace(reply(401), then=lambda: bench.time.sleep(5)))
        with pytest.raises(OrderStatusError):
            bench.gateway.by(5).fetch_order_status(OrderId(ORDER))
        assert bench.renewals == 0

    def test_a_read_after_a_slow_renewal_is_over_by_its_deadline_too(self, bench):
        bench.on_renewal = lambda: bench.time.sleep(4)
        bench.broker.always(*STATUS, reply(401))
        bench.broker.on(*STATUS, reply(401), unreachable(), unreachable(), unreachable())
        with pytest.raises(OrderStatusError):
            bench.gateway.by(5).fetch_order_status(OrderId(ORDER))
        assert bench.time.monotonic() <= 5


class TestAccount:
    def test_balances_are_as_of_the_moment_the_read_began(self, bench):
        snapshot = bench.gateway.fetch_account()
        assert (snapshot.account_suffix, snapshot.buying_power, snapshot.cash) == (
            "2345",
            Decimal(7210),
            Decimal("-12.5"),
        )
        assert (snapshot.cash_held_for_orders, snapshot.restriction, snapshot.as_of) == (100, None, MORNING)

    @pytest.mark.parametrize(
        ("flag", "restriction"),
        [
            ({"deactivated": True}, "deactivated"),
            ({"permanently_deactivated": True}, "permanently_deactivated"),
            ({"locked": True}, "locked"),
            ({"locked": " TRUE"}, "locked"),
            ({"only_position_closing_trades": True}, "only_position_closing_trades"),
            ({"locked": True, "deactivated": True}, "deactivated, locked"),
            ({"equity_trading_lock": "no_trade_locks"}, None),
            ({"equity_trading_lock": "sell_only"}, None),
            ({"equity_trading_lock": True}, None),
            ({"locked": "perhaps"}, None),
            ({"deactivated": None, "locked": None, "only_position_closing_trades": None}, None),
        ],
    )
    def test_what_keeps_the_account_from_buying_is_said(self, bench, flag, restriction):
        bench.broker.on("GET", f"/accounts/{ACCOUNT}/", reply(200, account_row(**flag)))
        assert bench.gateway.fetch_account().restriction == restriction

    @pytest.mark.parametrize(
        ("said", "remarks"),
        [
            ({}, ()),
            ({"equity_trading_lock": " No_Trade_Locks ", "option_trading_lock": "unlocked", "state": "ACTIVE"}, ()),
            ({"equity_trading_lock": False, "state": None, "option_trading_lock": ""}, ()),
            ({"equity_trading_lock": "sell_only"}, ("equity_trading_lock: sell_only",)),
            ({"state": "Closing\x1b"}, ("state: Closing",)),
            ({"locked": "perhaps"}, ("locked: perhaps",)),
        ],
        ids=repr,
    )
    def test_words_that_nobody_knows_are_shown_and_stop_nothing(self, bench, said, remarks):
        bench.broker.on("GET", f"/accounts/{ACCOUNT}/", reply(200, account_row(**said)))
        snapshot = bench.gateway.fetch_account()
        assert (snapshot.remarks, snapshot.restriction) == (remarks, None)

    @pytest.mark.parametrize(
        ("type_", "read"), [("cash", "cash"), (" MARGIN", "margin"), (None, None), (7, None), ("new_kind", "new_kind")]
    )
    def test_the_type_of_the_account_is_told_in_one_spelling(self, bench, type_, read):
        bench.broker.on("GET", f"/accounts/{ACCOUNT}/", reply(200, account_row(type=type_)))
        assert bench.gateway.fetch_account().account_type == read

    def test_an_account_needs_its_number_and_its_buying_power_and_nothing_else(self, bench):
        bare = {"account_number": ACCOUNT, "buying_power": 5263}
        bench.broker.on("GET", f"/accounts/{ACCOUNT}/", reply(200, bare))
        snapshot = bench.gateway.fetch_account()
        assert (snapshot.buying_power, snapshot.cash, snapshot.cash_held_for_orders) == (5263, None, None)

    def test_the_cash_of_the_portfolio_stands_in_for_a_missing_cash(self, bench):
        row = account_row(cash=None, portfolio_cash="12.5", unsettled_funds=7)
        bench.broker.on("GET", f"/accounts/{ACCOUNT}/", reply(200, row))
        snapshot = bench.gateway.fetch_account()
        assert (snapshot.cash, snapshot.unsettled_funds) == (Decimal("12.5"), 7)

    @pytest.mark.parametrize(
        "changes", [{"buying_power": None}, {"buying_power": "lots"}, {"account_number": "9ZZ98765"}]
    )
    def test_no_data_is_an_error_and_never_an_empty_account(self, bench, changes):
        bench.broker.on("GET", f"/accounts/{ACCOUNT}/", reply(200, account_row(**changes)))
        with pytest.raises(OrderStatusError) as caught:
            bench.gateway.fetch_account()
        assert ACCOUNT not in str(caught.value)

    def test_quotes_come_in_one_request(self, bench):
        rows = [
            QUOTE,
            None,
            QUOTE | {"symbol": "TSLA", "bid_price": None},
            QUOTE | {"symbol": "IBM", "ask_price": "0.000000"},
        ]
        bench.broker.on("GET", "/quotes/", reply(200, {"results": [*rows, QUOTE | {"symbol": "XYZ"}]}))
        quotes = bench.gateway.fetch_quotes(["AAPL", "NOPE", "TSLA", "IBM"])
        assert bench.broker.seen[0].query == {"symbols": "AAPL,NOPE,TSLA,IBM"}
        assert set(quotes) == {"AAPL"}
        quote = quotes["AAPL"]
        assert (quote.bid_price, quote.ask_price, quote.bid_size, quote.ask_size) == (Decimal("99.98"), 100, 3, 4)
        assert (quote.last_price, quote.trading_halted, quote.updated_at) == (Decimal("99.99"), False, MORNING)

    @pytest.mark.parametrize(
        ("closes", "read"),
        [
            ({}, None),
            ({"previous_close": "98.000000"}, Decimal(98)),
            ({"previous_close": "980.000000", "adjusted_previous_close": "98.000000"}, Decimal(98)),
            ({"previous_close": "98.000000", "adjusted_previous_close": None}, Decimal(98)),
            ({"previous_close": "98.000000", "adjusted_previous_close": "0.000000"}, Decimal(98)),
            ({"previous_close": -1, "adjusted_previous_close": {"amount": "98"}}, None),
        ],
    )
    def test_the_last_close_is_adjusted_where_it_can_be_and_an_odd_one_spoils_no_quote(self, bench, closes, read):
        bench.broker.on("GET", "/quotes/", reply(200, {"results": [QUOTE | closes]}))
        quote = bench.gateway.fetch_quotes(["AAPL"])["AAPL"]
        assert (quote.adjusted_previous_close or quote.previous_close) == read

    def test_no_symbols_are_no_request(self, bench):
        assert bench.gateway.fetch_quotes([]) == {}
        assert bench.broker.seen == []

    def test_a_symbol_that_can_be_none_is_absent_and_never_asked_for(self, bench):
        """A holding without a symbol goes by its instrument id, and one such name must not blind the rest."""
        bench.broker.on("GET", "/quotes/", reply(200, {"results": [QUOTE]}))
        assert set(bench.gateway.fetch_quotes(["AAPL,MSFT", "AAPL", INSTRUMENT])) == {"AAPL"}
        assert bench.broker.seen[0].query == {"symbols": "AAPL"}
        assert bench.gateway.fetch_quotes([INSTRUMENT]) == {}
        assert len(bench.broker.seen) == 1

    @pytest.mark.parametrize("row", [QUOTE | {"bid_price": "-1"}, "AAPL", [], 7])
    def test_a_senseless_row_blinds_its_own_symbol_alone(self, bench, row):
        bench.broker.on("GET", "/quotes/", reply(200, {"results": [row, QUOTE | {"symbol": "TSLA"}]}))
        assert set(bench.gateway.fetch_quotes(["AAPL", "TSLA"])) == {"TSLA"}

    def test_the_last_trade_outside_the_session_is_read(self, bench):
        rows = [QUOTE | {"last_extended_hours_trade_price": "101.500000"}]
        bench.broker.on("GET", "/quotes/", reply(200, {"results": rows}))
        assert bench.gateway.fetch_quotes(["AAPL"])["AAPL"].last_extended_price == Decimal("101.5")

    @pytest.mark.parametrize("results", [None, {}, "AAPL"])
    def test_a_reply_without_quotes_is_an_error(self, bench, results):
        bench.broker.on("GET", "/quotes/", reply(200, {"results": results}))
        with pytest.raises(OrderStatusError, match="quotes"):
            bench.gateway.fetch_quotes(["AAPL"])

    def test_a_list_of_nothing_but_unknown_symbols_has_no_quotes(self, bench):
        bench.broker.on("GET", "/quotes/", reply(404, {"detail": "Not found."}))
        assert bench.gateway.fetch_quotes(["NOPE"]) == {}

    @pytest.mark.parametrize("row", [QUOTE | {"bid_price": "-1"}, QUOTE | {"ask_price": "x"}, {}, "AAPL", None, 5])
    def test_a_senseless_quote_hides_no_other(self, bench, row):
        bench.broker.on("GET", "/quotes/", reply(200, {"results": [row, QUOTE | {"symbol": "TSLA"}]}))
        assert set(bench.gateway.fetch_quotes(["AAPL", "TSLA"])) == {"TSLA"}

    @pytest.mark.parametrize(
        ("odd", "field", "value"),
        [
            ({"trading_halted": None}, "trading_halted", False),
            ({"trading_halted": "TRUE"}, "trading_halted", True),
            ({"bid_size": "300", "ask_size": None}, "bid_size", 300),
            ({"bid_size": None}, "bid_size", 0),
            ({"updated_at": None}, "updated_at", None),
            ({"venue_bid_time": "2026-11-23T14:59:59.123456789Z"}, "venue_bid_time", MORNING - timedelta(seconds=1)),
            ({"previous_close": 98}, "previous_close", Decimal(98)),
            ({"adjusted_previous_close": ""}, "adjusted_previous_close", None),
            ({"state": "Active"}, "state", "Active"),
            ({"bid_price": Decimal("99.98").__float__()}, "bid_price", Decimal("99.98")),
        ],
        ids=repr,
    )
    def test_an_odd_field_of_a_quote_spoils_nothing_else(self, bench, odd, field, value):
        bench.broker.on("GET", "/quotes/", reply(200, {"results": [QUOTE | odd]}))
        found = getattr(bench.gateway.fetch_quotes(["AAPL"])["AAPL"], field)
        assert (found.replace(microsecond=0) if field == "venue_bid_time" else found) == value
