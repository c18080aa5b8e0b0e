from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.gateway_desk import OTHER, STATUS, Desk
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
    OrderValidationError,
)
from trading_bot.order_management.models import OrderId, OrderState
from trading_bot.robinhood.reads import PATIENCE_S

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
POSITION = {
    "instrument_id": INSTRUMENT,
    "account_number": ACCOUNT,
    "quantity": "50.00000000",
    "average_buy_price": "90.0000",
    "shares_held_for_sells": "10.00000000",
}


@pytest.fixture
def desk():
    return Desk()


class TestStatus:
    def test_an_order_is_read_by_id(self, desk):
        desk.broker.on(*STATUS, reply(200, order_row()))
        report = desk.gateway.fetch_order_status(OrderId(ORDER))
        assert (report.order_id, report.symbol, report.state) == (ORDER, "AAPL", OrderState.CONFIRMED)

    def test_an_instrument_seen_once_is_not_asked_for_again(self, desk):
        desk.broker.always(*STATUS, reply(200, order_row()))
        desk.gateway.fetch_order_status(OrderId(ORDER))
        desk.gateway.fetch_order_status(OrderId(ORDER))
        assert desk.broker.paths().count(f"GET /instruments/{INSTRUMENT}/") == 1

    def test_an_order_is_readable_whatever_else_its_instrument_says(self, desk):
        desk.broker.on(*STATUS, reply(200, order_row()))
        row = instrument_row(min_tick_size="0", tradeable=None)
        desk.broker.on("GET", f"/instruments/{INSTRUMENT}/", reply(200, row))
        assert desk.gateway.fetch_order_status(OrderId(ORDER)).symbol == "AAPL"

    def test_not_found_is_its_own_error(self, desk):
        desk.broker.on(*STATUS, reply(404, {"detail": "Not found."}))
        with pytest.raises(OrderNotFoundError) as caught:
            desk.gateway.fetch_order_status(OrderId(ORDER))
        assert caught.value.order_id == ORDER

    @pytest.mark.parametrize(
        "row", [order_row(quantity="NaN"), order_row(id=OTHER), order_row(account=f"{BASE}/accounts/X/"), [], {}]
    )
    def test_a_reply_that_is_not_that_order_is_an_error(self, desk, row):
        desk.broker.on(*STATUS, reply(200, row))
        with pytest.raises(OrderStatusError, match="read it again"):
            desk.gateway.fetch_order_status(OrderId(ORDER))

    def test_an_impossible_id_is_not_found_without_asking(self, desk):
        with pytest.raises(OrderNotFoundError):
            desk.gateway.fetch_order_status(OrderId("../x"))
        assert desk.broker.seen == []

    @pytest.mark.parametrize("trouble", [unreachable(), lost(), reply(500), reply(504), reply(429)])
    def test_a_read_survives_two_passing_troubles_but_not_three(self, desk, trouble):
        desk.broker.on(*STATUS, trouble, trouble, reply(200, order_row()), trouble, trouble, trouble)
        assert desk.gateway.fetch_order_status(OrderId(ORDER)).order_id == ORDER
        with pytest.raises(OrderStatusError, match="try again"):
            desk.gateway.fetch_order_status(OrderId(ORDER))

    @pytest.mark.parametrize("ending", [reply(400), reply(403), reply(418), reply(200, b"<html>"), reply(204, b"")])
    def test_other_endings_fail_at_once(self, desk, ending):
        desk.broker.on(*STATUS, ending)
        with pytest.raises(OrderStatusError):
            desk.gateway.fetch_order_status(OrderId(ORDER))

    def test_a_redirected_read_is_a_security_matter(self, desk):
        desk.broker.on(*STATUS, reply(302, None, Location="https://evil.example/"))
        with pytest.raises(OrderStatusError, match="stand between"):
            desk.gateway.fetch_order_status(OrderId(ORDER))

    def test_a_401_renews_once_then_names_the_login(self, desk):
        desk.broker.on(*STATUS, reply(401), reply(200, order_row()))
        assert desk.gateway.fetch_order_status(OrderId(ORDER)).order_id == ORDER
        desk.broker.on(*STATUS, reply(401), reply(401))
        with pytest.raises(OrderStatusError, match="log in again") as caught:
            desk.gateway.fetch_order_status(OrderId(ORDER))
        assert (caught.value.code, desk.renewals) == ("login_needed", 2)

    def test_renewing_is_offered_to_the_manager(self, desk):
        assert desk.gateway.renew_session(within_s=7)
        desk.can_renew = False
        assert not desk.gateway.renew_session(within_s=7)
        assert desk.renewal_times == [7, 7]

    @pytest.mark.parametrize(("by", "within_s"), [(None, PATIENCE_S - 2), (5, 3)])
    def test_a_renewal_gets_the_time_that_is_left(self, desk, by, within_s):
        """Without a bound of its own, renewing would outlast whatever deadline the caller has promised to keep."""
        desk.broker.on(*STATUS, replace(reply(401), then=lambda: desk.time.sleep(2)), reply(200, order_row()))
        gateway = desk.gateway if by is None else desk.gateway.by(by)
        assert gateway.fetch_order_status(OrderId(ORDER)).order_id == ORDER
        assert desk.renewal_times == [within_s]

    def test_no_renewal_begins_once_the_time_is_over(self, desk):
        desk.broker.on(*STATUS, replace(reply(401), then=lambda: desk.time.sleep(5)))
        with pytest.raises(OrderStatusError):
            desk.gateway.by(5).fetch_order_status(OrderId(ORDER))
        assert desk.renewals == 0

    def test_a_read_after_a_slow_renewal_is_over_by_its_deadline_too(self, desk):
        desk.on_renewal = lambda: desk.time.sleep(4)
        desk.broker.always(*STATUS, reply(401))
        desk.broker.on(*STATUS, reply(401), unreachable(), unreachable(), unreachable())
        with pytest.raises(OrderStatusError):
            desk.gateway.by(5).fetch_order_status(OrderId(ORDER))
        assert desk.time.monotonic() <= 5


class TestAccount:
    def test_balances_are_as_of_the_moment_the_read_began(self, desk):
        snapshot = desk.gateway.fetch_account()
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
            ({"permanently_deactivated": True}, "deactivated"),
            ({"locked": True}, "locked"),
            ({"equity_trading_lock": "sell_only"}, "locked"),
            ({"equity_trading_lock": True}, "locked"),
            ({"equity_trading_lock": "unlocked"}, None),
            ({"only_position_closing_trades": True}, "closing positions only"),
        ],
    )
    def test_what_keeps_the_account_from_buying_is_said(self, desk, flag, restriction):
        desk.broker.on("GET", f"/accounts/{ACCOUNT}/", reply(200, account_row(**flag)))
        assert desk.gateway.fetch_account().restriction == restriction

    @pytest.mark.parametrize(
        "changes", [{"buying_power": None}, {"cash": 5}, {"locked": "no"}, {"account_number": "9ZZ98765"}]
    )
    def test_no_data_is_an_error_and_never_an_empty_account(self, desk, changes):
        desk.broker.on("GET", f"/accounts/{ACCOUNT}/", reply(200, account_row(**changes)))
        with pytest.raises(OrderStatusError) as caught:
            desk.gateway.fetch_account()
        assert ACCOUNT not in str(caught.value)

    def test_positions_are_read_with_their_symbols(self, desk):
        empty = POSITION | {"quantity": "0.00000000"}
        foreign = POSITION | {"account_number": "9ZZ98765"}
        desk.broker.on("GET", "/positions/", page(POSITION, empty, foreign))
        [held] = desk.gateway.fetch_positions()
        assert (held.symbol, held.quantity, held.average_buy_price) == ("AAPL", 50, 90)
        assert (held.held_for_sells, held.sellable, held.as_of) == (10, 40, MORNING)
        assert desk.broker.seen[0].query == {"account_number": ACCOUNT, "nonzero": "true"}

    def test_an_average_of_zero_means_that_there_is_none(self, desk):
        desk.broker.on("GET", "/positions/", page(POSITION | {"average_buy_price": "0.0000"}))
        assert desk.gateway.fetch_positions()[0].average_buy_price is None

    @pytest.mark.parametrize(
        "row", [None, {}, POSITION | {"quantity": "NaN"}, POSITION | {"shares_held_for_sells": None}]
    )
    def test_one_bad_row_fails_all_positions(self, desk, row):
        desk.broker.on("GET", "/positions/", page(POSITION, row))
        with pytest.raises(OrderStatusError, match="positions"):
            desk.gateway.fetch_positions()

    def test_a_lost_page_fails_all_positions(self, desk):
        desk.broker.on("GET", "/positions/", page(POSITION, following=f"{BASE}/positions/?cursor=a"))
        desk.broker.always("GET", "/positions/", reply(500))
        with pytest.raises(OrderStatusError):
            desk.gateway.fetch_positions()

    def test_a_position_in_a_nameless_instrument_fails_all(self, desk):
        desk.broker.on("GET", f"/instruments/{OTHER}/", reply(404))
        desk.broker.on("GET", "/positions/", page(POSITION | {"instrument_id": OTHER}))
        with pytest.raises(OrderStatusError, match="no symbol"):
            desk.gateway.fetch_positions()

    def test_quotes_come_in_one_request(self, desk):
        rows = [
            QUOTE,
            None,
            QUOTE | {"symbol": "TSLA", "bid_price": None},
            QUOTE | {"symbol": "IBM", "ask_price": "0.000000"},
        ]
        desk.broker.on("GET", "/quotes/", reply(200, {"results": [*rows, QUOTE | {"symbol": "XYZ"}]}))
        quotes = desk.gateway.fetch_quotes(["AAPL", "NOPE", "TSLA", "IBM"])
        assert desk.broker.seen[0].query == {"symbols": "AAPL,NOPE,TSLA,IBM"}
        assert set(quotes) == {"AAPL"}
        quote = quotes["AAPL"]
        assert (quote.bid_price, quote.ask_price, quote.bid_size, quote.ask_size) == (Decimal("99.98"), 100, 3, 4)
        assert (quote.last_price, quote.trading_halted, quote.updated_at) == (Decimal("99.99"), False, MORNING)

    def test_no_symbols_are_no_request(self, desk):
        assert desk.gateway.fetch_quotes([]) == {}
        assert desk.broker.seen == []

    def test_a_list_inside_a_symbol_is_refused(self, desk):
        with pytest.raises(OrderValidationError):
            desk.gateway.fetch_quotes(["AAPL,MSFT"])

    @pytest.mark.parametrize("row", [QUOTE | {"bid_price": "-1"}, QUOTE | {"trading_halted": 7}, "AAPL", [], 7])
    def test_a_senseless_row_blinds_its_own_symbol_alone(self, desk, row):
        desk.broker.on("GET", "/quotes/", reply(200, {"results": [row, QUOTE | {"symbol": "TSLA"}]}))
        assert set(desk.gateway.fetch_quotes(["AAPL", "TSLA"])) == {"TSLA"}

    def test_a_name_that_is_no_symbol_keeps_no_other_from_being_asked(self, desk):
        desk.broker.on("GET", "/quotes/", reply(200, {"results": [QUOTE]}))
        assert set(desk.gateway.fetch_quotes(["AAPL,MSFT", "AAPL", "../x"])) == {"AAPL"}
        assert desk.broker.seen[0].query == {"symbols": "AAPL"}

    def test_the_last_trade_outside_the_session_is_read(self, desk):
        rows = [QUOTE | {"last_extended_hours_trade_price": "101.500000"}]
        desk.broker.on("GET", "/quotes/", reply(200, {"results": rows}))
        assert desk.gateway.fetch_quotes(["AAPL"])["AAPL"].last_extended_price == Decimal("101.5")

    @pytest.mark.parametrize("results", [None, {}, "AAPL"])
    def test_a_reply_without_quotes_is_an_error(self, desk, results):
        desk.broker.on("GET", "/quotes/", reply(200, {"results": results}))
        with pytest.raises(OrderStatusError, match="quotes"):
            desk.gateway.fetch_quotes(["AAPL"])
