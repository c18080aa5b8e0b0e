"""Cancelling: ask, then read until the broker shows an end. Nothing here ever says "cancelled" without a report.

A request that was lost is asked again, and so is one that the broker took and did not act upon: repeating a cancel is
safe. All orders are read in turn, so that one that hangs hides none of the others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeAlias

from trading_bot.clock import Clock, Seconds
from trading_bot.error_handling.retry import growing_pauses
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

_FIRST_PAUSE_S: Seconds = 0.25
_LONGEST_PAUSE_S: Seconds = 2.0
_HEEDED_WITHIN_S: Seconds = 2.0
"""How long a broker may take to show that it acts upon a cancel before it is asked again."""

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


_NOT_ASKED = CancelNotSent(cause="it has not been asked for yet")
_ASKED_BEFORE = CancelUnknown(cause="it was asked for before, and the broker does not show it")

CancelListener: TypeAlias = Callable[[CancelResult], None]


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


@dataclass(slots=True, kw_only=True)
class _Target:
    """One order at the broker that is being cancelled, and what is known of it by now."""

    order_id: OrderId
    symbol: str
    ours: TrackedOrder | None
    """The order on record as it was before the request; None for one that somebody else placed."""
    state: OrderState
    filled: Decimal
    reply: CancelReply
    asked_at: Seconds = 0
    shown: OrderState | None = None
    """What the broker showed since it was asked last."""
    may_be_under_way: bool = False
    """Whether an earlier request may have arrived."""

    @property
    def is_over(self) -> bool:
        """Whether reading on would teach nothing: it has ended, or stays as it is because the broker refused."""
        return self.state.is_terminal or (isinstance(self.reply, CancelRefused) and self._is_unheeded)

    @property
    def _is_unheeded(self) -> bool:
        return self.shown is not None and self.shown is not OrderState.PENDING_CANCEL

    @property
    def came_to_nothing(self) -> bool:
        """Whether no request is under way, by the latest answer."""
        never_left = isinstance(self.reply, CancelNotSent) and not self.may_be_under_way
        return never_left or isinstance(self.reply, CancelRefused)

    def is_to_be_asked(self, now: Seconds) -> bool:
        """Whether the request was lost, or has come to nothing."""
        if isinstance(self.reply, CancelNotSent | CancelUnknown):
            return self.shown is not OrderState.PENDING_CANCEL
        return self._is_unheeded and now - self.asked_at >= _HEEDED_WITHIN_S

    def result(self) -> CancelResult:
        """Return what was proven."""
        verdict = _END_VERDICTS.get(self.state)
        if verdict is None:
            under_way = self.shown is OrderState.PENDING_CANCEL
            verdict = CancelVerdict.PENDING if under_way else _REPLY_VERDICTS[type(self.reply)]
        return CancelResult(
            client_order_id=None if self.ours is None else self.ours.client_order_id,
            order_id=self.order_id,
            symbol=self.symbol,
            verdict=verdict,
            state=self.state,
            filled_quantity=self.filled,
            reason=_reply_text(self.reply),
        )


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
    ) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._synchronizer = synchronizer
        self._clock = clock
        self._deadline_s = deadline_s

    def cancel(
        self,
        orders: Sequence[TrackedOrder],
        on_result: CancelListener = ignore_result,
        *,
        within_s: Seconds | None = None,
        reads_first: bool = False,
    ) -> tuple[CancelResult, ...]:
        """Ask for every cancel, then read until each order has ended or ``within_s``, the cancel deadline, is over.

        An order in doubt is only marked: whoever finds it cancels it. With ``reads_first``, one of which a cancel may
        be under way is asked for again only if the broker does not show that.
        """
        for order in orders:
            if not (reads_first and order.state is OrderState.PENDING_CANCEL):
                self._record_request(order)
        targets = [
            _target(order, order.envelope.order_id, reads_first=reads_first)
            for order in orders
            if order.envelope.order_id is not None and order.state.is_working
        ]
        pursued = {target.ours.client_order_id for target in targets if target.ours is not None}
        results = {
            order.client_order_id: _told(self._unasked(order), on_result)
            for order in orders
            if order.client_order_id not in pursued
        }
        for target in self._pursue(targets, within_s):
            result = _told(target.result(), on_result)
            results[ClientOrderId(str(result.client_order_id))] = result
        return tuple(results[order.client_order_id] for order in orders)

    def cancel_external(
        self,
        reports: Sequence[OrderReport],
        on_result: CancelListener = ignore_result,
        *,
        within_s: Seconds | None = None,
    ) -> tuple[CancelResult, ...]:
        """Cancel orders that are not in the book; otherwise as `cancel`."""
        targets = [_external_target(report) for report in reports]
        results = {target.order_id: _told(target.result(), on_result) for target in self._pursue(targets, within_s)}
        return tuple(results[report.order_id] for report in reports)

    def _pursue(self, targets: Sequence[_Target], within_s: Seconds | None) -> Iterator[_Target]:
        """Yield each target as soon as nothing more is to be learnt of it, and at the deadline those that are left."""
        deadline = self._clock.monotonic() + (self._deadline_s if within_s is None else within_s)
        gateway = self._gateway.by(deadline)
        left = list(targets)
        self._ask([target for target in left if target.reply is _NOT_ASKED], gateway)
        for pause in growing_pauses(_FIRST_PAUSE_S, _LONGEST_PAUSE_S):
            for target in tuple(left):
                if self._clock.monotonic() <= deadline:
                    self._read(target, gateway)
                if target.is_over:
                    left.remove(target)
                    yield target
            if not left or self._clock.monotonic() + pause > deadline:
                break
            self._clock.sleep(pause)
            self._ask([target for target in left if target.is_to_be_asked(self._clock.monotonic())], gateway)
        yield from left

    def _ask(self, targets: Sequence[_Target], gateway: BrokerGateway) -> None:
        replies = gateway.cancel_all_equity_orders([target.order_id for target in targets]) if targets else {}
        for target in targets:
            target.reply = replies[target.order_id]
            target.asked_at, target.shown = self._clock.monotonic(), None
            if target.ours is not None:
                self._record_reply(target, target.ours)
            target.may_be_under_way |= isinstance(target.reply, CancelTaken | CancelUnknown)

    def _read(self, target: _Target, gateway: BrokerGateway) -> None:
        try:
            if target.ours is None:
                report = gateway.fetch_order_status(target.order_id)
                target.state, target.filled = report.state, report.cumulative_quantity
            else:
                report, order = self._synchronizer.read(target.ours, target.order_id, gateway=gateway)
                target.state, target.filled = order.state, order.envelope.filled_quantity
        except OrderStatusError:
            return  # silence says nothing of the order: it is read again
        target.shown = report.state

    def _unasked(self, order: TrackedOrder) -> CancelResult:
        with self._ledger.open_book() as book:
            latest = book.get(order.client_order_id) or order
        return CancelResult(
            client_order_id=order.client_order_id,
            order_id=latest.envelope.order_id,
            symbol=latest.envelope.symbol,
            verdict=_END_VERDICTS.get(latest.state, CancelVerdict.LATCHED),
            state=latest.state,
            filled_quantity=latest.envelope.filled_quantity,
            reason=latest.envelope.reason,
        )

    def _record_request(self, order: TrackedOrder) -> None:
        with self._ledger.open_book() as book:
            # It may have ended since somebody looked, and an end is never taken back.
            current = book.get(order.client_order_id) or order
            if current.state.is_terminal:
                return
            status = OrderState.PENDING_CANCEL if current.state.is_working else None
            self._ledger.record_fact(replace(about(current.envelope, EventKind.CANCEL_REQUESTED), status=status))

    def _record_reply(self, target: _Target, order: TrackedOrder) -> None:
        event = replace(
            about(order.envelope, EventKind.CANCEL_ANSWERED),
            details={"reply": _REPLY_VERDICTS[type(target.reply)].value, "text": _reply_text(target.reply) or ""},
        )
        with self._ledger.open_book() as book:
            current = book.get(order.client_order_id) or order
            before = state_without_cancel(current if current.envelope.filled_quantity else order)
            goes_back = target.came_to_nothing and is_legal(current.state, before)
            self._ledger.record_fact(replace(event, status=before) if goes_back else event)


def _target(order: TrackedOrder, order_id: OrderId, *, reads_first: bool) -> _Target:
    envelope = order.envelope
    was_asked = order.state is OrderState.PENDING_CANCEL
    return _Target(
        order_id=order_id,
        symbol=envelope.symbol,
        ours=order,
        state=envelope.state,
        filled=envelope.filled_quantity,
        reply=_ASKED_BEFORE if was_asked and reads_first else _NOT_ASKED,
        may_be_under_way=was_asked,
    )


def _external_target(report: OrderReport) -> _Target:
    was_asked = report.state is OrderState.PENDING_CANCEL
    return _Target(
        order_id=report.order_id,
        symbol=report.symbol,
        ours=None,
        state=report.state,
        filled=report.cumulative_quantity,
        reply=_ASKED_BEFORE if was_asked else _NOT_ASKED,
    )


def _reply_text(reply: CancelReply) -> str | None:
    match reply:
        case CancelRefused(reason=text) | CancelNotSent(cause=text) | CancelUnknown(cause=text):
            return text
        case CancelTaken():
            return None
