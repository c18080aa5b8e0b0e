"""What was asked for and did not become an order at the broker, by reason. Pure.

- *By a rule of ours*: trades of the trade log that ended before there was an order, by their code. A journal does not
  have them. The log is rotated, so that of an old period some may be gone.
- *Duplicates*: trades of the log that were answered with an earlier order. Nothing was sent, as it should be.
- *By the broker*: orders on record that it refused, by the reason it gave.
- *Not sent*, *never accepted*: orders on record that provably did not reach the broker, or never arrived, by cause.
"""

import enum
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from trading_bot.order_management.models import OrderState
from trading_bot.report.history import ReportedOrder


class RefusedBy(enum.StrEnum):
    """Who or what kept a trade from the market."""

    RULE = "rule"
    DUPLICATE = "duplicate"
    BROKER = "broker"
    NOT_SENT = "not_sent"
    NEVER_ACCEPTED = "never_accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedTrade:
    """One line of the trade log."""

    at: datetime
    symbol: str
    status: str
    code: str
    client_order_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeLog:
    """The trades that the log still has."""

    trades: tuple[LoggedTrade, ...] = ()
    unreadable: int = 0
    """Lines that are no trade."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One reason, and how often it was given."""

    by: RefusedBy
    reason: str
    count: int


_STATES = {
    OrderState.REJECTED: RefusedBy.BROKER,
    OrderState.NOT_SENT: RefusedBy.NOT_SENT,
    OrderState.NEVER_ACCEPTED: RefusedBy.NEVER_ACCEPTED,
}
_STATUSES = {
    "blocked": RefusedBy.RULE,
    "not_implemented": RefusedBy.RULE,
    "rejected": RefusedBy.RULE,
    "not_sent": RefusedBy.NOT_SENT,
    "duplicate": RefusedBy.DUPLICATE,
}
"""What a line of the log says of a trade that has no order on record."""


def refusals_of(orders: Iterable[ReportedOrder], trades: Iterable[LoggedTrade]) -> tuple[Refusal, ...]:
    """Count the reasons, the most frequent first.

    A trade whose order is among ``orders`` is counted by that, unless it is a duplicate.
    """
    found: Counter[tuple[RefusedBy, str]] = Counter()
    on_record = set()
    for order in orders:
        on_record.add(str(order.order.client_order_id))
        by = _STATES.get(order.order.state)
        if by is not None:
            found[by, order.order.envelope.reason or "no reason given"] += 1
    for trade in trades:
        by = _STATUSES.get(trade.status)
        if by is not None and (by is RefusedBy.DUPLICATE or trade.client_order_id not in on_record):
            found[by, trade.code] += 1
    ranked = sorted(found.items(), key=lambda each: (-each[1], each[0]))
    return tuple(Refusal(by=by, reason=reason, count=count) for (by, reason), count in ranked)
