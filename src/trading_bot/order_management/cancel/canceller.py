"""Cancelling orders of the book, or of somebody else. Nothing here ever says "cancelled" without a broker's report."""

from collections.abc import Callable, Iterator, Sequence
from types import MappingProxyType
from typing import TypeAlias

from trading_bot.clock import Seconds
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.cancel.tracker import (
    END_VERDICTS,
    Asked,
    CancelTracker,
    TrackedCancel,
    foreign_target,
    our_target,
)
from trading_bot.order_management.context import OrderContext
from trading_bot.order_management.events import EventKind, about
from trading_bot.order_management.exceptions import OrderCancellationError
from trading_bot.order_management.models import ClientOrderId, OrderState
from trading_bot.order_management.results import CancelResult, CancelVerdict
from trading_bot.order_management.sync.foreign import Row
from trading_bot.order_management.sync.synchronizer import Synchronizer
from trading_bot.values import replace

CancelListener: TypeAlias = Callable[[CancelResult], object]
_NONE_ASKED: Asked = MappingProxyType({})


def ignore_result(_result: object) -> None:
    """Listen to nothing."""


def _reported(result: CancelResult, listener: CancelListener) -> CancelResult:
    listener(result)
    return result


def _is_followed(order: TrackedOrder) -> bool:
    return order.envelope.order_id is not None and order.state.is_working


_ACCEPTABLE_ENDS = frozenset({CancelVerdict.PENDING, CancelVerdict.DEFERRED})


def raise_unless_under_way(result: CancelResult, order_id: str) -> None:
    """Raise `OrderCancellationError` where the order may still be live and no cancel is under way."""
    if result.is_proven_closed or result.verdict in _ACCEPTABLE_ENDS:
        return
    raise OrderCancellationError(
        f"{result.symbol} order {order_id} is not cancelled ({result.verdict}: {result.reason}); "
        "it may still fill: read its status and cancel again",
        results=(result,),
        order_id=order_id,
    )


class CancelService:
    """Cancels orders of the book, one or many, and reports each one's end."""

    def __init__(self, context: OrderContext, synchronizer: Synchronizer) -> None:
        self._store = context.store
        self._tracker = CancelTracker(context, synchronizer)
        self._deadline_s = context.settings.cancel_deadline_s

    def cancel(
        self,
        orders: Sequence[TrackedOrder],
        on_result: CancelListener = ignore_result,
        *,
        within_s: Seconds | None = None,
        asked: Asked = _NONE_ASKED,
        reason: str | None = None,
    ) -> tuple[CancelResult, ...]:
        """Ask for every cancel, then read until each order has ended or ``within_s``, the cancel deadline, is over.

        An order in doubt is only marked: whoever finds it cancels it. Those that the caller has ``asked`` for before
        are read first, and asked for again only if the broker does not show that a cancel is under way. ``reason`` is
        recorded with the request.
        """
        with self._store.one_commit():
            followed = self._asked(orders, within_s=self._time_for(within_s), asked=asked, reason=reason)
            if all(_is_followed(order) for order in orders):
                return self._results(orders, followed, on_result)
        # A mark is nowhere but on record: it is committed before the cancels beside it are followed.
        with self._store.one_commit():
            return self._results(orders, followed, on_result)

    def _results(
        self, orders: Sequence[TrackedOrder], followed: Iterator[TrackedCancel], on_result: CancelListener
    ) -> tuple[CancelResult, ...]:
        results = {
            order.client_order_id: _reported(self._unasked(order), on_result)
            for order in orders
            if not _is_followed(order)
        }
        for target in followed:
            result = _reported(target.result(), on_result)
            results[ClientOrderId(str(result.client_order_id))] = result
        return tuple(results[order.client_order_id] for order in orders)

    def _asked(
        self, orders: Sequence[TrackedOrder], *, within_s: Seconds, asked: Asked, reason: str | None
    ) -> Iterator[TrackedCancel]:
        """Record what is wanted, then ask the broker, so that no request waits for a commit."""
        for order in orders:
            if order.client_order_id not in asked:
                self._record_request(order, reason)
        targets = [
            our_target(order, order.envelope.order_id, asked=asked)
            for order in orders
            if order.envelope.order_id is not None and _is_followed(order)
        ]
        return self._tracker.follow(targets, within_s=within_s)

    def cancel_external(
        self,
        rows: Sequence[Row],
        on_result: CancelListener = ignore_result,
        *,
        within_s: Seconds | None = None,
        asked: Asked = _NONE_ASKED,
    ) -> tuple[CancelResult, ...]:
        """Cancel orders that are not in the book, those that name an id; otherwise as `cancel`."""
        named = {row.order_id: row for row in rows if row.order_id is not None}
        targets = [foreign_target(row, name, asked=asked) for name, row in named.items()]
        followed = self._tracker.follow(targets, within_s=self._time_for(within_s))
        results = {target.order_id: _reported(target.result(), on_result) for target in followed}
        return tuple(results[name] for name in named)

    def _time_for(self, within_s: Seconds | None) -> Seconds:
        return self._deadline_s if within_s is None else within_s

    def _unasked(self, order: TrackedOrder) -> CancelResult:
        with self._store.open_book() as book:
            latest = book.get(order.client_order_id) or order
        return CancelResult(
            client_order_id=order.client_order_id,
            order_id=latest.envelope.order_id,
            symbol=latest.envelope.symbol,
            verdict=END_VERDICTS.get(latest.state, CancelVerdict.DEFERRED),
            state=latest.state,
            filled_quantity=latest.envelope.filled_quantity,
            reason=latest.envelope.reason,
        )

    def _record_request(self, order: TrackedOrder, reason: str | None) -> None:
        with self._store.open_book() as book:
            # It may have ended since somebody looked, and an end is never taken back.
            current = book.get(order.client_order_id) or order
            if current.state.is_terminal:
                return
            status = OrderState.PENDING_CANCEL if current.state.is_working else None
            wanted_by = current.cancel_of if current.cancel_wanted else current.envelope.correlation_id
            asked = about(current.envelope, EventKind.CANCEL_REQUESTED, status=status, correlation_id=wanted_by)
            self._store.record_fact(replace(asked, reason=reason))
