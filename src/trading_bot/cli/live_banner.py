"""What a command says before it trades with real money: which account, within which limits, and how to stop it."""

from decimal import Decimal
from typing import TYPE_CHECKING

from trading_bot.cli.errors import report
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.text import dollars

if TYPE_CHECKING:
    from trading_bot.config import Config


def show_live_banner(invocation: Invocation, config: "Config") -> None:
    """Write the banner to stderr in live mode, unless ``--quiet``; nothing on paper, or where no account is named."""
    if config.trading.mode == "live" and config.account_suffix and not invocation.quiet:
        report(live_banner(config), exit_code=ExitCode.DONE, code="live_banner", invocation=invocation)


def live_banner(config: "Config") -> str:
    """Return the banner."""
    limits = config.risk_management
    each = (
        f"{_money(limits.max_order_notional)} an order",
        f"{_money(limits.max_position_notional)} a position",
        f"{_money(limits.max_daily_loss)} loss a day",
        f"{_count(limits.max_consecutive_losses)} losses in a row",
        f"{_count(limits.max_trades_per_day)} trades a day",
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
