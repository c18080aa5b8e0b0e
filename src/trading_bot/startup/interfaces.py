"""Which of the broker's interfaces an account is traded over: the one place that decides it."""

from collections.abc import Mapping

from trading_bot.config import Config, GatewayKind, PaperWire
from trading_bot.order_management.models import ExecutionMode
from trading_bot.startup.access import Interface
from trading_bot.startup.private_interface import PrivateInterface

_INTERFACES: Mapping[GatewayKind, Interface] = {GatewayKind.PRIVATE: PrivateInterface()}


def kind_of(config: Config) -> GatewayKind:
    """Return the interface that the configured account is traded over; on paper it is the one the exchange speaks."""
    if config.trading.mode is ExecutionMode.LIVE:
        return config.gateway
    return GatewayKind.AGENT if config.paper.wire is PaperWire.AGENT else GatewayKind.PRIVATE


def interface_of(config: Config) -> Interface:
    """Return the interface that the configured account is traded over."""
    return _INTERFACES[kind_of(config)]


def price_interface_of(config: Config) -> Interface:
    """Return the interface over which real prices are read, for a paper account as well."""
    return _INTERFACES[config.gateway]
