"""Following cancels until the broker shows an end, and recording it. The step itself is `CancelStep`'s."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from trading_bot.clock import Seconds
from trading_bot.error_handling.retry import growing_pauses
from trading_bot.order_management.book.tracked_order import TrackedOrder, state_without_cancel
from trading_bot.order_management.cancel.step import CHANGED_SINCE, NOT_ASKED, CancelStep, CancelTarget
from trading_bot.order_management.context import OrderContext
from trading_bot.order_management.event_details import CancelAnswerDetails
from trading_bot.order_management.events import EventKind, about
from trading_bot.order_management.lifecycle import is_legal
from trading_bot.order_management.models import OrderId, OrderReport, OrderState
from trading_bot.order_management.outcomes import (
    CancelNotSent,
    CancelRefused,
    CancelReply,
    CancelTaken,
    CancelUnknown,
)
from trading_bot.order_management.results import CancelResult, CancelVerdict
from trading_bot.order_management.sync.foreign import Row
from trading_bot.order_management.sync.synchronizer import Synchronizer
from trading_bot.values import replace

_FIRST_PAUSE_S: Seconds = 0.25
_LONGEST_PAUSE_S: Seconds = 2.0

END_VERDICTS: Mapping[OrderState, CancelVerdict] = {
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

Asked: TypeAlias = Mapping[str, bool]
"""The orders whose cancel a caller has asked for before, each with whether such a request may have arrived."""

_ASKED_BEFORE = CancelUnknown(cause="it was asked for before, and the broker does not show it")
_LOST_BEFORE = CancelNotSent(cause="it was asked for before, and no request was sent")


@dataclass(slots=True, kw_only=True)
class TrackedCancel(CancelTarget):
    """One order at the broker that is being cancelled, and what is known of it by now."""

    symbol: str
    ours: TrackedOrder | None
    """The order on record as it was before the request; None for one that somebody else placed."""
    state: OrderState
    filled: Decimal

    @property
    def has_ended(self) -> bool:
        """Whether a report shows that the order cannot trade any more."""
        return self.state.is_terminal

    def result(self) -> CancelResult:
        """Return what was proven."""
        verdict = END_VERDICTS.get(self.state)
        if verdict is None:
            under_way = self.shown is OrderState.PENDING_CANCEL
            verdict = CancelVerdict.PENDING if under_way else self._reply_verdict()
        return CancelResult(
            client_order_id=None if self.ours is None else self.ours.client_order_id,
            order_id=self.order_id,
            symbol=self.symbol,
            verdict=verdict,
            state=self.state,
            filled_quantity=self.filled,
            reason=_reply_text(self.reply),
        )

    def _reply_verdict(self) -> CancelVerdict:
        # That the last request was not sent says nothing of an earlier one.
        is_in_doubt = isinstance(self.reply, CancelNotSent) and self.may_be_under_way
        return CancelVerdict.UNKNOWN if is_in_doubt else _REPLY_VERDICTS[type(self.reply)]


class CancelTracker:
    """Follows cancels with `CancelStep`, and puts what it learns on record."""

    def __init__(self, context: OrderContext, synchronizer: Synchronizer) -> None:
        self._gateway = context.gateway
        self._store = context.store
        self._synchronizer = synchronizer
        self._clock = context.clock
        self._tracker: CancelStep[TrackedCancel] = CancelStep(watcher=self, clock=context.clock)

    def follow(self, targets: Sequence[TrackedCancel], *, within_s: Seconds) -> Iterator[TrackedCancel]:
        """Ask for each cancel now, and return what yields each target as soon as nothing more is to be learnt of it.

        At the deadline it yields those that are left.
        """
        if not targets:
            return iter(())
        since, deadline = self._clock.now() - CHANGED_SINCE, self._clock.monotonic() + within_s
        self._tracker.ask([target for target in targets if target.is_unasked], self._gateway.by(deadline))
        return self._followed(list(targets), since=since, deadline=deadline)

    def _followed(self, left: list[TrackedCancel], *, since: datetime, deadline: Seconds) -> Iterator[TrackedCancel]:
        gateway = self._gateway.by(deadline)
        for pause in growing_pauses(_FIRST_PAUSE_S, _LONGEST_PAUSE_S):
            left = self._tracker.read(left, gateway, since=since, deadline=deadline)
            for target in tuple(left):
                if target.is_over:
                    left.remove(target)
                    yield target
            if not left or self._clock.monotonic() + pause > deadline:
                break
            self._clock.sleep(pause)
            self._tracker.ask([target for target in left if target.is_to_be_asked(self._clock.monotonic())], gateway)
        yield from left

    def answered(self, target: TrackedCancel) -> None:
        """Record the broker's answer to a request for an order of ours."""
        if target.ours is not None:
            self._record_reply(target, target.ours)

    def vanished(self, target: TrackedCancel) -> None:
        """Note that the broker does not know an order of ours by its id."""
        if target.ours is not None:
            self._synchronizer.note_vanished(target.ours)

    def reported(self, target: TrackedCancel, report: OrderReport) -> None:
        """Take over what the broker says, into the book where the order is ours."""
        if target.ours is None:
            target.state, target.filled = report.state, report.cumulative_quantity
        else:
            order = self._synchronizer.learn(target.ours, report)
            target.state, target.filled = order.state, order.envelope.filled_quantity

    def _record_reply(self, target: TrackedCancel, order: TrackedOrder) -> None:
        answer = CancelAnswerDetails(
            reply=_REPLY_VERDICTS[type(target.reply)].value,
            text=_reply_text(target.reply) or "",
            exchange=target.reply.exchange,
        )
        event = replace(about(order.envelope, EventKind.CANCEL_ANSWERED), details=answer.as_text())
        with self._store.open_book() as book:
            current = book.get(order.client_order_id) or order
            event = replace(event, correlation_id=current.cancel_of)
            before = state_without_cancel(current if current.envelope.filled_quantity else order)
            goes_back = target.came_to_nothing and is_legal(current.state, before)
            self._store.record_fact(replace(event, status=before) if goes_back else event)


def our_target(order: TrackedOrder, order_id: OrderId, *, asked: Asked) -> TrackedCancel:
    """Aim at an order of the book; one whose cancel was asked for before is read first."""
    envelope = order.envelope
    return TrackedCancel(
        order_id=order_id,
        symbol=envelope.symbol,
        ours=order,
        state=envelope.state,
        filled=envelope.filled_quantity,
        reply=_reply_before(order.client_order_id, asked),
        may_be_under_way=asked.get(order.client_order_id, False) or order.state is OrderState.PENDING_CANCEL,
        created_at=envelope.created_at,
    )


def foreign_target(row: Row, order_id: OrderId, *, asked: Asked) -> TrackedCancel:
    """Aim at an order that no order of the book stands for; all that a cancel needs of its row is the order's id."""
    return TrackedCancel(
        order_id=order_id,
        symbol=row.symbol or row.instrument_id or "an unknown instrument",
        ours=None,
        state=row.state or OrderState.CONFIRMED,
        filled=row.cumulative_quantity or Decimal(0),
        reply=_reply_before(order_id, asked),
        may_be_under_way=asked.get(order_id, False) or row.state is OrderState.PENDING_CANCEL,
        created_at=row.created_at,
    )


def _reply_before(name: str, asked: Asked) -> CancelReply:
    if name not in asked:
        return NOT_ASKED
    return _ASKED_BEFORE if asked[name] else _LOST_BEFORE


def _reply_text(reply: CancelReply) -> str | None:
    match reply:
        case CancelRefused(reason=text) | CancelNotSent(cause=text) | CancelUnknown(cause=text):
            return text
        case CancelTaken():
            return None
