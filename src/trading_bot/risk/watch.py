"""Watches what trading costs: holds the journal's facts against the limits of a day, and trips the breaker.

The loss of a day is the realised one, or the realised one and what the held shares lost today by their marks, whichever
is larger: a gain that is not realised excuses no loss. Nothing here reads from the broker but `RiskWatch.read_ahead`,
which is called ahead of an order and outside of every lock.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_DOWN, Decimal

from trading_bot.clock import Seconds
from trading_bot.config.risk_settings import RiskManagementConfig
from trading_bot.order_management.book.change_log import ChangeMark
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import EXACT
from trading_bot.order_management.order_store import OrderChange
from trading_bot.order_management.sync.held_shares import HeldShares
from trading_bot.risk.breaker import BreakerTrips, RiskBreaker
from trading_bot.risk.cost_basis import Holding
from trading_bot.risk.exchange_day import ExchangeDay, ExchangeDays
from trading_bot.risk.exposure import Exposure, exposure
from trading_bot.risk.losing_streak import LosingStreak
from trading_bot.risk.marks import READ_AGAIN_AFTER_S, MarkReader, Marks, NoMarks
from trading_bot.risk.order_facts import OrderFacts, TradeHistory
from trading_bot.risk.results import DayResults, RunningTotals, day_results
from trading_bot.risk.unrealised import Unrealised, unrealised

_CENT = Decimal("0.01")
_EVER = datetime.min.replace(tzinfo=UTC)
_UNTIL_TOMORROW = "; nothing is bought until the next exchange day"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskState:
    """Where the account stands against its limits. Results are in dollars, without fees."""

    day: date
    """The exchange day that "today" means."""
    trades_today: int
    """Orders that the broker has taken or may have taken."""
    realised_today: Decimal
    """By executions, and by totals and averages where executions are not listed yet."""
    unknown_sales_today: int
    """Sales of shares whose cost is not in the journal: neither gains nor losses."""
    consecutive_losses: int
    halted_because: str | None
    """Why no position may be opened, if so; held shares may be sold all the same."""
    unrealised_today: Decimal = Decimal(0)
    """What the held shares that were bought through this journal gained today by their marks, negative when lost."""
    unmarked: tuple[str, ...] = ()
    """Held symbols that are left out of ``unrealised_today``: no fresh mark, or a position that is not explained."""
    unknown_cost: tuple[str, ...] = ()
    """Held symbols with shares whose cost is unknown since a person accepted the position: counted in no limit."""
    estimated_sales_today: int = 0
    """Sales counted by the order's total and average, because their executions are not listed yet."""
    entries_last_minute: int = 0
    """Buys that were decided within the last minute, whatever became of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountResults:
    """What trading earned, in dollars without fees; None is a figure of which nothing is known.

    A figure covers what is known of it: ``unknown_sales``, ``unmarked`` and ``unknown_cost`` say what it leaves out.
    """

    realised_today: Decimal | None
    realised: Decimal | None
    """Of all sales ever; None also once old orders have left the memory."""
    unknown_sales_today: int
    """Sales of shares whose cost is not known, whole or in part."""
    unknown_sales: int
    unrealised_today: Decimal | None
    """None also where the broker says no last close of shares from before today."""
    unrealised: Decimal | None
    unmarked: tuple[str, ...]
    known_shares: Mapping[str, Decimal]
    """The shares of known cost, by symbol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figures:
    today: ExchangeDay
    trades: int
    entries: int
    results: DayResults
    streak: LosingStreak
    on_record: str | None
    unrealised: Unrealised
    unknown_cost: tuple[str, ...]


class RiskWatch:
    """Judges a day's trading by the journal, the breaker's file and the latest ``marks``.

    What is added up over the orders goes on from the last look with those that have changed since, so that a look late
    in a busy day costs no more than one at its beginning. ``unsettled`` names the symbols of which the broker may hold
    another quantity than our fills explain; ``held`` is the most that may be held of each symbol.
    """

    def __init__(
        self,
        *,
        limits: RiskManagementConfig,
        orders: OrderFacts,
        breaker: RiskBreaker,
        days: ExchangeDays,
        marks: MarkReader | None = None,
        unsettled: Callable[[], Collection[str]] = frozenset,
        held: Callable[[], Mapping[str, HeldShares]] = dict,
    ) -> None:
        self._limits = limits
        self._orders = orders
        self._breaker = breaker
        self._days = days
        self._reader = marks
        self._marks: Marks = marks or NoMarks()
        self._unsettled = unsettled
        self._held = held
        # The store is asked within it, and nobody asks for it who holds the store's locks. A listener may come back.
        self._lock = threading.RLock()
        self._totals = RunningTotals()
        self._mark: ChangeMark | None = None

    def read_ahead(self, *, after_s: Seconds = READ_AGAIN_AFTER_S) -> None:
        """Read the marks of what is held, if a limit rests on them and ``after_s`` has passed; then check.

        Takes a few seconds at most, and never raises for what the broker does. Call it outside of every lock.
        """
        if self._reader is None:
            return
        symbols = {*self._symbols_to_mark()}
        if symbols:
            self._reader.refresh(symbols, after_s=after_s)
            self.check()

    def _symbols_to_mark(self) -> Iterator[str]:
        if self._limits.max_daily_loss is not None:
            yield from self.held_symbols()
        if self._limits.max_gross_exposure is not None:
            yield from (symbol for symbol, held in self._held().items() if held.quantity)

    def exposure(self, orders: Iterable[TrackedOrder]) -> Exposure:
        """Return what is held and what ``orders`` may still bring, in dollars.

        Ask for the orders first: one that fills meanwhile then counts twice, and never not at all.
        """
        with self._followed(self._days.current()) as (totals, _):
            costs = {
                symbol: EXACT.divide(each.cost, each.quantity)
                for symbol, each in totals.holdings.items()
                if each.quantity
            }
        return exposure(self._held(), orders, mark_of=self._price_of, cost_of=costs.get)

    def _price_of(self, symbol: str) -> Decimal | None:
        mark = self._marks.of(symbol)
        return None if mark is None else mark.price

    def state(self) -> RiskState:
        """Return the figures of today; nothing is written."""
        return self._state(self._figures())

    def trips(self) -> BreakerTrips:
        """Return which limits of a day were reached last, in force or not."""
        return self._breaker.trips()

    def held_symbols(self) -> tuple[str, ...]:
        """Return the symbols of which shares of known cost are held."""
        with self._followed(self._days.current()) as (totals, _):
            return tuple(symbol for symbol, holding in totals.holdings.items() if holding.quantity)

    def holdings(self) -> Mapping[str, Holding]:
        """Return what is held of each symbol by the journal, and what it cost."""
        with self._followed(self._days.current()) as (totals, _):
            return dict(totals.holdings)

    def account_results(self, marks: Marks) -> AccountResults:
        """Return what was earned today and in all by the journal, and by ``marks``; no limit is held against them."""
        today = self._days.current()
        with self._followed(today) as (totals, history):
            day, results = totals.day, totals.results()
        ever = day_results(results.sales, since=_EVER)
        doubtful = {*history.unexplained, *self._unsettled()}
        open_now = unrealised(results.holdings, marks, leaving_out=doubtful)
        has_marks = bool(open_now.marked) or not open_now.unmarked
        in_part = [sale.executed_at for sale in results.sales if sale.unknown_quantity]
        sold_today = sum(sale.executed_at >= today.begins for sale in results.sales)
        is_all_known = history.is_whole and ever.unknown < max(1, len(results.sales))
        return AccountResults(
            realised_today=day.realised if day.unknown < max(1, sold_today) else None,
            realised=ever.realised if is_all_known else None,
            unknown_sales_today=sum(at >= today.begins for at in in_part),
            unknown_sales=len(in_part),
            unrealised_today=open_now.dollars if has_marks and not open_now.without_close else None,
            unrealised=open_now.since_bought if has_marks else None,
            unmarked=open_now.unmarked,
            known_shares={symbol: holding.quantity for symbol, holding in results.holdings.items()},
        )

    def check(self) -> RiskState:
        """Put a limit that was reached on record, and return the figures of today."""
        figures = self._figures()
        if (reason := self._daily_loss(figures)) is not None:
            self._breaker.trip_daily_loss(figures.today, reason)
        if (reason := self._losing_streak(figures)) is not None:
            self._breaker.trip_losing_streak(reason)
        return self._state(figures)

    def on_order_change(self, change: OrderChange) -> None:
        """Check after each news of a fill: a limit reached is on record even if no trade is asked for any more."""
        if change.event.event is EventKind.EXECUTION_BOOKED or change.event.filled_quantity:
            self.check()

    def _figures(self) -> _Figures:
        today = self._days.current()
        standing = self._breaker.standing(today)
        with self._followed(today) as (totals, history):
            trades, results, holdings = totals.trades, totals.day, dict(totals.holdings)
            entries = totals.entries.count(self._days.now())
            streak = totals.streak(counted_after=standing.rearmed_at)
        doubtful = {*history.unexplained, *self._unsettled()}
        return _Figures(
            today=today,
            trades=trades,
            entries=entries,
            results=results,
            streak=streak,
            on_record=standing.halted_because,
            unrealised=unrealised(holdings, self._marks, leaving_out=doubtful),
            unknown_cost=tuple(sorted(symbol for symbol, held in holdings.items() if held.unknown)),
        )

    @contextmanager
    def _followed(self, today: ExchangeDay) -> Iterator[tuple[RunningTotals, TradeHistory]]:
        """Bring the totals up to date, and hold them."""
        with self._lock:
            history, totals = self._orders.history(since=self._mark), self._totals
            if (totals.acceptances, totals.today) != (history.acceptances, today.begins):
                history = self._orders.history()
            if history.has_all_orders:
                totals = self._totals = RunningTotals(history.acceptances, today=today.begins)
            self._mark = None  # if it fails on the way, all orders are told anew
            totals.tell(history.orders)
            self._mark = history.mark
            yield totals, history

    def _state(self, figures: _Figures) -> RiskState:
        return RiskState(
            day=figures.today.date,
            trades_today=figures.trades,
            realised_today=figures.results.realised,
            unknown_sales_today=figures.results.unknown,
            consecutive_losses=figures.streak.current,
            halted_because=figures.on_record or self._losing_streak(figures) or self._daily_loss(figures),
            unrealised_today=figures.unrealised.dollars,
            unmarked=figures.unrealised.unmarked,
            unknown_cost=figures.unknown_cost,
            estimated_sales_today=figures.results.estimated,
            entries_last_minute=figures.entries,
        )

    def _daily_loss(self, figures: _Figures) -> str | None:
        limit, realised = self._limits.max_daily_loss, figures.results.lowest.copy_abs()
        if limit is None:
            return None
        day = figures.today.date
        if realised >= limit:
            return (
                f"the realised loss of {day} reached {_in_cents(realised)}, and the limit is {limit:f}{_UNTIL_TOMORROW}"
            )
        earned, change = figures.results.realised, figures.unrealised.dollars
        loss = EXACT.minus(EXACT.add(earned, change))
        if loss < limit:
            return None
        return (
            f"the loss of {day} reached {_in_cents(loss)} ({_in_cents(earned)} realised, {_in_cents(change)} on held "
            f"shares by their latest prices), and the limit is {limit:f}{_UNTIL_TOMORROW}"
        )

    def _losing_streak(self, figures: _Figures) -> str | None:
        limit, losses = self._limits.max_consecutive_losses, figures.streak.peak
        if limit is None or losses < limit:
            return None
        return (
            f"{losses} sell orders in a row lost money, and the limit is {limit};"
            " nothing is bought until you know why and re-arm with `trading-bot arm`"
        )


def _in_cents(dollars: Decimal) -> Decimal:
    return dollars.quantize(_CENT, ROUND_DOWN, EXACT)  # towards zero, so that no loss is shown that was not made
