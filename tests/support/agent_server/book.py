"""The true book of the stand-in: what really became of every order, whatever anybody was told about it."""

import enum
import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

ENDED = frozenset({"filled", "cancelled", "rejected", "failed", "voided", "partially_filled_rest_cancelled"})
_NAMES = uuid.UUID("6f1f0a52-9a5e-4a38-b7c5-1d33a2f00014")


class RefIdPolicy(enum.StrEnum):
    """What the server does with a ``ref_id`` that it knows; only the first was ever seen."""

    CONFLICT = "conflict"
    BAD_REQUEST = "bad_request"
    FIRST_ORDER = "first_order"
    ACCEPT_AGAIN = "accept_again"


class CancelPolicy(enum.StrEnum):
    """What becomes of an order whose cancel is taken."""

    AT_ONCE = "at_once"
    PENDING = "pending"
    FILL_WINS = "fill_wins"
    PART_FILLS = "part_fills"
    REFUSED = "refused"
    IGNORED = "ignored"


class ApprovalForm(enum.StrEnum):
    """How a row says that its order waits for the owner's approval. No such row was ever seen: all are invented."""

    STATE = "state"
    FIELD = "field"
    FLAG = "flag"
    UNSEEN = "unseen"
    """A word for its state that nobody could know."""


@dataclass(kw_only=True)
class Price:
    """The market of one symbol. A ``bid`` or ``ask`` of zero is how the server says that there is no book."""

    bid: Decimal
    ask: Decimal
    last: Decimal
    previous_close: Decimal
    state: str = "active"
    is_tradable: bool = True
    has_traded: bool = True


@dataclass(frozen=True, kw_only=True)
class Fill:
    execution_id: str
    quantity: Decimal
    price: Decimal
    at: datetime


@dataclass(kw_only=True)
class HeldOrder:
    """One order as it really is; ``kind`` is the type that it was asked for with."""

    order_id: str
    ref_id: str
    symbol: str
    side: str
    kind: str
    quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    time_in_force: str
    market_hours: str
    created_at: datetime
    changed_at: datetime
    placed_agent: str = "agentic"
    state: str = "unconfirmed"
    price_at_first: Decimal = Decimal(0)
    fills: list[Fill] = field(default_factory=list)
    hidden_until: datetime | None = None
    """Until then no listing shows it, though it is there."""
    awaits_approval: bool = False
    stop_reached: bool = False
    fate: str | None = None
    """The state in which the server ends it by itself, a moment after it took it."""
    expires_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state not in ENDED

    @property
    def filled(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), Decimal(0))

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled if self.is_open else Decimal(0)

    @property
    def cost(self) -> Decimal:
        return sum((fill.quantity * fill.price for fill in self.fills), Decimal(0))

    @property
    def worth(self) -> Decimal:
        """What a buy may still cost."""
        return self.remaining * (self.limit_price or self.stop_price or self.price_at_first)

    @property
    def works(self) -> bool:
        """Whether it could trade now, if the price is right."""
        waits_for_stop = self.stop_price is not None and not self.stop_reached
        return self.is_open and not self.awaits_approval and self.fate is None and not waits_for_stop


class AgentBook:
    """Cash, shares and orders of the one account that the agent may trade. A working order trades once it crosses."""

    def __init__(self, *, account_number: str = "512340008", cash: Decimal = Decimal(100_000)) -> None:
        self.account_number = account_number
        self.other_accounts = ["512340001", "512340005"]
        self.cash_at_first = cash
        self.shares: dict[str, Decimal] = {}
        self.average_prices: dict[str, Decimal] = {}
        self.prices: dict[str, Price] = {}
        self.orders: list[HeldOrder] = []
        self.foreign_rows: list[dict[str, object]] = []
        """Rows of the list of orders that nobody placed here, in whatever form; each has a ``created_at``."""
        self.trades_by_itself = True
        """Whether a working order whose price crosses the market fills once time or a request passes."""
        self.confirms_after = timedelta()
        """How long a new order stays unconfirmed, in which it cannot be cancelled."""
        self.lists_after = timedelta()
        """How long after its acceptance an order is first listed."""
        self.asks_for_approval = False
        """Whether the owner must approve new orders first; see `approve` and `decline`."""
        self.approval_form = ApprovalForm.STATE
        self.is_market_open: Callable[[datetime], bool] = lambda moment: True
        self.session_end: Callable[[datetime], datetime] | None = None
        self._numbers = itertools.count(1)

    # What a test arranges.

    def quote(self, symbol: str, *, bid: str, ask: str, last: str | None = None) -> None:
        """Set the market of a symbol; a symbol without one is not known to the server."""
        known = self.prices.get(symbol)
        price = Decimal(last or ask)
        self.prices[symbol] = Price(
            bid=Decimal(bid), ask=Decimal(ask), last=price, previous_close=known.previous_close if known else price
        )

    def hold(self, symbol: str, shares: int | str, average_price: str = "90.00") -> None:
        self.shares[symbol] = Decimal(shares)
        self.average_prices[symbol] = Decimal(average_price)

    # What a test asks.

    def by_id(self, order_id: str) -> HeldOrder | None:
        return next((order for order in self.orders if order.order_id == order_id), None)

    def named(self, ref_id: str) -> list[HeldOrder]:
        """Every order under this id: more than one is the failure that this project exists to prevent."""
        return [order for order in self.orders if order.ref_id == ref_id]

    def open(self) -> list[HeldOrder]:
        return [order for order in self.orders if order.is_open]

    def reserved(self, symbol: str) -> Decimal:
        sells = (order for order in self.open() if order.side == "sell" and order.symbol == symbol)
        return sum((order.remaining for order in sells), Decimal(0))

    @property
    def cash(self) -> Decimal:
        spent = (order.cost if order.side == "buy" else -order.cost for order in self.orders)
        return self.cash_at_first - sum(spent, Decimal(0))

    @property
    def buying_power(self) -> Decimal:
        buys = (order for order in self.open() if order.side == "buy")
        return self.cash - sum((order.worth for order in buys), Decimal(0))

    # What happens.

    def take(self, order: HeldOrder) -> None:
        """Accept an order; created times are unique, as the pages of a listing need."""
        latest = max((each.created_at for each in self.orders), default=None)
        if latest is not None and order.created_at <= latest:
            order.created_at = latest + timedelta(microseconds=1)
        order.changed_at = order.created_at
        order.order_id = self._id_at(order.created_at)
        order.price_at_first = self.prices[order.symbol].last
        order.hidden_until = order.created_at + self.lists_after if self.lists_after else None
        order.awaits_approval = self.asks_for_approval
        order.state = "unconfirmed" if self.is_market_open(order.created_at) else "queued"
        order.fate = self._fate(order)
        if self.session_end is not None and order.time_in_force == "gfd":
            order.expires_at = self.session_end(order.created_at)
        self.orders.append(order)

    def settle(self, now: datetime) -> None:
        """Let happen what is due: confirmations, refusals by the back office, trades, and the ends of day orders."""
        for order in self.open():
            if order.fate is not None:
                order.state, order.changed_at = order.fate, order.created_at + timedelta(milliseconds=136)
            elif order.expires_at is not None and now >= order.expires_at:
                self.end(order, now)
            elif order.state == "queued" and self.is_market_open(now):
                order.state = "unconfirmed"
            if order.state == "unconfirmed" and not order.awaits_approval:
                self._confirm(order, now)
            if self.trades_by_itself and order.state == "confirmed" and order.works and self._crosses(order):
                self.fill(order, now=now)

    def fill(self, order: HeldOrder, quantity: int | Decimal | None = None, *, now: datetime) -> None:
        """Trade some of what is left, or all; on an order that has ended nothing happens."""
        some = order.remaining if quantity is None else min(Decimal(quantity), order.remaining)
        if some <= 0:
            return
        price = self._trade_price(order)
        order.fills.append(Fill(execution_id=self._id_at(now), quantity=some, price=price, at=now))
        self._move(order, some, price)
        if order.filled == order.quantity:
            order.state = "filled"
        elif order.state != "pending_cancelled":
            order.state = "partially_filled"
        order.changed_at = now

    def end(self, order: HeldOrder, now: datetime, state: str | None = None) -> None:
        """End an open order; a fill that it had is kept and said."""
        if order.is_open:
            order.state = state or ("partially_filled_rest_cancelled" if order.fills else "cancelled")
            order.awaits_approval = False
            order.changed_at = now

    def begin_cancel(self, order: HeldOrder, now: datetime) -> None:
        order.state, order.changed_at = "pending_cancelled", now

    def reach_stop(self, order: HeldOrder) -> None:
        """Let the price reach the stop of an order."""
        order.stop_reached = True

    def approve(self, order: HeldOrder) -> None:
        """The owner approves on the phone."""
        order.awaits_approval = False

    def decline(self, order: HeldOrder, now: datetime) -> None:
        """The owner declines on the phone."""
        self.end(order, now, "cancelled")

    def _confirm(self, order: HeldOrder, now: datetime) -> None:
        if now >= order.created_at + self.confirms_after:
            order.state = "confirmed"

    def _fate(self, order: HeldOrder) -> str | None:
        last = self.prices[order.symbol].last
        if order.limit_price is not None and order.side == "buy" and order.limit_price * 20 < last:
            return "rejected"
        is_low_stop = order.kind == "stop_market" and order.side == "buy" and order.stop_price is not None
        return "cancelled" if is_low_stop and (order.stop_price or last) < last else None

    def _crosses(self, order: HeldOrder) -> bool:
        price = self.prices[order.symbol]
        if order.side == "buy":
            return price.ask > 0 and (order.limit_price is None or order.limit_price >= price.ask)
        return price.bid > 0 and (order.limit_price is None or order.limit_price <= price.bid)

    def _trade_price(self, order: HeldOrder) -> Decimal:
        price = self.prices[order.symbol]
        if order.limit_price is not None and not self._crosses(order):
            return order.limit_price  # a test lets it trade although it rests
        best = price.ask if order.side == "buy" else price.bid
        return best or price.last

    def _move(self, order: HeldOrder, quantity: Decimal, price: Decimal) -> None:
        held = self.shares.get(order.symbol, Decimal(0))
        if order.side == "buy":
            cost = held * self.average_prices.get(order.symbol, Decimal(0)) + quantity * price
            self.shares[order.symbol] = held + quantity
            self.average_prices[order.symbol] = cost / (held + quantity)
        else:
            self.shares[order.symbol] = held - quantity

    def _id_at(self, moment: datetime) -> str:
        """An id as the server's: its first eight digits are the Unix seconds of its creation."""
        tail = str(uuid.uuid5(_NAMES, str(next(self._numbers))))[8:]
        return f"{int(moment.timestamp()):08x}{tail}"


def instrument_id_of(symbol: str) -> str:
    return str(uuid.uuid5(_NAMES, symbol))
