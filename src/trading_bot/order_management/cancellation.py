"""Cancelling: ask, then read until the broker shows an end. Nothing here ever says "cancelled" without a report."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeAlias

from trading_bot.clock import Clock, Seconds
from trading_bot.error_handling.policies import RetryPolicy
from trading_bot.error_handling.retry import Jitter, with_retry
from trading_bot.order_management.events import EventKind, about
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.ledger import OrderLedger
from trading_bot.order_management.lifecycle import is_legal
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderReport, OrderState
from trading_bot.order_management.order_book import TrackedOrder
from trading_bot.order_management.outcomes import (
    CancelNotSent,
    CancelRefused,
    CancelReply,
    CancelTaken,
    CancelUnknown,
)
from trading_bot.order_management.ports import BrokerGateway
from trading_bot.order_management.results import CancelResult, CancelVerdict
from trading_bot.order_management.synchronization import Synchronizer

_SETTLE = RetryPolicy(max_attempts=1000, initial_delay_s=0.25, max_delay_s=2.0, jitter_s=0.0)
_END_VERDICTS: Mapping[OrderState, CancelVerdict] = {
    OrderState.CANCELLED: CancelVerdict.CANCELLED,
    OrderState.FILLED: CancelVerdict.FILLED_BEFORE_CANCEL,
    OrderState.REJECTED: CancelVerdict.ALREADY_CLOSED,
    OrderState.NOT_SENT: CancelVerdict.NEVER_SENT,
    OrderState.NEVER_ACCEPTED: CancelVerdict.NEVER_SENT,
}
_REPLY_VERDICTS: Mapping[type[CancelReply], CancelVerdict] = {
    CancelTaken: CancelVerdict.PENDING,
    CancelRefused: CancelVerdict.REFUSED,
    CancelNotSent: CancelVerdict.CANCEL_NOT_SENT,
    CancelUnknown: CancelVerdict.UNKNOWN,
}


CancelListener: TypeAlias = Callable[[CancelResult], None]


class _StillOpenError(Exception):
    pass


def ignore_result(_result: CancelResult) -> None:
    """Listen to nothing."""


def _told(result: CancelResult, listener: CancelListener) -> CancelResult:
    listener(result)
    return result


def state_without_cancel(order: TrackedOrder) -> OrderState:
    """Return the state that an order is in once no cancel of it is under way."""
    if order.state is not OrderState.PENDING_CANCEL:
        return order.state
    return OrderState.PARTIALLY_FILLED if order.envelope.filled_quantity else OrderState.CONFIRMED


class Canceller:
    """Cancels orders of the book, one or many, and reports each one's end."""

    def __init__(
        self,
        *,
        gateway: BrokerGateway,
        ledger: OrderLedger,
        synchronizer: Synchronizer,
        clock: Clock,
        deadline_s: Seconds,
        jitter: Jitter,
    ) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._synchronizer = synchronizer
        self._clock = clock
        self._deadline_s = deadline_s
        self._jitter = jitter

    def cancel(
        self, orders: Sequence[TrackedOrder], on_result: CancelListener = ignore_result
    ) -> tuple[CancelResult, ...]:
        """Ask for every cancel, then read until each order has ended or the cancel deadline has passed."""
        deadline = self._clock.monotonic() + self._deadline_s
        for order in orders:
            self._record_request(order)
        targets = {
            order.envelope.order_id: order for order in orders if order.envelope.order_id and order.state.is_working
        }
        replies = self._gateway.cancel_all_equity_orders(tuple(targets))
        for order_id, reply in replies.items():
            self._record_reply(targets[order_id], reply)
        return tuple(_told(self._settled(order, replies, deadline), on_result) for order in orders)

    def cancel_external(
        self, reports: Sequence[OrderReport], on_result: CancelListener = ignore_result
    ) -> tuple[CancelResult, ...]:
        """Cancel orders that are not ours, because somebody asked for them by name."""
        replies = self._gateway.cancel_all_equity_orders([report.order_id for report in reports])
        deadline = self._clock.monotonic() + self._deadline_s
        return tuple(
            _told(self._settled_external(report, replies[report.order_id], deadline), on_result) for report in reports
        )

    def _record_request(self, order: TrackedOrder) -> None:
        with self._ledger.open_book() as book:
            # It may have ended since somebody looked, and an end is never taken back.
            current = book.get(order.client_order_id) or order
            if current.state.is_terminal:
                return
            status = OrderState.PENDING_CANCEL if current.state.is_working else None
            self._ledger.record_fact(replace(about(current.envelope, EventKind.CANCEL_REQUESTED), status=status))

    def _record_reply(self, order: TrackedOrder, reply: CancelReply) -> None:
        event = replace(
            about(order.envelope, EventKind.CANCEL_ANSWERED),
            details={"reply": _REPLY_VERDICTS[type(reply)].value, "text": _reply_text(reply) or ""},
        )
        with self._ledger.open_book() as book:
            current = book.get(order.client_order_id) or order
            before = state_without_cancel(order)
            goes_back = isinstance(reply, CancelNotSent | CancelRefused) and is_legal(current.state, before)
            self._ledger.record_fact(replace(event, status=before) if goes_back else event)

    def _settled(self, order: TrackedOrder, replies: Mapping[OrderId, CancelReply], deadline: Seconds) -> CancelResult:
        order_id = order.envelope.order_id
        reply = replies.get(order_id) if order_id is not None else None
        latest = self._read_until_ended(order, order_id, reply, deadline) if order_id and reply else self._now(order)
        return CancelResult(
            client_order_id=order.client_order_id,
            order_id=order_id,
            symbol=order.envelope.symbol,
            verdict=_verdict(latest, reply),
            state=latest.state,
            filled_quantity=latest.envelope.filled_quantity,
            reason=_reply_text(reply) if reply is not None else latest.envelope.reason,
        )

    def _read_until_ended(
        self, order: TrackedOrder, order_id: OrderId, reply: CancelReply, deadline: Seconds
    ) -> TrackedOrder:
        if self._clock.monotonic() > deadline:
            return self._now(order)
        # A refused cancel is read once: the order is either done already or stays as it is.
        policy = replace(_SETTLE, max_attempts=1) if isinstance(reply, CancelRefused) else _SETTLE
        try:
            return with_retry(
                lambda: self._ended(order, order_id),
                policy=policy,
                clock=self._clock,
                should_retry=lambda error: isinstance(error, _StillOpenError | OrderStatusError),
                deadline=deadline,
                jitter=self._jitter,
            )
        except (_StillOpenError, OrderStatusError):
            return self._now(order)

    def _ended(self, order: TrackedOrder, order_id: OrderId) -> TrackedOrder:
        latest = self._synchronizer.refresh(self._now(order), order_id)
        if not latest.state.is_terminal:
            raise _StillOpenError
        return latest

    def _now(self, order: TrackedOrder) -> TrackedOrder:
        with self._ledger.open_book() as book:
            return book.get(ClientOrderId(order.client_order_id)) or order

    def _settled_external(self, report: OrderReport, reply: CancelReply, deadline: Seconds) -> CancelResult:
        latest = self._read_external_until_ended(report, deadline)
        return CancelResult(
            client_order_id=None,
            order_id=report.order_id,
            symbol=report.symbol,
            verdict=_END_VERDICTS.get(latest.state, _REPLY_VERDICTS[type(reply)]),
            state=latest.state,
            filled_quantity=latest.cumulative_quantity,
            reason=_reply_text(reply),
        )

    def _read_external_until_ended(self, report: OrderReport, deadline: Seconds) -> OrderReport:
        if self._clock.monotonic() > deadline:
            return report
        with suppress(_StillOpenError, OrderStatusError):
            return with_retry(
                lambda: self._external_ended(report.order_id),
                policy=_SETTLE,
                clock=self._clock,
                should_retry=lambda error: isinstance(error, _StillOpenError | OrderStatusError),
                deadline=deadline,
                jitter=self._jitter,
            )
        return report

    def _external_ended(self, order_id: OrderId) -> OrderReport:
        report = self._gateway.fetch_order_status(order_id)
        if not report.state.is_terminal:
            raise _StillOpenError
        return report


def _verdict(latest: TrackedOrder, reply: CancelReply | None) -> CancelVerdict:
    if latest.state in _END_VERDICTS:
        return _END_VERDICTS[latest.state]
    if reply is None:
        return CancelVerdict.LATCHED
    return _REPLY_VERDICTS[type(reply)]


def _reply_text(reply: CancelReply) -> str | None:
    match reply:
        case CancelRefused(reason=text) | CancelNotSent(cause=text) | CancelUnknown(cause=text):
            return text
        case CancelTaken():
            return None
