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
    """The visible market of one symbol; sizes in shares."""

    symbol: str
    bid_price: Decimal
    ask_price: Decimal
    bid_size: int
    ask_size: int
    last_price: Decimal | None
    trading_halted: bool
    updated_at: datetime
    previous_close: Decimal | None = None
    """The last close before today, adjusted for splits, where the broker says it."""
