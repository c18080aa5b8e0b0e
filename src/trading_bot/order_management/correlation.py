"""Which caller's request a record belongs to: the rule of ``correlation_id``, and the one place that applies it.

1. Every request of a caller (a signal, a command, a trade, a replace, an exit, a cancel, a decision of a person, a
   kill) has one id: the caller's own, or one that is made. A kill's is the name of its file. An exit that joins another
   one's adds no record.
2. What is *done* for a request carries its id, whichever order it concerns: the intent and all attempts of a new order,
   cancels and their answers, the records of an exit, freezes and decisions. A cancel that is fired later, once an order
   in doubt was found, carries the id of whoever wanted it.
3. What the *broker says* of an order (accepted, updated, filled, adopted, absent) carries the id of the request that
   made the order, whoever read it. So no race decides it: a fill reads the same from the poller and from a cancel.
4. What belongs to no request carries none: sessions, synchronisations, orders of version 0.1 and adopted ones.

How: an order keeps the id of its intent, and `events.about` names it in every record of the order. A thread notes the
request that it is at work for; the store lets the facts of `_DONE_FOR_A_REQUEST` carry that id instead. Requests begin
at `OrderContext.request`. Synchronisations and listeners run for nobody, even where a request runs them.
"""

import threading
from contextlib import AbstractContextManager
from typing import TypeVar

from trading_bot.caller_values import plain_text
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.client_ids import MAX_LENGTH, is_plain_name, shown
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderValidationError
from trading_bot.values import replace

_DONE_FOR_A_REQUEST = frozenset(
    {
        EventKind.CANCEL_REQUESTED,
        EventKind.CANCEL_ANSWERED,
        EventKind.ORDER_RESOLVED,
        EventKind.EXIT_BEGUN,
        EventKind.EXIT_LEG_PLACED,
        EventKind.EXIT_ENDED,
        EventKind.PROTECTION_SET,
        EventKind.PROTECTION_CHANGED,
        EventKind.PROTECTION_ENDED,
        EventKind.SYMBOL_FROZEN,
        EventKind.SYMBOL_RELEASED,
        EventKind.POSITION_ACCEPTED,
        EventKind.TRADING_HALTED,
        EventKind.TRADING_RESUMED,
    }
)
_Named = TypeVar("_Named", bound=str | None)
_log = get_logger(__name__)


class RequestAtWork(threading.local):
    """The request that a thread is at work for: each thread sees its own."""

    correlation_id: str | None = None

    def on_behalf_of(self, correlation_id: _Named) -> AbstractContextManager[_Named]:
        """Work for this request until the block ends, or with None for nobody; the block gets what was given."""
        return _OnBehalf(self, correlation_id)

    def named(self, fact: OrderEvent) -> OrderEvent:
        """Return the fact under the id of the request, if it is one that is done for it."""
        correlation_id = self.correlation_id
        if correlation_id is None or fact.event not in _DONE_FOR_A_REQUEST or fact.correlation_id == correlation_id:
            return fact
        return replace(fact, correlation_id=correlation_id)


class _OnBehalf(AbstractContextManager[_Named]):
    # A class and no generator: every order is in several.
    __slots__ = ("_at_work", "_before", "_correlation_id")

    def __init__(self, at_work: RequestAtWork, correlation_id: _Named) -> None:
        self._at_work = at_work
        self._before: str | None = None
        self._correlation_id = correlation_id

    def __enter__(self) -> _Named:
        self._before, self._at_work.correlation_id = self._at_work.correlation_id, self._correlation_id
        return self._correlation_id

    def __exit__(self, *_: object) -> None:
        self._at_work.correlation_id = self._before


def validate_correlation_id(given: object) -> str:
    """Return the id if it is 1 to 64 printable characters without surrounding blanks.

    Raises:
        OrderValidationError: anything else.
    """
    text = plain_text(given)
    if isinstance(text, str) and is_plain_name(text):
        return text
    raise OrderValidationError(
        f"a correlation id is 1 to {MAX_LENGTH} printable characters, not {shown(text)}; choose another",
        code="bad_correlation_id",
    )


def usable_correlation_id(given: object) -> str | None:
    """Return the id, or None for one that cannot be used: a wrong name holds up no exit and no cancel."""
    if given is None:
        return None
    try:
        return validate_correlation_id(given)
    except OrderValidationError as error:
        _log.warning("correlation_id_dropped", problem=str(error))
        return None
