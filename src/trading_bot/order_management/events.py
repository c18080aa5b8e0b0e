"""The facts the journal holds: one flat event type, so that a line reads the same whoever wrote it."""

import enum
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from trading_bot.order_management.models import (
    ClientOrderId,
    ExecutionId,
    ExecutionMode,
    OrderEnvelope,
    OrderId,
    OrderState,
    RefId,
    Side,
)
from trading_bot.values import Value

SCHEMA_VERSION = 1
NO_DETAILS: Mapping[str, str] = MappingProxyType({})


class EventKind(enum.StrEnum):
    """What happened, in the past tense."""

    JOURNAL_OPENED = "journal_opened"  # names mode and account; always seq 1 of a first segment
    SESSION_STARTED = "session_started"
    SESSION_STOPPED = "session_stopped"
    TAIL_RECOVERED = "tail_recovered"
    JOURNAL_CONTINUED = "journal_continued"  # the file before this record failed; from here on another one goes on
    ORDER_INTENDED = "order_intended"
    SUBMIT_ATTEMPTED = "submit_attempted"  # one finished attempt: its class and how far it got
    ORDER_ACCEPTED = "order_accepted"
    ORDER_REJECTED = "order_rejected"
    ORDER_NOT_SENT = "order_not_sent"
    ORDER_OUTCOME_UNKNOWN = "order_outcome_unknown"
    ORDER_ADOPTED = "order_adopted"  # an unresolved order was found at the broker
    ABSENCE_NOTED = "absence_noted"  # a first complete listing did not show an unresolved order
    ORDER_PRESUMED_ABSENT = "order_presumed_absent"
    ORDER_NEVER_ACCEPTED = "order_never_accepted"
    ORDER_RESOLVED = "order_resolved"  # a named person decided
    ORDER_UPDATED = "order_updated"  # the broker reports another state
    APPROVAL_AWAITED = "approval_awaited"  # the owner has to approve it first; the latest counts when no order is left
    EXECUTION_BOOKED = "execution_booked"
    EXECUTION_BUSTED = "execution_busted"
    CANCEL_REQUESTED = "cancel_requested"
    CANCEL_ANSWERED = "cancel_answered"
    ANOMALY_FOUND = "anomaly_found"
    SYMBOL_FROZEN = "symbol_frozen"
    SYMBOL_RELEASED = "symbol_released"
    POSITION_ACCEPTED = "position_accepted"
    POSITION_DIFFERED = "position_differed"  # first sight: the broker's position is not what our fills explain
    POSITION_AGREED = "position_agreed"  # both agree again
    POSITIONS_NOTED = "positions_noted"  # every quantity and name that our records explain; those before are not needed
    INSTRUMENT_NAMED = "instrument_named"  # the broker's id of a symbol; with a name it had before, a rename
    ACCOUNT_VALUED = "account_valued"  # what the account was worth at a moment
    ACCOUNT_TIED_OUT = "account_tied_out"  # cash and fills were compared with the broker's; the next one goes on here
    TRADING_HALTED = "trading_halted"
    TRADING_RESUMED = "trading_resumed"
    EXIT_BEGUN = "exit_begun"  # somebody leaves a position
    EXIT_LEG_PLACED = "exit_leg_placed"  # names the order that is placed next for it
    EXIT_ENDED = "exit_ended"
    PROTECTION_SET = "protection_set"  # what is to be sold of a symbol once its price has moved so far
    PROTECTION_CHANGED = "protection_changed"  # states the whole plan anew
    PROTECTION_ENDED = "protection_ended"
    ORDER_CARRIED = "order_carried"  # a whole order: one adopted from the broker, or a repeat of a 0.1 segment
    KILL_IMPORTED = "kill_imported"
    KILL_NOTED = "kill_noted"  # what a kill did, in its own words
    JOURNAL_IMPORTED = "journal_imported"  # everything before this record came from a journal of version 0.1
    RECORD_REFUSED = "record_refused"  # has the number of a record that the journal could not take; says which and why


CHANGES_THE_ACCOUNT = frozenset(
    {
        EventKind.ORDER_ACCEPTED,
        EventKind.ORDER_ADOPTED,
        EventKind.ORDER_NEVER_ACCEPTED,
        EventKind.ORDER_RESOLVED,
        EventKind.ORDER_UPDATED,
        EventKind.EXECUTION_BOOKED,
        EventKind.EXECUTION_BUSTED,
    }
)
"""After these, buying power and positions are others than before, or no doubt of ours takes from them any more."""


class OrderEvent(Value, frozen=True, kw_only=True):
    """One fact before the journal has numbered it. Absent facts are None, never a made-up value."""

    event: EventKind
    client_order_id: ClientOrderId | None = None
    correlation_id: str | None = None
    """Ties the records of one caller's request together; `correlation` has the rule."""
    ref_id: RefId | None = None
    order_id: OrderId | None = None
    symbol: str | None = None
    side: Side | None = None
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    execution_mode: ExecutionMode | None = None
    strategy_name: str | None = None
    attempt: int | None = None
    latency_ms: Decimal | None = None
    status: OrderState | None = None
    filled_quantity: Decimal | None = None
    average_price: Decimal | None = None
    execution_id: ExecutionId | None = None
    last_quantity: Decimal | None = None
    """FIX tag 32: shares of this one execution."""
    last_price: Decimal | None = None
    """FIX tag 31: dollars a share of this one execution."""
    occurred_at: datetime | None = None
    """The broker's time of the fact, where it gave one."""
    reason: str | None = None
    details: Mapping[str, str] = NO_DETAILS
    """Further facts as text: reference price, time in force, body digest and the like."""


class JournalRecord(Value, frozen=True, kw_only=True):
    """One numbered, chained line of the journal."""

    v: int
    seq: int
    ts: datetime
    """Wall time in UTC. Order is ``seq``; a clock that jumps reorders nothing."""
    mono: Decimal
    """Monotonic seconds of the writing process, to the microsecond; comparable within one session only."""
    session_id: str
    fact: OrderEvent
    prev: str
    hash: str


def about(envelope: OrderEnvelope, event: EventKind, **facts: Any) -> OrderEvent:
    """Make an event of an order with the names that every such event carries; ``facts`` are further fields of it."""
    named: dict[str, Any] = {
        "client_order_id": envelope.client_order_id,
        "ref_id": envelope.ref_id,
        "order_id": envelope.order_id,
        "symbol": envelope.symbol,
        "side": envelope.side,
        "execution_mode": envelope.execution_mode,
        "strategy_name": envelope.strategy_name,
        "correlation_id": envelope.correlation_id,
        **facts,
    }
    return OrderEvent(event=event, **named)
