"""Builds what records and compares results beside a running bot."""

from collections.abc import Iterable
from dataclasses import dataclass

from trading_bot.bot import TradingBot
from trading_bot.clock import Clock
from trading_bot.order_management.book.freezes import Cause, Freeze
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.poller import Poller
from trading_bot.order_management.portfolio import AccountSnapshot
from trading_bot.results.history import AccountHistory
from trading_bot.results.on_record import account_history
from trading_bot.results.positions import ValuedPositions
from trading_bot.results.tie_out import Tolerance
from trading_bot.results.tying_out import LOOK_EVERY_S as TIE_OUT_LOOK_EVERY_S
from trading_bot.results.tying_out import DailyTieOut, TieOuts
from trading_bot.results.valuing import LOOK_EVERY_S, AccountValuer
from trading_bot.startup.journal_on_record import recorded_answers
from trading_bot.startup.surroundings import Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredValuations:
    """The valuations in the journal of a store."""

    store: OrderStore

    def latest(self) -> OrderEvent | None:
        """Return the latest one on record."""
        with self.store.open_book() as book:
            return next((fact for fact in book.standing_facts() if fact.event is EventKind.ACCOUNT_VALUED), None)

    def record(self, event: OrderEvent) -> None:
        """Put one on record."""
        self.store.record_fact(event)

    @property
    def is_well(self) -> bool:
        """Whether the journal takes records."""
        return self.store.failure is None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTieOuts:
    """The tie-outs in the journal of a store."""

    store: OrderStore

    def latest(self) -> OrderEvent | None:
        """Return the latest one on record."""
        with self.store.open_book() as book:
            return next((fact for fact in book.standing_facts() if fact.event is EventKind.ACCOUNT_TIED_OUT), None)

    def halt(self) -> Freeze | None:
        """Return the halt for missing cash, if there is one."""
        with self.store.open_book() as book:
            return next((freeze for freeze in book.freezes() if freeze.cause is Cause.CASH_MISSING), None)

    def record(self, events: Iterable[OrderEvent]) -> None:
        """Put facts on record in one step."""
        self.store.record_facts(events)

    @property
    def is_well(self) -> bool:
        """Whether the journal takes records."""
        return self.store.failure is None


@dataclass(frozen=True, slots=True, kw_only=True)
class BotsAccount:
    """The account of a bot, as a tie-out reads it."""

    bot: TradingBot
    store: OrderStore
    around: Surroundings

    def synchronise(self) -> bool:
        """Book what the broker says of open orders; whether all of it could be read."""
        return self.bot.synchronize_open_orders().complete

    def balances(self) -> AccountSnapshot:
        """Read the balances afresh."""
        self.bot.account.invalidate_cache("buying_power")
        return self.bot.account.account()

    def positions(self) -> ValuedPositions:
        """Read the positions and their prices afresh."""
        return self.bot.valued_positions()

    def history(self) -> AccountHistory:
        """Return what the journal says; an empty history where it is not in the database of the settings."""
        if self.around.open_journal is not None:
            return AccountHistory()
        return account_history(recorded_answers(self.bot.config, self.around).reader)

    def doubts(self) -> int:
        """Return how many orders are in doubt."""
        return sum(order.state.is_unresolved for order in self.bot.open_orders())

    def mark(self) -> object:
        """Return what is another value once an order has changed."""
        with self.store.open_book() as book:
            return book.change_mark


def tie_outs(bot: TradingBot, store: OrderStore, around: Surroundings) -> TieOuts:
    """Return what ties the account of a bot out."""
    settings = bot.config.results
    return TieOuts(
        account=BotsAccount(bot=bot, store=store, around=around),
        log=StoredTieOuts(store=store),
        tolerance=Tolerance(dollars=settings.cash_tolerance, traded_bps=settings.cash_tolerance_bps),
        clock=around.clock,
    )


def daily_tie_out(bot: TradingBot, store: OrderStore, around: Surroundings) -> Poller:
    """Return what ties the account out after each close for as long as it runs."""
    daily = DailyTieOut(
        tie_outs(bot, store, around),
        log=StoredTieOuts(store=store),
        sessions=bot.config.trading.market_hours,
        after_close_s=bot.config.results.tie_out_after_close_s,
        clock=around.clock,
    )
    return Poller(daily.look, interval_s=TIE_OUT_LOOK_EVERY_S)


def valuations(bot: TradingBot, store: OrderStore, clock: Clock) -> Poller:
    """Return what records the worth of the account for as long as it runs."""
    valuer = AccountValuer(
        read=bot.account_summary,
        log=StoredValuations(store=store),
        sessions=bot.config.trading.market_hours,
        every_s=bot.config.results.valuation_interval_s,
        clock=clock,
    )
    return Poller(valuer.look, interval_s=LOOK_EVERY_S)
