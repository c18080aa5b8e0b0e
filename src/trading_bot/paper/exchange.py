"""An exchange in a box: takes limit orders of one account, trades them against quotes, and says what became of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from trading_bot.order_management.models import Side, TimeInForce
from trading_bot.paper import refusals
from trading_bot.paper.bars import PaperBar, PaperBars
from trading_bot.paper.chance import stable_uuid
from trading_bot.paper.market_notes import Reference
from trading_bot.paper.order_range import OrderRange
from trading_bot.paper.progress import MarketTime
from trading_bot.paper.quotes import MarketQuote, QuoteSource
from trading_bot.paper.sessions import SessionCalendar
from trading_bot.paper.state import ExchangeState, PaperOrder, WireState
from trading_bot.paper.tickets import OrderTicket


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperExchange:
    """The rules of the market; all it remembers is in the `ExchangeState` that each operation is given.

    Every operation first brings the state to ``now``. The same quotes, calendar, seed and requests give the same state.
    """

    quotes: QuoteSource
    calendar: SessionCalendar
    seed: int = 0
    most_bar_quotes: int = 10_000
    """How many quotes of a symbol bars are made of: whole days, the latest first."""

    def advance(self, state: ExchangeState, now: datetime) -> datetime:
        """Let everything up to ``now`` happen; return the exchange's time, which never goes back."""
        return self._time.advance(state, now)

    def place_order(
        self, state: ExchangeState, ticket: OrderTicket, *, reference: Decimal | None, now: datetime
    ) -> PaperOrder:
        """Take an order and promise its cash or shares to it.

        ``reference`` is what the sender thinks a share costs; its limit price where nobody knows.

        Raises:
            RefusalError: the ref_id was used before, or the account cannot pay or deliver.
        """
        now = self.advance(state, now)
        self._judge(state, ticket)
        if ticket.stop_price is None:  # a stop says where the price may fall to, not where it is
            price = ticket.price if reference is None else reference
            state.references[ticket.symbol] = Reference(price=price, at=now)
        state.list_symbol(ticket.symbol)
        order = self._new_order(ticket, number=state.orders_taken, now=now)
        state.orders_taken += 1
        state.save(order)
        return order

    def cancel_order(self, state: ExchangeState, order_id: str, now: datetime) -> None:
        """Ask for a cancel; the order ends a moment later, unless it trades first. Asking twice changes nothing.

        Raises:
            RefusalError: there is no such order, or it has ended.
        """
        now = self.advance(state, now)
        order = self.order(state, order_id, now)
        if order.state.is_terminal:
            raise refusals.not_cancellable()
        if order.state is not WireState.PENDING_CANCELLED:
            ends_at = now + self._time.latency(order.id, "cancel")
            asked = replace(order, state=WireState.PENDING_CANCELLED, wakes_at=None, cancels_at=ends_at)
            state.save(replace(asked, updated_at=now, last_transaction_at=now))

    def order(self, state: ExchangeState, order_id: str, now: datetime) -> PaperOrder:
        """Return one order as it is at ``now``.

        Raises:
            RefusalError: there is no such order.
        """
        self.advance(state, now)
        order = state.order(order_id)
        if order is None:
            raise refusals.not_found()
        return order

    def orders(self, state: ExchangeState, within: OrderRange, now: datetime) -> Iterator[PaperOrder]:
        """Return the orders as they are at ``now``, newest first: all of the range, and perhaps others."""
        self.advance(state, now)
        return state.all_orders(within)

    def quote(self, state: ExchangeState, symbol: str, now: datetime) -> MarketQuote | None:
        """Return the visible market of a symbol, where there is one."""
        return self.quotes.quote(symbol, self.advance(state, now))

    def bars(
        self, state: ExchangeState, symbol: str, *, interval: str, span: str, now: datetime
    ) -> tuple[PaperBar, ...]:
        """Return the bars of a symbol by its quotes up to ``now``, oldest first.

        Raises:
            RefusalError: no such symbol, or nobody has named a price for it yet.
        """
        now = self.advance(state, now)
        if not self.quotes.knows(symbol):
            raise refusals.not_found()
        if self.quotes.quote(symbol, now) is None:
            raise refusals.no_price(symbol)
        bars = PaperBars(quotes=self.quotes, calendar=self.calendar, most_quotes=self.most_bar_quotes)
        return bars.of(symbol, interval=interval, span=span, now=now)

    def market_value(self, state: ExchangeState, now: datetime) -> Decimal | None:
        """Return what the shares would sell for at the bid, in dollars; None where one of them has no market."""
        value = Decimal(0)
        for position in state.positions.values():
            quote = self.quote(state, position.symbol, now)
            if quote is None and position.quantity:
                return None
            value += quote.bid * position.quantity if quote is not None else 0
        return value

    @property
    def _time(self) -> MarketTime:
        return MarketTime(quotes=self.quotes, calendar=self.calendar, seed=self.seed)

    def _judge(self, state: ExchangeState, ticket: OrderTicket) -> None:
        if state.has_ref_id(ticket.ref_id):
            raise refusals.reference_id_taken()
        if ticket.side is Side.BUY and ticket.price * ticket.quantity > state.buying_power:
            raise refusals.cannot_afford(ticket.symbol, ticket.price, state.buying_power)
        if ticket.side is Side.SELL and ticket.quantity > state.available_shares(ticket.symbol):
            raise refusals.not_enough_shares()

    def _new_order(self, ticket: OrderTicket, *, number: int, now: datetime) -> PaperOrder:
        order_id = stable_uuid(self.seed, "order", number, ticket.ref_id)
        close = self.calendar.close_after(now, extended_hours=ticket.extended_hours)
        return PaperOrder(
            id=order_id,
            number=number,
            ref_id=ticket.ref_id,
            symbol=ticket.symbol,
            side=ticket.side,
            quantity=ticket.quantity,
            price=ticket.price,
            time_in_force=ticket.time_in_force,
            extended_hours=ticket.extended_hours,
            order_form_version=ticket.order_form_version,
            state=WireState.UNCONFIRMED,
            created_at=now,
            updated_at=now,
            last_transaction_at=now,
            wakes_at=now + self._time.latency(order_id, "acknowledge"),
            expires_at=close if ticket.time_in_force is TimeInForce.GFD else None,
            stop_price=ticket.stop_price,
        )
