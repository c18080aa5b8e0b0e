"""Builds the rules of one account, and what watches its limits."""

from dataclasses import dataclass

from trading_bot.account.account_data import AccountData
from trading_bot.config import Config
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.manager import OrderManager
from trading_bot.order_management.ports import Gateway
from trading_bot.risk.breaker import RiskBreaker
from trading_bot.risk.exchange_day import ExchangeDays
from trading_bot.risk.marks import MarkReader
from trading_bot.risk.order_facts import RecordedOrders
from trading_bot.risk.watch import RiskWatch
from trading_bot.safety_checks import SafetyChecks
from trading_bot.startup.limits import account_limits
from trading_bot.startup.ownership import Ownership
from trading_bot.startup.surroundings import Surroundings

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyParts:
    """What the rules are made from."""

    config: Config
    around: Surroundings
    own: Ownership
    account: AccountData
    gateway: Gateway
    manager: OrderManager
    orders: RecordedOrders


def safety_checks(parts: SafetyParts) -> SafetyChecks:
    """Join them; what changes in the store's orders is watched from here on."""
    clock, files, manager = parts.around.clock, parts.around.files, parts.manager
    limits = account_limits(parts.config, clock=clock, files=files)
    if limits.warning is not None:
        _log.warning("limits_held", reason=limits.warning)
    risk = RiskWatch(
        limits=limits.limits,
        orders=parts.orders,
        breaker=RiskBreaker(
            path=parts.own.state.risk,
            account_key=parts.own.identity.account_key,
            clock=clock,
            files=files,
        ),
        days=ExchangeDays(clock),
        marks=MarkReader(gateway=parts.gateway, clock=clock),
        unsettled=lambda: manager.unsettled_symbols,
        held=manager.view.held_at_most,
    )
    parts.own.journal.store.subscribe(risk.on_order_change)
    return SafetyChecks(
        limits=limits,
        hours=parts.config.trading.market_hours,
        account=parts.account,
        orders=parts.orders,
        risk=risk,
        clock=clock,
        queue_for_open=parts.config.trading.queue_for_open,
        free_to_sell=manager.ways_out.free,
    )
