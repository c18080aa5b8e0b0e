"""What our own buys may still take out of balances that were read a while ago. Pure.

Balances are kept while orders go on, so each read notes which orders there were when it began (`OrdersThen`). What
balances need not show is taken off; nothing is ever given back before newer balances show it:

| a buy of ours | what is taken off |
|---|---|
| newer than the read, or in doubt when it began | all of it, ended or not, unless the broker provably never had it |
| worked then, asked for within `HELD_WITHIN_S` before | what it may still cost, unless the broker's holds cover it |
| worked then, asked for earlier | nothing: ``buying_power`` is less already, whatever the account says of its holds |
| any of these, and one that had ended by then | a fill learnt since |

Holds cover a young order only beyond what older orders and lately ended ones may hold. A sell takes nothing off and
gives nothing back. Why each row is as it is: `docs/decisions/`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self

from trading_bot.clock import Seconds
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.models import EXACT, ClientOrderId, OrderState, Side, exact_sum
from trading_bot.order_management.portfolio import AccountSnapshot

HELD_WITHIN_S: Seconds = 60.0
"""After this time the broker has set aside the money of an order, and given back that of one that ended. Chosen."""

_NOTHING = Decimal(0)
_NEVER_THERE = frozenset({OrderState.NOT_SENT, OrderState.REJECTED})
"""The ends that prove that the broker never had the order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersThen:
    """Our buys as they were when a read of the account began."""

    young: Decimal = _NOTHING
    """The dollars that those may cost which the broker had taken so lately that it may not have set them aside."""
    held_besides: Decimal = _NOTHING
    """The dollars that it may have set aside for others: for those that it took earlier, and for lately ended ones."""
    filled: Mapping[ClientOrderId, Decimal] = field(default_factory=dict)
    """The shares that each was known to have brought, of those that had brought any."""
    in_doubt: frozenset[ClientOrderId] = frozenset()
    newest: int = 0
    """The number of the newest order; one with a higher number is newer than the read."""

    @classmethod
    def of(cls, orders: Iterable[TrackedOrder], *, at: datetime) -> Self:
        """Take down the orders of a book; call it before the read begins, which is ``at``."""
        every = tuple(orders)
        buys = [order for order in every if order.envelope.side is Side.BUY]
        lately = at - timedelta(seconds=HELD_WITHIN_S)
        working = [order for order in buys if order.state.is_working]
        ended = [order for order in buys if order.state.is_terminal and not _is_free_of_holds(order, lately)]
        young = exact_sum(_open_cost(order) for order in working if order.envelope.created_at > lately)
        return cls(
            young=young,
            held_besides=EXACT.subtract(exact_sum(_open_cost(order) for order in (*working, *ended)), young),
            filled={
                order.client_order_id: order.envelope.filled_quantity
                for order in buys
                if order.envelope.filled_quantity
            },
            in_doubt=frozenset(order.client_order_id for order in buys if order.state.is_unresolved),
            newest=max((order.number for order in every), default=0),
        )

    def is_news(self, order: TrackedOrder) -> bool:
        """Whether what was read need not know this order at all."""
        return order.number > self.newest or order.client_order_id in self.in_doubt


def reserved(orders: Iterable[TrackedOrder], *, account: AccountSnapshot, then: OrdersThen) -> Decimal:
    """Return the dollars that buys may take beyond what ``account`` shows; ``then`` is of when its read began."""
    taken = (_taken(order, then) for order in orders if order.envelope.side is Side.BUY)
    return exact_sum((*taken, _not_held(account, then)))


def shares_since(orders: Iterable[TrackedOrder], symbol: str, *, then: OrdersThen) -> Decimal:
    """Return the shares that buys brought after a read of the positions began."""
    buys = (order for order in orders if (order.envelope.symbol, order.envelope.side) == (symbol, Side.BUY))
    return exact_sum(_filled_since(order, then) for order in buys)


def _taken(order: TrackedOrder, then: OrdersThen) -> Decimal:
    shares = _filled_since(order, then)
    if then.is_news(order) and order.state not in _NEVER_THERE:
        shares = Decimal(order.envelope.quantity)
    return EXACT.multiply(order.envelope.limit_price, shares)


def _filled_since(order: TrackedOrder, then: OrdersThen) -> Decimal:
    # By what was known, not by times: a clock that was set back hides no fill.
    before = then.filled.get(order.client_order_id, _NOTHING)
    return max(_NOTHING, EXACT.subtract(order.envelope.filled_quantity, before))


def _not_held(account: AccountSnapshot, then: OrdersThen) -> Decimal:
    """Return what young buys may cost that the broker is not known to have set aside."""
    cover = EXACT.subtract(account.cash_held_for_orders or _NOTHING, then.held_besides)
    return max(_NOTHING, EXACT.subtract(then.young, max(_NOTHING, cover)))


def _open_cost(order: TrackedOrder) -> Decimal:
    """Return the cost at the limit of the shares that did not trade, also of an order that has ended."""
    shares = EXACT.subtract(Decimal(order.envelope.quantity), order.envelope.filled_quantity)
    return EXACT.multiply(order.envelope.limit_price, max(_NOTHING, shares))


def _is_free_of_holds(ended: TrackedOrder, lately: datetime) -> bool:
    # By the broker's clock. Where it does not say when the order ended, its hold may be there for ever.
    at = ended.last_transaction_at
    return ended.envelope.order_id is None or (at is not None and at <= lately)
