"""One exit: its request, its result, and its state while it is under way."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from trading_bot.caller_values import exact_price
from trading_bot.clock import Seconds
from trading_bot.order_management.book.exit_facts import ExitEnding, ExitOrigin, leg_name
from trading_bot.order_management.book.position_watch import in_words
from trading_bot.order_management.calculator import MAX_QUANTITY, asked_terms
from trading_bot.order_management.correlation import usable_correlation_id
from trading_bot.order_management.exceptions import (
    OrderError,
    OrderStatusError,
    OrderSubmissionError,
    OrderValidationError,
    TradeRefusedError,
)
from trading_bot.order_management.models import ClientOrderId, OrderEnvelope, OrderRequest, OrderTerms, Side
from trading_bot.order_management.submit.crossing import WOULD_CROSS
from trading_bot.order_management.submit.placement import Gather
from trading_bot.order_management.sync.free_shares import Free
from trading_bot.prose import dollars_in_words, typed


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """What is wanted: ``quantity`` shares, or with None all that are free."""

    symbol: str
    quantity: int | None = None
    origin: ExitOrigin = ExitOrigin.PERSON
    by: str = "a person"
    reason: str = "asked for"
    limit: Decimal | None = None
    """One order at this price in dollars, and no ladder; needed where there is no quote."""
    extended_hours: bool = False
    held: Decimal | None = None
    """The shares that a person sees at the broker: they stand for a look that cannot be had, and bound the sale."""
    exit_id: str | None = None
    """Names the exit where its caller has put the name on record before; else one is made."""
    counts: tuple[ClientOrderId, ...] = ()
    """Earlier sells for the same shares: what they sold, or may still sell, is a part of ``quantity``."""
    correlation_id: str | None = None
    """The caller's name for the request; one that cannot be used is dropped, because it must not hold up an exit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitResult:
    """What came of an exit: ``code`` for programs, ``message`` for people, and its orders."""

    exit_id: str
    symbol: str
    ending: ExitEnding
    code: str
    message: str
    sold: Decimal = Decimal(0)
    orders: tuple[OrderEnvelope, ...] = ()
    correlation_id: str | None = None
    """Of this request, which may have joined the exit of another."""


@dataclass(slots=True, kw_only=True)
class ExitRun:
    """One exit under way."""

    exit_id: str
    leave: Leave
    gather: Gather
    deadline: Seconds
    first_bid: Decimal | None = None
    legs: list[ClientOrderId] = field(default_factory=list)
    problem: OrderError | None = None
    quote_problem: OrderStatusError | None = None
    """Why the quote could not be read, when it was read last."""
    result: ExitResult | None = None
    is_over: threading.Event = field(default_factory=threading.Event)

    def next_id(self) -> ClientOrderId:
        """Name the next order: an id of its own, the same at every replay."""
        return leg_name(self.exit_id, len(self.legs) + 1)

    @property
    def symbol(self) -> str:
        """What is left."""
        return self.leave.symbol


_LONGEST_TEXT = 500
_ENDINGS = {
    ExitEnding.SOLD: "{sold} shares are sold",
    ExitEnding.RESTING: "{sold} shares are sold and the last order rests at the broker: {resting}",
    ExitEnding.IN_DOUBT: "{sold} shares are sold and an order is in doubt; it is being looked for",
    ExitEnding.NOTHING_FREE: "no share is held and free to sell",
    ExitEnding.NOT_SOLD: "{sold} shares are sold and the rest is not; run {exit} again",
    ExitEnding.UNFINISHED: "the exit has not ended yet; run {exit} again to see",
}


def _count(held: object, *, symbol: str) -> Decimal:
    if isinstance(held, Decimal) and held.is_finite() and 0 < held <= MAX_QUANTITY:
        return held
    raise OrderValidationError(
        f"{symbol}: the shares held are a number above zero, such as 120, not {str(held)[:40]!a}",
        symbol=symbol,
        code="bad_quantity",
    )


def is_hopeless(problem: OrderError) -> bool:
    """Whether no further order of the exit can pass where one met this: killed, closed, or nothing can be recorded.

    Shares that somebody else took meanwhile, a read that failed and a broker's refusal leave something to try.
    """
    if isinstance(problem, TradeRefusedError):
        return problem.code not in _MAY_PASS_LATER
    return not isinstance(problem, OrderSubmissionError | OrderStatusError)


_MAY_PASS_LATER = frozenset({"insufficient_shares", WOULD_CROSS})


def leg_terms(leave: Leave, *, quantity: int, limit: Decimal) -> OrderTerms:
    """Return the terms of one order of an exit."""
    return OrderTerms(
        symbol=leave.symbol,
        side=Side.SELL,
        quantity=quantity,
        limit_price=limit,
        extended_hours=leave.extended_hours,
    )


def checked(leave: Leave) -> Leave:
    """Return what a caller asked for in the order layer's own types, as every order is: 5.0 shares are 5.

    Raises:
        OrderValidationError: a wrong symbol, quantity, limit, count of shares or session.
        UnsupportedOrderTypeError: the symbol names an option or a crypto pair.
    """
    terms = asked_terms(
        OrderRequest(
            symbol=leave.symbol,
            side=Side.SELL,
            quantity=1 if leave.quantity is None else leave.quantity,
            reference_price=Decimal(1) if leave.limit is None else leave.limit,
            extended_hours=leave.extended_hours,
        )
    )
    return replace(
        leave,
        symbol=terms.symbol,
        quantity=None if leave.quantity is None else terms.quantity,
        limit=None if leave.limit is None else terms.limit_price,
        held=None if leave.held is None else _count(exact_price(leave.held), symbol=terms.symbol),
        extended_hours=terms.extended_hours,
        correlation_id=usable_correlation_id(leave.correlation_id),
        by=_recorded(leave.by, or_else="a strategy"),
        reason=_recorded(leave.reason, or_else="asked for"),
    )


def _recorded(text: object, *, or_else: str) -> str:
    # Words for the record never keep a position from being left.
    return str(text)[:_LONGEST_TEXT] if text else or_else


def exit_message(
    run: ExitRun,
    ending: ExitEnding,
    sold: Decimal,
    *,
    orders: Iterable[OrderEnvelope] = (),
    free: Free | None = None,
) -> str:
    """Say in one sentence what came of an exit, and what to do next; ``free`` explains why nothing could be sold."""
    resume = f"entries wait for {typed('resume', run.symbol)}"
    if ending is ExitEnding.NOT_SOLD and run.problem is not None:
        return f"{in_words(sold)} sold: {run.problem}; {resume}"
    if ending is ExitEnding.NOT_SOLD and not run.legs:
        why = "" if run.quote_problem is None else f" ({run.quote_problem})"
        return f"no quote could be read for {run.symbol}{why}; name a price with --limit; {resume}"
    said = _ENDINGS[ending].format(
        sold=in_words(sold), resting=_resting(run.symbol, orders), exit=typed("exit", run.symbol)
    )
    if ending is ExitEnding.NOTHING_FREE and free is not None and (free.held or free.expected):
        said = f"{said}: {free.in_words()}"
    return f"{run.symbol}: {said}; {resume}"


_APPROVAL = ", which does not work before you approve it in the Robinhood app"


def _resting(symbol: str, orders: Iterable[OrderEnvelope]) -> str:
    named = [
        f"sell {in_words(order.quantity - order.filled_quantity)} at {dollars_in_words(order.limit_price)} "
        f"({order.client_order_id}{_APPROVAL if order.awaits_approval else ''})"
        for order in orders
        if order.state.is_working
    ]
    return f"{', '.join(named)}; nothing lowers its price now, so watch it or run {typed('exit', symbol)} again"
