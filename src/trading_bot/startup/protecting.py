"""Builds the protection of one account, and what follows its plans beside a running bot."""

from collections.abc import Callable, Mapping, Sequence

from trading_bot.bot_exits import Leaving
from trading_bot.clock import Seconds
from trading_bot.config import Config
from trading_bot.files import FileSystem
from trading_bot.order_management.manager import OrderManager
from trading_bot.order_management.portfolio import Quote
from trading_bot.order_management.ports import Gateway
from trading_bot.protection.keeper import Keeper
from trading_bot.protection.plan_book import PlanBook
from trading_bot.protection.service import Protection
from trading_bot.protection.sessions import Sessions
from trading_bot.protection.watcher import Market, Watcher, WayOut
from trading_bot.startup.ownership import Ownership
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder


def protection_of(
    config: Config, around: Surroundings, *, own: Ownership, gateway: Gateway, manager: OrderManager
) -> Callable[[Leaving], Protection]:
    """Return what makes the protection from the bot's way of leaving positions."""
    settings, plans = config.protection, PlanBook(own.journal.store)

    def read(symbols: Sequence[str], by: Seconds) -> Mapping[str, Quote]:
        return gateway.by(by).fetch_quotes(symbols)

    sessions = Sessions(config.trading.market_hours, config.trading.effective_calendar)
    market = Market(read=read, sessions=sessions, clock=around.clock)

    def make(leaving: Leaving) -> Protection:
        ways_out = manager.ways_out
        way_out = WayOut(
            leave=leaving.leave,
            is_leaving=ways_out.is_leaving,
            new_id=around.new_id,
            is_shut=lambda: ways_out.latch_look().not_reducing is not None,
        )
        return Protection(
            plans=plans,
            keeper=Keeper(plans=plans, manager=manager, market=market, settings=settings),
            watcher=Watcher(plans=plans, market=market, settings=settings, way_out=way_out),
            market=market,
            new_id=around.new_id,
            is_first_use=lambda: _is_first_use(own.state, around.files),
            asks_for_approval=lambda: gateway.capabilities.asks_for_approval,
        )

    return make


def _is_first_use(state: StateFolder, files: FileSystem) -> bool:
    try:
        files.write_new(state.protection_told, b"")
    except OSError:
        return False  # somebody was told before, or the disk takes nothing, which is no reason not to protect
    return True
