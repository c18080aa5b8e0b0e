"""What happens to an account and its orders, as typed events; made from what the journal has on record.

1. An event is told once the record behind it is committed, or put aside where the journal has failed; never before.
2. The events of one order come in their order: submitted, its fills, its end. A fill that the broker reports together
   with the acceptance comes after it.
3. A name claims no more than happened. *Submitted* is an order that the broker has. A fill without a price is one whose
   execution the broker has not listed yet; once it is listed, it is told with its price, and adds no shares.
4. What one process recorded is not told by the next, even if the first one was killed before it told it. What happened
   while no bot ran is told when the first synchronisation books it.

Adding up ``new_quantity`` gives the filled shares of an order at any time. Only an annulled execution takes shares
away: the alert ``execution_busted`` says so, and the order's status has the figures from then on.

Not told: the intent (nobody has the order yet), attempts, cancel requests, and the end of a freeze that ends by itself,
whose event names the moment in ``until``.
"""

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

from trading_bot.order_management.book.approvals import approval_text
from trading_bot.order_management.book.exit_facts import ENDING, LEG, ExitEnding
from trading_bot.order_management.book.freezes import BY, OURSELVES, cause_of, freeze_from
from trading_bot.order_management.book.order_listeners import OrderChange, PlainFact
from trading_bot.order_management.book.protections import CHANGE, PlanChange
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import (
    EXACT,
    ClientOrderId,
    Execution,
    ExecutionId,
    OrderId,
    OrderState,
    Side,
    exact_sum,
)

_NOTHING = Decimal(0)
_NEVER_THERE = frozenset({OrderState.REJECTED, OrderState.NOT_SENT, OrderState.NEVER_ACCEPTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSubmitted:
    """The broker has the order; whether it trades is another matter."""

    at: datetime
    client_order_id: ClientOrderId
    order_id: OrderId | None
    symbol: str
    correlation_id: str | None
    side: Side
    quantity: int
    limit_price: Decimal
    strategy_name: str | None
    stop_price: Decimal | None = None
    """FIX tag 99: it rests until this price is reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilled:
    """Shares of an order traded, or an execution was listed for shares that an earlier event told of."""

    at: datetime
    client_order_id: ClientOrderId
    order_id: OrderId | None
    symbol: str
    correlation_id: str | None
    side: Side
    quantity: Decimal
    """FIX tag 32: shares of this execution; without an execution, the shares that the broker newly reports filled."""
    price: Decimal | None
    """FIX tag 31: dollars a share; None where the broker has not listed the execution yet."""
    execution_id: ExecutionId | None
    """FIX tag 17; None as for the price."""
    executed_at: datetime | None
    """FIX tag 60: the broker's time of the execution."""
    new_quantity: Decimal
    """Shares by which the order is filled further: less than ``quantity`` where an earlier event told of some."""
    cumulative_quantity: Decimal
    """FIX tag 14: all shares filled so far."""
    remaining_quantity: Decimal
    """FIX tag 151: shares that may still trade."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEnded:
    """Nothing more can happen to the order: ``ending`` says which end, ``reason`` why, where that is known."""

    at: datetime
    client_order_id: ClientOrderId
    order_id: OrderId | None
    symbol: str
    correlation_id: str | None
    side: Side
    ending: OrderState
    """filled, cancelled, rejected, not_sent or never_accepted. What was filled stays filled."""
    reason: str | None
    filled_quantity: Decimal
    """FIX tag 14."""
    average_price: Decimal | None
    """FIX tag 6: dollars a share."""


class AlertCode(enum.StrEnum):
    """What a person should look at. The words of a broker's odd answer are those of `AnomalyKind`."""

    OUTCOME_UNKNOWN = "outcome_unknown"  # the broker may have the order; do not send it again
    PRESUMED_ABSENT = "presumed_absent"  # two complete lists did not show it; it may still turn up
    APPROVAL_AWAITED = "approval_awaited"  # the order does not work until the owner approves it in the broker's app
    EXECUTION_BUSTED = "execution_busted"  # the broker annulled a fill
    STOP_REACHED = "stop_reached"  # the price fell to a resting stop, which is a limit order now
    EXIT_RESTING = "exit_resting"  # the last order of an exit stays at the broker, and nothing lowers its price
    EXIT_IN_DOUBT = "exit_in_doubt"
    EXIT_NOT_SOLD = "exit_not_sold"
    EXIT_UNFINISHED = "exit_unfinished"  # the program ended before the exit did
    PROTECTION_FIRED = "protection_fired"  # a watched price was reached, and the shares are being sold
    PROTECTION_SUSPENDED = "protection_suspended"  # the watched part of a plan sells nothing
    PROTECTION_RESUMED = "protection_resumed"
    PROTECTION_NOT_RESTING = "protection_not_resting"  # the stop is watched by this program alone
    TWO_ORDERS = "two_orders"
    ANOTHER_ORDER = "another_order"
    TERMS_DIFFER = "terms_differ"
    FILLED_WENT_BACK = "filled_went_back"
    OVERFILLED = "overfilled"
    FILLED_WITHOUT_SHARES = "filled_without_shares"
    UNKNOWN_WORD = "unknown_word"
    AFTER_ITS_END = "after_its_end"
    VANISHED = "vanished"
    OTHER = "other"
    LOGIN_ENDS = "login_ends"  # the login works, and a person has to log in again before it ends
    LIMIT_NEAR = "limit_near"  # a limit of `risk_management` is nearly used up


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that a person should look at: ``code`` for programs, ``message`` for people."""

    at: datetime
    code: AlertCode
    message: str
    client_order_id: ClientOrderId | None = None
    order_id: OrderId | None = None
    symbol: str | None = None
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingHalted:
    """Entries are stopped, in ``symbol`` or, with None, in the whole account; see `halt_watch` for what stops exits."""

    at: datetime
    symbol: str | None
    cause: str | None
    """The word of the cause: a `Cause`, or a `Condition` of `halt_watch`; None for a record of an earlier version."""
    reason: str
    by: str
    """The person, or the part of this program, that stopped them."""
    until: datetime | None
    """When it ends by itself; no event says so then."""
    remedy: str
    """What ends it, and the command that helps."""
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingResumed:
    """One cause for which entries were stopped is over, or with ``cause`` None all; others may still stand."""

    at: datetime
    symbol: str | None
    cause: str | None
    reason: str
    by: str
    correlation_id: str | None = None


BotEvent: TypeAlias = OrderSubmitted | OrderFilled | OrderEnded | Alert | TradingHalted | TradingResumed
BotListener: TypeAlias = Callable[[BotEvent], object]


def events_of_change(change: OrderChange) -> Iterator[BotEvent]:
    """Yield what a change of an order means, in the order to tell it."""
    order, before = change.order, change.before
    names = _names(change)
    # Fills of an order in doubt are told once its acceptance is on record, which follows in the same commit.
    if not order.state.is_unresolved:
        earlier = None if before is None or before.state.is_unresolved else before
        if not _is_at_broker(earlier) and _is_at_broker(order):
            yield OrderSubmitted(
                **names,
                side=order.envelope.side,
                quantity=order.envelope.quantity,
                limit_price=order.envelope.limit_price,
                strategy_name=order.envelope.strategy_name,
                stop_price=order.envelope.stop_price,
            )
        yield from _fills(names, earlier, order)
    yield from _alerts(names, change)
    if order.state.is_terminal and not (before is not None and before.state.is_terminal):
        yield OrderEnded(
            **names,
            side=order.envelope.side,
            ending=order.state,
            reason=change.event.reason,  # not the order's, which may be that of an earlier doubt
            filled_quantity=_filled(order),
            average_price=order.envelope.average_price,
        )


def _names(change: OrderChange) -> dict[str, Any]:
    envelope = change.order.envelope
    return {
        "at": change.at,
        "client_order_id": envelope.client_order_id,
        "order_id": envelope.order_id,
        "symbol": envelope.symbol,
        "correlation_id": envelope.correlation_id,
    }


def _is_at_broker(order: TrackedOrder | None) -> bool:
    return order is not None and not order.state.is_unresolved and order.state not in _NEVER_THERE


def _filled(order: TrackedOrder | None) -> Decimal:
    return _NOTHING if order is None else max(order.envelope.filled_quantity, order.executed_quantity)


def _fills(names: dict[str, Any], before: TrackedOrder | None, order: TrackedOrder) -> Iterator[OrderFilled]:
    told: tuple[Execution, ...] = () if before is None else before.executions
    known, executed = {fill.execution_id for fill in told}, exact_sum(fill.quantity for fill in told)
    filled = _filled(before)

    def event(quantity: Decimal, execution: Execution | None, cumulative: Decimal) -> OrderFilled:
        left = EXACT.subtract(Decimal(order.envelope.quantity), cumulative)
        return OrderFilled(
            **names,
            side=order.envelope.side,
            quantity=quantity,
            price=None if execution is None else execution.price,
            execution_id=None if execution is None else execution.execution_id,
            executed_at=None if execution is None else execution.executed_at,
            new_quantity=EXACT.subtract(cumulative, filled),
            cumulative_quantity=cumulative,
            remaining_quantity=_NOTHING if order.state.is_terminal else max(left, _NOTHING),
        )

    for fill in order.executions:
        if fill.execution_id not in known:
            executed = EXACT.add(executed, fill.quantity)
            cumulative = max(filled, executed)
            yield event(fill.quantity, fill, cumulative)
            filled = cumulative
    if (total := _filled(order)) > filled:
        yield event(EXACT.subtract(total, filled), None, total)


def _alerts(names: dict[str, Any], change: OrderChange) -> Iterator[Alert]:
    order, before = change.order, change.before
    if order.state in _DOUBTS and (before is None or before.state is not order.state):
        code, message = _DOUBTS[order.state]
        yield Alert(**names, code=code, message=change.event.reason or message)
    if order.envelope.stop_triggered_at is not None and before is not None and not before.envelope.stop_triggered_at:
        yield Alert(**names, code=AlertCode.STOP_REACHED, message=_STOP_REACHED.format(order.envelope))
    if change.event.event is EventKind.APPROVAL_AWAITED:
        yield Alert(**names, code=AlertCode.APPROVAL_AWAITED, message=approval_text(order.envelope))
    for anomaly in sorted(order.anomalies - (before.anomalies if before is not None else frozenset()), key=str):
        yield Alert(**names, code=AlertCode(anomaly.kind.value), message=anomaly.evidence)
    if change.event.event is EventKind.EXECUTION_BUSTED:
        why = change.event.reason or "the broker annulled this execution"
        yield Alert(**names, code=AlertCode.EXECUTION_BUSTED, message=f"execution {change.event.execution_id}: {why}")


_STOP_REACHED = "the stop at {0.stop_price} was reached: it sells at {0.limit_price} or better, or rests above the bid"
_MAY_BE_THERE = "the broker may have the order or not; it is looked for, do not send it again"
_DOUBTS = {
    OrderState.UNKNOWN: (AlertCode.OUTCOME_UNKNOWN, _MAY_BE_THERE),
    OrderState.PRESUMED_ABSENT: (AlertCode.PRESUMED_ABSENT, "the broker does not show it; its cost stays reserved"),
}


def events_of_fact(fact: PlainFact) -> Iterator[BotEvent]:
    """Yield what a fact of no order means; most mean nothing to a listener."""
    match fact.event.event:
        case EventKind.SYMBOL_FROZEN | EventKind.TRADING_HALTED:
            yield _halted(fact.event, fact.at)
        case EventKind.SYMBOL_RELEASED | EventKind.TRADING_RESUMED:
            yield _resumed(fact.event, fact.at)
        case EventKind.EXIT_ENDED | EventKind.PROTECTION_CHANGED:
            yield from _alerts_of(fact.event, fact.at)
        case _:
            pass


_ALERTS = {
    ExitEnding.RESTING.value: AlertCode.EXIT_RESTING,
    ExitEnding.IN_DOUBT.value: AlertCode.EXIT_IN_DOUBT,
    ExitEnding.NOT_SOLD.value: AlertCode.EXIT_NOT_SOLD,
    ExitEnding.UNFINISHED.value: AlertCode.EXIT_UNFINISHED,
    PlanChange.FIRED.value: AlertCode.PROTECTION_FIRED,
    PlanChange.SUSPENDED.value: AlertCode.PROTECTION_SUSPENDED,
    PlanChange.RESUMED.value: AlertCode.PROTECTION_RESUMED,
    PlanChange.NOT_RESTING.value: AlertCode.PROTECTION_NOT_RESTING,
}


def _halted(event: OrderEvent, at: datetime) -> TradingHalted:
    freeze = freeze_from(event)
    return TradingHalted(
        at=at,
        symbol=freeze.symbol,
        cause=None if freeze.cause is None else freeze.cause.value,
        reason=freeze.reason,
        by=freeze.by,
        until=freeze.until,
        remedy=freeze.remedy,
        correlation_id=event.correlation_id,
    )


def _resumed(event: OrderEvent, at: datetime) -> TradingResumed:
    cause = cause_of(event)
    return TradingResumed(
        at=at,
        symbol=event.symbol if event.event is EventKind.SYMBOL_RELEASED else None,
        cause=None if cause is None else cause.value,
        reason=event.reason or "",
        by=event.details.get(BY, OURSELVES),
        correlation_id=event.correlation_id,
    )


def _alerts_of(event: OrderEvent, at: datetime) -> Iterator[Alert]:
    order, code = event.details.get(LEG), _ALERTS.get(event.details.get(ENDING) or event.details.get(CHANGE, ""))
    if code is None:
        return
    yield Alert(
        at=at,
        code=code,
        message=event.reason or "",
        client_order_id=None if order is None else ClientOrderId(order),
        order_id=event.order_id,
        symbol=event.symbol,
        correlation_id=event.correlation_id,
    )
