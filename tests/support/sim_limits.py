"""The limits under which some lives trade, and what the stand-in's own book says of each. For I6 and P1.

Nothing here asks the product: what an order may cost is added up over what was sent, from what the broker holds and
from what may still reach it. Only buys are bound; see docs/risk.md.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.support.broker_stand_in import BrokerStandIn
from tests.support.stand_in_book import HeldOrder
from trading_bot.order_management.client_ids import OUR_MARK

Limits = Mapping[str, int]

LIMITED: Sequence[Limits] = (
    {"max_order_notional": 600},
    {"max_position_notional": 10_700},  # of each symbol 100 shares are held at first, at about 100 dollars
    {"max_open_orders": 3},
    {"max_trades_per_day": 6},
    {"max_entries_per_minute": 2},
    {"max_order_notional": 1000, "max_position_notional": 11_500, "max_open_orders": 4, "max_trades_per_day": 12},
)
CODES = frozenset({name for limits in LIMITED for name in limits})
"""How a refusal names each of them."""

OF_SHARES = frozenset({"max_position_notional"})
"""Those that rest on the shares held."""
HELD_AT_FIRST = 100
_NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One order of ours: at the broker, on its way there, or just leaving."""

    ref_id: str
    symbol: str
    side: str
    quantity: int
    price: Decimal
    begun_at: datetime
    filled: int = 0
    is_open: bool = True

    @property
    def remaining(self) -> int:
        return self.quantity - self.filled if self.is_open else 0


def sent_by_us(broker: BrokerStandIn) -> list[Sent]:
    """Return every order of ours that the broker has, or that is still on its way to it."""
    book = broker.book
    there = [_held(order) for order in book.orders if order.ref_id.startswith(OUR_MARK)]
    known = {order.ref_id for order in there}
    under_way = [leaving(form, broker.clock.now()) for form in broker.forms_under_way()]
    return [*there, *(order for order in under_way if order.ref_id not in known)]


def _held(order: HeldOrder) -> Sent:
    return Sent(
        ref_id=order.ref_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        price=order.price,
        begun_at=order.created_at,
        filled=order.filled,
        is_open=order.is_open,
    )


def leaving(form: Mapping[str, str], now: datetime) -> Sent:
    """Return the order that a form asks for."""
    return Sent(
        ref_id=form["ref_id"],
        symbol=form["symbol"],
        side=form["side"],
        quantity=int(form["quantity"]),
        price=Decimal(form["price"]),
        begun_at=now,
    )


@dataclass(frozen=True, kw_only=True)
class Account:
    """What counts for the limits at one moment, without the order that is judged."""

    now: datetime
    others: Sequence[Sent]
    entries: Collection[datetime] = ()
    """When buys were decided."""
    minute: timedelta = timedelta(seconds=59)
    """What certainly counts as the last minute; what may count as it where a refusal is judged."""
    held: Mapping[str, Decimal] | None = None
    """Shares of each symbol, where more is known than what our orders have brought."""

    def held_of(self, symbol: str) -> Decimal:
        if self.held is not None:
            return self.held[symbol]
        fills = (one.filled if one.side == "buy" else -one.filled for one in self.others if one.symbol == symbol)
        return Decimal(HELD_AT_FIRST + sum(fills))


def over_limits(limits: Limits, account: Account, order: Sent) -> Iterator[str]:
    """Yield each limit that the order exceeds beside the others, with both numbers."""
    for name, limit in limits.items():
        comes_to = _COMES_TO[name](account, order)
        if comes_to > limit:
            yield f"{name}: {order.quantity} {order.symbol} at {order.price} come to {comes_to}, the limit is {limit}"


def _notional(_account: Account, order: Sent) -> Decimal:
    return order.quantity * order.price


def _position(account: Account, order: Sent) -> Decimal:
    """Every share counts at the price of the order, and one that an open buy may bring at its own limit at least."""
    buys = (one for one in account.others if (one.symbol, one.side) == (order.symbol, "buy"))
    pending = sum((one.remaining * max(one.price, order.price) for one in buys), Decimal(0))
    return (account.held_of(order.symbol) + order.quantity) * order.price + pending


def _open_orders(account: Account, _order: Sent) -> Decimal:
    return Decimal(1 + sum(one.is_open for one in account.others))


def _trades(account: Account, _order: Sent) -> Decimal:
    today = account.now.astimezone(_NEW_YORK).date()
    return Decimal(1 + sum(one.begun_at.astimezone(_NEW_YORK).date() == today for one in account.others))


def _entries(account: Account, _order: Sent) -> Decimal:
    since = account.now - account.minute
    return Decimal(1 + sum(since < at <= account.now for at in account.entries))


_COMES_TO: Mapping[str, Callable[[Account, Sent], Decimal]] = {
    "max_order_notional": _notional,
    "max_position_notional": _position,
    "max_open_orders": _open_orders,
    "max_trades_per_day": _trades,
    "max_entries_per_minute": _entries,
}
