"""The limits of an account by what is on record: without bot, lease or broker."""

from contextlib import closing
from dataclasses import dataclass

from trading_bot.config import Config
from trading_bot.logging.last_refusals import TRADES_FILE, last_refusals
from trading_bot.order_json import JsonObject
from trading_bot.order_management.book.change_log import ChangeMark, OrdersNow
from trading_bot.order_management.book.freezes import Cause
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.ports import LatchLook
from trading_bot.order_management.sync.held_shares import held_at_most
from trading_bot.risk.breaker import RiskBreaker
from trading_bot.risk.exchange_day import ExchangeDays
from trading_bot.risk.limit_uses import LimitsNow, limits_now
from trading_bot.risk.order_facts import TradeHistory
from trading_bot.risk.picture import LimitPicture
from trading_bot.risk.standing import StandingFacts, standing_of
from trading_bot.risk.watch import RiskWatch
from trading_bot.risk_json import risk_json
from trading_bot.startup.account_latch import account_latch
from trading_bot.startup.limits import account_limits
from trading_bot.startup.shared_account import SharedAccount
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder


class BookedOrders:
    """The orders of a book that nobody writes to."""

    def __init__(self, book: OrderBook) -> None:
        self._book = book

    def history(self, *, since: ChangeMark | None = None) -> TradeHistory:
        """Return all orders and accepted positions; see `OrderFacts`."""
        del since
        book = self._book
        return TradeHistory(
            orders=book.orders(),
            acceptances=book.acceptances(),
            unexplained=book.frozen_for(Cause.DRIFT),
            is_whole=not book.positions.are_noted,
        )

    def changed(self, since: ChangeMark | None = None) -> OrdersNow:
        """Return every order; see `OrderFacts`."""
        del since
        return OrdersNow(orders=self._book.orders())

    def active(self) -> tuple[TrackedOrder, ...]:
        """Return the orders that have not provably ended; see `OrderFacts`."""
        return self._book.active()


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskOnRecord:
    """Where the limits of one account are kept."""

    config: Config
    around: Surroundings
    state: StateFolder
    account_key: str
    shared: SharedAccount | None

    def answer(self, book: OrderBook) -> JsonObject:
        """Return what `ShowRisk` does, with shares at what they cost: no price is on record."""
        limits, mode = self._limits(book), self.config.trading.mode
        freezes = book.freezes(now=self.around.clock.now())
        facts = StandingFacts(
            look=self._latch_look(),
            entries_stopped=book.halt,
            freezes=freezes,
            risk_halt=limits.state.halted_because,
            uses=limits.uses,
        )
        codes = {use.code for use in limits.uses}
        trades = self.config.logs_dir / TRADES_FILE
        return risk_json(
            LimitPicture(
                config=self.config,
                limits=limits,
                standing=standing_of(facts),
                freezes=freezes,
                refusals=last_refusals(trades, codes, mode=mode, files=self.around.files),
            )
        )

    def _limits(self, book: OrderBook) -> LimitsNow:
        clock, files, orders = self.around.clock, self.around.files, BookedOrders(book)
        in_force = account_limits(self.config, clock=clock, files=files)
        watch = RiskWatch(
            limits=in_force.limits,
            orders=orders,
            breaker=RiskBreaker(path=self.state.risk, account_key=self.account_key, clock=clock, files=files),
            days=ExchangeDays(clock),
            held=lambda: held_at_most(book.expected_positions(), None),
        )
        return limits_now(in_force, watch, orders.active())

    def _latch_look(self) -> LatchLook:
        latch = account_latch(self.config, self.around, self.state)
        if self.config.trading.mode is ExecutionMode.PAPER and latch.is_untouched():
            return LatchLook(arming=None, not_armed=None, not_reducing=None)
        if self.shared is None:
            return latch.look()
        with closing(self.shared.latch(latch)) as both:
            return both.look()
