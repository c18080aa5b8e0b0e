"""Why a symbol is frozen or trading is halted, as the journal names it: some causes leave the way out open."""

import enum

from trading_bot.order_management.events import OrderEvent

CAUSE = "cause"
"""The detail of a freeze or a halt that names its cause."""


class Cause(enum.StrEnum):
    """The causes that something else than a plain ``release`` ends, or that leave held shares to be sold."""

    DRIFT = "drift"  # the broker's position is not what our fills explain
    NEGATIVE_POSITION = "negative_position"
    STRANGER = "stranger"  # an order bears our mark and is not in the journal
    TWIN = "twin"  # the broker holds two orders for one of ours


_LEAVE_EXITS = frozenset({Cause.DRIFT, Cause.NEGATIVE_POSITION})


def cause_of(fact: OrderEvent | None) -> Cause | None:
    """Return the named cause of a freeze or halt; None where it names none of these."""
    word = fact.details.get(CAUSE) if fact is not None else None
    return next((cause for cause in Cause if cause.value == word), None)


def leaves_exits(fact: OrderEvent) -> bool:
    """Whether held shares may be sold all the same: the cause says nothing against our own orders."""
    return cause_of(fact) in _LEAVE_EXITS
