"""Following cancels until the broker shows an end.

A request that was lost is asked again, and so is one that the broker took and did not act upon: repeating a cancel is
safe. Many orders are read by one list of what has changed, few by their ids, in turn, so that one that hangs hides none
of the others.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from trading_bot.clock import CLOCKS_AGREE_WITHIN, Clock, Seconds
from trading_bot.error_handling.retry import growing_pauses
from trading_bot.order_management.events import EventKind, about
from trading_bot.order_management.exceptions import OrderNotFoundError, OrderStatusError
from trading_bot.order_management.ledger import OrderLedger
from trading_bot.order_management.lifecycle import is_legal
from trading_bot.order_management.models import OrderId, OrderReport, OrderState
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

_FEW = 4
"""So many orders are read one by one; of more, a list of what has changed is read first."""

_CHANGED_SINCE = 2 * CLOCKS_AGREE_WITHIN

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

_NOT_ASKED = CancelNotSent(cause="it has not been asked for yet")
_ASKED_BEFORE = CancelUnknown(cause="it was asked for before, and the broker does not show it")


def state_without_cancel(order: TrackedOrder) -> OrderState:
    """Return the state that an order is in once no cancel of it is under way."""
    if order.state is not OrderState.PENDING_CANCEL:
        return order.state
    return OrderState.PARTIALLY_FILLED if order.envelope.filled_quantity else OrderState.CONFIRMED


@dataclass(slots=True, kw_only=True)
class Target:
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
        verdict = END_VERDICTS.get(self.state)
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


class Pursuit:
    """Asks and reads."""

    def __init__(
        self, *, gateway: BrokerGateway, ledger: OrderLedger, synchronizer: Synchronizer, clock: Clock
    ) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._synchronizer = synchronizer
        self._clock = clock

    def follow(self, targets: Sequence[Target], *, within_s: Seconds) -> Iterator[Target]:
        """Yield each target as soon as nothing more is to be learnt of it, and at the deadline those that are left."""
        if not targets:
            return
        began_at, deadline = self._clock.now(), self._clock.monotonic() + within_s
        gateway = self._gateway.by(deadline)
        left = list(targets)
        self._ask([target for target in left if target.reply is _NOT_ASKED], gateway)
        for pause in growing_pauses(_FIRST_PAUSE_S, _LONGEST_PAUSE_S):
            left = self._read_some(left, gateway, since=began_at - _CHANGED_SINCE, deadline=deadline)
            for target in tuple(left):
                if target.is_over:
                    left.remove(target)
                    yield target
            if not left or self._clock.monotonic() + pause > deadline:
                break
            self._clock.sleep(pause)
            self._ask([target for target in left if target.is_to_be_asked(self._clock.monotonic())], gateway)
        yield from left

    def _ask(self, targets: Sequence[Target], gateway: BrokerGateway) -> None:
        replies = gateway.cancel_all_equity_orders([target.order_id for target in targets]) if targets else {}
        for target in targets:
            target.reply = replies[target.order_id]
            target.asked_at, target.shown = self._clock.monotonic(), None
            if target.ours is not None:
                self._record_reply(target, target.ours)
            target.may_be_under_way |= isinstance(target.reply, CancelTaken | CancelUnknown)

    def _read_some(
        self, left: Sequence[Target], gateway: BrokerGateway, *, since: datetime, deadline: Seconds
    ) -> list[Target]:
        """Read what there is time for, and return all of them, the longest unread first."""
        unread = self._without_listed(left, gateway, since) if len(left) > _FEW else list(left)
        for target in unread[:_FEW]:
            if self._clock.monotonic() <= deadline:
                self._read(target, gateway)
        waiting = {target.order_id for target in unread[_FEW:]}
        return sorted(left, key=lambda target: target.order_id not in waiting)

    def _without_listed(self, left: Sequence[Target], gateway: BrokerGateway, since: datetime) -> list[Target]:
        shown = {report.order_id: report for report in gateway.list_orders_since(since).reports}
        for target in left:
            if target.order_id in shown:
                self._learn(target, shown[target.order_id])
        return [target for target in left if target.order_id not in shown]

    def _read(self, target: Target, gateway: BrokerGateway) -> None:
        try:
            report = gateway.fetch_order_status(target.order_id)
        except OrderNotFoundError:
            if target.ours is not None:
                self._synchronizer.note_vanished(target.ours)
        except OrderStatusError:
            return  # silence says nothing of the order: it is read again
        else:
            self._learn(target, report)

    def _learn(self, target: Target, report: OrderReport) -> None:
        target.shown = report.state
        if target.ours is None:
            target.state, target.filled = report.state, report.cumulative_quantity
        else:
            order = self._synchronizer.learn(target.ours, report)
            target.state, target.filled = order.state, order.envelope.filled_quantity

    def _record_reply(self, target: Target, order: TrackedOrder) -> None:
        event = replace(
            about(order.envelope, EventKind.CANCEL_ANSWERED),
            details={"reply": _REPLY_VERDICTS[type(target.reply)].value, "text": _reply_text(target.reply) or ""},
        )
        with self._ledger.open_book() as book:
            current = book.get(order.client_order_id) or order
            before = state_without_cancel(current if current.envelope.filled_quantity else order)
            goes_back = target.came_to_nothing and is_legal(current.state, before)
            self._ledger.record_fact(replace(event, status=before) if goes_back else event)


def our_target(order: TrackedOrder, order_id: OrderId, *, was_asked: bool) -> Target:
    """Aim at an order of the book; one whose cancel was asked for before is read first."""
    envelope = order.envelope
    return Target(
        order_id=order_id,
        symbol=envelope.symbol,
        ours=order,
        state=envelope.state,
        filled=envelope.filled_quantity,
        reply=_ASKED_BEFORE if was_asked else _NOT_ASKED,
        may_be_under_way=was_asked or order.state is OrderState.PENDING_CANCEL,
    )


def foreign_target(report: OrderReport, *, was_asked: bool) -> Target:
    """Aim at an order that no order of the book stands for."""
    return Target(
        order_id=report.order_id,
        symbol=report.symbol,
        ours=None,
        state=report.state,
        filled=report.cumulative_quantity,
        reply=_ASKED_BEFORE if was_asked else _NOT_ASKED,
        may_be_under_way=was_asked or report.state is OrderState.PENDING_CANCEL,
    )


def _reply_text(reply: CancelReply) -> str | None:
    match reply:
        case CancelRefused(reason=text) | CancelNotSent(cause=text) | CancelUnknown(cause=text):
            return text
        case CancelTaken():
            return None
