"""The one table of legal order-state changes.

Theory of operation. An order is born ``pending_submit`` when its intent is durable. Exactly one answer to the submit
ends that: the broker has it (queued, confirmed or further), refused it (rejected), provably never saw it (not_sent),
or nobody knows (unknown). From then on only reports of the broker move it, forwards: a report that lags behind what
was already seen is stale and changes nothing. ``pending_cancel`` is ours: a cancel was asked for, and until a report
shows an end, a fill may still win. Ends are final in the store, but for one: an order that was provably not sent may
be sent again, as the same order, when its caller asks for it again. A report that contradicts an end is an anomaly,
never a transition. ``presumed_absent`` is an unknown order that complete listings did not show; it still counts in
full, and may yet turn up.
"""

import enum
from collections.abc import Mapping

from trading_bot.order_management.models import OrderState
from trading_bot.values import Value

_S = OrderState
_AT_BROKER = frozenset(
    {
        _S.QUEUED,
        _S.CONFIRMED,
        _S.PARTIALLY_FILLED,
        _S.PENDING_CANCEL,
        _S.FILLED,
        _S.CANCELLED,
        _S.REJECTED,
    }
)

TRANSITIONS: Mapping[OrderState, frozenset[OrderState]] = {
    _S.PENDING_SUBMIT: _AT_BROKER | {_S.UNKNOWN, _S.NOT_SENT},
    _S.UNKNOWN: _AT_BROKER | {_S.PRESUMED_ABSENT, _S.NEVER_ACCEPTED},
    _S.PRESUMED_ABSENT: _AT_BROKER | {_S.NEVER_ACCEPTED},
    _S.QUEUED: _AT_BROKER - {_S.QUEUED},
    _S.CONFIRMED: _AT_BROKER - {_S.QUEUED, _S.CONFIRMED},
    _S.PARTIALLY_FILLED: frozenset({_S.PENDING_CANCEL, _S.FILLED, _S.CANCELLED, _S.REJECTED}),
    # Back to work is legal only because a broker may refuse a cancel; a mere report does not do it, see `classify`.
    _S.PENDING_CANCEL: _AT_BROKER - {_S.PENDING_CANCEL},
    _S.FILLED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.NOT_SENT: frozenset({_S.PENDING_SUBMIT}),  # the same intent and ref_id once more: provably nothing is there
    _S.NEVER_ACCEPTED: frozenset(),
}


class MoveKind(enum.StrEnum):
    """What a reported state means for the state on record."""

    SAME = "same"
    ADVANCE = "advance"
    STALE = "stale"  # behind what was already seen: keep ours
    CONTRADICTION = "contradiction"  # against an end on record: keep ours, tell a person


class Move(Value, frozen=True, kw_only=True):
    """The state to keep after a report, and what the report means for it."""

    state: OrderState
    kind: MoveKind


def is_legal(current: OrderState, following: OrderState) -> bool:
    """Whether the table has this edge."""
    return following in TRANSITIONS[current]


def classify(current: OrderState, reported: OrderState) -> Move:
    """Decide what a broker's report does to an order.

    ``reported`` is a state that a broker can report; our own states (unknown, not_sent, ...) are never reported and
    count as contradictions.
    """
    if reported is current:
        return Move(state=current, kind=MoveKind.SAME)
    if reported not in _AT_BROKER or current.is_terminal:
        return Move(state=current, kind=MoveKind.CONTRADICTION)
    if current is _S.PENDING_CANCEL and not reported.is_terminal:
        # The request is under way; a working order is what one expects to read until the broker has acted.
        return Move(state=current, kind=MoveKind.STALE)
    if is_legal(current, reported):
        return Move(state=reported, kind=MoveKind.ADVANCE)
    return Move(state=current, kind=MoveKind.STALE)
