"""The account over the tools: which tools are asked for what, page by page and chunk by chunk."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tests.agent.sample_replies import ACCOUNT, sample
from tests.agent.tool_answers import ToolAnswers, refusal
from trading_bot.agent.account import AgentAccount
from trading_bot.agent.calls import ToolReads
from trading_bot.agent.order_call import place_call
from trading_bot.agent.tool_call import RpcError, ToolError
from trading_bot.clock import VirtualClock
from trading_bot.order_management.exceptions import OrderStatusError, OrderValidationError
from trading_bot.order_management.models import OrderTerms, RefId, Side, TimeInForce
from trading_bot.order_management.portfolio import PositionListing
from trading_bot.robinhood.directory import AccountUnreadableError
from trading_bot.robinhood.symbols import KnownName, SymbolTable

NOW = datetime(2026, 10, 14, 17, 0, tzinfo=UTC)
FORD, STRANGER = "ccd9070d-72dd-4f84-a193-bca5f9ad8bbf", "472e016f-a774-4637-980b-af240040ab08"
HELD = sample("get_equity_positions", "held, held by a stop")
ROW = sample("get_equity_quotes", "two symbols")["results"][0]["quote"]


class Bench:
    """An account over tools that answer from a script; Ford is a name that orders told."""

    def __init__(self) -> None:
        self.tools = ToolAnswers()
        self.clock = VirtualClock(NOW)
        names = SymbolTable()
        names.remember({FORD: KnownName(symbol="F", is_active=None, seen_on=date(2026, 10, 14))})
        reads = ToolReads(wire=self.tools, clock=self.clock, renew=lambda _within_s: False)
        self.account = AgentAccount(reads=reads, clock=self.clock, account_number=ACCOUNT, names=names)

    def quotes(self, arguments: Mapping[str, object]) -> object:
        symbols = arguments["symbols"]
        assert isinstance(symbols, list)
        unknown = [each for each in symbols if each.startswith("ZZ")]
        rows = [{"quote": {**ROW, "symbol": each}} for each in symbols]
        return refusal(404, {"missing_instruments": unknown}) if unknown else {"results": rows}


@pytest.fixture
def bench():
    return Bench()


def test_balances_are_read_from_two_tools(bench):
    bench.tools.on("get_accounts", sample("get_accounts", "three accounts"))
    bench.tools.on("get_portfolio", sample("get_portfolio", "cash account"))
    assert bench.account.fetch_account().buying_power == Decimal("6786.15")
    assert bench.account.fetch_equity() == Decimal("10250.41880217")
    assert bench.tools.asked("get_accounts") == [{}]
    assert bench.tools.asked("get_portfolio") == [{"account_number": ACCOUNT}] * 2


GONE = ToolError(text='unknown tool "get_portfolio"')


@pytest.mark.parametrize(
    ("tool", "answer"),
    [
        ("get_accounts", GONE),
        ("get_accounts", {"accounts": None}),
        ("get_portfolio", GONE),
        ("get_portfolio", RpcError(code=-32602, text="unknown tool")),
        ("get_portfolio", None),
        ("get_portfolio", {"buying_power": None}),
        ("get_portfolio", {"buying_power": {"buying_power": "1", "display_currency": "CAD"}}),
    ],
)
def test_balances_that_are_not_told_leave_the_account_to_sells(bench, tool, answer):
    bench.tools.on("get_accounts", sample("get_accounts", "three accounts"))
    bench.tools.on("get_portfolio", sample("get_portfolio", "cash account"))
    bench.tools.on(tool, answer)
    with pytest.raises(AccountUnreadableError):
        bench.account.fetch_account()


def test_a_login_without_our_account_is_refused_before_its_portfolio_is_asked_for(bench):
    bench.tools.on("get_accounts", {"accounts": sample("get_accounts", "three accounts")["accounts"][:1]})
    with pytest.raises(OrderStatusError, match="lists no account ending in 0008") as caught:
        bench.account.fetch_account()
    assert not isinstance(caught.value, AccountUnreadableError)


def test_what_is_not_understood_is_kept_to_be_shown(bench):
    accounts = sample("get_accounts", "three accounts")
    [*others, mine] = accounts["accounts"]
    bench.tools.on("get_accounts", {"accounts": [*others, {**mine, "state": "frozen"}]})
    bench.tools.on("get_portfolio", sample("get_portfolio", "cash account"))
    bench.tools.on("get_equity_positions", {"positions": [{"symbol": "F", "quantity": "?"}]})
    bench.account.fetch_account()
    bench.account.fetch_positions()
    assert bench.account.not_understood == ("account: state: frozen", "position F: cannot be read: quantity")


def test_positions_are_read_to_the_last_page_by_either_cursor(bench):
    pages = iter(HELD["positions"])
    bench.tools.on(
        "get_equity_positions",
        {"positions": [next(pages)], "next": "cD0x"},
        {"positions": [next(pages)], "next": "https://api.robinhood.com/positions/?cursor=cD0y&account=512340008"},
        {"positions": list(pages)},
    )
    assert [held.symbol for held in bench.account.fetch_positions().positions] == ["KO", "GPRO", "DAL", "F"]
    assert [each.get("cursor") for each in bench.tools.asked("get_equity_positions")] == [None, "cD0x", "cD0y"]


def test_a_page_of_positions_that_is_missing_is_an_error(bench):
    bench.tools.on("get_equity_positions", {"positions": HELD["positions"], "next": "cD0x"}, {"positions": None})
    with pytest.raises(OrderStatusError):
        bench.account.fetch_positions()


@pytest.mark.parametrize(
    ("page", "equity", "is_flat"),
    [
        ({"positions": None}, "0", True),
        ({"positions": None, "next": ""}, "0.0000", True),
        ({"positions": None}, "12.90", False),
        ({"positions": None}, None, False),
        ({"positions": None, "next": "cD0x"}, "0", False),
        ({"positions": {}}, "0", False),
        ({}, "0", False),
    ],
)
def test_a_list_that_is_null_is_empty_only_where_the_portfolio_says_so_too(bench, page, equity, is_flat):
    bench.tools.on("get_equity_positions", page)
    bench.tools.on("get_portfolio", {**sample("get_portfolio", "cash account"), "equity_value": equity})
    if is_flat:
        assert bench.account.fetch_positions() == PositionListing(positions=())
    else:
        with pytest.raises(OrderStatusError):
            bench.account.fetch_positions()


def test_a_portfolio_that_cannot_be_read_makes_no_list_empty(bench):
    bench.tools.on("get_equity_positions", {"positions": None})
    bench.tools.on("get_portfolio", {})
    with pytest.raises(OrderStatusError):
        bench.account.fetch_positions()


def test_one_position_is_picked_out_of_all_by_what_its_instrument_is_called(bench):
    bench.tools.on("get_equity_positions", HELD)
    held = bench.account.fetch_position(FORD.upper())
    assert (held.symbol, held.instrument_id, held.quantity) == ("F", FORD, Decimal("0.38891"))
    bench.tools.on("get_equity_positions", {"positions": []})
    assert bench.account.fetch_position(FORD) is None


@pytest.mark.parametrize("instrument_id", [STRANGER, "../accounts", ""])
def test_an_instrument_that_no_order_named_cannot_be_picked(bench, instrument_id):
    with pytest.raises(OrderStatusError, match="no symbol is known"):
        bench.account.fetch_position(instrument_id)
    assert bench.tools.seen == []


@pytest.mark.parametrize("row", [None, {"symbol": "", "quantity": "1"}, {"symbol": "F", "quantity": "?"}])
def test_a_position_that_may_be_a_row_nobody_can_read_is_not_gone(bench, row):
    bench.tools.on("get_equity_positions", {"positions": [row]})
    with pytest.raises(OrderStatusError):
        bench.account.fetch_position(FORD)


def test_quotes_are_asked_for_twenty_at_a_time(bench):
    bench.tools.answers["get_equity_quotes"] = bench.quotes
    asked = [f"A{number}" for number in range(45)]
    assert list(bench.account.fetch_quotes([*asked, "A1", "no symbol"])) == asked
    assert [len(each["symbols"]) for each in bench.tools.asked("get_equity_quotes")] == [20, 20, 5]


def test_symbols_that_the_broker_does_not_know_spoil_no_other(bench):
    bench.tools.answers["get_equity_quotes"] = bench.quotes
    assert list(bench.account.fetch_quotes(["F", "ZZ1", "T", "ZZ2"])) == ["F", "T"]
    assert [each["symbols"] for each in bench.tools.asked("get_equity_quotes")] == [
        ["F", "ZZ1", "T", "ZZ2"],
        ["F", "T"],
    ]


def test_nothing_but_unknown_symbols_has_no_quotes(bench):
    bench.tools.answers["get_equity_quotes"] = bench.quotes
    assert bench.account.fetch_quotes(["ZZ1", "ZZ2"]) == {}
    bench.tools.on("get_equity_quotes", refusal(404, {"detail": "Not found."}))
    assert bench.account.fetch_quotes(["ZZ1"]) == {}
    with pytest.raises(OrderStatusError):
        bench.account.fetch_quotes(["F", "T"])


def test_an_unknown_symbol_that_is_not_named_hides_no_other(bench):
    def quotes(asked):
        is_refused = any(each.startswith("ZZ") for each in asked["symbols"])
        return refusal(404, {"detail": "Not found."}) if is_refused else bench.quotes(asked)

    bench.tools.answers["get_equity_quotes"] = quotes
    symbols = [f"A{number}" for number in range(20)]
    symbols[6:8] = unknown = "ZZ1", "ZZ2"
    assert set(bench.account.fetch_quotes(symbols)) == set(symbols) - set(unknown)
    assert len(bench.tools.asked("get_equity_quotes")) < 14


def test_a_quote_that_was_not_asked_for_is_left_out(bench):
    bench.tools.on("get_equity_quotes", sample("get_equity_quotes", "two symbols"))
    assert list(bench.account.fetch_quotes(["AAPL"])) == ["AAPL"]


def test_bars_are_asked_for_by_time(bench):
    bench.tools.on("get_equity_historicals", sample("get_equity_historicals", "day bars"))
    assert len(bench.account.fetch_history("F", "day", "month")) == 2
    [asked] = bench.tools.asked("get_equity_historicals")
    assert asked == {"symbols": ["F"], "start_time": "2026-09-13T17:00:00Z", "interval": "day", "bounds": "regular"}


def test_bars_of_an_unknown_symbol_or_of_no_span_are_an_error(bench):
    bench.tools.on("get_equity_historicals", refusal(404, {"missing_instruments": ["ZZ1"]}))
    with pytest.raises(OrderStatusError, match="check the symbol"):
        bench.account.fetch_history("ZZ1", "day", "month")
    with pytest.raises(OrderValidationError):
        bench.account.fetch_history("F", "5minute", "5year")
    with pytest.raises(OrderValidationError):
        bench.account.fetch_history("no symbol", "day", "month")


def test_books_and_tradability_are_read_in_small_chunks(bench):
    bench.tools.on("get_equity_price_book", sample("get_equity_price_book", "one name"))
    bench.tools.on("get_equity_tradability", sample("get_equity_tradability", "three names"))
    assert list(bench.account.fetch_price_books(["F", "A", "B", "C", "D"])) == ["F"]
    assert list(bench.account.fetch_tradability(["AAPL", "F"])) == ["AAPL"]
    assert [len(each["symbols"]) for each in bench.tools.asked("get_equity_price_book")] == [4, 1]
    assert bench.tools.asked("get_equity_tradability") == [{"account_number": ACCOUNT, "symbols": ["AAPL", "F"]}]


def test_tax_lots_are_read_to_the_last_page(bench):
    lots = sample("get_equity_tax_lots", "bought today")["tax_lots"]
    bench.tools.on(
        "get_equity_tax_lots",
        {"symbol": "F", "tax_lots": lots[:1], "next": "cD0x"},
        {"symbol": "F", "tax_lots": lots[1:]},
    )
    assert [lot.cost_basis for lot in bench.account.fetch_tax_lots("F")] == [Decimal("12.85"), Decimal(5)]
    bench.tools.on("get_equity_tax_lots", {"tax_lots": None})
    assert bench.account.fetch_tax_lots("F") == ()
    bench.tools.on("get_equity_tax_lots", {})
    with pytest.raises(OrderStatusError):
        bench.account.fetch_tax_lots("F")


def test_results_are_asked_for_under_the_number_of_the_clearing_house(bench):
    [*others, mine] = sample("get_accounts", "three accounts")["accounts"]
    bench.tools.on("get_accounts", {"accounts": [*others, {**mine, "rhs_account_number": "612340008"}]})
    bench.tools.on("get_realized_pnl", {**sample("get_realized_pnl", "three months"), "account_number": "612340008"})
    assert bench.account.fetch_realised("3month").total == Decimal("-3.89")
    assert bench.tools.asked("get_realized_pnl") == [{"account_number": "612340008", "span": "3month"}]


def test_a_throttled_read_waits_and_asks_again(bench):
    throttled = ToolError(text="RATE_LIMITED: too many requests, please try again shortly", category="rate_limited")
    bench.tools.on("get_equity_positions", throttled, HELD)
    began = bench.clock.monotonic()
    assert len(bench.account.fetch_positions().positions) == 4
    assert bench.clock.monotonic() > began


def test_reads_end_by_the_deadline_of_their_caller(bench):
    throttled = ToolError(text="RATE_LIMITED: too many requests, please try again shortly", category="rate_limited")
    bench.tools.on("get_equity_positions", throttled)
    deadline = bench.clock.monotonic() + 1.0
    with pytest.raises(OrderStatusError):
        bench.account.by(deadline).fetch_positions()
    assert bench.clock.monotonic() <= deadline


def test_a_review_is_asked_for_with_the_arguments_of_the_order_and_no_id(bench):
    bench.tools.on("review_equity_order", sample("review_equity_order", "stop_limit sell"))
    asked = OrderTerms(
        symbol="F",
        side=Side.SELL,
        quantity=1,
        limit_price=Decimal("7.50"),
        stop_price=Decimal(8),
        time_in_force=TimeInForce.GTC,
    )
    assert bench.account.review_order(asked).alerts == ()
    [arguments] = bench.tools.asked("review_equity_order")
    placed = json.loads(
        place_call(asked, ref_id=RefId("11111111-2222-4333-8444-555555555555"), account_number=ACCOUNT).params
    )
    assert {**arguments, "ref_id": "11111111-2222-4333-8444-555555555555"} == placed["arguments"]


def test_a_review_that_is_refused_is_an_error(bench):
    forbidden = ToolError(text="FORBIDDEN: agent not authorized to access this account", category="unauthorized")
    bench.tools.on("review_equity_order", forbidden)
    asked = OrderTerms(symbol="F", side=Side.BUY, quantity=1, limit_price=Decimal(12))
    with pytest.raises(OrderStatusError, match="FORBIDDEN"):
        bench.account.review_order(asked)
