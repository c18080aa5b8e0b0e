"""What a buy may cost: which figure of the broker's account is used for what. Pure.

| figure of ``/accounts/`` | used for |
|---|---|
| ``buying_power`` | the most that any buy may cost: the broker's own bound, borrowed money included |
| ``type`` | ``cash``: settled funds only; anything else counts as an account that could borrow |
| ``portfolio_cash`` | our own money, promised and unsettled money included; where it is missing, ``cash`` instead |
| ``cash_held_for_orders``, ``cash_held_for_options_collateral`` | taken off ``portfolio_cash``: promised already |
| ``unsettled_funds`` | taken off in a ``cash`` account: proceeds of sales that have not settled |
| ``cash`` | shown; used where there is no ``portfolio_cash``; promised and unsettled money is no part of it |

An account that tells no money of its own goes by ``buying_power``, unless its ``type`` says that it can borrow: then it
buys nothing. A deposit that has not cleared counts as money where the broker counts it.
"""

from decimal import Decimal

from trading_bot.order_management.models import EXACT, exact_sum
from trading_bot.order_management.portfolio import AccountSnapshot
from trading_bot.prose import dollars_in_words

_NOTHING = Decimal(0)


def spendable(account: AccountSnapshot, *, allow_margin: bool) -> Decimal:
    """Return the dollars that new buys may cost: never borrowed ones, unless ``allow_margin`` and a margin account."""
    if allow_margin and not account.is_cash_account:
        return account.buying_power
    return min(account.buying_power, _own_cash(account))


def funds_in_words(account: AccountSnapshot, funds: Decimal) -> str:
    """Name a result of `spendable`, and the setting or the wait that would make it more."""
    shown, power = dollars_in_words(funds), dollars_in_words(account.buying_power)
    if funds == account.buying_power:
        return f"the buying power is {shown}"
    if account.is_cash_account:
        return f"the settled cash is {shown}, of a buying power of {power}"
    return (
        f"the account's own cash is {shown}, of a buying power of {power} that borrows on margin "
        "(risk_management.allow_margin is off)"
    )


def _own_cash(account: AccountSnapshot) -> Decimal:
    if account.portfolio_cash is None:
        return _told(account.cash, _NOTHING if account.account_type == "margin" else account.buying_power)
    promised = (account.cash_held_for_orders, account.cash_held_for_collateral)
    unsettled = account.unsettled_funds if account.is_cash_account else None
    return EXACT.subtract(
        account.portfolio_cash, exact_sum(_told(amount, _NOTHING) for amount in (*promised, unsettled))
    )


def _told(amount: Decimal | None, otherwise: Decimal) -> Decimal:
    return otherwise if amount is None else amount
