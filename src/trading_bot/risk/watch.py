"""Watches what trading costs: holds the journal's facts against the limits of a day, and trips the breaker."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal

from trading_bot.config.sections import RiskManagementConfig
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.ledger import OrderChange
from trading_bot.order_management.models import EXACT
from trading_bot.order_management.order_book import TrackedOrder
from trading_bot.risk.breaker import RiskBreaker
from trading_bot.risk.exchange_day import ExchangeDay, ExchangeDays
from trading_bot.risk.order_facts import OrderFacts
from trading_bot.risk.results import DayResults, LosingStreak, Sale, day_results, losing_streak, sales_of

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskState:
    """Where the account stands against its limits. Results are realised ones in dollars, without fees."""

    day: date
    """The exchange day that "today" means."""
    trades_today: int
    """Orders that the broker has taken or may have taken."""
    realised_today: Decimal
    unknown_sales_today: int
    """Sales of shares whose cost is not in the journal: neither gains nor losses."""
    consecutive_losses: int
    halted_because: str | None
    """Why no position may be opened, if so; held shares may be sold all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figures:
    today: ExchangeDay
    trades: int
    results: DayResults
    streak: LosingStreak
    on_record: str | None


class RiskWatch:
    """Judges a day's trading. The journal and the breaker's file decide; nothing else is remembered."""

    def __init__(
        self, *, limits: RiskManagementConfig, orders: OrderFacts, breaker: RiskBreaker, days: ExchangeDays
    ) -> None:
        self._limits = limits
        self._orders = orders
        self._breaker = breaker
        self._days = days
        self._known: tuple[tuple[object, ...], tuple[Sale, ...]] = ((), ())

    def state(self) -> RiskState:
        """Return the figures of today; nothing is written."""
        return self._state(self._figures())

    def check(self) -> RiskState:
        """Put a limit that was reached on record, and return the figures of today."""
        figures = self._figures()
        if (reason := self._daily_loss(figures)) is not None:
            self._breaker.trip_daily_loss(figures.today, reason)
        if (reason := self._losing_streak(figures)) is not None:
            self._breaker.trip_losing_streak(reason)
        return self._state(figures)

    def on_order_change(self, change: OrderChange) -> None:
        """Check after each execution: a limit reached is on record even if no trade is asked for any more."""
        if change.event.event is EventKind.EXECUTION_BOOKED:
            self.check()

    def _figures(self) -> _Figures:
        orders, today = self._orders.orders(), self._days.current()
        standing, sales = self._breaker.standing(today), self._sales_of(orders)
        return _Figures(
            today=today,
            trades=sum(_was_taken(order) and order.envelope.created_at >= today.begins for order in orders),
            results=day_results(sales, since=today.begins),
            streak=losing_streak(sales, since=today.begins, counted_after=standing.rearmed_at),
            on_record=standing.halted_because,
        )

    def _state(self, figures: _Figures) -> RiskState:
        return RiskState(
            day=figures.today.date,
            trades_today=figures.trades,
            realised_today=figures.results.realised,
            unknown_sales_today=figures.results.unknown,
            consecutive_losses=figures.streak.current,
            halted_because=figures.on_record or self._losing_streak(figures) or self._daily_loss(figures),
        )

    def _sales_of(self, orders: tuple[TrackedOrder, ...]) -> tuple[Sale, ...]:
        # Between two executions nothing changes, and a long journal is not to be added up again for every trade.
        executed = tuple(order.executions for order in orders if order.executions)
        known, sales = self._known
        if executed != known:
            sales = sales_of(orders)
            self._known = (executed, sales)
        return sales

    def _daily_loss(self, figures: _Figures) -> str | None:
        limit, lost = self._limits.max_daily_loss, figures.results.lowest.copy_abs()
        if limit is None or lost < limit:
            return None
        return (
            f"the realised loss of {figures.today.date} reached {_in_cents(lost)}, and the limit is {limit:f};"
            " nothing is bought until the next exchange day"
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
    return dollars.quantize(_CENT, ROUND_FLOOR, EXACT)  # down, so that no loss is shown that was not made


def _was_taken(order: TrackedOrder) -> bool:
    return order.envelope.order_id is not None or order.state.is_unresolved
