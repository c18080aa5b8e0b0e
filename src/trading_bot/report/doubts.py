"""What is not settled at the end of the journal, whatever period is looked at. Pure.

- An order is *in doubt* while it is not known whether the broker has it, while the broker's word for its state is none
  that we know, and while shares are reported filled whose executions are not listed.
- A *freeze* stops entries in a symbol or in the account until something ends it; one whose own end has come is left
  out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.prose import shares_in_words, typed
from trading_bot.report.history import History


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """One thing that a person may have to settle."""

    about: str
    """A symbol, or the account."""
    since: datetime | None
    what: str
    remedy: str


def open_doubts(history: History, *, now: datetime) -> tuple[Doubt, ...]:
    """Return the orders in doubt and the freezes, each in the order of the journal."""
    orders = (doubt for order in history.tracked for doubt in _of_order(order))
    freezes = (
        Doubt(
            about=freeze.symbol or "the account",
            since=freeze.since,
            what=f"no entries: {freeze.reason}",
            remedy=freeze.remedy,
        )
        for freeze in history.freezes
        if not freeze.is_over(now)
    )
    return (*orders, *freezes)


def _of_order(order: TrackedOrder) -> Iterator[Doubt]:
    envelope = order.envelope
    name = f"{envelope.side.value} {envelope.quantity}, order {envelope.client_order_id}"
    words = []
    if order.state.is_unresolved:
        state = order.state.value.replace("_", " ")
        words.append((f"it is not known whether the broker has it: {state}", typed("sync")))
    if not envelope.state_is_known:
        state = ascii(envelope.broker_state)
        words.append((f"the broker calls its state {state}, which is no word that we know", typed("doctor")))
    if order.unbacked_quantity:
        shares = shares_in_words(order.unbacked_quantity)
        words.append((f"the executions of {shares} shares reported filled are not listed", typed("sync")))
    for what, command in words:
        yield Doubt(about=envelope.symbol, since=envelope.created_at, what=f"{name}: {what}", remedy=f"run {command}")
