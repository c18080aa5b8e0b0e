"""A broker that a test directs: what it does next, what happens to its orders, and what it was asked."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal

from trading_bot import caller_values
from trading_bot.clock import VirtualClock
from trading_bot.order_management.models import Execution, OrderState, OrderTerms, Side
from trading_bot.order_management.portfolio import BAR_LENGTHS, Bar, Quote
from trading_bot.testing.bars import bars_until
from trading_bot.testing.book import BrokerBook, Held, Which
from trading_bot.testing.calls import BrokerCalls
from trading_bot.testing.errors import ScriptError
from trading_bot.testing.orders import BrokerOrder, SubmittedOrder
from trading_bot.testing.outcomes import Outcome
from trading_bot.testing.values import Number, balance, dollars, whole


class ScriptedBroker(BrokerCalls):
    """A broker in memory, for `create_bot(config, gateway=broker)`.

    Left alone it takes every order that cash or shares cover, and lets it rest: nothing fills unless the test says so.
    Prices and amounts may be text, whole numbers, fractions or decimals; a fraction counts as it is written. A
    `ScriptError` says what is wrong with the test.
    """

    def __init__(self, clock: VirtualClock, *, cash: Number = 100_000) -> None:
        super().__init__(clock, BrokerBook(clock=clock, opening_cash=balance(cash, name="cash")))

    @property
    def submitted(self) -> tuple[SubmittedOrder, ...]:
        """Every request for an order that reached the broker, oldest first, whatever became of it."""
        return tuple(self._submitted)

    @property
    def orders(self) -> tuple[BrokerOrder, ...]:
        """Every order that the broker has or had, oldest first; those placed in the app too."""
        return self._book.orders()

    @property
    def open_orders(self) -> tuple[BrokerOrder, ...]:
        """The orders that can still trade."""
        return self._book.open_orders()

    @property
    def cash(self) -> Decimal:
        """The account's money in dollars, what open buys have promised included."""
        return self._book.cash()

    @property
    def holdings(self) -> Mapping[str, Decimal]:
        """The shares that are held, by symbol."""
        return {symbol: held.quantity for symbol, held in self._book.holdings().items()}

    def order(self, which: Which) -> BrokerOrder:
        """Return one order, open or ended, by its symbol if it is the only one there, else by an id of it."""
        return self._book.the_order(which)

    def next_order(self, *outcomes: Outcome) -> None:
        """Treat the next requests for an order so, one after the other: ``next_order(reject("..."), accept())``."""
        self._outcomes.extend(_checked(outcomes))

    def next_cancel(self, *outcomes: Outcome) -> None:
        """Treat the next requests to cancel so, one after the other.

        Raises:
            ScriptError: `accept_and_fill` or `await_approval`, which are outcomes of an order.
        """
        for outcome in _checked(outcomes):
            if outcome.awaits_approval:
                raise ScriptError("nobody approves a cancel; let it accept() or reject()")
            if outcome.fill is not None:
                raise ScriptError(
                    "a cancel fills nothing; fill the order before the bot cancels it, or let it reject()"
                )
        self._cancel_outcomes.extend(outcomes)

    def go_down(self) -> None:
        """Be out of reach from now on: no order and no cancel gets through, and nothing can be read."""
        self._is_down = True

    def come_back(self) -> None:
        """Be in reach again, with everything that happened meanwhile."""
        self._is_down = False

    @contextmanager
    def down(self) -> Iterator[None]:
        """Be out of reach within a ``with`` block."""
        self.go_down()
        try:
            yield
        finally:
            self.come_back()

    def fill(self, which: Which, quantity: Number | None = None, *, at: Number | None = None) -> Execution:
        """Fill an open order, whole or in part; ``at`` is the price in dollars a share, else its limit.

        Raises:
            ScriptError: there is no such order, or no broker could fill it so.
        """
        shares = None if quantity is None else whole(quantity, name="quantity")
        price = None if at is None else dollars(at, name="at")
        return self._book.fill(self._book.the_open_order(which), shares, price)

    def reach_stop(self, which: Which) -> BrokerOrder:
        """Let the price fall to the stop of an open order: it is a limit order from now on, and fills where told to.

        Raises:
            ScriptError: there is no such order, or it waits for no stop.
        """
        order = self._book.the_open_order(which)
        if not order.waits_for_stop:
            raise ScriptError(f"{order} waits for no stop, so none can be reached")
        order.stop_triggered_at = order.updated_at = self._clock.now()
        return order

    def approve(self, which: Which) -> BrokerOrder:
        """Let the account's owner approve an open order: it works from now on, and fills where told to.

        Raises:
            ScriptError: there is no such order, or it awaits no approval.
        """
        order = self._awaiting(which)
        order.awaits_approval = False
        order.move(OrderState.CONFIRMED, self._clock.now())
        return order

    def decline(self, which: Which) -> BrokerOrder:
        """Let the account's owner decline an open order, which ends it.

        Raises:
            ScriptError: there is no such order, or it awaits no approval.
        """
        return self._end(self._awaiting(which), OrderState.CANCELLED)

    def cancel_in_app(self, which: Which) -> BrokerOrder:
        """Let the account's owner cancel an open order in the broker's app; what was filled stays filled."""
        return self._end(which, OrderState.CANCELLED)

    def expire(self, which: Which) -> BrokerOrder:
        """Let an open order end unfilled, as one for the day does at the close."""
        return self._end(which, OrderState.CANCELLED, word="expired")

    def reject_later(self, which: Which, reason: str) -> BrokerOrder:
        """Let the broker refuse an order that it had accepted."""
        return self._end(which, OrderState.REJECTED, reason=reason)

    def bust(self, which: Which) -> Execution:
        """Annul the last execution of an order, open or ended; return what was annulled.

        Raises:
            ScriptError: there is no such order, or none of it has filled.
        """
        order = self._book.the_order(which)
        if not order.executions:
            raise ScriptError(f"nothing of {order} has filled, so nothing can be annulled")
        annulled = order.executions.pop()
        order.busts += 1
        order.updated_at = self._clock.now()
        if order.state is OrderState.FILLED:
            order.move(OrderState.CANCELLED, order.updated_at, word="voided")
        return annulled

    def place_in_app(self, symbol: str, side: Side | str, quantity: Number, *, limit: Number) -> BrokerOrder:
        """Let the account's owner place an order in the broker's app: the bot has not sent it, and sees it there."""
        meant = caller_values.member(Side, side)
        if not isinstance(meant, Side):
            raise ScriptError(f"side is 'buy' or 'sell', not {side!r}")
        terms = OrderTerms(
            symbol=symbol,
            side=meant,
            quantity=int(whole(quantity, name="quantity")),
            limit_price=dollars(limit, name="limit"),
        )
        return self._book.add(terms, ref_id=None, client_order_id=None, at=self._clock.now())

    def set_cash(self, amount: Number) -> None:
        """Let the account have this much money in dollars, what open buys have promised included.

        The bot hears of it with its next read of the account: ``account_cache_ttl_s`` seconds later at the latest.
        """
        self._book.opening_cash += balance(amount, name="cash") - self._book.cash()

    def hold(self, symbol: str, quantity: Number, *, average_price: Number | None = None) -> None:
        """Let the account hold shares from before the bot started; ``average_price`` is what they cost.

        Raises:
            ScriptError: the bot has looked at the account already. Shares that turn up later were bought elsewhere,
                which is said with `place_in_app` and `fill`.
        """
        if self._was_looked_at:
            raise ScriptError(
                f"the bot has seen this account without these {symbol}; say what is held before the bot starts (with "
                "the fixture start_bot, or in a fixture broker of yours), or buy them with place_in_app and fill"
            )
        cost = None if average_price is None else dollars(average_price, name="average_price")
        self._book.opening[symbol] = Held(quantity=whole(quantity, name="quantity"), average_price=cost)

    def quote(
        self,
        symbol: str,
        *,
        bid: Number,
        ask: Number,
        last: Number | None = None,
        size: int = 1000,
        halted: bool = False,
    ) -> Quote:
        """Show a market from now on, in dollars a share; ``size`` is what each side offers. Return the quote.

        Without ``last`` nobody said what the last trade was.

        Raises:
            ScriptError: the bid is above the ask.
        """
        low, high = dollars(bid, name="bid"), dollars(ask, name="ask")
        if low > high:
            raise ScriptError(f"the bid {low:f} of {symbol} is above the ask {high:f}")
        self._quotes[symbol] = Quote(
            symbol=symbol,
            bid_price=low,
            ask_price=high,
            bid_size=size,
            ask_size=size,
            last_price=None if last is None else dollars(last, name="last"),
            trading_halted=halted,
            updated_at=self._clock.now(),
        )
        return self._quotes[symbol]

    def history(self, symbol: str, *closes: Number, interval: str = "5minute") -> tuple[Bar, ...]:
        """Show bars of these closing prices, oldest first, the last of which has just ended; return them.

        Each opens where the one before closed. They take the place of the bars of this interval set before.

        Raises:
            ScriptError: there is no such interval.
        """
        if interval not in BAR_LENGTHS:
            raise ScriptError(f"an interval is one of {', '.join(BAR_LENGTHS)}, not {interval!r}")
        prices = [dollars(close, name="close") for close in closes]
        bars = bars_until(self._clock.now(), prices, length=BAR_LENGTHS[interval])
        self._bars[symbol, interval] = bars
        return bars

    def does_not_trade(self, symbol: str) -> None:
        """Know no such symbol from now on."""
        self._refused_symbols.add(symbol)

    def _awaiting(self, which: Which) -> BrokerOrder:
        order = self._book.the_open_order(which)
        if not order.awaits_approval:
            raise ScriptError(f"{order} awaits no approval, so none can be given or declined")
        return order

    def _end(
        self, which: Which, state: OrderState, *, word: str | None = None, reason: str | None = None
    ) -> BrokerOrder:
        order = self._book.the_open_order(which)
        order.move(state, self._clock.now(), word=word, reason=reason)
        return order


def _checked(outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    for outcome in outcomes:
        if not isinstance(outcome, Outcome):
            raise ScriptError(
                f"outcomes are accept(), reject(...) and others of their kind, one argument each, not {outcome!r}"
            )
    return outcomes
