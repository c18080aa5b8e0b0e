"""The one step behind every cancel: ask, read, and ask again, until a report of the broker shows the order's end.

A single cancel, a cancel of everything and a kill differ in where their orders come from and in what they do with what
they learn. They share the rules of the step, which are here:

1. A request that was lost is sent again. Repeating a cancel is safe.
2. So is one that the broker took and did not act upon, once it had time to (`ACKNOWLEDGED_WITHIN_S`), or that it
   refused as it may refuse one that comes too early (`EARLY_WITHIN`).
3. A reply is about the request. Only a report of the order says what became of the order.
4. A few orders are read one by one, more of them by one list of what has changed, and then in turn: one read that
   hangs hides none of the other orders.
"""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from trading_bot.clock import CLOCKS_AGREE_WITHIN, Clock, Seconds
from trading_bot.order_management.exceptions import OrderNotFoundError, OrderStatusError
from trading_bot.order_management.models import OrderId, OrderReport, OrderState
from trading_bot.order_management.outcomes import (
    CancelNotSent,
    CancelRefused,
    CancelReply,
    CancelTaken,
    CancelUnknown,
    Listing,
)
from trading_bot.order_management.ports import BrokerCapabilities
from trading_bot.values import replace

ACKNOWLEDGED_WITHIN_S: Seconds = 2.0
"""How long a broker may take to show that it acts upon a cancel before it is asked again. Chosen."""

READ_ONE_BY_ONE = 4
"""So many orders are read one by one; of more, a list of what has changed is read first. Chosen."""

CHANGED_SINCE = 2 * CLOCKS_AGREE_WITHIN
"""How far before the first request that list goes back: the broker's clock may differ from ours."""

EARLY_WITHIN = timedelta(seconds=60)
"""How old an order may be, at most, of which a cancel can have come too early. Chosen."""

NOT_ASKED = CancelNotSent(cause="it has not been asked for yet")


class CancelBroker(Protocol):
    """The part of a broker that cancels need."""

    @property
    def capabilities(self) -> BrokerCapabilities:
        """What the broker's interface can do, and how fast it may be asked."""
        ...

    def cancel_all_equity_orders(self, order_ids: Sequence[OrderId]) -> Mapping[OrderId, CancelReply]:
        """Ask for each cancel, beginning in the order given, whatever happens to the others."""
        ...

    def fetch_order_status(self, order_id: OrderId) -> OrderReport:
        """Read one order.

        Raises:
            OrderNotFoundError: the broker answers "not found", which is not yet an outcome.
            OrderStatusError: it could not be read.
        """
        ...

    def list_orders_since(self, changed_after: datetime) -> Listing:
        """Read every order, open or ended, that changed since; see `BrokerCapabilities.lists_by_change`."""
        ...


@dataclass(slots=True, kw_only=True)
class CancelTarget(abc.ABC):
    """One order at the broker that is being cancelled. What is known of the order itself is the subclass's."""

    order_id: OrderId
    reply: CancelReply = NOT_ASKED
    asked_at: Seconds = 0
    shown: OrderState | None = None
    """What the broker showed since it was asked last."""
    may_be_under_way: bool = False
    """Whether an earlier request may have arrived."""
    created_at: datetime | None = None
    """When the order was made, where that is known."""

    @property
    @abc.abstractmethod
    def has_ended(self) -> bool:
        """Whether a report shows that the order cannot trade any more."""

    @property
    def is_unasked(self) -> bool:
        """Whether no request was ever made."""
        return self.reply is NOT_ASKED

    @property
    def is_over(self) -> bool:
        """Whether reading on would teach nothing: it has ended, or stays as it is because the broker refused."""
        is_refused = isinstance(self.reply, CancelRefused) and not self.reply.may_be_early
        return self.has_ended or (is_refused and self._is_unacknowledged)

    @property
    def came_to_nothing(self) -> bool:
        """Whether no request is under way, by the latest answer."""
        never_left = isinstance(self.reply, CancelNotSent) and not self.may_be_under_way
        return never_left or isinstance(self.reply, CancelRefused)

    def is_to_be_asked(self, now: Seconds) -> bool:
        """Whether the request was lost, or has come to nothing."""
        if isinstance(self.reply, CancelNotSent | CancelUnknown):
            return self.shown is not OrderState.PENDING_CANCEL
        return self._is_unacknowledged and now - self.asked_at >= ACKNOWLEDGED_WITHIN_S

    @property
    def _is_unacknowledged(self) -> bool:
        return self.shown is not None and self.shown is not OrderState.PENDING_CANCEL


T = TypeVar("T", bound=CancelTarget)
T_contra = TypeVar("T_contra", bound=CancelTarget, contravariant=True)


class CancelWatcher(Protocol[T_contra]):
    """Whoever the targets belong to: hears what is learnt of each, at once."""

    def answered(self, target: T_contra) -> None:
        """Take the broker's answer to a request, which the target has noted."""
        ...

    def reported(self, target: T_contra, report: OrderReport) -> None:
        """Take what the broker says of the order."""
        ...

    def vanished(self, target: T_contra) -> None:
        """Take that the broker does not know the order's id, which is not yet an end."""
        ...


class CancelStep(Generic[T]):
    """Asks for cancels and reads what became of their orders, for one watcher."""

    def __init__(self, *, watcher: CancelWatcher[T], clock: Clock) -> None:
        self._watcher = watcher
        self._clock = clock

    def ask(self, targets: Sequence[T], broker: CancelBroker) -> None:
        """Send one request for each target, in the order given."""
        replies = broker.cancel_all_equity_orders([target.order_id for target in targets]) if targets else {}
        for target in targets:
            target.reply = self._in_time(target, replies[target.order_id])
            target.asked_at, target.shown = self._clock.monotonic(), None
            self._watcher.answered(target)
            target.may_be_under_way |= isinstance(target.reply, CancelTaken | CancelUnknown)

    def _in_time(self, target: T, reply: CancelReply) -> CancelReply:
        """Take no refusal of an old order's cancel for one that came too early: asking on would hold up all others."""
        if not isinstance(reply, CancelRefused) or not reply.may_be_early or target.created_at is None:
            return reply
        return replace(reply, may_be_early=self._clock.now() - target.created_at <= EARLY_WITHIN)

    def read(
        self,
        targets: Sequence[T],
        broker: CancelBroker,
        *,
        since: datetime,
        deadline: Seconds,
        at_most: int = READ_ONE_BY_ONE,
    ) -> list[T]:
        """Read what there is time for, ``at_most`` of them by their ids; return all, the longest unread first."""
        unread = self._left_by_list(targets, broker, since) if len(targets) > READ_ONE_BY_ONE else list(targets)
        for target in unread[:at_most]:
            if self._clock.monotonic() <= deadline:
                self._read_one(target, broker)
        waiting = {target.order_id for target in unread[at_most:]}
        return sorted(targets, key=lambda target: target.order_id not in waiting)

    def learn(self, target: T, report: OrderReport) -> None:
        """Take a report of the target's order, wherever it was read."""
        target.shown = report.state
        self._watcher.reported(target, report)

    def _left_by_list(self, targets: Sequence[T], broker: CancelBroker, since: datetime) -> list[T]:
        if not broker.capabilities.lists_by_change and any(target.created_at is None for target in targets):
            return list(targets)  # no list can be known to reach back to them
        made = (target.created_at for target in targets if target.created_at is not None)
        listing = broker.list_orders_since(broker.capabilities.list_from(since, created=made))
        reports = {report.order_id: report for report in listing.reports}
        for target in targets:
            if target.order_id in reports:
                self.learn(target, reports[target.order_id])
        return [target for target in targets if target.order_id not in reports]

    def _read_one(self, target: T, broker: CancelBroker) -> None:
        try:
            report = broker.fetch_order_status(target.order_id)
        except OrderNotFoundError:
            self._watcher.vanished(target)
        except OrderStatusError:
            return  # silence says nothing of the order: it is read again
        else:
            self.learn(target, report)
