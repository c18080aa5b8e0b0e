"""What other offsets would have given, estimated from what the market showed meanwhile. Pure.

Each order that reached the market is tried again at each of `OFFSETS_BPS`: a passive limit from the same reference
price, rounded as the calculator rounds (by SEC Rule 612: an instrument's own larger step is not on record). It rests
from the intent until the order ended, or, where the order was filled in full, until the close of the session, because
nobody knows how long it would have rested. Whether it fills is found out by the first of these that says so:

1. *Quotes.* It fills when the recorded ask (of a buy) or bid (of a sell) first comes to the limit: at the limit, or at
   once at that ask or bid where it was there when the order was decided. It does not fill where the quotes cover the
   whole time without a gap and none came to the limit.
2. *Our own executions.* It fills when an order of ours on the same side, in the same symbol, was executed at its limit
   or further away from the market: whoever traded there would have traded with it first. It does not fill where the
   order itself got no share at a limit nearer to the market.
3. Otherwise it is *unknown*.

Those that are known are no fair choice of all: the fill ratio of an offset is therefore told as the least and the most
that it can be, with the unknown ones not filled and filled. The shortfall is that of the orders whose outcome is known
at every offset, if those are `LEAST_COMPARED` of all.

An estimate assumes that the whole quantity fills at once, that nobody stands before it in the queue, and that the order
moves no price. The first two are too kind to far offsets, so compare with the row of what was really filled.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext

from trading_bot.order_management.calculator import limit_price_for
from trading_bot.order_management.models import EXACT, Execution, OrderState, Pricing, Side, exact_sum
from trading_bot.order_management.price_offsets import OffsetMode, PriceOffsetConfig
from trading_bot.report.fill_quality import time_to_last_fill
from trading_bot.report.history import ReportedOrder
from trading_bot.report.numbers import bps, percentile, ratio
from trading_bot.report.prices import Quote, RecordedPrices
from trading_bot.report.shortfall import NOTHING, LaterPrices, shortfall_of

OFFSETS_BPS = (0, 2, 5, 10, 15, 20, 30, 50)
"""The offsets that are tried, in basis points. Chosen: from none to the default slippage guard."""

LEAST_COMPARED = Decimal("0.5")
"""The part of all orders from which on the shortfalls of some say something of the offset. Chosen."""

CloseOf = Callable[[datetime, bool], datetime]
"""When the session closes that an order of a moment can trade in; True for extended hours."""

_MEDIAN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a set of orders at one offset, or as they were sent."""

    offset_bps: int | None
    """None for the orders as they were sent."""
    orders: int
    """Those of which the outcome is known."""
    unknown: int
    """Those of which it is not."""
    filled_orders: int
    """Those that got every share."""
    ordered: Decimal
    """Shares, of all of them."""
    filled: Decimal
    """Shares, of the orders that are known."""
    doubtful: Decimal
    """Shares of the orders that are not."""
    to_fill: timedelta | None
    """The median time from the intent to the last share, of the orders that got every share."""
    shortfall_bps: Decimal | None
    """Slippage and what was missed of the orders that are compared, in basis points of what was ordered."""

    @property
    def least_filled(self) -> Decimal | None:
        """The least that shares filled by shares ordered can be, 0 to 1; None where no order is known."""
        return ratio(self.filled, self.ordered) if self.orders else None

    @property
    def most_filled(self) -> Decimal | None:
        """The most that it can be; the same where all are known."""
        return ratio(EXACT.add(self.filled, self.doubtful), self.ordered) if self.orders else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherOffsets:
    """The estimates, and beside them what really happened."""

    tried: tuple[Outcome, ...]
    as_sent: Outcome
    compared: int
    """Orders whose outcome at every offset is known, and a later price: the shortfalls are of these alone, if any."""
    by_quotes: int
    """Orders whose outcomes all rest on recorded quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Try:
    """One order at one offset: filled at a price and time, or not at all; unknown where nobody can say."""

    is_known: bool = True
    price: Decimal | None = None
    at: datetime | None = None


_UNKNOWN = _Try(is_known=False)
_NOT_FILLED = _Try()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    order: ReportedOrder
    tries: tuple[_Try, ...]
    later_price: Decimal | None
    has_quotes: bool

    @property
    def is_comparable(self) -> bool:
        needs_price = any(one.price is None for one in self.tries)
        return all(one.is_known for one in self.tries) and not (needs_price and self.later_price is None)


class OffsetTrial:
    """Tries the orders of one period again."""

    def __init__(self, orders: Iterable[ReportedOrder], *, quotes: RecordedPrices, close_of: CloseOf) -> None:
        self._orders = tuple(orders)
        self._quotes = quotes
        self._close_of = close_of
        self._later = LaterPrices(self._orders, quotes)
        self._executions: dict[tuple[str, Side], list[Execution]] = {}
        for order in self._orders:
            self._executions.setdefault((order.symbol, order.side), []).extend(order.fills)
        for those in self._executions.values():
            those.sort(key=lambda fill: fill.executed_at)

    def outcomes(self, orders: Iterable[ReportedOrder]) -> OtherOffsets:
        """Return the estimates for these ``orders``; those that never reached the market are left out."""
        tried = [self._tried(order) for order in orders if order.reached_the_market]
        compared = [one for one in tried if one.is_comparable and self._cost_as_sent(one) is not None]
        if len(compared) < LEAST_COMPARED * len(tried):
            compared = []
        return OtherOffsets(
            tried=tuple(_outcome(place, tried, compared) for place in range(len(OFFSETS_BPS))),
            as_sent=self._as_sent(tried, compared),
            compared=len(compared),
            by_quotes=sum(one.has_quotes for one in tried),
        )

    def _tried(self, order: ReportedOrder) -> _Tried:
        until = self._rests_until(order)
        limits = [_limit(order, offset) for offset in OFFSETS_BPS]
        has_quotes = self._quotes.cover(order.symbol, order.intended.at, until)
        by_quotes = self._by_quotes(order, limits, until)
        tries = tuple(
            found or (_NOT_FILLED if has_quotes else self._by_executions(order, limit, until))
            for found, limit in zip(by_quotes, limits, strict=True)
        )
        return _Tried(
            order=order, tries=tries, later_price=self._later.after(order.symbol, until), has_quotes=has_quotes
        )

    def _rests_until(self, order: ReportedOrder) -> datetime:
        if order.order.state is OrderState.FILLED or order.ended_at is None:
            return self._close_of(order.intended.at, order.order.envelope.extended_hours)
        return order.ended_at

    def _by_quotes(self, order: ReportedOrder, limits: Sequence[Decimal], until: datetime) -> list[_Try | None]:
        """Return where each limit fills, the nearest to the market first; None where no quote comes to it."""
        found: list[_Try | None] = []
        held = self._quotes.at(order.symbol, order.intended.at)
        while held is not None and len(found) < len(limits) and _comes_to(held, order.side, limits[len(found)]):
            found.append(_Try(price=_touch(held, order.side), at=order.intended.at))
        for quote in self._quotes.between(order.symbol, order.intended.at, until):
            while len(found) < len(limits) and _comes_to(quote, order.side, limits[len(found)]):
                found.append(_Try(price=limits[len(found)], at=quote.at))
            if len(found) == len(limits):
                break
        return [*found, *[None] * (len(limits) - len(found))]

    def _by_executions(self, order: ReportedOrder, limit: Decimal, until: datetime) -> _Try:
        for fill in self._executions.get((order.symbol, order.side), ()):
            if order.intended.at < fill.executed_at <= until and not _is_beyond(order.side, fill.price, limit):
                return _Try(price=limit, at=fill.executed_at)
        got_nothing = not order.filled and not _is_beyond(order.side, limit, order.order.envelope.limit_price)
        return _NOT_FILLED if got_nothing else _UNKNOWN

    def _cost_as_sent(self, one: _Tried) -> Decimal | None:
        return shortfall_of(one.order, self._later).total

    def _as_sent(self, tried: Sequence[_Tried], compared: Sequence[_Tried]) -> Outcome:
        orders = [one.order for one in tried]
        full = [order for order in orders if order.order.state is OrderState.FILLED]
        costs = [self._cost_as_sent(one) or NOTHING for one in compared]
        return Outcome(
            offset_bps=None,
            orders=len(orders),
            unknown=0,
            filled_orders=len(full),
            ordered=exact_sum(order.quantity for order in orders),
            filled=exact_sum(order.filled for order in orders),
            doubtful=NOTHING,
            to_fill=percentile([span for order in full if (span := time_to_last_fill(order)) is not None], _MEDIAN),
            shortfall_bps=bps(exact_sum(costs), _worth(compared)),
        )


def _outcome(place: int, tried: Sequence[_Tried], compared: Sequence[_Tried]) -> Outcome:
    known = [(one.order, one.tries[place]) for one in tried if one.tries[place].is_known]
    filled = [(order, one) for order, one in known if one.price is not None]
    return Outcome(
        offset_bps=OFFSETS_BPS[place],
        orders=len(known),
        unknown=len(tried) - len(known),
        filled_orders=len(filled),
        ordered=exact_sum(one.order.quantity for one in tried),
        filled=exact_sum(order.quantity for order, _ in filled),
        doubtful=exact_sum(one.order.quantity for one in tried if not one.tries[place].is_known),
        to_fill=percentile([one.at - order.intended.at for order, one in filled if one.at is not None], _MEDIAN),
        shortfall_bps=bps(exact_sum(_cost(one, place) for one in compared), _worth(compared)),
    )


def _cost(one: _Tried, place: int) -> Decimal:
    price = one.tries[place].price
    traded_at = one.later_price if price is None else price
    with localcontext(EXACT):
        order = one.order
        return order.sign * order.quantity * ((traded_at or order.reference) - order.reference)


def _worth(compared: Iterable[_Tried]) -> Decimal:
    with localcontext(EXACT):
        return exact_sum(one.order.quantity * one.order.reference for one in compared)


def _limit(order: ReportedOrder, offset_bps: int) -> Decimal:
    offset = Decimal(offset_bps)
    rules = PriceOffsetConfig(
        offset_mode=OffsetMode.BPS,
        buy_offset=offset,
        sell_offset=offset,
        max_slippage_pct=NOTHING,
        pricing=Pricing.PASSIVE,
    )
    return limit_price_for(order.side, order.reference, rules)


def _touch(quote: Quote, side: Side) -> Decimal:
    return quote.ask if side is Side.BUY else quote.bid


def _comes_to(quote: Quote, side: Side, limit: Decimal) -> bool:
    return not quote.halted and not _is_beyond(side, _touch(quote, side), limit)


def _is_beyond(side: Side, price: Decimal, limit: Decimal) -> bool:
    """Whether an order of ``side`` with this limit may not trade at ``price``."""
    return price > limit if side is Side.BUY else price < limit
