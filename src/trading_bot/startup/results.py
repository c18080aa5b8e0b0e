"""Builds what records and compares results beside a running bot."""

from dataclasses import dataclass

from trading_bot.bot import TradingBot
from trading_bot.clock import Clock
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.poller import Poller
from trading_bot.results.valuing import LOOK_EVERY_S, AccountValuer


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
