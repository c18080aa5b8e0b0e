"""The tools of the paper broker: the shapes of their answers, and what they refuse in which words."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.paper_agent import AgentBench, ToolTroubleError, arguments
from tests.support.paper_market import ACCOUNT, MONDAY, opening_state, quote_line, recorded

ORDER_KEYS = (
    "id ref_id instrument_id symbol side type state quantity cumulative_quantity price stop_price average_price fees "
    "dollar_based_amount time_in_force market_hours trigger placed_agent created_at last_transaction_at executions"
)
QUOTE_KEYS = (
    "symbol last_trade_price venue_last_trade_time last_non_reg_trade_price venue_last_non_reg_trade_time "
    "adjusted_previous_close previous_close previous_close_date bid_price venue_bid_time ask_price venue_ask_time "
    "has_traded state"
)
POSITION_KEYS = (
    "symbol quantity intraday_quantity average_buy_price shares_available_for_sells shares_held_for_sells "
    "shares_held_for_stock_grants shares_held_for_options_events shares_held_for_asset_transfer "
    "shares_pending_from_options_events type"
)


def refused(bench: AgentBench, tool: str, /, **given: object) -> str:
    with pytest.raises(ToolTroubleError) as caught:
        bench.data(tool, **given)
    return str(caught.value.args[0])


def held(shares: int = 50, **options: object) -> AgentBench:
    return AgentBench(state=opening_state(shares=shares), **options)  # type: ignore[arg-type]


def test_an_order_has_the_keys_that_the_broker_sends():
    order = AgentBench().buy()
    assert " ".join(order) == ORDER_KEYS
    assert (order["state"], order["type"], order["trigger"]) == ("unconfirmed", "limit", "immediate")
    assert (order["quantity"], order["price"], order["stop_price"]) == ("10.000000", "100.000000", None)
    assert (order["average_price"], order["executions"], order["placed_agent"]) == (None, [], "agentic")
    assert order["ref_id"] == arguments()["ref_id"]
    assert order["created_at"] == "2026-11-23T15:00:00Z"


def test_a_fill_is_listed_with_its_execution():
    bench = AgentBench()
    bench.buy()
    bench.wait(1)
    (row,) = bench.rows()
    (execution,) = row["executions"]
    assert (row["state"], row["cumulative_quantity"], row["average_price"]) == ("filled", "10.000000", "100.000000")
    assert list(execution) == ["id", "price", "quantity", "timestamp", "fees"]
    assert re.fullmatch(r"2026-11-23T15:00:00\.\d{1,6}Z", execution["timestamp"])


def test_a_stop_limit_sell_comes_back_as_a_limit_with_a_stop():
    order = held().buy(side="sell", type="stop_limit", limit_price="94.00", stop_price="95.00", time_in_force="gtc")
    assert (order["type"], order["trigger"], order["stop_price"]) == ("limit", "stop", "95.000000")
    assert (order["price"], order["time_in_force"]) == ("94.000000", "gtc")


def test_a_used_ref_id_is_refused_and_shows_no_order():
    bench = AgentBench()
    bench.buy()
    text = refused(bench, "place_equity_order", **arguments(limit_price="90.00"))
    assert text == 'API error 409: {"detail":"Reference ID must be unique."}'
    assert len(bench.rows()) == 1


def test_an_order_without_a_ref_id_gets_one():
    first, second = (AgentBench().buy(ref_id=None) for _ in range(2))
    assert first["ref_id"] == second["ref_id"]
    assert len(first["ref_id"]) == 36


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"side": "sell"}, 'API error 400: {"detail":"Not enough shares to sell."}'),
        ({"quantity": "2000"}, 'API error 400: {"detail":"You can only purchase 1000 shares of AAPL."}'),
        ({"quantity": "1.5"}, "Limit order quantity cannot include fractional shares."),
        ({"limit_price": "99.999"}, "subpenny"),
        ({"limit_price": None}, "This field is required."),
        ({"type": "market"}, "limit and stop_limit orders of whole shares alone"),
        ({"dollar_amount": "5.00"}, "limit and stop_limit orders of whole shares alone"),
        ({"market_hours": "all_day_hours"}, "regular_hours and extended_hours alone"),
        ({"time_in_force": "ioc"}, "is not a valid choice"),
        ({"symbol": "zzqqxx"}, "instrument not found for symbol zzqqxx"),
        ({"account_number": "512340001"}, "FORBIDDEN: agent not authorized to access this account"),
    ],
)
def test_a_place_is_refused_in_the_words_of_the_interface(changes, text):
    bench = AgentBench()
    assert text in refused(bench, "place_equity_order", **arguments(**changes))
    assert bench.rows() == []


def test_an_order_for_extended_hours_says_so():
    assert AgentBench().buy(market_hours="extended_hours")["market_hours"] == "extended_hours"


def test_a_cancel_of_an_unconfirmed_order_is_refused_as_that_of_a_filled_one():
    """The broker says the same of both; only a read of the order tells which it is."""
    bench = AgentBench()
    order = bench.buy(limit_price="90.00")
    cancel = {"account_number": ACCOUNT, "order_id": order["id"]}
    no = 'API error 403: {"detail":"Order cannot be cancelled at this time."}'
    assert refused(bench, "cancel_equity_order", **cancel) == no
    bench.wait(1)
    assert bench.data("cancel_equity_order", **cancel) == {"accepted": True}
    bench.wait(1)
    assert bench.rows()[0]["state"] == "cancelled"
    assert refused(bench, "cancel_equity_order", **cancel) == no


@pytest.mark.parametrize(
    ("order_id", "text"),
    [
        ("00000000-0000-0000-0000-000000000000", r'API error 404: {"detail":"Not found\."}'),
        ("c1", r"API error 404: \n<!doctype html>"),
    ],
)
def test_a_cancel_of_what_is_no_order_is_not_found(order_id, text):
    told = refused(AgentBench(), "cancel_equity_order", account_number=ACCOUNT, order_id=order_id)
    assert re.match(text, told)


def test_one_order_is_a_list_of_one_and_an_unknown_one_an_empty_list():
    bench = AgentBench()
    order = bench.buy()
    assert bench.rows(order_id=order["id"]) == [order]
    assert bench.rows(order_id="00000000-0000-0000-0000-000000000000") == []


def test_the_list_is_filtered_by_creation_state_symbol_and_agent():
    bench = AgentBench(quotes=recorded(quote_line(-60, "99.98", "100.00"), quote_line(-60, "9", "10", symbol="F")))
    bench.buy(1, limit_price="90.00")
    bench.wait(60)
    bench.buy(2, symbol="F", limit_price="8.00")
    later = (MONDAY + timedelta(seconds=60)).isoformat()
    assert [row["symbol"] for row in bench.rows()] == ["F", "AAPL"]
    assert [row["symbol"] for row in bench.rows(created_at_gte=later)] == ["F"]
    assert [row["symbol"] for row in bench.rows(created_at_gte="2026-11-23T15:00:00")] == ["F", "AAPL"]
    assert [row["symbol"] for row in bench.rows(state="confirmed")] == ["AAPL"]
    assert [row["symbol"] for row in bench.rows(symbol="F")] == ["F"]
    assert bench.rows(state="open") == []
    assert bench.rows(placed_agent="user") == []
    with pytest.raises(ToolTroubleError, match="must be RFC3339"):
        bench.rows(created_at_gte="not-a-time")


def test_pages_follow_each_other_by_an_opaque_cursor():
    bench = AgentBench(page_size=2)
    placed = [bench.buy(number, limit_price=f"9{number}.00")["id"] for number in range(5)]
    seen: list[str] = []
    page = bench.data("get_equity_orders", account_number=ACCOUNT)
    while True:
        seen += [row["id"] for row in page["orders"]]
        if "next" not in page:
            break
        page = bench.data("get_equity_orders", account_number=ACCOUNT, cursor=page["next"])
    assert seen == placed[::-1]
    assert refused(bench, "get_equity_orders", account_number=ACCOUNT, cursor="?").startswith("API error 404: ")


def test_the_account_is_the_one_that_agents_may_trade():
    (account,) = AgentBench().data("get_accounts")["accounts"]
    assert (account["account_number"], account["agentic_allowed"], account["type"]) == (ACCOUNT, True, "cash")


def test_resting_buys_are_taken_off_the_buying_power_and_not_off_the_cash():
    bench = held()
    bench.buy(limit_price="90.00")
    shown = bench.data("get_portfolio", account_number=ACCOUNT)
    assert (shown["cash"], shown["equity_value"], shown["total_value"]) == ("100000", "4999", "104999")
    assert shown["buying_power"]["buying_power"] == "99100.0000"


def test_what_shares_are_worth_without_a_market_is_not_known():
    bench = held(quotes=recorded(quote_line(-60, "9", "10", symbol="F")))
    shown = bench.data("get_portfolio", account_number=ACCOUNT)
    assert (shown["total_value"], shown["equity_value"]) == (None, None)


def test_positions_show_what_is_held_bought_today_and_only_ordered():
    bench = held(quotes=recorded(quote_line(-60, "99.98", "100.00"), quote_line(-60, "9", "10", symbol="F")))
    bench.buy(1)
    bench.buy(2, side="sell", limit_price="110.00", quantity="20")
    bench.buy(3, symbol="F", limit_price="8.00")
    bench.wait(1)
    aapl, ford = bench.data("get_equity_positions", account_number=ACCOUNT)["positions"]
    assert " ".join(aapl) == POSITION_KEYS
    assert (aapl["quantity"], aapl["intraday_quantity"], aapl["type"]) == ("60.000000", "10.000000", "long")
    assert (aapl["shares_held_for_sells"], aapl["shares_available_for_sells"]) == ("20.000000", "40.000000")
    assert aapl["average_buy_price"] == "91.666667"
    assert (ford["symbol"], ford["quantity"], ford["type"]) == ("F", "0.000000", "empty")
    assert "average_buy_price" not in ford


def test_a_quote_has_the_keys_that_the_broker_sends():
    (row,) = AgentBench().data("get_equity_quotes", symbols=["AAPL"])["results"]
    assert " ".join(row["quote"]) == QUOTE_KEYS
    assert (row["quote"]["bid_price"], row["quote"]["ask_price"]) == ("99.980000", "100.000000")
    assert (row["quote"]["venue_bid_time"], row["quote"]["has_traded"]) == ("2026-11-23T14:00:00Z", True)


def test_a_halted_symbol_and_one_without_a_price_have_no_book():
    bench = AgentBench(
        quotes=recorded(quote_line(-60, "99.98", "100.00", halted=True), quote_line(60, "9", "10", symbol="F"))
    )
    halted, unpriced = (row["quote"] for row in bench.data("get_equity_quotes", symbols=["AAPL", "F"])["results"])
    assert (halted["bid_price"], halted["ask_price"], halted["has_traded"]) == ("0.000000", "0.000000", True)
    assert (unpriced["bid_price"], unpriced["last_trade_price"], unpriced["has_traded"]) == (
        "0.000000",
        "0.000000",
        False,
    )
    books = bench.data("get_equity_price_book", symbols=["AAPL", "F"])["books"]
    assert [(book["asks"], book["bids"]) for book in books] == [([], []), ([], [])]


def test_one_unknown_symbol_fails_all_quotes():
    text = refused(AgentBench(), "get_equity_quotes", symbols=["AAPL", "NOTREALXX"])
    assert text == 'API error 404: {"missing_instruments":["NOTREALXX"]}'


def test_the_price_book_has_one_level_a_side_dated_in_new_york():
    (book,) = AgentBench().data("get_equity_price_book", symbols=["AAPL"])["books"]
    assert book["asks"] == [{"price": "100.000000", "quantity": 100}]
    assert book["bids"] == [{"price": "99.980000", "quantity": 100}]
    assert book["updated_at"] == "2026-11-23T09:00:00-05:00"


def test_whole_shares_of_a_listed_symbol_are_tradable():
    (row,) = AgentBench().data("get_equity_tradability", account_number=ACCOUNT, symbols=["AAPL"])["results"]
    assert (row["tradeable"], row["state"], row["short_selling_tradability"]) == (True, "active", "untradable")


def bars(bench: AgentBench, **changes: object):
    asked = {"symbols": ["AAPL"], "start_time": "2026-11-23T14:00:00Z", "interval": "5minute"}
    return bench.data("get_equity_historicals", **(asked | changes))


def test_bars_begin_where_they_are_asked_for():
    bench = AgentBench(quotes=recorded(*(quote_line(60 * minute, "99.98", "100.00") for minute in range(-20, 10))))
    bench.wait(600)
    (result,) = bars(bench)["results"]
    assert (result["symbol"], result["interval"], result["bounds"]) == ("AAPL", "5minute", "regular")
    times = [bar["begins_at"][11:16] for bar in result["bars"]]
    assert times[:2] == ["14:40", "14:45"]
    assert Decimal(result["bars"][0]["close_price"]) == Decimal("99.99")
    (later,) = bars(bench, start_time="2026-11-23T14:50:00Z", end_time="2026-11-23T15:00:00Z")["results"]
    assert [bar["begins_at"][11:16] for bar in later["bars"]] == ["14:50", "14:55"]
    (days,) = bars(bench, interval="day", start_time="2001-01-01T00:00:00Z")["results"]
    assert days["bars"] == []


def test_unknown_names_and_names_without_a_price_have_no_bars():
    bench = AgentBench(quotes=recorded(quote_line(60, "9", "10", symbol="F")))
    answer = bars(bench, symbols=["F", "NOTREALXX"])
    assert answer["not_found"] == ["NOTREALXX"]
    assert answer["results"][0]["bars"] == []
    assert 'invalid interval "fortnight"' in refused(
        bench, "get_equity_historicals", symbols=["F"], start_time="2026-11-23", interval="fortnight"
    )


def review(bench: AgentBench, **changes: object):
    return bench.data("review_equity_order", **arguments(ref_id=None, **changes))


def test_a_review_echoes_the_terms_and_places_nothing():
    bench = AgentBench()
    shown = review(bench)
    assert (shown["quantity"], shown["limit_price"], shown["order_checks"]) == ("10", "100.00", {})
    assert " ".join(shown["quote_data"]) == QUOTE_KEYS
    assert bench.rows() == []


@pytest.mark.parametrize(
    ("changes", "alert"),
    [
        ({"quantity": "2000"}, "EQUITY_NOT_ENOUGH_BP"),
        ({"side": "sell", "quantity": "60"}, "EQUITY_MAX_SELL_SHARES_EXCEEDED"),
        ({"limit_price": "99.999"}, "EQUITY_VALIDATION_ERROR"),
        ({"type": "market"}, "EQUITY_VALIDATION_ERROR"),
    ],
)
def test_what_is_wrong_with_an_order_is_an_alert_of_its_review(changes, alert):
    checks = review(held(), **changes)["order_checks"]
    assert checks["alertType"] == alert
    assert len(checks) == 2


def test_a_review_says_how_many_shares_are_free():
    bench = held(shares=10)
    bench.buy(side="sell", limit_price="110.00")
    checks = review(bench, side="sell")["order_checks"]["equityMaxSellSharesExceededAlertDetails"]
    assert (checks["sharesCanSell"], checks["sharesOwned"], checks["sharesPendingSell"]) == ("0E-8", "10", "10")


def test_a_review_shows_no_price_as_zero():
    assert review(AgentBench())["market_data_disclosure"] == "Bid $99.98 · Ask $100.00. Paper market."
    halted = AgentBench(quotes=recorded(quote_line(-60, "99.98", "100.00", halted=True)))
    assert review(halted)["market_data_disclosure"] == "Bid unknown · Ask unknown. Paper market."


def test_a_review_of_no_symbol_or_of_another_account_is_refused():
    bench = AgentBench()
    asked = arguments(ref_id=None)
    assert "instrument not found" in refused(bench, "review_equity_order", **asked | {"symbol": "zzqqxx"})
    assert "FORBIDDEN" in refused(bench, "review_equity_order", **asked | {"account_number": "1"})


@pytest.mark.parametrize("tool", ["get_portfolio", "get_equity_positions", "get_equity_orders"])
def test_another_account_is_not_found(tool):
    assert refused(AgentBench(), tool, account_number="1") == 'API error 404: {"detail":"Not found."}'


def test_lots_are_sold_first_in_first_out_and_their_cost_is_told_from_the_next_day():
    bench = AgentBench(
        quotes=recorded(
            quote_line(-60, "99.98", "100.00"), quote_line(10, "109.00", "110.00"), quote_line(20, "0.9", "1")
        )
    )
    bench.buy(1)
    bench.wait(11)
    bench.buy(2, quantity="20", limit_price="110.00")
    bench.wait(1)
    bench.buy(3, side="sell", quantity="15", limit_price="109.00")
    bench.wait(1)
    bench.buy(4, side="sell", quantity="4", limit_price="200.00", time_in_force="gtc")
    asked = {"account_number": ACCOUNT, "symbol": "AAPL"}
    (lot,) = bench.data("get_equity_tax_lots", **asked)["tax_lots"]
    assert (lot["quantity"], lot["quantity_available"], lot["is_selectable"]) == ("15.000000", "11.000000", False)
    assert (lot["tax_cost_basis"], lot["open_date"], lot["term"]) == ("1650.000000", "2026-11-23", "st")
    assert "cost_per_share" not in lot
    assert re.fullmatch(r"[0-9]{16}", lot["order_id"])
    bench.wait(86_400)
    (lot,) = bench.data("get_equity_tax_lots", **asked)["tax_lots"]
    assert (lot["cost_per_share"], lot["is_selectable"]) == ("110.000000", True)
    result = bench.data("get_realized_pnl", account_number=ACCOUNT, span="week")
    sold, quiet = result["data_points"]
    assert (result["total_returns"], sold["realized_gain"], sold["number_of_trades"]) == ("85.00", "85.00", 1)
    assert (sold["start_time"], sold["end_time"]) == ("2026-11-23T05:00:00Z", "2026-11-24T04:59:59Z")
    assert (quiet["realized_gain"], quiet["number_of_trades"]) == (None, 0)
    assert bench.data("get_realized_pnl", account_number=ACCOUNT, span="all")["data_points"] == [sold, quiet]
    assert bench.data("get_realized_pnl", account_number=ACCOUNT, span="day")["total_returns"] == "0"


def test_shares_from_the_opening_are_a_lot_without_a_cost():
    bench = held()
    bench.buy(1, side="sell", limit_price="99.00")
    bench.wait(1)
    (lot,) = bench.data("get_equity_tax_lots", account_number=ACCOUNT, symbol="AAPL")["tax_lots"]
    assert (lot["quantity"], lot["open_tran_type"], lot["is_selectable"]) == ("40.000000", "transfer", False)
    assert not {"order_id", "tax_cost_basis", "cost_per_share"} & set(lot)
    result = bench.data("get_realized_pnl", account_number=ACCOUNT, span="day")
    assert (result["total_returns"], result["data_points"][0]["realized_gain"]) == (None, None)
    assert result["data_points"][0]["number_of_trades"] == 1
    assert bench.data("get_equity_tax_lots", account_number=ACCOUNT, symbol="F")["tax_lots"] == []
    assert refused(bench, "get_realized_pnl", account_number=ACCOUNT, span="decade") == 'invalid span "decade"'
