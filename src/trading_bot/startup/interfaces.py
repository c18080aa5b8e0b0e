"""Which of the broker's interfaces an account is traded over: the one place that decides it."""

from trading_bot.config import Config, GatewayKind
from trading_bot.startup.access import Interface
from trading_bot.startup.private_interface import PrivateInterface


def interface_of(config: Config) -> Interface:
    """Return the interface that the configured account is traded over."""
    return _interface(config.interface)


def price_interface_of(config: Config) -> Interface:
    """Return the interface over which real prices are read, for a paper account as well."""
    return _interface(config.gateway)


def _interface(kind: GatewayKind) -> Interface:
    if kind is GatewayKind.PRIVATE:
        return PrivateInterface()
    from trading_bot.startup.agent_interface import AgentInterface

    return AgentInterface()
