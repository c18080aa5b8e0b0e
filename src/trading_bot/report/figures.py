"""All figures of one report, from their sources. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_bot.order_management.models import ExecutionMode, OrderState, exact_sum
from trading_bot.report.curve import Curve, curve_of
from trading_bot.report.doubts import Doubt, open_doubts
from trading_bot.report.fill_quality import OffsetFills, fills_by_offset
from trading_bot.report.history import History, ReportedOrder
from trading_bot.report.latencies import Latencies, latencies_of
from trading_bot.report.numbers import ratio
from trading_bot.report.other_offsets import CloseOf, OffsetTrial, OtherOffsets
from trading_bot.report.prices import Quote, RecordedPrices
from trading_bot.report.refusals import Refusal, TradeLog, refusals_of
from trading_bot.report.shortfall import LaterPrices, Shortfall, by_symbol, together


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedFill:
    """One fill to be drawn."""

    at: datetime
    is_buy: bool
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolPrices:
    """What one symbol cost and when it was traded."""

    quotes: Sequence[Quote]
    """Recorded quotes of the period."""
    references: tuple[tuple[datetime, Decimal], ...]
    """When orders were decided, and by which price."""
    fills: tuple[ReportedFill, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What a report is about."""

    mode: ExecutionMode | None
    since: datetime | None
    """None where it begins with the journal."""
    begin: datetime | None
    """None where nothing is on record."""
    end: datetime | None
    """When the journal's last record was written."""
    made_at: datetime
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything a report shows."""

    period: Period
    orders: int
    by_state: Mapping[OrderState, int]
    ordered: Decimal
    """Shares, without those of stops."""
    filled: Decimal
    """Shares, without those of stops."""
    curve: Curve
    prices: Mapping[str, SymbolPrices]
    shortfalls: Mapping[str, Shortfall]
    """By symbol."""
    offsets: tuple[OffsetFills, ...]
    other_offsets: OtherOffsets
    latencies: Latencies
    refusals: tuple[Refusal, ...]
    unreadable_trades: int
    doubts: tuple[Doubt, ...]

    @property
    def shortfall(self) -> Shortfall:
        """Of all symbols together."""
        return together(self.shortfalls.values())

    @property
    def fill_ratio(self) -> Decimal | None:
        """Shares filled by shares ordered, of every order decided in the period but stops; None where none was."""
        return ratio(self.filled, self.ordered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What figures are made of."""

    history: History
    quotes: RecordedPrices
    trades: TradeLog
    close_of: CloseOf
    now: datetime


def figures_of(sources: Sources, *, since: datetime | None = None) -> Figures:
    """Compute the figures of the orders decided from ``since`` on, or of all."""
    history = sources.history
    orders = [order for order in history.orders if since is None or order.intended.at >= since]
    later = LaterPrices(history.orders, sources.quotes)
    trial = OffsetTrial(history.orders, quotes=sources.quotes, close_of=sources.close_of)
    trades = [trade for trade in sources.trades.trades if since is None or trade.at >= since]
    return Figures(
        period=_period(sources, since),
        orders=len(orders),
        by_state=Counter(order.order.state for order in orders),
        ordered=exact_sum(order.quantity for order in orders if not order.is_stop),
        filled=exact_sum(order.filled for order in orders if not order.is_stop),
        curve=curve_of(history, sources.quotes, since=since),
        prices=_prices(history, orders, quotes=sources.quotes, since=since),
        shortfalls=by_symbol(orders, later),
        offsets=fills_by_offset(orders),
        other_offsets=trial.outcomes(orders),
        latencies=latencies_of(orders),
        refusals=refusals_of(orders, trades),
        unreadable_trades=sources.trades.unreadable,
        doubts=open_doubts(history, now=sources.now),
    )


def _period(sources: Sources, since: datetime | None) -> Period:
    history = sources.history
    return Period(
        mode=history.mode,
        since=since,
        begin=since or history.first_at,
        end=history.last_at,
        made_at=sources.now,
        records=history.records,
    )


def _prices(
    history: History, orders: Sequence[ReportedOrder], *, quotes: RecordedPrices, since: datetime | None
) -> Mapping[str, SymbolPrices]:
    fills: dict[str, list[ReportedFill]] = {order.symbol: [] for order in orders}
    for order in history.tracked:
        envelope = order.envelope
        for fill in order.executions:
            if since is None or fill.executed_at >= since:
                fills.setdefault(envelope.symbol, []).append(
                    ReportedFill(
                        at=fill.executed_at,
                        is_buy=envelope.side.value == "buy",
                        quantity=fill.quantity,
                        price=fill.price,
                    )
                )
    begin, end = since or history.first_at, history.last_at
    decided = [order for order in orders if not order.is_stop]
    return {
        symbol: SymbolPrices(
            quotes=quotes.within(symbol, begin, end) if begin is not None and end is not None else (),
            references=tuple((each.intended.at, each.reference) for each in decided if each.symbol == symbol),
            fills=tuple(sorted(fills[symbol], key=lambda fill: fill.at)),
        )
        for symbol in sorted(fills)
    }
