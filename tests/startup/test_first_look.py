"""The look at the broker that begins a start: whose account it is comes before anything is booked."""

import pytest

from trading_bot.account.account_data import AccountData
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.reads_together import in_turn
from trading_bot.startup.first_look import FirstLook


class Balances(AccountData):
    """Balances of a login that is not of the account that is meant."""

    def __init__(self) -> None:
        """Read nothing."""

    def invalidate_cache(self, name: str | None = None) -> None:
        """Nothing is kept."""

    def account(self) -> None:  # type: ignore[override]  # it never returns
        raise OrderStatusError("the login is of another account")


def test_balances_that_refused_the_account_refuse_it_in_every_later_round_too():
    look = FirstLook(account=Balances(), begin=in_turn)
    with pytest.raises(OrderStatusError, match="another account"):
        look.take(look.confirm)
    with pytest.raises(OrderStatusError, match="another account"):
        look.confirm()
