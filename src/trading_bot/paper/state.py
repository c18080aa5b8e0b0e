"""Everything the paper exchange remembers, as values that survive a trip through JSON."""

import enum
import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Annotated, ClassVar, Protocol, TypeVar, runtime_checkable

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from trading_bot.order_management.models import Side, TimeInForce
from trading_bot.paper.chance import stable_uuid
from trading_bot.paper.market_notes import Reference, TakenSize
from trading_bot.paper.order_range import EVERYTHING, OrderRange

V = TypeVar("V")


class WireState(enum.StrEnum):
    """The broker's words for an order's state, as far as the paper exchange uses them."""

    QUEUED = "queued"
    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    PARTIALLY_FILLED = "partially_filled"
    PENDING_CANCELLED = "pending_cancelled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    PARTIALLY_FILLED_REST_CANCELLED = "partially_filled_rest_cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more can happen to the order."""
        return self in _TERMINAL


_TERMINAL = frozenset({WireState.FILLED, WireState.CANCELLED, WireState.PARTIALLY_FILLED_REST_CANCELLED})


class ExchangeStateError(ValueError):
    """A stored exchange state does not read back; restore the file or start a new paper account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperExecution:
    """One fill; ``settles_on`` is the next session's date."""

    id: str
    quantity: int
    price: Decimal
    executed_at: datetime
    settles_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperOrder:
    """One order at the exchange, together with what it will do by itself and when."""

    id: str
    number: int
    """The order's place in time priority."""
    ref_id: str
    symbol: str
    side: Side
    quantity: int
    price: Decimal
    time_in_force: TimeInForce
    extended_hours: bool
    order_form_version: int | None
    state: WireState
    created_at: datetime
    updated_at: datetime
    last_transaction_at: datetime
    live: bool = False
    """Whether the market has it, so that it can trade even while a cancel is on its way."""
    wakes_at: datetime | None = None
    """When it is acknowledged, or its session opens."""
    cancels_at: datetime | None = None
    expires_at: datetime | None = None
    executions: tuple[PaperExecution, ...] = ()
    stop_price: Decimal | None = None
    stop_triggered_at: datetime | None = None

    @property
    def filled(self) -> int:
        """Shares done so far."""
        return sum(execution.quantity for execution in self.executions)

    @property
    def waits_for_stop(self) -> bool:
        """Whether its stop price has not been reached yet, so that it trades with nobody."""
        return self.stop_price is not None and self.stop_triggered_at is None

    @property
    def remaining(self) -> int:
        """Shares that may still trade: none once the order is terminal."""
        return 0 if self.state.is_terminal else self.quantity - self.filled

    @property
    def next_change_at(self) -> datetime | None:
        """When the order changes next without a trade."""
        moments = (self.wakes_at, self.cancels_at, self.expires_at)
        return min((moment for moment in moments if moment is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperPosition:
    """Shares held and what they cost in dollars."""

    symbol: str
    quantity: int
    cost: Decimal
    opened_at: datetime
    updated_at: datetime

    @property
    def average_price(self) -> Decimal:
        """Dollars a share; zero for a closed position."""
        return self.cost / self.quantity if self.quantity else Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperToken:
    """One login: the two tokens and when the access token ends."""

    access: str
    refresh: str
    expires_at: datetime


@runtime_checkable
class OrderArchive(Protocol):
    """Ended orders that a store keeps out of the state it lends: they only grow in number, and never change."""

    def order(self, order_id: str) -> PaperOrder | None:
        """Return one order."""
        ...

    def has_ref_id(self, ref_id: str) -> bool:
        """Return whether an order has this ref_id, in capitals or not."""
        ...

    def newest_first(self, within: OrderRange) -> Iterable[PaperOrder]:
        """Return the orders by falling number: all of the range, and perhaps others."""
        ...


class _EmptyArchive:
    def order(self, _order_id: str) -> PaperOrder | None:
        return None

    def has_ref_id(self, _ref_id: str) -> bool:
        return False

    def newest_first(self, _within: OrderRange) -> Iterable[PaperOrder]:
        return ()


EMPTY_ARCHIVE: OrderArchive = _EmptyArchive()


@dataclass(slots=True, kw_only=True)
class ExchangeState:
    """One paper account and its market. Its values are frozen, so a copy of the mappings is a copy of the state."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    account_number: str
    opened_at: datetime
    advanced_to: datetime
    starting_cash: Decimal
    cash: Decimal
    """Dollars owned, those promised to resting buys included."""
    open_orders: dict[str, PaperOrder] = field(default_factory=dict)
    closed_orders: dict[str, PaperOrder] = field(default_factory=dict)
    """The ended orders that are not in the archive."""
    archive: Annotated[OrderArchive, Field(exclude=True)] = field(default=EMPTY_ARCHIVE, compare=False)
    orders_taken: int = 0
    positions: dict[str, PaperPosition] = field(default_factory=dict)
    instruments: dict[str, str] = field(default_factory=dict)
    """Symbols by instrument id, for every symbol somebody has asked about."""
    references: dict[str, Reference] = field(default_factory=dict)
    taken: dict[str, TakenSize] = field(default_factory=dict)
    tokens: dict[str, PaperToken] = field(default_factory=dict)
    tokens_issued: int = 0

    @classmethod
    def opening(
        cls,
        *,
        account_number: str,
        cash: Decimal,
        now: datetime,
        positions: dict[str, tuple[int, Decimal]] | None = None,
    ) -> "ExchangeState":
        """Open an account with ``cash`` dollars and ``positions`` of (shares, dollars a share) by symbol."""
        state = cls(account_number=account_number, opened_at=now, advanced_to=now, starting_cash=cash, cash=cash)
        for symbol, (quantity, price) in (positions or {}).items():
            state.positions[symbol] = PaperPosition(
                symbol=symbol, quantity=quantity, cost=price * quantity, opened_at=now, updated_at=now
            )
            state.list_symbol(symbol)
        return state

    @property
    def held_cash(self) -> Decimal:
        """Dollars promised to open buys."""
        buys = (order for order in self.open_orders.values() if order.side is Side.BUY)
        return sum((order.price * order.remaining for order in buys), Decimal(0))

    @property
    def buying_power(self) -> Decimal:
        """Dollars that a new buy may use."""
        return self.cash - self.held_cash

    def held_shares(self, symbol: str) -> int:
        """Return the shares promised to open sells."""
        return sum(order.remaining for order in self.open_of(symbol) if order.side is Side.SELL)

    def available_shares(self, symbol: str) -> int:
        """Return the shares that a new sell may use."""
        position = self.positions.get(symbol)
        return (position.quantity if position else 0) - self.held_shares(symbol)

    def open_of(self, symbol: str) -> list[PaperOrder]:
        """Return the open orders of one symbol in time priority."""
        return [order for order in self.open_orders.values() if order.symbol == symbol]

    def order(self, order_id: str) -> PaperOrder | None:
        """Return an order, open or closed."""
        return self.open_orders.get(order_id) or self.closed_orders.get(order_id) or self.archive.order(order_id)

    def has_ref_id(self, ref_id: str) -> bool:
        """Return whether an order, open or closed, has this ref_id, in capitals or not."""
        recent = (*self.open_orders.values(), *self.closed_orders.values())
        return any(order.ref_id.lower() == ref_id.lower() for order in recent) or self.archive.has_ref_id(ref_id)

    def all_orders(self, within: OrderRange = EVERYTHING) -> Iterator[PaperOrder]:
        """Yield the orders, newest first: all of the range, and perhaps others."""
        by_number = attrgetter("number")
        sources: list[Iterable[PaperOrder]] = [sorted(self.open_orders.values(), key=by_number, reverse=True)]
        if within.closed:
            sources.append(sorted(self.closed_orders.values(), key=by_number, reverse=True))
            sources.append(self.archive.newest_first(within))
        return heapq.merge(*sources, key=by_number, reverse=True)

    def save(self, order: PaperOrder) -> None:
        """Store the order's latest version where its state belongs."""
        if order.state.is_terminal:
            self.open_orders.pop(order.id, None)
            self.closed_orders[order.id] = order
        else:
            self.open_orders[order.id] = order

    def list_symbol(self, symbol: str) -> str:
        """Return the symbol's instrument id, and remember it so that the id can be asked about."""
        instrument_id = instrument_id_of(symbol)
        self.instruments[instrument_id] = symbol
        return instrument_id

    def copy(self) -> "ExchangeState":
        """Return a state that can change without changing this one."""
        return replace(
            self,
            open_orders=dict(self.open_orders),
            closed_orders=dict(self.closed_orders),
            positions=dict(self.positions),
            instruments=dict(self.instruments),
            references=dict(self.references),
            taken=dict(self.taken),
            tokens=dict(self.tokens),
        )

    def changes_since(self, earlier: "ExchangeState") -> "ExchangeState":
        """Return this state without the values that ``earlier`` has as well; what ``earlier`` alone has is left out."""
        return replace(
            self,
            open_orders=_changed(earlier.open_orders, self.open_orders),
            closed_orders=_changed(earlier.closed_orders, self.closed_orders),
            positions=_changed(earlier.positions, self.positions),
            instruments=_changed(earlier.instruments, self.instruments),
            references=_changed(earlier.references, self.references),
            taken=_changed(earlier.taken, self.taken),
            tokens=_changed(earlier.tokens, self.tokens),
        )

    def to_dict(self) -> dict[str, object]:
        """Return the state without its archive as JSON-able values: decimals and times as text."""
        return dict(_adapter().dump_python(self, mode="json"))

    @classmethod
    def from_dict(cls, stored: object) -> "ExchangeState":
        """Read what `to_dict` returned.

        Raises:
            ExchangeStateError: the value is not a whole exchange state.
        """
        return _read_back(_adapter(), stored)


def read_order(stored: object) -> PaperOrder:
    """Read one order as `ExchangeState.to_dict` wrote it.

    Raises:
        ExchangeStateError: the value is not a whole order.
    """
    return _read_back(_order_adapter(), stored)


@cache
def instrument_id_of(symbol: str) -> str:
    """Return the instrument id of a symbol: the same in every account and for ever."""
    return stable_uuid("instrument", symbol)


@cache
def _adapter() -> TypeAdapter[ExchangeState]:
    return TypeAdapter(ExchangeState)


@cache
def _order_adapter() -> TypeAdapter[PaperOrder]:
    return TypeAdapter(PaperOrder)


def _read_back(adapter: TypeAdapter[V], stored: object) -> V:
    try:
        return adapter.validate_python(stored)
    except ValidationError as error:
        raise ExchangeStateError(
            f"the stored paper exchange does not read back ({error.error_count()} problems, first: "
            f"{error.errors(include_url=False)[0]['loc']}); restore it or start a new paper account"
        ) from error


def _changed(earlier: Mapping[str, V], later: Mapping[str, V]) -> dict[str, V]:
    """Compare by identity, which is enough for frozen values and costs nothing for large ones."""
    return {key: value for key, value in later.items() if earlier.get(key) is not value}
