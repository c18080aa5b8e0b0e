"""What the scripted broker knows: its orders, and the cash and shares that follow from them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol, TypeAlias

from trading_bot.clock import VirtualClock
from trading_bot.order_management.models import (
    EXACT,
    Execution,
    ExecutionId,
    OrderId,
    OrderState,
    OrderTerms,
    RefId,
    Side,
    exact_sum,
)
from trading_bot.testing.errors import ScriptError
from trading_bot.testing.orders import BrokerOrder


class NamesOrder(Protocol):
    """An order, an envelope or a status: whatever has both ids of an order."""

    @property
    def order_id(self) -> str | None:
        """The broker's id of the order; None where the bot has not learnt it."""
        ...

    @property
    def client_order_id(self) -> str | None:
        """The bot's id of the order; None for an order that was placed in the app."""
        ...


Which: TypeAlias = str | NamesOrder
"""A symbol, if one order answers to it; else either id of the order, or a value that has both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Shares of one symbol, and what they cost on average, in dollars a share."""

    quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None

    def after(self, side: Side, fill: Execution) -> "Held":
        """Return what is held once ``fill`` is booked; a sale leaves the average as it is."""
        if side is Side.SELL:
            return Held(quantity=self.quantity - fill.quantity, average_price=self.average_price)
        quantity = self.quantity + fill.quantity
        if quantity <= 0 or (self.average_price is None and self.quantity):
            return Held(quantity=quantity)
        before = EXACT.multiply(self.quantity, self.average_price or Decimal(0))
        paid = EXACT.add(before, EXACT.multiply(fill.quantity, fill.price))
        return Held(quantity=quantity, average_price=EXACT.divide(paid, quantity))


@dataclass(slots=True, kw_only=True)
class BrokerBook:
    """The orders of one account. Cash and shares are what it opened with and what the fills made of that."""

    clock: VirtualClock
    opening_cash: Decimal
    opening: dict[str, Held] = field(default_factory=dict)
    every: list[BrokerOrder] = field(default_factory=list)
    """Orders that the broker will only know later included."""

    def add(self, terms: OrderTerms, *, ref_id: RefId | None, client_order_id: str | None, at: datetime) -> BrokerOrder:
        """Let the broker have an order from ``at`` on."""
        number = len(self.every) + 1
        order = BrokerOrder(
            order_id=OrderId(f"order-{number}"),
            ref_id=ref_id or RefId(f"00000000-0000-4000-8000-{number:012d}"),
            client_order_id=client_order_id,
            terms=terms,
            created_at=at,
            updated_at=at,
        )
        self.every.append(order)
        return order

    def orders(self) -> tuple[BrokerOrder, ...]:
        """Return every order that the broker knows by now, oldest first."""
        now = self.clock.now()
        for order in self.every:
            if order.ends_at is not None and order.ends_at <= now:
                order.move(OrderState.CANCELLED, order.ends_at)
        return tuple(order for order in self.every if order.created_at <= now)

    def open_orders(self) -> tuple[BrokerOrder, ...]:
        """Return the orders that can still trade."""
        return tuple(order for order in self.orders() if not order.state.is_terminal)

    def by_id(self, order_id: str) -> BrokerOrder | None:
        """Return the order of that id, if the broker knows it by now."""
        return next((order for order in self.orders() if order.order_id == order_id), None)

    def has(self, ref_id: str) -> bool:
        """Whether an order of that key was ever taken."""
        return any(order.ref_id == ref_id for order in self.every)

    def the_open_order(self, which: Which) -> BrokerOrder:
        """Return the one open order that is meant.

        Raises:
            ScriptError: there is none, or more than one.
        """
        name = _name_of(which)
        meant = [order for order in self.orders() if name in _names_of(order)]
        if meant and all(order.state.is_terminal for order in meant):
            raise ScriptError(f"no order of {name} is open any more: {_listed(meant)}")
        return _only(name, self.open_orders(), "open")

    def the_order(self, which: Which) -> BrokerOrder:
        """Return the one order that is meant, whatever became of it.

        Raises:
            ScriptError: there is none, or more than one.
        """
        return _only(_name_of(which), self.orders(), "known to the broker")

    def fill(self, order: BrokerOrder, quantity: Decimal | None, price: Decimal | None) -> Execution:
        """Book a fill of what is left, or of less, at the limit, or at a better price; a stop has to be reached before.

        Raises:
            ScriptError: it is for more shares than are left, at a price that the limit forbids, or not covered by the
                shares or the cash of this account, which neither sells short nor borrows.
        """
        if order.awaits_approval:
            raise ScriptError(f"{order} awaits approval; give it before, with approve()")
        if order.waits_for_stop:
            raise ScriptError(f"{order} rests until its stop is reached; say so before, with reach_stop()")
        quantity, price = quantity or order.left, price or order.limit_price
        if not 0 < quantity <= order.left:
            raise ScriptError(f"{quantity} shares cannot fill: {order.left} are left of {order}")
        is_worse = price > order.limit_price if order.side is Side.BUY else price < order.limit_price
        if is_worse:
            raise ScriptError(f"no broker fills at {price:f}, which is worse than the limit of {order}")
        self._refuse_uncovered(order, quantity, price)
        now = self.clock.now()
        execution = Execution(
            execution_id=ExecutionId(f"{order.order_id}-fill-{len(order.executions) + order.busts + 1}"),
            quantity=quantity,
            price=price,
            executed_at=now,
        )
        order.executions.append(execution)
        order.move(OrderState.PARTIALLY_FILLED if order.left else OrderState.FILLED, now)
        return execution

    def cash(self) -> Decimal:
        """Return the account's own money in dollars, what open buys have promised included."""
        return exact_sum((self.opening_cash, *(_paid(order.side, fill) for order, fill in self._fills())))

    def promised(self) -> Decimal:
        """Return the dollars that open buys may still cost."""
        buys = (order for order in self.open_orders() if order.side is Side.BUY)
        return exact_sum(EXACT.multiply(order.left, order.limit_price) for order in buys)

    def holdings(self) -> Mapping[str, Held]:
        """Return what is held of each symbol, where that is not nothing."""
        held = dict(self.opening)
        for order, fill in self._fills():
            held[order.symbol] = held.get(order.symbol, Held()).after(order.side, fill)
        return {symbol: each for symbol, each in sorted(held.items()) if each.quantity}

    def promised_shares(self, symbol: str) -> Decimal:
        """Return the shares that open sells may still sell."""
        orders = (order for order in self.open_orders() if (order.symbol, order.side) == (symbol, Side.SELL))
        return exact_sum(order.left for order in orders)

    def _refuse_uncovered(self, order: BrokerOrder, quantity: Decimal, price: Decimal) -> None:
        cost, cash = EXACT.multiply(quantity, price), self.cash()
        held = self.holdings().get(order.symbol, Held()).quantity
        if order.side is Side.SELL and quantity > held:
            raise ScriptError(f"{quantity} shares cannot be sold: {held} are held; say before what is, with hold()")
        if order.side is Side.BUY and cost > cash:
            raise ScriptError(
                f"${cost:f} cannot be paid: the cash is ${cash:f}; say before what it is, with set_cash()"
            )

    def _fills(self) -> Iterator[tuple[BrokerOrder, Execution]]:
        both = ((order, fill) for order in self.orders() for fill in order.executions)
        return iter(sorted(both, key=lambda each: each[1].executed_at))


def _name_of(which: Which) -> str:
    """Return what an order is called: a text as it is, else the broker's id before ours."""
    if isinstance(which, str):
        return which
    ids = (getattr(which, "order_id", None), getattr(which, "client_order_id", None))
    name = next((each for each in ids if isinstance(each, str)), None)
    if name is None:
        kind = type(which).__name__
        raise ScriptError(f"an order is named by its symbol, an id of it or its envelope, not by {kind}")
    return name


def _names_of(order: BrokerOrder) -> tuple[str | None, ...]:
    return order.symbol, order.order_id, order.client_order_id


def _only(name: str, orders: Sequence[BrokerOrder], kind: str) -> BrokerOrder:
    meant = [order for order in orders if name in _names_of(order)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise ScriptError(f"{len(meant)} orders of {name} are {kind}; name one by its order id: {_listed(meant)}")
    none = "there is none at all; the result of the trade and broker.submitted say why"
    known = f"{kind} are {_listed(orders)}" if orders else none
    raise ScriptError(f"no order of {name} is {kind}; {known}")


def _listed(orders: Sequence[BrokerOrder]) -> str:
    return ", ".join(map(str, orders))


def _paid(side: Side, fill: Execution) -> Decimal:
    amount = EXACT.multiply(fill.quantity, fill.price)
    return amount if side is Side.SELL else -amount
