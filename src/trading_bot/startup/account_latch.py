"""Builds the latch of an account on this machine."""

from trading_bot.config import Config, GatewayKind
from trading_bot.latch import Latch
from trading_bot.order_management.models import ExecutionMode
from trading_bot.startup.account_number import configured_account
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder, account_key


def account_latch(config: Config, around: Surroundings, state: StateFolder) -> Latch:
    """Return the latch; over the agent interface it takes no arming but one for the account that agents may trade."""
    key = account_key(config.trading.mode, configured_account(config)) if trades_by_agent(config) else None
    return Latch(path=state.latch, clock=around.clock, new_id=around.new_id, files=around.files, agent_account=key)


def trades_by_agent(config: Config) -> bool:
    """Whether it is a live account that is traded over the agent interface."""
    return config.trading.mode is ExecutionMode.LIVE and config.gateway is GatewayKind.AGENT
