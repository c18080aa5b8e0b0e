"""Orders of one account that would trade with each other.

A trade without a change of owner moves no share, costs fees and is prohibited as a wash trade (FINRA Rule 5210). So a
new order whose limit reaches an order of the same account on the other side is refused until that one is cancelled.
Orders without a price on record are not compared. A stop that rests trades with nobody, and is compared from the moment
its price was reached. An order presumed absent blocks nothing, as everywhere. Whoever asks
names the orders: for an exit, those that can be cancelled at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.models import OrderState, OrderTerms, Side
from trading_bot.order_management.sync.external_orders import ExternalOrder
from trading_bot.prose import typed

WOULD_CROSS = "would_cross_own_order"
"""The code of the refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossedOrder:
    """An order of the account that a new one would trade with."""

    name: str
    """Our client order id, or the broker's id where the order was placed elsewhere."""
    side: Side
    limit_price: Decimal
    state: str
    is_ours: bool

    @property
    def remedy(self) -> str:
        """What makes way for the new order."""
        if self.is_ours:
            return f"cancel it first with {typed('cancel', self.name)}"
        return "it was placed elsewhere: cancel it there first, or with 'trading-bot cancel-all --include-external'"


def crossed_orders(
    terms: OrderTerms, *, ours: Iterable[TrackedOrder], foreign: Iterable[ExternalOrder]
) -> tuple[CrossedOrder, ...]:
    """Return the orders that ``terms`` would trade with: ours in the given order, then foreign ones of its symbol."""
    if terms.stop_price is not None:
        return ()  # it rests until its stop price is reached
    opposite = terms.side.opposite
    theirs = [_foreign(order, terms) for order in foreign if order.side == opposite]
    own = [_own(one) for one in ours if one.envelope.side == opposite and one.envelope.symbol == terms.symbol]
    return tuple([other for other in (*own, *theirs) if other is not None and _reaches(terms, other.limit_price)])


def why_crossing(terms: OrderTerms, crossed: CrossedOrder) -> str:
    """Say which order is in the way, and what to do about it."""
    return (
        f"{terms.symbol}: {terms.side} at {terms.limit_price} would trade with the account's own {crossed.side} at "
        f"{crossed.limit_price}, order {crossed.name} ({crossed.state}); {crossed.remedy}"
    )


def _reaches(terms: OrderTerms, price: Decimal) -> bool:
    return terms.limit_price >= price if terms.side is Side.BUY else terms.limit_price <= price


def _own(order: TrackedOrder) -> CrossedOrder | None:
    if order.state.is_terminal or order.state is OrderState.PRESUMED_ABSENT or order.envelope.waits_for_stop:
        return None
    envelope = order.envelope
    return CrossedOrder(
        name=envelope.client_order_id,
        side=envelope.side,
        limit_price=envelope.limit_price,
        state=envelope.state,
        is_ours=True,
    )


def _foreign(order: ExternalOrder, terms: OrderTerms) -> CrossedOrder | None:
    if order.limit_price is None or order.waits_for_stop:
        return None
    return CrossedOrder(
        name=order.order_id or order.name,
        side=terms.side.opposite,
        limit_price=order.limit_price,
        state=order.broker_state or "open",
        is_ours=False,
    )
