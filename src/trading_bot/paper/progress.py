"""Moving the exchange through time: acknowledgements, openings, trades, cancels and expiries, each at its own moment.

How often somebody looks changes nothing. Between two looks every quote is matched at the time it was shown, and what
falls on one instant happens in this order: quotes, then changes of the orders themselves, then what those changes make
tradable. Symbols do not influence each other, because cash and shares are promised when an order is taken.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from trading_bot.order_management.models import Side
from trading_bot.paper.chance import draw, stable_uuid
from trading_bot.paper.market_notes import TakenSize
from trading_bot.paper.matching import Fill, allocate, is_marketable, reaches_stop, shown_price, shown_size
from trading_bot.paper.quotes import MarketQuote, QuoteSource
from trading_bot.paper.sessions import SessionCalendar, open_stretches
from trading_bot.paper.state import (
    ExchangeState,
    PaperExecution,
    PaperOrder,
    PaperPosition,
    WireState,
)

_EXCHANGE_ZONE = "America/New_York"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTime:
    """The forces that act on orders as time passes."""

    quotes: QuoteSource
    calendar: SessionCalendar
    seed: int

    def latency(self, order_id: str, step: str) -> timedelta:
        """Return how long the exchange takes for one step of one order: 50 to 400 ms, always the same."""
        return timedelta(milliseconds=draw(self.seed, order_id, step, low=50, high=400))

    def advance(self, state: ExchangeState, now: datetime) -> datetime:
        """Bring the state to ``now`` and return the exchange's time, which never goes back."""
        for symbol, reference in state.references.items():
            self.quotes.observe_reference(symbol, reference.price, reference.at)
        if now <= state.advanced_to:
            return state.advanced_to  # whatever an operation begins lies ahead of its own moment
        for symbol in sorted({order.symbol for order in state.open_orders.values()}):
            self._advance_symbol(state, symbol, now)
        state.advanced_to = now
        return now

    def _advance_symbol(self, state: ExchangeState, symbol: str, until: datetime) -> None:
        cursor = state.advanced_to
        while True:
            changes = (order.next_change_at for order in state.open_of(symbol))
            due = min((moment for moment in changes if moment is not None), default=None)
            stop = until if due is None else min(due, until)
            self._trade_between(state, symbol, after=cursor, until=stop)
            if due is None or due > until:
                return
            self._change_orders(state, symbol, due)
            cursor = due

    def _trade_between(self, state: ExchangeState, symbol: str, *, after: datetime, until: datetime) -> None:
        live = [order for order in state.open_of(symbol) if order.live]
        if not live or after == until:
            return
        extended = any(order.extended_hours for order in live)
        for opened, closed in open_stretches(self.calendar, after, until, extended_hours=extended):
            self._trade_standing_quote(state, symbol, opened)
            for quote in self.quotes.updates(symbol, opened, closed):
                self._trade(state, quote, quote.at)

    def _trade_standing_quote(self, state: ExchangeState, symbol: str, at: datetime) -> None:
        quote = self.quotes.quote(symbol, at)
        if quote is not None:
            self._trade(state, quote, at)

    def _trade(self, state: ExchangeState, quote: MarketQuote, at: datetime) -> None:
        self._trigger_stops(state, quote, at)
        reached = [order for order in state.open_of(quote.symbol) if order.live and is_marketable(order, quote)]
        for side in Side:
            orders = [
                order
                for order in reached
                if order.side is side and self.calendar.is_open(at, extended_hours=order.extended_hours)
            ]
            if orders:
                size = shown_size(quote, side) - _taken(state, quote, side)
                for fill in allocate(orders, size=size, price=shown_price(quote, side)):
                    self._book(state, fill, at)
                    _take(state, quote, side=side, quantity=fill.quantity)

    def _trigger_stops(self, state: ExchangeState, quote: MarketQuote, at: datetime) -> None:
        for order in state.open_of(quote.symbol):
            if order.live and reaches_stop(order, quote) and self.calendar.is_open(at):
                state.save(_stamped(replace(order, stop_triggered_at=at), at))

    def _book(self, state: ExchangeState, fill: Fill, at: datetime) -> None:
        order = state.open_orders[fill.order_id]
        execution = PaperExecution(
            id=stable_uuid(self.seed, "execution", order.id, len(order.executions)),
            quantity=fill.quantity,
            price=fill.price,
            executed_at=at,
            settles_on=self._settlement(at),
        )
        state.save(_with_execution(order, execution))
        _move_shares(state, order, execution)

    def _settlement(self, at: datetime) -> date:
        following = self.calendar.next_open(self.calendar.close_after(at, extended_hours=True), extended_hours=True)
        return following.astimezone(ZoneInfo(_EXCHANGE_ZONE)).date()

    def _change_orders(self, state: ExchangeState, symbol: str, now: datetime) -> None:
        for order in state.open_of(symbol):
            if order.next_change_at is not None and order.next_change_at <= now:
                state.save(self._changed(order, now))
        self._trade_standing_quote(state, symbol, now)

    def _changed(self, order: PaperOrder, now: datetime) -> PaperOrder:
        if order.expires_at is not None and order.expires_at <= now:
            return ended(order, WireState.CANCELLED, now)
        if order.cancels_at is not None and order.cancels_at <= now:
            return ended(order, self._cancelled_word(order), now)
        if self.calendar.is_open(now, extended_hours=order.extended_hours):
            return _stamped(replace(order, state=WireState.CONFIRMED, live=True, wakes_at=None), now)
        opening = self.calendar.next_open(now, extended_hours=order.extended_hours)
        return _stamped(replace(order, state=WireState.QUEUED, wakes_at=opening), now)

    def _cancelled_word(self, order: PaperOrder) -> WireState:
        """Choose between the two words the broker may use; which one it prefers was never established."""
        if order.filled and draw(self.seed, order.id, "word", low=0, high=1):
            return WireState.PARTIALLY_FILLED_REST_CANCELLED
        return WireState.CANCELLED


def ended(order: PaperOrder, state: WireState, now: datetime) -> PaperOrder:
    """Return the order in a terminal state, with nothing left to happen."""
    quiet = replace(order, state=state, live=False, wakes_at=None, cancels_at=None, expires_at=None)
    return _stamped(quiet, now)


def _stamped(order: PaperOrder, now: datetime) -> PaperOrder:
    return replace(order, updated_at=now, last_transaction_at=now)


def _with_execution(order: PaperOrder, execution: PaperExecution) -> PaperOrder:
    at = execution.executed_at
    traded = _stamped(replace(order, executions=(*order.executions, execution)), at)
    if traded.remaining == 0:
        return ended(traded, WireState.FILLED, at)
    if traded.state is WireState.PENDING_CANCELLED:
        return traded
    return replace(traded, state=WireState.PARTIALLY_FILLED)


def _move_shares(state: ExchangeState, order: PaperOrder, execution: PaperExecution) -> None:
    at, quantity, notional = execution.executed_at, execution.quantity, execution.price * execution.quantity
    held = state.positions.get(order.symbol) or PaperPosition(
        symbol=order.symbol, quantity=0, cost=Decimal(0), opened_at=at, updated_at=at
    )
    if order.side is Side.BUY:
        state.cash -= notional
        after = replace(held, quantity=held.quantity + quantity, cost=held.cost + notional, updated_at=at)
    else:
        state.cash += notional
        rest = held.quantity - quantity
        after = replace(held, quantity=rest, cost=held.average_price * rest, updated_at=at)
    state.positions[order.symbol] = after


def _taken(state: ExchangeState, quote: MarketQuote, side: Side) -> int:
    taken = state.taken.get(quote.symbol)
    return taken.shares.get(side, 0) if taken is not None and taken.quoted_at == quote.at else 0


def _take(state: ExchangeState, quote: MarketQuote, *, side: Side, quantity: int) -> None:
    shares = {each: _taken(state, quote, each) for each in Side}
    shares[side] += quantity
    state.taken[quote.symbol] = TakenSize(quoted_at=quote.at, shares=shares)
