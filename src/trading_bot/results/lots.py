"""Lots, first in, first out: what each sold share cost, when it was bought, and what is still held. Pure.

1. A buy makes a lot for each fill; a sell closes the oldest lots first.
2. Shares that the account held at the first look are older than every lot, and their cost is unknown.
3. A split that a person accepted with its ratio changes the shares of each lot and leaves its cost.
4. Any other position that a person accepted takes the place of all lots: one lot of unknown cost and date.
5. What a sell closes beyond all lots has an unknown cost: those shares were not bought through this journal.

A loss is flagged if shares of the symbol were bought within `WASH_DAYS` days before it and are held after it, or within
as many days after it (26 U.S.C. 1091); what is left of the same purchase does not count (Rev. Rul. 56-602). It is
flagged and not judged: other accounts, options and funds that are substantially identical are not seen here.
"""

import calendar
import enum
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext

from trading_bot.order_management.book.tracked_order import NOTHING
from trading_bot.order_management.models import EXACT, Side
from trading_bot.results.history import Restated, TradeFill
from trading_bot.risk.cost_basis import Rank
from trading_bot.risk.exchange_day import exchange_day

WASH_DAYS = 30
"""How many days before and after a loss a purchase is flagged (26 U.S.C. 1091)."""

_SMALLEST_PART = Decimal("1E-8")
"""Of a share: the broker counts no smaller ones."""


class Term(enum.StrEnum):
    """How long shares were held, by dates in New York; more than one year is long (26 U.S.C. 1222)."""

    SHORT = "short"
    LONG = "long"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLot:
    """Shares that are held."""

    symbol: str
    quantity: Decimal
    cost: Decimal | None
    """Dollars without fees; None where no record tells what they cost."""
    bought: TradeFill | None
    """None where they were not bought through this journal."""
    since: datetime
    """When they were bought, or when it became known that they are held."""

    @property
    def acquired_on(self) -> date | None:
        """The date in New York; None where it is not known."""
        return None if self.bought is None else exchange_day(self.bought.executed_at).date


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedLot:
    """Shares that were bought together and sold together."""

    symbol: str
    quantity: Decimal
    cost: Decimal | None
    """Dollars without fees; None where it is unknown."""
    proceeds: Decimal
    bought: TradeFill | None
    sold: TradeFill
    repurchase: TradeFill | None = None
    """The purchase for which this loss may be a wash sale."""

    @property
    def result(self) -> Decimal | None:
        """Dollars earned, negative when lost; None where the cost is unknown."""
        return None if self.cost is None else EXACT.subtract(self.proceeds, self.cost)

    @property
    def buy_fees(self) -> Decimal | None:
        """Dollars that buying these shares cost beside ``cost``; None where it is not known."""
        if self.bought is None or self.cost is None:
            return None
        return _part(self.bought.fees, self.cost, self.bought.amount)  # by cost, which no split changes

    @property
    def sell_fees(self) -> Decimal | None:
        """Dollars that selling these shares cost, which ``proceeds`` has not lost; None where it is not known."""
        return _part(self.sold.fees, self.quantity, self.sold.quantity)

    @property
    def acquired_on(self) -> date | None:
        """The date in New York; None where it is not known."""
        return None if self.bought is None else exchange_day(self.bought.executed_at).date

    @property
    def sold_on(self) -> date:
        """The date in New York."""
        return exchange_day(self.sold.executed_at).date

    @property
    def term(self) -> Term | None:
        """How long they were held; None where it is not known since when."""
        return None if self.acquired_on is None else term_of(self.acquired_on, self.sold_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lots:
    """Every lot of an account."""

    closed: tuple[ClosedLot, ...]
    """In the order in which they were sold."""
    open: tuple[OpenLot, ...]
    """By symbol, the oldest first."""

    def of_sales(self) -> Mapping[Rank, tuple[ClosedLot, ...]]:
        """Return the lots that each fill of a sell closed, by its rank."""
        found: dict[Rank, tuple[ClosedLot, ...]] = {}
        for lot in self.closed:
            found[lot.sold.rank] = (*found.get(lot.sold.rank, ()), lot)
        return found


def term_of(acquired: date, sold: date) -> Term:
    """Return whether shares were held for more than one year; the day after they were acquired is the first one.

    What was acquired on the last day of a month was held for a year on the last day of that month (Rev. Rul. 66-7).
    """
    year, month = acquired.year + 1, acquired.month
    is_last = acquired.day == calendar.monthrange(acquired.year, month)[1]
    day = calendar.monthrange(year, month)[1] if is_last else acquired.day
    return Term.LONG if sold > date(year, month, day) else Term.SHORT


def lots_of(fills: Iterable[TradeFill], restated: Sequence[Restated] = ()) -> Lots:
    """Put fills into lots; ``restated`` are the positions that were taken as they are, oldest first."""
    by_symbol: dict[str, list[TradeFill]] = {one.symbol: [] for one in restated}
    for fill in fills:
        by_symbol.setdefault(fill.symbol, []).append(fill)
    closed: list[ClosedLot] = []
    held: list[OpenLot] = []
    with localcontext(EXACT):
        for symbol, those in sorted(by_symbol.items()):
            fold = _Fold(symbol)
            for event in _in_order(those, [one for one in restated if one.symbol == symbol]):
                fold.take(event)
            closed += _flagged(fold, those)
            held += fold.lots
    return Lots(closed=tuple(sorted(closed, key=lambda lot: lot.sold.rank)), open=tuple(held))


def _in_order(fills: Iterable[TradeFill], restated: Sequence[Restated]) -> Iterator[TradeFill | Restated]:
    # An order stands where it was decided among the positions taken, as its costs do in `risk.cost_basis`.
    waiting = sorted(fills, key=lambda fill: (_before(fill, restated), fill.rank))
    for place, one in enumerate(restated):
        yield from (fill for fill in waiting if _before(fill, restated) == place)
        yield one
    yield from (fill for fill in waiting if _before(fill, restated) == len(restated))


def _before(fill: TradeFill, restated: Sequence[Restated]) -> int:
    return sum(one.number < fill.order_number for one in restated)


class _Fold:
    """The lots of one symbol as its fills and restated positions come."""

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self.lots: deque[OpenLot] = deque()
        self.closed: list[ClosedLot] = []

    def take(self, event: TradeFill | Restated) -> None:
        if isinstance(event, Restated):
            self._restate(event)
        elif event.side is Side.BUY:
            self.lots.append(
                OpenLot(
                    symbol=self._symbol,
                    quantity=event.quantity,
                    cost=event.amount,
                    bought=event,
                    since=event.executed_at,
                )
            )
        else:
            self._sell(event)

    def _sell(self, sold: TradeFill) -> None:
        left = sold.quantity
        while left and self.lots:
            lot = self.lots.popleft()
            taken = min(left, lot.quantity)
            cost = _part(lot.cost, taken, lot.quantity)
            self._close(sold, taken, cost=cost, bought=lot.bought)
            left -= taken
            if taken < lot.quantity:
                rest = None if lot.cost is None or cost is None else lot.cost - cost
                self.lots.appendleft(replace(lot, quantity=lot.quantity - taken, cost=rest))
        if left:
            self._close(sold, left, cost=None, bought=None)

    def _close(self, sold: TradeFill, quantity: Decimal, *, cost: Decimal | None, bought: TradeFill | None) -> None:
        self.closed.append(
            ClosedLot(
                symbol=self._symbol,
                quantity=quantity,
                cost=cost,
                proceeds=quantity * sold.price,
                bought=bought,
                sold=sold,
            )
        )

    def _restate(self, one: Restated) -> None:
        if one.ratio is not None:
            self.lots = deque(_split(self.lots, one))
            return
        # What the first look finds beyond our fills was held before them; a person's decision names no single shares.
        older = one.held - sum((lot.quantity for lot in self.lots), NOTHING)
        if one.by is not None or older < 0:
            self.lots, older = deque(), one.held
        if older:
            unknown = OpenLot(symbol=self._symbol, quantity=older, cost=None, bought=None, since=one.at)
            self.lots.appendleft(unknown)


def _split(lots: Iterable[OpenLot], one: Restated) -> Iterator[OpenLot]:
    """Yield the lots after a split: their shares add up to those held, whatever a third of one is rounded to."""
    before = after = NOTHING
    for lot in lots:
        before += lot.quantity
        until = (before * one.held / one.before).quantize(_SMALLEST_PART)
        if until > after:
            yield replace(lot, quantity=until - after)
        after = until


def _part(dollars: Decimal | None, taken: Decimal, of: Decimal) -> Decimal | None:
    if dollars is None or taken == of:
        return dollars
    return EXACT.divide(EXACT.multiply(dollars, taken), of)


def _flagged(fold: _Fold, fills: Iterable[TradeFill]) -> Iterator[ClosedLot]:
    """Yield the closed lots, each loss with the purchase that makes it a possible wash sale."""
    buys = sorted((fill for fill in fills if fill.side is Side.BUY), key=lambda fill: fill.rank)
    ranks, last_of_order, last_sold = [fill.rank for fill in buys], dict[str, Rank](), dict[Rank, Rank | None]()
    for lot in fold.closed:
        name = lot.sold.client_order_id
        last_of_order[name] = max(lot.sold.rank, last_of_order.get(name, lot.sold.rank))
        if lot.bought is not None:
            last_sold[lot.bought.rank] = lot.sold.rank
    last_sold |= {lot.bought.rank: None for lot in fold.lots if lot.bought is not None}
    for lot in fold.closed:
        if lot.result is None or lot.result >= 0:
            yield lot
            continue
        end = last_of_order[lot.sold.client_order_id]
        place = bisect_right(ranks, lot.sold.rank)
        yield replace(lot, repurchase=_repurchase(lot, end, before=buys[:place], after=buys[place:], sold=last_sold))


def _repurchase(
    lot: ClosedLot,
    end: Rank,
    *,
    before: Sequence[TradeFill],
    after: Sequence[TradeFill],
    sold: Mapping[Rank, Rank | None],
) -> TradeFill | None:
    """Return the nearest purchase in the window; ``end`` is the last fill of the order that made the loss."""
    window = timedelta(days=WASH_DAYS)
    if after and exchange_day(after[0].executed_at).date <= lot.sold_on + window:
        return after[0]
    for buy in reversed(before):
        if exchange_day(buy.executed_at).date < lot.sold_on - window:
            return None
        is_the_same = lot.bought is not None and buy.client_order_id == lot.bought.client_order_id
        last = sold.get(buy.rank, end)
        if not is_the_same and (last is None or last > end):
            return buy
    return None
