"""The true book of the stand-in broker: what really became of every order, whatever anybody was told about it."""

import base64
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from functools import lru_cache

BASE = "https://api.robinhood.com"
ENDED = frozenset({"filled", "cancelled", "rejected", "failed", "voided", "partially_filled_rest_cancelled"})
"""The words of the wire after which an order cannot trade."""

INSTRUMENTS = {
    "AAPL": "450dfc6d-5510-4d40-abfb-f633b7d9be3e",
    "MSFT": "50810c35-d215-4866-9758-0ada4ac79ffa",
    "KO": "6df56bd0-0bf2-44ab-8875-f94fd8526942",
    "BRK.B": "93bc3f2c-1d44-4e9a-a0a1-2f5fa3c1f3d4",
    "T": "4bfb8a5c-1b2e-4b2f-9d9a-2f0c5b0d9c11",
}
_NAMES = uuid.UUID("6f1f0a52-9a5e-4a38-b7c5-1d33a2f00001")
MORE = tuple(f"{first}{second}Q" for first in "ABCDEFGH" for second in "ABCDEFGH")
"""Shares beside those, for lives with many orders; no account holds any unless it is told to."""
INSTRUMENT_OF = {**INSTRUMENTS, **{name: str(uuid.uuid5(_NAMES, name)) for name in MORE}}
SYMBOL_OF = {key: symbol for symbol, key in INSTRUMENT_OF.items()}
HEALTHY = "T"
"""A share that nothing odd ever concerns; only the proofs at the end of a schedule trade it."""
PLENTY = Decimal(1_000_000)
"""The cash of an account whose orders are never held up for it."""


@dataclass(kw_only=True)
class Fill:
    execution_id: str
    quantity: int
    price: Decimal
    at: datetime

    def row(self) -> dict[str, object]:
        return {
            "id": self.execution_id,
            "price": f"{self.price:.8f}",
            "quantity": f"{self.quantity:.8f}",
            "timestamp": wire_time(self.at),
        }


@dataclass(kw_only=True)
class HeldOrder:
    """One order as it really is. ``versions`` has every row it ever showed, oldest first."""

    order_id: str
    ref_id: str
    symbol: str
    side: str
    quantity: int
    price: Decimal
    time_in_force: str
    account: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    market_hours: str = "regular_hours"
    state: str = "unconfirmed"
    fills: list[Fill] = field(default_factory=list)
    hidden_until: datetime | None = None
    """Until then no listing shows it, though it is there."""
    stop_price: Decimal | None = None
    stop_triggered_at: datetime | None = None
    awaits_approval: bool = False
    """Whether it does not work until its owner approves it; only the agent interface asks for that."""
    versions: list[dict[str, object]] = field(default_factory=list)

    @property
    def waits_for_stop(self) -> bool:
        return self.stop_price is not None and self.stop_triggered_at is None

    @property
    def is_open(self) -> bool:
        return self.state not in ENDED

    @property
    def filled(self) -> int:
        return sum(fill.quantity for fill in self.fills)

    @property
    def remaining(self) -> int:
        return self.quantity - self.filled if self.is_open else 0

    @property
    def cost(self) -> Decimal:
        return sum((fill.quantity * fill.price for fill in self.fills), Decimal(0))

    def row(self) -> dict[str, object]:
        """Return what the newest version shows, to be changed at will."""
        return dict(self.versions[-1])

    def row_now(self) -> dict[str, object]:
        filled = self.filled
        return {
            "id": self.order_id,
            "ref_id": self.ref_id,
            "url": f"{BASE}/orders/{self.order_id}/",
            "account": f"{BASE}/accounts/{self.account}/",
            "instrument": f"{BASE}/instruments/{INSTRUMENT_OF[self.symbol]}/",
            "instrument_id": INSTRUMENT_OF[self.symbol],
            "cancel": f"{BASE}/orders/{self.order_id}/cancel/" if self.is_open else None,
            "cumulative_quantity": f"{filled:.8f}",
            "average_price": f"{self.cost / filled:.8f}" if filled else None,
            "state": self.state,
            "type": "limit",
            "side": self.side,
            "time_in_force": self.time_in_force,
            "trigger": "immediate" if self.stop_price is None else "stop",
            "stop_price": None if self.stop_price is None else f"{self.stop_price:.8f}",
            "stop_triggered_at": None if self.stop_triggered_at is None else wire_time(self.stop_triggered_at),
            "price": f"{self.price:.8f}",
            "quantity": f"{self.quantity:.8f}",
            "reject_reason": None,
            "created_at": wire_time(self.created_at),
            "updated_at": wire_time(self.updated_at),
            "last_transaction_at": wire_time(self.updated_at),
            "executions": [fill.row() for fill in self.fills],
        }


class StandInBook:
    """Orders and shares of one account. Everything that happens moves ``updated_at``, as at the real broker."""

    def __init__(self, *, account: str, shares: Mapping[str, int]) -> None:
        self.account = account
        self.cash_at_first = PLENTY
        self.held = dict(shares)
        self.strange_orders: list[dict[str, object]] = []
        """Rows of the order list that nobody here placed, as they are shown; see `odd_rows`."""
        self.strange_positions: list[dict[str, object]] = []
        self.spoilt_positions: dict[str, dict[str, object]] = {}
        """What the row of a symbol's position shows in place of the truth."""
        self._held_before: list[tuple[datetime, dict[str, int]]] = []
        self.orders: list[HeldOrder] = []
        self._numbers = 0

    def take(self, form: Mapping[str, str], *, now: datetime, expires_at: datetime) -> HeldOrder:
        order = HeldOrder(
            order_id=self._new_id(),
            ref_id=form["ref_id"],
            symbol=form["symbol"],
            side=form["side"],
            quantity=int(form["quantity"]),
            price=Decimal(form["price"]),
            time_in_force=form["time_in_force"],
            account=form["account"].rstrip("/").rpartition("/")[2],
            created_at=now,
            updated_at=now,
            expires_at=expires_at,
            market_hours=form["market_hours"],
            stop_price=Decimal(form["stop_price"]) if form.get("trigger") == "stop" else None,
        )
        self.orders.append(order)
        self._moved(order, now)
        return order

    def by_id(self, order_id: str) -> HeldOrder | None:
        return next((order for order in self.orders if order.order_id == order_id), None)

    def named(self, ref_id: str) -> list[HeldOrder]:
        return [order for order in self.orders if order.ref_id == ref_id]

    def open(self) -> list[HeldOrder]:
        return [order for order in self.orders if order.state not in ENDED]

    @property
    def cash(self) -> Decimal:
        """What all fills have left."""
        spent = (order.cost if order.side == "buy" else -order.cost for order in self.orders)
        return self.cash_at_first - sum(spent, Decimal(0))

    @property
    def set_aside(self) -> Decimal:
        """What open buys may still cost."""
        buys = (order for order in self.open() if order.side == "buy")
        return sum((order.remaining * order.price for order in buys), Decimal(0))

    def confirm(self, order: HeldOrder, now: datetime) -> None:
        if order.state in ("unconfirmed", "queued") and not order.awaits_approval:
            order.state = "confirmed"
            self._moved(order, now)

    def approve(self, order: HeldOrder, now: datetime) -> None:
        """Let the owner approve what waits for it."""
        if order.awaits_approval:
            order.awaits_approval = False
            self._moved(order, now)

    def reach_stop(self, order: HeldOrder, now: datetime) -> None:
        """Let the price fall to the stop of an order."""
        order.stop_triggered_at = now
        self._moved(order, now)

    def fill(self, order: HeldOrder, quantity: int, now: datetime) -> None:
        """Trade some of what is left; on an order that has ended nothing happens."""
        quantity = min(quantity, order.remaining)
        if quantity <= 0 or order.awaits_approval:
            return
        self._remember(now)
        order.fills.append(Fill(execution_id=self._new_id(), quantity=quantity, price=order.price, at=now))
        self.held[order.symbol] = self.held.get(order.symbol, 0) + (quantity if order.side == "buy" else -quantity)
        if order.filled == order.quantity:
            order.state = "filled"
        elif order.state != "pending_cancelled":
            order.state = "partially_filled"
        self._moved(order, now)

    def bust(self, order: HeldOrder, now: datetime) -> None:
        """Annul the last fill, after the fact."""
        self._remember(now)
        fill = order.fills.pop()
        self.held[order.symbol] -= fill.quantity if order.side == "buy" else -fill.quantity
        order.state = "voided"
        self._moved(order, now)

    def move_by_hand(self, symbol: str, shares: int, now: datetime) -> None:
        """Change a position without an order, as a split, a grant or a transfer does."""
        self._remember(now)
        self.held[symbol] += shares

    def held_at(self, moment: datetime) -> dict[str, int]:
        """Return what was held then, as a replica shows it that lags."""
        return next((held for until, held in self._held_before if moment < until), self.held)

    @property
    def times_moved(self) -> int:
        """How often shares have come or gone."""
        return len(self._held_before)

    def _remember(self, now: datetime) -> None:
        self._held_before.append((now, dict(self.held)))

    def begin_cancel(self, order: HeldOrder, now: datetime) -> None:
        if order.is_open:
            order.state = "pending_cancelled"
            self._moved(order, now)

    def cancel(self, order: HeldOrder, now: datetime) -> None:
        if order.is_open:
            order.state = "partially_filled_rest_cancelled" if order.fills else "cancelled"
            self._moved(order, now)

    def end(self, order: HeldOrder, word: str, now: datetime) -> None:
        if order.is_open:
            order.state = word
            self._moved(order, now)

    def expire(self, now: datetime) -> None:
        """Let good-for-day orders end with their session."""
        for order in self.orders:
            if now >= order.expires_at and order.time_in_force == "gfd":
                self.cancel(order, now)

    def _moved(self, order: HeldOrder, now: datetime) -> None:
        # The broker's own clock never stands still between two changes of one order.
        order.updated_at = max(now, order.updated_at + timedelta(microseconds=1))
        order.versions.append(order.row_now())

    def _new_id(self) -> str:
        self._numbers += 1
        return _id_of(self._numbers)


@lru_cache(maxsize=1024)
def _id_of(number: int) -> str:
    return str(uuid.uuid5(_NAMES, str(number)))


def first_row(cursor: str, rows: Sequence[Mapping[str, object]]) -> int:
    """Return which row a page begins with: our own links count rows, a cursor as the broker's says before when."""
    if cursor.isdigit():
        return int(cursor)
    before = datetime.fromisoformat(base64.b64decode(cursor).decode().removeprefix("p="))
    created = [row["created_at"] for row in rows]
    newer = [at is None or datetime.fromisoformat(str(at)) >= before for at in created]
    return newer.index(False) if False in newer else len(rows)


@lru_cache(maxsize=256)
def moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def wire_time(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def http_date(moment: datetime) -> str:
    """Return an IMF-fixdate (RFC 9110, section 5.6.7), which has whole seconds only."""
    return _http_date(moment.replace(microsecond=0))


@lru_cache(maxsize=64)
def _http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)
