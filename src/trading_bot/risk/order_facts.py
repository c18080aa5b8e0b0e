"""What the safety rules ask of the orders on record."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Protocol

from trading_bot.order_management.book.acceptances import Acceptance
from trading_bot.order_management.book.change_log import ChangeMark, OrdersNow
from trading_bot.order_management.book.freezes import Cause
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.models import EXACT, Side
from trading_bot.order_management.order_store import OrderStore


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeHistory:
    """What results are counted from, as the journal had it at one moment."""

    orders: tuple[TrackedOrder, ...]
    """Those that came or changed since the mark that was asked for, or all of them, oldest first."""
    mark: ChangeMark | None = None
    """Where to go on from the next time, if that is known."""
    has_all_orders: bool = True
    acceptances: tuple[Acceptance, ...] = ()
    """Oldest first."""
    unexplained: frozenset[str] = frozenset()
    """Symbols that are frozen because the broker holds another quantity than our fills explain."""
    is_whole: bool = True
    """Whether no order has left the memory yet, so that results add up to all there ever were."""


class OrderFacts(Protocol):
    """The orders of one account, as its journal has them now."""

    def history(self, *, since: ChangeMark | None = None) -> TradeHistory:
        """Return the orders and the accepted positions, seen at one moment.

        With the mark of an earlier history, the orders that came or changed since are enough, unless some have left.
        """
        ...

    def changed(self, since: ChangeMark | None = None) -> OrdersNow:
        """Return every order, oldest first, or with the mark of an earlier moment those that came or changed since."""
        ...

    def active(self) -> tuple[TrackedOrder, ...]:
        """Return the orders that have not provably ended, oldest first."""
        ...


class RecordedOrders:
    """The orders of a store."""

    def __init__(self, store: OrderStore) -> None:
        self._store = store

    def history(self, *, since: ChangeMark | None = None) -> TradeHistory:
        """Return the orders and the accepted positions, seen at one moment; see `OrderFacts`."""
        with self._store.open_book() as book:
            mark = book.change_mark
            follows = since is not None and since.removals == mark.removals
            return TradeHistory(
                orders=book.changed_since(since) if since is not None and follows else book.orders(),
                mark=mark,
                has_all_orders=not follows,
                acceptances=book.acceptances(),
                unexplained=book.frozen_for(Cause.DRIFT),
                is_whole=not book.positions.are_noted,
            )

    def changed(self, since: ChangeMark | None = None) -> OrdersNow:
        """Return every order, oldest first, or with the mark of an earlier moment those that came or changed since."""
        with self._store.open_book() as book:
            orders = book.orders() if since is None else book.changed_since(since)
            return OrdersNow(orders=orders, mark=book.change_mark)

    def active(self) -> tuple[TrackedOrder, ...]:
        """Return the orders that have not provably ended, oldest first."""
        with self._store.open_book() as book:
            return book.active()


def unresolved_shares(orders: Iterable[TrackedOrder], symbol: str) -> Decimal:
    """Return the shares that unresolved sells of ``symbol`` may take: the broker may not hold them back."""
    with localcontext(EXACT):
        return sum(
            (order.remaining_quantity for order in _on(orders, symbol, Side.SELL) if order.state.is_unresolved),
            Decimal(0),
        )


def pending_worth(orders: Iterable[TrackedOrder], symbol: str, *, price: Decimal) -> Decimal:
    """Return what buys of ``symbol`` that have not ended may add to the position, in dollars.

    Each share counts at its limit or at ``price``, whichever is higher.
    """
    with localcontext(EXACT):
        return sum(
            (
                max(order.envelope.limit_price, price) * order.remaining_quantity
                for order in _on(orders, symbol, Side.BUY)
            ),
            Decimal(0),
        )


def _on(orders: Iterable[TrackedOrder], symbol: str, side: Side) -> tuple[TrackedOrder, ...]:
    return tuple(order for order in orders if (order.envelope.symbol, order.envelope.side) == (symbol, side))
