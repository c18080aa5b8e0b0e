"""What a command says before it trades with real money: which account, within which limits, and how to stop it."""

from decimal import Decimal

from trading_bot.cli.render.text import dollars
from trading_bot.config import Config, RiskManagementConfig


def live_banner(config: Config, limits: RiskManagementConfig) -> str:
    """Return the banner; ``limits`` are those that hold."""
    each = (
        f"{_money(limits.max_order_notional)} an order",
        f"{_money(limits.max_position_notional)} a position",
        f"{_money(limits.max_gross_exposure)} in all",
        f"{_money(limits.max_daily_loss)} loss a day",
        f"{_count(limits.max_consecutive_losses)} losses in a row",
        f"{_count(limits.max_trades_per_day)} trades a day",
        f"{_count(limits.max_entries_per_minute)} buys a minute",
        f"{_count(limits.max_open_orders)} orders open",
    )
    return (
        f"LIVE, real money, account ...{config.account_suffix}; limits: {', '.join(each)}; stop it all with "
        "'trading-bot kill'"
    )


def _money(limit: Decimal | None) -> str:
    return "any" if limit is None else f"${dollars(limit)}"


def _count(limit: int | None) -> str:
    return "any number of" if limit is None else str(limit)
