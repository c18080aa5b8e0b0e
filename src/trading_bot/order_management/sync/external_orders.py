"""The open orders of the last whole view that are not ours, or that cannot be read, and what each of them holds up.

An order placed elsewhere that was read in full stops nothing: it counts in the free shares, and a buy of ours may not
cross it. One that was not understood stops entries in its own instrument, and sells there only if it may be a sell of
unknown size. One without any instrument that can be read concerns no symbol that we can name; it is shown.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from trading_bot.order_management.models import EXACT, ClientOrderId, OrderId, OrderReport, OrderState, Side, exact_sum
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.sync.foreign import Row
from trading_bot.prose import typed
from trading_bot.values import Value

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalOrder:
    """An open order of the account that no order of ours stands for, as far as it can be read."""

    order_id: OrderId | None
    symbol: str | None
    instrument_id: str | None
    side: Side | None
    remaining: Decimal | None
    """Shares that it may still trade; None where that cannot be read."""
    limit_price: Decimal | None
    broker_state: str | None
    """The broker's own word."""
    state: OrderState = OrderState.CONFIRMED
    """Our reading of that word; one that is not understood counts as working."""
    problem: str | None = None
    """What cannot be read, if anything; None where the order is understood."""
    may_be: tuple[ClientOrderId, ...] = ()
    """Our orders in doubt of which it may be one."""
    is_ours: bool = False
    """Whether it is an order on record, of which this row cannot be read."""
    stop_price: Decimal | None = None
    waits_for_stop: bool = False
    """Whether it rests until its stop price is reached."""

    @property
    def is_understood(self) -> bool:
        """Whether it was read in full and is certainly placed elsewhere."""
        return self.problem is None and not self.may_be

    @property
    def name(self) -> str:
        """How to find it in the broker's app: the symbol or the instrument, and the order id."""
        return (
            f"{self.symbol or self.instrument_id or 'an unknown instrument'} order {self.order_id or 'without an id'}"
        )


def external_order(row: Row, *, may_be: tuple[ClientOrderId, ...] = (), is_ours: bool = False) -> ExternalOrder:
    """Return what a row says of an order that our book does not follow."""
    return ExternalOrder(
        order_id=row.order_id,
        symbol=row.symbol,
        instrument_id=row.instrument_id,
        side=row.side,
        remaining=_remaining(row),
        limit_price=row.limit_price,
        broker_state=row.broker_state,
        state=row.state or OrderState.CONFIRMED,
        problem=None if isinstance(row, OrderReport) else row.problem,
        may_be=may_be,
        is_ours=is_ours,
        stop_price=row.stop_price if isinstance(row, OrderReport) else None,
        waits_for_stop=isinstance(row, OrderReport) and row.waits_for_stop and row.stop_triggered_at is None,
    )


def _remaining(row: Row) -> Decimal | None:
    if row.quantity is None or row.quantity <= 0:
        return None  # an order for an amount of dollars has no number of shares
    return max(_NOTHING, EXACT.subtract(row.quantity, row.cumulative_quantity or _NOTHING))


class OpenSells(Value, frozen=True, kw_only=True):
    """What orders placed elsewhere may still sell of one symbol."""

    shares: Decimal
    unknown: str | None
    """The order that may sell nobody knows how many shares, if there is one."""


_Key: TypeAlias = OrderId | ExternalOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class SellsThen:
    """The sells elsewhere at one moment: those that rest, and those that have left since the positions were read."""

    resting: Mapping[_Key, ExternalOrder]
    gone: frozenset[_Key]


class ExternalOrders:
    """Keeps them; which instrument a symbol is, the book knows.

    A sell that has left the list since the positions were last read counts until they are read again: the shares that
    it sold are still in that reading.
    """

    def __init__(self, store: OrderStore) -> None:
        self._store = store
        self._open: tuple[ExternalOrder, ...] | None = None
        self._sells: dict[_Key, ExternalOrder] = {}

    @property
    def are_known(self) -> bool:
        """Whether the open orders were read whole in this session."""
        return self._open is not None

    def note(self, rows: Iterable[ExternalOrder]) -> None:
        """Take the rows of a new whole view in place of those before it."""
        self._open = tuple(rows)
        for sell in self._selling():
            self._sells[_key(sell)] = _larger(self._sells.get(_key(sell), sell), sell)

    def fingerprint(self) -> object:
        """Return a value that changes when an order placed elsewhere comes, goes, or fills in part."""
        return frozenset((_key(order), order.remaining) for order in self._open or ())

    def mark(self) -> "SellsThen":
        """Return what is known of sells elsewhere as a look at the positions begins."""
        resting = {_key(sell): sell for sell in self._selling()}
        return SellsThen(resting=resting, gone=frozenset(self._sells.keys() - resting.keys()))

    def note_look(self, then: "SellsThen") -> None:
        """Positions were read that began ``then``: they show what the sells took that had left the list before."""
        kept = {key: sell for key, sell in self._sells.items() if key not in then.gone}
        now = {_key(sell): sell for sell in self._selling()}
        for key, sell in then.resting.items():
            kept[key] = _larger(sell, now.get(key, sell))
        self._sells = {**now, **kept}

    def forget(self) -> None:
        """Know nothing until the next whole view."""
        self._open, self._sells = None, {}

    def orders(self) -> tuple[ExternalOrder, ...]:
        """Return the orders placed elsewhere, or that may be."""
        return tuple(order for order in self._open or () if not order.is_ours)

    def here(self, symbol: str) -> tuple[ExternalOrder, ...]:
        """Return the orders placed elsewhere, or that may be, in one symbol."""
        return self._concerning(self.orders(), symbol)

    def entries_stopped(self, symbol: str, instrument_id: str | None = None) -> str | None:
        """Return why no position may be opened in this symbol because of a row that is not understood, or None."""
        odd = [order for order in self._open or () if not order.is_understood]
        if not odd:
            return None
        return next((_stopped(order) for order in self._concerning(odd, symbol, instrument_id)), None)

    def open_sells(self, symbol: str) -> OpenSells:
        """Return the shares that they may still sell, and whether one of them may sell an unknown number."""
        found = self._concerning(self._sells.values(), symbol)
        of_unknown_size = (sell for sell in found if sell.remaining is None and not sell.may_be)
        return OpenSells(
            shares=exact_sum(sell.remaining for sell in found if sell.remaining is not None),
            unknown=next((sell.name for sell in of_unknown_size), None),
        )

    def _selling(self) -> Iterator[ExternalOrder]:
        return (order for order in self._open or () if order.side is not Side.BUY and not order.is_ours)

    def _concerning(
        self, orders: Iterable[ExternalOrder], symbol: str, instrument_id: str | None = None
    ) -> tuple[ExternalOrder, ...]:
        found = tuple(orders)
        if not found:
            return ()
        here = instrument_id or self._instrument_of(symbol)
        return tuple(order for order in found if self._concerns(order, symbol, here))

    def _instrument_of(self, symbol: str) -> str | None:
        with self._store.open_book() as book:
            return book.positions.instrument_of(symbol)

    @staticmethod
    def _concerns(order: ExternalOrder, symbol: str, instrument_id: str | None) -> bool:
        if order.instrument_id is not None and instrument_id is not None:
            return order.instrument_id == instrument_id
        return order.symbol == symbol


def _key(order: ExternalOrder) -> _Key:
    return order.order_id or order


def _larger(known: ExternalOrder, latest: ExternalOrder) -> ExternalOrder:
    # What it filled since the positions were read is still in that reading, so the most it could sell counts.
    if known.remaining is None or latest.remaining is None:
        return known if known.remaining is None else latest
    return max(known, latest, key=lambda sell: sell.remaining or _NOTHING)


def which_order(order: ExternalOrder) -> str:
    """Ask a person whether an order that names no sender is one of ours; only a person can say so."""
    decide = typed("resolve", order.may_be[0], "--as", "found", "--order-id", order.order_id or "ORDER_ID")
    return (
        f"the broker's {order.name} may be our order {order.may_be[0]}, whose outcome is not known; look at it with "
        f"'trading-bot orders --all-origins' or in the broker's app, and if it is ours, {decide}"
    )


def _stopped(order: ExternalOrder) -> str:
    if order.is_ours:
        return f"our {order.name} cannot be read ({order.problem}); read its status, or end it in the broker's app"
    if order.may_be:
        return which_order(order)
    return (
        f"the broker's {order.name} was placed elsewhere and cannot be read ({order.problem}); wait for its end or end "
        "it in the broker's app"
    )
