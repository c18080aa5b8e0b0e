"""Real prices over the agent interface, paper fills: the market is the stand-in of its server; no order reaches it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.agent_server import AgentAdapter, AgentServer, Fault
from tests.support.paper_market import MONDAY
from trading_bot.agent.endpoint import AGENT_BASE_URL
from trading_bot.agent.json_rpc import AgentSession
from trading_bot.clock import VirtualClock
from trading_bot.config import Config, ConfigError
from trading_bot.files import LocalFiles
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.order_management.models import ClientOrderId, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import Accepted, DurableIntent, Rejected
from trading_bot.order_management.ports import Gateway
from trading_bot.paper.live_quotes import LiveQuotes
from trading_bot.robinhood.session import BrokerSession
from trading_bot.startup.access import Destination, Reading
from trading_bot.startup.agent_feed import ASSUMED_SHARES, AgentFeed
from trading_bot.startup.agent_interface import AgentInterface
from trading_bot.startup.interfaces import price_interface_of
from trading_bot.startup.paper import PaperAccount, paper_account
from trading_bot.startup.surroundings import default_surroundings
from trading_bot.state_folder import StateFolder

PRICES = {"get_equity_quotes", "get_equity_historicals"}


class Shadow:
    """A paper account at the prices of the stand-in."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock(MONDAY)
        self.around = default_surroundings(self.clock)
        self.server = AgentServer(self.clock)
        self.server.book.quote("AAPL", bid="99.98", ask="100.00")
        self.http = BrokerSession(adapter=AgentAdapter(self.server), clock=self.clock, base_url=AGENT_BASE_URL)
        self.renewals = 0
        self.renews = False
        self.config = Config.model_validate(
            {
                "paper": {"quotes": "live", "wire": "agent"},
                "gateway": "agent",
                "logs_dir": str(folder / "logs"),
                "state_dir": str(folder / "state"),
            }
        )
        self.state = StateFolder(root=folder / "state" / "paper-x", files=LocalFiles())
        self.state.root.mkdir(parents=True, mode=0o700)

    def feed(self, market: LiveQuotes) -> AgentFeed:
        wire = AgentSession(self.http, self.clock)
        return AgentFeed(wire=wire, log_in=self._log_in, renew=self._renew, market=market, clock=self.clock)

    def _log_in(self) -> None:
        self.http.set_bearer(self.server.grants.first_access)

    def _renew(self, _within_s: float) -> bool:
        self.renewals += 1
        return self.renews

    @contextmanager
    def opened(self) -> Iterator[tuple[PaperAccount, Gateway]]:
        paper = paper_account(
            self.config,
            account_number="PAPER0001",
            state=self.state,
            files=self.around.files,
            clock=self.clock,
            quotes=None,
            reference_for=lambda _ref_id: None,
            feed_of=self.feed,
        )
        to = Destination(config=self.config, around=self.around, number="PAPER0001", state=self.state, paper=paper)
        paper.open()
        access = AgentInterface().way(to)
        access.login.log_in()
        yield paper, access.gateway(Reading())
        paper.close()

    @property
    def asked(self) -> set[str]:
        return {call.tool for call in self.server.calls}


@pytest.fixture
def shadow(tmp_path: Path) -> Shadow:
    return Shadow(tmp_path)


def buy(gateway: Gateway, symbol: str = "AAPL", shares: int = 150):
    terms = OrderTerms(symbol=symbol, side=Side.BUY, quantity=shares, limit_price=Decimal(100))
    order = gateway.prepare_order(terms, RefId(f"00000000-0000-4000-8000-{shares:012d}"))
    intent = DurableIntent(
        client_order_id=ClientOrderId("c1"),
        ref_id=order.ref_id,
        terms=terms,
        body=order.body,
        body_digest=order.digest,
        journal_seq=1,
    )
    return gateway.submit_limit_buy(intent, permit=_permit(), timeout_s=5)


@contextmanager
def _permit() -> Iterator[None]:
    yield


def test_an_order_fills_at_the_real_ask_for_the_shares_that_are_assumed(shadow):
    with shadow.opened() as (paper, gateway):
        outcome = buy(gateway)
        assert isinstance(outcome, Accepted)
        shadow.clock.sleep(1)
        report = gateway.fetch_order_status(outcome.report.order_id)
        assert report.cumulative_quantity == ASSUMED_SHARES
        assert report.average_price == Decimal(100)
        paper.follow()
        shadow.clock.sleep(1)
        assert gateway.fetch_order_status(outcome.report.order_id).cumulative_quantity == 150  # a new quote shows more
    assert shadow.asked == {"get_equity_quotes"}
    assert shadow.server.complaints == []


def test_quotes_and_bars_are_those_of_the_real_market(shadow):
    with shadow.opened() as (_, gateway):
        assert gateway.fetch_quotes(["AAPL"])["AAPL"].ask_price == Decimal(100)
        gateway.fetch_history("AAPL", "day", "month")
        assert gateway.fetch_account().cash == Decimal(100_000)
    assert shadow.asked == PRICES


def test_a_symbol_that_the_broker_does_not_know_is_none_of_the_exchange(shadow):
    with shadow.opened() as (_, gateway):
        assert isinstance(buy(gateway, "ZZZZZQ"), Rejected)


def test_one_unknown_symbol_costs_the_others_no_quote(shadow):
    with shadow.opened() as (paper, _):
        assert paper.feed is not None
        paper.feed.refresh(["AAPL", "ZZZZZQ"])
        shadow.clock.sleep(1)
        assert paper.feed.market.quote("AAPL", shadow.clock.now()) is not None
        assert not paper.feed.market.knows("ZZZZZQ")


@pytest.mark.parametrize("fault", [Fault.E500_BEFORE, Fault.HTML, Fault.NULL_ROWS, Fault.UNAUTHORIZED])
def test_quotes_that_cannot_be_read_are_said_once_and_fill_nothing(shadow, fault, caplog):
    with shadow.opened() as (paper, gateway):
        outcome = buy(gateway)
        assert isinstance(outcome, Accepted)
        shadow.server.standing["get_equity_quotes"] = fault
        for _ in range(2):
            shadow.clock.sleep(20)
            paper.follow()
        assert gateway.fetch_order_status(outcome.report.order_id).cumulative_quantity == 100  # before they were lost
        shadow.server.calm_down()
        paper.follow()
    told = [record.getMessage() for record in caplog.records if "live_quotes" in record.getMessage()]
    assert ["lost" in line for line in told] == [True, False]
    assert shadow.renewals == int(fault is Fault.UNAUTHORIZED) * 2


def test_a_refused_login_is_renewed_and_left_alone_for_a_while_if_that_helps_nothing(shadow):
    shadow.renews = True
    with shadow.opened() as (paper, gateway):
        assert isinstance(buy(gateway), Accepted)
        shadow.server.acts["get_equity_quotes"].append(Fault.UNAUTHORIZED)
        shadow.clock.sleep(1)
        paper.follow()
        quote = paper.feed.market.quote("AAPL", shadow.clock.now() + timedelta(seconds=1)) if paper.feed else None
        assert (quote is not None, shadow.renewals) == (True, 1)
        shadow.server.standing["get_equity_quotes"] = Fault.UNAUTHORIZED
        for _ in range(3):
            paper.follow()
        assert shadow.renewals == 2


def test_without_a_login_nothing_is_sent(tmp_path, shadow):
    feed = price_interface_of(shadow.config).feed(shadow.config, shadow.around)(
        LiveQuotes(clock=shadow.clock, on_new=lambda _quote: None)
    )
    with pytest.raises(AuthenticationError, match="nobody is logged in to the agent interface"):
        feed.open(())


def test_the_exchange_speaks_the_interface_that_its_prices_are_read_over(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"gateway": "agent", "paper": {"quotes": "live"}}')
    with pytest.raises(ConfigError, match=r"paper.wire private with gateway agent"):
        Config.from_env_and_json(path, environ={})
