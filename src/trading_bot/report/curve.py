"""Equity and drawdown over a period. Pure.

The *curve* is the account's value where the journal has two records of it or more: a running bot makes them at its
start, hourly and at each close. Where it has none, such as after a replay, it is the result of what was traded through
this journal, from zero at the begin of the period:

- *realised*: what the sells earned, by average cost per symbol (as the limits of a day count it), without fees. Shares
  of unknown cost earn an unknown result: they are counted, and are in no amount.
- *marked*: realised plus what the held shares of known cost are worth beyond their cost, at the middle of bid and ask
  of the last recorded quote. Known only at moments when every held symbol has one that still holds.

The *drawdown* at a moment is how far the curve is below its highest point so far, in dollars, zero or negative. The
curve is the account's value, else marked where it is known throughout, else realised. It is in per cent of the highest
point where the curve is the account's value; a deposit or withdrawal moves that like a gain or loss.
"""

import enum
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, localcontext

from trading_bot.order_management.book.acceptances import Acceptance
from trading_bot.order_management.models import EXACT, exact_sum
from trading_bot.report.history import History
from trading_bot.report.numbers import ratio
from trading_bot.report.prices import RecordedPrices
from trading_bot.risk.cost_basis import CostBasis, CostKey, Fill, Holding, acceptance_key, fills_by_symbol

MOST_POINTS = 600
"""How many moments a curve has at most between its fills. Chosen: a chart is about so many pixels wide."""

_NOTHING = Decimal(0)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


class Basis(enum.StrEnum):
    """What a curve is made of."""

    ACCOUNT = "account"  # the account's value on record
    MARKED = "marked"  # realised and unrealised result
    REALISED = "realised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Where a curve stands at a moment, in dollars."""

    at: datetime
    value: Decimal
    drawdown: Decimal
    """Zero or negative."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The account's value, or the result of a period, over time."""

    basis: Basis
    points: tuple[Point, ...]
    realised: Decimal
    """What the sells of the period earned, as far as their cost is known."""
    unknown_sales: int
    """Sells of the period whose result is not known."""

    @property
    def change(self) -> Decimal | None:
        """The last value less the first; None without points."""
        return EXACT.subtract(self.points[-1].value, self.points[0].value) if self.points else None

    @property
    def deepest(self) -> Point | None:
        """Where the drawdown is greatest, at its first such moment; None without points."""
        return min(self.points, key=lambda point: point.drawdown, default=None)

    @property
    def deepest_ratio(self) -> Decimal | None:
        """The greatest drawdown by the highest point before it; None where the curve is no value of an account."""
        deepest = self.deepest
        if deepest is None or self.basis is not Basis.ACCOUNT:
            return None
        return ratio(deepest.drawdown, EXACT.subtract(deepest.value, deepest.drawdown))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """One symbol after one of its fills."""

    at: datetime
    holding: Holding
    realised: Decimal


class _SymbolCurve:
    """Where the result of one symbol stands at any moment."""

    def __init__(self, symbol: str, stands: Sequence[_Stand]) -> None:
        self.symbol = symbol
        self._stands = stands
        self._times = [stand.at for stand in stands]

    def at(self, moment: datetime) -> _Stand | None:
        place = bisect_right(self._times, moment)
        return self._stands[place - 1] if place else None


def curve_of(history: History, quotes: RecordedPrices, *, since: datetime | None) -> Curve:
    """Return the curve of the period that begins at ``since``, or with the journal."""
    symbols, sales = _symbols(history)
    begin = since or history.first_at
    sold = [sale for sale in sales if begin is not None and sale[0] >= begin]
    results = [result for _, result in sold]
    known = exact_sum(result for result in results if result is not None)
    basis, course = _course(history, symbols, quotes=quotes, since=since)
    return Curve(
        basis=basis,
        points=tuple(_points(course)),
        realised=known,
        unknown_sales=sum(result is None for result in results),
    )


def _course(
    history: History, symbols: Sequence[_SymbolCurve], *, quotes: RecordedPrices, since: datetime | None
) -> tuple[Basis, Sequence[tuple[datetime, Decimal]]]:
    worth = _account_curve(history, since)
    if len(worth) > 1:
        return Basis.ACCOUNT, worth
    begin = since or history.first_at
    moments = _moments(history, symbols, quotes=quotes, begin=begin) if begin is not None else []
    marked = [_marked(symbols, quotes, moment) for moment in moments]
    known = [value for value in marked if value is not None]
    is_marked = bool(known) and len(known) == len(marked)
    values = known if is_marked else [_realised(symbols, moment) for moment in moments]
    return Basis.MARKED if is_marked else Basis.REALISED, list(zip(moments, _from_zero(values), strict=True))


def _account_curve(history: History, since: datetime | None) -> list[tuple[datetime, Decimal]]:
    """Return the account's value on record; what it was worth at the begin is what it was found worth before."""
    if since is None:
        return list(history.valued)
    before = [value for at, value in history.valued if at < since]
    begun = [(since, before[-1])] if before else []
    return [*begun, *(each for each in history.valued if each[0] >= since)]


def _symbols(history: History) -> tuple[list[_SymbolCurve], list[tuple[datetime, Decimal | None]]]:
    """Return the course of each symbol, and every sell with its result."""
    accepted: dict[str, list[tuple[CostKey, Fill | Acceptance]]] = {}
    for one in history.acceptances:
        those = accepted.setdefault(one.symbol, [])
        those.append((acceptance_key(len(those)), one))
    sales: list[tuple[datetime, Decimal | None]] = []
    symbols = []
    for symbol, fills in fills_by_symbol(history.tracked, history.acceptances).items():
        events = [*((fill.cost_key, fill) for fill in fills), *accepted.get(symbol, ())]
        symbols.append(_SymbolCurve(symbol, tuple(_stands(sorted(events, key=lambda each: each[0]), sales))))
    return symbols, sales


def _stands(
    events: Sequence[tuple[CostKey, Fill | Acceptance]], sales: list[tuple[datetime, Decimal | None]]
) -> Iterator[_Stand]:
    basis, realised, at = CostBasis(), _NOTHING, None
    with localcontext(EXACT):
        for _, event in events:
            basis = basis.after(event, today=_END_OF_TIME)
            if basis.sale is not None:
                realised += basis.sale.result or _NOTHING
                sales.append((basis.sale.executed_at, basis.sale.result))
            moment = event.at if isinstance(event, Acceptance) else event.execution.executed_at
            # The records' order decides: a moment before the one of the record before it is taken as that one.
            at = moment if at is None else max(at, moment)
            yield _Stand(at=at, holding=basis.holding, realised=realised)


def _moments(
    history: History, symbols: Sequence[_SymbolCurve], *, quotes: RecordedPrices, begin: datetime
) -> list[datetime]:
    end = history.last_at or begin
    fills = {fill.executed_at for order in history.tracked for fill in order.executions}
    seen = sorted({quote.at for each in symbols for quote in quotes.between(each.symbol, begin, end)})
    some = seen[:: max(1, len(seen) // MOST_POINTS)]
    return sorted({begin, *(at for at in (*fills, *some) if begin <= at <= end), *([end] if end > begin else [])})


def _marked(symbols: Sequence[_SymbolCurve], quotes: RecordedPrices, moment: datetime) -> Decimal | None:
    value = _NOTHING
    with localcontext(EXACT):
        for each in symbols:
            stand = each.at(moment)
            if stand is None:
                continue
            value += stand.realised
            if not stand.holding.quantity:
                continue
            mark = quotes.mark(each.symbol, moment)
            if mark is None:
                return None
            value += stand.holding.quantity * mark - stand.holding.cost
    return value


def _realised(symbols: Sequence[_SymbolCurve], moment: datetime) -> Decimal:
    return exact_sum(stand.realised for each in symbols if (stand := each.at(moment)) is not None)


def _from_zero(values: Sequence[Decimal]) -> list[Decimal]:
    return [EXACT.subtract(value, values[0]) for value in values]


def _points(course: Sequence[tuple[datetime, Decimal]]) -> Iterator[Point]:
    highest: Decimal | None = None
    for moment, value in course:
        highest = value if highest is None else max(highest, value)
        yield Point(at=moment, value=value, drawdown=EXACT.subtract(value, highest))
