"""What the broker says of the account: balances, positions, quotes."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
    """Balances of one account, in dollars, as read at ``as_of``."""

    account_suffix: str
    """The last four characters of the account number: all of it that may be shown."""
    buying_power: Decimal
    cash: Decimal
    cash_held_for_orders: Decimal
    restriction: str | None
    """Why the account may not open positions (locked, deactivated, closing only), if it may not."""
    as_of: datetime
    unsettled_funds: Decimal | None = None
    """Proceeds of sales that have not settled yet; None where the broker does not say."""
    account_type: str | None = None
    """``cash`` or ``margin``, or another word of the broker's in lower case; None where it does not say."""
    portfolio_cash: Decimal | None = None
    """The account's own money, promised and unsettled money included; None where the broker does not say."""
    cash_held_for_collateral: Decimal | None = None
    """Promised to options; None where the broker does not say."""

    @property
    def is_cash_account(self) -> bool:
        """Whether the account can only spend its own, settled money."""
        return self.account_type == "cash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Shares of one symbol; negative would be a short, which this bot never opens."""

    symbol: str
    quantity: Decimal
    average_buy_price: Decimal | None
    held_for_sells: Decimal
    as_of: datetime

    @property
    def sellable(self) -> Decimal:
        """Shares not already promised to a resting sell."""
        return self.quantity - self.held_for_sells


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The visible market of one symbol; sizes in shares."""

    symbol: str
    bid_price: Decimal
    ask_price: Decimal
    bid_size: int
    ask_size: int
    last_price: Decimal | None
    trading_halted: bool
    updated_at: datetime | None
    """The broker's own time of the quote; None where it gives none. How old a quote is counts from our read."""
    last_extended_price: Decimal | None = None
    """The last trade outside the regular session, where the broker names one."""
