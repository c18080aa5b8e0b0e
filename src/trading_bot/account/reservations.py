"""What our own buys may still take out of balances that were read a while ago.

Balances are kept while orders go on, so each read notes which orders there were when it began (`OrdersThen`). What
balances need not show is taken off; nothing is ever given back before newer balances show it:

| a buy of ours | what is taken off |
|---|---|
| newer than the read, or in doubt when it began | all of it, ended or not, unless the broker provably never had it |
| worked then, asked for within `HELD_WITHIN_S` before | what it may still cost, unless the broker's holds cover it |
| worked then, asked for earlier | nothing: ``buying_power`` is less already, whatever the account says of its holds |
| any of these, and one that had ended by then | a fill learnt since |

`TakenSince` follows the orders as they change, so that what it costs to judge an order does not grow with those before
it. What it tells is the sum over all orders, in whatever order and however often they were told.

Holds cover a young order only beyond what older orders and lately ended ones may hold. A sell takes nothing off and
gives nothing back. Why each row is as it is: `docs/decisions/`.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, Self

from trading_bot.clock import Seconds
from trading_bot.order_management.book.change_log import ChangeMark, OrdersNow
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
    in_doubt: Mapping[ClientOrderId, TrackedOrder] = field(default_factory=dict)
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
            in_doubt={order.client_order_id: order for order in buys if order.state.is_unresolved},
            newest=max((order.number for order in every), default=0),
        )

    def is_news(self, order: TrackedOrder) -> bool:
        """Whether what was read need not know this order at all."""
        return order.number > self.newest or order.client_order_id in self.in_doubt


class TakenSince:
    """What our buys took since a read began that noted ``then``; safe to share between threads.

    ``mark`` is of when ``then`` was noted: orders that have not changed since took nothing, unless they were in doubt.
    """

    def __init__(self, then: OrdersThen, *, mark: ChangeMark | None = None) -> None:
        self._then = then
        self._mark = mark
        self._lock = threading.Lock()
        self._known: dict[ClientOrderId, _Taken] = {}
        self._dollars = _NOTHING
        self._shares: dict[str, Decimal] = {}
        self.tell(then.in_doubt.values())

    def follow(self, changed: Callable[[ChangeMark | None], OrdersNow]) -> Self:
        """Take in the orders that have changed since the last time; ``changed`` returns them."""
        with self._lock:
            now = changed(self._mark)
            self.tell(now.orders)
            self._mark = now.mark
        return self

    def tell(self, orders: Iterable[TrackedOrder]) -> None:
        """Take in orders as they are now, in place of what was told of them before."""
        for order in orders:
            if order.envelope.side is Side.BUY:
                self._take(order)

    def reserved(self, account: AccountSnapshot) -> Decimal:
        """Return the dollars that buys may take beyond what ``account`` shows, which was read then."""
        return EXACT.add(self._dollars, _not_held(account, self._then))

    def shares(self, symbol: str) -> Decimal:
        """Return the shares that buys of a symbol brought."""
        return self._shares.get(symbol, _NOTHING)

    def _take(self, order: TrackedOrder) -> None:
        # Each sum changes in one step: who reads it meanwhile never misses an order that is told anew.
        taken = _taken(order, self._then)
        before = self._known.pop(order.client_order_id, _Taken(symbol=taken.symbol, dollars=_NOTHING, shares=_NOTHING))
        if taken.dollars or taken.shares:
            self._known[order.client_order_id] = taken
        shares = {before.symbol: EXACT.subtract(self.shares(before.symbol), before.shares)}
        shares[taken.symbol] = EXACT.add(shares.get(taken.symbol, self.shares(taken.symbol)), taken.shares)
        self._shares.update(shares)
        self._dollars = EXACT.add(self._dollars, EXACT.subtract(taken.dollars, before.dollars))


class _Taken(NamedTuple):
    """What one buy took."""

    symbol: str
    dollars: Decimal
    shares: Decimal


def _taken(order: TrackedOrder, then: OrdersThen) -> _Taken:
    # By what was known, not by times: a clock that was set back hides no fill.
    before = then.filled.get(order.client_order_id, _NOTHING)
    brought = max(_NOTHING, EXACT.subtract(order.envelope.filled_quantity, before))
    is_all = then.is_news(order) and order.state not in _NEVER_THERE
    cost = EXACT.multiply(order.envelope.limit_price, Decimal(order.envelope.quantity) if is_all else brought)
    return _Taken(symbol=order.envelope.symbol, dollars=cost, shares=brought)


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
