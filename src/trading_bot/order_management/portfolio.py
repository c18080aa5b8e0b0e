"""What the broker says of the account and the market: balances, positions, results, quotes, bars."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from trading_bot.order_management.exceptions import OrderValidationError
from trading_bot.order_management.models import Side


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
    last_trade_at: datetime | None = None
    """When ``last_price`` was traded; None where the broker does not say."""
    has_traded: bool | None = None
    """The broker's own flag; None where it gives none. What it says at a change of day is not known."""


BAR_LENGTHS: Mapping[str, timedelta] = MappingProxyType(
    {
        "5minute": timedelta(minutes=5),
        "10minute": timedelta(minutes=10),
        "hour": timedelta(hours=1),
        "day": timedelta(days=1),
        "week": timedelta(days=7),
    }
)
"""How long a bar of each interval is."""

BAR_INTERVALS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "day": ("5minute", "10minute"),
        "week": ("5minute", "10minute", "hour"),
        "month": ("hour", "day"),
        "3month": ("hour", "day"),
        "year": ("day", "week"),
        "5year": ("day", "week"),
    }
)
"""The intervals that may be asked for over each span.

Users of the broker's private API report that it refuses short intervals over long spans, and pairs that make few bars.
``day`` over ``month``, ``3month`` and ``5year``, and ``week`` over ``year``, are inferred.
"""


def check_bars(interval: str, span: str) -> None:
    """Refuse an interval that does not go with the span.

    Raises:
        OrderValidationError: naming those that do.
    """
    if interval not in BAR_INTERVALS.get(span, ()):
        pairs = "; ".join(f"{each}: {', '.join(intervals)}" for each, intervals in BAR_INTERVALS.items())
        raise OrderValidationError(
            f"no history of interval {interval!r:.20} over span {span!r:.20}; the intervals of each span are {pairs}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What the price of one symbol did in one interval that has ended, in dollars a share."""

    begins_at: datetime
    """In UTC. Bars of a day and of a week begin at midnight UTC of their first date."""
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int | None
    """Shares traded; None where it is not known, as always on paper."""
    is_interpolated: bool = False
    """Whether nothing is known of this interval, and the prices only carry on the close before it."""

    def __post_init__(self) -> None:
        """Refuse a bar that contradicts itself: nobody can tell which of its prices is wrong."""
        if self.begins_at.utcoffset() is None:
            raise ValueError(f"the time {self.begins_at} has no zone; add one such as Z")
        if not 0 < self.low <= min(self.open, self.close) or not max(self.open, self.close) <= self.high:
            raise ValueError("all prices are positive, and none is outside of low and high")
        if self.volume is not None and self.volume < 0:
            raise ValueError("a volume is not below zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLevel:
    """What is bid or offered at one price, in dollars a share and shares."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBook:
    """The levels of one symbol, the best first; a side that nobody is on is empty."""

    symbol: str
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tradability:
    """What the broker says may be done with a symbol, in its own words; None where it does not say."""

    symbol: str
    state: str | None
    is_tradeable: bool | None
    fractional: str | None
    all_day: str | None
    account_types: tuple[tuple[str, str], ...] = ()
    """Its word for each type of account that it names."""
    halt: str | None = None
    """What it says of a halt of its own; None where it says nothing."""

    def objection(self, side: Side) -> str | None:
        """Return the documented word that forbids this side, or None: the broker judges what is absent or unknown.

        A name that takes closing orders only can still be sold.
        """
        closed = ("untradable",) if side is Side.SELL else ("untradable", "position_closing_only")
        if self.state is not None and self.state.casefold() == "inactive":
            return f"its state is {self.state}"
        if self.is_tradeable is False:
            return "it is not tradeable"
        words = [each for _, each in self.account_types]
        shut = [each for each in words if each.casefold() in closed]
        return f"it is {shut[0]} in this type of account" if words and len(shut) == len(words) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxLot:
    """Shares that were bought together, by the broker's own books; None where it does not say."""

    quantity: Decimal
    available: Decimal | None
    """Shares of it that a sell can name."""
    opened_on: date | None
    cost_basis: Decimal | None
    """What all of the lot cost, in dollars."""
    is_long_term: bool | None
    kind: str | None
    """How it came about, in the broker's own word: ``buy``, ``transfer``."""
    is_selectable: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RealisedDay:
    """What the sells of one day earned by the broker's books, in dollars; None on a day without any."""

    begins_at: datetime
    ends_at: datetime
    gain: Decimal | None
    trades: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RealisedResult:
    """What sells earned over a span, by the broker's own books, in dollars; None where it does not say."""

    span: str
    total: Decimal | None
    days: tuple[RealisedDay, ...]
