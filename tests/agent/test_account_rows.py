"""The accounts of the login and the worth of ours: what is told, and what is refused instead of guessed."""

import itertools
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.agent.sample_replies import ACCOUNT, sample, samples, varied
from trading_bot.agent.account_rows import AgentAccounts, account_snapshot, parse_portfolio
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.portfolio import AccountSnapshot

NOW = datetime(2026, 10, 14, 17, 0, tzinfo=UTC)
ACCOUNTS, PORTFOLIO = sample("get_accounts", "three accounts"), sample("get_portfolio", "cash account")


def snapshot(accounts: object = ACCOUNTS, portfolio: object = PORTFOLIO) -> AccountSnapshot:
    return account_snapshot(AgentAccounts(accounts), portfolio, account_number=ACCOUNT, as_of=NOW)


def ours(**changes: object) -> dict[str, object]:
    rows = ACCOUNTS["accounts"]
    assert isinstance(rows, list)
    changed = {key: value for key, value in {**rows[-1], **changes}.items() if value != "absent"}
    return {"accounts": [*rows[:-1], changed]}


def test_balances_come_from_the_portfolio_and_flags_from_the_accounts():
    found = snapshot()
    assert (found.buying_power, found.cash, found.portfolio_cash) == (
        Decimal("6786.15"),
        Decimal("8999.44"),
        found.cash,
    )
    assert (found.account_suffix, found.account_type, found.is_cash_account) == ("0008", "cash", True)
    assert (found.unsettled_funds, found.restriction, found.remarks, found.as_of) == (Decimal(0), None, (), NOW)
    assert (found.cash_held_for_orders, found.cash_held_for_collateral) == (None, None)


def test_borrowed_money_is_no_buying_power_because_an_agent_may_not_borrow():
    power = {"buying_power": "13572.30", "unleveraged_buying_power": "6786.15", "display_currency": "USD"}
    assert snapshot(portfolio={**PORTFOLIO, "buying_power": power}).buying_power == Decimal("6786.15")


def test_negative_buying_power_stays_negative():
    assert snapshot(portfolio=sample("get_portfolio", "negative")).buying_power == Decimal("-160.6")


def test_unsettled_funds_that_are_not_told_are_unknown():
    found = snapshot(sample("get_accounts", "optional fields missing"))
    assert (found.unsettled_funds, found.account_type, found.restriction) == (None, "limited_margin", None)


@pytest.mark.parametrize(
    ("changes", "restriction"),
    [
        ({"agentic_allowed": False}, "not agentic_allowed"),
        ({"agentic_allowed": None}, "not agentic_allowed"),
        ({"agentic_allowed": "absent"}, "not agentic_allowed"),
        ({"agentic_allowed": "TRUE"}, None),
        ({"deactivated": True}, "deactivated"),
        ({"permanently_deactivated": "true", "agentic_allowed": False}, "permanently_deactivated, not agentic_allowed"),
        ({"state": "frozen"}, None),
        ({"account_number": 512340008}, None),
    ],
)
def test_a_flag_that_forbids_entries_is_named(changes, restriction):
    assert snapshot(ours(**changes)).restriction == restriction


def test_words_that_nobody_knows_are_remarks():
    assert snapshot(ours(state="frozen", locked="maybe")).remarks == ("locked: maybe", "state: frozen")


def test_a_second_account_for_agents_stops_entries():
    accounts = AgentAccounts(sample("get_accounts", "two accounts"))
    assert len(accounts.for_agents) == 2
    assert accounts.restriction(ACCOUNT) == "agentic_allowed for more than one account"


@pytest.mark.parametrize("start", ["accounts null"])
def test_a_reply_without_accounts_is_an_error(start):
    with pytest.raises(OrderStatusError):
        AgentAccounts(sample("get_accounts", start))


def test_an_account_that_is_not_listed_is_an_error():
    with pytest.raises(OrderStatusError, match="0009"):
        AgentAccounts(ACCOUNTS).ours("512340009")


def test_two_rows_of_ours_must_be_the_same():
    [*others, mine] = ACCOUNTS["accounts"]
    assert AgentAccounts({"accounts": [*others, mine, mine]}).ours(ACCOUNT).is_for_agents
    with pytest.raises(OrderStatusError):
        AgentAccounts({"accounts": [mine, {**mine, "agentic_allowed": False}]}).ours(ACCOUNT)


def test_a_row_that_cannot_be_read_hides_no_other():
    [*_, mine] = ACCOUNTS["accounts"]
    assert AgentAccounts({"accounts": [None, {"account_number": []}, mine]}).ours(ACCOUNT).is_for_agents


@pytest.mark.parametrize(
    "change",
    [
        {"currency": "EUR"},
        {"buying_power": {"buying_power": "1.00", "display_currency": "EUR"}},
        {"buying_power": {"unleveraged_buying_power": "1.00"}},
        {"buying_power": "1.00"},
        {"buying_power": None},
    ],
)
def test_money_that_cannot_be_read_in_dollars_is_an_error(change):
    with pytest.raises(OrderStatusError):
        snapshot(portfolio={**PORTFOLIO, **change})


def test_what_the_account_is_worth_is_told_by_the_portfolio():
    assert parse_portfolio(PORTFOLIO).total_value == Decimal("10250.41880217")


@pytest.mark.parametrize("each", samples("get_accounts"), ids=str)
def test_no_odd_account_ends_in_anything_but_an_answer_or_a_typed_error(each):
    for data in varied(each.data):
        try:
            found = snapshot(data)
        except OrderStatusError:
            continue
        assert found.account_suffix == ACCOUNT[-4:]


def test_only_a_plain_flag_lets_our_account_trade():
    """Whatever else is odd, entries need the flag itself to say so."""
    [*others, mine] = ACCOUNTS["accounts"]
    for odd in varied(mine):
        try:
            found = snapshot({"accounts": [*others, odd]}).restriction
        except OrderStatusError:
            continue
        may_enter = odd.get("agentic_allowed") is True
        assert may_enter or "not agentic_allowed" in str(found)


@pytest.mark.parametrize("each", samples("get_portfolio"), ids=str)
def test_no_odd_portfolio_ends_in_anything_but_an_answer_or_a_typed_error(each):
    told = itertools.count()
    for data in varied(each.data):
        try:
            found = snapshot(portfolio=data)
        except OrderStatusError:
            continue
        next(told)
        assert found.buying_power.is_finite()
    assert next(told)
