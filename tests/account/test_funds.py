"""What a buy may cost, from the broker's own figures of real accounts."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.support.scripted_broker import MORNING, account_row
from trading_bot.account.funds import funds_in_words, spendable
from trading_bot.order_management.portfolio import AccountSnapshot
from trading_bot.robinhood.account_wire import account_snapshot, parse_account

LEVERAGED = {
    "type": "margin",
    "buying_power": "30298.8414",
    "cash": "12809.2200",
    "portfolio_cash": "12809.2200",
    "cash_held_for_orders": "0.0000",
    "cash_held_for_options_collateral": "1022.0000",
    "unsettled_funds": "0.0000",
}
CASH_2016 = {
    "type": "cash",
    "buying_power": "83.8700",
    "cash": "83.8700",
    "cash_held_for_orders": "0.0000",
    "unsettled_funds": "73.0000",
}
CASH = {
    "type": "cash",
    "buying_power": "5263.0000",
    "cash": "5263.0000",
    "portfolio_cash": "5263.0000",
    "cash_held_for_orders": "100.0000",
    "unsettled_funds": "1000.0000",
}


def account(figures: dict[str, str], **changes: object) -> AccountSnapshot:
    return account_snapshot(parse_account(account_row() | figures | changes), MORNING)


@pytest.mark.parametrize(
    ("figures", "amount"),
    [
        (LEVERAGED, "11787.2200"),
        (LEVERAGED | {"cash_held_for_orders": "500.0000"}, "11287.2200"),
        (LEVERAGED | {"unsettled_funds": "2000.0000"}, "11787.2200"),
        (LEVERAGED | {"buying_power": "42.0000"}, "42.0000"),
        (LEVERAGED | {"portfolio_cash": "-145.3200"}, "-1167.3200"),
        (CASH_2016, "83.8700"),
        (CASH, "4163.0000"),
        (CASH | {"type": "CASH "}, "4163.0000"),
    ],
)
def test_a_buy_spends_the_accounts_own_money_and_in_a_cash_account_what_has_settled(figures, amount):
    assert spendable(account(figures), allow_margin=False) == Decimal(amount)


def test_a_margin_account_without_its_portfolio_cash_spends_its_cash():
    assert spendable(account(LEVERAGED, portfolio_cash=None, cash="7.0000"), allow_margin=False) == 7


def test_an_account_that_does_not_say_its_type_borrows_nothing_either():
    assert spendable(account(LEVERAGED, type=None), allow_margin=False) == Decimal("11787.22")


@pytest.mark.parametrize(("account_type", "amount"), [("margin", "0"), ("cash", "42"), (None, "42")])
def test_an_account_that_tells_no_money_of_its_own_buys_nothing_if_it_can_borrow(account_type, amount):
    silent: dict[str, Any] = {"cash": None, "portfolio_cash": None, "account_type": account_type}
    untold = replace(account(LEVERAGED, buying_power="42"), **silent)
    assert spendable(untold, allow_margin=False) == Decimal(amount)


def test_only_a_setting_lets_a_margin_account_borrow():
    assert spendable(account(LEVERAGED), allow_margin=True) == Decimal("30298.8414")


def test_no_setting_lets_a_cash_account_spend_what_has_not_settled():
    assert spendable(account(CASH), allow_margin=True) == 4163


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        (LEVERAGED, "the account's own cash is 11787.22, of a buying power of 30298.8414 that borrows on margin"),
        (CASH, "the settled cash is 4163.00, of a buying power of 5263.00"),
        (CASH_2016, "the buying power is 83.87"),
    ],
)
def test_a_refusal_says_which_figure_it_went_by(figures, words):
    snapshot = account(figures)
    assert funds_in_words(snapshot, spendable(snapshot, allow_margin=False)).startswith(words)
