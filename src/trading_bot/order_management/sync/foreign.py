"""Whose order a row of the broker's list is. Pure.

Doubt stays with the row: one that is not ours, or cannot be read, may hold up nothing but what it concerns. The
broker's order id decides first, then our ``ref_id``. A row that names neither is foreign only where that is certain:
it has a well-formed ``ref_id`` of somebody else while this broker is known to echo ours, or it fits none of our
orders in doubt by instrument, side, quantity and time. A field that cannot be read fits anything.
"""

import enum
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.client_ids import bears_our_mark
from trading_bot.order_management.models import ClientOrderId, OrderReport, Side
from trading_bot.order_management.outcomes import UnreadRow

Row: TypeAlias = OrderReport | UnreadRow

ECHO_HOLDS_FOR = timedelta(hours=24)
"""How long it counts that this broker showed an order of ours under the ``ref_id`` that we had given it."""

CREATED_BEFORE_FIRST_BYTE = timedelta(seconds=60)
"""By how much the broker's time of an order may lie before our time of its first byte: clocks differ."""


class Whose(enum.StrEnum):
    """To whom a row belongs."""

    OURS = "ours"
    FOREIGN = "foreign"
    MAY_BE_OURS = "may_be_ours"
    UNJOURNALED = "unjournaled"  # it has our mark, and the journal does not know it


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An order of ours in doubt, and when the broker can have made it."""

    client_order_id: ClientOrderId
    symbol: str
    instrument_id: str | None
    side: Side
    quantity: Decimal
    first_byte: datetime
    """When its first byte left, at the earliest."""
    send_horizon: datetime
    """When its last byte can have arrived, at the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """Whose a row is; ``fits`` names the orders in doubt of which it may be one."""

    whose: Whose
    order: TrackedOrder | None = None
    fits: tuple[ClientOrderId, ...] = ()


def intent_of_order(order: TrackedOrder, *, send_horizon: datetime) -> Intent:
    """Return what a row must look like to be this order."""
    envelope = order.envelope
    return Intent(
        client_order_id=order.client_order_id,
        symbol=envelope.symbol,
        instrument_id=order.instrument_id,
        side=envelope.side,
        quantity=Decimal(envelope.quantity),
        first_byte=envelope.created_at,
        send_horizon=send_horizon,
    )


def classify(row: Row, *, order: TrackedOrder | None, in_doubt: Iterable[Intent], echoes_ref_ids: bool) -> Ownership:
    """Say whose a row is.

    ``order`` is the order on record under the row's order id or else its ``ref_id``; ``in_doubt`` are our orders of
    which nobody knows whether the broker has them; ``echoes_ref_ids`` says that this broker has shown an order of ours
    under its own ``ref_id`` within `ECHO_HOLDS_FOR`.
    """
    if order is not None:
        return Ownership(whose=Whose.OURS, order=order)
    if bears_our_mark(row.ref_id):
        return Ownership(whose=Whose.UNJOURNALED)
    if echoes_ref_ids and is_well_formed(row.ref_id):
        return Ownership(whose=Whose.FOREIGN)
    fits = tuple(intent.client_order_id for intent in in_doubt if fits_intent(row, intent))
    return Ownership(whose=Whose.MAY_BE_OURS if fits else Whose.FOREIGN, fits=fits)


def is_well_formed(ref_id: str | None) -> bool:
    """Whether a ``ref_id`` is a UUID: a row without one, or with a word in its place, says nothing of its sender."""
    if ref_id is None:
        return False
    try:
        return str(uuid.UUID(ref_id)) == ref_id.lower()
    except ValueError:
        return False


def fits_intent(row: Row, intent: Intent) -> bool:
    """Whether a row can be this order; a field that cannot be read fits anything."""
    return (
        _fits_instrument(row, intent)
        and row.side in (None, intent.side)
        and row.quantity in (None, intent.quantity)
        and _fits_time(row.created_at, intent)
    )


def _fits_instrument(row: Row, intent: Intent) -> bool:
    if intent.instrument_id is not None:  # a symbol alone may be the instrument's new name
        return row.instrument_id in (None, intent.instrument_id)
    return not _names_symbol(row) or row.symbol == intent.symbol


def _names_symbol(row: Row) -> bool:
    return row.symbol_is_known if isinstance(row, OrderReport) else row.symbol is not None


def _fits_time(created_at: datetime | None, intent: Intent) -> bool:
    if created_at is None:
        return True
    return intent.first_byte - CREATED_BEFORE_FIRST_BYTE <= created_at <= intent.send_horizon
