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
    cash: Decimal | None
    """What is not invested; None where the broker does not say."""
    cash_held_for_orders: Decimal | None
    restriction: str | None
    """The broker's own names of the flags that forbid opening positions, if any is set."""
    as_of: datetime
    unsettled_funds: Decimal | None = None
    """Proceeds of sales that have not settled yet; None where the broker does not say."""
    account_type: str | None = None
    """``cash`` or ``margin``, or another word of the broker's in lower case; None where it does not say."""
    remarks: tuple[str, ...] = ()
    """What the account says in words that nobody here knows, as ``name: word``; they forbid nothing."""
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
    """Shares of one instrument; negative would be a short, which this bot never opens."""

    symbol: str
    """The name it trades under; one that no symbol is known for is named by its instrument id."""
    quantity: Decimal
    average_buy_price: Decimal | None
    held_for_sells: Decimal
    """Shares that a resting sell, an option or a grant holds back."""
    as_of: datetime
    instrument_id: str | None = None
    """The broker's id of the instrument: the identity, where a symbol can change."""

    @property
    def sellable(self) -> Decimal:
        """Shares not already promised to a resting sell."""
        return self.quantity - self.held_for_sells


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadPosition:
    """A position row that could not be read: it concerns its own instrument and no other."""

    name: str
    """The symbol if it is known, else the instrument id, else how the row can be found."""
    problem: str
    instrument_id: str | None = None
    symbol: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionListing:
    """Every page of the account's non-zero positions, row by row."""

    positions: tuple[Position, ...]
    unread: tuple[UnreadPosition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The visible market of one symbol; prices in dollars, sizes in shares and 0 where the broker does not say."""

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
    venue_bid_time: datetime | None = None
    venue_ask_time: datetime | None = None
    previous_close: Decimal | None = None
    adjusted_previous_close: Decimal | None = None
    """The close of the day before, after splits."""
    state: str | None = None
    """The broker's word for the state of the instrument, as it spells it."""
