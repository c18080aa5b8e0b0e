"""What may be asked of the bot without changing anything: orders, positions, balances, results, quotes and bars.

What it guarantees: nothing here sends, records, reserves or judges an order, and all of it works while trading is
halted or killed. Answers of the broker are used again for a short while; each call that asks the broker is over within
`READ_WITHIN_S`, and however often a strategy calls, the broker is asked at a bounded pace that leaves orders and
cancels their room.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

from trading_bot.account.account_data import AccountData
from trading_bot.account.broker_view import BrokerView, broker_view
from trading_bot.account.cache import Cached
from trading_bot.account.market_data import READ_WITHIN_S, MarketData
from trading_bot.account_summary import AccountSummary, QuotedMarks, summarised
from trading_bot.caller_values import ticker
from trading_bot.clock import Clock, Seconds
from trading_bot.kept_view import KeptView, KeptViews
from trading_bot.order_management.broker_books import BrokerBooks
from trading_bot.order_management.exceptions import OrderStatusError, OrderValidationError
from trading_bot.order_management.manager import OrderManager
from trading_bot.order_management.models import OrderEnvelope, OrderStatus
from trading_bot.order_management.portfolio import Bar, Quote
from trading_bot.order_management.sync.account_view import ShownPosition, ShownPositions
from trading_bot.results.positions import ValuedPositions, valued_positions
from trading_bot.results.tying_out import TieOuts
from trading_bot.risk.watch import RiskState
from trading_bot.safety_checks import SafetyChecks

POSITIONS_LAST_S: Seconds = 5.0
"""How long positions and the summary are used again, unless a fill of ours comes in between. Chosen."""

_PART_WITHIN_S: Seconds = 3.0
"""How long one part of a summary may take that the summary can do without."""

T = TypeVar("T")


class BotReads:
    """The part of the bot that only reads. Safe to use from several threads."""

    tie_outs: TieOuts
    """Compares shares and cash with the broker's; whoever builds the bot sets it."""
    books: BrokerBooks | None = None
    """The broker's own books, where its interface tells them; whoever builds the bot sets it."""

    def __init__(
        self, *, manager: OrderManager, safety: SafetyChecks, account: AccountData, market: MarketData, clock: Clock
    ) -> None:
        self.clock = clock
        self.account = account
        self._manager = manager
        self._safety = safety
        self._market = market
        self._shown = Cached(self._read_positions, clock=clock, ttl_s=POSITIONS_LAST_S)
        self._summary = Cached(self._read_summary, clock=clock, ttl_s=POSITIONS_LAST_S)
        self._kept = KeptViews(manager=manager, safety=safety, account=account, market=market, clock=clock)

    def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Return the market of each symbol, at most a second old.

        A symbol that the broker does not know, or that has no two-sided market, is absent.

        Raises:
            OrderStatusError: the quotes cannot be had.
            OrderValidationError: a symbol is no text.
        """
        asked = [_symbol(symbol) for symbol in ((symbols,) if isinstance(symbols, str) else symbols)]
        return self._market.quotes(asked, by=self._until())

    def history(self, symbol: str, interval: str = "5minute", span: str = "day") -> tuple[Bar, ...]:
        """Return the bars of the regular session that have ended, oldest first.

        ``interval`` is 5minute, 10minute, hour, day or week, and ``span`` day, week, month, 3month, year or 5year;
        which go together is in `BAR_INTERVALS`. A bar that cannot be read is left out, and logged.

        Raises:
            OrderStatusError: the bars cannot be had, or the broker does not know the symbol.
            OrderValidationError: the interval does not go with the span, or that is no symbol.
        """
        return self._market.history(_symbol(symbol), interval, span, by=self._until())

    def positions(self) -> tuple[ShownPosition, ...]:
        """Return each position by symbol: what the broker shows, what our fills explain, and what may be sold.

        Positions that cannot be read are no part of it; `account_summary` names them among its ``problems``.

        Raises:
            OrderStatusError: they cannot be had.
        """
        return self._shown.get(by=self._until())[0].positions

    def valued_positions(self) -> ValuedPositions:
        """Read the positions and their prices afresh, and return what they are worth and gained.

        Prices that cannot be had are no error: what rests on them is None, and ``problem`` says why.

        Raises:
            OrderStatusError: the positions cannot be had.
        """
        shown, problem, quotes = self._manager.view.positions(), None, dict[str, Quote]()
        symbols = [each.symbol for each in shown.positions if each.quantity]
        try:
            quotes |= self._market.quotes(symbols, by=self.clock.monotonic() + _PART_WITHIN_S) if symbols else {}
        except OrderStatusError as error:
            problem = str(error)
        return valued_positions(shown, quotes=quotes, holdings=self._safety.holdings(), problem=problem)

    def account_summary(self) -> AccountSummary:
        """Return balances, worth and results; a figure that is not known is None, and ``problems`` says why.

        Raises:
            OrderStatusError: the balances cannot be had.
        """
        return self._summary.get(by=self._until())[0]

    def broker_view(self, symbol: str) -> BrokerView:
        """Return what the broker's own books say of a symbol; a part that cannot be had is None, and named.

        Raises:
            OrderValidationError: that is no symbol, or this interface of the broker tells nothing of it.
        """
        if self.books is None:
            raise OrderValidationError(
                "the private interface tells nothing of the broker's own books; the official one does: set gateway "
                "to agent"
            )
        name, until = _symbol(symbol), self._until()
        self._market.wait_for_turn(by=until)
        return broker_view(self.books, name, clock=self.clock, by=until)

    def kept_view(self) -> KeptView:
        """Return orders, positions, balances and halts as they are in memory, for a view that is asked for steadily."""
        return self._kept.view()

    def order_status(self, order_id: str) -> OrderStatus:
        """Read one order by either id; see `OrderManager.get_order_status`."""
        return self._manager.get_order_status(order_id)

    def risk_state(self) -> RiskState:
        """Return today's trades, results and halts as the risk rules see them."""
        return self._safety.state()

    def orders(self) -> tuple[OrderEnvelope, ...]:
        """Return every order that still counts, oldest first; the journal knows more, which ended long ago."""
        return self._manager.orders()

    def open_orders(self) -> tuple[OrderEnvelope, ...]:
        """Return the orders that have not provably ended."""
        return self._manager.open_orders()

    @property
    def journal_problem(self) -> str | None:
        """Return why the journal takes no order and may not know every order; None if it does."""
        return self._manager.journal_problem

    def _outdate_account(self) -> None:
        """Show balances and positions afresh from here on: an order has changed them."""
        self.account.outdate()
        self._shown.invalidate()
        self._summary.invalidate()

    def _until(self) -> Seconds:
        return self.clock.monotonic() + READ_WITHIN_S

    def _read_positions(self, by: Seconds | None) -> ShownPositions:
        until = self._until() if by is None else by
        self._market.wait_for_turn(by=until)
        return self._manager.view.positions(by=until)

    def _read_equity(self, by: Seconds) -> Decimal | None:
        self._market.wait_for_turn(by=by)
        return self.account.equity(by=by)

    def _read_summary(self, by: Seconds | None) -> AccountSummary:
        until = self._until() if by is None else by
        self._market.wait_for_turn(by=until)
        account = self.account.account(by=until)
        problems: list[str] = []

        def part(read: Callable[[Seconds], T]) -> T | None:
            try:
                return read(min(until, self.clock.monotonic() + _PART_WITHIN_S))
            except OrderStatusError as error:
                problems.append(str(error))
                return None

        equity = part(self._read_equity)
        held = part(lambda soon: self._shown.get(by=soon)[0])
        shown = () if held is None else (each.symbol for each in held.positions if each.quantity)
        symbols = sorted({*self._safety.held_symbols(), *shown})
        quotes = part(lambda soon: self._market.quotes(symbols, by=soon)) or {}
        return summarised(
            account,
            broker_equity=equity,
            held=held,
            quotes=quotes,
            results=self._safety.account_results(QuotedMarks(quotes=quotes)),
            problems=problems,
        )


def _symbol(symbol: object) -> str:
    name = ticker(symbol)
    if not isinstance(name, str):
        raise OrderValidationError(f"{symbol!r:.40} is not a ticker symbol; write it like AAPL or BRK.B")
    return name
