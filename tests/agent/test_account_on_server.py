"""The account over the stand-in of the server: in every form of a reply what its book holds, or no answer."""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

import pytest

from tests.support.agent_gateway_bench import AgentGatewayBench
from tests.support.agent_server import AgentServer, Fault
from tests.support.agent_server.paging import CursorForm
from trading_bot.agent.gateway import AgentGateway
from trading_bot.order_management.exceptions import OrderStatusError, OrderValidationError
from trading_bot.order_management.models import OrderTerms, Side

BUY = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("90.00"))
ONE_SESSION = 100


def arranged(server: AgentServer) -> None:
    for number in range(24):
        server.book.quote(f"S{number}", bid="9.98", ask="10.00")
    server.book.hold("S1", "0.5", average_price="9.00")
    server.book.quote("NOBOOK", bid="0", ask="0", last="5.00")
    server.account.closes["AAPL"] = [Decimal("99.50"), Decimal("99.75")]
    server.account.lots["AAPL"] = [{"quantity": "50.000000", "open_date": "2026-10-14", "tax_cost_basis": "4500"}]
    server.account.gains = [
        {"start_time": "2026-10-13T04:00:00Z", "end_time": "2026-10-14T03:59:59Z", "realized_gain": "0.24"}
    ]


SYMBOLS = ("AAPL", *(f"S{number}" for number in range(24)), "NOBOOK", "NOSUCH")
READS: dict[str, tuple[str, Callable[[AgentGateway], object], object]] = {
    "balances": ("get_portfolio", lambda account: account.fetch_account().buying_power, Decimal(100_000)),
    "permission": ("get_accounts", lambda account: account.fetch_account().restriction, None),
    "equity": ("get_portfolio", lambda account: account.fetch_equity(), Decimal("105005.00")),
    "positions": (
        "get_equity_positions",
        lambda account: [(held.symbol, held.quantity, held.sellable) for held in account.fetch_positions().positions],
        [("AAPL", 50, 50), ("S1", Decimal("0.5"), Decimal("0.5"))],
    ),
    "quotes": (
        "get_equity_quotes",
        lambda account: {symbol: quote.bid_price for symbol, quote in account.fetch_quotes(SYMBOLS).items()},
        {"AAPL": Decimal("99.98")} | {f"S{number}": Decimal("9.98") for number in range(24)},
    ),
    "bars": (
        "get_equity_historicals",
        lambda account: [bar.close for bar in account.fetch_history("AAPL", "5minute", "week")],
        [Decimal("99.50"), Decimal("99.75")],
    ),
    "book": (
        "get_equity_price_book",
        lambda account: account.fetch_price_books(("AAPL",))["AAPL"].asks[0].price,
        Decimal(100),
    ),
    "tradability": (
        "get_equity_tradability",
        lambda account: account.fetch_tradability(("AAPL",))["AAPL"].is_tradeable,
        True,
    ),
    "lots": ("get_equity_tax_lots", lambda account: account.fetch_tax_lots("AAPL")[0].cost_basis, Decimal(4500)),
    "results": ("get_realized_pnl", lambda account: account.fetch_realised("3month").total, Decimal("0.24")),
    "review": ("review_equity_order", lambda account: account.review_order(BUY).alerts, ()),
}
reads = pytest.mark.parametrize("name", READS)


@reads
@pytest.mark.parametrize("seed", range(4))
def test_every_form_of_a_reply_says_the_same(name, seed):
    bench = AgentGatewayBench(arranged)
    bench.server.vary(seed)
    bench.server.account.page_size = 1
    bench.server.account.cursors = list(CursorForm)[seed % len(CursorForm)]
    _, read, right = READS[name]
    assert read(bench.gateway) == right
    assert bench.server.complaints == []


@pytest.mark.parametrize(
    ("name", "fault"),
    [(name, fault) for at, name in enumerate(READS) for begins, fault in enumerate(Fault) if (at + begins) % 4 == 0],
)
def test_a_fault_costs_time_or_the_answer_and_makes_none_up(name, fault):
    bench = AgentGatewayBench(arranged)
    tool, read, right = READS[name]
    bench.gateway.fetch_account()
    bench.server.acts[tool].append(fault)
    began = bench.clock.monotonic()
    with suppress(OrderStatusError):
        assert read(bench.gateway) == right
    assert bench.clock.monotonic() - began <= ONE_SESSION
    bench.server.calm_down()
    assert read(bench.gateway) == right


def test_the_names_of_instruments_are_those_that_orders_told():
    bench = AgentGatewayBench(arranged)
    assert {held.instrument_id for held in bench.gateway.fetch_positions().positions} == {None}
    bench.submit()
    bench.gateway.list_open_orders()
    apple, other = bench.gateway.fetch_positions().positions
    assert (apple.instrument_id is not None, other.instrument_id) == (True, None)
    assert bench.gateway.fetch_position(str(apple.instrument_id)) == apple


def test_an_account_that_agents_may_no_longer_trade_takes_no_entry():
    bench = AgentGatewayBench(arranged)
    bench.server.book.account_number, bench.server.book.other_accounts = "512340005", ["512340001", "512340008"]
    assert bench.gateway.fetch_account().restriction == "not agentic_allowed"


def test_a_symbol_that_the_broker_does_not_trade_is_refused_for_buys_and_asked_for_once_a_day():
    bench = AgentGatewayBench(arranged)
    price = bench.server.book.prices["S1"]
    bench.server.book.prices["S1"] = type(price)(**{**vars(price), "is_tradable": False})
    with pytest.raises(OrderValidationError, match="S1 cannot be bought"):
        bench.gateway.tick_of("S1", Side.BUY)
    assert bench.gateway.tick_of("S1", Side.SELL) is None
    for _ in range(3):
        assert bench.gateway.by(bench.clock.monotonic() + 5).tick_of("AAPL", Side.BUY) is None
    assert [each.tool for each in bench.server.calls].count("get_equity_tradability") == 2
    bench.clock.advance(24 * 3600)
    bench.gateway.tick_of("AAPL", Side.BUY)
    assert [each.tool for each in bench.server.calls].count("get_equity_tradability") == 3


def test_a_broker_that_does_not_say_what_may_be_traded_holds_no_buy_up():
    bench = AgentGatewayBench(arranged)
    bench.server.standing["get_equity_tradability"] = Fault.E503_BEFORE
    began = bench.clock.monotonic()
    assert bench.gateway.tick_of("AAPL", Side.BUY) is None
    assert bench.clock.monotonic() - began <= 2
    bench.server.calm_down()
    assert bench.gateway.tick_of("NOSUCH", Side.BUY) is None
