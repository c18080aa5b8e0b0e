"""Which of the broker's interfaces an account is traded over: the one place that decides it."""

from collections.abc import Mapping

from trading_bot.config import Config, GatewayKind
from trading_bot.startup.access import Interface
from trading_bot.startup.agent_interface import AgentInterface
from trading_bot.startup.private_interface import PrivateInterface

_INTERFACES: Mapping[GatewayKind, Interface] = {
    GatewayKind.PRIVATE: PrivateInterface(),
    GatewayKind.AGENT: AgentInterface(),
}


def interface_of(config: Config) -> Interface:
    """Return the interface that the configured account is traded over."""
    return _INTERFACES[config.interface]


def price_interface_of(config: Config) -> Interface:
    """Return the interface over which real prices are read, for a paper account as well."""
    return _INTERFACES[config.gateway]
