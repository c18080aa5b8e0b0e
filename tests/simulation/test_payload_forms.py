"""The forms of replies that a life draws: each says what the plain one says, and they do differ."""

import json
from datetime import datetime
from decimal import Decimal

import pytest

from tests.support.broker_stand_in import BrokerStandIn
from tests.support.payload_forms import PayloadForms
from tests.support.sim_account import ACCOUNT
from tests.support.sim_agent_broker import AgentBrokerStandIn
from tests.support.sim_world import MORNING, session_end
from tests.support.stand_in_book import SYMBOL_OF, HeldOrder, StandInBook
from trading_bot.agent import order_rows as agent_order_rows
from trading_bot.clock import VirtualClock
from trading_bot.order_management.models import OrderReport
from trading_bot.robinhood import order_rows
from trading_bot.robinhood.account_wire import account_snapshot, parse_account, parse_quote
from trading_bot.robinhood.strict_json import strict_json
from trading_bot.values import replace

SEEDS = range(40)
FORM = {
    "ref_id": "11111111-2222-4333-8444-555555555555",
    "symbol": "AAPL",
    "side": "buy",
    "quantity": "10",
    "price": "99.85",
    "time_in_force": "gfd",
    "account": f"/{ACCOUNT}/",
    "market_hours": "regular_hours",
}


def filled_in_part(now: datetime = MORNING) -> HeldOrder:
    book = StandInBook(account=ACCOUNT, shares={})
    order = book.take(FORM, now=now, expires_at=session_end(now))
    book.fill(order, 3, now)
    return order


def as_sent(row: object) -> object:
    return strict_json(json.dumps(row).encode())


def read(row: object) -> OrderReport:
    report = order_rows.parse_order(as_sent(row), SYMBOL_OF.get)
    # In which case its words are is shown and decides nothing; null fees are none.
    return replace(report, broker_state=report.broker_state.lower(), fees=None)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_order_reads_the_same_in_each_form(seed):
    row, forms = filled_in_part().row(), PayloadForms(seed)
    for _ in range(8):
        assert read(forms.order(row)) == read(row)


def market(row: object) -> tuple[object, ...]:
    quote = parse_quote(as_sent(row))
    assert quote is not None
    prices = (quote.bid_price, quote.ask_price, quote.last_price)
    return (*prices, quote.bid_size, quote.ask_size, quote.trading_halted, quote.updated_at)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_account_and_a_quote_say_the_same_in_each_form(seed):
    broker = BrokerStandIn(clock=VirtualClock(MORNING), account=ACCOUNT, session_end=session_end)
    account, quote, forms = broker._account_row(), broker._quote("AAPL"), PayloadForms(seed)
    for _ in range(8):
        snapshot = account_snapshot(parse_account(as_sent(forms.account(account))), MORNING)
        assert (snapshot.buying_power, snapshot.cash) == (Decimal(1_000_000), Decimal(1_000_000))
        assert snapshot.restriction is None
        assert market(forms.quote(quote)) == market(quote)


def test_the_forms_differ():
    row = filled_in_part().row()
    written = [PayloadForms(seed).order(row) for seed in SEEDS]
    assert len({tuple(each) for each in written}) > 20, "keys, and their order"
    assert {type(each["quantity"]) for each in written} == {str, int}
    assert any("instrument" not in each for each in written)
    assert any("instrument_id" not in each for each in written)
    assert {str(each["created_at"])[-1] for each in written} == {"Z", "0"}
    assert PayloadForms(7).order(row) == PayloadForms(7).order(row)


def test_without_a_seed_a_row_is_as_the_stand_in_writes_it():
    row = filled_in_part().row()
    assert PayloadForms().order(row) == row


@pytest.fixture
def agent() -> AgentBrokerStandIn:
    return AgentBrokerStandIn(clock=VirtualClock(MORNING), account=ACCOUNT, session_end=session_end)


def take(agent: AgentBrokerStandIn) -> HeldOrder:
    order = agent.book.take(FORM, now=MORNING, expires_at=session_end(MORNING))
    order.awaits_approval = True
    return order


@pytest.mark.parametrize("seed", SEEDS)
def test_an_order_that_awaits_approval_says_so_in_each_form(agent, seed):
    agent.vary(seed)
    order = take(agent)
    row = agent._written({**order.row(), "symbol": "AAPL"})
    report = agent_order_rows.parse_order(as_sent(row), SYMBOL_OF.get)
    assert report.awaits_approval
    assert report.state.is_working


def test_it_does_not_trade_before_it_is_approved(agent):
    order = take(agent)
    agent.book.fill(order, 10, MORNING)
    agent.book.confirm(order, MORNING)
    assert (order.filled, order.state) == (0, "unconfirmed")
    agent.book.approve(order, MORNING)
    agent.book.fill(order, 10, MORNING)
    assert order.state == "filled"


@pytest.mark.parametrize(("approves", "state"), [(True, "unconfirmed"), (False, "cancelled")])
def test_the_owner_decides_after_a_while(agent, approves, state):
    order = take(agent)
    agent.decide_later(order, approves=approves, after_s=30)
    agent.clock.sleep(29)
    agent.pass_time()
    assert order.awaits_approval
    agent.clock.sleep(1)
    agent.pass_time()
    assert (order.awaits_approval, order.state) == (False, state)


def test_once_the_faults_end_nothing_waits_any_more(agent):
    order = take(agent)
    agent.calm_down()
    assert not order.awaits_approval
